//! Finding a host's container engine: ask the host where it listens, then meet it by the first way that leads there.

use std::sync::Arc;
use std::time::Duration;

use super::client::Docker;
use super::error::{DockerError, DockerErrorKind};
use super::greet::{Greeting, Info, Version, greeting};
use super::look::{Candidate, Found, look_below};
use super::wire::{Call, Route, Wire};
use crate::exec::{Exec, ExecErrorKind, RunLimits};
use crate::shell::ShellWord;
use crate::tasks::Tasks;

/// Longest wait for a host's answer to where its engine listens; `docker context` may be asked there.
const LOOKING: RunLimits = RunLimits {
    timeout: Duration::from_secs(10),
    output: 16 * 1024,
};

/// Longest wait for an engine that is met for the first time.
const MEETING: Duration = Duration::from_secs(5);

impl Docker {
    /// Finds the container engine of a host; its connections end at the latest with `tasks`. Tried in this order: the
    /// sockets of the host over `exec`; where those can't be reached, `docker` or `podman` there as a way to them.
    pub async fn find(exec: Arc<dyn Exec>, tasks: &Tasks) -> Result<Self, DockerError> {
        let command = look_below(ShellWord::literal(""));
        let output = exec.run(&command, LOOKING).await.map_err(|error| {
            let kind = match error.kind {
                ExecErrorKind::Timeout => DockerErrorKind::Timeout,
                _ => DockerErrorKind::Lost,
            };
            let what = "the host does not say where its container engine listens";
            DockerError::new(kind, what).source(error)
        })?;
        let mut first = None;
        for candidate in Found::read(&output.stdout).candidates()? {
            match reach(&exec, tasks, &candidate).await {
                Ok(docker) => return Ok(docker),
                // The one that the host itself would use is the one to tell of.
                Err(error) => _ = first.get_or_insert(error),
            }
        }
        let none =
            || DockerError::new(DockerErrorKind::Absent, "this host has no container engine");
        Err(first.unwrap_or_else(none))
    }
}

/// Meets the engine behind one socket, by the socket itself or by a program that leads there.
async fn reach(
    exec: &Arc<dyn Exec>,
    tasks: &Tasks,
    candidate: &Candidate,
) -> Result<Docker, DockerError> {
    let to_socket = Route::Socket(candidate.socket.clone());
    let refused = match meet(exec, tasks, to_socket, candidate).await {
        Err(error) if error.kind == DockerErrorKind::Silent => error,
        met => return met,
    };
    for program in &candidate.programs {
        match meet(exec, tasks, Route::Program(program.clone()), candidate).await {
            Ok(docker) => return Ok(docker),
            Err(error) => tracing::debug!(%error, %program, "no way to the engine"),
        }
    }
    Err(unreachable(candidate, refused))
}

async fn meet(
    exec: &Arc<dyn Exec>,
    tasks: &Tasks,
    route: Route,
    candidate: &Candidate,
) -> Result<Docker, DockerError> {
    let wire = Wire::new(Arc::clone(exec), tasks.clone(), route);
    let greeting = greet(&wire, candidate).await?;
    Ok(Docker::new(wire, greeting))
}

async fn greet(wire: &Wire, candidate: &Candidate) -> Result<Greeting, DockerError> {
    let ask = |path: &str| Call {
        limit: MEETING,
        ..Call::get(path)
    };
    let version: Version = wire.json(&ask("/version")).await?;
    // A gate before the engine may keep this from us; it tells only what is nice to know.
    let info = match wire.json::<Info>(&ask("/info")).await {
        Err(error) if error.kind == DockerErrorKind::Lost => return Err(error),
        Err(error) => {
            tracing::debug!(%error, "an engine that does not tell of its machine");
            Info::default()
        }
        Ok(info) => info,
    };
    greeting(version, &info, &candidate.name)
}

/// An sshd says the same of a socket that nobody listens on and of one that it keeps from us; the host's kernel knows better.
fn unreachable(candidate: &Candidate, refused: DockerError) -> DockerError {
    let socket = &candidate.name;
    if !candidate.heard {
        let what = format!("{socket} is there, and nobody answers");
        return DockerError::new(DockerErrorKind::Silent, what)
            .hint("is the daemon running? sudo systemctl start docker")
            .source(refused);
    }
    let program = if candidate.programs.is_empty() {
        "there is no docker program that could"
    } else {
        "its docker program does not get there either"
    };
    let what = format!("the host's sshd does not let us reach {socket}, and {program}");
    DockerError::new(DockerErrorKind::Forbidden, what)
        .hint("set AllowStreamLocalForwarding to yes or local in its sshd_config")
        .source(refused)
}
