//! Power verbs, acts and arming in words (pure), the same wherever they are shown.

use super::ui_power::PowerUi;
use crate::domain::{ActClass, ActOutcome, Age, Armed, At, ContainerState, Metric, PowerVerb};
use crate::engine::{
    Host, MachineState, OperationState, PowerAct, PowerReport, StepKind, StepState,
};
use crate::text::cut;

/// A host's name in a line that has to hold more than it.
const NAME: usize = 18;

/// From here on the end that nobody at the keys brings is told, for it comes first.
const NOBODY: Age = Age(60_000);

/// The classes as they are offered: the one that always needs it first.
pub(super) const CLASSES: [ActClass; 4] = [
    ActClass::Power,
    ActClass::Restart,
    ActClass::Deploy,
    ActClass::Swap,
];

/// What a verb does, in a few words.
pub(super) fn in_short(verb: PowerVerb) -> &'static str {
    match verb {
        PowerVerb::Status => "does it run? changes nothing",
        PowerVerb::Forensics => "why does it hang? changes nothing",
        PowerVerb::Start => "power on",
        PowerVerb::Stop => "power off, at once",
        PowerVerb::Reset => "warm restart, at once",
        PowerVerb::Cycle => "drain, ask it to restart, else power off and on",
    }
}

/// What a verb does.
pub(super) fn does(verb: PowerVerb) -> &'static str {
    match verb {
        PowerVerb::Status => {
            "Asks the switch whether the machine has power, and what became of the last verb. Its power says nothing of \
             its health. Changes nothing."
        }
        PowerVerb::Forensics => {
            "Asks the far side what it can tell of a machine that hangs: its console, its processes there, what it \
             waits for. Takes up to 20 s. Changes nothing."
        }
        PowerVerb::Start => {
            "Gives it power. Where only wake-on-LAN is set up, sends it a magic packet; whether it wakes shows in its \
             ladder."
        }
        PowerVerb::Stop => {
            "Cuts its power and leaves it off. Nothing in it is asked, what it holds in memory is lost, and everybody it \
             serves is cut off."
        }
        PowerVerb::Reset => {
            "Restarts it warm, as its reset button does. A virtual machine keeps its process and its old settings: where \
             that process itself is stuck, only a cycle helps."
        }
        PowerVerb::Cycle => {
            "Asks the machine to write down what it holds and to restart by itself; where it can't, cuts its power and \
             starts it afresh: a virtual machine gets a new process and its new settings. Then waits until it answers again."
        }
    }
}

/// What a class lets through.
pub(super) fn lets_through(class: ActClass) -> &'static str {
    match class {
        ActClass::Power => "start, stop, reset and cycle of its power switch",
        ActClass::Restart => "restart or end containers and processes, run commands",
        ActClass::Deploy => "put apps and sandboxes there",
        ActClass::Swap => "change the model that is served",
    }
}

/// `14:32`, `1:04:05`.
pub(super) fn countdown(left: Age) -> String {
    let seconds = left.0.div_ceil(1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    match minutes / 60 {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{:02}:{seconds:02}", minutes % 60),
    }
}

/// `spark-3 power 14:32`; as the last minute without a key runs, that. With a count where more is armed.
pub(super) fn armed_words(power: &PowerUi, now: At) -> Option<String> {
    let held: Vec<&Armed> = power
        .armed
        .iter()
        .filter(|armed| now < armed.until && now < armed.idle)
        .collect();
    let next = held
        .iter()
        .min_by_key(|armed| armed.until.min(armed.idle))?;
    let (left, idle) = (next.until.since(now), next.idle.since(now));
    let time = if idle < left && idle < NOBODY {
        format!("idle {}", countdown(idle))
    } else {
        countdown(left)
    };
    let name = cut(next.host.as_str(), NAME);
    let more = match held.len() {
        1 => String::new(),
        n => format!(" +{}", n - 1),
    };
    Some(format!("{name} {} {time}{more}", next.class))
}

/// The end of the countdown alone, where there is room for nothing else.
pub(super) fn armed_time(power: &PowerUi, now: At) -> Option<String> {
    power
        .armed
        .iter()
        .map(|armed| armed.until.min(armed.idle).since(now))
        .filter(|left| left.0 > 0)
        .min()
        .map(countdown)
}

/// The step that is at work: what it is, until when.
pub(super) fn at_work(act: &PowerAct) -> Option<(StepKind, Option<At>)> {
    act.steps.iter().find_map(|step| match &step.state {
        StepState::Running { until, .. } => Some((step.kind, *until)),
        _ => None,
    })
}

/// Whether the cancel window runs: nothing has left yet.
pub(super) fn in_window(act: &PowerAct) -> bool {
    act.ended.is_none() && matches!(at_work(act), Some((StepKind::Window, _)))
}

/// Where an act is: `cycle: cancel window, 7 s left`.
pub(super) fn act_words(act: &PowerAct, now: At) -> String {
    let verb = act.verb;
    match (&act.ended, at_work(act)) {
        (Some((_, ActOutcome::Done)), _) => format!("{verb} done"),
        (Some((_, ActOutcome::Failed(_))), _) => format!("{verb} FAILED"),
        (Some((_, ActOutcome::Unknown(_))), _) => format!("{verb} UNKNOWN"),
        (None, Some((StepKind::Window, Some(until)))) => {
            format!("{verb} leaves in {}", seconds(until.since(now)))
        }
        (None, Some((step, _))) => format!("{verb}: {}", step.word()),
        (None, None) => format!("{verb}: {}", now.since(act.since).words()),
    }
}

/// Whole seconds, rounded up: a countdown shows 1 until it is over.
pub(super) fn seconds(left: Age) -> String {
    format!("{} s", left.0.div_ceil(1000))
}

/// How long a step has been at work, and how long it may be.
pub(super) fn count_down(step: StepKind, passed: Age, left: Option<Age>) -> String {
    match (step, left) {
        (StepKind::Window, Some(left)) => format!("{} left", seconds(left)),
        (_, Some(left)) => format!("{}, {} left", passed.words(), left.words()),
        (_, None) => passed.words(),
    }
}

/// Whether aborting it now leaves the power as it is.
pub(super) fn can_be_called_off(act: &PowerAct) -> bool {
    let hard = act.steps.iter().find(|step| step.kind == StepKind::Hard);
    act.ended.is_none() && hard.is_none_or(|step| step.state == StepState::Waiting)
}

/// What aborting now means.
pub(super) fn abort_words(act: &PowerAct) -> &'static str {
    let hard = act.steps.iter().find(|step| step.kind == StepKind::Hard);
    match (at_work(act), hard.map(|step| &step.state)) {
        (Some((StepKind::Window, _)), _) => "nothing has left yet, and nothing leaves",
        (_, Some(StepState::Waiting)) => "it ends with this step; the power is not touched",
        (Some((StepKind::Hard, _)), _) => {
            "the verb has left: it goes on there; only what follows is given up"
        }
        _ => "only the waiting for its end is given up",
    }
}

