//! A console that is killed at any moment of an act: what was done has its intent on the disk, and what is not known is said
//! to be open.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pilothouse::config::Environment;
use pilothouse::domain::{ActOutcome, LedgerEvent, Wall};
use pilothouse::store::{Ledger, LedgerPaths, read_ledger};
use pilothouse::text::SafeText;

use crate::ledger::{Dice, check, folder, paths};

/// How often the console is killed; `PILOTHOUSE_LONG` makes it ten times as often.
const KILLS: usize = 200;

/// Two acts take about so long: the kill falls anywhere in them.
const MOMENTS: usize = 30_000;

/// The harness beside this test's own binary.
pub(crate) fn harness() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push("examples/ledger_harness");
    assert!(path.exists(), "cargo build --examples");
    path
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test starts what it is about to kill"
)]
fn spawn(folder: &Path, first: usize) -> Child {
    let started = Command::new(harness())
        .arg(folder)
        .arg(first.to_string())
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn();
    started.unwrap()
}

/// Starts the harness, kills it at a moment, and gives the number for the next one's first act.
async fn kill_once(folder: &Path, first: usize, dice: &mut Dice) -> usize {
    let mut child = spawn(folder, first);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "up");
    // Nothing is waited for: the kill comes at a moment that dice have chosen.
    tokio::time::sleep(Duration::from_micros(dice.roll(MOMENTS) as u64)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let done = lines.map_while(Result::ok).count();
    // The one that was under way has its number used up.
    first + done + 1
}

/// What reached the host, as the exact requests.
fn world(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("world")).unwrap_or_default();
    let line = |line: &str| {
        let command: String = serde_json::from_str(line).unwrap();
        // The ledger shows a line end by its picture.
        SafeText::from(command).to_string()
    };
    let mut commands: Vec<String> = text.lines().map(line).collect();
    // The console also looks, which is no act.
    commands.retain(|command| command.contains("pilothouse-signal"));
    commands
}

/// The requests that are in the ledger, and those of acts that it says were never begun.
fn announced(paths: &LedgerPaths) -> (HashSet<String>, Vec<String>) {
    let (entries, _) = read_ledger(&paths.ledger, usize::MAX, |_| true).unwrap();
    let mut all = std::collections::HashMap::new();
    let mut never = Vec::new();
    for entry in entries {
        match entry.event {
            LedgerEvent::Intent(intent) => {
                all.insert(entry.number, intent.request.to_string());
            }
            LedgerEvent::Outcome {
                act,
                outcome: ActOutcome::Failed(why),
                ..
            } if why.as_str().starts_with("not begun") => never.push(all[&act.0].clone()),
            _ => {}
        }
    }
    (all.into_values().collect(), never)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_act_is_without_a_durable_intent_whenever_the_console_is_killed() {
    let environment = Environment::of_process();
    let long = environment.get("PILOTHOUSE_LONG").is_some();
    let kills = if long { KILLS * 10 } else { KILLS };
    let seed = environment
        .text("LEDGER_SEED")
        .map_or(0x611, |text| text.parse().unwrap());
    println!("seed {seed} (LEDGER_SEED sets another)");
    let folder = folder();
    let paths = paths(folder.path());
    let mut dice = Dice(seed);
    let mut next = 10_000;
    for kill in 0..kills {
        next = kill_once(folder.path(), next, &mut dice).await;
        let (announced, _) = announced(&paths);
        for act in world(folder.path()) {
            assert!(announced.contains(&act), "kill {kill}, seed {seed}: {act}");
        }
    }
    // The next act puts right what the last kill has left.
    let ledger = Ledger::in_files(paths.clone());
    let what = LedgerEvent::Recovered {
        what: "the test is over".into(),
    };
    ledger.write(Wall(0), what).await.unwrap();
    let report = check(&paths);
    assert_eq!(report.broken, None);
    let done = world(folder.path());
    let (_, never) = announced(&paths);
    let never_begun = never.iter().filter(|act| done.contains(act)).count();
    assert_eq!(
        never_begun, 0,
        "what is said not to have begun did not begin"
    );
    println!(
        "{kills} kills, {} acts, {} open, {} put right",
        done.len(),
        report.open.len(),
        report.recovered - 1
    );
    // Kills fell into acts, and not only between them.
    assert!(!report.open.is_empty() && done.len() > kills / 4);
}

#[tokio::test]
async fn two_consoles_take_turns_on_one_ledger() {
    let folder = folder();
    let paths = paths(folder.path());
    let mut consoles: Vec<Child> = [10_000, 20_000]
        .map(|first| spawn(folder.path(), first))
        .into();
    for console in &mut consoles {
        let lines = BufReader::new(console.stdout.as_mut().unwrap()).lines();
        assert_eq!(
            lines.map_while(Result::ok).take(21).count(),
            21,
            "twenty acts each"
        );
    }
    for console in &mut consoles {
        console.kill().unwrap();
        console.wait().unwrap();
    }
    let ledger = Ledger::in_files(paths.clone());
    let what = LedgerEvent::Recovered {
        what: "the test is over".into(),
    };
    let written = ledger.write(Wall(0), what);
    written.await.unwrap();
    assert_eq!(check(&paths).broken, None);
    let (announced, _) = announced(&paths);
    let done = world(folder.path());
    assert!(done.len() >= 40 && done.iter().all(|act| announced.contains(act)));
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the shell sets the limit under which the harness runs"
)]
fn a_ledger_that_may_not_grow_refuses_the_act_and_stays_sound() {
    let folder = folder();
    let paths = paths(folder.path());
    // 20 blocks of 512 bytes; an ignored signal stays ignored, so that the write fails as on a full disk.
    let output = Command::new("sh")
        .arg("-c")
        .arg(r#"trap '' XFSZ; ulimit -f 20; exec "$0" "$1" 10000"#)
        .arg(harness())
        .arg(folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let refused = out.lines().last().unwrap();
    assert!(
        refused.starts_with("refused: not done, because it can't be written down"),
        "{out}"
    );
    assert!(refused.contains("may not grow"), "{out}");
    let report = check(&paths);
    assert_eq!(report.broken, None, "what did not fit was taken back");
    assert!(report.records > 4 && report.open.len() <= 1, "{report:?}");
    let (announced, _) = announced(&paths);
    let done = world(folder.path());
    assert!(!done.is_empty() && done.iter().all(|act| announced.contains(act)));
}
