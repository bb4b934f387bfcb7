//! The terminal as ours, and given back: one guard for raw mode, alternate screen, cursor, mouse, paste, focus and keyboard
//! flags. Giving it back is safe from any thread, at any moment, any number of times; nothing is written after it.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{
    OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};
use thiserror::Error;

/// What is asked of the terminal beside raw mode and the alternate screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Mouse clicks and the wheel (1000 with 1006: drags stay with the terminal, so shift-drag still selects).
    pub mouse: bool,
    /// Use kitty's keyboard protocol where the terminal says that it speaks it.
    pub kitty: bool,
}

/// Why the terminal can't be had.
#[derive(Debug, Error)]
pub enum TerminalError {
    /// Standard input or output is a file or a pipe.
    #[error("{0} is not a terminal")]
    NotATerminal(&'static str),
    /// `TERM` says that the terminal can't place text.
    #[error("this terminal can't show a screen (TERM is {0:?})")]
    Dumb(String),
    /// It refused.
    #[error("the terminal can't be set up")]
    Io(#[source] io::Error),
}

impl TerminalError {
    /// The mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotATerminal(_) | Self::Dumb(_) => {
                "`pilothouse once` prints one snapshot, `pilothouse once --json` prints it for programs"
            }
            Self::Io(_) => "try another terminal, or `pilothouse once`",
        }
    }
}

/// How the terminal was before us; `None` while it is not ours. Locked for a moment only, never while something is written.
static HELD: Mutex<Option<Held>> = Mutex::new(None);
/// Held by whoever writes to the terminal, which may take as long as the terminal likes.
static WRITING: Mutex<()> = Mutex::new(());
/// Told before the terminal is given back for good: whoever writes stops, and nothing is written any more.
static CLOSED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

struct Held {
    termios: Termios,
    /// Whether keyboard flags were pushed and have to be popped.
    kitty_pushed: bool,
    /// Who uses it.
    user: User,
}

/// Who uses the terminal that we hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    /// We do.
    Ourselves,
    /// A program far away, whose bytes go through as they are. Whatever it sets has to be undone.
    FarProgram,
}

/// Whether there is a terminal that can show a screen.
pub fn check(term: Option<&str>) -> Result<(), TerminalError> {
    if !io::stdin().is_terminal() {
        return Err(TerminalError::NotATerminal("standard input"));
    }
    if !io::stdout().is_terminal() {
        return Err(TerminalError::NotATerminal("standard output"));
    }
    match term {
        Some(term @ ("dumb" | "unknown")) => Err(TerminalError::Dumb(term.to_owned())),
        _ => Ok(()),
    }
}

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub struct Guard {
    modes: Modes,
    /// The terminal said that it speaks kitty's keyboard protocol.
    kitty: bool,
}

impl Guard {
    /// Takes the terminal. What was typed before is thrown away: it was not meant for us.
    pub fn enter(modes: Modes) -> Result<Self, TerminalError> {
        CLOSED.store(false, Ordering::Release);
        install_hook();
        let mut bytes = ENTER.to_vec();
        if modes.mouse {
            bytes.extend_from_slice(MOUSE_ON);
        }
        if modes.kitty {
            bytes.extend_from_slice(KITTY_ASK);
        }
        bytes.extend_from_slice(BACKGROUND_ASK);
        take(&bytes, false).map_err(TerminalError::Io)?;
        Ok(Self {
            modes,
            kitty: false,
        })
    }

    /// Takes the terminal only to lend it at once to a program far away, as [`Guard::lend_raw`] does.
    pub fn lent(notice: &str) -> Result<Self, TerminalError> {
        CLOSED.store(false, Ordering::Release);
        install_hook();
        let mut guard = Self {
            modes: Modes {
                mouse: false,
                kitty: false,
            },
            kitty: false,
        };
        guard.lend_raw(notice)?;
        Ok(guard)
    }

    /// Gives the terminal back for a while: to a shell, an editor, or the stopped job's parent.
    pub fn lend(&mut self) {
        let _writing = writing();
        give_back();
    }

