//! Which lines of a container's log have been given: enough to go on after a break without one lost or doubled, though its
//! two streams are not in the order of their times and many lines can have one time. Pure.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::follow::{Place, Stamp, StreamKind};

/// After a break the log is asked for from this long before the last line.
pub(super) const REACH: i64 = 1_000_000_000;

/// Most lines that are remembered; a container that writes more in a second is asked from less far back.
const MOST: usize = 256 * 1024;

/// A line's time and what tells it from others.
type Mark = (Stamp, u64);

/// The lines of the last second, and those that come a second time after a break.
#[derive(Debug, Default)]
pub(super) struct Window {
    recent: VecDeque<Mark>,
    last: Stamp,
    /// Lines that were given before the break, and how often.
    known: HashMap<Mark, u32>,
    /// No line that was given before the break is younger.
    known_to: Stamp,
    /// Older lines were given and are not remembered.
    known_from: Option<Stamp>,
    /// None of the known lines has come yet: what comes before them was not wanted when they were.
    ahead: bool,
    first: Option<Mark>,
}

impl Window {
    /// Goes on at a place.
    pub(super) fn resume(stamp: Stamp, seen: &[Mark]) -> Self {
        let mut known = HashMap::with_capacity(seen.len());
        for mark in seen {
            *known.entry(*mark).or_default() += 1;
        }
        let oldest = seen.iter().map(|(stamp, _)| *stamp).min();
        Self {
            recent: seen.iter().copied().collect(),
            last: stamp,
            known,
            known_to: stamp,
            known_from: oldest.filter(|_| seen.len() >= MOST),
            ahead: true,
            first: None,
        }
    }

    /// The moment to ask from.
    pub(super) fn since(&self) -> Stamp {
        let usual = Stamp(self.last.0.saturating_sub(REACH));
        self.known_from.map_or(usual, |from| from.max(usual))
    }

    /// Takes note of a line. False: it was given before the break.
    pub(super) fn admit(&mut self, bytes: &[u8], stamp: Stamp, stream: StreamKind) -> bool {
        let mark = (stamp, hash(bytes, stream));
        if !self.known.is_empty() && self.was_given(&mark) {
            return false;
        }
        self.first.get_or_insert(mark);
        self.last = self.last.max(stamp);
        self.recent.push_back(mark);
        let begin = Stamp(self.last.0.saturating_sub(REACH));
        while self.recent.front().is_some_and(|(stamp, _)| *stamp < begin)
            || self.recent.len() > MOST
        {
            self.recent.pop_front();
        }
        true
    }

    fn was_given(&mut self, mark: &Mark) -> bool {
        if mark.0.0 > self.known_to.0.saturating_add(REACH) {
            // Nothing that old comes any more.
            self.known = HashMap::new();
            return false;
        }
        if self.known_from.is_some_and(|from| mark.0 < from) {
            return true;
        }
        match self.known.get_mut(mark) {
            Some(count) if *count > 0 => {
                *count -= 1;
                self.ahead = false;
                true
            }
            _ => self.ahead && mark.0 <= self.known_to,
        }
    }

    /// The place after the last line.
    pub(super) fn place(&self) -> Option<Place> {
        (!self.recent.is_empty()).then(|| Place::Container {
            stamp: self.last,
            seen: self.recent.iter().copied().collect(),
        })
    }

    /// The place before the first line: the line itself tells it.
    pub(super) fn first(&self) -> Option<Place> {
        self.first.map(|mark| Place::Container {
            stamp: mark.0,
            seen: Arc::from([mark]),
        })
    }

    /// The same window after a break.
    pub(super) fn reopened(&self) -> Self {
        let seen: Vec<Mark> = self.recent.iter().copied().collect();
        Self {
            first: self.first,
            ..Self::resume(self.last, &seen)
        }
    }
}

