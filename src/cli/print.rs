//! The only way to standard output and standard error: data there, messages here.

use std::io::{self, IsTerminal as _, Write};

use rustix::event::{PollFd, PollFlags, Timespec};
use serde::Serialize;

use super::error::{CliError, chain};
use crate::config::Problem;
use crate::domain::At;
use crate::text::{cut, escape_json, width};
use crate::tui::terminal;

/// Writes data, whole lines, to standard output.
pub(super) fn data(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Writes one JSON value and a newline to standard output.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    data(&escape_json(&text))
}

/// Writes one JSON value as one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(value).map_err(io::Error::from)?;
    data(&escape_json(&text))
}

/// Whether nobody can read standard output any more: a pipe whose reader has left. Whoever only waits would not notice.
pub(super) fn reader_has_left() -> bool {
    let out = io::stdout();
    let mut watched = [PollFd::new(&out, PollFlags::empty())];
    let now = Timespec::default();
    let told = rustix::event::poll(&mut watched, Some(&now)).is_ok_and(|ready| ready > 0);
    told && watched
        .iter()
        .any(|fd| fd.revents().contains(PollFlags::ERR))
}

/// Writes a message to standard error. Nobody is left to be told when that fails.
pub(super) fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A line of standard error that is written again in its place as something moves. Where that is no terminal, it is a line
/// of its own now and then.
#[derive(Debug)]
pub(super) struct Live {
    in_place: bool,
    shown: Option<(At, String)>,
}

impl Live {
    /// Milliseconds between two lines where none can be written again.
    const PAUSE: u64 = 10_000;

    /// The line of this terminal; `term` is the value of TERM.
    pub(super) fn new(term: Option<&str>) -> Self {
        let dumb = term.is_none_or(|term| term == "dumb");
        Self {
            in_place: io::stderr().is_terminal() && !dumb,
            shown: None,
        }
    }

    /// Shows how it stands now.
    pub(super) fn show(&mut self, text: &str, now: At) {
        if self.in_place {
            let (columns, _) = terminal::size();
            let text = cut(text, usize::from(columns.saturating_sub(1)));
            let mut out = io::stderr().lock();
            // Nobody is left to be told when that fails.
            let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
        } else if let Some((at, before)) = &self.shown
            && (now.since(*at).0 < Self::PAUSE || before == text)
        {
            return;
        } else {
            message(text);
        }
        self.shown = Some((now, text.to_owned()));
    }

    /// Writes a line that stays, above the one that moves.
    pub(super) fn stay(&mut self, text: &str) {
        self.clear();
        message(text);
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.in_place && self.shown.take().is_some() {
            let mut out = io::stderr().lock();
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
}

/// Writes an error with its mend to standard error.
pub(super) fn error(error: &CliError) {
    message(&format!("pilothouse: {}", chain(error)));
    if let Some(hint) = error.hint() {
        message(&format!("  {hint}"));
    }
}

/// A problem as compilers tell theirs: `file:line: what`, and the mend below.
pub(super) fn problem(problem: &Problem) -> String {
    let place = match (&problem.file, problem.line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", file.display()),
        (Some(file), None) => format!("{}: ", file.display()),
        (None, _) => String::new(),
    };
    match &problem.hint {
        Some(hint) => format!("{place}{}\n    {hint}", problem.what),
        None => format!("{place}{}", problem.what),
    }
}

/// Rows under a head, every column as wide as its widest cell, two cells between columns.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let all = || std::iter::once(&head).chain(rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            all()
                .filter_map(|row| row.get(column))
                .map(|cell| width(cell))
                .max()
                .unwrap_or_default()
        })
        .collect();
    all()
        .map(|row| line(row, &widths))
        .collect::<Vec<_>>()
        .join("\n")
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, widest) in row.iter().zip(widths) {
        text.push_str(cell);
        text.push_str(&" ".repeat(widest.saturating_sub(width(cell)) + 2));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_cells_and_not_by_bytes() {
        let rows = vec![
            vec!["spark-1".into(), "ok".into()],
            vec!["箱".into(), "°".into()],
        ];
        assert_eq!(
            table(&["HOST", "STATE"], &rows),
            "HOST     STATE\nspark-1  ok\n箱       °"
        );
    }
}
