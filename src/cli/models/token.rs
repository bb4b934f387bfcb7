//! The token of a reservation in a file of this machine: read from one that only its owner can read, written into a new one.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::cli::error::CliError;
use crate::domain::Secret;

/// Longest token.
const LONGEST: u64 = 256;

/// Reads a token; `-` is standard input. A file that others may read is refused: whoever knows the token has the reservation.
pub(super) fn read(file: Option<&Path>) -> Result<Option<Secret<String>>, CliError> {
    let Some(file) = file else { return Ok(None) };
    let shown = file.display();
    let refused = |what: String, hint: &str| CliError::Usage {
        what,
        hint: hint.to_owned(),
    };
    let unreadable = |error: io::Error| {
        let what = format!("the token in {shown} can't be read: {error}");
        refused(what, "name the file that `models lock --token-file` wrote")
    };
    let mut text = String::new();
    if file == Path::new("-") {
        let mut input = io::stdin().lock().take(LONGEST + 1);
        input.read_to_string(&mut text).map_err(unreadable)?;
    } else {
        let opened = fs::File::open(file).map_err(unreadable)?;
        let found = opened.metadata().map_err(unreadable)?;
        if found.permissions().mode() & 0o077 != 0 {
            return Err(refused(
                format!("others may read the token in {shown}"),
                &format!("chmod 600 {shown}"),
            ));
        }
        let mut input = opened.take(LONGEST + 1);
        input.read_to_string(&mut text).map_err(unreadable)?;
    }
    let token = text.trim();
    let fits = !token.is_empty()
        && text.len() as u64 <= LONGEST
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(Some(Secret::new(token.to_owned())));
    }
    Err(refused(
        format!("{shown} holds no token"),
        "one word without blanks, as `models lock --token-file` wrote it",
    ))
}

/// Writes a token into a file that was not there before and that only its owner may read.
pub(super) fn write(file: &Path, token: &Secret<String>) -> Result<(), CliError> {
    let cant = |source: io::Error| CliError::Write {
        file: file.to_owned(),
        source,
    };
    let mut opened = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(cant)?;
    writeln!(opened, "{}", token.expose()).map_err(cant)
}
