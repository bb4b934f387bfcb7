//! From a picture of the lens to lines of the screen (pure): columns, pieces with their looks, wrapped or cut, and which of
//! them are in view. Draws nothing.

use jiff::tz::TimeZone;
use unicode_segmentation::UnicodeSegmentation as _;

use super::ui_lens::LongLines;
use crate::domain::Wall;
use crate::engine::{LensPicture, LensRow, RowKind, Stamp};
use crate::text::{Sgr, width};

/// Widths of the columns before the text; 0: left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Columns {
    /// Time of day, with or without its thousandths.
    pub time: u16,
    /// Host.
    pub host: u16,
    /// Source.
    pub source: u16,
    /// Level: a glyph, or a glyph and its word.
    pub level: u16,
    /// What is left for the text.
    pub text: u16,
}

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As its writer wrote it.
    Written(Sgr),
    /// What the search hit.
    Hit,
    /// The same in the row under the cursor.
    PresentHit,
    /// How many lines are folded into this one.
    Count,
    /// A field's name.
    Key,
    /// A field's value.
    Value,
    /// What happened to a source.
    Note,
}

/// A piece of text and its look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// The look.
    pub look: Look,
}

/// What one line of the screen shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// From here on it is another day.
    Day(String),
    /// A line of a source, or a part of it; the first part has the columns before it.
    Text {
        /// Whether it is the first part.
        first: bool,
        /// The text.
        pieces: Vec<Piece>,
        /// More of it lies beyond the left or the right edge.
        cut: (bool, bool),
    },
    /// What the line means.
    Meaning(String),
    /// A rule with words: lines are missing here.
    Gap(String),
}

/// One line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenLine {
    /// The row of the picture that it belongs to.
    pub row: usize,
    /// What it shows.
    pub content: Content,
}

/// How lines are laid out.
#[derive(Debug, Clone, Copy)]
pub struct Fit<'a> {
    /// The columns.
    pub columns: Columns,
    /// How many lines there is room for.
    pub height: usize,
    /// What becomes of long lines.
    pub long: LongLines,
    /// The person's zone.
    pub zone: &'a TimeZone,
    /// Now: the first line says its day where that is another.
    pub now: Wall,
}

/// The columns for a picture, in so many cells. They depend on the sources and never on the lines in view: nothing jumps.
pub fn columns(picture: &LensPicture, cells: u16) -> Columns {
    let time = match cells {
        56.. => 12,
        34.. => 8,
        _ => 0,
    };
    let level = match cells {
        96.. => 7,
        24.. => 1,
        _ => 0,
    };
    let widest = |name: fn(&crate::engine::SourceLabel) -> &str, most: usize| {
        let names: Vec<&str> = picture.sources.iter().map(|of| name(&of.label)).collect();
        let several = names.iter().any(|other| Some(other) != names.first());
        let cells = names.iter().map(|name| width(name)).max().unwrap_or(0);
        (several, cells.min(most) as u16)
    };
    let (wide, narrow) = (cells >= 140, cells < 96);
    let (hosts, host) = widest(|label| label.host.as_str(), if narrow { 8 } else { 14 });
    let (names, name) = widest(
        |label| label.name.as_str(),
        match (wide, narrow) {
            (true, _) => 22,
            (_, true) => 10,
            _ => 16,
        },
    );
    let host = if hosts && cells >= 64 { host } else { 0 };
    let source = if names && cells >= 48 { name } else { 0 };
    let before = [time, host, source, level]
        .iter()
        .map(|cells| cells + u16::from(*cells > 0))
        .sum::<u16>();
    Columns {
        time,
        host,
        source,
        level,
        // A mark before everything, a rule before the text and a blank after it.
        text: cells.saturating_sub(before + 3),
    }
}

