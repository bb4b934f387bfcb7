//! A runbook at work in a conversation: its questions one after the other, and what the answers add up to. Needs no assistant.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::fleet_words;
use super::room::Room;
use crate::assistant::{CallId, EventKind, Origin, StepResult, clean_lines};
use crate::config::Problem;
use crate::diagnose::{self, Answer, Question, Runbook};
use crate::domain::HostId;
use crate::engine::{Refusal, RunbookSummary};
use crate::text::SafeText;

/// How long one question may take. A wedged host answers none: the whole then ends after the first that finds it so.
const LIMIT: Duration = Duration::from_secs(15);

/// A runbook on its way.
pub(super) struct Running {
    pub(super) room: Arc<Room>,
    pub(super) host: HostId,
    pub(super) book: Runbook,
    /// Where what happens is told.
    pub(super) happen: mpsc::Sender<EventKind>,
    /// Falls when a person stops it.
    pub(super) stop: CancellationToken,
}

impl Running {
    /// What tells that it began.
    pub(super) fn began(&self) -> EventKind {
        EventKind::RunbookBegan {
            host: self.host.clone(),
            name: self.book.name.as_str().into(),
            steps: self.book.steps.len(),
        }
    }

    /// Asks, one after the other. Ends early where the host is lost or a person stops it.
    pub(super) async fn run(self) {
        let findings = match self.unreachable() {
            Some(why) => why,
            None => self.ask_all().await,
        };
        self.tell(EventKind::RunbookEnded { findings }).await;
    }

    async fn ask_all(&self) -> Vec<SafeText> {
        let number = fastrand::u32(..);
        let mut answers: Vec<Answer> = Vec::new();
        for (step, question) in self.book.steps.iter().enumerate() {
            let call = CallId(format!("runbook-{number:08x}-{step}").into());
            self.tell(began(&call, &self.host, question)).await;
            let answer = tokio::select! {
                biased;
                () = self.stop.cancelled() => stopped(),
                answer = ask(&self.room, &self.host, question) => answer,
            };
            let result = result(&answer);
            self.tell(EventKind::CallEnded { call, result }).await;
            answers.push(answer);
            if self.stop.is_cancelled() || self.unreachable().is_some() {
                break;
            }
        }
        let mut findings = diagnose::findings(&self.book, &answers);
        findings.extend(self.unreachable().into_iter().flatten());
        clean(&findings).0
    }

    /// Why the host can't be asked, in words; `None` where it can.
    fn unreachable(&self) -> Option<Vec<SafeText>> {
        let fleet = self.room.handle.fleet();
        let fleet = fleet.borrow();
        let why = match fleet.host(&self.host) {
            Some(host) => fleet_words::why_down(&fleet, host)?,
            None => vec![format!("there is no host {}", self.host)],
        };
        let mut lines: Vec<SafeText> = why.into_iter().map(Into::into).collect();
        lines.push(
            "nothing can be asked there; its power switch and console are other ways to it".into(),
        );
        Some(lines)
    }

    async fn tell(&self, kind: EventKind) {
        if self.happen.send(kind).await.is_err() {
            tracing::debug!("a runbook outlives its conversation");
        }
    }
}

/// The runbooks there are; what is wrong with a person's own is told beside them.
pub(super) async fn books(folder: Option<PathBuf>) -> (Vec<Runbook>, Vec<Problem>) {
    let read = move || diagnose::runbooks(folder.as_deref());
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(error) => {
            tracing::warn!(%error, "a person's own runbooks can't be read");
            (diagnose::built_in(), Vec::new())
        }
    }
}

/// What is wrong with a person's own runbooks, with file and line. Reads the folder.
pub fn runbook_problems(folder: Option<&Path>) -> Vec<Problem> {
    diagnose::runbooks(folder).1
}

/// The runbook of this name.
pub(super) fn find(books: Vec<Runbook>, name: &str) -> Result<Runbook, Refusal> {
    let names: Vec<String> = books.iter().map(|book| book.name.clone()).collect();
    let found = books.into_iter().find(|book| book.name == name);
    found.ok_or_else(|| Refusal {
        why: format!("no runbook is called {}", SafeText::new(name)),
        hint: Some(format!("there are {}", names.join(", "))),
    })
}

/// A runbook in a list.
pub(super) fn summary(book: &Runbook) -> RunbookSummary {
    RunbookSummary {
        name: book.name.clone(),
        what: book.what.clone(),
        steps: book.steps.iter().map(Question::words).collect(),
    }
}

/// Asks a host, where there is a way to it.
pub(super) async fn ask(room: &Room, host: &HostId, question: &Question) -> Answer {
    match room.shared.links.exec(host) {
        Some(exec) => diagnose::ask(exec.as_ref(), &room.clock, question, LIMIT).await,
        None => Answer {
            failed: Some(format!("{host} is not connected").into()),
            ..Answer::default()
        },
    }
}

/// The step as it is shown: what is asked, and the exact command for whoever opens it.
fn began(call: &CallId, host: &HostId, question: &Question) -> EventKind {
    EventKind::CallBegan {
        call: call.clone(),
        origin: Origin::Runbook,
        tool: question.words().into(),
        host: Some(host.clone()),
        what: SafeText::default(),
        exact: Some(question.command().render().into()),
        why: None,
    }
}

/// An answer as it is shown and kept: without secrets.
pub(super) fn result(answer: &Answer) -> StepResult {
    StepResult {
        lines: clean(&answer.lines).0,
        cut: answer.cut,
        exit: answer.exit,
        failed: answer.failed.as_ref().map(clean_line),
        took: answer.took,
    }
}

/// Lines without secrets, and how many there were.
pub(super) fn clean(lines: &[SafeText]) -> (Vec<SafeText>, usize) {
    let (lines, masked) = clean_lines(lines.iter().map(SafeText::as_str));
    (lines.into_iter().map(Into::into).collect(), masked)
}

/// One line without secrets.
pub(super) fn clean_line(line: &SafeText) -> SafeText {
    let (lines, _) = clean_lines([line.as_str()]);
    lines.join(" ").into()
}

fn stopped() -> Answer {
    Answer {
        failed: Some("stopped by a person".into()),
        ..Answer::default()
    }
}
