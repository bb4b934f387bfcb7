//! A scripted machine: what a command is answered with stands in a table. The twin of the real hosts, for tests.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;

use super::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, Fd, HostSocket, LineSink, LineStream, Output,
    RunLimits, StreamEvent,
};
use crate::shell::{RemotePath, ShellCommand};
use crate::tasks::Tasks;

/// What lies in a byte stream that nobody reads.
const PIPE: usize = 64 * 1024;

/// What a scripted machine does with a command.
#[derive(Debug, Clone)]
pub enum SimReply {
    /// Ends at once with this status and standard output.
    Says(u32, &'static str),
    /// Ends at once with this status and standard error.
    Fails(u32, &'static str),
    /// Answers each line of input with these lines, in turn; then ends with status 0.
    Answers(Vec<&'static str>),
    /// Starts and says nothing until it is hung up on.
    Silent,
    /// Does, after this long, what follows.
    After(Duration, Box<SimReply>),
    /// Can't be started.
    Refused(ExecErrorKind, &'static str),
}

/// A machine whose answers are written down.
#[derive(Debug)]
pub struct SimExec {
    tasks: Tasks,
    rules: Vec<(&'static str, SimReply)>,
    done: Arc<Mutex<Vec<String>>>,
}

impl SimExec {
    /// A machine that knows no command.
    pub fn new(tasks: Tasks) -> Self {
        Self {
            tasks,
            rules: Vec::new(),
            done: Arc::default(),
        }
    }

    /// Answers commands whose rendered line holds `part`; the rule that was given first wins.
    #[must_use]
    pub fn on(mut self, part: &'static str, reply: SimReply) -> Self {
        self.rules.push((part, reply));
        self
    }

    /// Everything it was asked to do, in order: rendered commands, `fed INPUT`, `upload PATH`, `connect SOCKET`.
    pub fn asked(&self) -> Vec<String> {
        self.done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, what: String) {
        note(&self.done, what);
    }

    async fn reply(&self, command: &ShellCommand) -> Result<SimReply, ExecError> {
        let line = command.render();
        let found = self.rules.iter().find(|(part, _)| line.contains(part));
        let mut reply = found.map(|(_, reply)| reply.clone());
        self.note(line);
        while let Some(SimReply::After(wait, then)) = reply {
            tokio::time::sleep(wait).await;
            reply = Some(*then);
        }
        match reply {
            Some(SimReply::Refused(kind, what)) => Err(ExecError::new(kind, what)),
            Some(reply) => Ok(reply),
            None => Ok(SimReply::Fails(127, "command not found")),
        }
    }
}

#[async_trait]
impl Exec for SimExec {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let work = async {
            match self.reply(command).await? {
                SimReply::Says(status, out) => Ok(output(status, out, "", limits)),
                SimReply::Fails(status, err) => Ok(output(status, "", err, limits)),
                _ => std::future::pending().await,
            }
        };
        tokio::time::timeout(limits.timeout, work)
            .await
            .unwrap_or_else(|_| Err(ExecError::new(ExecErrorKind::Timeout, "it took too long")))
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        let reply = self.reply(command).await?;
        let (events, reader) = mpsc::channel(LineSink::ROOM);
        let (input, words) = mpsc::channel(16);
        self.tasks.spawn(play(reply, LineSink::new(events), words));
        Ok(LineStream::new(reader, input))
    }

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        let reply = self.reply(command).await?;
        let (near, far) = tokio::io::duplex(PIPE);
        let done = Arc::clone(&self.done);
        self.tasks.spawn(async move {
            if let Err(error) = swallow(reply, far, &done).await {
                tracing::debug!(%error, "a scripted machine was hung up on");
            }
        });
        Ok(Box::pin(near))
    }

    async fn upload(&self, path: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        self.note(format!("upload {path}"));
        Ok(())
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.note(format!("connect {socket:?}"));
        Err(ExecError::new(
            ExecErrorKind::Refused,
            "nothing listens on a scripted machine",
        ))
    }
}

fn note(done: &Mutex<Vec<String>>, what: String) {
    done.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(what);
}

/// Reads all of the input, and then says what it has to say.
async fn swallow(
    reply: SimReply,
    mut far: DuplexStream,
    done: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut input = Vec::new();
    far.read_to_end(&mut input).await?;
    note(done, format!("fed {}", String::from_utf8_lossy(&input)));
    match reply {
        SimReply::Says(_, said) => far.write_all(said.as_bytes()).await,
        SimReply::Fails(..) => Ok(()),
        _ => std::future::pending().await,
    }
}

fn output(status: u32, out: &'static str, err: &'static str, limits: RunLimits) -> Output {
    let cut = |text: &'static str| {
        Bytes::from_static(text.as_bytes()).slice(..text.len().min(limits.output))
    };
    let (stdout, stderr) = (cut(out), cut(err));
    Output {
        exit: Exit::Status(status),
        dropped: (out.len() + err.len() - stdout.len() - stderr.len()) as u64,
        stdout,
        stderr,
    }
}

async fn play(reply: SimReply, mut sink: LineSink, mut words: mpsc::Receiver<Bytes>) {
    let mut say = |fd, text: &'static str| {
        for line in text.lines() {
            sink.push(StreamEvent::Line {
                fd,
                bytes: Bytes::from_static(line.as_bytes()),
                dropped: 0,
            });
        }
    };
    let status = match reply {
        SimReply::Says(status, out) => {
            say(Fd::Out, out);
            status
        }
        SimReply::Fails(status, err) => {
            say(Fd::Err, err);
            status
        }
        SimReply::Answers(answers) => {
            let mut answers = VecDeque::from(answers);
            while !answers.is_empty() && words.recv().await.is_some() {
                if let Some(answer) = answers.pop_front() {
                    say(Fd::Out, answer);
                }
            }
            0
        }
        _ => {
            sink.closed().await;
            return;
        }
    };
    sink.exit(Exit::Status(status)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_scripted_machine_answers_by_its_rules() {
        let tasks = Tasks::new();
        let host = SimExec::new(tasks.clone())
            .on("uname", SimReply::Says(0, "Linux\n"))
            .on(
                "slow",
                SimReply::After(Duration::from_mins(1), Box::new(SimReply::Silent)),
            )
            .on("cat", SimReply::Answers(vec!["one\n", "two\n"]));
        let uname = host
            .run(&ShellCommand::new("uname"), RunLimits::default())
            .await
            .unwrap();
        assert_eq!(uname.stdout, "Linux\n");
        let slow = host
            .run(&ShellCommand::new("slow"), RunLimits::default())
            .await
            .unwrap_err();
        assert_eq!(slow.kind, ExecErrorKind::Timeout);
        let other = host
            .run(&ShellCommand::new("other"), RunLimits::default())
            .await
            .unwrap();
        assert_eq!(other.exit, Exit::Status(127));
        let mut cat = host.stream(&ShellCommand::new("cat")).await.unwrap();
        for expected in ["one", "two"] {
            cat.send(Bytes::from_static(b"\n")).await.unwrap();
            let line = cat.next().await;
            assert!(matches!(line, Some(StreamEvent::Line { bytes, .. }) if bytes == expected));
        }
        assert_eq!(cat.next().await, Some(StreamEvent::Exit(Exit::Status(0))));
        assert_eq!(host.asked(), ["uname", "slow", "other", "cat"]);
        assert!(tasks.shutdown(Duration::from_secs(1)).await);
    }
}
