//! The ledger from outside: what any change of its files does to verification, what a crash leaves, who else writes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pilothouse::config::Environment;
use pilothouse::domain::{ActId, ActOutcome, HostId, Intent, LedgerEntry, LedgerEvent, Wall};
use pilothouse::store::{Ledger, LedgerPaths, Report, StoreErrorKind, read_ledger, verify_ledger};

/// Mutations of the ledger; each must be found.
const MUTATIONS: usize = 10_000;

/// Where a ledger of a test lies.
pub(crate) fn paths(folder: &Path) -> LedgerPaths {
    LedgerPaths {
        ledger: folder.join("state/ledger.jsonl"),
        anchor: folder.join("data/ledger.anchor"),
        key: folder.join("data/ledger.key"),
    }
}

/// A folder in memory where there is one: what is tested here is not the disk, which may be slow.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

pub(crate) fn check(paths: &LedgerPaths) -> Report {
    verify_ledger(paths, &paths.key).unwrap()
}

pub(crate) fn intent(number: u64) -> LedgerEvent {
    LedgerEvent::Intent(Intent {
        who: "ops".into(),
        from: "console, ssh from 10.0.0.5, /dev/pts/3".into(),
        host: Some(HostId::new(format!("spark-{}", number % 4))),
        what: format!("stop container web-{number} on spark-{}", number % 4).into(),
        request: format!("POST /containers/{number:064x}/stop").into(),
        confirmed: "yes".into(),
        proposed: None,
        armed: None,
    })
}

pub(crate) fn outcome(act: u64) -> LedgerEvent {
    LedgerEvent::Outcome {
        act: ActId(act),
        outcome: match act % 3 {
            0 => ActOutcome::Failed("the container is gone".into()),
            1 => ActOutcome::Done,
            _ => ActOutcome::Unknown("the connection was lost".into()),
        },
        verification: Some("it is exited".into()),
    }
}

async fn put(ledger: &Ledger, event: LedgerEvent) -> Vec<LedgerEntry> {
    ledger.write(Wall(1_800_000_000_000), event).await.unwrap()
}

/// Acts with their outcomes; their files after each record are handed over.
async fn acts(paths: &LedgerPaths, count: u64, mut after: impl FnMut(&LedgerPaths)) {
    let ledger = Ledger::in_files(paths.clone());
    for act in 0..count {
        let number = act * 2 + 1;
        put(&ledger, intent(number)).await;
        after(paths);
        put(&ledger, outcome(number)).await;
        after(paths);
    }
}

/// A generator that a number repeats (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}

/// One change of the bytes of a ledger, and its name.
fn mutate(sound: &[u8], dice: &mut Dice) -> (String, Vec<u8>) {
    let mut lines: Vec<&[u8]> = sound.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, other) = (dice.roll(lines.len()), dice.roll(lines.len()));
    match dice.roll(8) {
        0 | 1 => {
            let (at, bit) = (dice.roll(sound.len()), dice.roll(8));
            let mut bytes = sound.to_vec();
            bytes[at] ^= 1 << bit;
            (format!("bit {bit} of byte {at} turned"), bytes)
        }
        2 => {
            let (at, length) = (dice.roll(sound.len()), 1 + dice.roll(300));
            let mut bytes = sound.to_vec();
            bytes.drain(at..(at + length).min(sound.len()));
            (format!("{length} bytes at {at} deleted"), bytes)
        }
        3 => {
            let (at, length) = (dice.roll(sound.len() + 1), 1 + dice.roll(300));
            let added: Vec<u8> = (0..length).map(|_| dice.roll(256) as u8).collect();
            let bytes = [&sound[..at], &added, &sound[at..]].concat();
            (format!("{length} bytes put in at {at}"), bytes)
        }
        4 => {
            let at = dice.roll(sound.len());
            (format!("cut off at {at}"), sound[..at].to_vec())
        }
        5 => {
            lines.remove(one);
            (format!("line {one} deleted"), lines.concat())
        }
        6 => {
            lines.insert(other, lines[one]);
            (format!("line {one} doubled at {other}"), lines.concat())
        }
        _ if one == other => (format!("cut off before line {one}"), lines[..one].concat()),
        _ => {
            lines.swap(one, other);
            (format!("lines {one} and {other} swapped"), lines.concat())
        }
    }
}

