//! What stands in the way of the ledger, in words and with its mend. Without a ledger nothing is changed.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::store::{StoreError, StoreErrorKind};

/// What to do with files that do not fit.
const DAMAGED: &str = "`pilothouse ledger verify` names the first record that is broken; move ledger, anchor and key away \
                       together, and a new ledger begins";

/// An error of the file system.
pub(super) fn io(path: &Path, error: &io::Error) -> StoreError {
    let file = path.display();
    let (kind, what, hint) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            StoreErrorKind::Full,
            format!("the disk of {file} is full"),
            "make room there",
        ),
        io::ErrorKind::FileTooLarge => (
            StoreErrorKind::Full,
            format!("{file} may not grow any more"),
            "raise the limit on the size of files (`ulimit -f`)",
        ),
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => (
            StoreErrorKind::Unwritable,
            format!("{file} is a link to elsewhere, and a ledger is not followed there"),
            "look where it leads and who laid it, then put the file itself in its place",
        ),
        _ => (
            StoreErrorKind::Unwritable,
            format!("{file} can't be written: {error}"),
            "make it and its folder writable for you",
        ),
    };
    StoreError::new(kind, what).hint(hint)
}

/// Files that can't be what this program has left.
pub(super) fn corrupt(path: &Path, what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Corrupt,
        format!("{} {what}", path.display()),
    )
    .hint(DAMAGED)
}
