//! Models by the command line, on two real hosts with real Docker: from the hub to the last byte deleted, what goes wrong on the
//! way, and consoles that die or are two.

use std::io::{BufRead as _, BufReader};

use crate::lab::Lab;
use crate::pair::{Pair, Said};

const DONE: i32 = 0;
const FAILED: i32 = 1;
const REFUSED: i32 = 3;

impl Pair<'_> {
    fn download(&self, repo: &str, place: &str) {
        self.run(
            "desk",
            &["models", "download", repo, "--on", place, "--yes", repo],
        )
        .ends(DONE);
    }

    fn swap(&self, console: &str, model: &str, place: &str) -> Said {
        self.run(
            console,
            &["models", "swap", model, "--on", place, "--yes", place],
        )
    }
}

#[test]
fn a_model_is_fetched_served_changed_rolled_back_and_deleted() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    assert_eq!(pair.whole("desk", "lab/tiny"), [""; 0]);

    // From the hub to the head, and from there to its peer.
    pair.download("lab/tiny", "pair");
    pair.download("lab/other", "spark-a");
    assert_eq!(pair.whole("desk", "lab/tiny"), ["spark-a", "spark-b"]);
    assert_eq!(pair.whole("desk", "lab/other"), ["spark-a"]);

    // One host.
    pair.run("desk", &["models", "preflight", "tiny", "--on", "spark-a"])
        .ends(DONE);
    pair.swap("desk", "tiny", "spark-a")
        .ends(DONE)
        .says("spark-a serves tiny");
    assert_eq!(pair.serves("desk", "spark-a"), ["tiny ready"]);
    assert_eq!(pair.token("spark-a", 8000, "lab/tiny"), "200");

    // Another one in its place.
    pair.swap("desk", "other", "spark-a").ends(DONE);
    assert_eq!(pair.serves("desk", "spark-a"), ["other ready"]);
    assert_eq!(pair.token("spark-a", 8000, "lab/other"), "200");

    // Both hosts together; what the head served before is gone.
    pair.run("desk", &["models", "preflight", "ray", "--on", "pair"])
        .ends(DONE);
    pair.swap("desk", "ray", "pair")
        .ends(DONE)
        .says("pair serves ray");
    assert_eq!(pair.serves("desk", "spark-a"), ["ray ready"]);
    assert_eq!(pair.token("spark-a", 8888, "lab/tiny"), "200");
    for host in ["spark-a", "spark-b"] {
        assert_eq!(
            pair.on(host, "docker ps --format '{{.Names}}'"),
            "vllm_node\n"
        );
    }

    // One that crashes while it loads, and the way back.
    pair.swap("desk", "crash", "spark-a")
        .ends(FAILED)
        .says("lm_head.bad")
        .says("serves ray again");
    assert_eq!(pair.token("spark-a", 8888, "lab/tiny"), "000");
    pair.run("desk", &["models", "rollback", "pair", "--yes", "pair"])
        .ends(DONE);
    assert_eq!(pair.token("spark-a", 8888, "lab/tiny"), "200");

    // Nothing is served, and then nothing is there.
    pair.run("desk", &["models", "rm", "lab/tiny", "--yes", "lab/tiny"])
        .ends(REFUSED)
        .says("the container vllm_node of pair serves it: ray on port 8888");
    assert_eq!(pair.whole("desk", "lab/tiny"), ["spark-a", "spark-b"]);
    pair.run("desk", &["models", "stop", "pair", "--yes", "pair"])
        .ends(DONE);
    for host in ["spark-a", "spark-b"] {
        assert_eq!(pair.on(host, "docker ps -q"), "");
    }
    for repo in ["lab/tiny", "lab/other"] {
        pair.run("desk", &["models", "rm", repo, "--yes", repo])
            .ends(DONE);
    }
    for host in ["spark-a", "spark-b"] {
        assert_eq!(
            pair.on(host, "ls .cache/huggingface/hub | grep -v '^[.]' || true"),
            ""
        );
    }
    let ends = |what: &str, how: &str| format!("the end of {what}, begun by {}: {how}", pair.who());
    assert_eq!(
        pair.acts("desk"),
        [
            "fetch lab/tiny on spark-a, then copy it to spark-b: done",
            "fetch lab/other on spark-a: done",
            "serve tiny on spark-a: done",
            &ends("the swap of spark-a to tiny", "done"),
            "serve other on spark-a: done",
            &ends("the swap of spark-a to other", "done"),
            "serve ray on pair: done",
            &ends("the swap of pair to ray", "done"),
            "serve crash on spark-a: done",
            &ends("the swap of spark-a to crash", "failed"),
            "serve ray on pair: done",
            &ends("the swap of pair to ray", "done"),
            "stop what pair serves, and serve nothing: done",
            &ends("the stop of what pair served", "done"),
            "delete lab/tiny from spark-a, spark-b: done",
            "delete lab/other from spark-a: done",
        ]
    );
}

