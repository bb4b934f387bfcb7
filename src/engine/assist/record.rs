//! What happened in a conversation, as rows of JSON (pure): numbered, and bounded by cutting its
//! beginning.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::assistant::{EventKind, SessionEvent, TroubleKind};
use crate::domain::{SessionId, Wall};
use crate::store::{SessionBatch, StoredEvent, StoredSession};
use crate::text::{SafeText, cut};

/// Bytes that the rows of a conversation may take.
const BYTES: usize = 4 << 20;

/// What is left of them when its beginning is cut: not at every event anew.
const LEFT: usize = 3 << 20;

/// Bytes of text that one event may hold; the rest is left out in words.
const LONGEST: usize = 512 << 10;

/// Cells of a title.
const TITLE: usize = 60;

/// One row. Whoever attaches is sent the same text that is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) json: Arc<str>,
}

/// What happened in a conversation.
#[derive(Debug, Clone)]
pub(super) struct Record {
    head: StoredSession,
    rows: VecDeque<Row>,
    bytes: usize,
    /// The newest number that was given; pieces of drafts have numbers too, and no rows.
    number: u64,
    /// Events that were cut off at the beginning.
    gone: u64,
    /// The newest number that has been handed to the store.
    handed: u64,
    /// Rows were cut since then.
    is_cut: bool,
}

impl Record {
    /// A conversation that begins.
    pub(super) fn new(session: SessionId, began: Wall) -> Self {
        Self {
            head: StoredSession {
                session,
                title: String::new(),
                began,
                last: began,
                questions: 0,
                cost: 0.0,
                program: None,
                bytes: 0,
            },
            rows: VecDeque::new(),
            bytes: 0,
            number: 0,
            gone: 0,
            handed: 0,
            is_cut: false,
        }
    }

    /// A conversation as the store has it. A row that this version can't read stands in it all the same.
    pub(super) fn stored(head: StoredSession, events: Vec<StoredEvent>) -> Self {
        let mut record = Self::new(head.session, head.began);
        record.head = head;
        for (number, json) in events {
            record.keep(Row {
                number,
                json: json.into(),
            });
        }
        record.handed = record.number();
        record.gone = record.cut_before();
        record
    }

    /// What a list shows of it.
    pub(super) fn head(&self) -> &StoredSession {
        &self.head
    }

    /// Number of the newest event that is kept.
    pub(super) fn number(&self) -> u64 {
        self.rows.back().map_or(0, |row| row.number)
    }

    /// The next number. What is only shown, and never kept, takes one as well.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Numbers up to this one were given elsewhere.
    pub(super) fn skip_to(&mut self, number: u64) {
        self.number = self.number.max(number);
    }

