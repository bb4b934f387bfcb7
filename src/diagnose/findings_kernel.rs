//! What the lines of a kernel log add up to, in words (pure).

use jiff::Timestamp;
use jiff::fmt::strtime;

use super::findings::{counted, named};
use crate::domain::Age;

/// What the kernel says when something is badly wrong, and what it means.
const SIGNS: [(&[&str], &str); 9] = [
    (&["NVRM: Xid"], "the GPU driver reported an error (Xid)"),
    (&["has fallen off the bus"], "a GPU has fallen off the bus"),
    (
        &["I/O error", "Medium Error", "critical target error"],
        "disks reported I/O errors",
    ),
    (
        &["EXT4-fs error", "XFS (", "BTRFS error", "BTRFS critical"],
        "a file system reported errors",
    ),
    (
        &["Remounting filesystem read-only"],
        "a file system was made read-only after an error",
    ),
    (
        &["blocked for more than"],
        "the kernel found tasks that hang",
    ),
    (
        &["soft lockup", "hard LOCKUP", "detected stall"],
        "a CPU was stuck",
    ),
    (
        &["Hardware Error", "Machine check"],
        "the hardware reported errors",
    ),
    (
        &["Link is Down", "Link is down", "link down", "Link down"],
        "the network link went down",
    ),
];

/// Words that make a line of XFS an error: it also tells of every mount.
const XFS_TROUBLE: [&str; 4] = ["rror", "orrupt", "hutting down", "hutdown"];

/// What the newest lines of the kernel log say.
pub(super) fn kernel(lines: &[&str], found: &mut Vec<String>) {
    for (marks, words) in SIGNS {
        let hits: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| marks.iter().any(|mark| line.contains(mark)))
            .filter(|line| {
                !line.contains("XFS (") || XFS_TROUBLE.iter().any(|word| line.contains(word))
            })
            .collect();
        let Some(last) = hits.last() else {
            continue;
        };
        let times = match hits.len() {
            1 => String::new(),
            many => format!(", {many} lines"),
        };
        found.push(format!("{words}{times}; last: {}", shortened(last)));
    }
    oom_kills(lines, found);
}

/// Whom the kernel killed for want of memory, the last one with its time where the host told the present.
pub(super) fn oom_kills(lines: &[&str], found: &mut Vec<String>) {
    let kills: Vec<(&str, &str)> = lines
        .iter()
        .filter_map(|line| Some((*line, killed(line)?)))
        .collect();
    let Some((line, victim)) = kills.last() else {
        return;
    };
    let now = lines
        .iter()
        .find_map(|line| moment(line.strip_prefix("now ")?));
    let ago = match (now, line.split_whitespace().next().and_then(moment)) {
        (Some(now), Some(then)) => {
            let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
            let age = Age(u64::try_from(seconds)
                .unwrap_or_default()
                .saturating_mul(1000));
            format!(" {} ago", age.words())
        }
        _ => String::new(),
    };
    let whom = match held(line) {
        Some(gib) => format!("{victim}, which held {gib:.1} GiB,"),
        None => (*victim).to_owned(),
    };
    found.push(format!("the kernel killed {whom} for want of memory{ago}"));
    if kills.len() > 1 {
        let victims: Vec<&str> = kills.iter().rev().map(|(_, victim)| *victim).collect();
        found.push(format!(
            "{} were killed for want of memory since the boot: {}",
            counted(kills.len(), "process", "processes"),
            named(&victims)
        ));
    }
}

/// `… Killed process 4242 (python) total-vm:…`
fn killed(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("Killed process ")?;
    let (_, rest) = rest.split_once('(')?;
    rest.split_once(')').map(|(name, _)| name)
}

/// `… anon-rss:57671680kB, file-rss:…`, in GiB; nothing where it is too little to be the reason.
fn held(line: &str) -> Option<f64> {
    let (_, rest) = line.split_once("anon-rss:")?;
    let (kib, _) = rest.split_once("kB")?;
    let gib = kib.parse::<f64>().ok()? / 1024.0 / 1024.0;
    (gib >= 0.1).then_some(gib)
}

/// As `dmesg --time-format iso` (`…T01:02:03,456789+00:00`), `journalctl -o short-iso` and `date` (`+0000`) write it.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.replace(',', ".");
    text.parse().ok().or_else(|| {
        strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", &text)
            .ok()?
            .to_timestamp()
            .ok()
    })
}

fn shortened(line: &str) -> &str {
    line.get(..line.floor_char_boundary(160)).unwrap_or(line)
}