#[test]
fn a_cluster_is_launched_in_every_way_that_there_is() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    pair.download("lab/tiny", "pair");
    for (model, place, port) in [
        ("ranks", "pair", 8888),
        ("joined", "pair", 8888),
        ("parallel", "pair", 8888),
        ("alone", "spark-a", 8888),
    ] {
        pair.swap("desk", model, place).ends(DONE);
        assert_eq!(pair.token("spark-a", port, "lab/tiny"), "200", "{model}");
        let running = if place == "pair" { "1\n" } else { "0\n" };
        assert_eq!(
            pair.on("spark-b", "docker ps -q | wc -l"),
            running,
            "{model}"
        );
    }
    pair.run("desk", &["models", "stop", "spark-a", "--yes", "spark-a"])
        .ends(DONE);
    assert_eq!(pair.on("spark-a", "docker ps -q"), "");
}

#[test]
fn the_server_of_llama_cpp_is_one_more_engine() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    pair.download("lab/tiny-gguf", "spark-b");
    pair.swap("desk", "gguf", "spark-b").ends(DONE);
    assert_eq!(pair.token("spark-b", 8080, "gguf"), "200");
    let menu = pair.json("desk", &["models", "list"]);
    let models = menu["models"].as_array().unwrap();
    let served = &models.iter().find(|model| model["key"] == "gguf").unwrap()["served"][0];
    assert_eq!(served["by"], "llama.cpp", "{served}");
    assert_eq!(served["requests_running"], 0, "{served}");
}

#[test]
#[ignore = "minutes of real swaps: tests/run --long"]
fn what_goes_wrong_in_an_engine_is_said_in_its_own_words() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    pair.download("lab/tiny", "spark-a");
    // A port that somebody else has, in a preflight and in a swap.
    pair.on("spark-a", "setsid socat TCP-LISTEN:8095,bind=127.0.0.1,fork /dev/null >/dev/null 2>&1 & echo $! >stranger");
    let taken = pair.run(
        "desk",
        &["models", "preflight", "elsewhere", "--on", "spark-a"],
    );
    taken.ends(FAILED).says("8095 is taken").says("socat");
    pair.swap("desk", "elsewhere", "spark-a")
        .ends(REFUSED)
        .says("8095");
    pair.on("spark-a", "kill $(cat stranger)");

    // Memory that is not there.
    pair.swap("desk", "oom", "spark-a")
        .ends(FAILED)
        .says("CUDA out of memory");

    // An engine that does not end when it is asked to is ended.
    pair.swap("desk", "deaf", "spark-a").ends(DONE);
    pair.swap("desk", "tiny", "spark-a")
        .ends(DONE)
        .says("had to be forced");

    // Half the weights are gone: it is known before.
    pair.on(
        "spark-a",
        "rm .cache/huggingface/hub/models--lab--tiny/snapshots/*/model-00002*",
    );
    pair.run("desk", &["models", "preflight", "slow", "--on", "spark-a"])
        .ends(FAILED)
        .says("1 of 4 shards missing");
    assert_eq!(pair.serves("desk", "spark-a"), ["tiny ready"]);
}

#[test]
fn a_swap_that_hangs_is_cancelled_and_leaves_nothing() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    pair.download("lab/tiny", "spark-a");
    let detached = [
        "models", "swap", "hang", "--on", "spark-a", "--yes", "spark-a", "--detach",
    ];
    pair.run("desk", &detached).ends(DONE);
    pair.until(
        "spark-a",
        "docker logs lab-vllm 2>&1 | grep -q 'Completed | 2/4'",
    );
    // Another console sees it, and ends it.
    pair.run("sofa", &["models", "status", "spark-a", "--now"])
        .says("hang");
    pair.run("sofa", &["models", "cancel", "spark-a", "--yes", "spark-a"])
        .ends(DONE);
    pair.run("sofa", &["models", "status", "spark-a"])
        .says("cancelled");
    assert_eq!(pair.on("spark-a", "docker ps -q"), "");
    assert_eq!(pair.serves("desk", "spark-a"), [""; 0]);
}

