//! Carries a confirmed change of a container out, and looks at the container again: what an engine answers is not yet what
//! happened.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::carry::Carried;
use super::command::{Refusal, Reply};
use super::daemon_watch::refusal;
use super::opened::ContainerTerminal;
use crate::docker::{Docker, DockerError, DockerErrorKind, Terminal, TerminalControl};
use crate::domain::{Container, ContainerAct, ContainerId, ContainerState, PrunePreview, Wall};
use crate::tasks::Tasks;
use crate::text::SafeText;

/// Looks after an act: an engine may answer before the last process is gone.
const LOOKS: u32 = 20;

/// Looks over which what was started has to run on: many a program falls over its configuration within its first moments.
const SETTLES: u32 = 3;

/// The kind of terminal that a program in a container is told of: the one that nearly every image knows.
const TERM: &str = "xterm-256color";

/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(100);

/// Does something with a container.
pub(super) async fn act(
    docker: &Docker,
    id: &ContainerId,
    name: &SafeText,
    act: ContainerAct,
) -> Carried {
    let before = match docker.container(id).await {
        Ok(before) => before,
        Err(error) => return Carried::unverified(Reply::Failed(refusal(&error))),
    };
    if let Err(error) = docker.act(id, act).await {
        return Carried::unverified(trouble(&error));
    }
    let mut seen = None;
    for look in 0..LOOKS {
        if look > 0 {
            sleep(BETWEEN).await;
        }
        let after = docker.container(id).await;
        let verdict = judge(name, act, &before, after);
        let settling = look < SETTLES
            && matches!(act, ContainerAct::Start | ContainerAct::Restart)
            && matches!(verdict.carried.reply, Reply::Done);
        if verdict.is_final && !settling {
            return verdict.carried;
        }
        seen = Some(verdict.carried);
    }
    seen.unwrap_or_else(|| Carried::unverified(Reply::Done))
}

/// What a look after an act shows.
#[derive(Debug)]
struct Verdict {
    carried: Carried,
    /// Looking again shows nothing else.
    is_final: bool,
}

impl Verdict {
    fn done(seen: String) -> Self {
        Self::is(Reply::Done, seen, true)
    }

    /// Not as it should be; it may still become so.
    fn not_yet(why: String, hint: &str, seen: String) -> Self {
        let reply = Reply::Failed(Refusal {
            why,
            hint: Some(hint.into()),
        });
        Self::is(reply, seen, false)
    }

    fn is(reply: Reply, seen: String, is_final: bool) -> Self {
        let verification = Some(seen.into());
        Self {
            carried: Carried {
                reply,
                verification,
            },
            is_final,
        }
    }
}

/// What became of an act, as a look at the container shows it.
fn judge(
    name: &SafeText,
    act: ContainerAct,
    before: &Container,
    after: Result<Container, DockerError>,
) -> Verdict {
    let after = match after {
        Ok(after) => after,
        Err(error) if error.kind == DockerErrorKind::NotFound => {
            return gone(name, act);
        }
        Err(error) => {
            let reply = Reply::Unknown(Refusal {
                why: format!("{name} can't be looked at: {error}"),
                hint: Some("look whether it did as it should".into()),
            });
            return Verdict::is(reply, format!("{name} can't be looked at"), true);
        }
    };
    let seen = format!("{name} is {}", words(&after));
    let anew = after.started.is_some() && after.started != before.started;
    let as_it_should = match act {
        ContainerAct::Start => return started(name, before, &after, seen),
        ContainerAct::Restart => return restarted(name, &after, anew, seen),
        // Its restart policy may have started it anew meanwhile: it did end.
        ContainerAct::Stop | ContainerAct::Kill => anew || !is_alive(after.state),
        ContainerAct::Pause => after.state == ContainerState::Paused,
        ContainerAct::Unpause => after.state == ContainerState::Running,
        ContainerAct::Remove => false,
    };
    if as_it_should {
        return Verdict::done(seen);
    }
    Verdict::not_yet(
        format!("the engine says done, but {seen}"),
        "look at it again, and at the engine's own log",
        seen,
    )
}

fn gone(name: &SafeText, act: ContainerAct) -> Verdict {
    let seen = format!("{name} is gone");
    if matches!(
        act,
        ContainerAct::Remove | ContainerAct::Stop | ContainerAct::Kill
    ) {
        // One that was made with `--rm` goes when it ends.
        return Verdict::done(seen);
    }
    let reply = Reply::Failed(Refusal {
        why: format!("{name} ended and is gone"),
        hint: Some("it was made to be removed when it ends".into()),
    });
    Verdict::is(reply, seen, true)
}

