//! The second place of the ledger: each line that is written here is also sent to the log of another host of the fleet. Best
//! effort: it holds nothing up, and what could not be sent is counted and told. Lines go by standard input: an argument can be
//! read by every user of that host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::host_actor::Shared;
use super::trouble::Trouble;
use crate::domain::{At, HostId, LedgerEntry};
use crate::exec::{Exec, RunLimits, feed};
use crate::shell::ShellCommand;

/// Lines that wait; what comes while they are full is missing there.
const WAITING: usize = 1024;

/// Lines sent with one command.
const BATCH: usize = 32;

/// How long a line may be on its way before that is told.
const LATE: Duration = Duration::from_secs(30);

/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(5);

/// What one command may take.
const LIMITS: RunLimits = RunLimits {
    timeout: Duration::from_secs(10),
    output: 4096,
};

/// The longest line that is sent; what is longer is cut, and says so.
const LONGEST: usize = 32 * 1024;

/// How often a line is refused by itself before the one behind it is tried.
const REFUSALS: u32 = 3;

/// The system's log where there is one to write to, else a file of our own. Says why it stopped, and last how many it took.
const APPEND: &str = r#"umask 077
exec 2>&1
taken=0
while IFS= read -r line; do
  printf '%s\n' "$line" | logger -t pilothouse-ledger 2>/dev/null || {
    mkdir -p "$HOME/.pilothouse" && printf '%s\n' "$line" >> "$HOME/.pilothouse/ledger.log"
  } || break
  taken=$((taken + 1))
done
echo "taken $taken""#;

/// The end into which lines are put.
#[derive(Debug)]
pub(super) struct Sink {
    lines: mpsc::Sender<String>,
    missing: Arc<AtomicUsize>,
}

impl Sink {
    /// Starts to send lines to this host.
    pub(super) fn start(host: HostId, shared: &Arc<Shared>) -> Self {
        let (lines, waiting) = mpsc::channel(WAITING);
        let missing = Arc::<AtomicUsize>::default();
        let courier = Courier {
            host,
            trouble: Trouble::new(shared.lanes.clone()),
            shared: Arc::clone(shared),
            missing: Arc::clone(&missing),
        };
        shared.tasks.spawn(courier.run(waiting));
        Self { lines, missing }
    }

    /// Puts a line on its way; never waits.
    pub(super) fn send(&self, entry: &LedgerEntry) {
        let line = match serde_json::to_string(entry) {
            Ok(line) => capped(line),
            Err(error) => return tracing::error!(%error, "a ledger line can't be put into words"),
        };
        if self.lines.try_send(line).is_err() {
            self.missing.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Takes lines to the host.
struct Courier {
    host: HostId,
    trouble: Trouble,
    shared: Arc<Shared>,
    missing: Arc<AtomicUsize>,
}

impl Courier {
    async fn run(self, mut waiting: mpsc::Receiver<String>) {
        let mut queue = Queue::default();
        let mut failing: Option<At> = None;
        loop {
            let room = BATCH.saturating_sub(queue.lines.len());
            if queue.lines.is_empty() && waiting.recv_many(&mut queue.lines, room).await == 0 {
                return;
            }
            while queue.lines.len() < BATCH
                && let Ok(line) = waiting.try_recv()
            {
                queue.lines.push(line);
            }
            let behind = queue.lines.len() + waiting.len();
            let (taken, why) = self.send(queue.next(), behind).await;
            let skipped = queue.took(taken);
            self.missing.fetch_add(skipped, Ordering::Relaxed);
            if skipped > 0 {
                self.tell_skipped().await;
            }
            let Some(why) = why else {
                failing = None;
                self.trouble.passed();
                continue;
            };
            tracing::warn!(host = %self.host, why, "the ledger's second place");
            let now = self.shared.lanes.now();
            if now.since(*failing.get_or_insert(now)).duration() >= LATE {
                self.tell(queue.lines.len() + waiting.len()).await;
            }
            sleep(AGAIN).await;
        }
    }

    /// Sends these lines: how many were taken, and why not all.
    async fn send(&self, lines: &[String], behind: usize) -> (usize, Option<String>) {
        let mut attempt = std::pin::pin!(async {
            let exec = self.shared.links.connected(&self.host).await;
            write(exec.as_ref(), lines).await
        });
        loop {
            match timeout(LATE, &mut attempt).await {
                Ok(came) => return came,
                Err(_) => self.tell(behind).await,
            }
        }
    }

    async fn tell_skipped(&self) {
        let (host, missing) = (&self.host, self.missing.load(Ordering::Relaxed));
        let sentence = format!("{host} never takes a line of the ledger: {missing} missing there");
        let hint = format!("the ledger here is whole; look at the log of {host}");
        self.trouble.tell(sentence, Some(hint)).await;
    }

    async fn tell(&self, behind: usize) {
        let missing = match self.missing.load(Ordering::Relaxed) {
            0 => String::new(),
            missing => format!(", and {missing} more will be missing there"),
        };
        let host = &self.host;
        let sentence = format!("{behind} lines of the ledger wait for {host}{missing}");
        let hint = format!("the ledger here is whole; look why {host} does not take them");
        self.trouble.tell(sentence, Some(hint)).await;
    }
}

/// What waits to be sent, and how much of it is sent at once (pure).
#[derive(Debug)]
struct Queue {
    lines: Vec<String>,
    most: usize,
    /// How often the first line was refused by itself.
    refused: u32,
    /// The line behind it has passed: if it is refused now, it never passes.
    is_suspect: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            lines: Vec::with_capacity(BATCH),
            most: BATCH,
            refused: 0,
            is_suspect: false,
        }
    }
}

impl Queue {
    /// Whether the line behind the first is tried: only if that one passes, and the first does not even then, it never does.
    fn looks_behind(&self) -> bool {
        self.refused >= REFUSALS && !self.is_suspect && self.lines.len() > 1
    }

