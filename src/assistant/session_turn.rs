//! One turn of a conversation: what it is busy with, its clocks, and the ladder that stops it. Pure.

use std::collections::HashSet;
use std::time::Duration;

use super::event::{Ending, TroubleKind};
use super::session::Act;
use super::stream::CliEvent;
use super::transcript::Phase;
use super::trouble::Trouble;
use crate::domain::At;
use crate::text::SafeText;

/// Without any sign of life for this long, a person is told.
const SILENCE: Duration = Duration::from_secs(90);
/// From a request to the API to the first sign of an answer, before a person is told.
const FIRST_SIGN: Duration = Duration::from_secs(20);

/// A turn that runs.
#[derive(Debug)]
pub(super) struct Turn {
    /// What was asked; `None`: the program began it by itself.
    pub(super) question: Option<String>,
    pub(super) since: At,
    /// Troubles that were told in it.
    pub(super) troubles: Vec<TroubleKind>,
    /// Calls that were told as refused.
    pub(super) denied: HashSet<String>,
    /// The program's word for what failed.
    pub(super) error: String,
    heard: At,
    busy: Busy,
    limit: Duration,
    /// Time that a person took, all of it together.
    waited: Duration,
    /// Since when it waits for a person.
    waits: Option<At>,
    /// The silence that goes on was told.
    told: bool,
}

/// What a turn is busy with.
#[derive(Debug)]
enum Busy {
    /// The API was asked and has not answered.
    Asking,
    /// The answer comes.
    Streaming,
    /// A tool runs.
    Tool,
    /// The API is asked again.
    Retrying {
        attempt: u32,
        of: u32,
        due: At,
        why: SafeText,
    },
}

impl Turn {
    pub(super) fn new(at: At, limit: Duration, question: Option<String>) -> Self {
        Self {
            question,
            since: at,
            troubles: Vec::new(),
            denied: HashSet::new(),
            error: String::new(),
            heard: at,
            busy: Busy::Streaming,
            limit,
            waited: Duration::ZERO,
            waits: None,
            told: false,
        }
    }

    /// A sign of life.
    pub(super) fn hears(&mut self, at: At, event: &CliEvent) {
        self.heard = at;
        self.told = false;
        self.busy = match event {
            CliEvent::Requesting => Busy::Asking,
            CliEvent::Retry {
                attempt,
                of,
                after,
                status,
                error,
            } => Busy::Retrying {
                attempt: *attempt,
                of: *of,
                due: at.plus(*after),
                why: status
                    .map_or_else(|| error.clone(), |status| format!("HTTP {status} {error}"))
                    .into(),
            },
            CliEvent::Blocks { blocks, .. }
                if blocks
                    .iter()
                    .any(|block| matches!(block, super::stream::Block::Tool { .. })) =>
            {
                Busy::Tool
            }
            CliEvent::MessageBegan { .. }
            | CliEvent::Delta { .. }
            | CliEvent::Blocks { .. }
            | CliEvent::ToolResult { .. } => Busy::Streaming,
            _ => return,
        };
    }

    /// Whether a person has something to decide.
    pub(super) fn awaits(&mut self, at: At, waits: bool) {
        match (self.waits, waits) {
            (None, true) => self.waits = Some(at),
            (Some(since), false) => {
                self.waits = None;
                self.waited += at.since(since).duration();
                self.heard = at;
            }
            _ => {}
        }
    }

    /// When it has taken too long; `None` while a person decides.
    pub(super) fn limit(&self) -> Option<At> {
        self.waits
            .is_none()
            .then(|| self.since.plus(self.limit).plus(self.waited))
    }

    /// When its silence is to be told.
    pub(super) fn silence(&self) -> Option<At> {
        if self.waits.is_some() || self.told {
            return None;
        }
        Some(self.heard.plus(match self.busy {
            Busy::Asking => FIRST_SIGN,
            Busy::Retrying { .. } | Busy::Streaming | Busy::Tool => SILENCE,
        }))
    }

    /// Its silence, where it is to be told now.
    pub(super) fn silent_since(&mut self, at: At) -> Option<Trouble> {
        self.silence().filter(|due| at >= *due)?;
        self.told = true;
        let what = match self.busy {
            Busy::Asking => "Claude's API has not begun to answer",
            Busy::Tool => "a tool of Claude has given no sign of life",
            Busy::Streaming | Busy::Retrying { .. } => "Claude has said nothing",
        };
        Some(Trouble::silent(what, at.since(self.heard).duration()))
    }

    pub(super) fn phase(&self) -> Phase {
        if let Some(since) = self.waits {
            return Phase::Waiting(since);
        }
        match &self.busy {
            Busy::Retrying {
                attempt,
                of,
                due,
                why,
            } => Phase::Retrying {
                attempt: *attempt,
                of: *of,
                due: *due,
                why: why.clone(),
            },
            Busy::Asking | Busy::Streaming | Busy::Tool => Phase::Working {
                since: self.since,
                heard: self.heard,
            },
        }
    }
}

/// A turn that is being stopped.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) why: StopWhy,
    pub(super) step: StopStep,
    pub(super) since: At,
    /// When the next step is due.
    pub(super) due: At,
}

/// Why a turn is being stopped.
#[derive(Debug, Clone, Copy)]
pub(super) enum StopWhy {
    /// A person wished it.
    Person,
    /// It took too long.
    Limit,
}

impl StopWhy {
    pub(super) fn ending(self) -> Ending {
        match self {
            Self::Person => Ending::Interrupted,
            Self::Limit => Ending::TimedOut,
        }
    }
}

/// The ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopStep {
    /// A control request: the program stays usable.
    Interrupt,
    /// SIGINT: it tells a result and goes.
    Int,
    /// SIGTERM: it goes without a result.
    Term,
    /// SIGKILL, and a sweep of what it started.
    Kill,
}

impl StopStep {
    /// How long this step is given.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Interrupt | Self::Int => Duration::from_secs(3),
            Self::Term | Self::Kill => Duration::from_secs(5),
        }
    }

    pub(super) fn next(self) -> Self {
        match self {
            Self::Interrupt => Self::Int,
            Self::Int => Self::Term,
            Self::Term | Self::Kill => Self::Kill,
        }
    }

    pub(super) fn is_signal(self) -> bool {
        self != Self::Interrupt
    }

    /// The order that takes this step; the first one is a line, written when the ladder begins.
    pub(super) fn act(self) -> Act {
        match self {
            Self::Interrupt | Self::Int => Act::Int,
            Self::Term => Act::Term,
            Self::Kill => Act::Kill,
        }
    }
}