/// One that was started may have ended before anybody looked: with status 0 it did its work.
fn started(name: &SafeText, before: &Container, after: &Container, seen: String) -> Verdict {
    let anew = after.started != before.started;
    match after.state {
        ContainerState::Running | ContainerState::Paused => Verdict::done(seen),
        // It did its work.
        ContainerState::Exited(0) if anew => Verdict::done(seen),
        ContainerState::Exited(_) | ContainerState::Restarting if anew => {
            ended_at_once(name, after, seen)
        }
        _ => Verdict::not_yet(
            format!("the engine says done, but {seen}"),
            "look at its log",
            seen,
        ),
    }
}

fn restarted(name: &SafeText, after: &Container, anew: bool, seen: String) -> Verdict {
    match after.state {
        ContainerState::Running | ContainerState::Exited(0) if anew => Verdict::done(seen),
        ContainerState::Exited(_) | ContainerState::Restarting if anew => {
            ended_at_once(name, after, seen)
        }
        _ => Verdict::not_yet(
            format!("{name} has not started anew: it is {}", words(after)),
            "look at its log",
            seen,
        ),
    }
}

fn ended_at_once(name: &SafeText, after: &Container, seen: String) -> Verdict {
    let status = match after.state {
        ContainerState::Exited(status) => format!(" with status {status}"),
        _ => String::new(),
    };
    let reply = Reply::Failed(Refusal {
        why: format!("{name} was started and ended at once{status}"),
        hint: Some("its log says why".into()),
    });
    Verdict::is(reply, seen, true)
}

fn is_alive(state: ContainerState) -> bool {
    use ContainerState::{Paused, Restarting, Running};
    matches!(state, Running | Paused | Restarting)
}

/// State, status and start, as the ledger keeps them.
fn words(container: &Container) -> String {
    let state = container.state.word();
    let since = |what: &str, wall: Option<Wall>| match wall.map(moment) {
        Some(moment) => format!(" {what} {moment}"),
        None => String::new(),
    };
    match container.state {
        ContainerState::Exited(status) => {
            let at = since("at", container.finished);
            format!("{state} with status {status}{at}")
        }
        ContainerState::Created => state.to_owned(),
        _ => format!("{state}{}", since("since", container.started)),
    }
}

fn moment(wall: Wall) -> String {
    match jiff::Timestamp::from_millisecond(wall.0) {
        Ok(moment) => moment.to_string(),
        Err(_) => format!("{} ms", wall.0),
    }
}

/// Opens a terminal in a container.
pub(super) async fn terminal(
    docker: &Docker,
    id: &ContainerId,
    argv: &[String],
    size: (u16, u16),
    tasks: &Tasks,
) -> Result<ContainerTerminal, Reply> {
    let opened = docker.terminal(id, argv, TERM, size).await;
    let Terminal { io, control } = opened.map_err(|error| trouble(&error))?;
    let (resize, mut sizes) = mpsc::channel(4);
    let status = Box::pin(status(control.clone()));
    // Ends with the last sender, which the face holds as long as it has the terminal.
    tasks.spawn(async move {
        while let Some((columns, rows)) = sizes.recv().await {
            if let Err(error) = control.resize(columns, rows).await {
                tracing::debug!(%error, "a terminal did not take its size");
            }
        }
    });
    Ok(ContainerTerminal { io, resize, status })
}

/// How what ran in a terminal ended; an engine says so a moment after its last byte.
async fn status(control: TerminalControl) -> Option<i32> {
    for _ in 0..LOOKS {
        match control.exit_code().await {
            Ok(None) => sleep(BETWEEN).await,
            Ok(status) => return status,
            Err(error) => {
                tracing::debug!(%error, "how a terminal ended was not told");
                return None;
            }
        }
    }
    None
}

/// Removes what was agreed to, and looks what is left of it.
pub(super) async fn prune(docker: &Docker, agreed: &PrunePreview) -> Carried {
    let took = match docker.prune(agreed).await {
        Ok(took) => took,
        Err(error) => return Carried::unverified(trouble(&error)),
    };
    let verification = match docker.prune_preview().await {
        Ok(now) => {
            let left = left(agreed, &now);
            Some(format!("{}; {left} of it left", taken(&took)).into())
        }
        Err(error) => {
            tracing::debug!(%error, "what a prune left was not told");
            None
        }
    };
    Carried {
        reply: Reply::Pruned(took),
        verification,
    }
}

/// How much of what was agreed to is still there to be removed.
fn left(agreed: &PrunePreview, now: &PrunePreview) -> usize {
    let containers = now.containers.iter();
    let containers = containers.filter(|(id, _)| agreed.containers.iter().any(|(of, _)| of == id));
    let images = now.images.iter();
    let images = images.filter(|(id, _)| agreed.images.iter().any(|(of, _)| of == id));
    containers.count() + images.count()
}

fn taken(took: &PrunePreview) -> String {
    format!(
        "removed {} containers and {} images, {} bytes",
        took.containers.len(),
        took.images.len(),
        took.bytes.0
    )
}

