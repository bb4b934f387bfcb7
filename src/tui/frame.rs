//! A frame's way to the terminal: the cells that changed, in one write, between the marks of a synchronised update; and the
//! pace at which frames follow each other.

use std::io;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use crate::domain::At;

/// DEC 2026: terminals that know it show the frame at once, all others pass over it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// A backend that collects a frame and hands it out whole. A frame that changes nothing writes nothing.
#[derive(Debug)]
pub(super) struct FrameBackend<W> {
    write: W,
    size: Size,
    cells: Vec<u8>,
    cursor: Cursor,
    shown: Option<Cursor>,
    written: u64,
}

/// Where the hardware cursor is to be; hidden without a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor(Option<Position>);

impl<W: FnMut(&[u8])> FrameBackend<W> {
    /// A backend that hands each frame to `write`.
    pub(super) fn new(size: (u16, u16), write: W) -> Self {
        Self {
            write,
            size: size.into(),
            cells: Vec::new(),
            cursor: Cursor(None),
            shown: None,
            written: 0,
        }
    }

    /// The terminal has another size.
    pub(super) fn set_size(&mut self, size: (u16, u16)) {
        self.size = size.into();
    }

    /// Bytes that were written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    fn crossterm(&mut self) -> CrosstermBackend<&mut Vec<u8>> {
        // Writing cells moves the cursor: it has to be placed anew.
        self.shown = None;
        CrosstermBackend::new(&mut self.cells)
    }
}

impl<W: FnMut(&[u8])> Backend for FrameBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.crossterm().draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.cursor = Cursor(None);
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.0.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = Cursor(Some(position.into()));
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.crossterm().clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size,
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.cells.is_empty() && self.shown == Some(self.cursor) {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(self.cells.len() + 48);
        frame.extend_from_slice(BEGIN);
        if !self.cells.is_empty() {
            // Where the mark is not known, the cursor would be seen running over the screen.
            frame.extend_from_slice(b"\x1b[?25l");
            frame.append(&mut self.cells);
        }
        match self.cursor.0 {
            Some(at) => {
                let place = format!("\x1b[{};{}H\x1b[?25h", at.y + 1, at.x + 1);
                frame.extend_from_slice(place.as_bytes());
            }
            None => frame.extend_from_slice(b"\x1b[?25l"),
        }
        frame.extend_from_slice(END);
        self.shown = Some(self.cursor);
        self.written += frame.len() as u64;
        (self.write)(&frame);
        Ok(())
    }
}

/// Why a frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// There are new readings. They can wait for one another.
    Data,
    /// Lines of a log came by themselves. Eyes follow them as they run.
    Lines,
    /// A conversation goes on. The first words after a pause are there at once.
    Talk,
    /// A person did something, or something answers it.
    Person,
}

/// Milliseconds between two frames that only bring new readings. Twenty hosts answer at twenty moments of a second; eyes
/// and slow links are served as well by four frames.
const DATA_GAP: u64 = 250;

/// Milliseconds between two frames that only bring lines: text that runs by faster can't be read, only seen to run.
const LINES_GAP: u64 = 100;

/// Milliseconds between two frames that bring more of an answer: as fast as an eye can follow.
const TALK_GAP: u64 = 33;

/// Milliseconds in which a person's frame is earned back: a flood of events makes sixty frames a second …
const PERSON_GAP: u64 = 16;

/// … and this many may follow each other at once, so that a single key never waits.
const BURST: u64 = 3;

/// When the next frame is due (pure).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    wanted: Option<Reason>,
    data_from: At,
    lines_from: At,
    talk_from: At,
    /// The moment up to which person's frames are spent; each one moves it on by a gap.
    spent: At,
}

impl Pace {
    /// Something changed that is to be seen.
    pub(super) fn want(&mut self, reason: Reason) {
        self.wanted = self.wanted.max(Some(reason));
    }

    /// In how many milliseconds the next frame is due; `None`: nothing changed.
    pub(super) fn due_in(&self, now: At) -> Option<u64> {
        let from = match self.wanted? {
            Reason::Data => self.data_from.0,
            Reason::Lines => self.lines_from.0,
            Reason::Talk => self.talk_from.0,
            Reason::Person => self.spent.0.saturating_sub((BURST - 1) * PERSON_GAP),
        };
        Some(from.saturating_sub(now.0))
    }

    /// A frame was drawn. One that was as the one before and cost the terminal nothing is not counted: a key in the log
    /// lens has its frame when the lens has answered.
    pub(super) fn drawn(&mut self, now: At, written: bool) {
        match self.wanted {
            Some(Reason::Person) if written => {
                self.spent = At(self.spent.0.max(now.0) + PERSON_GAP);
            }
            // The first word does not wait because a reading, or an echo, has just been drawn.
            Some(Reason::Talk) => self.talk_from = At(now.0 + TALK_GAP),
            _ => {}
        }
        self.wanted = None;
        self.data_from = At(now.0 + DATA_GAP);
        self.lines_from = At(now.0 + LINES_GAP);
    }
}

