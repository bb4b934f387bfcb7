//! How far a power act is, as lines (pure): each step once when it begins, and once when it ends.

use serde::Serialize;

use crate::domain::{ActOutcome, At};
use crate::engine::{PowerAct, StepKind, StepState};

/// What was told of an act so far.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<(StepKind, String)>);

impl Told {
    /// The lines that are new.
    pub(super) fn news(&mut self, act: &PowerAct, now: At) -> Vec<String> {
        let mut lines = Vec::new();
        for step in &act.steps {
            let Some(line) = line(step.kind, &step.state, now) else {
                continue;
            };
            let told = self.0.iter_mut().find(|(kind, _)| *kind == step.kind);
            match told {
                Some((_, before)) if *before == line => continue,
                Some((_, before)) => before.clone_from(&line),
                None => self.0.push((step.kind, line.clone())),
            }
            lines.push(line);
        }
        lines
    }
}

fn line(kind: StepKind, state: &StepState, now: At) -> Option<String> {
    let words = match state {
        StepState::Waiting => return None,
        StepState::Running { since, until, .. } if kind == StepKind::Window => {
            let left = until.unwrap_or(now).since(*since).0 / 1000;
            format!("{left} s before anything leaves; Ctrl-C cancels")
        }
        StepState::Running { words, .. } => format!("{words} …"),
        StepState::Done { took, words } => {
            format!("done in {:.1} s: {words}", took.as_secs_f32())
        }
        StepState::Skipped { why } => format!("skipped: {why}"),
        StepState::Failed { why } => format!("FAILED: {why}"),
        StepState::Aborted => "not begun".to_owned(),
    };
    Some(format!("{:<14}{words}", kind.word()))
}

/// An act for scripts.
#[derive(Debug, Serialize)]
pub(super) struct ActShot {
    host: String,
    verb: &'static str,
    /// `done`, `failed` or `unknown`; null where it has not begun.
    outcome: Option<&'static str>,
    why: Option<String>,
    steps: Vec<StepShot>,
}

#[derive(Debug, Serialize)]
struct StepShot {
    step: &'static str,
    state: &'static str,
    words: String,
    seconds: Option<f64>,
}

impl ActShot {
    /// The shot of an act.
    pub(super) fn of(act: &PowerAct) -> Self {
        let ended = act.ended.as_ref().map(|(_, outcome)| outcome);
        let (outcome, why) = match ended {
            None => (None, None),
            Some(ActOutcome::Done) => (Some("done"), None),
            Some(ActOutcome::Failed(why)) => (Some("failed"), Some(why.to_string())),
            Some(ActOutcome::Unknown(why)) => (Some("unknown"), Some(why.to_string())),
        };
        let steps = act.steps.iter().map(|step| {
            let (state, words, seconds) = match &step.state {
                StepState::Waiting => ("waiting", String::new(), None),
                StepState::Running { words, .. } => ("running", words.to_string(), None),
                StepState::Done { took, words } => {
                    ("done", words.to_string(), Some(took.as_secs_f64()))
                }
                StepState::Skipped { why } => ("skipped", why.to_string(), None),
                StepState::Failed { why } => ("failed", why.to_string(), None),
                StepState::Aborted => ("aborted", String::new(), None),
            };
            StepShot {
                step: step.kind.word(),
                state,
                words,
                seconds,
            }
        });
        Self {
            host: act.host.to_string(),
            verb: act.verb.word(),
            outcome,
            why,
            steps: steps.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{HostId, PowerVerb};
    use crate::engine::PowerStep;

    #[test]
    fn a_step_is_told_when_it_begins_and_when_it_ends() {
        let step = |kind, state| PowerStep { kind, state };
        let running = StepState::Running {
            since: At(1000),
            until: Some(At(11_000)),
            words: "nothing has left yet".into(),
        };
        let mut act = PowerAct {
            host: HostId::new("spark-1"),
            verb: PowerVerb::Cycle,
            since: At(1000),
            steps: vec![
                step(StepKind::Window, running),
                step(StepKind::Hard, StepState::Waiting),
            ],
            ended: None,
        };
        let mut told = Told::default();
        let window = "cancel window 10 s before anything leaves; Ctrl-C cancels";
        assert_eq!(told.news(&act, At(1000)), [window]);
        assert!(told.news(&act, At(3000)).is_empty());
        let why = "it is busy".into();
        act.steps[0].state = StepState::Done {
            took: Duration::from_secs(10),
            words: "nobody objected".into(),
        };
        act.steps[1].state = StepState::Failed { why };
        assert_eq!(
            told.news(&act, At(11_000)),
            [
                "cancel window done in 10.0 s: nobody objected",
                "hard          FAILED: it is busy"
            ]
        );
        act.ended = Some((At(11_000), ActOutcome::Failed("it is busy".into())));
        let shot = serde_json::to_value(ActShot::of(&act)).unwrap();
        assert_eq!(shot["outcome"], "failed");
        assert_eq!(shot["steps"][0]["seconds"], 10.0);
    }
}