#[test]
fn of_two_consoles_that_swap_at_once_one_is_refused() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    pair.download("lab/tiny", "spark-a");
    let words = [
        "models", "swap", "slow", "--on", "spark-a", "--yes", "spark-a",
    ];
    let one = pair.begin_run("desk", &words);
    let other = pair.begin_run("sofa", &words);
    let both = [one, other].map(|run| Said::of(run.wait_with_output().unwrap()));
    let served = both.iter().filter(|said| said.code == Some(DONE)).count();
    assert_eq!(served, 1, "{both:?}");
    let refused = both.iter().find(|said| said.code != Some(DONE)).unwrap();
    refused
        .says("a swap to slow by ")
        .says("is at work on spark-a");
    assert_eq!(pair.serves("desk", "spark-a"), ["slow ready"]);

    // Whoever has reserved the place is the only one who swaps there.
    pair.run(
        "desk",
        &[
            "models",
            "lock",
            "spark-a",
            "--holder",
            "ann",
            "--note",
            "night run",
            "--yes",
            "spark-a",
        ],
    )
    .ends(DONE);
    pair.swap("sofa", "tiny", "spark-a")
        .ends(REFUSED)
        .says("ann")
        .says("night run");
    pair.swap("desk", "tiny", "spark-a").ends(DONE);
    pair.run("sofa", &["models", "unlock", "spark-a", "--yes", "spark-a"])
        .ends(REFUSED)
        .says("spark-a is reserved by ann");
    pair.run("desk", &["models", "unlock", "spark-a", "--yes", "spark-a"])
        .ends(DONE);
    pair.swap("sofa", "slow", "spark-a").ends(DONE);
}

#[test]
#[ignore = "minutes of real swaps: tests/run --long"]
fn a_console_that_is_killed_in_any_phase_changes_nothing() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    pair.download("lab/tiny", "spark-a");
    pair.swap("desk", "tiny", "spark-a").ends(DONE);
    for phase in ["lock", "stop", "launch", "load", "ready"] {
        let words = [
            "models", "swap", "slow", "--on", "spark-a", "--yes", "spark-a",
        ];
        let mut run = pair.begin_run("desk", &words);
        let told = BufReader::new(run.stderr.take().unwrap());
        let mut lines = told.lines().map(Result::unwrap);
        assert!(
            lines.any(|line| line.starts_with(phase)),
            "it never came to {phase}"
        );
        run.kill().unwrap();
        run.wait().unwrap();
        // Another console goes along to its end.
        let said = pair.run("sofa", &["models", "status", "spark-a"]);
        said.ends(DONE).says("spark-a serves slow");
        assert_eq!(
            pair.serves("sofa", "spark-a"),
            ["slow ready"],
            "killed in {phase}"
        );
    }
    // Each was begun once, and each end is written down by one console that saw it.
    let ends = |act: &&String| act.starts_with("the end of the swap of spark-a to slow");
    let acts = pair.acts("desk");
    let begun = acts
        .iter()
        .filter(|act| *act == "serve slow on spark-a: done");
    assert_eq!(begun.count(), 5, "{acts:?}");
    let told = pair.acts("sofa");
    let ended = acts.iter().chain(&told).filter(ends).count();
    assert_eq!(ended, 5, "{acts:?} {told:?}");
}

#[test]
fn a_peer_that_is_lost_in_a_cluster_load_fails_it() {
    let lab = Lab::open();
    let pair = Pair::begin(&lab, "");
    pair.download("lab/tiny", "pair");
    let detached = [
        "models", "swap", "ray", "--on", "pair", "--yes", "pair", "--detach",
    ];
    pair.run("desk", &detached).ends(DONE);
    pair.until(
        "spark-a",
        "docker logs vllm_node 2>&1 | grep -q 'Ray runtime started'",
    );
    pair.until("spark-b", "docker rm -f vllm_node");
    let said = pair.run("desk", &["models", "status", "pair"]);
    said.ends(FAILED).says("failed");
}
