//! What the console may not do itself: processes in the terminal, copies into tmux and files, the configuration anew.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::here::Here;
use super::passing;
use crate::config::{Problem, Settings};
use crate::engine::{ContainerTerminal, Refusal};
use crate::exec::{Exec, Exit, LocalExec, RunLimits};
use crate::shell::{ShellCommand, ShellWord};
use crate::tasks::Tasks;
use crate::text::SafeText;
use crate::tui::{Left, Outside};

/// How long tmux may take.
const TMUX: Duration = Duration::from_secs(2);

/// The hands of the console. Their work runs on the engine's runtime: the console's own only draws.
pub(super) struct Hands {
    pub(super) here: Arc<Here>,
    pub(super) exec: LocalExec,
    pub(super) tasks: Tasks,
    pub(super) runtime: Handle,
}

impl Hands {
    /// Does work on the engine's runtime; `None` when that has ended.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        {
            let _inside = self.runtime.enter();
            self.tasks.spawn(async move {
                // Nobody waits any more: the console has ended.
                let _ = done.send(work.await);
            });
        }
        outcome.await.ok()
    }

    fn copies(&self) -> Result<PathBuf, String> {
        let state = self.here.paths.state();
        let folder = state.ok_or("no home directory is known")?;
        Ok(folder.join("copies"))
    }
}

#[async_trait]
impl Outside for Hands {
    async fn copy_to_tmux(&self, text: String) -> Result<(), String> {
        let folder = self.copies()?;
        let exec = self.exec.clone();
        let work = async move {
            let file = write(&folder, &text).await?;
            let loaded = load_buffer(&exec, &file).await;
            let removed = tokio::fs::remove_file(&file).await;
            loaded.and(removed.map_err(|error| error.to_string()))
        };
        self.beside(work).await.unwrap_or_else(ended)
    }

    async fn copy_to_file(&self, text: String) -> Result<PathBuf, String> {
        let folder = self.copies()?;
        let work = async move { write(&folder, &text).await };
        self.beside(work).await.unwrap_or_else(ended)
    }

    async fn save(&self, text: String, path: &str) -> Result<PathBuf, String> {
        let path = self.here.paths.expanded(path);
        let work = async move {
            match write_new(&path, &text).await {
                Ok(()) => Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    Err(format!("{} is there already", path.display()))
                }
                Err(error) => Err(format!("{}: {error}", path.display())),
            }
        };
        self.beside(work).await.unwrap_or_else(ended)
    }

    async fn shell(&self, line: &ShellCommand) -> Result<(), Refusal> {
        let exec = self.exec.clone();
        let line = line.clone();
        let outcome = self
            .beside(async move { exec.in_terminal(&line).await })
            .await;
        let refusal = |why: String, hint: Option<String>| Refusal { why, hint };
        match outcome {
            // ssh ends with 255 where it could not connect; any other status is that of the shell's last command.
            Some(Ok(Exit::Status(255))) => Err(refusal("ssh could not connect".into(), None)),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(refusal(error.to_string(), error.hint)),
            None => Err(refusal("the engine has stopped".into(), None)),
        }
    }

    async fn terminal(&self, terminal: ContainerTerminal) -> Result<Left, Refusal> {
        self.beside(passing::pass(terminal))
            .await
            .unwrap_or_else(|| {
                Err(Refusal {
                    why: "the engine has stopped".into(),
                    hint: None,
                })
            })
    }

    fn settings(&self) -> Result<Settings, Vec<Problem>> {
        let config = match self.here.load(Vec::new()) {
            Ok(resolved) => resolved.config,
            Err(error) => {
                return Err(vec![Problem {
                    file: self.here.common.config.clone(),
                    line: None,
                    what: super::error::chain(&error),
                    hint: Some(error.hint().into()),
                }]);
            }
        };
        if config.problems.is_empty() {
            Ok(config.settings)
        } else {
            Err(config.problems)
        }
    }
}

fn ended<T>() -> Result<T, String> {
    Err("the engine has stopped".into())
}

/// Writes a text into a new file that only its owner may read.
async fn write(folder: &Path, text: &str) -> Result<PathBuf, String> {
    let words = |error: std::io::Error| error.to_string();
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .await
        .map_err(words)?;
    let path = folder.join(format!("{:016x}.txt", fastrand::u64(..)));
    write_new(&path, text).await.map_err(words)?;
    Ok(path)
}

/// Writes a text into a file that was not there before and that only its owner may read.
async fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}

/// `-w` (tmux 3.2) also hands it to the terminal's clipboard.
async fn load_buffer(exec: &LocalExec, file: &Path) -> Result<(), String> {
    let word = ShellWord::new(file.to_string_lossy()).map_err(|error| error.to_string())?;
    let command = ShellCommand::new("tmux")
        .arg("load-buffer")
        .arg("-w")
        .word(word);
    let limits = RunLimits {
        timeout: TMUX,
        output: 4096,
    };
    let output = exec
        .run(&command, limits)
        .await
        .map_err(|error| error.to_string())?;
    if output.exit.is_success() {
        return Ok(());
    }
    Err(SafeText::from_bytes(&output.stderr).to_string())
}
