//! Whether a folder may hold a private socket: no link, nobody else's, and writable for nobody else. Looks, and changes nothing.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Whose a folder may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Ours alone.
    Us,
    /// Ours, or the system's where everybody has a place of their own (`/tmp`).
    System,
}

/// Refuses a folder, in words, in which somebody else could put their socket in the place of ours.
pub(crate) fn check_private(folder: &Path, owner: Owner) -> io::Result<()> {
    let ours = rustix::process::geteuid().as_raw();
    let mut found = fs::symlink_metadata(folder)?;
    // On some systems `/tmp` is one.
    if found.is_symlink() && found.uid() == 0 && ours != 0 && owner == Owner::System {
        found = fs::metadata(folder)?;
    }
    match fault(&found, ours, owner) {
        None => Ok(()),
        Some(why) => {
            let what = format!("{} {why}", folder.display());
            Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
        }
    }
}

fn fault(found: &Metadata, ours: u32, owner: Owner) -> Option<&'static str> {
    if found.is_symlink() {
        return Some("is a link");
    }
    if !found.is_dir() {
        return Some("is no folder");
    }
    let is_allowed = found.uid() == ours || (found.uid() == 0 && owner == Owner::System);
    if !is_allowed {
        return Some("belongs to somebody else");
    }
    let is_kept_apart = owner == Owner::System && found.mode() & 0o1000 != 0;
    (found.mode() & 0o022 != 0 && !is_kept_apart).then_some("can be written to by others")
}
