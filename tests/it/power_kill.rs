//! A console that is killed at any moment of a power act: no verb leaves without a durable intent, none leaves twice, and what is
//! left open is asked for its status before anything else is sent.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pilothouse::config::Environment;
use pilothouse::domain::{ActId, LedgerEvent, PowerVerb};
use pilothouse::store::{LedgerPaths, read_ledger};

use crate::ledger::{Dice, check, folder, paths};
use crate::ledger_kill::harness;

/// How often the console is killed; `PILOTHOUSE_LONG` makes it ten times as often.
const KILLS: u32 = 200;

/// Most kills fall before the verb has been answered, the others anywhere until the ladder holds, in microseconds.
const EARLY: usize = 90_000;
const LATE: usize = 1_600_000;

#[expect(
    clippy::disallowed_methods,
    reason = "the test starts what it is about to kill"
)]
async fn kill_once(folder: &Path, number: u32, dice: &mut Dice) -> bool {
    let mut child = Command::new(harness())
        .arg(folder)
        .arg(number.to_string())
        .arg("power")
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "up");
    let span = if number.is_multiple_of(8) {
        LATE
    } else {
        EARLY
    };
    // Nothing is waited for: the kill comes at a moment that dice have chosen.
    tokio::time::sleep(Duration::from_micros(dice.roll(span) as u64)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    lines.map_while(Result::ok).any(|line| line == "done")
}

/// The verbs that left, looks included.
fn verbs(folder: &Path) -> Vec<PowerVerb> {
    let text = std::fs::read_to_string(folder.join("world")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<String>(line).unwrap().parse().ok())
        .collect()
}

/// How many intents are in the ledger, and whether the last has no outcome.
fn intents(paths: &LedgerPaths) -> (usize, bool) {
    let (entries, _) = read_ledger(&paths.ledger, usize::MAX, |_| true).unwrap();
    let mut open = None;
    let mut count = 0;
    for entry in entries {
        match entry.event {
            LedgerEvent::Intent(_) => {
                count += 1;
                open = Some(ActId(entry.number));
            }
            LedgerEvent::Outcome { act, .. } if open == Some(act) => open = None,
            _ => {}
        }
    }
    (count, open.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_leaves_without_an_intent_and_none_twice_whenever_the_console_is_killed() {
    let environment = Environment::of_process();
    let long = environment.get("PILOTHOUSE_LONG").is_some();
    let kills = if long { KILLS * 10 } else { KILLS };
    let seed = environment
        .text("LEDGER_SEED")
        .map_or(0x90e, |text| text.parse().unwrap());
    println!("seed {seed} (LEDGER_SEED sets another)");
    let folder = folder();
    let paths = paths(folder.path());
    let mut dice = Dice(seed);
    let (mut whole, mut status_first) = (0, 0);
    for kill in 0..kills {
        let before = verbs(folder.path()).len();
        let was_open = paths.ledger.exists() && intents(&paths).1;
        let done = kill_once(folder.path(), kill, &mut dice).await;
        whole += u32::from(done);
        let all = verbs(folder.path());
        let left: Vec<PowerVerb> = all[before..].to_vec();
        let changes = |verbs: &[PowerVerb]| verbs.iter().filter(|verb| verb.changes()).count();
        assert!(changes(&left) <= 1, "kill {kill}, seed {seed}: {left:?}");
        let announced = if paths.ledger.exists() {
            intents(&paths).0
        } else {
            0
        };
        assert!(
            changes(&all) <= announced,
            "kill {kill}, seed {seed}: {} verbs, {announced} intents",
            changes(&all)
        );
        if was_open && changes(&left) > 0 {
            assert_eq!(
                left[0],
                PowerVerb::Status,
                "kill {kill}, seed {seed}: {left:?}"
            );
            status_first += 1;
        }
    }
    let sent = verbs(folder.path())
        .iter()
        .filter(|verb| verb.changes())
        .count();
    let (announced, _) = intents(&paths);
    println!(
        "{kills} kills, {announced} intents, {sent} verbs, {status_first} after an open act, {whole} whole"
    );
    assert_eq!(check(&paths).broken, None);
    // Kills fell before the verb, after it, and after an act that was left open.
    assert!(sent > 0 && sent < announced && status_first > 0);
}