#[tokio::test]
async fn every_mutation_of_the_ledger_is_found() {
    let seed = Environment::of_process()
        .text("LEDGER_SEED")
        .map_or(0x10a6, |text| text.parse().unwrap());
    println!("seed {seed} (LEDGER_SEED sets another)");
    let folder = folder();
    let paths = paths(folder.path());
    acts(&paths, 8, |_| ()).await;
    let sound = fs::read(&paths.ledger).unwrap();
    let report = check(&paths);
    assert_eq!(
        (report.records, report.broken, report.open.len()),
        (16, None, 0)
    );

    let mut dice = Dice(seed);
    let (mut tried, mut first, mut last) = (0, u64::MAX, 0);
    while tried < MUTATIONS {
        let (what, bytes) = mutate(&sound, &mut dice);
        if bytes == sound {
            continue;
        }
        tried += 1;
        fs::write(&paths.ledger, bytes).unwrap();
        let broken = check(&paths).broken;
        let Some(broken) = broken else {
            panic!("not found: {what} (seed {seed}, mutation {tried})");
        };
        (first, last) = (first.min(broken.record), last.max(broken.record));
    }
    // The first fault was named wherever it was, from the first record to the last.
    assert!(first == 1 && last >= 16, "{first} to {last}");
    fs::write(&paths.ledger, sound).unwrap();
    assert_eq!(check(&paths).broken, None);
}

#[tokio::test]
async fn an_anchor_or_key_of_another_time_or_ledger_is_found() {
    let folder = folder();
    let (paths, other) = (
        paths(&folder.path().join("one")),
        paths(&folder.path().join("other")),
    );
    let mut anchors = Vec::new();
    acts(&paths, 10, |paths| {
        anchors.push(fs::read(&paths.anchor).unwrap());
    })
    .await;
    acts(&other, 10, |_| ()).await;
    let newest = anchors.pop().unwrap();
    for (records, earlier) in (1..).zip(&anchors) {
        fs::write(&paths.anchor, earlier).unwrap();
        let broken = check(&paths).broken.unwrap();
        assert_eq!(broken.record, records + 1, "{}", broken.why);
        assert!(broken.why.contains("beyond the anchor"), "{}", broken.why);
    }
    for at in 0..newest.len() - 1 {
        let mut damaged = newest.clone();
        damaged[at] ^= 1;
        fs::write(&paths.anchor, damaged).unwrap();
        assert!(check(&paths).broken.is_some(), "byte {at} of the anchor");
    }
    fs::copy(&other.anchor, &paths.anchor).unwrap();
    assert!(
        check(&paths).broken.is_some(),
        "the anchor of another ledger"
    );
    fs::remove_file(&paths.anchor).unwrap();
    assert!(check(&paths).broken.unwrap().why.contains("anchor is gone"));
    fs::write(&paths.anchor, newest).unwrap();
    assert_eq!(check(&paths).broken, None);
    let wrong = verify_ledger(&paths, &other.key).unwrap().broken.unwrap();
    assert_eq!(wrong.record, 1, "{}", wrong.why);
    // All that can be rebuilt with what lies on the machine after the first key was taken away.
    fs::remove_file(&paths.key).unwrap();
    let no_key = verify_ledger(&paths, &paths.key).unwrap_err();
    assert!(no_key.hint().contains("--key"));
}

