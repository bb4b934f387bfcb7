//! A line of the lens in full, for reading; names of sources and of files.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::Wall;
use crate::engine::{LensPicture, LensRow, SourceLabel, SourceState, SourceView, StreamKind};

/// `spark-1/vllm`.
pub(in crate::tui) fn label(label: &SourceLabel) -> String {
    if label.host.is_empty() {
        label.name.to_string()
    } else {
        format!("{}/{}", label.host, label.name)
    }
}

/// Everything known of a line.
pub(super) fn describe(row: &LensRow, picture: &LensPicture, zone: &TimeZone) -> Vec<String> {
    let source = picture.sources.iter().find(|of| of.number == row.source);
    let when = Timestamp::from_nanosecond(i128::from(row.stamp.0)).map_or_else(
        |_| "at an unknown time".to_owned(),
        |at| {
            let zoned = at.to_zoned(zone.clone());
            zoned.strftime("%A %-d %B %Y %H:%M:%S.%9f %Z").to_string()
        },
    );
    let mut lines = vec![when];
    if let Some(source) = source {
        lines.push(label(&source.label));
        lines.extend(skew(source));
    }
    lines.push(match row.stream {
        StreamKind::Out => "standard output".to_owned(),
        StreamKind::Err => "standard error".to_owned(),
    });
    lines.extend(row.level.map(|level| format!("level {}", level.word())));
    if row.count > 1 {
        lines.push(format!(
            "{} lines like this one; this is the last",
            row.count
        ));
    }
    lines.extend([String::new(), row.text.text.to_string()]);
    if !row.fields.is_empty() {
        lines.push(String::new());
        let widest = row
            .fields
            .iter()
            .map(|(key, _)| crate::text::width(key.as_str()));
        let cells = widest.max().unwrap_or(0).min(24);
        lines.extend(row.fields.iter().map(|(key, value)| {
            let pad = " ".repeat(cells.saturating_sub(crate::text::width(key.as_str())));
            format!("{key}{pad}  {value}")
        }));
    }
    if let Some(explained) = &row.explained {
        lines.extend([String::new(), explained.to_string()]);
    }
    lines
}

/// How far a host's clock is off, where it is.
pub(in crate::tui) fn skew(source: &SourceView) -> Option<String> {
    let skew = source.skew?;
    let way = if skew > 0 { "ahead" } else { "behind" };
    Some(format!("clock {:.1} s {way}", skew.abs() as f64 / 1000.0))
}

/// How a source stands, in words; nothing while it is followed.
pub(in crate::tui) fn state(state: &SourceState) -> Option<String> {
    match state {
        SourceState::Opening => Some("opening".to_owned()),
        SourceState::Following => None,
        SourceState::Waiting(why) => Some(format!("waiting: {why}")),
        SourceState::Ended(why) => Some(format!("ended: {why}")),
        SourceState::Refused(why, None) => Some(format!("refused: {why}")),
        SourceState::Refused(why, Some(hint)) => Some(format!("refused: {why} · {hint}")),
    }
}

/// A name for a file of these lines: the source, or how many there are, and the time.
pub(super) fn file_name(picture: &LensPicture, now: Wall, zone: &TimeZone) -> String {
    let name = match picture.sources.as_slice() {
        [one] => format!("{}-{}", one.label.host, one.label.name),
        _ => "logs".to_owned(),
    };
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(plain).collect();
    let time = Timestamp::from_millisecond(now.0).map_or_else(
        |_| String::new(),
        |at| {
            at.to_zoned(zone.clone())
                .strftime("-%Y%m%d-%H%M%S")
                .to_string()
        },
    );
    format!("{}{time}.log", name.trim_matches(['-', '.']))
}
