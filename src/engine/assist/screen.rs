//! The newest picture of a conversation: shown at once where nothing was shown for a frame, else at the end of the frame.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use crate::assistant::{Fold, Phase, SessionEvent, Transcript};
use crate::domain::SessionId;
use crate::text::SafeText;

/// Shortest time between two pictures.
const FRAME: Duration = Duration::from_millis(33);

/// The outlet of pictures.
#[derive(Debug)]
pub(super) struct Screen {
    session: SessionId,
    fold: Fold,
    phase: Phase,
    elsewhere: Option<SafeText>,
    /// Shown where nobody has asked anything.
    title: SafeText,
    out: watch::Sender<Arc<Transcript>>,
    gate: Gate,
    timer: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// What comes is shown at once.
    Open,
    /// A picture has just gone out.
    Frame,
    /// There is more to show when the frame is over.
    Due,
}

impl Screen {
    /// An outlet, and where its pictures are seen.
    pub(super) fn new(session: SessionId) -> (Self, watch::Receiver<Arc<Transcript>>) {
        let mut fold = Fold::new(session);
        let (out, pictures) = watch::channel(fold.view());
        let screen = Self {
            session,
            fold,
            phase: Phase::default(),
            elsewhere: None,
            title: SafeText::default(),
            out,
            gate: Gate::Open,
            timer: Box::pin(sleep(Duration::ZERO)),
        };
        (screen, pictures)
    }

    /// Waits until a frame is over; for ever when none is under way.
    pub(super) async fn due(&mut self) {
        match self.gate {
            Gate::Open => std::future::pending().await,
            Gate::Frame | Gate::Due => self.timer.as_mut().await,
        }
    }

    /// The frame is over.
    pub(super) fn frame_is_over(&mut self) {
        match self.gate {
            Gate::Due => self.show(),
            Gate::Open | Gate::Frame => self.gate = Gate::Open,
        }
    }

    /// Whether anybody looks: one receiver only waits to be fetched.
    pub(super) fn is_seen(&self) -> bool {
        self.out.receiver_count() > 1
    }

    /// Something happened.
    pub(super) fn apply(&mut self, event: &SessionEvent) {
        self.fold.apply(event);
        self.offer();
    }

    /// What happened last is what a person waits for: it is shown now, whatever was shown just before.
    pub(super) fn at_once(&mut self) {
        self.show();
    }

    /// Number of the newest event in it.
    pub(super) fn number(&self) -> u64 {
        self.fold.number()
    }

    /// Everything anew, of these events.
    pub(super) fn again(&mut self, events: impl Iterator<Item = SessionEvent>) {
        self.fold = Fold::new(self.session);
        self.fold.set_phase(self.phase.clone());
        self.fold.set_elsewhere(self.elsewhere.clone());
        for event in events {
            self.fold.apply(&event);
        }
        self.offer();
    }

    /// What the assistant does now.
    pub(super) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What the assistant does now is this.
    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase.clone();
        self.fold.set_phase(phase);
        self.offer();
    }

    /// Who runs it, where it is another console.
    pub(super) fn elsewhere(&self) -> Option<&SafeText> {
        self.elsewhere.as_ref()
    }

    /// It is run by this one.
    pub(super) fn set_elsewhere(&mut self, elsewhere: Option<SafeText>) {
        self.elsewhere.clone_from(&elsewhere);
        self.fold.set_elsewhere(elsewhere);
        self.offer();
    }

    /// A few words to find it by.
    pub(super) fn set_title(&mut self, title: &str) {
        if self.title.as_str() != title {
            self.title = title.into();
            self.offer();
        }
    }

    fn offer(&mut self) {
        match self.gate {
            Gate::Open => self.show(),
            Gate::Frame | Gate::Due => self.gate = Gate::Due,
        }
    }

    fn show(&mut self) {
        let mut picture = self.fold.view();
        if picture.title != self.title {
            Arc::make_mut(&mut picture).title = self.title.clone();
        }
        self.out.send_replace(picture);
        self.gate = Gate::Frame;
        self.timer.set(sleep(FRAME));
    }
}
