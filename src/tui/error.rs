//! Why the terminal face ended other than by a person's wish.

use std::io;

use thiserror::Error;

use super::signals::Alarm;
use super::terminal::TerminalError;

/// Why the terminal face ended other than by a person's wish. The terminal is given back already.
#[derive(Debug, Error)]
pub enum TuiError {
    /// There is no terminal to be had.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// Threads or pipes can't be had.
    #[error("the console can't be started")]
    Start(#[source] io::Error),
    /// A frame could not be made.
    #[error("the screen can't be drawn")]
    Draw(#[source] io::Error),
    /// A signal, a panic, or the terminal's end.
    #[error("{}", ended(*.0))]
    Ended(Alarm),
    /// The engine has stopped.
    #[error("the engine has stopped")]
    EngineGone,
}

fn ended(alarm: Alarm) -> String {
    match alarm {
        Alarm::End(signal) => format!("ended by signal {signal}"),
        Alarm::HungUp => "the terminal is gone".into(),
        Alarm::Panicked => "ended by an error in the program".into(),
        Alarm::Stop | Alarm::Continue | Alarm::Resize => "ended".into(),
    }
}

impl TuiError {
    /// The mend, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Terminal(error) => Some(error.hint()),
            _ => None,
        }
    }

    /// The exit code: 128 and the signal where a signal ended it, 2 where no terminal is there, 1 else.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Ended(alarm) => alarm.exit_code(),
            Self::Terminal(TerminalError::NotATerminal(_) | TerminalError::Dumb(_)) => 2,
            _ => 1,
        }
    }
}