    /// The lines to send now.
    fn next(&self) -> &[String] {
        let lines = if self.looks_behind() {
            self.lines.get(1..2)
        } else {
            self.lines.get(..self.lines.len().min(self.most))
        };
        lines.unwrap_or_default()
    }

    /// As many of them were taken. Gives how many are skipped for good.
    fn took(&mut self, taken: usize) -> usize {
        if self.looks_behind() {
            if taken == 0 {
                // The host takes nothing at all: none of them is to blame.
                self.refused = 0;
            } else {
                self.lines.remove(1);
                self.is_suspect = true;
            }
            return 0;
        }
        if std::mem::take(&mut self.is_suspect) && taken == 0 {
            self.lines.drain(..1);
            self.refused = 0;
            return 1;
        }
        let whole = taken >= self.next().len();
        self.lines.drain(..taken.min(self.lines.len()));
        if taken > 0 {
            self.refused = 0;
        }
        if whole {
            self.most = (self.most * 2).min(BATCH);
        } else if self.most > 1 {
            self.most /= 2;
        } else {
            self.refused += 1;
        }
        0
    }
}

/// A line of bounded length.
fn capped(mut line: String) -> String {
    if line.len() > LONGEST {
        line.truncate(line.floor_char_boundary(LONGEST));
        line.push_str(" … cut");
    }
    line
}

/// Appends lines on a host: how many it took, and why not all.
async fn write(exec: &dyn Exec, lines: &[String]) -> (usize, Option<String>) {
    let command = ShellCommand::new("sh").arg("-c").arg(APPEND);
    let mut input = lines.join("\n");
    input.push('\n');
    let said = match feed(exec, &command, input.as_bytes(), LIMITS).await {
        Ok(said) => String::from_utf8_lossy(&said).into_owned(),
        Err(error) => return (0, Some(error.to_string())),
    };
    let (why, last) = said.trim_end().rsplit_once('\n').unwrap_or(("", &said));
    let taken = last.trim().strip_prefix("taken ");
    match taken.and_then(|taken| taken.parse().ok()) {
        Some(taken) if taken == lines.len() => (taken, None),
        Some(taken) => (taken, Some(why.to_owned())),
        None => (0, Some(said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::LocalExec;
    use crate::shell::{EnvName, ShellWord};
    use crate::tasks::Tasks;

    fn queue(lines: &[&str]) -> Queue {
        Queue {
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            ..Queue::default()
        }
    }

    /// Sends until nothing is left or nothing moves; a host that refuses `bad`.
    fn play(queue: &mut Queue, bad: &str) -> (Vec<String>, usize) {
        let (mut there, mut skipped) = (Vec::new(), 0);
        for _ in 0..200 {
            let next = queue.next().to_vec();
            let good = next.iter().take_while(|line| !line.contains(bad));
            let taken = good.count();
            there.extend(next.into_iter().take(taken));
            skipped += queue.took(taken);
        }
        (there, skipped)
    }

    #[test]
    fn a_line_that_never_passes_is_skipped_and_counted_and_the_others_are_there_once() {
        let mut lines = queue(&["1", "2", "bad", "4", "5", "bad", "7"]);
        let (there, skipped) = play(&mut lines, "bad");
        assert_eq!((there.join(""), skipped), ("12457".to_owned(), 2));
        assert!(lines.lines.is_empty());
    }

    #[test]
    fn a_host_that_takes_nothing_loses_nothing() {
        let mut lines = queue(&["1", "2", "3"]);
        assert_eq!(play(&mut lines, ""), (Vec::new(), 0));
        assert_eq!((lines.lines.len(), lines.most), (3, 1));
        // It recovers, at whatever moment that is.
        for rounds in 0..5 {
            let mut lines = queue(&["1", "2", "3"]);
            for _ in 0..rounds + 50 {
                assert_eq!(lines.took(0), 0);
            }
            let (mut there, skipped) = play(&mut lines, "none");
            there.sort();
            assert_eq!((there.join(""), skipped), ("123".to_owned(), 0));
            assert!(lines.most > 1);
        }
    }

    #[test]
    fn a_line_is_capped() {
        assert_eq!(capped("é".to_owned()), "é");
        let long = capped("é".repeat(LONGEST));
        assert!(long.len() < LONGEST + 16 && long.ends_with("é … cut"));
    }

    /// A host without a log of its own, and without a place for ours.
    #[tokio::test]
    async fn lines_arrive_by_the_input_as_they_are() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for tool in ["sh", "mkdir"] {
            std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), bin.join(tool)).unwrap();
        }
        let host = Elsewhere {
            here: LocalExec::new(Tasks::new()),
            path: bin.display().to_string(),
            home: home.path().display().to_string(),
        };
        let lines = ["$(touch x) 'a' \\n", "-n é"].map(str::to_owned);
        assert_eq!(write(&host, &lines).await, (2, None));
        let file = home.path().join(".pilothouse/ledger.log");
        let there = std::fs::read_to_string(&file).unwrap();
        assert_eq!(there, "$(touch x) 'a' \\n\n-n é\n");
        std::fs::remove_dir_all(home.path().join(".pilothouse")).unwrap();
        std::fs::write(home.path().join(".pilothouse"), "").unwrap();
        let (taken, why) = write(&host, &lines).await;
        assert_eq!(taken, 0);
        assert!(why.unwrap().contains(".pilothouse"));
    }

    struct Elsewhere {
        here: LocalExec,
        path: String,
        home: String,
    }

    #[async_trait::async_trait]
    impl Exec for Elsewhere {
        async fn run(
            &self,
            command: &ShellCommand,
            limits: RunLimits,
        ) -> Result<crate::exec::Output, crate::exec::ExecError> {
            self.here.run(command, limits).await
        }

        async fn stream(
            &self,
            command: &ShellCommand,
        ) -> Result<crate::exec::LineStream, crate::exec::ExecError> {
            self.here.stream(command).await
        }

        async fn pipe(
            &self,
            command: &ShellCommand,
        ) -> Result<crate::exec::BoxedIo, crate::exec::ExecError> {
            assert!(!command.render().contains("touch x"), "it is an argument");
            let name = |name| EnvName::new(name).unwrap();
            let word = |text: &String| ShellWord::new(text.as_str()).unwrap();
            let command = command.clone();
            let command = command.env(name("PATH"), word(&self.path));
            let command = command.env(name("HOME"), word(&self.home));
            self.here.pipe(&command).await
        }

        async fn upload(
            &self,
            path: &crate::shell::RemotePath,
            mode: u32,
            content: bytes::Bytes,
        ) -> Result<(), crate::exec::ExecError> {
            self.here.upload(path, mode, content).await
        }

        async fn connect(
            &self,
            socket: &crate::exec::HostSocket,
        ) -> Result<crate::exec::BoxedIo, crate::exec::ExecError> {
            self.here.connect(socket).await
        }
    }
}
