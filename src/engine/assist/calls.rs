//! The assistant's tool calls: what only looks is answered, what would change something waits for a person. Every text from a
//! host passes the guard on its way to the model, and is shown and kept without its secrets.

use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::mind::MindCall;
use super::room::Room;
use super::{fleet_words, metric_words, proposing, reading, runbook};
use crate::assistant::{
    Boundary, CallId, EventKind, LogWish, Origin, ProposedAct, StepResult, ToolAnswer, ToolCall,
    guard,
};
use crate::diagnose::Question;
use crate::domain::{HostId, SessionId};
use crate::engine::state::Fleet;
use crate::text::SafeText;

/// How long a call that nobody waits for may take to end.
const GIVES_UP: Duration = Duration::from_secs(1);

/// What a call is answered with.
pub(super) struct Given {
    /// For the model.
    pub(super) answer: ToolAnswer,
    /// For the person, and the store.
    pub(super) result: StepResult,
}

impl Given {
    /// A refusal or a failure in our own words; what was asked for may be named in them.
    pub(super) fn failed(why: impl Into<SafeText>) -> Self {
        let why = runbook::clean_line(&why.into());
        Self {
            answer: ToolAnswer::error(why.to_string()),
            result: StepResult {
                failed: Some(why),
                ..plain(Vec::new())
            },
        }
    }

    /// Foreign lines: guarded for the model, without secrets for the person. Why it failed is foreign as well: a host's own
    /// complaint often is all that there is.
    pub(super) fn foreign(source: &str, result: StepResult) -> Self {
        let Some(boundary) = boundary() else {
            return Self::failed(
                "this machine gives no random numbers; nothing can be handed over",
            );
        };
        let result = StepResult {
            failed: result.failed.map(|why| runbook::clean_line(&why)),
            ..result
        };
        let complaint = result.failed.as_ref().map(|why| format!("failed: {why}"));
        let complaint = complaint.iter().map(String::as_str);
        let lines = complaint.chain(result.lines.iter().map(SafeText::as_str));
        let guarded = guard(source, lines, result.cut, boundary);
        let head = match (&result.failed, result.exit) {
            (Some(_), _) => "It failed.\n".to_owned(),
            (None, Some(status)) => format!("exit status {status}\n"),
            (None, None) => String::new(),
        };
        let text = head + &guarded.text;
        let answer = match result.failed {
            Some(_) => ToolAnswer::error(text),
            None => ToolAnswer::ok(text),
        };
        let (lines, _) = runbook::clean(&result.lines);
        Self {
            answer,
            result: StepResult { lines, ..result },
        }
    }

    /// Why there is nothing to hand over, in words that may be a host's.
    pub(super) fn shut(source: &str, why: impl Into<SafeText>) -> Self {
        let result = StepResult {
            failed: Some(why.into()),
            ..plain(Vec::new())
        };
        Self::foreign(source, result)
    }

    /// With this of our own before it.
    pub(super) fn behind(mut self, words: &str) -> Self {
        self.answer.text = format!("{words}\n{}", self.answer.text);
        self
    }
}

/// The edges of an answer, which nobody can know before.
fn boundary() -> Option<Boundary> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(Boundary::new(u128::from_le_bytes(bytes)))
}

/// One who answers calls of one conversation.
#[derive(Clone)]
pub(super) struct Clerk {
    pub(super) room: Arc<Room>,
    pub(super) session: SessionId,
    /// Where what happens is told.
    pub(super) happen: mpsc::Sender<EventKind>,
}

impl Clerk {
    /// Answers a call. It is given up when nobody wants the answer any more: what it proposed is withdrawn.
    pub(super) async fn answer(self, call: MindCall) {
        let MindCall {
            tool,
            input,
            id,
            mut answer,
        } = call;
        let id = id.unwrap_or_else(|| format!("call-{:016x}", fastrand::u64(..)));
        let id = CallId(id.into());
        let parsed = ToolCall::parse(&tool, &input);
        self.tell(began(&id, &tool, parsed.as_ref().ok())).await;
        let since = self.room.clock.at();
        let gone = CancellationToken::new();
        let mut work = Box::pin(async {
            match parsed {
                Ok(call) => self.work(call, &gone).await,
                Err(why) => Given::failed(why),
            }
        });
        let given = tokio::select! {
            given = &mut work => given,
            () = answer.closed() => {
                gone.cancel();
                let given_up = || Given::failed("the assistant does not wait for it any more");
                // A proposal takes itself back, and tells so.
                timeout(GIVES_UP, work).await.unwrap_or_else(|_| given_up())
            }
        };
        let mut result = given.result;
        if result.took == Duration::ZERO {
            result.took = self.room.clock.at().since(since).duration();
        }
        self.tell(EventKind::CallEnded { call: id, result }).await;
        // An error means that the program is gone.
        drop(answer.send(given.answer));
    }

