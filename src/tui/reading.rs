//! A text to read as rows of a screen, and what a search finds in it (pure). Case does not count, as in filters.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::widgets::breaks;

/// A row on the screen: a whole line, or a part of one that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// What stands in it.
    pub(super) text: &'a str,
    /// Its line.
    line: usize,
    /// Where it is in the line, in bytes.
    bytes: Range<usize>,
}

/// A text in rows of so many cells.
pub(super) fn rows(lines: &[String], cells: usize) -> Vec<Row<'_>> {
    let of_line = |(line, text)| {
        let text: &String = text;
        let row = move |bytes: Range<usize>| Row {
            text: text.get(bytes.clone()).unwrap_or_default(),
            line,
            bytes,
        };
        breaks(text, cells).into_iter().map(row)
    };
    lines.iter().enumerate().flat_map(of_line).collect()
}

/// One place where a search hits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    line: usize,
    bytes: Range<usize>,
}

/// Everything that a search hits, in order. An empty search hits nothing.
pub(super) fn hits(lines: &[String], search: &str) -> Vec<Hit> {
    let Some(pattern) = pattern(search) else {
        return Vec::new();
    };
    let of_line = |(line, text)| {
        let found: Vec<Hit> = pattern
            .find_iter(text)
            .map(|found| Hit {
                line,
                bytes: found.range(),
            })
            .collect();
        found
    };
    lines
        .iter()
        .map(String::as_str)
        .enumerate()
        .flat_map(of_line)
        .collect()
}

fn pattern(search: &str) -> Option<Regex> {
    if search.is_empty() {
        return None;
    }
    RegexBuilder::new(&regex::escape(search))
        .case_insensitive(true)
        .build()
        .ok()
}

/// The row in which a hit begins.
pub(super) fn row_of_hit(rows: &[Row<'_>], hit: &Hit) -> usize {
    rows.partition_point(|row| (row.line, row.bytes.start) <= (hit.line, hit.bytes.start))
        .saturating_sub(1)
}

impl Row<'_> {
    /// The part of the row that a hit covers, in bytes of its text; none when the hit is elsewhere.
    pub(super) fn part(&self, hit: &Hit) -> Option<Range<usize>> {
        let start = hit.bytes.start.max(self.bytes.start);
        let end = hit.bytes.end.min(self.bytes.end);
        (hit.line == self.line && start < end)
            .then(|| start - self.bytes.start..end - self.bytes.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_words_that_a_row_breaks_and_says_in_which_row_they_begin() {
        let lines = ["reached by ssh".to_owned(), "SSH banner silent".to_owned()];
        let rows = rows(&lines, 10);
        let texts: Vec<&str> = rows.iter().map(|row| row.text).collect();
        assert_eq!(texts, ["reached by", "ssh", "SSH banner", "silent"]);
        let found = hits(&lines, "ssh");
        let places: Vec<usize> = found.iter().map(|hit| row_of_hit(&rows, hit)).collect();
        assert_eq!(places, [1, 2]);
        assert_eq!(rows[2].part(&found[1]), Some(0..3));
        assert_eq!(rows[3].part(&found[1]), None);
        let broken = hits(&lines, "banner silent");
        assert_eq!(row_of_hit(&rows, &broken[0]), 2);
        assert_eq!(rows[2].part(&broken[0]), Some(4..10));
        assert_eq!(rows[3].part(&broken[0]), Some(0..6));
        assert_eq!(hits(&lines, ""), []);
        assert_eq!(hits(&lines, "s.h"), []);
    }
}
