//! What the assistant wishes to be done: put before a person, and what became of it told to the model.

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::calls::{Clerk, Given};
use super::identity;
use crate::assistant::{
    Cited, Decided, EventKind, Evidence, ProposedAct, ProposedSignal, StepResult, Went,
};
use crate::domain::{ContainerId, HostId};
use crate::engine::host_state::Host;
use crate::engine::proposals::{OpenProposal, Proposing, Settled};
use crate::engine::{Command, Refusal, Signal};
use crate::follow::SourceSpec;
use crate::text::{Masking, SafeText, mask_command};

/// Puts it before a person and waits: for their decision, for ten minutes, or until nobody asks any more.
pub(super) async fn propose(
    (clerk, gone): (&Clerk, &CancellationToken),
    host: &HostId,
    act: ProposedAct,
    (why, cited): (SafeText, Vec<Cited>),
) -> Given {
    let fleet = clerk.fleet();
    let Some(found) = fleet.host(host) else {
        return Given::failed(format!("there is no host {host}"));
    };
    let command = match command(found, act) {
        Ok(command) => command,
        Err(why) => return Given::failed(why),
    };
    let (command, seen) = match identified(clerk, command).await {
        Ok(identified) => identified,
        Err(why) => return Given::shut(&format!("why it can't be done on {host}"), why),
    };
    let proposing = Proposing {
        session: clerk.session,
        command,
        why,
        evidence: cited
            .into_iter()
            .map(|cited| evidence(host, cited))
            .chain(seen)
            .collect(),
    };
    let open = match clerk.room.shared.proposals.put(proposing).await {
        Ok(open) => open,
        Err(Refusal { why, hint }) => {
            let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            let source = format!("why it can't be done on {host}");
            return Given::shut(&source, format!("{why}{hint}")).behind("Nobody was asked.");
        }
    };
    let (answer, settled) = oneshot::channel();
    let follower = follow(clerk.clone(), gone.clone(), open, answer);
    clerk.room.shared.tasks.spawn(follower);
    match settled.await {
        Ok(settled) => told(host, settled),
        Err(_) => Given::failed("this console ends; what became of it is not known"),
    }
}

/// Tells the conversation of a proposal and of its end. The call may be given up meanwhile: an act that a person has approved
/// goes on all the same, and its true outcome is told.
async fn follow(
    clerk: Clerk,
    gone: CancellationToken,
    open: OpenProposal,
    mut answer: oneshot::Sender<Settled>,
) {
    let proposal = open.proposal().as_ref().clone();
    let id = proposal.id;
    clerk.tell(EventKind::Proposed(proposal)).await;
    let given_up = async {
        tokio::select! {
            () = gone.cancelled() => {}
            () = answer.closed() => {}
        }
    };
    let approved = async || clerk.tell(EventKind::Begun { proposal: id }).await;
    let settled = open.settled_or_gone(given_up, approved).await;
    let decided = settled.decided.clone();
    clerk
        .tell(EventKind::Decided {
            proposal: id,
            decided,
        })
        .await;
    // An error means that the call was given up.
    drop(answer.send(settled));
}

/// The command that a person would have asked for.
fn command(host: &Host, act: ProposedAct) -> Result<Command, String> {
    let id = host.id.clone();
    Ok(match act {
        ProposedAct::Power(verb) => Command::Power { host: id, verb },
        ProposedAct::Container { container, act } => Command::Container {
            host: id,
            id: container_id(host, &container)?,
            act,
        },
        ProposedAct::Signal { pid, signal } => Command::Signal {
            host: id,
            pid,
            started: started(host, pid),
            signal: self::signal(signal),
        },
        ProposedAct::Run { argv } => Command::Run { host: id, argv },
        ProposedAct::Reconnect => {
            return Err(
                "a connection is dialled again by itself; ask the person to reconnect where that takes too long"
                    .into(),
            );
        }
    })
}

/// The same with the process of a signal made certain, and how it was. A process that only its number tells could be
/// another by the time that a person has decided.
async fn identified(
    clerk: &Clerk,
    command: Command,
) -> Result<(Command, Option<Evidence>), String> {
    let Command::Signal {
        host,
        pid,
        started: None,
        signal,
    } = command
    else {
        return Ok((command, None));
    };
    let found = identity::ask(&clerk.room, &host, pid).await?;
    let seen = Evidence {
        what: format!("process {pid} is {} of {}", found.name, found.user).into(),
        host: Some(host.clone()),
        source: format!("/proc/{pid}/stat").into(),
        at: Some(clerk.room.clock.wall()),
    };
    let started = Some(found.started);
    let command = Command::Signal {
        host,
        pid,
        started,
        signal,
    };
    Ok((command, Some(seen)))
}

/// A container by its name, or by the first letters of its id.
fn container_id(host: &Host, name: &str) -> Result<ContainerId, String> {
    let list = &host.containers.list;
    if let Some(named) = list.iter().find(|found| found.name.as_str() == name) {
        return Ok(named.id.clone());
    }
    let mut like = list
        .iter()
        .filter(|found| name.len() >= 6 && found.id.as_str().starts_with(name));
    match (like.next(), like.next()) {
        (Some(one), None) => Ok(one.id.clone()),
        (Some(_), Some(_)) => Err(format!(
            "more than one container of {} begins with {name}",
            host.id
        )),
        (None, _) => Err(format!("{} has no container {name}", host.id)),
    }
}