/// A failure: known to have changed nothing, or not known.
fn trouble(error: &DockerError) -> Reply {
    let Refusal { why, hint } = refusal(error);
    match error.kind {
        DockerErrorKind::Lost | DockerErrorKind::Timeout => Reply::Unknown(Refusal {
            why,
            hint: Some(hint.unwrap_or_else(|| {
                "it may or may not have happened: look at the list again".into()
            })),
        }),
        _ => Reply::Failed(Refusal { why, hint }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sim;
    use ContainerAct as Act;
    use ContainerState::{Exited, Paused, Restarting, Running};

    fn container(state: ContainerState, started: i64) -> Container {
        let mut all = sim::containers(1, 1, Wall(1_800_000_000_000));
        let mut container = all.remove(0);
        container.state = state;
        container.started = Some(Wall(started));
        container
    }

    #[test]
    fn an_act_is_judged_by_what_is_seen_afterwards() {
        let old = || container(Running, 1);
        let rows = [
            (Act::Stop, Exited(143), 1, "Done", true),
            (Act::Stop, Running, 1, "Failed", false),
            // Its restart policy was quicker than we.
            (Act::Kill, Running, 2, "Done", true),
            (Act::Kill, Exited(137), 1, "Done", true),
            (Act::Restart, Running, 1, "Failed", false),
            (Act::Restart, Running, 2, "Done", true),
            (
                Act::Restart,
                Exited(1),
                2,
                "ended at once with status 1",
                true,
            ),
            (Act::Restart, Restarting, 2, "ended at once", true),
            (Act::Pause, Paused, 1, "Done", true),
            (Act::Pause, Running, 1, "Failed", false),
            (Act::Unpause, Running, 1, "Done", true),
            (Act::Start, Running, 1, "Done", true),
            (Act::Start, Exited(0), 2, "Done", true),
            (
                Act::Start,
                Exited(127),
                2,
                "ended at once with status 127",
                true,
            ),
            (Act::Start, Exited(0), 1, "Failed", false),
            (Act::Remove, Exited(0), 1, "Failed", false),
        ];
        for (act, state, started, words, is_final) in rows {
            let after = container(state, started);
            let verdict = judge(&"web".into(), act, &old(), Ok(after));
            let told = format!("{:?}", verdict.carried.reply);
            assert!(told.contains(words), "{act:?} {state:?}: {told}");
            assert_eq!(verdict.is_final, is_final, "{act:?} {state:?}");
            assert!(verdict.carried.verification.is_some());
        }
    }

    #[test]
    fn one_that_is_gone_was_removed_or_removes_itself() {
        let none = || DockerError::new(DockerErrorKind::NotFound, "no such container");
        for (act, words) in [
            (Act::Remove, "Done"),
            (Act::Stop, "Done"),
            (Act::Restart, "ended and is gone"),
        ] {
            let verdict = judge(&"web".into(), act, &container(Running, 1), Err(none()));
            let told = format!("{:?}", verdict.carried.reply);
            assert!(told.contains(words) && verdict.is_final, "{act:?}: {told}");
        }
        let lost = DockerError::new(DockerErrorKind::Lost, "the connection is gone");
        let verdict = judge(&"web".into(), Act::Stop, &container(Running, 1), Err(lost));
        assert!(matches!(verdict.carried.reply, Reply::Unknown(_)));
    }

    #[test]
    fn what_of_an_agreement_is_left_is_counted() {
        let id = ContainerId::new;
        let agreed = PrunePreview {
            containers: vec![(id("a1"), "one".into()), (id("c3"), "three".into())],
            images: vec![("sha256:beef".into(), crate::domain::Bytes(5))],
            ..PrunePreview::default()
        };
        // Meanwhile one is gone, and another has ended.
        let now = PrunePreview {
            containers: vec![(id("b2"), "two".into()), (id("c3"), "three".into())],
            ..agreed.clone()
        };
        assert_eq!(left(&agreed, &now), 2);
        assert_eq!(left(&agreed, &PrunePreview::default()), 0);
    }

    #[test]
    fn what_was_seen_is_kept_in_words() {
        let rows = [
            (Running, "running since 1970-01-01T00:00:01Z"),
            (Exited(137), "exited with status 137"),
            (ContainerState::Created, "created"),
        ];
        for (state, wanted) in rows {
            assert_eq!(words(&container(state, 1000)), wanted);
        }
    }

    #[test]
    fn a_lost_connection_is_not_known_and_has_a_mend() {
        let lost = DockerError::new(DockerErrorKind::Lost, "the connection is gone");
        let Reply::Unknown(refusal) = trouble(&lost) else {
            panic!("it may have happened");
        };
        assert!(refusal.hint.unwrap().contains("look"));
        let conflict = DockerError::new(DockerErrorKind::Conflict, "it runs");
        assert!(matches!(trouble(&conflict), Reply::Failed(_)));
    }
}
