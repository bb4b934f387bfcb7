//! How the person looks at the ledger, containers and log sources: what is chosen, scrolled, sorted, filtered and opened.

use super::ui::LineEdit;
use crate::domain::ActId;

/// Which row of a table is chosen. It stays with its thing, not with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Chosen<T> {
    /// The first row, whichever it is.
    #[default]
    First,
    /// This one.
    One(T),
    /// The chosen one is gone. Its neighbour is not chosen in its place: the next key may be `x`.
    Gone,
}

/// Selection, scroll and filter of the ledger. Chosen first, it follows what is newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerUi {
    /// The chosen act.
    pub chosen: Chosen<ActId>,
    /// First row shown.
    pub scroll: usize,
    /// Filter by host, person, words or outcome.
    pub filter: LineEdit,
}
