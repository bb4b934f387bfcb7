//! What the program says, taken into the state of its conversation. Pure.

use super::event::{Ending, EventKind, TroubleKind};
use super::own_tools::{fault, is_ours};
use super::session::{Act, Form, Leaving, Output, Program, QUIET, Session, says_other_form};
use super::session_turn::Turn;
use super::session_words as words;
use super::stream::{CliEvent, Denial, Init, TurnResult};
use super::trouble::Trouble;
use crate::domain::At;
use crate::text::SafeText;

/// What is said about a tool that is not one of ours.
const NOT_OURS: &str = "it is not one of Pilothouse's tools";

impl Session {
    pub(super) fn line(&mut self, at: At, event: CliEvent, out: &mut Vec<Output>) {
        if matches!(self.program, Program::None | Program::Leaving { .. }) {
            return;
        }
        if let Some(turn) = &mut self.turn {
            turn.hears(at, &event);
        }
        match event {
            CliEvent::Init(init) => self.init(at, init, out),
            CliEvent::MessageBegan { message, context } => {
                self.usage.context = context;
                self.told(|drafts, events| drafts.message(&message, events), out);
            }
            CliEvent::BlockBegan { index, kind } => self.drafts.begin(index, kind),
            CliEvent::Delta {
                index,
                thinking,
                text,
            } if self.turn.is_some() => {
                self.told(
                    |drafts, events| drafts.more(index, thinking, text, events),
                    out,
                );
            }
            CliEvent::Blocks {
                message,
                blocks,
                synthetic: false,
                ..
            } if self.turn.is_some() => {
                self.told(
                    |drafts, events| drafts.finished(&message, blocks, events),
                    out,
                );
            }
            CliEvent::Blocks { error, .. } => {
                if let (Some(turn), Some(error)) = (&mut self.turn, error) {
                    turn.error = error;
                }
            }
            CliEvent::Retry { .. } => self.retry(event, out),
            CliEvent::Denied(denial) => self.denied(denial, out),
            CliEvent::MayUse { .. } => self.may_use(event, out),
            CliEvent::OtherRequest { request, subtype } => {
                let answer = words::unknown_request(&request, &subtype);
                out.push(Output::Act(Act::Write(answer)));
            }
            CliEvent::Result(result) => self.result(at, &result, out),
            CliEvent::Unknown | CliEvent::Bad | CliEvent::Oversize(_) => self.odd += 1,
            CliEvent::Delta { .. }
            | CliEvent::Requesting
            | CliEvent::BlockEnded { .. }
            | CliEvent::ToolResult { .. }
            | CliEvent::Alive => {}
        }
    }

    /// A turn begins: the program is what was asked for, or it ends.
    fn init(&mut self, at: At, init: Init, out: &mut Vec<Output>) {
        if self.turn.is_none() {
            self.turn = Some(Turn::new(at, self.rules.limit, None));
        }
        if let Some(fault) = fault(&init, &self.rules.tools) {
            return self.give_up(at, &Trouble::wrong_tools(&fault), out);
        }
        self.form = Form::Resume(init.session.clone());
        self.program = Program::Up;
        out.push(Output::Event(EventKind::Began {
            model: init.model.into(),
            version: init.version.into(),
            program_session: init.session.into(),
        }));
    }

    fn retry(&mut self, event: CliEvent, out: &mut Vec<Output>) {
        let CliEvent::Retry {
            attempt,
            of,
            after,
            status,
            error,
        } = event
        else {
            return;
        };
        let Some(turn) = &mut self.turn else { return };
        let why = match status {
            Some(status) => format!("HTTP {status} {error}"),
            None => format!("no answer: {error}"),
        };
        out.push(Output::Event(EventKind::Retrying {
            attempt,
            of,
            after,
            why: why.into(),
        }));
        if let Some(trouble) = Trouble::of_retry(status, &error) {
            tell(turn, &trouble, out);
        }
    }

