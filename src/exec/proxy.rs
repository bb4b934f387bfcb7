//! A process as a byte stream: what ssh's `ProxyCommand` is, and `docker system dial-stdio`.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::local::{Group, LocalExec, refused, spawn};
use super::{BoxedIo, ExecError};
use crate::text::SafeText;

impl LocalExec {
    /// Starts the person's own proxy command as OpenSSH does, through a shell that it replaces, and hands out its
    /// standard input and output as one stream. What it writes to standard error goes to the log. Dropping the stream
    /// kills its process group.
    pub fn proxy(&self, command_line: &str) -> Result<BoxedIo, ExecError> {
        let words = ["-c".to_owned(), format!("exec {command_line}")];
        self.as_bytes("/bin/sh", &words, "the proxy command")
    }

    /// Starts a program as a byte stream; `called` is its name in a sentence.
    pub(super) fn as_bytes(
        &self,
        program: &str,
        arguments: &[String],
        called: &'static str,
    ) -> Result<BoxedIo, ExecError> {
        let mut child = spawn(program, arguments, Stdio::piped())
            .map_err(|e| refused(format!("{called} could not be started"), e))?;
        let ends = (child.stdin.take(), child.stdout.take());
        if let Some(stderr) = child.stderr.take() {
            self.tasks().spawn(log_lines(stderr, called));
        }
        let (Some(stdin), Some(stdout)) = ends else {
            return Err(refused(
                format!("{called} has no input or output"),
                io::ErrorKind::BrokenPipe.into(),
            ));
        };
        Ok(Box::pin(ProxyIo {
            stdin: Some(stdin),
            stdout,
            _group: Group::of(&child),
            _child: child,
        }))
    }
}

/// The two ends of a program.
struct ProxyIo {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    // Falls before the child is reaped, so its number still means this group.
    _group: Group,
    _child: Child,
}

impl AsyncRead for ProxyIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buf)
    }
}

impl AsyncWrite for ProxyIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// A pipe is only closed by dropping it.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

async fn log_lines(stderr: ChildStderr, called: &'static str) {
    let mut lines = BufReader::new(stderr).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        tracing::info!(said = %SafeText::from_bytes(&line), "{called}");
    }
}
