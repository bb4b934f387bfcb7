//! Models by the keys of the console in a terminal, on the pair of real hosts: a swap that outlives the console that began it, and an
//! engine that wedges.

use crate::console::Console;
use crate::lab::Lab;
use crate::pair::Pair;

const DONE: i32 = 0;

/// Asks an engine whether it is well, which one that is wedged says it is.
const WELL: &str = "curl -sf -o /dev/null http://127.0.0.1:8000/health";

/// When the container of a host was started.
const STARTED: &str = "docker inspect -f '{{.State.StartedAt}}' lab-vllm";

/// What the host keeps of the restarts that the rule had done.
const RESTARTS: &str = ".pilothouse/services/vllm.restarts";

/// A console on the pair, once both hosts answer.
fn console(lab: &Lab, pair: &Pair<'_>) -> Console {
    let agent = ("SSH_AUTH_SOCK", lab.setting("SSH_AUTH_SOCK"));
    let mut console = Console::open(&["--config", &pair.config()], &[agent]);
    console.until("both hosts", |text| {
        text.contains("spark-a ● ok") && text.contains("spark-b ● ok")
    });
    console
}

/// The model of this name in the pane, alone.
fn choose(console: &mut Console, model: &str, state: &str) {
    console.press("2");
    console.shows("2 Models");
    // In the place of what was looked for before.
    console.press(&format!("/\u{15}{model}\r"));
    console.until(&format!("{model} {state}"), |text| {
        let mut lines = text.lines();
        lines.any(|line| line.contains('›') && line.contains(state) && line.contains(model))
    });
}

fn serve(pair: &Pair<'_>, model: &str, host: &str) {
    pair.run(
        "desk",
        &["models", "swap", model, "--on", host, "--yes", host],
    )
    .ends(DONE);
}

fn download(pair: &Pair<'_>, place: &str) {
    pair.run(
        "desk",
        &[
            "models", "download", "lab/tiny", "--on", place, "--yes", "lab/tiny",
        ],
    )
    .ends(DONE);
}

#[test]
fn a_swap_by_keys_outlives_its_console_and_another_one_sees_its_end() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    download(&pair, "spark-a");
    serve(&pair, "tiny", "spark-a");

    // What it would meet, then the question: what is served now is stopped, so the name of the place is typed.
    let mut first = console(&lab, &pair);
    choose(&mut first, "slower", "ready");
    first.press("i");
    first.shows("nothing stands against it on spark-a");
    first.shows("✓ weights   spark-a");
    first.press("w");
    first.shows("Swap to slower");
    first.press("\t");
    first.shows("[ Swap… ]");
    first.press("\r");
    first.shows("stops tiny on port 8000");
    first.shows("type spark-a to confirm");
    first.press("spark-a");
    first.shows("✓ that is it");
    first.press("\r\t\r");
    for phase in ["✓ stop", "✓ launch", "◌ load", "shard 1 of 4"] {
        first.shows(phase);
    }

    // It dies in the middle; another one finds the swap where it is, and sees it through.
    first.kill();
    let mut second = console(&lab, &pair);
    choose(&mut second, "slower", "loading");
    second.press("]]");
    second.shows(&format!("by {}", pair.who()));
    second.shows("◌ load");
    second.shows("✓ ready");
    second.shows("✓ it answers");
    choose(&mut second, "slower", "serving");
    assert_eq!(pair.token("spark-a", 8000, "lab/tiny"), "200");
    assert_eq!(pair.on("spark-a", "docker ps -q | wc -l"), "1\n");

    // The end is written down by the one that saw it.
    second.quit();
    let end = format!(
        "the end of the swap of spark-a to slower, begun by {}: done",
        pair.who()
    );
    assert_eq!(pair.acts_of(&second), [end]);
}

/// Asks for a swap to the chosen model, whose preflight is shown, and confirms it by the name of its place.
fn swap(console: &mut Console, model: &str, what_stops: &str, place: &str) {
    console.press("w");
    console.shows(&format!("Swap to {model}"));
    console.shows("weights ");
    console.press("\t");
    console.shows("[ Swap… ]");
    console.press("\r");
    console.shows(&format!("serve {model} on {place}"));
    console.shows(what_stops);
    if what_stops.starts_with("stops") {
        typed(console, place);
    } else {
        console.press("\t\r");
    }
}

/// Confirms with a name that has to be typed.
fn typed(console: &mut Console, name: &str) {
    console.shows(&format!("type {name} to confirm"));
    console.press(name);
    console.shows("✓ that is it");
    console.press("\r\t\r");
}

