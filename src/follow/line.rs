//! Log lines as they come from a source, many at a time: one text, and for each line where it lies and what is known of it.
//! The bytes are foreign; whoever shows them makes them safe.

use serde::{Deserialize, Serialize};

/// A moment on the clock of the machine that wrote the line, in nanoseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Stamp(pub i64);

/// Which output a line was written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// Standard output, or the only one there is.
    #[default]
    Out,
    /// Standard error.
    Err,
}

/// How much a line matters to whoever wrote it. Ordered: the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Finest detail.
    Trace,
    /// Detail.
    Debug,
    /// Ordinary.
    Info,
    /// Ordinary but worth a look.
    Notice,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
    /// The program or the machine is at its end.
    Critical,
}

impl Level {
    /// The short word for it, at most five letters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "note",
            Self::Warning => "warn",
            Self::Error => "error",
            Self::Critical => "fatal",
        }
    }
}

/// What is known of one line of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineHead {
    /// Where it begins in the batch's text.
    pub start: u32,
    /// How many bytes it has, its line end left out.
    pub len: u32,
    /// When it was written.
    pub stamp: Stamp,
    /// Where it was written.
    pub stream: StreamKind,
    /// Its level, where the source says so itself (journal priority, kernel level).
    pub level: Option<Level>,
}

/// Lines of one source, in the order it gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineBatch {
    text: Vec<u8>,
    heads: Vec<LineHead>,
}

/// One line of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// Its bytes as they came, the line end left out.
    pub bytes: &'a [u8],
    /// What is known of it.
    pub head: LineHead,
}

impl LineBatch {
    /// The most bytes one batch holds; a source begins a new one beyond it.
    pub const MOST: usize = 1024 * 1024;

    /// Adds a line.
    pub fn push(&mut self, bytes: &[u8], stamp: Stamp, stream: StreamKind, level: Option<Level>) {
        // A batch stays far below 4 GiB: sources cut lines and begin new batches.
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.extend_from_slice(bytes);
        self.heads.push(LineHead {
            start,
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            stamp,
            stream,
            level,
        });
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether it has no line.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Bytes of text in it.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.text.clear();
        self.heads.clear();
    }

    /// Its lines.
    pub fn iter(&self) -> impl Iterator<Item = LineRef<'_>> {
        self.heads.iter().map(|head| self.line_of(head))
    }

    /// The line at this place, from 0.
    pub fn line(&self, at: usize) -> Option<LineRef<'_>> {
        self.heads.get(at).map(|head| self.line_of(head))
    }

    fn line_of(&self, head: &LineHead) -> LineRef<'_> {
        let start = head.start as usize;
        let bytes = self.text.get(start..start + head.len as usize);
        LineRef {
            bytes: bytes.unwrap_or_default(),
            head: *head,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_went_in() {
        let mut batch = LineBatch::default();
        batch.push(b"one", Stamp(1), StreamKind::Out, None);
        batch.push(b"", Stamp(2), StreamKind::Err, Some(Level::Error));
        batch.push(b"\xff\0", Stamp(3), StreamKind::Out, None);
        let lines: Vec<_> = batch
            .iter()
            .map(|l| (l.bytes.to_vec(), l.head.stamp))
            .collect();
        assert_eq!(
            lines,
            [
                (b"one".to_vec(), Stamp(1)),
                (Vec::new(), Stamp(2)),
                (b"\xff\0".to_vec(), Stamp(3))
            ]
        );
        assert_eq!((batch.len(), batch.bytes()), (3, 5));
    }
}