/// When a process was started, where we know: so that a reused pid is not hit.
fn started(host: &Host, pid: u32) -> Option<u64> {
    let processes = &host.processes.as_ref()?.value;
    let found = processes.iter().find(|process| process.pid == pid)?;
    found.started.value().copied()
}

fn signal(signal: ProposedSignal) -> Signal {
    match signal {
        ProposedSignal::Int => Signal::Int,
        ProposedSignal::Term => Signal::Term,
        ProposedSignal::Kill => Signal::Kill,
        ProposedSignal::Hup => Signal::Hup,
    }
}

/// A log source is named with its host, so that it can be opened as it stands.
fn evidence(host: &HostId, cited: Cited) -> Evidence {
    let is_log = cited.source.as_str().parse::<SourceSpec>().is_ok();
    let source = if is_log {
        format!("{host}/{}", cited.source).into()
    } else {
        cited.source
    };
    Evidence {
        what: cited.what,
        host: Some(host.clone()),
        source,
        at: cited.at,
    }
}

/// What would be done, for the chip: the card has the exact command.
pub(super) fn words(act: &ProposedAct) -> String {
    match act {
        ProposedAct::Power(verb) => format!("power {verb}"),
        ProposedAct::Container { container, act } => {
            format!("{act:?} container {container}").to_lowercase()
        }
        ProposedAct::Signal { pid, signal } => {
            format!("send {} to process {pid}", self::signal(*signal).name())
        }
        ProposedAct::Run { argv } => line(argv),
        ProposedAct::Reconnect => "reconnect".into(),
    }
}

/// A command as it is shown and kept: without its secrets.
pub(super) fn line(argv: &[String]) -> String {
    mask_command(argv.iter().map(String::as_str), Masking::Sparing).join(" ")
}

/// How an approved act went. What nobody knows must not be tried a second time unseen.
fn approved(went: Went) -> String {
    match went {
        Went::Done => "A person approved it, and it was done.".to_owned(),
        Went::Failed => "A person approved it, but it failed.".to_owned(),
        Went::Unknown => "A person approved it and it was sent, but nobody knows whether it happened. Look first: do not propose it again before you have seen what became of it.".to_owned(),
        Went::Ended { status: Some(status) } => format!(
            "A person approved it and the command ran: it ended with status {status}. It may have changed things."
        ),
        Went::Ended { status: None } => {
            "A person approved it and the command ran until a signal ended it. It may have changed things.".to_owned()
        }
    }
}

/// What became of it: for the model, and for the person. How it went is told in a host's own words, where it has any.
fn told(host: &HostId, settled: Settled) -> Given {
    let (words, foreign) = match &settled.decided {
        Decided::Approved { went, outcome, .. } => {
            (approved(*went), (*went != Went::Done).then_some(outcome))
        }
        Decided::Refused { why: Some(why) } => (format!("A person refused it: {why}."), None),
        Decided::Refused { why: None } => ("A person refused it.".to_owned(), None),
        Decided::Shut { why } => (
            "A person agreed, but Pilothouse refused it. Nothing was done.".to_owned(),
            Some(why),
        ),
        Decided::Expired => (
            "Nobody decided on it in time. Nothing was done.".to_owned(),
            None,
        ),
        Decided::Withdrawn => ("It was withdrawn. Nothing was done.".to_owned(), None),
    };
    let done = matches!(
        settled.decided,
        Decided::Approved {
            went: Went::Done,
            ..
        }
    );
    let source = format!("what came of it on {host}");
    let mut given = match (settled.printed, foreign) {
        (Some(printed), why) => {
            let failed = why.cloned().or(printed.failed);
            Given::foreign(&source, StepResult { failed, ..printed }).behind(&words)
        }
        (None, Some(why)) => Given::shut(&source, why.clone()).behind(&words),
        (None, None) => Given::failed(words),
    };
    given.answer.is_error = !done;
    if done {
        given.result.failed = None;
    }
    given
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::Reply;

    #[test]
    fn what_nobody_knows_is_not_told_as_not_done() {
        let refusal = || Refusal {
            why: "its answer was lost".into(),
            hint: None,
        };
        let ran = |exit| Reply::Ran {
            lines: Vec::new(),
            cut: 0,
            exit,
        };
        let rows = [
            (Reply::Done, "it was done", false),
            (Reply::Failed(refusal()), "but it failed", true),
            (Reply::Unknown(refusal()), "Look first", true),
            (ran(Some(0)), "it was done", false),
            (ran(Some(3)), "ran: it ended with status 3", true),
            (ran(None), "until a signal ended it", true),
        ];
        for (reply, words, is_error) in rows {
            let act = Some(crate::domain::ActId(1));
            let settled = Settled::carried_out(act, &reply, Duration::ZERO);
            let given = told(&HostId::new("spark-1"), settled);
            let all = format!("{:?}", given.answer);
            assert!(all.contains(words), "{reply:?}: {all}");
            assert!(!all.contains("not done"), "{reply:?}: {all}");
            assert_eq!(given.answer.is_error, is_error, "{reply:?}");
        }
    }
}
