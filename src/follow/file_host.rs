//! What is asked of a host about a file: a look at it and its siblings, and parts of it. The scripts stand beside.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::error::{FollowError, FollowErrorKind};
use super::line::Stamp;
use super::resume::{Sibling, Step};
use super::written_at::LineClock;
use crate::exec::{Exec, ExecError, Exit, LineStream, RunLimits};
use crate::shell::{RemotePath, ShellCommand, ShellWord};

const LOOK: &str = include_str!("look.sh");
const READ: &str = include_str!("read.sh");
const TAIL: &str = include_str!("tail.sh");

/// What may be fetched of a file in one piece.
pub(super) const CHUNK: u64 = 512 * 1024;

/// Longest time for a look or a piece.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the scripts say when the file is gone, or another one has its name.
pub(super) const MOVED: [Exit; 2] = [Exit::Status(66), Exit::Status(67)];

/// A file on a host.
#[derive(Clone)]
pub(super) struct FileHost {
    exec: Arc<dyn Exec>,
    path: RemotePath,
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) files: Vec<Sibling>,
    pub(super) clock: LineClock,
    pub(super) access: Access,
}

/// Whether the file of this name can be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Access {
    #[default]
    Absent,
    /// Not by us; who owns it, and its group.
    Refused(String, String),
    Ok,
}

/// A part of a file.
pub(super) enum Part {
    Bytes(Bytes),
    /// The file is not where it was.
    Moved,
}

impl FileHost {
    pub(super) fn new(exec: Arc<dyn Exec>, path: RemotePath) -> Self {
        Self { exec, path }
    }

    pub(super) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// Looks at the file, its siblings, and for the one of this inode.
    pub(super) async fn look(&self, inode: Option<u64>) -> Result<Look, ExecError> {
        let command = ShellCommand::new("sh")
            .arg("-c")
            .arg(LOOK)
            .arg("pilothouse-look")
            .word(self.path.clone())
            .word(inode.map_or(ShellWord::literal(""), ShellWord::from));
        let output = self.exec.run(&command, limits(256 * 1024)).await?;
        Ok(read_look(&String::from_utf8_lossy(&output.stdout)))
    }

    /// At most [`CHUNK`] bytes of a file.
    pub(super) async fn read(
        &self,
        step: &Step,
        offset: u64,
        most: u64,
    ) -> Result<Part, FollowError> {
        let most = most.min(CHUNK);
        let command = ShellCommand::new("sh")
            .arg("-c")
            .arg(READ)
            .arg("pilothouse-read")
            .word(named(step)?)
            .word(step.inode)
            .word(offset + 1)
            .word(most);
        let output = self.exec.run(&command, limits(CHUNK as usize)).await?;
        if MOVED.contains(&output.exit) {
            return Ok(Part::Moved);
        }
        Ok(Part::Bytes(output.stdout))
    }

    /// Starts to follow a file from this byte on.
    pub(super) async fn tail(
        &self,
        inode: u64,
        offset: u64,
        nonce: &str,
    ) -> Result<LineStream, FollowError> {
        let command = ShellCommand::new("sh")
            .arg("-c")
            .arg(TAIL)
            .arg("pilothouse-tail")
            .word(self.path.clone())
            .word(inode)
            .word(offset + 1)
            .word(word(nonce)?);
        Ok(self.exec.stream(&command).await?)
    }
}

fn limits(output: usize) -> RunLimits {
    RunLimits {
        timeout: PATIENCE,
        output,
    }
}

fn named(step: &Step) -> Result<ShellWord, FollowError> {
    word(&step.name)
}

fn word(text: &str) -> Result<ShellWord, FollowError> {
    ShellWord::new(text).map_err(|_| FollowError::new(FollowErrorKind::Failed, "no name of a file"))
}

fn read_look(text: &str) -> Look {
    let mut look = Look::default();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "now" => look.clock = clock(rest).unwrap_or_default(),
            "f" => look.files.extend(sibling(rest)),
            "ok" => look.access = Access::Ok,
            "refused" => {
                let (owner, group) = rest.split_once(' ').unwrap_or((rest, ""));
                look.access = Access::Refused(owner.to_owned(), group.to_owned());
            }
            _ => {}
        }
    }
    look
}