#[tokio::test]
async fn whatever_a_crash_leaves_is_put_right_and_written_down() {
    let folder = folder();
    let before = paths(&folder.path().join("before"));
    acts(&before, 3, |_| ()).await;
    let anchor = fs::read(&before.anchor).unwrap();
    let old = fs::read(&before.ledger).unwrap();
    put(&Ledger::in_files(before.clone()), intent(7)).await;
    let new = fs::read(&before.ledger).unwrap();
    let mut states: Vec<(String, Vec<u8>, bool)> = (old.len()..new.len())
        .step_by(7)
        .chain([new.len() - 1, new.len()])
        .map(|cut| {
            (
                format!("cut at {cut}"),
                new[..cut].to_vec(),
                cut == new.len(),
            )
        })
        .collect();
    // The length reached the disk, and the bytes did not.
    let zeroes = vec![0; new.len() - old.len()];
    states.push(("zeroes".into(), [old.clone(), zeroes].concat(), false));
    for (what, bytes, whole) in states {
        let here = paths(&folder.path().join("after"));
        for (file, bytes) in [
            (&here.ledger, bytes.as_slice()),
            (&here.anchor, anchor.as_slice()),
            (&here.key, &fs::read(&before.key).unwrap()),
        ] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
            // As the ledger left them: a file open to others would be a finding of its own.
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let torn = here.ledger.with_extension("jsonl.torn");
        let clean = bytes.len() == old.len();
        assert_eq!(check(&here).broken.is_none(), clean, "{what}");
        let next = put(&Ledger::in_files(here.clone()), intent(8)).await;
        let report = check(&here);
        assert_eq!(report.broken, None, "{what}");
        assert_eq!(report.open.len(), 1, "{what}: only the new act is open");
        assert_eq!(report.recovered, u64::from(!clean), "{what}");
        // Adopted: the record, the word of it, its outcome. Cut off: the word of it.
        let number = if whole { 10 } else { 7 + report.recovered };
        assert_eq!(next.last().unwrap().number, number, "{what}");
        assert_eq!(torn.exists(), !clean && !whole, "{what}");
        if torn.exists() {
            let kept = fs::read(&torn).unwrap();
            assert_eq!(kept[..kept.len() - 1], bytes[old.len()..], "{what}");
        }
        fs::remove_dir_all(folder.path().join("after")).unwrap();
    }
}

#[tokio::test]
async fn what_no_crash_leaves_is_refused_with_its_mend() {
    let folder = folder();
    let paths = paths(folder.path());
    let mut anchors = Vec::new();
    acts(&paths, 3, |paths| {
        anchors.push(fs::read(&paths.anchor).unwrap());
    })
    .await;
    let sound = fs::read(&paths.ledger).unwrap();
    let refused = async |what: &str, words: &str| {
        let before = fs::read(&paths.ledger).unwrap_or_default();
        let ledger = Ledger::in_files(paths.clone());
        let error = ledger.write(Wall(0), intent(9)).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Corrupt, "{what}: {error}");
        assert!(error.what.contains(words), "{what}: {error}");
        assert!(error.hint.unwrap().contains("ledger verify"), "{what}");
        let after = fs::read(&paths.ledger).unwrap_or_default();
        assert_eq!(before, after, "{what}: nothing is touched");
    };
    fs::write(&paths.ledger, &sound[..sound.len() - 1]).unwrap();
    refused("one byte is missing", "shorter than its anchor").await;
    fs::remove_file(&paths.ledger).unwrap();
    refused("the ledger is gone", "shorter than its anchor").await;
    fs::write(&paths.ledger, &sound).unwrap();
    fs::write(&paths.anchor, &anchors[2]).unwrap();
    refused("an older anchor", "older than the ledger").await;
    fs::write(&paths.anchor, "{}").unwrap();
    refused("a damaged anchor", "is no anchor").await;
    fs::remove_file(&paths.anchor).unwrap();
    refused("no anchor", "is gone").await;
    fs::remove_file(&paths.ledger).unwrap();
    refused("only the key is left", "is gone").await;
    // What the mend says begins a new one.
    fs::remove_file(&paths.key).unwrap();
    let first = put(&Ledger::in_files(paths.clone()), intent(1)).await;
    assert_eq!(first[0].number, 1);
    assert_eq!(check(&paths).broken, None);
}

