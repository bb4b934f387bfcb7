//! Bytes to lines, with a bound: a line of 100 MB costs [`LineStream::LONGEST_LINE`] and a count. And the sending end of a
//! [`LineStream`], which never waits for a slow reader.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::{Exit, Fd, LineStream, StreamEvent};

/// The sending end of a [`LineStream`]: what a slow reader has no room for is counted and told as a gap.
#[derive(Debug)]
pub struct LineSink {
    events: mpsc::Sender<StreamEvent>,
    missed: u64,
}

impl LineSink {
    /// Events that wait for a reader; more become a gap.
    pub const ROOM: usize = 256;

    /// A sink into this channel.
    pub fn new(events: mpsc::Sender<StreamEvent>) -> Self {
        Self { events, missed: 0 }
    }

    /// Hands an event on, or counts it as missed.
    pub fn push(&mut self, event: StreamEvent) {
        let sent = self.tell_gap() && self.events.try_send(event).is_ok();
        if !sent {
            self.missed += 1;
        }
    }

    /// Counts an event as missed without trying: the reader holds too much already.
    pub fn miss(&mut self) {
        self.missed += 1;
    }

    /// Ends the stream; waits until the reader has room for the last word.
    pub async fn exit(mut self, exit: Exit) {
        if self.missed > 0 {
            let gap = StreamEvent::Gap { lines: self.missed };
            self.missed = 0;
            if self.events.send(gap).await.is_err() {
                return;
            }
        }
        if self.events.send(StreamEvent::Exit(exit)).await.is_err() {
            tracing::trace!("a command ended after its reader had gone");
        }
    }

    /// Waits until the reader is gone.
    pub async fn closed(&self) {
        self.events.closed().await;
    }

    fn tell_gap(&mut self) -> bool {
        if self.missed == 0 {
            return true;
        }
        let told = self
            .events
            .try_send(StreamEvent::Gap { lines: self.missed })
            .is_ok();
        if told {
            self.missed = 0;
        }
        told
    }
}

/// Cuts one output into lines, wherever the chunks break.
#[derive(Debug)]
pub struct LineSplitter {
    fd: Fd,
    line: BytesMut,
    dropped: u64,
}

impl LineSplitter {
    /// A splitter for this output.
    pub fn new(fd: Fd) -> Self {
        Self {
            fd,
            line: BytesMut::new(),
            dropped: 0,
        }
    }

    /// Takes a chunk and hands out each line that it completes, without its newline.
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(StreamEvent)) {
        let mut parts = chunk.split(|byte| *byte == b'\n');
        let tail = parts.next_back().unwrap_or_default();
        for part in parts {
            self.keep(part);
            each(self.take());
        }
        self.keep(tail);
    }

    /// The last line, where the output ended without a newline.
    pub fn finish(&mut self) -> Option<StreamEvent> {
        (!self.line.is_empty() || self.dropped > 0).then(|| self.take())
    }

    fn keep(&mut self, part: &[u8]) {
        let room = LineStream::LONGEST_LINE - self.line.len();
        let (kept, over) = part.split_at(part.len().min(room));
        self.line.extend_from_slice(kept);
        self.dropped += over.len() as u64;
    }

    fn take(&mut self) -> StreamEvent {
        let bytes: Bytes = self.line.split().freeze();
        StreamEvent::Line {
            fd: self.fd,
            bytes,
            dropped: std::mem::take(&mut self.dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(chunks: &[&[u8]]) -> Vec<(Vec<u8>, u64)> {
        let mut splitter = LineSplitter::new(Fd::Out);
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, |event| lines.push(event));
        }
        lines.extend(splitter.finish());
        lines
            .into_iter()
            .map(|event| match event {
                StreamEvent::Line { bytes, dropped, .. } => (bytes.to_vec(), dropped),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn lines_by_rows() {
        assert_eq!(split(&[b""]), []);
        assert_eq!(split(&[b"\n"]), [(vec![], 0)]);
        assert_eq!(
            split(&[b"a", b"b\ncd", b"\n\xffe"]),
            [
                (b"ab".to_vec(), 0),
                (b"cd".to_vec(), 0),
                (b"\xffe".to_vec(), 0)
            ]
        );
    }

    #[test]
    fn a_slow_reader_is_told_how_much_it_missed() {
        let (events, mut reader) = mpsc::channel(2);
        let mut sink = LineSink::new(events);
        for _ in 0..5 {
            sink.push(StreamEvent::Gap { lines: 0 });
        }
        assert_eq!(reader.try_recv(), Ok(StreamEvent::Gap { lines: 0 }));
        assert_eq!(reader.try_recv(), Ok(StreamEvent::Gap { lines: 0 }));
        sink.push(StreamEvent::Exit(Exit::Unknown));
        assert_eq!(reader.try_recv(), Ok(StreamEvent::Gap { lines: 3 }));
        assert_eq!(reader.try_recv(), Ok(StreamEvent::Exit(Exit::Unknown)));
    }

    #[test]
    fn a_huge_line_costs_its_bound_and_a_count() {
        let chunk = vec![b'x'; 1024 * 1024];
        let mut splitter = LineSplitter::new(Fd::Err);
        for _ in 0..100 {
            splitter.feed(&chunk, |event| panic!("{event:?}"));
            assert!(splitter.line.capacity() <= 4 * LineStream::LONGEST_LINE);
        }
        let mut seen = Vec::new();
        splitter.feed(b"\nnext\n", |event| seen.push(event));
        let over = 100 * 1024 * 1024 - LineStream::LONGEST_LINE as u64;
        assert!(matches!(&seen[0], StreamEvent::Line { bytes, dropped, .. }
            if bytes.len() == LineStream::LONGEST_LINE && *dropped == over));
        assert!(matches!(&seen[1], StreamEvent::Line { bytes, dropped: 0, .. } if bytes == "next"));
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), cut in 0usize..200) {
            let cut = cut.min(text.len());
            prop_assert_eq!(split(&[&text]), split(&[&text[..cut], &text[cut..]]));
        }
    }
}