    fn denied(&mut self, denial: Denial, out: &mut Vec<Output>) {
        let Some(turn) = &mut self.turn else { return };
        if turn.denied.insert(denial.call) {
            let why = match denial.reason.as_str() {
                "" => NOT_OURS,
                reason => reason,
            };
            out.push(Output::Event(EventKind::Denied {
                tool: denial.tool.as_str().into(),
                why: why.into(),
            }));
        }
    }

    fn may_use(&mut self, event: CliEvent, out: &mut Vec<Output>) {
        let CliEvent::MayUse {
            request,
            tool,
            call,
            input,
        } = event
        else {
            return;
        };
        if is_ours(&tool, &self.rules.tools) {
            return out.push(Output::Act(Act::Write(words::allow(&request, input))));
        }
        out.push(Output::Act(Act::Write(words::deny(&request, NOT_OURS))));
        self.denied(
            Denial {
                tool,
                call,
                reason: NOT_OURS.to_owned(),
            },
            out,
        );
    }

    fn result(&mut self, at: At, result: &TurnResult, out: &mut Vec<Output>) {
        if let Program::Starting(starting) = &mut self.program {
            // The program ends by itself after this; what form to take next its exit decides.
            starting.wrong_form |= result.failed && says_other_form(&result.text);
            if starting.wrong_form {
                return;
            }
        }
        if self.turn.is_none() {
            return;
        }
        for denial in &result.denials {
            self.denied(denial.clone(), out);
        }
        self.count(result);
        let ending = self.ending(result, out);
        let signalled = self.stop.as_ref().is_some_and(|stop| stop.step.is_signal());
        self.end_turn(at, ending, out);
        if signalled {
            self.leave(Leaving::Quiet, at.plus(QUIET));
        } else if self.closing {
            self.end_input(at, out);
        } else if self.dead.is_none() {
            self.begin_next(at, out);
        }
    }

    fn count(&mut self, result: &TurnResult) {
        let usage = &mut self.usage;
        usage.cost = usage.cost.max(result.cost);
        usage.turns = result.turns;
        usage.input = usage.input.max(result.input);
        usage.output = usage.output.max(result.output);
        if result.window > 0 {
            usage.window = result.window;
        }
    }

    fn ending(&mut self, result: &TurnResult, out: &mut Vec<Output>) -> Ending {
        if !result.failed {
            return Ending::Done;
        }
        if let Some(stop) = &self.stop {
            return stop.why.ending();
        }
        let Some(turn) = &mut self.turn else {
            return Ending::Done;
        };
        let text = SafeText::new(&result.text);
        match result.subtype.as_str() {
            "error_max_turns" => Ending::Failed(
                format!(
                    "it took {} steps, the most that one question may take (assistant.turns)",
                    self.rules.turns
                )
                .into(),
            ),
            "error_max_budget_usd" => {
                let trouble = Trouble::new(
                    TroubleKind::OverQuota,
                    format!("the budget of ${} is used up", self.rules.budget),
                    "raise assistant.budget, or begin a new conversation",
                );
                tell(turn, &trouble, out);
                Ending::Failed(trouble.sentence)
            }
            // Aborted, though nobody here asked for it: a signal from elsewhere.
            _ if result.reason.starts_with("aborted") => Ending::Interrupted,
            _ if !result.subtype.starts_with("error") || result.status.is_some() => {
                let trouble = Trouble::of_failure(result.status, &turn.error, &result.text);
                tell(turn, &trouble, out);
                Ending::Failed(text)
            }
            _ => Ending::Failed(text),
        }
    }
}

/// Tells a trouble once per turn and kind.
fn tell(turn: &mut Turn, trouble: &Trouble, out: &mut Vec<Output>) {
    if !turn.troubles.contains(&trouble.kind) {
        turn.troubles.push(trouble.kind);
        out.push(Output::Event(trouble.event()));
    }
}
