//! The second place of the ledger: each line that is written here is also sent to the log of another host of the fleet. Best
//! effort: it holds nothing up, and what could not be sent is counted and told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::host_actor::Shared;
use super::trouble::Trouble;
use crate::domain::{HostId, LedgerEntry};
use crate::exec::{Exec, RunLimits};
use crate::shell::{ShellCommand, ShellWord};

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

/// The system's log where there is one to write to, else a file of our own. Each argument is a line.
const APPEND: &str = r#"umask 077
for line; do
  logger -t pilothouse-ledger -- "$line" 2>/dev/null || {
    mkdir -p "$HOME/.pilothouse" && printf '%s\n' "$line" >> "$HOME/.pilothouse/ledger.log"
  } || exit 3
done"#;

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
            Ok(line) => line,
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
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            self.deliver(&batch, &waiting).await;
            batch.clear();
        }
    }

    /// Tries until the lines are there.
    async fn deliver(&self, batch: &[String], waiting: &mpsc::Receiver<String>) {
        let mut delivery = std::pin::pin!(self.try_until_there(batch));
        loop {
            match timeout(LATE, &mut delivery).await {
                Ok(()) => return self.trouble.passed(),
                Err(_) => self.tell(batch.len() + waiting.len()).await,
            }
        }
    }

    async fn try_until_there(&self, batch: &[String]) {
        let Some(command) = command(batch) else {
            return;
        };
        loop {
            let exec = self.shared.links.connected(&self.host).await;
            match write(exec.as_ref(), &command).await {
                Ok(()) => return,
                Err(why) => tracing::warn!(host = %self.host, why, "the ledger's second place"),
            }
            sleep(AGAIN).await;
        }
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

fn command(batch: &[String]) -> Option<ShellCommand> {
    let command = ShellCommand::new("sh")
        .arg("-c")
        .arg(APPEND)
        .arg("pilothouse-ledger");
    batch.iter().try_fold(command, |command, line| {
        Some(command.word(ShellWord::new(line.as_str()).ok()?))
    })
}

async fn write(exec: &dyn Exec, command: &ShellCommand) -> Result<(), String> {
    match exec.run(command, LIMITS).await {
        Ok(output) if output.exit.is_success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}