    async fn work(&self, call: ToolCall, gone: &CancellationToken) -> Given {
        match call {
            ToolCall::Fleet => {
                let lines = fleet_words::fleet(&self.fleet());
                Given::foreign("the fleet as Pilothouse sees it", plain(lines))
            }
            ToolCall::HostFacts { host, question } => self.facts(host, question, gone).await,
            ToolCall::ReadLogs(wish) => self.logs(wish).await,
            ToolCall::Metrics {
                host,
                series,
                minutes,
            } => {
                let fleet = self.fleet();
                match fleet.host(&host) {
                    Some(found) => {
                        let lines = metric_words::metrics(&fleet, found, series, minutes);
                        Given::foreign(&format!("readings of {host}"), plain(lines))
                    }
                    None => self.no_such_host(&host),
                }
            }
            ToolCall::Run { host, argv, why } => {
                let act = ProposedAct::Run { argv };
                proposing::propose((self, gone), &host, act, (why, Vec::new())).await
            }
            ToolCall::Propose {
                host,
                act,
                why,
                evidence,
            } => proposing::propose((self, gone), &host, act, (why, evidence)).await,
        }
    }

    async fn facts(&self, host: HostId, question: Question, gone: &CancellationToken) -> Given {
        let asked_for = &self.room.settings.ask_for;
        if asked_for.iter().any(|name| name == question.name()) {
            let argv = question.command().argv();
            let act = ProposedAct::Run { argv };
            let why = format!(
                "{}: a person's leave is wanted for this question",
                question.words()
            );
            return proposing::propose((self, gone), &host, act, (why.into(), Vec::new())).await;
        }
        if let Some(down) = self.down(&host) {
            return down;
        }
        let answer = runbook::ask(&self.room, &host, &question).await;
        let source = format!("{} on {host}", question.words());
        Given::foreign(
            &source,
            StepResult {
                lines: answer.lines,
                cut: answer.cut,
                exit: answer.exit,
                failed: answer.failed,
                took: answer.took,
            },
        )
    }

    async fn logs(&self, wish: LogWish) -> Given {
        if let Some(down) = self.down(&wish.host) {
            return down;
        }
        let source = format!("log {} on {}", wish.source, wish.host);
        match reading::read(&self.room, &wish).await {
            Ok(result) => Given::foreign(&source, result),
            Err(why) => Given::shut(&source, why),
        }
    }

    /// Why a host can't be asked; `None` where it can.
    pub(super) fn down(&self, host: &HostId) -> Option<Given> {
        let fleet = self.fleet();
        let Some(found) = fleet.host(host) else {
            return Some(self.no_such_host(host));
        };
        let why = fleet_words::why_down(&fleet, found)?;
        let mut given = Given::foreign(&format!("why {host} can't be asked"), plain(why));
        given.answer.is_error = true;
        given.result.failed = Some(format!("{host} can't be asked now").into());
        Some(given)
    }

    fn no_such_host(&self, host: &HostId) -> Given {
        let fleet = self.fleet();
        let names: Vec<&str> = fleet.hosts.iter().map(|host| host.id.as_str()).collect();
        Given::failed(format!(
            "there is no host {host}; there are {}",
            names.join(", ")
        ))
    }

    pub(super) fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.room.handle.fleet().borrow())
    }

    pub(super) async fn tell(&self, kind: EventKind) {
        if self.happen.send(kind).await.is_err() {
            tracing::debug!("a tool call outlives its conversation");
        }
    }
}

/// The call as it is shown.
fn began(id: &CallId, tool: &str, call: Option<&ToolCall>) -> EventKind {
    let (what, why) = match call {
        None => ("a call that is not understood".to_owned(), None),
        Some(ToolCall::Fleet) => ("every host and what is known of it".to_owned(), None),
        Some(ToolCall::HostFacts { question, .. }) => (question.words(), None),
        Some(ToolCall::ReadLogs(wish)) => (reading::words(wish), None),
        Some(ToolCall::Metrics {
            series, minutes, ..
        }) => {
            let series = series.map_or_else(|| "all readings".into(), |s| format!("{s:?}"));
            (format!("{series}, {minutes} minutes"), None)
        }
        Some(ToolCall::Run { argv, why, .. }) => (proposing::line(argv), Some(why.clone())),
        Some(ToolCall::Propose { act, why, .. }) => (proposing::words(act), Some(why.clone())),
    };
    let exact = match call {
        Some(ToolCall::HostFacts { question, .. }) => Some(question.command().render()),
        _ => None,
    };
    let clean = |text: &str| runbook::clean_line(&text.into());
    EventKind::CallBegan {
        call: id.clone(),
        origin: Origin::Assistant,
        tool: tool.into(),
        host: call.and_then(ToolCall::host).cloned(),
        what: clean(&what),
        exact: exact.map(|exact| clean(&exact)),
        why: why.map(|why| clean(why.as_str())),
    }
}

/// Lines of our own making, with names of things on hosts in them.
fn plain(lines: Vec<String>) -> StepResult {
    StepResult {
        lines: lines.into_iter().map(Into::into).collect(),
        cut: 0,
        exit: None,
        failed: None,
        took: Duration::ZERO,
    }
}
