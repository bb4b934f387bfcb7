//! The terminal of this process lent to a program inside a container for as long as that lasts: its size told, an end told to
//! us heard. The bytes themselves go over the same bridge as the console's.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::error::CliError;
use super::passing;
use crate::engine::{ContainerTerminal, Refusal};
use crate::tui::Left;
use crate::tui::terminal::{self, Guard};

/// How the terminal came back: as the program or the person left it, or why the way was lost.
pub(super) type Lent = Result<Left, Refusal>;

/// Lends the terminal until the program ends, the person leaves, or this process is told to end. `notice` says how to leave.
/// Without a terminal, only what the program shows is passed on.
pub(super) async fn lend(far: ContainerTerminal, notice: &str) -> Result<Lent, CliError> {
    if !passing::has_person() {
        return Ok(passing::pass(far).await);
    }
    let _guard = Guard::lent(notice)?;
    let resize = far.resize.clone();
    tokio::select! {
        lent = passing::pass(far) => Ok(lent),
        told = told_to_end() => told.map(|()| Ok(Left::Detached)).map_err(CliError::Output),
        lost = sizes(resize) => lost.map(|()| Ok(Left::Detached)).map_err(CliError::Output),
    }
}

/// Tells the size now and whenever it changes. Ends only where it can't be watched.
async fn sizes(resize: mpsc::Sender<(u16, u16)>) -> io::Result<()> {
    let mut changed = signal(SignalKind::window_change())?;
    loop {
        if resize.send(terminal::size()).await.is_err() {
            // The program has ended: what it showed last is still on its way.
            return std::future::pending().await;
        }
        changed.recv().await;
    }
}

async fn told_to_end() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