/// What the screen costs the terminal, in bytes a second (pure). It is told every few seconds only: a figure that changed
/// with each frame would be a cost of its own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    since: At,
    counted: u64,
    rate: Option<u64>,
}

/// Milliseconds over which the cost is measured.
const COST_OVER: u64 = 5_000;

impl Cost {
    /// So many bytes were written so far; tells the smoothed rate once there is one.
    pub(super) fn measure(&mut self, now: At, written: u64) -> Option<u64> {
        let time = now.since(self.since).0;
        if self.since == At::default() {
            // The first frame is whole; what follows is what a steady screen costs.
            (self.since, self.counted) = (now, written);
        } else if time >= COST_OVER {
            let newest = (written - self.counted) * 1000 / time;
            self.rate = Some(self.rate.map_or(newest, |before| before.midpoint(newest)));
            (self.since, self.counted) = (now, written);
        }
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use ratatui::Terminal;

    use super::*;

    #[test]
    fn a_frame_is_one_write_and_a_frame_without_change_is_none() {
        let writes = Rc::new(RefCell::new(Vec::<Vec<u8>>::new()));
        let sink = Rc::clone(&writes);
        let backend = FrameBackend::new((20, 3), move |bytes: &[u8]| {
            sink.borrow_mut().push(bytes.to_vec());
        });
        let mut terminal = Terminal::new(backend).unwrap();
        let mut draw = |text: &'static str, cursor: (u16, u16)| {
            terminal
                .draw(|frame| {
                    frame.render_widget(text, frame.area());
                    frame.set_cursor_position(cursor);
                })
                .unwrap();
        };
        draw("spark-1", (0, 0));
        draw("spark-1", (0, 0));
        assert_eq!(writes.borrow().len(), 1);
        draw("spark-2", (0, 0));
        draw("spark-2", (1, 0));
        let writes = writes.borrow();
        assert_eq!(writes.len(), 3);
        let second = String::from_utf8_lossy(&writes[1]);
        assert!(second.starts_with("\u{1b}[?2026h") && second.ends_with("\u{1b}[?2026l"));
        assert!(
            second.contains('2') && !second.contains("spark"),
            "{second:?}"
        );
        assert!(second.len() < 80, "{} bytes for one cell", second.len());
        assert_eq!(writes[2], b"\x1b[?2026h\x1b[1;2H\x1b[?25h\x1b[?2026l");
    }

    #[test]
    fn the_cost_of_the_screen_is_told_every_five_seconds_and_smoothed() {
        let mut cost = Cost::default();
        assert_eq!(cost.measure(At(1_000), 90_000), None);
        assert_eq!(cost.measure(At(3_000), 95_000), None);
        assert_eq!(cost.measure(At(6_000), 100_000), Some(2_000));
        assert_eq!(cost.measure(At(9_000), 190_000), Some(2_000));
        assert_eq!(cost.measure(At(11_000), 120_000), Some(3_000));
    }

    #[test]
    fn the_first_word_of_an_answer_waits_for_no_other_frame_and_the_next_for_the_first() {
        for (now, before) in [
            (1_000, Reason::Data),
            (2_000, Reason::Lines),
            (3_000, Reason::Person),
        ] {
            let mut pace = Pace::default();
            pace.want(before);
            pace.drawn(At(now), true);
            pace.want(Reason::Talk);
            assert_eq!(pace.due_in(At(now + 1)), Some(0), "{before:?}");
            pace.drawn(At(now + 1), true);
            pace.want(Reason::Talk);
            assert_eq!(pace.due_in(At(now + 2)), Some(TALK_GAP - 1), "{before:?}");
        }
    }

    #[test]
    fn a_key_never_waits_and_a_flood_makes_sixty_frames() {
        let mut pace = Pace::default();
        assert_eq!(pace.due_in(At(0)), None);
        // Readings do not hold up a key.
        pace.want(Reason::Data);
        pace.drawn(At(1_000), true);
        pace.want(Reason::Person);
        assert_eq!(pace.due_in(At(1_001)), Some(0));
        pace.drawn(At(1_001), true);
        // Readings wait for one another.
        pace.want(Reason::Data);
        assert_eq!(pace.due_in(At(1_002)), Some(249));
        // Lines that run wait for one another, but not as long.
        pace.want(Reason::Lines);
        assert_eq!(pace.due_in(At(1_002)), Some(99));
        // A flood of keys for a second.
        let mut frames = 0;
        for now in 2_000..3_000 {
            pace.want(Reason::Person);
            if pace.due_in(At(now)) == Some(0) {
                pace.drawn(At(now), true);
                frames += 1;
            }
        }
        assert!((60..=66).contains(&frames), "{frames} frames");
        // What changes nothing is no flood.
        for now in 3_000..3_500 {
            pace.want(Reason::Person);
            pace.drawn(At(now), false);
        }
        pace.want(Reason::Person);
        assert_eq!(pace.due_in(At(3_500)), Some(0));
        // Keys 17 ms apart never wait.
        for now in (4_000..5_000).step_by(17) {
            pace.want(Reason::Person);
            assert_eq!(pace.due_in(At(now)), Some(0));
            pace.drawn(At(now), true);
        }
    }
}
