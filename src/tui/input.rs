//! Keys, mouse, paste and focus, read on a thread of their own, which can be paused to lend the terminal away and ends when
//! the terminal does.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::decode::Decoder;
use super::keymap::Key;

/// How long half an escape sequence waits for its other half before it is taken for keys. Escape alone is such a half.
const HALF_SEQUENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 25_000_000,
};

/// Events that wait for the loop; a loop that is busy makes the reader wait, and the terminal behind it.
const QUEUE: usize = 1024;

/// Something a person did at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The mouse.
    Mouse(Mouse),
    /// Pasted text, cut at a bound.
    Paste(String),
    /// The terminal got or lost the focus.
    Focus(bool),
    /// The terminal answers that it speaks kitty's keyboard protocol.
    KittyKeyboard,
    /// The terminal answers what colour is behind the text.
    Background {
        /// Whether it is a light one.
        light: bool,
    },
}

/// What the mouse did, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub kind: MouseKind,
    /// Column, from 0.
    pub column: u16,
    /// Row, from 0.
    pub row: u16,
}

/// What the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    /// The left button went down.
    Click,
    /// The wheel was turned up.
    ScrollUp,
    /// The wheel was turned down.
    ScrollDown,
}

/// The reader's handle.
#[derive(Debug)]
pub struct Input {
    control: UnixStream,
    paused: std_mpsc::Receiver<()>,
}

impl Input {
    /// Starts the reader.
    pub fn start() -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (control, wake) = UnixStream::pair()?;
        let (told, paused) = std_mpsc::channel();
        let (events, receiver) = mpsc::channel(QUEUE);
        let reader = Reader {
            wake,
            told,
            events,
            state: State::Reading,
            decoder: Decoder::default(),
            decoded: Vec::new(),
        };
        thread::Builder::new()
            .name("input".into())
            .spawn(move || reader.run())?;
        Ok((Self { control, paused }, receiver))
    }

    /// Stops reading until [`Input::resume`]; on return nothing more is taken from the terminal.
    pub fn pause(&mut self) {
        if self.control.write_all(b"p").is_ok() {
            let _ = self.paused.recv_timeout(Duration::from_millis(50));
        }
    }

    /// Reads again.
    pub fn resume(&mut self) {
        // A reader that has ended does so because the terminal is gone; the watchdog tells of that.
        let _ = self.control.write_all(b"r");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Paused,
}

struct Reader {
    wake: UnixStream,
    told: std_mpsc::Sender<()>,
    events: mpsc::Sender<Event>,
    state: State,
    decoder: Decoder,
    decoded: Vec<Event>,
}

/// What the reader waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// An order.
    Order,
    /// Something to read.
    Terminal,
    /// Nothing: half a sequence stays a half.
    Timeout,
    /// The terminal is gone.
    Dead,
}

impl Reader {
    fn run(mut self) {
        loop {
            let goes_on = match self.wait() {
                Woken::Order => self.obey(),
                Woken::Terminal => self.read().is_ok(),
                Woken::Timeout => {
                    self.decoder.give_up(&mut self.decoded);
                    self.tell().is_ok()
                }
                Woken::Dead => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    fn wait(&self) -> Woken {
        let stdin = io::stdin();
        let mut fds = [
            PollFd::new(&self.wake, PollFlags::IN),
            PollFd::new(&stdin, PollFlags::IN),
        ];
        let limit = self.decoder.is_waiting().then_some(&HALF_SEQUENCE);
        // Paused, the terminal is not looked at: whatever is typed is for somebody else.
        let watched = match self.state {
            State::Reading => fds.as_mut_slice(),
            State::Paused => fds.get_mut(..1).unwrap_or_default(),
        };
        let ready = loop {
            match poll(watched, limit) {
                Err(Errno::INTR) => {}
                Err(_) => return Woken::Dead,
                Ok(ready) => break ready,
            }
        };
        let [wake, terminal] = &fds;
        let seen = terminal.revents();
        let dead = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if ready == 0 {
            Woken::Timeout
        } else if !wake.revents().is_empty() {
            Woken::Order
        } else if seen.intersects(dead) || !stdin.is_terminal() {
            Woken::Dead
        } else {
            Woken::Terminal
        }
    }

    fn obey(&mut self) -> bool {
        let mut order = [0];
        match self.wake.read(&mut order) {
            Ok(1) if order == *b"p" => {
                self.state = State::Paused;
                self.told.send(()).is_ok()
            }
            Ok(1) => {
                self.state = State::Reading;
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Reads what is there, and tells of every event in it.
    fn read(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        let stdin = io::stdin();
        let read = match rustix::io::read(stdin.as_fd(), &mut bytes) {
            // A readable terminal that gives nothing is a dead one.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.decoder
            .feed(bytes.get(..read).unwrap_or_default(), &mut self.decoded);
        self.tell()
    }

    fn tell(&mut self) -> io::Result<()> {
        for event in self.decoded.drain(..) {
            if self.events.blocking_send(event).is_err() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(())
    }
}
