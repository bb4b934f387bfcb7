//! A host whose commands are run in an environment of their own: other programs, another home.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, HostSocket, LineStream, Output, RunLimits,
};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};

/// A host that sees what `exec` sees, dressed.
pub(crate) struct Dressed {
    pub(crate) exec: Arc<dyn Exec>,
    /// Of its environment: `NAME=value`.
    pub(crate) words: Vec<String>,
    /// Whether the sockets of `exec`'s machine are its own: that of a container engine, for one.
    pub(crate) has_sockets: bool,
}

impl Dressed {
    /// With one variable of its own.
    pub(crate) fn new(exec: Arc<dyn Exec>, word: String) -> Self {
        Self {
            exec,
            words: vec![word],
            has_sockets: true,
        }
    }

    fn line(&self, command: &ShellCommand) -> ShellCommand {
        let words = self.words.iter();
        words
            .fold(ShellCommand::new("env"), |line, word| {
                line.word(ShellWord::new(word.as_str()).unwrap())
            })
            .command(command.clone())
    }
}

#[async_trait]
impl Exec for Dressed {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        self.exec.run(&self.line(command), limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.exec.stream(&self.line(command)).await
    }

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        self.exec.pipe(&self.line(command)).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.exec.upload(path, mode, content).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        match socket {
            HostSocket::Unix(_) if !self.has_sockets => {
                Err(ExecError::new(ExecErrorKind::NotFound, "no such socket"))
            }
            socket => self.exec.connect(socket).await,
        }
    }
}
