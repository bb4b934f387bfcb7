//! The watchdog: signals of the process and the death of its terminal, on a thread that never reads the terminal. What it
//! sees goes to the loop; a loop that does not end in time is ended here, with the screen given back.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::terminal;

/// What the watchdog saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// A signal that ends the program.
    End(i32),
    /// The terminal is gone.
    HungUp,
    /// A thread panicked; its message is printed already.
    Panicked,
    /// The program is to be stopped.
    Stop,
    /// It goes on after a stop.
    Continue,
    /// The terminal has another size.
    Resize,
}

impl Alarm {
    /// The exit code of a program that ends by it.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::End(signal) => 128 + signal,
            Self::HungUp => 128 + SIGHUP,
            _ => 101,
        }
    }

    /// The alarm that ends us, if one is told within a second.
    pub(super) async fn ending(alarms: &mut mpsc::Receiver<Self>) -> Option<Self> {
        let ending = async {
            while let Some(alarm) = alarms.recv().await {
                if alarm.ends() {
                    return Some(alarm);
                }
            }
            None
        };
        timeout(SOON, ending).await.ok().flatten()
    }

    fn ends(self) -> bool {
        matches!(self, Self::End(_) | Self::HungUp | Self::Panicked)
    }
}

/// How long an alarm may be on its way.
const SOON: Duration = Duration::from_secs(1);

/// How often a terminal is looked at that could have died without a wake-up. Well below the two seconds promised.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 500_000_000,
};

/// How long the loop has to give the terminal back after an alarm that ends the program, and then how long the rest of the
/// program has to end by itself. Together below the 200 ms that are promised.
const GRACE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 80_000_000,
};

const WATCHED: [i32; 7] = [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH];

static PANICKED: AtomicBool = AtomicBool::new(false);
static BELL: OnceLock<Mutex<UnixStream>> = OnceLock::new();

/// Told by the panic hook.
pub(super) fn panicked() {
    PANICKED.store(true, Ordering::Release);
    if let Some(mut bell) = BELL.get().and_then(|bell| bell.try_lock().ok()) {
        // A full pipe wakes the watchdog as well.
        let _ = bell.write(b"!");
    }
}

/// The running watchdog. Dropping it tells the thread that the terminal is given back; from then on every signal does what
/// it does by default.
#[derive(Debug)]
pub struct Watchdog {
    over: Arc<AtomicBool>,
    lent: Arc<AtomicBool>,
    bell: UnixStream,
}

impl Watchdog {
    /// Starts it; alarms arrive at the receiver.
    pub fn start() -> io::Result<(Self, mpsc::Receiver<Alarm>)> {
        let (bell, ear) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        let over = Arc::new(AtomicBool::new(false));
        let lent = Arc::new(AtomicBool::new(false));
        let mut flags = Vec::new();
        for signal in WATCHED {
            let flag = Arc::new(AtomicBool::new(false));
            // Handlers run in the order of registration: the flag stands before the bell rings.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&over))?;
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
            signal_hook::low_level::pipe::register(signal, bell.try_clone()?)?;
            flags.push((signal, flag));
        }
        if let Ok(clone) = bell.try_clone() {
            let _ = BELL.set(Mutex::new(clone));
        }
        PANICKED.store(false, Ordering::Release);
        let (alarms, receiver) = mpsc::channel(16);
        let watch = Watch {
            ear,
            flags,
            over: Arc::clone(&over),
            lent: Arc::clone(&lent),
            alarms,
        };
        thread::Builder::new()
            .name("watchdog".into())
            .spawn(move || watch.run())?;
        Ok((Self { over, lent, bell }, receiver))
    }

    /// Says whether somebody else has the terminal: keys that interrupt or stop are theirs then.
    pub fn set_lent(&self, lent: bool) {
        self.lent.store(lent, Ordering::Release);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = self.bell.write(b".");
    }
}

struct Watch {
    ear: UnixStream,
    flags: Vec<(i32, Arc<AtomicBool>)>,
    over: Arc<AtomicBool>,
    lent: Arc<AtomicBool>,
    alarms: mpsc::Sender<Alarm>,
}

impl Watch {
    fn run(mut self) {
        while !self.over.load(Ordering::Acquire) {
            let hung_up = self.wait(&LOOK);
            self.drain();
            let mut seen: Vec<Alarm> = self.signals();
            if hung_up {
                seen.push(Alarm::HungUp);
            }
            if PANICKED.load(Ordering::Acquire) {
                seen.push(Alarm::Panicked);
            }
            for alarm in seen {
                let told = self.alarms.try_send(alarm);
                if alarm.ends() {
                    return self.end(alarm);
                }
                if told.is_err() {
                    tracing::warn!(?alarm, "the loop did not take an alarm");
                }
            }
        }
    }

    /// Waits for a ring or the next look; whether the terminal is dead.
    fn wait(&self, limit: &Timespec) -> bool {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        let mut fds = [
            PollFd::new(&self.ear, PollFlags::IN),
            // Without a wish, poll still tells of errors and hang-up, and of nothing else.
            PollFd::new(&stdin, PollFlags::empty()),
            PollFd::new(&stdout, PollFlags::empty()),
        ];
        if poll(&mut fds, Some(limit)).is_err() {
            return false;
        }
        let [_, stdin_fd, stdout_fd] = &fds;
        let dead = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        (stdin_fd.revents() | stdout_fd.revents()).intersects(dead) || !stdin.is_terminal()
    }

    fn drain(&mut self) {
        let mut bytes = [0; 64];
        while self.ear.read(&mut bytes).is_ok_and(|read| read > 0) {}
    }

    fn signals(&self) -> Vec<Alarm> {
        let lent = self.lent.load(Ordering::Acquire);
        self.flags
            .iter()
            .filter(|(_, flag)| flag.swap(false, Ordering::AcqRel))
            .filter(|(signal, _)| !lent || !matches!(*signal, SIGINT | SIGQUIT | SIGTSTP))
            .map(|(signal, _)| match *signal {
                SIGTSTP => Alarm::Stop,
                SIGCONT => Alarm::Continue,
                SIGWINCH => Alarm::Resize,
                signal => Alarm::End(signal),
            })
            .collect()
    }

    /// The loop was told. If it does not give the terminal back in time (it may be stuck in a dead terminal, or the input
    /// library may spin), or the program lingers after it did, the program ends here.
    fn end(mut self, alarm: Alarm) {
        let mut fds = [PollFd::new(&self.ear, PollFlags::IN)];
        let _ = poll(&mut fds, Some(&GRACE));
        self.drain();
        if self.over.load(Ordering::Acquire) {
            let _ = poll(&mut [], Some(&GRACE));
        }
        terminal::restore();
        process::exit(alarm.exit_code());
    }
}
