//! Orphans that became this process's children: whoever is the parent of what loses its own has to bury it as well. On Linux
//! only; what this process has started itself is left to whoever started it.

#[cfg(target_os = "linux")]
pub use linux::adopt_orphans;
#[cfg(target_os = "linux")]
pub(crate) use linux::started_here;

/// Makes this process the parent of nobody: there is no process table to read.
#[cfg(not(target_os = "linux"))]
pub fn adopt_orphans() {
    tracing::debug!("orphans are the system's here");
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn started_here(pid: Option<u32>) {
    tracing::trace!(?pid, "started");
}

#[cfg(target_os = "linux")]
mod linux {
    //! The process table is `/proc`.

    use std::collections::BTreeSet;
    use std::fs;
    use std::sync::{Mutex, MutexGuard, Once, PoisonError};
    use std::time::Duration;

    use rustix::process::{Pid, WaitOptions, getpid, waitpid};

    /// Between two looks at the dead; one that is dead in two of them is asked for by nobody.
    const LOOK: Duration = Duration::from_secs(2);

    /// A process for good: its pid, and its start in ticks since boot.
    type Identity = (i32, u64);

    /// What this process has started itself, as long as it is there.
    static STARTED: Mutex<BTreeSet<Identity>> = Mutex::new(BTreeSet::new());

    static BURIAL: Once = Once::new();

    fn started() -> MutexGuard<'static, BTreeSet<Identity>> {
        STARTED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A child was started here: whoever started it asks for its end.
    pub(crate) fn started_here(pid: Option<u32>) {
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        if let Some(found) = pid.and_then(row) {
            started().insert(found.identity());
        }
    }

    /// Makes this process the parent of whatever loses its own below it, and buries those that end, for as long as it lives.
    pub fn adopt_orphans() {
        if let Err(e) = rustix::process::set_child_subreaper(Some(getpid())) {
            tracing::debug!(error = %e, "orphans will not become our children");
            return;
        }
        BURIAL.call_once(|| {
            let burial = || {
                let mut dead = BTreeSet::new();
                loop {
                    std::thread::park_timeout(LOOK);
                    dead = bury(&dead);
                }
            };
            let begun = std::thread::Builder::new()
                .name("burial".into())
                .spawn(burial);
            if let Err(e) = begun {
                tracing::debug!(error = %e, "nobody buries what becomes our child");
            }
        });
    }

    /// Buries the orphans that were dead at the last look already; gives those that are newly dead.
    fn bury(before: &BTreeSet<Identity>) -> BTreeSet<Identity> {
        let me = getpid().as_raw_nonzero().get();
        let table: Vec<Row> = table();
        let there: BTreeSet<Identity> = table.iter().map(Row::identity).collect();
        let ours = {
            let mut started = started();
            started.retain(|one| there.contains(one));
            started.clone()
        };
        let dead = table
            .iter()
            .filter(|row| row.parent == me && row.is_dead)
            .map(Row::identity)
            .filter(|one| !ours.contains(one));
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = dead.partition(|one| before.contains(one));
        for (pid, _) in old {
            if let Some(pid) = Pid::from_raw(pid)
                && let Err(e) = waitpid(Some(pid), WaitOptions::NOHANG)
            {
                tracing::debug!(?pid, error = %e, "an orphan was buried already");
            }
        }
        new
    }

    /// One row of the process table.
    struct Row {
        pid: i32,
        parent: i32,
        start: u64,
        is_dead: bool,
    }

    impl Row {
        fn identity(&self) -> Identity {
            (self.pid, self.start)
        }
    }

    fn table() -> Vec<Row> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
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
            is_dead: matches!(fields.next()?, "Z" | "X"),
            parent: fields.next()?.parse().ok()?,
            start: fields.nth(17)?.parse().ok()?,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::exec::{Exec as _, LocalExec, RunLimits};
        use crate::shell::ShellCommand;
        use crate::tasks::Tasks;

        #[tokio::test]
        async fn an_orphan_is_buried_and_a_child_of_ours_is_left_to_whoever_started_it() {
            adopt_orphans();
            let here = LocalExec::new(Tasks::new());
            // Ended, and nobody has asked for its end: its pid may still be signalled as a group.
            let kept = here.pipe(&ShellCommand::new("true")).await.unwrap();
            let orphan = ShellCommand::new("sh")
                .arg("-c")
                .arg("setsid sleep 0.1 >/dev/null 2>&1 & echo $!");
            let said = here.run(&orphan, RunLimits::default()).await.unwrap();
            let orphan: i32 = String::from_utf8_lossy(&said.stdout)
                .trim()
                .parse()
                .unwrap();
            let me = getpid().as_raw_nonzero().get();
            let mine = || {
                let rows = table().into_iter().filter(|row| row.parent == me);
                rows.map(|row| row.pid).collect::<Vec<_>>()
            };
            assert!(mine().contains(&orphan));
            tokio::time::timeout(Duration::from_secs(30), async {
                let mut pace = tokio::time::interval(Duration::from_millis(20));
                while mine().contains(&orphan) {
                    pace.tick().await;
                }
            })
            .await
            .expect("nobody buries it");
            let left = mine();
            assert_eq!(left.len(), 1, "{left:?}");
            let child = row(left[0]).unwrap();
            assert!(child.is_dead && started().contains(&child.identity()));
            drop(kept);
        }
    }
}
