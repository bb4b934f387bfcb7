//! What the lens shows: the rows in view and what a person wants to know of the rest. Made anew for each change, shared as it
//! is, and drawn without looking at the buffer.

use serde::Serialize;

use crate::follow::{Level, Stamp, StreamKind};
use crate::text::{SafeText, StyledText};

/// A source of a lens, by the order in which they were added.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct SourceNumber(pub u16);

/// A line of a lens; no two have the same, and one line keeps its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LineNumber(pub u64);

/// What a source is called in the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceLabel {
    /// Its host.
    pub host: SafeText,
    /// Its own name, short: `vllm`, `kernel`, `docker.service`, `syslog`.
    pub name: SafeText,
}

/// The rows in view, and the rest in numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LensPicture {
    /// The rows in view, the oldest first; at most as many as there is room for.
    pub rows: Vec<LensRow>,
    /// Which of them is under the cursor.
    pub cursor: Option<usize>,
    /// Shown rows before the first one in view.
    pub above: u64,
    /// Rows that the filter and folding leave.
    pub shown: u64,
    /// Lines in the buffer.
    pub lines: u64,
    /// Lines that fell out of the full buffer.
    pub fallen: u64,
    /// Bytes that the buffer takes, and may take.
    pub memory: (u64, u64),
    /// Whether the last row is always in view.
    pub following: bool,
    /// Shown rows that came since following stopped.
    pub behind: u64,
    /// The search, if there is one.
    pub search: Option<SearchState>,
    /// The filter, if there is one.
    pub filter: Option<FilterState>,
    /// One cell per row of the screen, for the whole of what is shown.
    pub minimap: Vec<MiniMark>,
    /// Where in the minimap the rows in view begin and end.
    pub window: (u16, u16),
    /// The sources.
    pub sources: Vec<SourceView>,
    /// Whether repeated lines are folded.
    pub fold: bool,
    /// Whether lines are shown as they came.
    pub raw: bool,
    /// How many lines are marked.
    pub marks: u64,
    /// What lies before the first line.
    pub past: Past,
    /// Counts up with every picture.
    pub version: u64,
}

/// One row in view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LensRow {
    /// Its line; of folded ones the last.
    pub line: LineNumber,
    /// Whose it is.
    pub source: SourceNumber,
    /// When it was written, on our clock: the host's clock error is taken out where it is known.
    pub stamp: Stamp,
    /// Which output.
    pub stream: StreamKind,
    /// Its level, where it could be told.
    pub level: Option<Level>,
    /// What kind of row it is.
    pub kind: RowKind,
    /// The message, or the whole line where it has no fields.
    pub text: StyledText,
    /// Its fields beside the message, in their order (JSON, logfmt).
    pub fields: Vec<(SafeText, SafeText)>,
    /// What the search found in `text`, in bytes of it.
    pub hits: Vec<(u32, u32)>,
    /// How many lines are folded into it; 1 when none is.
    pub count: u32,
    /// Whether it is marked.
    pub marked: bool,
    /// What it means, where we know more than it says (an Xid of the driver).
    pub explained: Option<SafeText>,
}

/// What kind of row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// A line of the source.
    Line,
    /// Nothing was read for a while, or lines are missing.
    Gap,
    /// Something that happened to the source: rotated, started anew.
    Note,
}

/// How the search stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SearchState {
    /// What is searched for, as typed.
    pub pattern: String,
    /// What is wrong with it; nothing is searched then.
    pub error: Option<String>,
    /// Shown lines with a hit, so far.
    pub hits: u64,
    /// The hit under the cursor, from 1.
    pub present: Option<u64>,
    /// Whether all of the buffer has been looked through.
    pub done: bool,
    /// The last jump went round the end.
    pub wrapped: bool,
}

/// How the filter stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FilterState {
    /// The filter, as typed.
    pub text: String,
    /// What is wrong with it; the filter before it goes on.
    pub error: Option<String>,
    /// Whether all of the buffer has been looked through.
    pub done: bool,
}

/// One cell of the minimap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MiniMark {
    /// The worst level in its share of the lines, from warning on.
    pub level: Option<Level>,
    /// Whether there is a hit.
    pub hit: bool,
    /// Whether there is a mark.
    pub mark: bool,
}

/// How one source stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceView {
    /// Its number.
    pub number: SourceNumber,
    /// What it is called.
    pub label: SourceLabel,
    /// How it stands.
    pub state: SourceState,
    /// Lines it has given.
    pub lines: u64,
    /// Whether it is hidden.
    pub hidden: bool,
    /// How far its host's clock is ahead of ours, in milliseconds, where that is more than two seconds.
    pub skew: Option<i64>,
}

/// How a source stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Being opened.
    Opening,
    /// Followed.
    Following,
    /// Lost; it goes on by itself when its host is back.
    Waiting(SafeText),
    /// It will give no more lines.
    Ended(SafeText),
    /// It can't be read, and the mend.
    Refused(SafeText, Option<SafeText>),
}

/// What lies before the first line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Past {
    /// Perhaps more; it is fetched on the way up.
    #[default]
    More,
    /// Being fetched.
    Fetching,
    /// Nothing: these are the first lines there are.
    Start,
    /// More, but the buffer is full.
    Full,
}