/// `1795269906 +0100`.
pub(super) fn clock(text: &str) -> Option<LineClock> {
    let (seconds, zone) = text.split_once(' ')?;
    let now = Stamp(seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?);
    let (sign, digits) = zone.trim().split_at_checked(1)?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    let zone = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(LineClock {
        zone: if sign == "-" { -zone } else { zone },
        now,
    })
}

/// `INODE SIZE MTIME KIND|NAME`.
fn sibling(text: &str) -> Option<Sibling> {
    let (facts, name) = text.split_once('|')?;
    let mut facts = facts.splitn(4, ' ');
    Some(Sibling {
        inode: facts.next()?.parse().ok()?,
        size: facts.next()?.parse().ok()?,
        written: facts.next()?.parse().ok()?,
        regular: facts.next()?.starts_with("regular"),
        // `find` writes the slash that it was given beside the one of its own.
        name: name.replace("//", "/"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Tasks;

    /// A file in a folder of its own, on this machine.
    fn here(name: &str) -> (FileHost, std::path::PathBuf, tempfile::TempDir, Tasks) {
        let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
        let path = folder.path().join(name);
        let exec = Arc::new(crate::exec::LocalExec::new(tasks.clone()));
        let host = FileHost::new(exec, RemotePath::new(path.to_str().unwrap()).unwrap());
        (host, path, folder, tasks)
    }

    #[tokio::test]
    async fn a_pipe_in_the_place_of_the_file_is_not_waited_for() {
        let (host, path, _folder, tasks) = here("app.log");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        let step = Step {
            name: path.to_str().unwrap().to_owned(),
            inode: 1,
            offset: 0,
        };
        let work = async {
            let part = host.read(&step, 0, 10).await;
            assert!(matches!(part, Ok(Part::Moved)));
            let mut tail = host.tail(1, 0, "nonce").await.unwrap();
            let ended = loop {
                if let Some(crate::exec::StreamEvent::Exit(exit)) = tail.next().await {
                    break exit;
                }
            };
            assert!(MOVED.contains(&ended), "{ended:?}");
        };
        // Far below the patience of a read, which a pipe would use up.
        tokio::time::timeout(PATIENCE / 2, work).await.unwrap();
        drop(host);
        assert!(tasks.shutdown(PATIENCE).await);
    }

    #[tokio::test]
    async fn a_file_is_found_among_more_siblings_than_a_command_line_holds() {
        let (host, path, folder, tasks) = here("app.log");
        std::fs::write(&path, "x").unwrap();
        let long = "9".repeat(200);
        for number in 0..12_000 {
            let sibling = folder.path().join(format!("app.log.{number}-{long}"));
            std::fs::write(sibling, "").unwrap();
        }
        let look = host.look(None).await.unwrap();
        assert_eq!(look.access, Access::Ok);
        assert!(look.files.iter().any(|file| file.name == host.path()));
        drop(host);
        assert!(tasks.shutdown(PATIENCE).await);
    }

    #[test]
    fn a_look_is_read_and_junk_is_not() {
        let text = "now 1795269906 +0530\nf 7 100 50 regular file|/l/a\nf 8 0 5 regular empty file|/l//a 1|x\n\
                    f 9 4096 5 directory|/l/a.d\nf x\nstat: what\nrefused root adm\n";
        let look = read_look(text);
        assert_eq!(look.clock.zone, 19_800);
        assert_eq!(look.clock.now, Stamp(1_795_269_906_000_000_000));
        let files: Vec<_> = look
            .files
            .iter()
            .map(|f| (f.name.as_str(), f.inode, f.regular))
            .collect();
        assert_eq!(
            files,
            [
                ("/l/a", 7, true),
                ("/l/a 1|x", 8, true),
                ("/l/a.d", 9, false)
            ]
        );
        assert_eq!(look.access, Access::Refused("root".into(), "adm".into()));
        assert_eq!(clock("1 -0130").map(|clock| clock.zone), Some(-5400));
        assert_eq!(clock("x"), None);
    }
}
