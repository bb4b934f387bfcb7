//! How a log line looks on the command line, for people and for programs (pure). Nothing of a line but its clean text and
//! its colours gets out.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};
use serde::Serialize;

use crate::engine::{Level, LineRef, Stamp, StreamKind, level_of};
use crate::text::{Sgr, SgrColor, StyleSpan, clean_line, escape_json, width};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// With time, host and source before them.
    Columns,
    /// The text alone.
    Raw,
    /// An object per line.
    Json,
}

/// What a source is called in the columns.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) host: String,
    pub(super) source: String,
}

/// Which lines are printed, and how.
#[derive(Debug)]
pub(super) struct Printer {
    pub(super) form: Form,
    pub(super) colours: bool,
    pub(super) grep: Option<Regex>,
    pub(super) level: Option<Level>,
    pub(super) zone: TimeZone,
    /// Lines of other days show their date.
    pub(super) today: Date,
    labels: Vec<Label>,
    /// Cells that host and source take.
    columns: (usize, usize),
    text: String,
    spans: Vec<StyleSpan>,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    host: &'a str,
    source: &'a str,
    stream: StreamKind,
    level: Option<Level>,
    text: &'a str,
}

impl Printer {
    /// Prints all lines of these sources, in columns, without colours.
    pub(super) fn new(labels: Vec<Label>, zone: TimeZone, today: Date) -> Self {
        let widest = |of: fn(&Label) -> &str| labels.iter().map(|label| width(of(label))).max();
        let hosts = widest(|label| &label.host).unwrap_or_default();
        let sources = widest(|label| &label.source).unwrap_or_default();
        Self {
            form: Form::Columns,
            colours: false,
            grep: None,
            level: None,
            zone,
            today,
            labels,
            columns: (hosts, sources),
            text: String::new(),
            spans: Vec::new(),
        }
    }

    /// Adds a line to the output, if it is wanted.
    pub(super) fn line(&mut self, source: usize, line: LineRef<'_>, out: &mut String) {
        let (mut text, mut spans) = (
            std::mem::take(&mut self.text),
            std::mem::take(&mut self.spans),
        );
        text.clear();
        spans.clear();
        clean_line(line.bytes, &mut text, |span| spans.push(span));
        let level = self.level(&text, line);
        if self.wants(&text, level) {
            self.write(source, line, (&text, &spans, level), out);
        }
        (self.text, self.spans) = (text, spans);
    }

    /// The level of a line, where somebody asks for it and it can be told.
    fn level(&self, text: &str, line: LineRef<'_>) -> Option<Level> {
        let asked = self.form == Form::Json || self.level.is_some();
        let own = line.head.level.filter(|_| asked);
        own.or_else(|| asked.then(|| level_of(text)).flatten())
    }

    fn wants(&self, text: &str, level: Option<Level>) -> bool {
        let enough = |least| level.is_some_and(|level| level >= least);
        self.level.is_none_or(enough) && self.grep.as_ref().is_none_or(|grep| grep.is_match(text))
    }

    fn write(
        &self,
        source: usize,
        line: LineRef<'_>,
        (text, spans, level): (&str, &[StyleSpan], Option<Level>),
        out: &mut String,
    ) {
        match self.form {
            Form::Json => self.json(source, line, (text, level), out),
            Form::Raw => self.coloured(text, spans, out),
            Form::Columns => {
                self.columns(source, line.head.stamp, out);
                self.coloured(text, spans, out);
            }
        }
        out.push('\n');
    }

    fn columns(&self, source: usize, stamp: Stamp, out: &mut String) {
        let (hosts, sources) = self.columns;
        let _ = write!(out, "{} ", self.time(stamp));
        if let Some(label) = self.labels.get(source) {
            pad(&label.host, hosts, out);
            out.push(' ');
            pad(&label.source, sources, out);
        }
        out.push_str(" | ");
    }

    fn time(&self, stamp: Stamp) -> String {
        let Ok(moment) = Timestamp::from_nanosecond(i128::from(stamp.0)) else {
            return "--:--:--.---".into();
        };
        let moment = moment.to_zoned(self.zone.clone());
        let shape = if moment.date() == self.today {
            "%H:%M:%S.%3f"
        } else {
            "%Y-%m-%d %H:%M:%S.%3f"
        };
        moment.strftime(shape).to_string()
    }

    fn json(
        &self,
        source: usize,
        line: LineRef<'_>,
        (text, level): (&str, Option<Level>),
        out: &mut String,
    ) {
        let label = self.labels.get(source);
        let time = Timestamp::from_nanosecond(i128::from(line.head.stamp.0));
        let line = JsonLine {
            time: time.map(|time| time.to_string()).unwrap_or_default(),
            host: label.map_or("", |label| &label.host),
            source: label.map_or("", |label| &label.source),
            stream: line.head.stream,
            level,
            text,
        };
        // Texts, numbers and names can always be written as JSON.
        out.push_str(&escape_json(
            &serde_json::to_string(&line).unwrap_or_default(),
        ));
    }

