//! What a person asks of the lens. Patterns come as they were typed; the lens reads them and tells what is wrong with them.

use serde::{Deserialize, Serialize};

use super::picture::SourceNumber;
use crate::follow::Stamp;

/// An order to the lens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LensOrder {
    /// The rows that there is room for.
    Rows(u16),
    /// Move the cursor by so many shown rows; up stops following, onto the last row resumes it.
    Move(i64),
    /// To the first shown row.
    Top,
    /// To the last shown row; follows again.
    Bottom,
    /// To the first shown row at this moment or after it.
    To(Stamp),
    /// To this row of the picture (a click), counted from its first.
    Row(u16),
    /// Search for this: a regular expression, smart case; empty ends the search.
    Search(String),
    /// To the next hit; round the end it says so.
    NextHit,
    /// To the hit before.
    PreviousHit,
    /// Show only what this filter lets through; empty shows all. `logs::filter` tells the syntax.
    Filter(String),
    /// Fold repeated lines, or don't.
    Fold(bool),
    /// Show lines as they came instead of as fields.
    Raw(bool),
    /// Mark the line under the cursor, or take its mark away.
    Mark,
    /// To the next mark.
    NextMark,
    /// To the mark before.
    PreviousMark,
    /// To the next line of level error or worse.
    NextError,
    /// To the one before.
    PreviousError,
    /// Hide a source, or show it.
    Hide(SourceNumber, bool),
    /// Forget all lines up to now.
    Clear,
}

/// Which lines a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextScope {
    /// The one under the cursor.
    Cursor,
    /// The marked ones; where none is, the one under the cursor.
    Marked,
    /// All that the filter lets through.
    Shown,
}

/// How lines are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// As they came, made safe, without colours.
    Raw,
    /// With time, host, source and level before them.
    Pretty,
}