/// The lines that are in view. The row under the cursor always is; while it follows, the last one is at the foot.
pub fn lines(picture: &LensPicture, fit: Fit<'_>) -> Vec<ScreenLine> {
    let mut before: Option<jiff::civil::Date> = day(Wall(fit.now.0), fit.zone);
    let mut groups: Vec<Vec<ScreenLine>> = Vec::new();
    for (row, of) in picture.rows.iter().enumerate() {
        let line = |content| ScreenLine { row, content };
        let mut group = Vec::new();
        let date = day(Wall(of.stamp.0.div_euclid(1_000_000)), fit.zone);
        if date != before && date.is_some() {
            let words = date.map(|date| date.strftime("%A %-d %B %Y").to_string());
            group.extend(words.map(|words| line(Content::Day(words))));
        }
        before = date.or(before);
        let under = picture.cursor == Some(row);
        group.extend(contents(of, under, fit).into_iter().map(line));
        groups.push(group);
    }
    in_view(groups, picture, fit.height)
}

fn in_view(groups: Vec<Vec<ScreenLine>>, picture: &LensPicture, height: usize) -> Vec<ScreenLine> {
    let all: usize = groups.iter().map(Vec::len).sum();
    let upto_cursor = |cursor: usize| groups.iter().take(cursor + 1).map(Vec::len).sum();
    let end = match picture.cursor {
        _ if picture.following => all,
        Some(cursor) => height.max(upto_cursor(cursor)),
        None => height,
    };
    let skip = end.min(all).saturating_sub(height);
    groups
        .into_iter()
        .flatten()
        .skip(skip)
        .take(height)
        .collect()
}

/// What one row takes on the screen.
fn contents(row: &LensRow, under: bool, fit: Fit<'_>) -> Vec<Content> {
    let text = row.text.text.as_str();
    if row.kind == RowKind::Gap {
        return vec![Content::Gap(text.to_owned())];
    }
    let pieces = pieces(row, under);
    let cells = usize::from(fit.columns.text);
    let mut contents = match fit.long {
        LongLines::Cut(side) => {
            let (pieces, cut) = cut(&pieces, usize::from(side), cells);
            vec![Content::Text {
                first: true,
                pieces,
                cut,
            }]
        }
        LongLines::Wrap => wrap(&pieces, cells, fit.height)
            .into_iter()
            .enumerate()
            .map(|(part, pieces)| Content::Text {
                first: part == 0,
                pieces,
                cut: (false, false),
            })
            .collect(),
    };
    contents.extend(
        row.explained
            .as_ref()
            .map(|of| Content::Meaning(of.to_string())),
    );
    contents
}

/// A row's text in pieces of one look each: its count, the message with its colours and hits, its fields.
fn pieces(row: &LensRow, under: bool) -> Vec<Piece> {
    let piece = |text: &str, look| Piece {
        text: text.to_owned(),
        look,
    };
    let mut pieces = Vec::new();
    if row.count > 1 {
        pieces.push(piece(&format!("×{} ", row.count), Look::Count));
    }
    if row.kind == RowKind::Note {
        pieces.push(piece(row.text.text.as_str(), Look::Note));
        return pieces;
    }
    pieces.extend(message(row, under));
    for (key, value) in &row.fields {
        pieces.push(piece(&format!("  {key}="), Look::Key));
        pieces.push(piece(value.as_str(), Look::Value));
    }
    pieces
}

fn message(row: &LensRow, under: bool) -> Vec<Piece> {
    let text = row.text.text.as_str();
    let spans = &row.text.spans;
    let mut edges: Vec<usize> = spans
        .iter()
        .flat_map(|span| [span.start, span.end])
        .chain(row.hits.iter().flat_map(|(start, end)| [*start, *end]))
        .map(|edge| edge as usize)
        .filter(|edge| *edge < text.len() && text.is_char_boundary(*edge))
        .collect();
    edges.extend([0, text.len()]);
    edges.sort_unstable();
    edges.dedup();
    let holds = |start: u32, end: u32, at: usize| (start as usize..end as usize).contains(&at);
    let look = |at: usize| {
        if row.hits.iter().any(|(start, end)| holds(*start, *end, at)) {
            return if under { Look::PresentHit } else { Look::Hit };
        }
        let span = spans.iter().find(|span| holds(span.start, span.end, at));
        Look::Written(span.map(|span| span.style).unwrap_or_default())
    };
    edges
        .iter()
        .zip(edges.iter().skip(1))
        .filter_map(|(start, end)| {
            Some(Piece {
                text: text.get(*start..*end)?.to_owned(),
                look: look(*start),
            })
        })
        .collect()
}