    fn coloured(&self, text: &str, spans: &[StyleSpan], out: &mut String) {
        if !self.colours || spans.is_empty() {
            out.push_str(text);
            return;
        }
        let mut at = 0;
        for span in spans {
            let (start, end) = (span.start as usize, span.end as usize);
            out.push_str(text.get(at..start).unwrap_or_default());
            sgr(span.style, out);
            out.push_str(text.get(start..end).unwrap_or_default());
            out.push_str("\x1b[0m");
            at = end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
    }
}

/// The expression that `--grep` takes: without capitals it ignores case.
pub(super) fn expression(pattern: &str) -> Result<Regex, regex::Error> {
    let capitals = pattern.chars().any(char::is_uppercase);
    RegexBuilder::new(pattern)
        .case_insensitive(!capitals)
        .build()
}

fn pad(text: &str, cells: usize, out: &mut String) {
    out.push_str(text);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(width(text))));
}

fn sgr(style: Sgr, out: &mut String) {
    out.push_str("\x1b[0");
    let flags = [
        (style.bold, 1),
        (style.dim, 2),
        (style.italic, 3),
        (style.underline, 4),
        (style.reverse, 7),
        (style.strike, 9),
    ];
    for (_, code) in flags.into_iter().filter(|(on, _)| *on) {
        let _ = write!(out, ";{code}");
    }
    for (colour, base) in [(style.fg, 38_u8), (style.bg, 48)] {
        let _ = match colour {
            None => Ok(()),
            // The first sixteen as every terminal knows them; 38 and 48 are written 30 and 40 then.
            Some(SgrColor::Indexed(index @ 0..8)) => write!(out, ";{}", base - 8 + index),
            Some(SgrColor::Indexed(index @ 8..16)) => write!(out, ";{}", base + 44 + index),
            Some(SgrColor::Indexed(index)) => write!(out, ";{base};5;{index}"),
            Some(SgrColor::Rgb(red, green, blue)) => write!(out, ";{base};2;{red};{green};{blue}"),
        };
    }
    out.push('m');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LineBatch;

    fn print(printer: &mut Printer, lines: &[&str]) -> String {
        let mut batch = LineBatch::default();
        for (number, line) in (0..).zip(lines) {
            let stamp = Stamp(1_795_269_922_500_000_000 + number * 1_000_000);
            batch.push(line.as_bytes(), stamp, StreamKind::Out, None);
        }
        let mut out = String::new();
        for (index, line) in batch.iter().enumerate() {
            printer.line(index % 2, line, &mut out);
        }
        out
    }

    fn printer(form: Form) -> Printer {
        let label = |host: &str, source: &str| Label {
            host: host.into(),
            source: source.into(),
        };
        let labels = vec![label("spark-1", "container:vllm"), label("箱", "kernel")];
        let today = jiff::civil::date(2026, 11, 21);
        Printer {
            form,
            ..Printer::new(labels, TimeZone::UTC, today)
        }
    }

    #[test]
    fn columns_line_up_and_nothing_but_colour_gets_out() {
        let lines = [
            "\x1b[31mred\x1b[0m plain",
            "\x1b]0;title\x07\x1b[2Jtext\x1b[1;38;5;12mbold",
        ];
        let mut plain = printer(Form::Columns);
        insta::assert_snapshot!(print(&mut plain, &lines));
        plain.colours = true;
        insta::assert_snapshot!(print(&mut plain, &lines).escape_debug().to_string());
    }

    #[test]
    fn programs_get_an_object_per_line() {
        let out = print(
            &mut printer(Form::Json),
            &["\x1b[31mERROR\x1b[0m \"x\"", "fine"],
        );
        insta::assert_snapshot!(out);
    }

    #[test]
    fn lines_are_chosen_by_expression_and_level() {
        let mut raw = printer(Form::Raw);
        raw.grep = Some(expression("oom").unwrap());
        assert_eq!(print(&mut raw, &["OOM", "fine", "boom"]), "OOM\nboom\n");
        raw.grep = Some(expression("Oom").unwrap());
        assert_eq!(print(&mut raw, &["OOM", "Oom"]), "Oom\n");
        raw.grep = None;
        raw.level = Some(Level::Warning);
        let lines = ["INFO a", "WARN b", "ERROR c", "d"];
        assert_eq!(print(&mut raw, &lines), "WARN b\nERROR c\n");
    }

    #[test]
    fn a_line_of_another_day_shows_its_date() {
        let mut other = printer(Form::Columns);
        other.today = jiff::civil::date(2026, 11, 22);
        assert!(print(&mut other, &["x"]).starts_with("2026-11-21 "));
    }
}
