//! The kernel log, the journal and the log file (pure): the same lines that the console follows, as text.

use std::fmt::Write as _;

use super::look::Said;
use super::scene::{Scene, moment};
use super::units;
use crate::demo::syslog::{self, Ask};
use crate::demo::voices::Voice;

/// A slice of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct Slice {
    pub unit: Option<String>,
    pub since: Begin,
    pub lines: usize,
    /// Nothing of a higher number, as syslog counts.
    pub priority: u8,
}

/// Where a slice begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) enum Begin {
    /// So many seconds before now.
    Ago(i64),
    /// At this second since the epoch.
    At(i64),
}

/// A line of the journal.
pub(super) struct Line {
    /// Microseconds since the epoch.
    pub micros: i64,
    /// As syslog counts: 3 is an error, 6 is information.
    pub priority: u8,
    /// Who says it: `kernel`, `sshd[20481]`.
    pub by: String,
    /// What.
    pub text: String,
}

const LEVELS: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

impl Slice {
    /// Reads the words behind `journalctl`.
    pub(super) fn read(words: &[&str]) -> Self {
        let mut slice = Self {
            unit: None,
            since: Begin::At(0),
            lines: 1000,
            priority: 7,
        };
        for word in words {
            match word.split_once('=') {
                Some(("--unit", unit)) => slice.unit = Some(unit.to_owned()),
                Some(("--lines", lines)) => slice.lines = lines.parse().unwrap_or(slice.lines),
                Some(("--since", since)) => {
                    let ago = since
                        .strip_prefix('-')
                        .and_then(|ago| ago.strip_suffix('s'));
                    slice.since = match (ago, since.strip_prefix('@')) {
                        (Some(ago), _) => Begin::Ago(ago.parse().unwrap_or_default()),
                        (None, at) => Begin::At(at.and_then(|at| at.parse().ok()).unwrap_or(0)),
                    };
                }
                Some(("--priority", level)) => {
                    let place = LEVELS.iter().position(|name| name == &level);
                    slice.priority = place.and_then(|at| u8::try_from(at).ok()).unwrap_or(7);
                }
                _ => {}
            }
        }
        slice
    }
}

/// `journalctl -o short-iso`
pub(super) fn journal(scene: &Scene<'_>, slice: &Slice) -> String {
    let from = match slice.since {
        Begin::Ago(seconds) => scene.now / 1000 - seconds.saturating_mul(1_000_000),
        Begin::At(second) => second.saturating_mul(1_000_000),
    };
    let mut lines = lines(scene, slice.unit.as_deref(), from, slice.lines);
    lines.retain(|line| line.priority <= slice.priority);
    let text = printed(scene, &lines, slice.lines);
    if text.is_empty() {
        "-- No entries --\n".into()
    } else {
        text
    }
}

/// The journal of one unit, or of everybody, from this moment on; of those who talk much, the newest `most`.
pub(super) fn lines(scene: &Scene<'_>, unit: Option<&str>, from: i64, most: usize) -> Vec<Line> {
    let of = |name: &str| unit.is_none_or(|unit| unit.trim_end_matches(".service") == name);
    let mut lines = Vec::new();
    if unit.is_none() {
        lines.extend(kernel_lines(scene));
    }
    if of("ssh") {
        lines.extend(spoken(scene, Voice::Sshd, from, most));
    }
    if of("docker") && scene.world.profile.docker {
        lines.extend(spoken(scene, Voice::Dockerd, from, most));
    }
    for (failed, line) in units::complaints(scene) {
        if of(failed.trim_end_matches(".service")) {
            lines.push(line);
        }
    }
    lines.retain(|line| (from..=scene.now / 1000).contains(&line.micros));
    lines.sort_by_key(|line| line.micros);
    lines
}

fn spoken(scene: &Scene<'_>, voice: Voice, from: i64, most: usize) -> impl Iterator<Item = Line> {
    let from = from.max(scene.booted).saturating_mul(1000);
    let lines = voice.last(from, scene.now, most).into_iter();
    lines.map(move |line| Line {
        micros: line.nanos / 1000,
        priority: if line.error { 4 } else { 6 },
        by: match voice {
            Voice::Sshd => format!("sshd[{}]", 20_000 + line.nanos / 1_000_000_000 % 9_000),
            _ => "dockerd[1184]".into(),
        },
        text: line.text,
    })
}

fn kernel_lines(scene: &Scene<'_>) -> impl Iterator<Item = Line> {
    let booted = scene.booted;
    let said = scene.world.ring.lines(scene.world.profile);
    said.map(move |line| Line {
        micros: booted + line.micros,
        priority: line.priority,
        by: "kernel".into(),
        text: line.text,
    })
}

/// The newest of them, as `-o short-iso` prints them.
pub(super) fn printed(scene: &Scene<'_>, lines: &[Line], most: usize) -> String {
    let mut text = String::new();
    for line in lines.iter().skip(lines.len().saturating_sub(most)) {
        let at = moment(line.micros, "%Y-%m-%dT%H:%M:%S+00:00");
        let _ = writeln!(text, "{at} {} {}: {}", scene.name, line.by, line.text);
    }
    text
}

/// `dmesg --time-format iso | tail`
pub(super) fn kernel(scene: &Scene<'_>, most: usize) -> String {
    let lines: Vec<Line> = kernel_lines(scene).collect();
    rung(lines.iter().skip(lines.len().saturating_sub(most)))
}

fn rung<'a>(lines: impl Iterator<Item = &'a Line>) -> String {
    lines.fold(String::new(), |mut text, line| {
        let at = moment(line.micros, "%Y-%m-%dT%H:%M:%S,%6f+00:00");
        let _ = writeln!(text, "{at} {}", line.text);
        text
    })
}

/// The present, and those of the kernel's lines that tell of memory.
pub(super) fn oom_kills(scene: &Scene<'_>) -> String {
    let lines: Vec<Line> = kernel_lines(scene)
        .filter(|line| line.text.contains("Out of memory") || line.text.contains("oom-kill"))
        .collect();
    format!("{}{}", scene.present(), rung(lines.iter()))
}

/// The end of a log file.
pub(super) fn file(scene: &Scene<'_>, path: &str, most: usize) -> Said {
    if path != syslog::PATH {
        return Said::fails(1, format!("{path} is not there\n"));
    }
    let whole = Ask::Read {
        from: 0,
        most: usize::MAX,
    };
    let text = scene.syslog.answer(&whole, scene.now);
    let lines: Vec<&str> = text.lines().collect();
    let newest = lines.iter().skip(lines.len().saturating_sub(most));
    newest
        .fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
        .into()
}