#[test]
fn everything_is_done_by_keys_from_the_hub_to_the_last_byte() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    let mut console = console(&lab, &pair);

    // Fetched once, copied to the other; both disks are seen.
    choose(&mut console, "elsewhere", "not on disk");
    console.press("f");
    console.shows("Download weights");
    console.press("\r");
    console.shows("Enter goes on");
    console.press(&"\u{7f}".repeat("spark-a".len()));
    console.press("pair\r");
    console.shows("fetch lab/tiny on spark-a, then copy it to spark-b");
    console.press("\t\r");
    choose(&mut console, "elsewhere", "ready");

    // On one host.
    swap(&mut console, "elsewhere", "nothing is served", "spark-a");
    choose(&mut console, "elsewhere", "serving");
    assert_eq!(pair.token("spark-a", 8095, "lab/tiny"), "200");

    // One that crashes while it loads, and the way back.
    choose(&mut console, "crash", "ready");
    swap(
        &mut console,
        "crash",
        "stops elsewhere on port 8095",
        "spark-a",
    );
    console.shows("✗ failed at load");
    console.shows("R serves elsewhere again");
    assert_eq!(pair.token("spark-a", 8095, "lab/tiny"), "000");
    console.press("R");
    console.shows("serve elsewhere on spark-a");
    typed(&mut console, "spark-a");
    choose(&mut console, "elsewhere", "serving");
    assert_eq!(pair.token("spark-a", 8095, "lab/tiny"), "200");

    // Both hosts together, in its place.
    choose(&mut console, "ray", "ready");
    swap(&mut console, "ray", "stops elsewhere on port 8095", "pair");
    choose(&mut console, "ray", "serving");
    assert_eq!(pair.token("spark-a", 8888, "lab/tiny"), "200");

    // Nothing is served, and then nothing is there.
    console.press("x");
    console.shows("Stop a model");
    console.press("\r");
    console.shows("stop what pair serves, and serve nothing");
    typed(&mut console, "pair");
    choose(&mut console, "ray", "ready");
    console.press("\u{1b}[3~");
    console.shows("delete lab/tiny from spark-a, spark-b");
    typed(&mut console, "lab/tiny");
    choose(&mut console, "ray", "not on disk");
    for host in ["spark-a", "spark-b"] {
        assert_eq!(pair.on(host, "docker ps -q"), "");
        let left = pair.on(host, "ls .cache/huggingface/hub | grep -v '^[.]' || true");
        assert_eq!(left, "", "{host}");
    }

    console.quit();
    let end = |what: &str, how: &str| format!("the end of {what}, begun by {}: {how}", pair.who());
    assert_eq!(
        pair.acts_of(&console),
        [
            "fetch lab/tiny on spark-a, then copy it to spark-b: done",
            "serve elsewhere on spark-a: done",
            &end("the swap of spark-a to elsewhere", "done"),
            "serve crash on spark-a: done",
            &end("the swap of spark-a to crash", "failed"),
            "serve elsewhere on spark-a: done",
            &end("the swap of spark-a to elsewhere", "done"),
            "serve ray on pair: done",
            &end("the swap of pair to ray", "done"),
            "stop what pair serves, and serve nothing: done",
            &end("the stop of what pair served", "done"),
            "delete lab/tiny from spark-a, spark-b: done",
        ]
    );
}

#[test]
#[ignore = "minutes of real swaps: tests/run --long"]
fn an_engine_that_wedges_is_restarted_by_the_rule_and_not_more_often_than_its_host_allows() {
    let lab = Lab::open();
    let services = "\
services:
  - {kind: vllm, host: spark-a, container: lab-vllm, port: 8000, heals: true}
  - {kind: vllm, host: spark-b, container: lab-vllm, port: 8000, heals: true}
";
    let pair = Pair::begin(&lab, services);
    download(&pair, "pair");
    for host in ["spark-a", "spark-b"] {
        serve(&pair, "wedge", host);
        assert_eq!(pair.token(host, 8000, "lab/tiny"), "200");
        assert_eq!(
            pair.token(host, 8000, "lab/tiny"),
            "500",
            "{host} is wedged"
        );
        assert!(pair.holds(host, WELL), "{host} says that it is well");
    }
    // The host of one remembers that it was restarted often enough.
    let often = "mkdir -p .pilothouse/services; now=$(date +%s); for ago in 900 600 300; do echo $((now - ago)); done";
    pair.on("spark-b", &format!("{often} >{RESTARTS}"));
    let before = ["spark-a", "spark-b"].map(|host| pair.on(host, STARTED));

    let mut console = console(&lab, &pair);
    console.press("S");
    console.shows("S Services");
    console.shows("2 · 2 well");
    // The first real request comes a good minute later: by then a console that has just come has looked long enough.
    pair.on(
        "spark-a",
        &format!("timeout 120 sh -c 'until [ -s {RESTARTS} ]; do sleep 0.2; done'"),
    );
    console.until("one is held", |text| {
        text.contains("WEDGED") && text.contains("3 held")
    });
    pair.until("spark-a", WELL);
    assert_eq!(pair.token("spark-a", 8000, "lab/tiny"), "200");
    assert_ne!(pair.on("spark-a", STARTED), before[0]);
    assert_eq!(pair.on("spark-a", &format!("wc -l <{RESTARTS}")), "1\n");
    assert_eq!(pair.on("spark-b", STARTED), before[1]);
    assert_eq!(pair.token("spark-b", 8000, "lab/tiny"), "500");

    // What the rule did is in the ledger as what a person does.
    console.quit();
    let acts = pair.acts_of(&console);
    let restarts: Vec<_> = acts.iter().filter(|act| act.contains("restart")).collect();
    assert_eq!(restarts.len(), 1, "{acts:?}");
    assert!(
        restarts[0].contains("vllm") && restarts[0].ends_with(": done"),
        "{acts:?}"
    );
}