/// The part of a text between two cells, and whether there is more at its sides.
fn cut(pieces: &[Piece], skip: usize, cells: usize) -> (Vec<Piece>, (bool, bool)) {
    let mut kept: Vec<Piece> = Vec::new();
    let mut at = 0;
    let mut more = (false, false);
    'all: for piece in pieces {
        let mut text = String::new();
        for grapheme in piece.text.graphemes(true) {
            let wide = width(grapheme);
            if at + wide > skip + cells {
                more.1 = true;
                push(&mut kept, &mut text, piece.look);
                break 'all;
            }
            if at >= skip {
                text.push_str(grapheme);
            } else {
                more.0 = true;
                // Half of a wide character is no character: its other half is a blank.
                if at + wide > skip {
                    text.push_str(&" ".repeat(at + wide - skip));
                }
            }
            at += wide;
        }
        push(&mut kept, &mut text, piece.look);
    }
    (kept, more)
}

/// A text in lines of so many cells, at most so many of them; words are not kept whole: columns of a table stay columns.
fn wrap(pieces: &[Piece], cells: usize, most: usize) -> Vec<Vec<Piece>> {
    let cells = cells.max(1);
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let mut line = Vec::new();
    let mut used = 0;
    for piece in pieces {
        let mut text = String::new();
        for grapheme in piece.text.graphemes(true) {
            let wide = width(grapheme);
            if used + wide > cells && used > 0 {
                push(&mut line, &mut text, piece.look);
                lines.push(std::mem::take(&mut line));
                used = 0;
                if lines.len() >= most.max(1) {
                    return lines;
                }
            }
            text.push_str(grapheme);
            used += wide;
        }
        push(&mut line, &mut text, piece.look);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

fn push(pieces: &mut Vec<Piece>, text: &mut String, look: Look) {
    if !text.is_empty() {
        pieces.push(Piece {
            text: std::mem::take(text),
            look,
        });
    }
}

fn day(wall: Wall, zone: &TimeZone) -> Option<jiff::civil::Date> {
    let stamp = jiff::Timestamp::from_millisecond(wall.0).ok()?;
    Some(stamp.to_zoned(zone.clone()).date())
}

/// The time of day of a stamp, with thousandths where there is room for them.
pub fn time_of_day(stamp: Stamp, zone: &TimeZone, cells: u16) -> String {
    let form = if cells >= 12 {
        "%H:%M:%S.%3f"
    } else {
        "%H:%M:%S"
    };
    jiff::Timestamp::from_millisecond(stamp.0.div_euclid(1_000_000)).map_or_else(
        |_| "--:--:--".to_owned(),
        |moment| moment.to_zoned(zone.clone()).strftime(form).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{LineNumber, SourceNumber, StreamKind};
    use crate::text::{StyleSpan, StyledText};

    static UTC: std::sync::LazyLock<TimeZone> = std::sync::LazyLock::new(|| TimeZone::UTC);

    fn row(text: &str) -> LensRow {
        LensRow {
            line: LineNumber(1),
            source: SourceNumber(0),
            stamp: Stamp(0),
            stream: StreamKind::Out,
            level: None,
            kind: RowKind::Line,
            text: StyledText {
                text: text.into(),
                spans: Vec::new(),
            },
            fields: Vec::new(),
            hits: Vec::new(),
            count: 1,
            marked: false,
            explained: None,
        }
    }

    fn picture(rows: Vec<LensRow>) -> LensPicture {
        LensPicture {
            cursor: rows.len().checked_sub(1),
            rows,
            ..LensPicture::default()
        }
    }

    fn fit(height: usize, long: LongLines) -> Fit<'static> {
        Fit {
            columns: Columns {
                text: 4,
                ..Columns::default()
            },
            height,
            long,
            zone: &UTC,
            now: Wall(0),
        }
    }

    fn shown(lines: &[ScreenLine]) -> Vec<String> {
        lines
            .iter()
            .map(|line| match &line.content {
                Content::Text { pieces, .. } => pieces.iter().map(|p| p.text.as_str()).collect(),
                Content::Day(words) | Content::Meaning(words) | Content::Gap(words) => {
                    words.clone()
                }
            })
            .collect()
    }

    #[test]
    fn long_lines_are_cut_or_go_on_below() {
        let long = picture(vec![row("abcdefghij")]);
        assert_eq!(shown(&lines(&long, fit(9, LongLines::Cut(0)))), ["abcd"]);
        assert_eq!(shown(&lines(&long, fit(9, LongLines::Cut(8)))), ["ij"]);
        assert_eq!(
            shown(&lines(&long, fit(9, LongLines::Wrap))),
            ["abcd", "efgh", "ij"]
        );
        let wide = picture(vec![row("日本語")]);
        assert_eq!(shown(&lines(&wide, fit(9, LongLines::Cut(1)))), [" 本"]);
        assert_eq!(
            shown(&lines(&wide, fit(9, LongLines::Wrap))),
            ["日本", "語"]
        );
    }

    #[test]
    fn the_row_under_the_cursor_is_in_view_and_while_following_the_last() {
        let rows = vec![row("abcdefgh"), row("1"), row("2")];
        let mut picture = picture(rows);
        picture.cursor = Some(0);
        assert_eq!(
            shown(&lines(&picture, fit(2, LongLines::Wrap))),
            ["abcd", "efgh"]
        );
        picture.cursor = Some(2);
        assert_eq!(
            shown(&lines(&picture, fit(3, LongLines::Wrap))),
            ["efgh", "1", "2"]
        );
        picture.cursor = None;
        picture.following = true;
        assert_eq!(shown(&lines(&picture, fit(1, LongLines::Wrap))), ["2"]);
    }

    #[test]
    fn another_day_is_said_once() {
        let mut rows = vec![row("a"), row("b"), row("c")];
        for (row, day) in rows.iter_mut().zip([0, 1, 1]) {
            row.stamp = Stamp(day * 86_400_000_000_000);
        }
        assert_eq!(
            shown(&lines(&picture(rows), fit(9, LongLines::Cut(0)))),
            ["a", "Friday 2 January 1970", "b", "c"]
        );
    }

    #[test]
    fn colours_and_hits_cut_a_message_where_they_begin_and_end() {
        let red = Sgr {
            bold: true,
            ..Sgr::default()
        };
        let mut line = row("one two");
        line.text.spans = vec![StyleSpan {
            start: 0,
            end: 5,
            style: red,
        }];
        line.hits = vec![(4, 7), (90, 99)];
        let found: Vec<(String, Look)> = pieces(&line, true)
            .into_iter()
            .map(|piece| (piece.text, piece.look))
            .collect();
        assert_eq!(
            found,
            [
                ("one ".to_owned(), Look::Written(red)),
                ("t".to_owned(), Look::PresentHit),
                ("wo".to_owned(), Look::PresentHit),
            ]
        );
    }

    #[test]
    fn columns_shrink_and_never_take_what_is_not_there() {
        for cells in 0..220 {
            let columns = columns(&LensPicture::default(), cells);
            assert_eq!((columns.host, columns.source), (0, 0));
            let before = columns.time + columns.level + 3;
            assert!(
                columns.text + before <= cells.max(before + columns.text),
                "{cells}"
            );
        }
        assert_eq!(
            time_of_day(Stamp(1_234_567_890), &TimeZone::UTC, 12),
            "00:00:01.234"
        );
        assert_eq!(
            time_of_day(Stamp(1_234_567_890), &TimeZone::UTC, 8),
            "00:00:01"
        );
    }
}