/// Tells lines of one time apart. Words of eight bytes, multiplied and folded: a line of 120 bytes takes some nanoseconds.
pub(super) fn hash(bytes: &[u8], stream: StreamKind) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = FACTOR ^ (bytes.len() as u64) ^ (u64::from(stream == StreamKind::Err) << 63);
    let mut mix = |word: u64| {
        let wide = u128::from(state ^ word).wrapping_mul(u128::from(FACTOR));
        state = (wide as u64) ^ ((wide >> 64) as u64).rotate_left(29);
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        mix(u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(u64::from_le_bytes(last));
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What an engine gives from a moment on: the lines in the order that they were written, those before it left out.
    fn ask(log: &[(i64, u8)], since: Stamp, upto: usize) -> impl Iterator<Item = (i64, u8)> {
        log[..upto]
            .iter()
            .copied()
            .filter(move |(stamp, _)| Stamp(*stamp) >= since)
    }

    fn listen(
        window: &mut Window,
        log: impl Iterator<Item = (i64, u8)>,
        given: &mut Vec<(i64, u8)>,
    ) {
        for (stamp, text) in log {
            if window.admit(&[text], Stamp(stamp), StreamKind::Out) {
                given.push((stamp, text));
            }
        }
    }

    #[test]
    fn lines_that_differ_in_anything_are_told_apart() {
        let all = [
            hash(b"", StreamKind::Out),
            hash(b"", StreamKind::Err),
            hash(b"\0", StreamKind::Out),
            hash(b"12345678", StreamKind::Out),
            hash(b"12345678\0", StreamKind::Out),
            hash(b"1234567812345678", StreamKind::Out),
            hash(b"1234567912345678", StreamKind::Out),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
    }

    proptest! {
        /// Streams that are out of order by less than the reach, with many equal times and equal lines, broken anywhere.
        #[test]
        fn breaks_lose_and_double_nothing(
            steps in proptest::collection::vec((0i64..3, -400_000_000i64..400_000_000, 0u8..3), 1..120),
            breaks in proptest::collection::vec(0usize..120, 0..6),
            tail in 1usize..20,
        ) {
            let mut now = 10_000_000_000;
            let mut log: Vec<(i64, u8)> = steps
                .iter()
                .map(|(step, disorder, text)| {
                    now += step * 200_000_000;
                    (now + (disorder / 100_000_000) * 100_000_000, *text)
                })
                .collect();
            let mut breaks: Vec<usize> = breaks.into_iter().map(|at| at.min(log.len())).collect();
            breaks.sort_unstable();
            breaks.push(log.len());
            let mut given = Vec::new();
            let mut window = Window::default();
            // What was not wanted in the beginning is older than what was: an engine counts lines, not times.
            let first = breaks.first().copied().unwrap_or_default().saturating_sub(tail);
            let oldest = log.get(first).map_or(0, |line| line.0);
            for line in &mut log[..first] {
                *line = (line.0.min(oldest - 1), 9);
            }
            let log = &log;
            for upto in breaks {
                if upto == 0 {
                    continue;
                }
                if given.is_empty() {
                    // The last lines there are.
                    let first = first.min(upto);
                    listen(&mut window, log[first..upto].iter().copied(), &mut given);
                } else {
                    let since = window.since();
                    listen(&mut window, ask(log, since, upto), &mut given);
                }
                window = match window.place() {
                    Some(Place::Container { stamp, seen }) => Window::resume(stamp, &seen),
                    _ => Window::default(),
                };
            }
            prop_assert_eq!(&given[..], &log[first..]);
        }
    }

    #[test]
    fn a_flood_is_remembered_within_its_bound() {
        let mut window = Window::default();
        let most = i64::try_from(MOST).unwrap();
        for stamp in 0..most + 1000 {
            window.admit(b"x", Stamp(stamp), StreamKind::Out);
        }
        let mut again = window.reopened();
        assert!(again.since() >= Stamp(1000));
        assert!(!again.admit(b"x", Stamp(most), StreamKind::Out));
        assert!(!again.admit(b"x", Stamp(3), StreamKind::Out));
        assert!(again.admit(b"x", Stamp(most + 1000), StreamKind::Out));
    }
}
