//! The console of the real program in a pty, as a person sees it and types to it. The lab's tests use it too.

use std::io::{Read as _, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use pilothouse::clock::Clock;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longest wait for anything to come to the screen; only a failing test waits it out.
const LONG: Duration = Duration::from_mins(1);

pub(crate) const ROWS: u16 = 40;
pub(crate) const COLUMNS: u16 = 120;

/// A console, and the terminal that it is drawn on.
pub(crate) struct Console {
    // Held so that the terminal outlives the console.
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    child: Box<dyn Child + Send + Sync>,
    screen: vt100::Parser,
    /// Every byte that it has written.
    pub(crate) raw: Vec<u8>,
    state: tempfile::TempDir,
}

impl Console {
    /// Starts it on these words, with more of an environment, and a state of its own.
    pub(crate) fn open(words: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let state = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pilothouse"));
        command.args(words);
        command.env("XDG_STATE_HOME", state.path().join("state"));
        command.env("XDG_DATA_HOME", state.path().join("data"));
        command.env("TERM", "xterm-256color");
        command.env("TZ", "UTC");
        command.env_remove("NO_COLOR");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(read) = reader.read(&mut bytes) {
                if read == 0 || sender.send(bytes[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            keys: pair.master.take_writer().unwrap(),
            _master: pair.master,
            output,
            child,
            screen: vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0),
            raw: Vec::new(),
            state,
        }
    }

    /// The terminal as it is now.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.screen.screen()
    }

    /// Waits until the screen is as wished; the screen then.
    pub(crate) fn until(&mut self, wish: &str, is: impl Fn(&str) -> bool) -> String {
        // It draws the time every second: silence alone would never end this.
        let clock = Clock::system();
        loop {
            let text = self.screen.screen().contents();
            if !self.is_in_frame() && is(&text) {
                return text;
            }
            let left = LONG.saturating_sub(Duration::from_millis(clock.at().0));
            match self.output.recv_timeout(left) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(why) => panic!("never on the screen: {wish} ({why}):\n{text}"),
            }
        }
    }

    /// Whether the rest of a frame is still to come.
    fn is_in_frame(&self) -> bool {
        let last = |sequence: &[u8]| self.raw.windows(8).rposition(|bytes| bytes == sequence);
        last(b"\x1b[?2026h") > last(b"\x1b[?2026l")
    }

    /// Waits for these words.
    pub(crate) fn shows(&mut self, words: &str) -> String {
        self.until(words, |text| text.contains(words))
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types a whole line after the key that opens it.
    pub(crate) fn line(&mut self, key: char, words: &str) {
        self.press(&format!("{key}\u{15}{words}\r"));
    }

    /// Opens the log lens over these sources.
    pub(crate) fn lens(&mut self, sources: &[String]) {
        self.line(':', &format!("logs {}", sources.join(" ")));
        self.shows("5 Logs");
    }

    /// Where it keeps its state (`state`) and its data (`data`).
    pub(crate) fn state(&self) -> &std::path::Path {
        self.state.path()
    }

    /// Waits until it ends by itself; its status.
    pub(crate) fn ends(&mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
    }

    /// Kills it, as a machine does that loses its power.
    #[allow(dead_code, reason = "only stories of the lab do that")]
    pub(crate) fn kill(&mut self) {
        let pid = self.child.process_id().unwrap().try_into().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        self.child.wait().unwrap();
    }

    /// Leaves it, and waits for its end.
    pub(crate) fn leave(mut self) {
        self.quit();
    }

    /// The same, with its state still to be looked at.
    pub(crate) fn quit(&mut self) {
        self.press("\u{3}");
        self.shows("again quits");
        self.press("\u{3}");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // One that a failing test left behind; one that has ended takes it as nothing.
        let _ = self.child.kill();
    }
}
