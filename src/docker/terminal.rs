//! A terminal inside a container: a shell there, its bytes handed out raw.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::client::Docker;
use super::error::{DockerError, DockerErrorKind};
use super::wire::{Call, SOON, escape};
use crate::domain::ContainerId;
use crate::exec::BoxedIo;

/// The better shell where there is one, else the one that is nearly everywhere.
const SHELL: &str = "for shell in /bin/bash /usr/bin/bash; do if [ -x $shell ]; then exec $shell; fi; done; exec /bin/sh";

/// Waits for a shell to be there: an engine under load takes its time to start one.
const STARTING: [Duration; 5] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(500),
];

/// A shell that runs inside a container. Dropping its `io` hangs up.
pub struct Terminal {
    /// What is typed goes in, what is shown comes out.
    pub io: BoxedIo,
    /// Its size and its end.
    pub control: TerminalControl,
}

/// Beside the bytes of a [`Terminal`]; cheap to clone.
#[derive(Debug, Clone)]
pub struct TerminalControl {
    docker: Docker,
    id: String,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    running: bool,
    exit_code: Option<i32>,
}

impl Docker {
    /// Opens a terminal of this kind and size (columns, rows) inside a container that runs. Without `argv` it is bash, or
    /// what the container has as `/bin/sh`.
    pub async fn terminal(
        &self,
        container: &ContainerId,
        argv: &[String],
        term: &str,
        (columns, rows): (u16, u16),
    ) -> Result<Terminal, DockerError> {
        let path = format!("/containers/{}/exec", escape(container.as_str()));
        let wanted = json!({
            "AttachStdin": true,
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": true,
            "Env": [format!("TERM={term}")],
            "Cmd": if argv.is_empty() { json!(["/bin/sh", "-c", SHELL]) } else { json!(argv) },
            "ConsoleSize": [rows, columns],
        });
        let made = self.wire().json::<Made>(&self.order(&path, &wanted)).await;
        let id = made.map_err(not_running)?.id;
        let start = json!({"Detach": false, "Tty": true, "ConsoleSize": [rows, columns]});
        let call = self.order(&format!("/exec/{}/start", escape(&id)), &start);
        let io = self.wire().hijack(&call).await.map_err(not_running)?;
        let control = TerminalControl {
            docker: self.clone(),
            id,
        };
        control.first_size(columns, rows).await;
        Ok(Terminal { io, control })
    }

    fn order(&self, path: &str, body: &serde_json::Value) -> Call {
        Call {
            body: body.to_string().into(),
            ..Call::post(self.path(path), SOON)
        }
    }
}

impl TerminalControl {
    /// Before API 1.42 an engine takes no size with the order, and hands over the connection a moment before its shell can
    /// be told one.
    async fn first_size(&self, columns: u16, rows: u16) {
        for pause in STARTING {
            match self.sized(columns, rows).await {
                Err(error) if gone(&error) => sleep(pause).await,
                _ => return,
            }
        }
    }

    async fn sized(&self, columns: u16, rows: u16) -> Result<(), DockerError> {
        let path = format!("/exec/{}/resize?h={rows}&w={columns}", escape(&self.id));
        let call = Call::post(self.docker.path(&path), SOON);
        self.docker.wire().call(&call).await.map(drop)
    }

    /// Tells the shell the new size in characters; one that has ended needs none.
    pub async fn resize(&self, columns: u16, rows: u16) -> Result<(), DockerError> {
        match self.sized(columns, rows).await {
            Err(error) if gone(&error) => Ok(()),
            answer => answer,
        }
    }

    /// How the shell ended; `None` while it runs. 126 and 127: the container has no shell that could be started.
    pub async fn exit_code(&self) -> Result<Option<i32>, DockerError> {
        let path = format!("/exec/{}/json", escape(&self.id));
        let told: Told = self.docker.wire().json(&self.docker.get(&path)).await?;
        Ok(told.exit_code.filter(|_| !told.running))
    }
}

/// An engine says in several ways that the shell is no longer, or not yet, there.
fn gone(error: &DockerError) -> bool {
    matches!(
        error.kind,
        DockerErrorKind::NotFound | DockerErrorKind::Conflict | DockerErrorKind::Failed
    )
}

fn not_running(error: DockerError) -> DockerError {
    match error.kind {
        DockerErrorKind::Conflict => {
            error.hint("start it first: a shell needs a container that runs")
        }
        DockerErrorKind::NotFound => error.hint("it may have been removed meanwhile"),
        _ => error,
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}
