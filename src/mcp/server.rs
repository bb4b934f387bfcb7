//! The hands of the server: lines of the program on one side, frames of the console on the other, and a sign of life
//! between them while a call waits for a person.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{MissedTickBehavior, interval};

use super::error::McpError;
use super::session::{Out, Session};
use crate::assistant::{
    ChildFrame, ConsoleFrame, LONGEST_ANSWER, LONGEST_CALL, LineReader, SOCKET_VARIABLE,
    TOKEN_VARIABLE, line,
};
use crate::config::Environment;

/// Between two signs of life of a call that waits.
const BEAT: Duration = Duration::from_secs(15);

/// Serves on standard input and output, as the environment says, until either side ends.
pub async fn serve(environment: &Environment) -> Result<(), McpError> {
    let socket = environment
        .path(SOCKET_VARIABLE)
        .ok_or(McpError::NotStarted(SOCKET_VARIABLE))?;
    let token = environment
        .text(TOKEN_VARIABLE)
        .ok_or(McpError::NotStarted(TOKEN_VARIABLE))?;
    let (stdin, stdout) = (io::stdin(), io::stdout());
    serve_on(own(stdin.as_fd())?, own(stdout.as_fd())?, &socket, token).await
}

/// A standard stream as a file: what is behind it may be a pipe, a socket or a terminal, and a file reads them all.
fn own(stream: BorrowedFd<'_>) -> io::Result<File> {
    Ok(File::from_std(stream.try_clone_to_owned()?.into()))
}

/// Serves a program on these two streams, for the console behind this socket.
pub async fn serve_on(
    from_program: impl AsyncRead + Unpin,
    mut to_program: impl AsyncWrite + Unpin,
    socket: &Path,
    token: String,
) -> Result<(), McpError> {
    let (mut console, mut to_console) = join(socket, token).await?;
    let mut program = LineReader::new(from_program, LONGEST_CALL);
    let mut session = Session::default();
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (out, ends) = tokio::select! {
            said = program.next() => match said? {
                Some(said) => (session.program_said(&said), false),
                None => return Ok(()),
            },
            said = console.next() => match said {
                Ok(Some(said)) => {
                    let frame = serde_json::from_slice(&said).map_err(io::Error::from)?;
                    (session.console_said(frame), false)
                }
                Ok(None) | Err(_) => (session.console_left(), true),
            },
            _ = beats.tick() => (session.beat(), false),
        };
        for out in out {
            match out {
                Out::Program(message) => write(&mut to_program, &line(&message)?).await?,
                Out::Console(frame) => write(&mut to_console, &line(&frame)?).await?,
            }
        }
        if ends {
            return Ok(());
        }
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}

/// Connects to the console and says the word.
async fn join(
    socket: &Path,
    token: String,
) -> Result<(LineReader<OwnedReadHalf>, OwnedWriteHalf), McpError> {
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|source| McpError::Console {
            path: socket.to_owned(),
            source,
        })?;
    let (read, mut write_half) = stream.into_split();
    write(&mut write_half, &line(&ChildFrame::Hello { token })?).await?;
    let mut reader = LineReader::new(read, LONGEST_ANSWER);
    let first = reader.next().await.ok().flatten();
    match first.and_then(|first| serde_json::from_slice(&first).ok()) {
        Some(ConsoleFrame::Welcome) => Ok((reader, write_half)),
        _ => Err(McpError::Refused),
    }
}
