//! What a simulated machine keeps for the console (pure): weights on its disk, works, a reservation, what a swap would meet. It is
//! asked by the console's own scripts, which are known by their names.

use super::boxes::{Container, State};
use super::profile::Profile;
use super::{weights, works};
use crate::domain::Wall;

/// A question of one of the console's scripts, with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    script: Script,
    words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Weights,
    Jobs,
    Lock,
    Limits,
    Facts,
}

/// The machine at one moment.
pub(super) struct Keeper<'a> {
    pub(super) name: &'a str,
    pub(super) profile: &'static Profile,
    pub(super) boxes: &'a [Container],
    /// When the demo began.
    pub(super) started: Wall,
    pub(super) now: Wall,
}

impl Ask {
    /// What stands behind `sh -c SCRIPT`, where that is a script of ours.
    pub(super) fn read(words: &[&str]) -> Option<Self> {
        let (name, rest) = words.split_first()?;
        let script = match *name {
            "pilothouse-weights" => Script::Weights,
            "pilothouse-jobs" => Script::Jobs,
            "pilothouse-lock" => Script::Lock,
            "pilothouse-limits" => Script::Limits,
            "pilothouse-facts" => Script::Facts,
            _ => return None,
        };
        let words = rest.iter().map(|word| (*word).to_owned()).collect();
        Some(Self { script, words })
    }

    /// What the script would print there.
    pub(super) fn answer(&self, keeper: &Keeper<'_>) -> String {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match (self.script, words.as_slice()) {
            (Script::Weights, words) => weights::listed(keeper, words),
            (Script::Jobs, [_, _, verb, rest @ ..]) => works::answer(keeper, verb, rest),
            (Script::Lock, [_, verb, ..]) => lock(verb),
            (Script::Limits, [_, _, verb, ..]) => limits(keeper, verb),
            (Script::Facts, [_, pairs @ ..]) => facts(keeper, pairs),
            _ => String::new(),
        }
    }
}

impl Keeper<'_> {
    /// Seconds since the epoch.
    pub(super) fn seconds(&self) -> i64 {
        self.now.0 / 1000
    }

    /// Seconds since the demo began.
    pub(super) fn age(&self) -> i64 {
        (self.now.0 - self.started.0) / 1000
    }
}

fn lock(verb: &str) -> String {
    match verb {
        "show" => "pilothouse-lock 1\nshown 0\nend\n".into(),
        _ => {
            "pilothouse-lock 1\ntrouble this machine is simulated: nothing is reserved on it\nend\n"
                .into()
        }
    }
}

/// It is always allowed; what was restarted is not remembered.
fn limits(keeper: &Keeper<'_>, verb: &str) -> String {
    let now = keeper.seconds();
    let word = if verb == "claim" { "go" } else { "looked" };
    let done = if verb == "claim" {
        format!("at {now}\n")
    } else {
        String::new()
    };
    format!("pilothouse-limits 1\nnow {now}\n{done}{word}\nend\n")
}

fn facts(keeper: &Keeper<'_>, pairs: &[&str]) -> String {
    use std::fmt::Write as _;
    let profile = keeper.profile;
    let mut text = String::from("pilothouse-facts 1\n");
    let _ = writeln!(text, "mem {} {}", profile.memory_kb, profile.memory_kb / 2);
    if let Some(gpus) = &profile.gpus {
        for index in 0..gpus.count {
            let memory = gpus.memory_mib.map_or("[N/A], [N/A]".to_owned(), |total| {
                format!("{total}, {}", total / 3)
            });
            let _ = writeln!(
                text,
                "gpu GPU-{index}, {index}, {memory}, {}, {}",
                gpus.driver, gpus.name
            );
        }
        let _ = writeln!(text, "cuda {}", gpus.cuda);
    }
    text += if profile.docker {
        "docker ok\n"
    } else {
        "docker no docker on this machine\n"
    };
    for container in keeper.boxes {
        let state = match container.state {
            State::Running => "running",
            State::Paused => "paused",
            State::Exited(..) => "exited",
        };
        let ports = container
            .kind
            .port
            .map_or(String::new(), |(inside, outside)| {
                format!("0.0.0.0:{outside}->{inside}/tcp")
            });
        let name = container.kind.name;
        let _ = writeln!(text, "box {} {name} {state} \t{ports}", container.id);
        if let (State::Running, Some((_, outside))) = (container.state, container.kind.port) {
            let _ = writeln!(text, "listen {outside} - -");
        }
    }
    for pair in pairs.chunks_exact(2) {
        let _ = match pair {
            ["image", image] => writeln!(text, "image sha256:0ddba11 {image}"),
            ["node", node] => writeln!(text, "node {node} ok"),
            ["link", link] => writeln!(text, "link {link} up"),
            ["flags", _] => writeln!(text, "flags none the image is simulated"),
            _ => Ok(()),
        };
    }
    text + "end\n"
}
