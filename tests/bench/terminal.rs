//! A program in a terminal of its own, with a stopwatch: what it draws and when, keys, bytes, CPU and memory. What is measured with it is
//! the business of the programs beside it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take before the measurement is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Clock ticks of /proc/PID/stat; 100 on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Bytes as they came out of the pty, and when.
struct Chunk {
    at: Instant,
    bytes: Vec<u8>,
}

/// A program in a terminal of its own.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    /// Kept open: closing it is a hang-up.
    _master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Chunk>,
    pub(crate) parser: vt100::Parser,
    queries: Queries,
    frames: Frames,
    started: Instant,
    bytes: u64,
}

/// A minute of a steady screen.
pub(crate) struct Steady {
    pub(crate) frames_per_s: f64,
    pub(crate) kb_per_min: f64,
    pub(crate) cpu_s_per_min: f64,
    pub(crate) rss_mib: f64,
    pub(crate) peak_rss_mib: f64,
}

impl Terminal {
    pub(crate) fn start(command: &[String], rows: NonZeroU16, columns: NonZeroU16) -> Result<Self> {
        let size = PtySize {
            rows: rows.get(),
            cols: columns.get(),
            pixel_width: 0,
            pixel_height: 0,
        };
        let pty = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::from_argv(command.iter().map(Into::into).collect());
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.cwd(std::env::current_dir()?);
        let mut reader = pty.master.try_clone_reader()?;
        let keyboard = pty.master.take_writer()?;
        let (chunks, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let bytes = buffer.iter().take(length).copied().collect();
                if chunks.send(Chunk { at: now(), bytes }).is_err() {
                    break;
                }
            }
        });
        let started = now();
        let child = pty.slave.spawn_command(command)?;
        Ok(Self {
            child,
            _master: pty.master,
            keyboard,
            output,
            parser: vt100::Parser::new(rows, columns, 0),
            queries: Queries::default(),
            frames: Frames::default(),
            started,
            bytes: 0,
        })
    }

    /// Milliseconds from the start of the process to the chunk that completed the frame.
    pub(crate) fn first_frame(&mut self, expect: &str) -> Result<f64> {
        let at = self
            .until(now() + PATIENCE, |screen| {
                screen.contents().contains(expect)
            })?
            .with_context(|| {
                format!(
                    "{expect:?} is not on the screen:\n{}",
                    self.parser.screen().contents()
                )
            })?;
        Ok(milliseconds(at - self.started))
    }

    /// Reads until the screen is as wished; the moment of the chunk that made it so, or none at the deadline.
    pub(crate) fn until(
        &mut self,
        deadline: Instant,
        wished: impl Fn(&vt100::Screen) -> bool,
    ) -> Result<Option<Instant>> {
        loop {
            let left = deadline.saturating_duration_since(now());
            match self.output.recv_timeout(left) {
                Ok(chunk) => {
                    self.take(&chunk)?;
                    if !self.frames.open && wished(self.parser.screen()) {
                        return Ok(Some(chunk.at));
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(
                        "the program ended; its last screen:\n{}",
                        self.parser.screen().contents()
                    )
                }
            }
        }
    }

    fn take(&mut self, chunk: &Chunk) -> Result<()> {
        self.bytes += chunk.bytes.len() as u64;
        self.parser.process(&chunk.bytes);
        self.frames.take(&chunk.bytes);
        let (row, column) = self.parser.screen().cursor_position();
        for answer in self.queries.answers(&chunk.bytes, row, column) {
            self.keyboard.write_all(answer.as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn watch(&mut self, time: Duration) -> Result<()> {
        self.until(now() + time, |_| false).map(|_| ())
    }

    /// Presses `j` and `k` in turn at moments that keep step with nothing, and times each until the marker has moved, or without one the
    /// terminal's cursor.
    pub(crate) fn press_keys(&mut self, count: usize, marker: Option<&str>) -> Result<Vec<f64>> {
        let mut times = Vec::with_capacity(count);
        for turn in 0..count {
            self.watch(Duration::from_millis(fastrand::u64(15..60)))?;
            let before = marked(self.parser.screen(), marker).with_context(|| {
                format!(
                    "{marker:?} is not on the screen:\n{}",
                    self.parser.screen().contents()
                )
            })?;
            let pressed = now();
            self.keyboard
                .write_all(if turn % 2 == 0 { b"j" } else { b"k" })?;
            self.keyboard.flush()?;
            let moved =
                |screen: &vt100::Screen| marked(screen, marker).is_some_and(|row| row != before);
            let at = self.until(pressed + PATIENCE, moved)?.with_context(|| {
                format!("a key moved nothing:\n{}", self.parser.screen().contents())
            })?;
            times.push(milliseconds(at - pressed));
        }
        Ok(times)
    }

    /// Milliseconds from a key that moves the terminal's cursor until it has moved.
    pub(crate) fn press_key(&mut self, key: &[u8]) -> Result<f64> {
        let before = self.parser.screen().cursor_position();
        let pressed = now();
        self.keyboard.write_all(key)?;
        self.keyboard.flush()?;
        let moved = |screen: &vt100::Screen| screen.cursor_position() != before;
        let at = self.until(pressed + PATIENCE, moved)?.with_context(|| {
            format!("a key moved nothing:\n{}", self.parser.screen().contents())
        })?;
        Ok(milliseconds(at - pressed))
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.process_id().context("the program has no pid")
    }

    /// Presses keys one by one, each with time to be answered.
    pub(crate) fn press(&mut self, keys: &str) -> Result<()> {
        for key in keys.chars() {
            self.keyboard.write_all(key.to_string().as_bytes())?;
            self.watch(Duration::from_millis(700))?;
        }
        Ok(())
    }

    pub(crate) fn steady(&mut self, time: Duration) -> Result<Option<Steady>> {
        if time.is_zero() {
            return Ok(None);
        }
        let pid = self.child.process_id().context("the program has no pid")?;
        let (bytes, frames, cpu) = (self.bytes, self.frames.whole, cpu_seconds(pid)?);
        self.watch(time)?;
        let minutes = time.as_secs_f64() / 60.0;
        Ok(Some(Steady {
            frames_per_s: (self.frames.whole - frames) as f64 / time.as_secs_f64(),
            kb_per_min: (self.bytes - bytes) as f64 / 1000.0 / minutes,
            cpu_s_per_min: (cpu_seconds(pid)? - cpu) / minutes,
            rss_mib: memory_mib(pid, "VmRSS:")?,
            peak_rss_mib: memory_mib(pid, "VmHWM:")?,
        }))
    }

    /// Ends the program as `kill` would, and waits for it.
    pub(crate) fn quit(mut self) -> Result<()> {
        let pid = self.child.process_id().context("the program has no pid")?;
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).context("pid 0")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = now() + Duration::from_secs(5);
        // Its last words have to be read, or it may wait for ever to say them.
        while self.child.try_wait()?.is_none() {
            if now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
                bail!("the program did not end within five seconds of SIGTERM");
            }
            match self.output.recv_timeout(Duration::from_millis(5)) {
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// Questions that programs ask their terminal; one that waits for an answer would be measured waiting.
#[derive(Default)]
struct Queries {
    unfinished: String,
}

impl Queries {
    fn answers(&mut self, bytes: &[u8], row: u16, column: u16) -> Vec<String> {
        let text = std::mem::take(&mut self.unfinished) + &String::from_utf8_lossy(bytes);
        let cursor = format!("\x1b[{};{}R", row + 1, column + 1);
        let known = [
            ("\x1b[c", "\x1b[?62;22c"),
            ("\x1b[0c", "\x1b[?62;22c"),
            ("\x1b[6n", cursor.as_str()),
            ("\x1b[?u", "\x1b[?0u"),
            ("\x1b[?2026$p", "\x1b[?2026;2$y"),
            ("\x1b]11;?\x07", "\x1b]11;rgb:1c1c/1c1c/1c1c\x07"),
            ("\x1b]11;?\x1b\\", "\x1b]11;rgb:1c1c/1c1c/1c1c\x1b\\"),
        ];
        let answers = known
            .iter()
            .flat_map(|(query, answer)| text.matches(query).map(|_| (*answer).to_owned()))
            .collect();
        if let Some((_, tail)) = text.rsplit_once('\x1b')
            && tail.len() < 8
        {
            let tail = format!("\x1b{tail}");
            if known
                .iter()
                .any(|(query, _)| query.len() > tail.len() && query.starts_with(&tail))
            {
                self.unfinished = tail;
            }
        }
        answers
    }
}

/// Synchronised updates: a screen between their two ends is not a frame yet.
#[derive(Default)]
struct Frames {
    /// The last bytes, in which an end may have begun.
    tail: Vec<u8>,
    open: bool,
    whole: u64,
}

impl Frames {
    fn take(&mut self, bytes: &[u8]) {
        const LENGTH: usize = "\x1b[?2026h".len();
        let seen = std::mem::take(&mut self.tail);
        let all = [seen.as_slice(), bytes].concat();
        for end in all.windows(LENGTH) {
            match end {
                b"\x1b[?2026h" => self.open = true,
                b"\x1b[?2026l" => {
                    self.open = false;
                    self.whole += 1;
                }
                _ => {}
            }
        }
        self.tail = all
            .get(all.len().saturating_sub(LENGTH - 1)..)
            .unwrap_or_default()
            .to_vec();
    }
}

/// The first row with the marker; without one the row of the cursor.
fn marked(screen: &vt100::Screen, marker: Option<&str>) -> Option<usize> {
    let Some(marker) = marker else {
        return Some(usize::from(screen.cursor_position().0));
    };
    let (_, columns) = screen.size();
    screen
        .rows(0, columns.get())
        .position(|row| row.contains(marker))
}

/// CPU seconds of a process so far, its own only.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("an odd /proc/PID/stat")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |place: usize| -> Result<f64> {
        Ok(fields
            .get(place)
            .context("a short /proc/PID/stat")?
            .parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

pub(crate) fn memory_mib(pid: u32, key: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|rest| rest.split_whitespace().next())
        .context("an odd /proc/PID/status")?
        .parse()?;
    Ok(kib / 1024.0)
}

/// Figures in order, to take quantiles of.
pub(crate) struct Sorted(Vec<f64>);

impl Sorted {
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    pub(crate) fn at(&self, quantile: f64) -> Option<f64> {
        let place = (self.0.len() as f64 * quantile).ceil() as usize;
        self.0.get(place.max(1) - 1).copied()
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