/// What a report says, in one line.
pub(super) fn report_words(report: &PowerReport) -> String {
    let state = match &report.state {
        MachineState::Running => "it runs".to_owned(),
        MachineState::Stopped => "it is off".to_owned(),
        MachineState::Unknown(why) => format!("nobody can tell: {why}"),
    };
    let Some(operation) = &report.operation else {
        return state;
    };
    let how = match &operation.state {
        OperationState::Running(phase) => format!("is at work ({phase})"),
        OperationState::Done => "is done".to_owned(),
        OperationState::Failed(why) => format!("failed: {why}"),
        OperationState::Lost => "was lost: its runner is gone and left no word".to_owned(),
    };
    format!("{state}; {} {} {how}", operation.verb, operation.id)
}

/// Who is served by a host, as far as it was last seen; empty where nothing was read.
pub(super) fn served(host: &Host) -> Vec<String> {
    let mut lines = Vec::new();
    let names: Vec<&str> = host
        .containers
        .list
        .iter()
        .filter(|container| container.state == ContainerState::Running)
        .map(|container| container.name.as_str())
        .collect();
    if !names.is_empty() {
        lines.push(format!(
            "{}: {}",
            count(names.len(), "container"),
            some(&names)
        ));
    }
    let processes: Vec<String> = host
        .processes
        .iter()
        .flat_map(|read| read.value.iter())
        .map(|process| match &process.user {
            Metric::Is(user) => format!("{} of {user}", cut(process.command.as_str(), 24)),
            Metric::Missing(_) => cut(process.command.as_str(), 24).into(),
        })
        .collect();
    if !processes.is_empty() {
        let words: Vec<&str> = processes.iter().map(String::as_str).collect();
        lines.push(format!(
            "{}: {}",
            count(words.len(), "GPU process"),
            some(&words)
        ));
    }
    lines
}

fn count(n: usize, what: &str) -> String {
    match (n, what.ends_with('s')) {
        (1, _) => format!("1 {what}"),
        (n, true) => format!("{n} {what}es"),
        (n, false) => format!("{n} {what}s"),
    }
}

/// The first few, and how many more there are.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{HostId, Wall};

    fn armed(host: &str, until: u64, idle: u64) -> Armed {
        Armed {
            host: HostId::new(host),
            class: ActClass::Power,
            since: Wall(0),
            until: At(until),
            idle: At(idle),
        }
    }

    #[test]
    fn the_header_tells_what_ends_first() {
        let words = |armed: Vec<Armed>| {
            let power = PowerUi {
                armed: Arc::new(armed),
                ..PowerUi::default()
            };
            armed_words(&power, At(0))
        };
        assert_eq!(words(vec![]), None);
        assert_eq!(words(vec![armed("a", 0, 9)]), None);
        assert_eq!(
            words(vec![armed("spark-3", 872_000, 300_000)]).as_deref(),
            Some("spark-3 power 14:32")
        );
        assert_eq!(
            words(vec![armed("spark-3", 872_000, 41_200)]).as_deref(),
            Some("spark-3 power idle 0:42")
        );
        assert_eq!(
            words(vec![
                armed("a", 9_000_000, 300_000),
                armed("b", 60_000, 300_000)
            ])
            .as_deref(),
            Some("b power 1:00 +1")
        );
        assert_eq!(countdown(Age(3_845_000)), "1:04:05");
    }
}