#[tokio::test]
async fn two_writers_take_turns_and_each_hears_of_the_other() {
    let folder = folder();
    let paths = paths(folder.path());
    let (one, two) = (
        Ledger::in_files(paths.clone()),
        Ledger::in_files(paths.clone()),
    );
    let writes = async |ledger: &Ledger| {
        let mut heard = Vec::new();
        for _ in 0..50 {
            let intent = put(ledger, intent(0)).await;
            let number = intent.last().unwrap().number;
            heard.extend(intent);
            heard.extend(put(ledger, outcome(number)).await);
        }
        heard
    };
    let (of_one, of_two) = tokio::join!(writes(&one), writes(&two));
    let report = check(&paths);
    assert_eq!(
        (report.records, report.broken, report.open.len()),
        (200, None, 0)
    );
    let (all, unreadable) = read_ledger(&paths.ledger, usize::MAX, |_| true).unwrap();
    assert_eq!(unreadable, 0);
    // Each has heard of everything up to its own last record, once and in order.
    for heard in [of_one, of_two] {
        assert_eq!(heard, all[..heard.len()]);
    }
    assert_eq!(Ledger::in_files(paths).tail(7).await.unwrap(), all[193..]);
}

#[tokio::test]
async fn files_are_private_and_their_folders_too() {
    let folder = folder();
    let paths = paths(folder.path());
    acts(&paths, 1, |_| ()).await;
    for file in [&paths.ledger, &paths.anchor, &paths.key] {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700, "{}", file.display());
    }
    let text = fs::read_to_string(&paths.anchor).unwrap();
    let first = fs::read_to_string(&paths.key).unwrap();
    assert!(!text.contains(first.trim()), "the first key is forgotten");
}

#[tokio::test]
async fn what_can_t_be_written_is_refused_in_words() {
    let folder = folder();
    // Where a directory should be there is a file: not even root can write below it.
    fs::write(folder.path().join("data"), "").unwrap();
    let ledger = Ledger::in_files(paths(folder.path()));
    let error = ledger.write(Wall(0), intent(1)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unwritable);
    assert!(error.hint.unwrap().contains("writable"));
    fs::remove_file(folder.path().join("data")).unwrap();
    assert_eq!(put(&ledger, intent(1)).await[0].number, 1, "tried again");

    let nowhere = Ledger::nowhere("no home directory is known", "set HOME");
    let error = nowhere.write(Wall(0), intent(1)).await.unwrap_err();
    assert_eq!(error.what, "no home directory is known");
}

#[tokio::test]
async fn keys_that_others_could_read_are_closed_and_that_is_written_down() {
    let folder = folder();
    let paths = paths(folder.path());
    acts(&paths, 1, |_| {}).await;
    for file in [&paths.key, &paths.anchor] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    put(&Ledger::in_files(paths.clone()), intent(3)).await;
    for file in [&paths.key, &paths.anchor] {
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let (entries, _) = read_ledger(&paths.ledger, usize::MAX, |_| true).unwrap();
    let told: Vec<String> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            LedgerEvent::Recovered { what } => Some(what.to_string()),
            _ => None,
        })
        .collect();
    assert!(
        told.iter()
            .any(|what| what.contains("ledger.key") && what.contains("mode 644")),
        "{told:?}"
    );
    let report = check(&paths);
    assert!(report.broken.is_none(), "{report:?}");
}

#[tokio::test]
async fn a_ledger_is_not_followed_to_where_a_link_leads() {
    let folder = folder();
    let paths = paths(folder.path());
    let elsewhere = folder.path().join("authorized_keys");
    fs::write(&elsewhere, "mine\n").unwrap();
    fs::create_dir_all(paths.ledger.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &paths.ledger).unwrap();
    let ledger = Ledger::in_files(paths.clone());
    let error = ledger.write(Wall(1), intent(1)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unwritable);
    assert!(
        error.what.contains("is a link") && error.hint.is_some(),
        "{error:?}"
    );
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine\n");

    // Nor is what is written beside the anchor.
    fs::remove_file(&paths.ledger).unwrap();
    fs::create_dir_all(paths.anchor.parent().unwrap()).unwrap();
    let beside = paths.anchor.with_file_name("ledger.anchor.new");
    std::os::unix::fs::symlink(&elsewhere, &beside).unwrap();
    let error = ledger.write(Wall(1), intent(1)).await.unwrap_err();
    assert!(error.what.contains("is a link"), "{error:?}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine\n");
}