    /// The events, oldest first. In the place of one that this version can't read stands that it can't.
    pub(super) fn events(&self) -> impl Iterator<Item = SessionEvent> + '_ {
        self.rows.iter().map(|row| {
            read(&row.json).unwrap_or_else(|| SessionEvent {
                number: row.number,
                wall: self.head.began,
                kind: unreadable(),
            })
        })
    }

    /// The rows behind this number. Where some of them were cut, what stands for them comes first.
    pub(super) fn after(&self, number: u64) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.number > number)
    }

    /// Gives an event its number and keeps it.
    pub(super) fn push(&mut self, wall: Wall, kind: EventKind) -> (SessionEvent, Row) {
        let event = SessionEvent {
            number: self.next_number(),
            wall,
            kind: shorten(kind),
        };
        let row = self.take(&event);
        (event, row)
    }

    /// Keeps an event that has its number.
    pub(super) fn take(&mut self, event: &SessionEvent) -> Row {
        let row = Row {
            number: event.number,
            json: write(event).into(),
        };
        self.summarise(event);
        if let EventKind::Cut { events } = event.kind {
            // It stands for all that was before it.
            self.rows.clear();
            self.bytes = 0;
            self.gone = events;
        }
        self.keep(row.clone());
        if self.bytes > BYTES {
            self.cut(event.wall);
        }
        row
    }

    /// Whether the store was handed everything.
    pub(super) fn is_handed(&self) -> bool {
        self.handed >= self.number() && !self.is_cut
    }

    /// What the store has not been handed yet; `None` where it has everything.
    pub(super) fn batch(&mut self) -> Option<SessionBatch> {
        if self.is_handed() {
            return None;
        }
        let first = self.rows.front().map_or(0, |row| row.number);
        let stands_for_others = self.rows.front().filter(|_| self.is_cut);
        let news = self.rows.iter().filter(|row| row.number > self.handed);
        let events = stands_for_others
            .filter(|row| row.number <= self.handed)
            .into_iter()
            .chain(news)
            .map(|row| (row.number, row.json.to_string()))
            .collect();
        self.handed = self.number();
        self.is_cut = false;
        self.head.bytes = self.bytes as u64;
        Some(SessionBatch {
            head: self.head.clone(),
            first,
            events,
        })
    }

    /// The store has no more than this; what came later is handed over again.
    pub(super) fn is_kept_up_to(&mut self, number: u64) {
        self.handed = number.min(self.number());
        self.is_cut |= self.rows.front().is_some_and(|first| first.number > number);
    }

    fn keep(&mut self, row: Row) {
        self.number = self.number.max(row.number);
        self.bytes += row.json.len();
        self.rows.push_back(row);
    }

    /// Cuts the beginning; one event in its place tells how much.
    fn cut(&mut self, wall: Wall) {
        let mut last = 0;
        // One that stands for what was cut before is no event itself.
        self.gone -= u64::from(self.gone > 0);
        while self.bytes > LEFT && self.rows.len() > 1 {
            let Some(row) = self.rows.pop_front() else {
                break;
            };
            self.bytes -= row.json.len();
            self.gone += 1;
            last = row.number;
        }
        let event = SessionEvent {
            number: last,
            wall,
            kind: EventKind::Cut { events: self.gone },
        };
        let json: Arc<str> = write(&event).into();
        self.bytes += json.len();
        self.rows.push_front(Row { number: last, json });
        self.is_cut = true;
    }

    /// How many events were cut before it was stored.
    fn cut_before(&self) -> u64 {
        match self.rows.front().and_then(|row| read(&row.json)) {
            Some(SessionEvent {
                kind: EventKind::Cut { events },
                ..
            }) => events,
            _ => 0,
        }
    }

    fn summarise(&mut self, event: &SessionEvent) {
        let head = &mut self.head;
        head.last = Wall(head.last.0.max(event.wall.0));
        let title = match &event.kind {
            EventKind::Asked { text, queued } => {
                // One that waited is told again when its turn has come.
                head.questions += u32::from(!queued);
                text.iter().find(|line| !line.is_empty()).cloned()
            }
            EventKind::RunbookBegan { host, name, .. } => {
                Some(format!("runbook {name} on {host}").into())
            }
            EventKind::Began {
                program_session, ..
            } => {
                head.program = Some(program_session.to_string());
                None
            }
            EventKind::TurnEnded { usage, .. } => {
                head.cost = usage.cost;
                None
            }
            _ => None,
        };
        if let Some(title) = title.filter(|_| head.title.is_empty()) {
            head.title = cut(title.as_str(), TITLE).to_string();
        }
    }
}

/// What stands for an event that another version kept.
fn unreadable() -> EventKind {
    EventKind::Trouble {
        kind: TroubleKind::Unusable,
        sentence: "what happened here was kept by another version and can't be read".into(),
        hint: None,
    }
}

/// The event of a row; `None` where another version wrote what this one does not know.
pub(super) fn read(json: &str) -> Option<SessionEvent> {
    serde_json::from_str(json).ok()
}

/// The row of an event. Nothing in one can fail to be written: its maps have no keys but names.
fn write(event: &SessionEvent) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

/// Leaves out what is too long to be kept.
fn shorten(mut kind: EventKind) -> EventKind {
    match &mut kind {
        EventKind::Asked { text: lines, .. }
        | EventKind::Text { lines, .. }
        | EventKind::RunbookEnded { findings: lines } => {
            if let Some(left_out) = shorten_lines(lines) {
                lines.push(format!("… {left_out} bytes are left out here").into());
            }
        }
        EventKind::CallEnded { result, .. } => {
            result.cut += shorten_lines(&mut result.lines).unwrap_or_default();
        }
        _ => {}
    }
    kind
}

/// Cuts lines to the bound and tells how many bytes went.
fn shorten_lines(lines: &mut Vec<SafeText>) -> Option<u64> {
    let mut left = LONGEST;
    let mut place = 0;
    for line in lines.iter() {
        let Some(rest) = left.checked_sub(line.as_str().len() + 1) else {
            break;
        };
        left = rest;
        place += 1;
    }
    if place == lines.len() {
        return None;
    }
    let mut gone = lines.split_off(place);
    let mut bytes: usize = gone.iter().map(|line| line.as_str().len() + 1).sum();
    // A line that is too long for itself keeps its beginning.
    if let Some(first) = gone.first_mut().filter(|_| left > 0) {
        let kept = beginning(first.as_str(), left);
        bytes -= kept.len();
        lines.push(kept.into());
    }
    Some(bytes as u64)
}

fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(size: usize) -> EventKind {
        EventKind::Denied {
            tool: "x".into(),
            why: "y".repeat(size).into(),
        }
    }

    fn record() -> Record {
        Record::new(SessionId(7), Wall(1))
    }

    /// What a store would have after these batches.
    fn keep(stored: &mut std::collections::BTreeMap<u64, String>, batch: SessionBatch) {
        stored.retain(|number, _| *number >= batch.first);
        stored.extend(batch.events);
    }

    #[test]
    fn its_beginning_is_cut_and_one_event_says_how_much() {
        let mut record = record();
        let mut stored = std::collections::BTreeMap::new();
        for n in 0..1000 {
            record.push(Wall(n), denied(10_000));
            // Pieces of drafts take numbers, and no room.
            record.next_number();
            if let Some(batch) = record.batch() {
                keep(&mut stored, batch);
            }
        }
        let events: Vec<SessionEvent> = record.events().collect();
        let EventKind::Cut { events: gone } = events[0].kind else {
            panic!("{:?}", events[0]);
        };
        assert_eq!(gone as usize + events.len() - 1, 1000);
        assert!(events.is_sorted_by(|a, b| a.number < b.number));
        let bytes: usize = stored.values().map(String::len).sum();
        assert!(bytes <= BYTES, "{bytes}");
        let head = record.head().clone();
        let again = Record::stored(head, stored.into_iter().collect());
        assert_eq!(again.events().collect::<Vec<_>>(), events);
        assert_eq!(again.cut_before(), gone);
    }

    #[test]
    fn what_was_not_kept_is_handed_over_again_and_nothing_twice() {
        let mut record = record();
        for n in 0..3 {
            record.push(Wall(n), denied(1));
        }
        let numbers = |batch: Option<SessionBatch>| -> Vec<u64> {
            let events = batch.into_iter().flat_map(|batch| batch.events);
            events.map(|(number, _)| number).collect()
        };
        assert_eq!(numbers(record.batch()), [1, 2, 3]);
        assert_eq!(record.batch(), None);
        record.push(Wall(9), denied(1));
        record.is_kept_up_to(1);
        assert_eq!(numbers(record.batch()), [2, 3, 4]);
        record.push(Wall(9), denied(1));
        assert_eq!(numbers(record.batch()), [5]);
    }

    #[test]
    fn one_event_is_never_larger_than_its_bound_and_says_what_is_missing() {
        let mut record = record();
        let (event, row) = record.push(
            Wall(1),
            EventKind::Text {
                block: "m".into(),
                thinking: false,
                lines: vec!["short".into(), "é".repeat(8 << 20).into(), "after".into()],
            },
        );
        assert!(row.json.len() <= LONGEST + 1000, "{}", row.json.len());
        let EventKind::Text { lines, .. } = event.kind else {
            panic!("another event");
        };
        assert_eq!((lines.len(), lines[0].as_str()), (3, "short"));
        assert!(lines[2].as_str().ends_with("bytes are left out here"));
    }

    #[test]
    fn a_list_shows_the_first_question_what_was_asked_and_what_it_cost() {
        let mut record = record();
        let ask = |text: &str, queued| EventKind::Asked {
            text: vec!["".into(), text.into()],
            queued,
        };
        record.push(Wall(5), ask("first", false));
        record.push(Wall(6), ask("second", true));
        record.push(Wall(7), ask("second", false));
        record.push(
            Wall(8),
            EventKind::TurnEnded {
                ending: crate::assistant::Ending::Done,
                usage: crate::assistant::Usage {
                    cost: 0.5,
                    ..Default::default()
                },
            },
        );
        let head = record.head();
        assert_eq!((head.title.as_str(), head.questions), ("first", 2));
        assert_eq!((head.last, head.began), (Wall(8), Wall(1)));
        assert!((head.cost - 0.5).abs() < 1e-9);
    }

    #[test]
    fn whoever_watches_is_told_what_stands_for_what_was_cut() {
        let mut record = record();
        for n in 0..500 {
            record.push(Wall(n), denied(10_000));
        }
        let mut watched = self::record();
        for row in record.after(3) {
            watched.take(&read(&row.json).unwrap());
        }
        let events: Vec<SessionEvent> = record.events().collect();
        assert_eq!(watched.events().collect::<Vec<_>>(), events);
        assert_eq!(watched.number(), record.number());
        assert_eq!(record.after(record.number()).count(), 0);
    }
}
