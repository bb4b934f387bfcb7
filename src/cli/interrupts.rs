//! Ctrl-C as a verb hears it: by one listener for all of its life, so that what is pressed while nobody waits for it is not lost.

use std::future::pending;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use super::print;

/// The person's Ctrl-C, pressed or to come.
#[derive(Debug)]
pub(super) struct Interrupts(Mutex<Option<Signal>>);

impl Interrupts {
    /// Listens: from now on Ctrl-C ends the program only if the verb does.
    pub(super) fn listen() -> Self {
        let signal = signal(SignalKind::interrupt());
        if let Err(why) = &signal {
            print::message(&format!("pilothouse: Ctrl-C is not heard: {why}"));
        }
        Self(Mutex::new(signal.ok()))
    }

    /// Returns when it is pressed, at once where it was since the last time. Cancel-safe.
    pub(super) async fn next(&self) {
        match self.0.lock().await.as_mut() {
            Some(signal) => {
                signal.recv().await;
            }
            None => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn what_is_pressed_while_nobody_waits_is_heard() {
        let interrupts = Interrupts::listen();
        kill_process(getpid(), Signal::INT).unwrap();
        interrupts.next().await;
        // A waiter that was given up took nothing away.
        let given_up = tokio::time::timeout(std::time::Duration::ZERO, interrupts.next()).await;
        assert!(given_up.is_err());
        kill_process(getpid(), Signal::INT).unwrap();
        interrupts.next().await;
    }
}
