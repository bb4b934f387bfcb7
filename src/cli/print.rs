//! The only way to standard output and standard error: data there, messages here.

use std::io::{self, Write};

use serde::Serialize;

use super::error::CliError;
use crate::config::Problem;

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
    data(&text)
}

/// Writes a message to standard error. Nobody is left to be told when that fails.
pub(super) fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error with its mend to standard error.
pub(super) fn error(error: &CliError) {
    message(&format!("pilothouse: {}", error.chain()));
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
