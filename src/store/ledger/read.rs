//! Reads the ledger for showing. Nothing is checked here: that is verification's.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::domain::LedgerEntry;

#[derive(Deserialize)]
struct Line {
    entry: LedgerEntry,
}

/// Why the ledger can't be shown.
#[derive(Debug, Error)]
#[error("{} can't be read", path.display())]
pub struct LedgerReadError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The entry of one line, without its end.
pub(super) fn entry(line: &[u8]) -> Option<LedgerEntry> {
    serde_json::from_slice(line)
        .ok()
        .map(|line: Line| line.entry)
}

/// The last entries that `wanted` holds for, oldest first, and how many lines could not be read. No ledger is an empty one.
pub fn read(
    path: &Path,
    most: usize,
    wanted: impl Fn(&LedgerEntry) -> bool,
) -> Result<(Vec<LedgerEntry>, usize), LedgerReadError> {
    let mut kept = VecDeque::new();
    let mut unreadable = 0;
    let walked = walk(path, 0, u64::MAX, |line| match line {
        Some(entry) if wanted(&entry) => {
            if kept.len() == most {
                kept.pop_front();
            }
            kept.push_back(entry);
            kept.truncate(most);
        }
        Some(_) => {}
        None => unreadable += 1,
    });
    walked.map_err(|source| LedgerReadError {
        path: path.to_owned(),
        source,
    })?;
    Ok((kept.into(), unreadable))
}

/// Hands over every whole line between these bytes, and gives the byte behind the last one.
pub(super) fn walk(
    path: &Path,
    from: u64,
    to: u64,
    mut take: impl FnMut(Option<LedgerEntry>),
) -> io::Result<u64> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => opened?,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut lines = BufReader::new(file.take(to.saturating_sub(from)));
    let (mut line, mut at) = (Vec::new(), from);
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line)?;
        // What has no end is being written, or torn.
        let Some(whole) = line.strip_suffix(b"\n") else {
            return Ok(at);
        };
        at += read as u64;
        take(entry(whole));
    }
}
