//! Bytes between the real terminal and one inside of a container, as they are, until it ends or the person leaves it. Modes
//! of the terminal are not set here: whoever lends it sets and undoes them.

use std::future::pending;
use std::io::{self, IsTerminal as _, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::engine::{ContainerTerminal, Refusal};
use crate::exec::BoxedIo;
use crate::tui::Left;

/// Ctrl-P and Ctrl-Q, as terminals send them: plainly, in kitty's way, in xterm's.
const FIRST: [&[u8]; 3] = [b"\x10", b"\x1b[112;5u", b"\x1b[27;5;112~"];
const SECOND: [&[u8]; 3] = [b"\x11", b"\x1b[113;5u", b"\x1b[27;5;113~"];

/// Typed chunks that wait for a slow connection; then the terminal waits.
const QUEUE: usize = 64;

/// Whether somebody sits here who types and sees.
pub(super) fn has_person() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Passes bytes until one side ends. Where nobody sits here, only what is shown is passed on. Fails with the reason where the
/// connection is lost.
pub async fn pass(terminal: ContainerTerminal) -> Result<Left, Refusal> {
    let ContainerTerminal {
        io,
        resize: _resize,
        status,
    } = terminal;
    let left = carry(io).await?;
    Ok(match left {
        Carried::Through => Left::Ended(status.await),
        Carried::UntilLeft => Left::Detached,
    })
}

/// How the carrying of bytes came to its end.
enum Carried {
    /// The far end has shown everything.
    Through,
    /// The person left, or the terminal here is gone.
    UntilLeft,
}

async fn carry(io: BoxedIo) -> Result<Carried, Refusal> {
    let (mut far_out, mut far_in) = tokio::io::split(io);
    let mut typing = if has_person() {
        Some(Typist::start().map_err(|error| lost(&error))?)
    } else {
        None
    };
    let screen = Screen::start().map_err(|error| lost(&error))?;
    let mut leave = Leave::default();
    let mut bytes = vec![0; 16 * 1024];
    let left = loop {
        tokio::select! {
            read = far_out.read(&mut bytes) => match read {
                Ok(0) => break Ok(Carried::Through),
                Ok(count) => {
                    let shown = bytes.get(..count).unwrap_or_default();
                    if screen.bytes.send(shown.to_vec()).await.is_err() {
                        break Ok(Carried::UntilLeft);
                    }
                }
                Err(error) => break Err(lost(&error)),
            },
            chunk = next(&mut typing) => {
                // The terminal here is gone: the watchdog says so.
                let Some(chunk) = chunk else { break Ok(Carried::UntilLeft) };
                let (send, left) = leave.take(&chunk);
                let sent = async {
                    far_in.write_all(&send).await?;
                    far_in.flush().await
                };
                if let Err(error) = sent.await {
                    break Err(lost(&error));
                }
                if left {
                    break Ok(Carried::UntilLeft);
                }
            }
        }
    };
    screen.finish().await;
    left
}

/// What is typed next; where nobody types, nothing ever.
async fn next(typing: &mut Option<(Typist, mpsc::Receiver<Vec<u8>>)>) -> Option<Vec<u8>> {
    match typing {
        Some((_, typed)) => typed.recv().await,
        None => pending().await,
    }
}

/// Writes to the terminal, which may take as long as it likes, without holding up what else runs.
struct Screen {
    bytes: mpsc::Sender<Vec<u8>>,
    written: oneshot::Receiver<()>,
}

impl Screen {
    fn start() -> io::Result<Self> {
        let (bytes, mut waiting) = mpsc::channel::<Vec<u8>>(QUEUE);
        let (done, written) = oneshot::channel();
        thread::Builder::new()
            .name("lent screen".into())
            .spawn(move || {
                while let Some(chunk) = waiting.blocking_recv() {
                    if write_all(&chunk).is_err() {
                        break;
                    }
                }
                // Nobody waits any more: the console has ended.
                let _ = done.send(());
            })?;
        Ok(Self { bytes, written })
    }

    /// Waits until everything is out.
    async fn finish(self) {
        drop(self.bytes);
        // A writer that is gone has nothing left to write.
        let _ = self.written.await;
    }
}

fn write_all(mut bytes: &[u8]) -> rustix::io::Result<()> {
    let stdout = io::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(stdout.as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn lost(error: &io::Error) -> Refusal {
    Refusal {
        why: format!("the terminal in the container was lost: {error}"),
        hint: Some("what ran in it may still run".into()),
    }
}

/// Watches for the keys that leave. The first is held back until the next shows whether it was meant.
#[derive(Debug, Default)]
struct Leave {
    held: Vec<u8>,
}

impl Leave {
    /// What of a typed chunk goes on, and whether the person leaves.
    fn take(&mut self, chunk: &[u8]) -> (Vec<u8>, bool) {
        let mut send = Vec::with_capacity(chunk.len());
        let mut rest = chunk;
        while let Some((byte, after)) = rest.split_first() {
            if !self.held.is_empty() {
                if starts(rest, &SECOND).is_some() {
                    return (send, true);
                }
                send.append(&mut self.held);
            }
            if let Some(key) = starts(rest, &FIRST) {
                self.held.extend_from_slice(key);
                rest = rest.get(key.len()..).unwrap_or_default();
            } else {
                send.push(*byte);
                rest = after;
            }
        }
        (send, false)
    }
}

fn starts(bytes: &[u8], keys: &[&'static [u8]]) -> Option<&'static [u8]> {
    keys.iter().copied().find(|key| bytes.starts_with(key))
}

/// Reads what is typed. Dropping it ends the reading at once: the next byte is for somebody else.
struct Typist {
    wake: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Typist {
    fn start() -> io::Result<(Self, mpsc::Receiver<Vec<u8>>)> {
        let (wake, woken) = UnixStream::pair()?;
        let (send, typed) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("typist".into())
            .spawn(move || read(woken, &send))?;
        let typist = Self {
            wake: Some(wake),
            thread: Some(thread),
        };
        Ok((typist, typed))
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the reader of the lent terminal panicked");
        }
    }
}

fn read(mut woken: UnixStream, send: &mpsc::Sender<Vec<u8>>) {
    let stdin = io::stdin();
    loop {
        let mut fds = [
            PollFd::new(&woken, PollFlags::IN),
            PollFd::new(&stdin, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        let [ended, typed] = &fds;
        if !ended.revents().is_empty() {
            // Nothing is ever written to it: it was closed.
            let _ = woken.read(&mut [0]);
            return;
        }
        if typed.revents().is_empty() {
            continue;
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(stdin.as_fd(), &mut bytes) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let chunk = bytes.get(..count).unwrap_or_default().to_vec();
                // With nobody to take it, the far end is gone; with a full queue, what is typed is lost as on any dead line.
                if let Err(mpsc::error::TrySendError::Closed(_)) = send.try_send(chunk) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_keys_leave_and_anything_else_goes_through_whole() {
        for (chunks, sent, left) in [
            (&[&b"ls\r"[..]][..], &b"ls\r"[..], false),
            (&[b"a\x10\x11b"], b"a", true),
            (&[b"\x10", b"\x11"], b"", true),
            (&[b"\x10", b"x"], b"\x10x", false),
            (&[b"\x10\x10\x11"], b"\x10", true),
            (&[b"\x1b[112;5u", b"\x1b[113;5u"], b"", true),
            (&[b"\x1b[112;5u\x1b[A"], b"\x1b[112;5u\x1b[A", false),
            (&[b"\x11"], b"\x11", false),
        ] {
            let mut leave = Leave::default();
            let mut through = Vec::new();
            let mut gone = false;
            for chunk in chunks {
                let (send, left) = leave.take(chunk);
                through.extend(send);
                gone |= left;
            }
            assert_eq!((through.as_slice(), gone), (sent, left), "{chunks:?}");
        }
    }
}
