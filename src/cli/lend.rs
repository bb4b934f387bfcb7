//! The terminal of this process lent to a program inside a container: raw while it lasts, its size told, given back as it
//! was however it ends.

use std::fs::File;
use std::future::{Future, pending};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::engine::ContainerTerminal;

/// What a program that ended badly may have left on: half a sequence, a synchronised frame, keyboard flags, paste brackets,
/// mouse and focus reports, the alternate screen, what a soft reset undoes, another character set, an open link, the shape of
/// the cursor. Each does nothing where it is off, and none moves the cursor.
const CLEAN: &[u8] = b"\x18\x1b\\\x1b[?2026l\x1b[<99u\x1b[>4m\
    \x1b[?2004l\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\
    \x1b[?2031l\x1b[?2048l\x1b[?1047l\x1b[!p\x1b[?1l\x1b>\x1b[?7h\x1b[4l\x1b[?5l\
    \x1b(B\x0f\x1b]8;;\x1b\\\x1b[0 q\x1b[?25h\x1b[0m";

/// Size that a program is told of where there is no terminal.
const SIZE: (u16, u16) = (80, 24);

/// How the terminal came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The program ended, or the way to it.
    Closed,
    /// The person hung up (Enter, `~`, `.`), or this process is told to end.
    HungUp,
}

/// Columns and rows of the terminal.
pub(super) fn size() -> (u16, u16) {
    tcgetwinsize(io::stdout())
        .or_else(|_| tcgetwinsize(io::stdin()))
        .map(|size| (size.ws_col, size.ws_row))
        .ok()
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .unwrap_or(SIZE)
}

/// Lends the terminal until the program ends. Without a terminal, only what the program shows is passed on.
pub(super) async fn lend(terminal: ContainerTerminal) -> io::Result<Ended> {
    let ContainerTerminal { io, resize } = terminal;
    let (mut shown, mut typed) = tokio::io::split(io);
    if !io::stdin().is_terminal() {
        return pass_on(&mut shown).await.map(|()| Ended::Closed);
    }
    let tty = AsyncFd::new(open()?)?;
    let _raw = Raw::set(tty.get_ref())?;
    let show = show(&mut shown, &tty);
    let type_in = type_in(&tty, &mut typed);
    tokio::select! {
        ended = show => ended.map(|()| Ended::Closed),
        ended = type_in => ended.map(|()| Ended::HungUp),
        ended = told_to_end() => ended.map(|()| Ended::HungUp),
        ended = sizes(resize) => ended.map(|()| Ended::HungUp),
    }
}

/// Passes on what is shown to a pipe or a file.
async fn pass_on(shown: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = shown.read(&mut buffer).await?;
        let bytes = buffer.get(..read).unwrap_or_default();
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()?;
        if read == 0 {
            return Ok(());
        }
    }
}

/// The terminal by its own name: reading it without waiting changes nothing for whoever shares our standard input.
fn open() -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let tty = rustix::fs::open("/dev/tty", flags, Mode::empty())?;
    Ok(File::from(tty))
}

async fn show(
    shown: &mut (impl tokio::io::AsyncRead + Unpin),
    tty: &AsyncFd<File>,
) -> io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = shown.read(&mut buffer).await?;
        let Some(mut left) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        while !left.is_empty() {
            let mut ready = tty.writable().await?;
            match ready.try_io(|tty| tty.get_ref().write(left)) {
                Ok(Ok(written)) => left = left.get(written..).unwrap_or_default(),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }
}

/// Passes on what is typed, until the person hangs up.
async fn type_in(
    tty: &AsyncFd<File>,
    typed: &mut (impl tokio::io::AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    let mut escape = Escape::default();
    loop {
        let mut ready = tty.readable().await?;
        let read = match ready.try_io(|tty| tty.get_ref().read(&mut buffer)) {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(read)) => read,
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(Err(error)) => return Err(error),
            Err(_would_block) => continue,
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        let (passed, hangs_up) = escape.pass(bytes);
        // A program that has closed its input may still show something.
        let gone = typed.write_all(&passed).await.is_err() || typed.flush().await.is_err();
        if hangs_up {
            return Ok(());
        }
        if gone {
            return pending().await;
        }
    }
}

/// Tells the size whenever it changes. Never ends by itself.
async fn sizes(resize: mpsc::Sender<(u16, u16)>) -> io::Result<()> {
    let mut changed = signal(SignalKind::window_change())?;
    loop {
        // An error means that the program has ended: what it showed last is still on its way.
        if resize.send(size()).await.is_err() {
            return pending().await;
        }
        changed.recv().await;
    }
}

fn told_to_end() -> impl Future<Output = io::Result<()>> {
    async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
        Ok(())
    }
}

/// The terminal made raw; as it was when this is dropped.
struct Raw {
    tty: File,
    before: Termios,
}

impl Raw {
    fn set(tty: &File) -> io::Result<Self> {
        let tty = tty.try_clone()?;
        let before = tcgetattr(tty.as_fd())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(tty.as_fd(), OptionalActions::Now, &raw)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs neither.
        let _ = self.tty.write(CLEAN);
        // Answers to questions of the program are not for the shell: they are thrown away.
        let _ = tcsetattr(self.tty.as_fd(), OptionalActions::Flush, &self.before);
    }
}

/// Finds the person's wish to hang up among what is typed: Enter, `~`, `.`, as with ssh. A tilde that begins nothing is passed
/// on with what follows it.
#[derive(Debug, Default)]
enum Escape {
    /// At the begin of a line.
    #[default]
    Begin,
    /// Inside one.
    Inside,
    /// A tilde began a line.
    Tilde,
}

impl Escape {
    /// What is passed on, and whether the person hangs up.
    fn pass(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            match (&self, byte) {
                (Self::Begin, b'~') => {
                    *self = Self::Tilde;
                    continue;
                }
                (Self::Tilde, b'.') => return (passed, true),
                (Self::Tilde, b'~') => *self = Self::Inside,
                (Self::Tilde, _) => {
                    passed.push(b'~');
                    *self = Self::Inside;
                }
                _ => *self = Self::Inside,
            }
            passed.push(byte);
            if byte == b'\r' || byte == b'\n' {
                *self = Self::Begin;
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_hangs_up_as_with_ssh() {
        for (typed, passed, hangs_up) in [
            (&["ls\r", "~."][..], "ls\r", true),
            (&["~", "."], "", true),
            (&["ls ~.\r"], "ls ~.\r", false),
            (&["~/bin/x\r"], "~/bin/x\r", false),
            (&["~~.\r"], "~.\r", false),
            (&["\r~"], "\r", false),
            (&["a~.b"], "a~.b", false),
        ] {
            let mut escape = Escape::default();
            let mut all = Vec::new();
            let mut ended = false;
            for chunk in typed {
                let (bytes, hangs_up) = escape.pass(chunk.as_bytes());
                all.extend(bytes);
                ended |= hangs_up;
            }
            assert_eq!(String::from_utf8(all).unwrap(), passed, "{typed:?}");
            assert_eq!(ended, hangs_up, "{typed:?}");
        }
    }
}