    /// Lends it to a program far away: the ordinary screen, and every key goes through as it is. Whatever the program does to
    /// the terminal is undone by [`Guard::retake`], and by a panic or a signal alike.
    pub fn lend_raw(&mut self, notice: &str) -> Result<(), TerminalError> {
        let _writing = writing();
        give_back();
        if CLOSED.load(Ordering::Acquire) {
            return Ok(());
        }
        let stdin = io::stdin();
        let termios = tcgetattr(stdin.as_fd()).map_err(|error| TerminalError::Io(error.into()))?;
        let mut raw = termios.clone();
        raw.make_raw();
        *held() = Some(Held {
            termios,
            kitty_pushed: false,
            user: User::FarProgram,
        });
        tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw)
            .map_err(|error| TerminalError::Io(error.into()))?;
        write_all(KEEP_TITLE);
        write_all(notice.as_bytes());
        Ok(())
    }

    /// Takes it again after [`Guard::lend`], or after somebody else changed it behind our back.
    pub fn retake(&mut self) -> Result<(), TerminalError> {
        self.lend();
        let mut bytes = ENTER.to_vec();
        if self.modes.mouse {
            bytes.extend_from_slice(MOUSE_ON);
        }
        if self.kitty {
            bytes.extend_from_slice(KITTY_PUSH);
        }
        take(&bytes, self.kitty).map_err(TerminalError::Io)
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub fn set_mouse(&mut self, on: bool) {
        self.modes.mouse = on;
        write_frame(if on { MOUSE_ON } else { MOUSE_OFF });
    }

    /// The terminal says that it speaks kitty's keyboard protocol: keys that look alike are told apart from now on.
    pub fn use_kitty(&mut self) {
        self.kitty = true;
        let newly = held()
            .as_mut()
            .is_some_and(|held| !std::mem::replace(&mut held.kitty_pushed, true));
        if newly {
            write_frame(KITTY_PUSH);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Writes one frame, or nothing when the terminal is not ours.
pub fn write_frame(bytes: &[u8]) {
    let _writing = writing();
    if is_ours() {
        write_all(bytes);
    }
}

/// Gives the terminal back for good. Safe anywhere: in a panic hook, beside a frame that is being written to a terminal
/// that no longer takes anything.
pub fn restore() {
    CLOSED.store(true, Ordering::Release);
    for _ in 0..10 {
        match WRITING.try_lock() {
            Ok(_writing) => return give_back(),
            Err(TryLockError::Poisoned(_)) => return give_back(),
            Err(TryLockError::WouldBlock) => {
                // A frame is stuck in a terminal that takes nothing: what is queued is thrown away, so that its writer
                // comes back and sees that we are closed.
                let _ = tcflush(io::stdout().as_fd(), QueueSelector::OFlush);
                wait_ms(5);
            }
        }
    }
    give_back();
}

/// Columns and rows; 80x24 where the terminal does not say.
pub fn size() -> (u16, u16) {
    match tcgetwinsize(io::stdout().as_fd()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

const ENTER: &[u8] = b"\x1b[?1049h\x1b[2J\x1b[?25l\x1b[?2004h\x1b[?1004h";
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";
/// Questions, asked once; the answers come with the keys whenever the terminal gives them, and nothing waits for them.
const KITTY_ASK: &[u8] = b"\x1b[?u";
const BACKGROUND_ASK: &[u8] = b"\x1b]11;?\x07";
const KITTY_PUSH: &[u8] = b"\x1b[>1u";
const KITTY_POP: &[u8] = b"\x1b[<1u";
/// Begins with ST, which ends whatever sequence a cut frame left open, and the end of a synchronised frame. The cursor is
/// shown on both screens: inside tmux, leaving the alternate one does not bring it back.
const LEAVE_BEGIN: &[u8] = b"\x1b\\\x1b[?2026l\x1b[0m";
const LEAVE_END: &[u8] = b"\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l\x1b[?25h\x1b[0m";

/// The title is kept where the terminal has a stack for it.
const KEEP_TITLE: &[u8] = b"\x1b[22;0t";
/// Undoes whatever a program may have set, known or unknown to us. Colours of the palette are the person's own and stay.
const UNDO: &[&[u8]] = &[
    // Out of any half sequence, out of VT52, out of a synchronised frame, the keyboard unlocked, no local echo.
    b"\x18\x1b\\\x1b<\x1b[?2026l\x1b[2l\x1b[12h",
    // Keyboard flags stand on a stack of each screen.
    b"\x1b[<99u\x1b[?1049l\x1b[<99u\x1b[>4m",
    // Mouse, focus, paste, reports of colours and sizes.
    b"\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l",
    b"\x1b[?2004l\x1b[?2031l\x1b[?2048l",
    // The soft reset, and what terminals leave out of it: keys, wrapping, margins, insertion, reverse video.
    b"\x1b[!p\x1b[?1l\x1b>\x1b[?66l\x1b[?67l\x1b[?8h\x1b[?7h\x1b[?45l\x1b[?6l\x1b[?69l\x1b[r\x1b[4l\x1b[20l\x1b[?5l",
    // Character sets, tab stops, an open link, the cursor's shape, the title.
    b"\x1b%G\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b[?5W\x1b]8;;\x1b\\\x1b[0 q\x1b[?25h\x1b[23;0t\x1b[0m\r\n",
];

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_ours() -> bool {
    held()
        .as_ref()
        .is_some_and(|held| held.user == User::Ourselves)
}

fn take(bytes: &[u8], kitty_pushed: bool) -> io::Result<()> {
    let _writing = writing();
    if CLOSED.load(Ordering::Acquire) || is_ours() {
        return Ok(());
    }
    let stdin = io::stdin();
    let termios = tcgetattr(stdin.as_fd())?;
    let mut raw = termios.clone();
    raw.make_raw();
    tcflush(stdin.as_fd(), QueueSelector::IFlush)?;
    // From here on there is something to give back, whatever happens.
    *held() = Some(Held {
        termios,
        kitty_pushed,
        user: User::Ourselves,
    });
    tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw)?;
    write_all(bytes);
    Ok(())
}

/// Errors are passed over: a terminal that can't be written to any more has nothing left to restore.
fn give_back() {
    let Some(Held {
        termios,
        kitty_pushed,
        user,
    }) = held().take()
    else {
        return;
    };
    let mut bytes = Vec::new();
    if user == User::FarProgram {
        bytes.extend(UNDO.iter().flat_map(|part| part.iter().copied()));
    }
    bytes.extend_from_slice(LEAVE_BEGIN);
    if kitty_pushed {
        bytes.extend_from_slice(KITTY_POP);
    }
    bytes.extend_from_slice(MOUSE_OFF);
    bytes.extend_from_slice(LEAVE_END);
    write_last(&bytes);
    // Reports of the mouse that are still under way would be typed into the shell.
    let stdin = io::stdin();
    let _ = tcflush(stdin.as_fd(), QueueSelector::IFlush);
    let _ = tcsetattr(stdin.as_fd(), OptionalActions::Now, &termios);
}

/// Writes until everything is out, the terminal is gone, or we are closed.
fn write_all(mut bytes: &[u8]) {
    let stdout = io::stdout();
    while !bytes.is_empty() && !CLOSED.load(Ordering::Acquire) {
        match rustix::io::write(stdout.as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_writable(100),
            Err(_) => return,
        }
    }
}

/// Writes the last words: waits a little for a terminal that is full, then throws away what it has not taken.
fn write_last(mut bytes: &[u8]) {
    let stdout = io::stdout();
    for _ in 0..64 {
        if bytes.is_empty() {
            return;
        }
        if !is_writable(50) {
            let _ = tcflush(stdout.as_fd(), QueueSelector::OFlush);
            if !is_writable(20) {
                return;
            }
        }
        match rustix::io::write(stdout.as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}

fn is_writable(milliseconds: u32) -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
    poll(&mut fds, Some(&timeout(milliseconds))).is_ok_and(|ready| ready > 0)
}

fn wait_writable(milliseconds: u32) {
    is_writable(milliseconds);
}

fn wait_ms(milliseconds: u32) {
    let _ = poll(&mut [], Some(&timeout(milliseconds)));
}

fn timeout(milliseconds: u32) -> Timespec {
    Timespec {
        tv_sec: i64::from(milliseconds / 1000),
        tv_nsec: i64::from(milliseconds % 1000) * 1_000_000,
    }
}

/// A panic in any thread first gives the terminal back, then prints its message, then tells the loop to end.
fn install_hook() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let ours = is_ours();
            restore();
            before(info);
            if ours {
                super::signals::panicked();
            }
        }));
    });
}
