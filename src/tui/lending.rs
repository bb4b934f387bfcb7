//! The terminal lent out: to a shell on a host, or to one inside of a container; and taken back, whatever was done to it.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::error::TuiError;
use super::event_loop::Console;
use super::options::{LEAVES, Left};
use super::signals::Alarm;
use super::terminal;
use crate::domain::{HostId, Severity, TerminalId};
use crate::engine::{Command, Refusal};
use crate::shell::ShellCommand;

/// Who is told of a new size of the terminal.
type Resize = mpsc::Sender<(u16, u16)>;

impl Console {
    /// Lends the terminal to a command of this machine.
    pub(super) async fn shell(
        &mut self,
        host: &HostId,
        terminal: TerminalId,
        line: ShellCommand,
        alarms: &mut mpsc::Receiver<Alarm>,
    ) -> Result<(), TuiError> {
        self.input.pause();
        self.watchdog.set_lent(true);
        self.guard.lend();
        let outside = Arc::clone(&self.options.outside);
        let ended = until_ended(outside.shell(&line), alarms, None).await?;
        self.take_back(terminal, ended.as_ref().err())?;
        match ended {
            Ok(()) => self.ui.say(
                Severity::Info,
                format!("the shell on {host} has ended"),
                None,
            ),
            Err(refusal) => self.ui.say(Severity::Error, refusal.why, refusal.hint),
        }
        self.resize()
    }

    /// Lends the terminal to one inside of a container.
    pub(super) async fn terminal(
        &mut self,
        what: &str,
        terminal: TerminalId,
        alarms: &mut mpsc::Receiver<Alarm>,
    ) -> Result<(), TuiError> {
        let Some(far) = self.source.terminal(terminal) else {
            let text = format!("the terminal in {what} is gone");
            self.ui.say(Severity::Error, text, None);
            return Ok(());
        };
        self.input.pause();
        self.watchdog.set_lent(true);
        let notice = format!("inside of {what} · {LEAVES} comes back and lets it run on\r\n");
        self.guard.lend_raw(&notice)?;
        let resize = far.resize.clone();
        // The terminal may have another size by now than when it was asked for.
        tell_size(&resize);
        let outside = Arc::clone(&self.options.outside);
        let ended = until_ended(outside.terminal(far), alarms, Some(&resize)).await?;
        self.take_back(terminal, ended.as_ref().err())?;
        match ended {
            Ok(Left::Ended(status)) => {
                let with = match status {
                    Some(0) | None => String::new(),
                    Some(status) => format!(" with status {status}"),
                };
                let text = format!("the shell in {what} has ended{with}");
                self.ui.say(Severity::Info, text, None);
            }
            Ok(Left::Detached) => {
                let text = format!("left {what}; what runs in it may run on");
                self.ui.say(Severity::Info, text, None);
            }
            Err(refusal) => self.ui.say(Severity::Error, refusal.why, refusal.hint),
        }
        self.resize()
    }

    /// Takes the terminal back, and tells the engine how the lending ended.
    fn take_back(
        &mut self,
        terminal: TerminalId,
        failed: Option<&Refusal>,
    ) -> Result<(), TuiError> {
        self.guard.retake()?;
        self.watchdog.set_lent(false);
        self.input.resume();
        self.ui.now = (self.options.now)();
        self.ask(Command::TerminalEnded {
            terminal,
            failed: failed.map(|refusal| refusal.why.clone()),
        });
        Ok(())
    }
}

/// Waits for the end, or for an alarm that ends everything.
async fn until_ended<T>(
    lent: impl Future<Output = T>,
    alarms: &mut mpsc::Receiver<Alarm>,
    resize: Option<&Resize>,
) -> Result<T, TuiError> {
    tokio::pin!(lent);
    loop {
        tokio::select! {
            ended = &mut lent => return Ok(ended),
            alarm = alarms.recv() => match alarm {
                Some(alarm @ (Alarm::End(_) | Alarm::HungUp | Alarm::Panicked)) => {
                    return Err(TuiError::Ended(alarm));
                }
                Some(Alarm::Resize) => {
                    if let Some(resize) = resize {
                        tell_size(resize);
                    }
                }
                Some(Alarm::Stop | Alarm::Continue) => {}
                None => return Err(TuiError::Ended(Alarm::Panicked)),
            },
        }
    }
}

/// A size that is not taken yet is followed by a newer one, or the far end is gone.
fn tell_size(resize: &Resize) {
    if let Err(error) = resize.try_send(terminal::size()) {
        tracing::debug!(%error, "the size was not told");
    }
}
