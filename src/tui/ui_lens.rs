//! How the person looks at log lines: which lens is open, its newest picture, what is being typed, how long lines are shown.
//! No line is kept here; they are in the lens.

use std::sync::Arc;

use super::ui::LineEdit;
use crate::domain::{HostId, LensId};
use crate::engine::{LensPicture, Refusal, SourceAddress, SourceOffer, Stamp};

/// Everything about the looks of the log lens.
#[derive(Debug, Clone, Default)]
pub struct LensUi {
    /// Whether there is a lens.
    pub state: LensState,
    /// The sources that were asked for.
    pub sources: Vec<SourceAddress>,
    /// The newest picture.
    pub picture: Arc<LensPicture>,
    /// The picture as it stood when the person pressed pause.
    pub held: Option<Arc<LensPicture>>,
    /// The search.
    pub search: LineEdit,
    /// The filter.
    pub filter: LineEdit,
    /// What the lens was told to search for.
    pub searched: String,
    /// What the lens was told to let through.
    pub filtered: String,
    /// How lines are shown that are longer than the screen is wide.
    pub long: LongLines,
    /// A moment to go to as soon as its lines are there, and how many lines there were when it was last tried.
    pub goal: Option<(Stamp, u64)>,
    /// What hosts offer, as far as they were asked.
    pub offers: Vec<(HostId, Offers)>,
}

impl LensUi {
    /// The picture to show: the one held by a pause, else the newest.
    pub fn shown(&self) -> &Arc<LensPicture> {
        self.held.as_ref().unwrap_or(&self.picture)
    }

    /// The open lens.
    pub fn id(&self) -> Option<LensId> {
        match self.state {
            LensState::Open(id) => Some(id),
            _ => None,
        }
    }

    /// Whether one of its lines is being typed.
    pub fn is_typing(&self) -> bool {
        self.search.active || self.filter.active
    }
}

/// Whether there is a lens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LensState {
    /// None was asked for, or it was closed.
    #[default]
    Closed,
    /// Asked for.
    Opening,
    /// Open.
    Open(LensId),
    /// It could not be opened.
    Refused(Refusal),
    /// It has ended by itself.
    Ended,
}

/// How lines are shown that are longer than the screen is wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongLines {
    /// Cut; so many cells at their left are passed over.
    Cut(u16),
    /// They go on in the next row.
    Wrap,
}

impl Default for LongLines {
    fn default() -> Self {
        Self::Cut(0)
    }
}

/// What is known of the sources that one host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offers {
    /// It was asked and has not answered yet.
    Asked,
    /// These.
    Known(Vec<SourceOffer>),
    /// It could not tell.
    Failed(Refusal),
}

/// The layer that chooses sources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourcePicker {
    /// What is searched for.
    pub search: LineEdit,
    /// The row under the cursor.
    pub selected: usize,
    /// The sources that are ticked.
    pub ticked: Vec<SourceAddress>,
}
