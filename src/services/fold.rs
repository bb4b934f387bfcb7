//! How a service stands, look by look (pure): its word is what the looks say, its history what changed. What others tell of it
//! is kept and never changes the word.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::state::{
    Depth, EventKind, ProbeOutcome, Probed, RestartCount, Service, ServiceEvent, ServiceWord,
};
use crate::domain::{At, ServiceSpec, Wall};
use crate::text::SafeText;

/// Events that are kept of one service.
pub const HISTORY: usize = 200;

/// Characters that are kept of what somebody tells.
const TOLD: usize = 280;

impl ServiceWord {
    /// Whether nothing is wrong: it works, or has nothing to do.
    pub fn is_up(self) -> bool {
        matches!(self, Self::Healthy | Self::Idle)
    }

    /// Whether something is wrong.
    pub fn is_down(self) -> bool {
        !self.is_up() && !matches!(self, Self::Unknown | Self::Starting)
    }

    /// As a person reads it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Unhealthy => "unhealthy",
            Self::Wedged => "wedged",
            Self::Stopped => "stopped",
            Self::Unreachable => "unreachable",
        }
    }
}

impl ProbeOutcome {
    /// What was seen, in words.
    pub fn words(&self) -> &SafeText {
        match self {
            Self::Good(words)
            | Self::Idle(words)
            | Self::Starting(words)
            | Self::Bad(words)
            | Self::Wedged(words)
            | Self::Absent(words) => words,
        }
    }
}

impl Service {
    /// A service that nobody has looked at yet.
    pub fn new(spec: Arc<ServiceSpec>) -> Self {
        Self {
            spec,
            word: ServiceWord::Unknown,
            detail: SafeText::default(),
            since: At::default(),
            shallow: None,
            deep: None,
            model: None,
            restarts: RestartCount::default(),
            events: Arc::default(),
        }
    }

    /// It was looked at. Gives the event, where its word changed and that is worth telling.
    pub fn probed(&mut self, depth: Depth, probed: Probed, wall: Wall) -> Option<ServiceEvent> {
        let at = probed.at;
        match depth {
            Depth::Shallow => {
                // What a real request found before it went away or came back says nothing of what is there now.
                if self.shallow.as_ref().map(|one| stage(&one.outcome))
                    != Some(stage(&probed.outcome))
                {
                    self.deep = None;
                }
                self.shallow = Some(probed);
            }
            Depth::Deep => self.deep = Some(probed),
        }
        let (word, detail) = judged(self.shallow.as_ref(), self.deep.as_ref());
        self.becomes(word, detail, at, wall)
    }

    /// Its host can't be reached.
    pub fn unreachable(&mut self, words: SafeText, at: At, wall: Wall) -> Option<ServiceEvent> {
        self.shallow = None;
        self.deep = None;
        self.becomes(ServiceWord::Unreachable, words, at, wall)
    }

    /// Somebody tells how it fared.
    pub fn reported(&mut self, ok: bool, words: &SafeText, wall: Wall) -> ServiceEvent {
        let words: String = words.as_str().chars().take(TOLD).collect();
        self.remember(ServiceEvent {
            wall,
            kind: EventKind::Report { ok },
            words: words.into(),
        })
    }

    /// The deep look had it restarted: what it found then is over.
    pub fn healed(&mut self, why: &SafeText, wall: Wall) -> ServiceEvent {
        self.deep = None;
        self.remember(ServiceEvent {
            wall,
            kind: EventKind::Healed,
            words: format!("restarted: {why}").into(),
        })
    }

    /// What was known of it from before, oldest first.
    pub fn past(&mut self, events: Vec<ServiceEvent>) {
        let mut all: VecDeque<_> = events.into();
        all.extend(self.events.iter().cloned());
        let extra = all.len().saturating_sub(HISTORY);
        all.drain(..extra);
        self.events = Arc::new(all);
    }

    fn becomes(
        &mut self,
        word: ServiceWord,
        detail: SafeText,
        at: At,
        wall: Wall,
    ) -> Option<ServiceEvent> {
        self.detail = detail;
        let before = self.word;
        if before == word {
            return None;
        }
        self.word = word;
        self.since = at;
        let down = self.down_since();
        let new = match before {
            // What it was before we began to look is in its history.
            ServiceWord::Unknown => {
                down.is_some() != word.is_down() && word != ServiceWord::Starting
            }
            _ => word != ServiceWord::Unknown,
        };
        let down_for = down
            .filter(|_| word.is_up())
            .map(|since| between(since, wall));
        new.then(|| {
            let words = format!("{}: {}", word.word(), self.detail);
            self.remember(ServiceEvent {
                wall,
                kind: EventKind::Transition {
                    up: word.is_up(),
                    down_for,
                },
                words: words.trim_end_matches(": ").into(),
            })
        })
    }

    /// Since when it has not been up, as its history tells.
    fn down_since(&self) -> Option<Wall> {
        let mut changes = self
            .events
            .iter()
            .rev()
            .filter_map(|event| match event.kind {
                EventKind::Transition { up, .. } => Some((up, event.wall)),
                _ => None,
            });
        let mut since = None;
        while let Some((false, wall)) = changes.next() {
            since = Some(wall);
        }
        since
    }

    fn remember(&mut self, event: ServiceEvent) -> ServiceEvent {
        let events = Arc::make_mut(&mut self.events);
        events.push_back(event.clone());
        while events.len() > HISTORY {
            events.pop_front();
        }
        event
    }
}

fn between(from: Wall, to: Wall) -> Duration {
    Duration::from_millis(to.0.saturating_sub(from.0).try_into().unwrap_or_default())
}

/// What kind of thing a quick look found.
fn stage(outcome: &ProbeOutcome) -> std::mem::Discriminant<ProbeOutcome> {
    std::mem::discriminant(outcome)
}

/// The word that two looks come to. The quick one says whether it is there, the real request whether it works.
fn judged(shallow: Option<&Probed>, deep: Option<&Probed>) -> (ServiceWord, SafeText) {
    let of = |outcome: &ProbeOutcome| {
        let word = match outcome {
            ProbeOutcome::Good(_) => ServiceWord::Healthy,
            ProbeOutcome::Idle(_) => ServiceWord::Idle,
            ProbeOutcome::Starting(_) => ServiceWord::Starting,
            ProbeOutcome::Bad(_) => ServiceWord::Unhealthy,
            ProbeOutcome::Wedged(_) => ServiceWord::Wedged,
            ProbeOutcome::Absent(_) => ServiceWord::Stopped,
        };
        (word, outcome.words().clone())
    };
    match (
        shallow.map(|one| &one.outcome),
        deep.map(|one| &one.outcome),
    ) {
        (None, None) => (ServiceWord::Unknown, SafeText::default()),
        (Some(ProbeOutcome::Good(_)) | None, Some(deep)) => of(deep),
        (Some(shallow), _) => of(shallow),
    }
}
