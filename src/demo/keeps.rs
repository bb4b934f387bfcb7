//! What a simulated machine keeps for the console (pure): weights on its disk, works, a reservation, what a swap would meet. It is
//! asked by the console's own scripts, which are known by their names.

use super::boxes::{Container, State};
use super::orders::Orders;
use super::profile::Profile;
use super::work::Process;
use super::works::Answer;
use super::{reserved, weights, works};
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
    History,
}

/// The machine at one moment.
pub(super) struct Keeper<'a> {
    pub(super) profile: &'static Profile,
    pub(super) boxes: &'a [Container],
    /// Its processes.
    pub(super) processes: &'a [Process],
    /// MiB of its memory that are available.
    pub(super) available: u64,
    /// MiB in use on each GPU with memory of its own.
    pub(super) used: &'a [u64],
    /// When the demo began.
    pub(super) started: Wall,
    pub(super) now: Wall,
}

impl Ask {
    /// The script of `sh -c SCRIPT WORD…`, where it is one of ours.
    pub(super) fn read(text: &str, words: &[&str]) -> Option<Self> {
        if words.is_empty() && text.contains(".pilothouse/models/history") {
            let (script, words) = (Script::History, Vec::new());
            return Some(Self { script, words });
        }
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

    /// Whether it reads its standard input to the end before it says anything.
    pub(super) fn reads(&self) -> bool {
        let word = |at: usize| self.words.get(at).map(String::as_str);
        match self.script {
            Script::Lock => matches!(word(1), Some("take" | "release")),
            // The length of what comes with a job.
            Script::Jobs => {
                word(2) == Some("begin") && word(7).is_some_and(|size| !size.is_empty())
            }
            _ => false,
        }
    }

    /// What the script would print there, and what is to be done for it.
    pub(super) fn answer(&self, keeper: &Keeper<'_>, orders: &mut Orders, input: &str) -> Answer {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let said = match (self.script, words.as_slice()) {
            (Script::Jobs, [_, _, verb, rest @ ..]) => {
                return works::answer(keeper, orders, (verb, rest), input);
            }
            (Script::Weights, words) => weights::listed(keeper, orders, words),
            (Script::Lock, [_, verb, rest @ ..]) => {
                reserved::answer(orders, (verb, rest), input, keeper.now)
            }
            (Script::Limits, [_, _, verb, ..]) => limits(keeper, verb),
            (Script::Facts, [_, pairs @ ..]) => facts(keeper, orders, pairs),
            (Script::History, _) => orders.history.join("\n"),
            _ => String::new(),
        };
        Answer {
            said,
            ..Answer::default()
        }
    }
}

impl Keeper<'_> {
    /// Seconds since the epoch.
    pub(super) fn seconds(&self) -> i64 {
        self.now.0 / 1000
    }

    /// MiB of a GPU, those that are free, and how many there are. Where they have none of their own it is the machine's.
    pub(super) fn gpu(&self) -> (u64, u64, usize) {
        let Some(gpus) = &self.profile.gpus else {
            return (0, 0, 0);
        };
        match gpus.memory_mib {
            None => (self.profile.memory_kb / 1024, self.available, gpus.count),
            Some(total) => {
                // What is launched goes to the last.
                let used = self.used.last().copied().unwrap_or(0);
                (total, total.saturating_sub(used), gpus.count)
            }
        }
    }

    /// Containers that run, with the MiB that each holds where the GPUs have theirs.
    pub(super) fn holds(&self) -> Vec<(String, u64)> {
        let held = |name: &str| {
            let mine = self.processes.iter();
            let mine = mine.filter(|process| process.container == Some(name));
            mine.map(|process| process.gpu_mib).max().unwrap_or(0)
        };
        let all = self.boxes.iter();
        all.filter(|container| !matches!(container.state, State::Exited(..)))
            .map(|container| (container.kind.name.to_owned(), held(container.kind.name)))
            .collect()
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

fn facts(keeper: &Keeper<'_>, orders: &Orders, pairs: &[&str]) -> String {
    use std::fmt::Write as _;
    let profile = keeper.profile;
    let mut text = String::from("pilothouse-facts 1\n");
    let _ = writeln!(
        text,
        "mem {} {}",
        profile.memory_kb,
        keeper.available * 1024
    );
    if let Some(gpus) = &profile.gpus {
        for index in 0..gpus.count {
            let used = keeper.used.get(index).copied().unwrap_or(0);
            let memory = gpus.memory_mib.map_or("[N/A], [N/A]".to_owned(), |total| {
                format!("{total}, {}", total.saturating_sub(used))
            });
            let _ = writeln!(
                text,
                "gpu GPU-{index}, {index}, {memory}, {}, {}",
                gpus.driver, gpus.name
            );
        }
        let _ = writeln!(text, "cuda {}", gpus.cuda);
    }
    text += &apps(keeper);
    text += if profile.docker {
        "docker ok\n"
    } else {
        "docker no docker on this machine\n"
    };
    for container in keeper.boxes {
        text += &boxed(container);
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
    for line in &orders.history {
        let _ = writeln!(text, "past {line}");
    }
    text + "end\n"
}

/// The processes on its GPUs, and whose container each is in.
fn apps(keeper: &Keeper<'_>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for process in keeper.processes {
        let name = process.command.split(' ').next().unwrap_or_default();
        for gpu in process.gpus {
            let (pid, mib) = (process.pid, process.gpu_mib);
            let _ = writeln!(text, "app GPU-{gpu}, {pid}, {mib}, {name}");
        }
        let mut boxes = keeper.boxes.iter();
        let owner = boxes.find(|container| Some(container.kind.name) == process.container);
        if let Some(owner) = owner {
            let _ = writeln!(text, "owner {} {}", process.pid, owner.id);
        }
    }
    text
}

/// A container, and the port where it listens.
fn boxed(container: &Container) -> String {
    let kind = container.kind;
    let state = match container.state {
        State::Running => "running",
        State::Paused => "paused",
        State::Exited(..) => "exited",
    };
    let ports = kind.port.map_or(String::new(), |(inside, outside)| {
        format!("0.0.0.0:{outside}->{inside}/tcp")
    });
    let mut labels = kind.labels.iter();
    let model = labels.find(|(name, _)| *name == "pilothouse.model");
    let model = model.map_or("", |(_, model)| *model);
    let (id, name) = (&container.id, kind.name);
    let listens = match (container.state, kind.port) {
        (State::Running, Some((_, outside))) => format!("listen {outside} - -\n"),
        _ => String::new(),
    };
    format!("box {id} {name} {state} {model}\t{ports}\n{listens}")
}
