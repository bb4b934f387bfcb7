//! Processes that a program of ours started and may leave behind: they carry a mark in their environment, or stand in the
//! folder that is the program's alone. On Linux those whose parent is gone become our children, so that they can be found,
//! killed and reaped; elsewhere only the process group is ended.

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::Descendants;
#[cfg(target_os = "linux")]
pub(super) use linux::Descendants;

/// The variable that marks what belongs to one start of a program.
const MARK: &str = "PILOTHOUSE_CONVERSATION";

fn mark() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    //! No process table to read: the process group has to do.

    use std::path::Path;

    use super::{MARK, mark};

    #[derive(Debug, Clone)]
    pub(in crate::assistant) struct Descendants(String);

    impl Descendants {
        pub(in crate::assistant) fn adopt(_folder: &Path) -> Self {
            Self(mark())
        }

        pub(in crate::assistant) fn mark(&self) -> (&'static str, &str) {
            (MARK, &self.0)
        }

        pub(in crate::assistant) fn note(&mut self, _root: Option<i32>) {}

        pub(in crate::assistant) fn kill(&mut self) {}

        pub(in crate::assistant) async fn reap(&mut self) {}

        pub(in crate::assistant) fn abandon(&self) {}
    }
}

#[cfg(target_os = "linux")]
mod linux {
    //! The process table is `/proc`.

    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

    use super::{MARK, mark};
    use crate::exec::adopt_orphans;

    /// How often the dead are looked for, and the pause between: together half a second.
    const ROUNDS: usize = 25;
    const PAUSE: Duration = Duration::from_millis(20);

    /// How often they are looked for where nobody waits.
    const LOOK: Duration = Duration::from_secs(1);

    /// What one start of a program may leave behind.
    #[derive(Debug, Clone)]
    pub(in crate::assistant) struct Descendants {
        mark: String,
        /// The program itself.
        root: Option<i32>,
        /// Where the program, and nobody else, stands.
        folder: PathBuf,
        /// Seen below the program while it lived: by pid and start, because pids come back.
        seen: BTreeSet<(i32, u64)>,
    }

    /// One row of the process table.
    #[derive(Debug, Clone, Copy)]
    struct Row {
        pid: i32,
        parent: i32,
        start: u64,
    }

    impl Descendants {
        /// Makes this process the parent of whatever loses its own below it.
        pub(in crate::assistant) fn adopt(folder: &Path) -> Self {
            adopt_orphans();
            Self {
                mark: mark(),
                root: None,
                folder: folder.to_owned(),
                seen: BTreeSet::new(),
            }
        }

        /// The variable for the program's environment.
        pub(in crate::assistant) fn mark(&self) -> (&'static str, &str) {
            (MARK, &self.mark)
        }

        /// Remembers what runs below the program now.
        pub(in crate::assistant) fn note(&mut self, root: Option<i32>) {
            let Some(root) = root else { return };
            self.root = Some(root);
            let table = table();
            let below = below(&table, &BTreeSet::from([root]));
            self.seen.extend(
                table
                    .iter()
                    .filter(|row| row.pid != root && below.contains(&row.pid))
                    .map(|row| (row.pid, row.start)),
            );
        }

        /// Kills what is left.
        pub(in crate::assistant) fn kill(&mut self) {
            for row in self.left() {
                self.seen.insert((row.pid, row.start));
                if let Some(pid) = Pid::from_raw(row.pid)
                    && let Err(e) = kill_process(pid, Signal::KILL)
                {
                    tracing::debug!(pid = row.pid, error = %e, "a left process was gone");
                }
            }
        }

        /// Kills what is left until nothing is, and reaps what became our child.
        pub(in crate::assistant) async fn reap(&mut self) {
            for _ in 0..ROUNDS {
                self.kill();
                if !self.bury(WaitOptions::NOHANG) {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
            tracing::warn!("processes that the assistant's program left behind can't be ended");
        }

        /// The same where nobody can wait for it: a thread of its own waits for the dead.
        pub(in crate::assistant) fn abandon(&self) {
            let mut left = self.clone();
            left.kill();
            let burial = move || {
                while left.bury(WaitOptions::empty()) {
                    left.kill();
                    // What can't be killed may stay for days.
                    std::thread::park_timeout(LOOK);
                }
            };
            if let Err(e) = std::thread::Builder::new()
                .name("burial".into())
                .spawn(burial)
            {
                tracing::debug!(error = %e, "nobody buries what the assistant's program left");
            }
        }

        /// Reaps those that are our children; whether any is left. The program itself is its handle's.
        fn bury(&mut self, how: WaitOptions) -> bool {
            let me = getpid().as_raw_nonzero().get();
            let mut left = self.left();
            left.retain(|row| Some(row.pid) != self.root);
            for row in left.iter().filter(|row| row.parent == me) {
                if let Some(pid) = Pid::from_raw(row.pid)
                    && let Err(e) = waitpid(Some(pid), how)
                {
                    tracing::debug!(pid = row.pid, error = %e, "a left process was buried already");
                }
            }
            !left.is_empty()
        }

        /// What is left: seen before, marked, standing in our folder, or below one that is.
        fn left(&self) -> Vec<Row> {
            let table = table();
            let roots: BTreeSet<i32> = table
                .iter()
                .filter(|row| self.seen.contains(&(row.pid, row.start)) || self.is_of_ours(row))
                .map(|row| row.pid)
                .collect();
            let below = below(&table, &roots);
            let mut left = table;
            left.retain(|row| below.contains(&row.pid));
            left
        }

        /// It carries the mark; or it became our child, and stands where only the program did.
        fn is_of_ours(&self, row: &Row) -> bool {
            let wanted = format!("{MARK}={}", self.mark);
            let marked = fs::read(format!("/proc/{}/environ", row.pid))
                .is_ok_and(|all| all.split(|b| *b == 0).any(|one| one == wanted.as_bytes()));
            marked
                || row.parent == getpid().as_raw_nonzero().get()
                    && fs::read_link(format!("/proc/{}/cwd", row.pid))
                        .is_ok_and(|folder| folder.starts_with(&self.folder))
        }
    }

    /// Every process that may be signalled by us: not the first, not ourselves.
    fn table() -> Vec<Row> {
        let me = getpid().as_raw_nonzero().get();
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid > 1 && *pid != me)
            .filter_map(row)
            .collect()
    }

    fn row(pid: i32) -> Option<Row> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and may hold any character, so the fields are counted from its end.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        Some(Row {
            pid,
            parent: fields.nth(1)?.parse().ok()?,
            start: fields.nth(17)?.parse().ok()?,
        })
    }

    /// These processes and everything below them.
    fn below(table: &[Row], roots: &BTreeSet<i32>) -> BTreeSet<i32> {
        let mut found = roots.clone();
        loop {
            let before = found.len();
            let more: Vec<i32> = table
                .iter()
                .filter(|row| found.contains(&row.parent))
                .map(|row| row.pid)
                .collect();
            found.extend(more);
            if found.len() == before {
                return found;
            }
        }
    }
}
