//! The anchor: how many records there are, the last seal and the key of the next record, in a file that is not the ledger's
//! own. What is cut off the ledger, or put in place of it, no longer fits.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use super::chain::{Key, Mac};
use super::fault;
use crate::store::StoreError;

/// A file of the ledger is never followed to elsewhere: somebody else may have laid the link.
pub(super) const NO_LINK: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// Where the files of a ledger are. Each is readable by its owner alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPaths {
    /// The records.
    pub ledger: PathBuf,
    /// How many there are, the last seal, and the key of the next record. In another folder than the records.
    pub anchor: PathBuf,
    /// The first key: what verification begins with, and nobody else needs. Kept on another machine it makes the ledger
    /// tell whether somebody who had all of this one has changed it.
    pub key: PathBuf,
}

/// What the anchor says.
#[derive(Debug, Clone)]
pub(super) struct Anchor {
    pub(super) records: u64,
    /// Length of the ledger, bytes.
    pub(super) bytes: u64,
    /// The seal of the last record.
    pub(super) mac: Mac,
    /// The key of the next record.
    pub(super) key: Key,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    records: u64,
    bytes: u64,
    mac: String,
    key: String,
}

impl Anchor {
    /// An anchor before the first record, with a new key.
    fn first() -> io::Result<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| io::Error::other("no random numbers"))?;
        Ok(Self {
            records: 0,
            bytes: 0,
            mac: Mac::NONE,
            key: Key::new(bytes),
        })
    }

    /// What the anchor says; `None`: there is none.
    pub(super) fn read(paths: &LedgerPaths) -> Result<Option<Self>, StoreError> {
        let text = match fs::read_to_string(&paths.anchor) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(fault::corrupt(&paths.anchor, "is no anchor"));
            }
            Err(error) => return Err(fault::io(&paths.anchor, &error)),
        };
        let parsed = serde_json::from_str(&text).ok().and_then(|raw: Raw| {
            Some(Self {
                records: raw.records,
                bytes: raw.bytes,
                mac: Mac::parse(&raw.mac)?,
                key: Key::parse(&raw.key)?,
            })
        });
        match parsed {
            Some(anchor) => Ok(Some(anchor)),
            None => Err(fault::corrupt(&paths.anchor, "is no anchor")),
        }
    }

    /// Puts this anchor in the place of the one before: whole and on the disk, or not at all.
    pub(super) fn write(&self, paths: &LedgerPaths) -> Result<(), StoreError> {
        let raw = Raw {
            records: self.records,
            bytes: self.bytes,
            mac: self.mac.text(),
            key: self.key.text(),
        };
        let write = || {
            let text = serde_json::to_string(&raw).map_err(io::Error::other)?;
            replace(&paths.anchor, format!("{text}\n").as_bytes())
        };
        write().map_err(|error| fault::io(&paths.anchor, &error))
    }

    /// Begins a ledger. The anchor comes first: a key without an anchor is then never what a crash has left.
    pub(super) fn begin(paths: &LedgerPaths) -> Result<Self, StoreError> {
        if paths.key.exists() {
            return Err(fault::corrupt(
                &paths.anchor,
                "is gone, and the ledger is empty or gone as well, while the key of both is still there",
            ));
        }
        let anchor = Self::first().map_err(|error| fault::io(&paths.anchor, &error))?;
        anchor.write(paths)?;
        Ok(anchor)
    }

    /// Writes the first key where verification looks for it, if no record has been written yet and it isn't there.
    pub(super) fn leave_key(&self, paths: &LedgerPaths) -> Result<(), StoreError> {
        if self.records > 0 || paths.key.exists() {
            return Ok(());
        }
        let text = format!("{}\n", self.key.text());
        replace(&paths.key, text.as_bytes()).map_err(|error| fault::io(&paths.key, &error))
    }
}

/// Closes a file to everybody but its owner; gives the mode it had, if it was open to others. A file that is not there, for
/// one because it is kept elsewhere, is closed.
pub(super) fn close_to_others(path: &Path) -> io::Result<Option<u32>> {
    let mode = match fs::metadata(path) {
        Ok(facts) => facts.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        return Ok(Some(mode));
    }
    Ok(None)
}

/// Makes the folder of a file, open to its owner alone.
pub(super) fn make_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        None => Ok(()),
    }
}

/// Makes sure that the entry of a file in its folder is on the disk.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes a file anew beside its old self and puts it in its place.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_folder(path)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(NO_LINK)
        .open(&new)
        .and_then(|mut file| {
            // One that a crash has left may have another mode.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, path));
    if let Err(error) = written {
        // What is in the way is overwritten by the next try.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    sync_folder(path)
}
