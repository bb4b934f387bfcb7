//! The ledger while it is held: one writer at a time, a record on the disk before anybody is told that it is, and what a
//! crash has left put right first, never silently.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use super::anchor::{Anchor, LedgerPaths, NO_LINK, close_to_others, make_folder, sync_folder};
use super::{chain, fault};
use crate::domain::{ActId, ActOutcome, LedgerEntry, LedgerEvent, Wall};
use crate::store::{StoreError, StoreErrorKind};

/// How often a ledger that is moved away while its lock is waited for is looked for anew.
const TURNS: usize = 8;

/// What one turn at the ledger has written.
#[derive(Debug)]
pub(super) struct Appended {
    /// The records, the wanted one last.
    pub(super) entries: Vec<LedgerEntry>,
    /// The byte behind them.
    pub(super) end: u64,
}

/// Writes one record, and before it what a crash made necessary. When this returns it is on the disk; when it fails nothing
/// is written, or what is will be put right, in words, by the next record.
pub(super) fn append(
    paths: &LedgerPaths,
    wall: Wall,
    event: LedgerEvent,
) -> Result<Appended, StoreError> {
    let mut book = Book::open(paths, wall)?;
    book.heal()?;
    book.close_keys()?;
    book.put(event)?;
    Ok(Appended {
        entries: book.written,
        end: book.anchor.bytes,
    })
}

/// The ledger, held against every other writer until it is dropped.
struct Book<'a> {
    paths: &'a LedgerPaths,
    file: File,
    anchor: Anchor,
    wall: Wall,
    written: Vec<LedgerEntry>,
}

impl<'a> Book<'a> {
    fn open(paths: &'a LedgerPaths, wall: Wall) -> Result<Self, StoreError> {
        let file = hold(paths).map_err(|error| fault::io(&paths.ledger, &error))?;
        let length = length(&file).map_err(|error| fault::io(&paths.ledger, &error))?;
        let anchor = match Anchor::read(paths)? {
            Some(anchor) => anchor,
            None if length == 0 => {
                sync_folder(&paths.ledger).map_err(|error| fault::io(&paths.ledger, &error))?;
                Anchor::begin(paths)?
            }
            None => return Err(fault::corrupt(&paths.anchor, "is gone")),
        };
        anchor.leave_key(paths)?;
        if length < anchor.bytes {
            return Err(fault::corrupt(
                &paths.ledger,
                "is shorter than its anchor says: records are missing at its end",
            ));
        }
        Ok(Self {
            paths,
            file,
            anchor,
            wall,
            written: Vec::new(),
        })
    }

    /// Keys that others could read are closed to them again, and that they could is written down.
    fn close_keys(&mut self) -> Result<(), StoreError> {
        for path in [&self.paths.key, &self.paths.anchor] {
            let mode = close_to_others(path).map_err(|error| fault::io(path, &error))?;
            if let Some(mode) = mode {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let what = format!(
                    "{name} could be read or written by others (mode {mode:o}); it is its owner's alone again"
                );
                self.put(LedgerEvent::Recovered { what: what.into() })?;
            }
        }
        Ok(())
    }

    /// Puts right what lies beyond the anchor: at most one record, whole or torn, of a writer that was ended before it
    /// could tell anybody. A whole one is kept, a torn one is cut off into a file of its own, and either is written down.
    fn heal(&mut self) -> Result<(), StoreError> {
        let beyond = self.beyond().map_err(|error| self.fault(&error))?;
        if beyond.is_empty() {
            return Ok(());
        }
        let Anchor {
            records, mac, key, ..
        } = &self.anchor;
        let end = beyond.iter().position(|byte| *byte == b'\n');
        let (first, more) = beyond.split_at(end.map_or(beyond.len(), |end| end + 1));
        match chain::accept(first, records + 1, key, mac) {
            Some(_) if !more.is_empty() => Err(fault::corrupt(
                &self.paths.anchor,
                "is older than the ledger: more than one record lies beyond it",
            )),
            Some((entry, mac)) => {
                self.advance(mac, first.len())?;
                self.adopt(entry)
            }
            None => self.cut_off(&beyond),
        }
    }

    fn adopt(&mut self, entry: LedgerEntry) -> Result<(), StoreError> {
        let number = entry.number;
        let was_intent = matches!(entry.event, LedgerEvent::Intent(_));
        self.written.push(entry);
        let what = format!(
            "record {number} was written by a program that was ended before it could go on"
        );
        self.put(LedgerEvent::Recovered { what: what.into() })?;
        if !was_intent {
            return Ok(());
        }
        // Nobody begins an act before its intent is anchored.
        self.put(LedgerEvent::Outcome {
            act: ActId(number),
            outcome: ActOutcome::Failed("not begun: the program was ended before".into()),
            verification: None,
        })
    }

    fn cut_off(&mut self, torn: &[u8]) -> Result<(), StoreError> {
        let mut place = self.paths.ledger.as_os_str().to_owned();
        place.push(".torn");
        let place = PathBuf::from(place);
        keep(&place, torn).map_err(|error| fault::io(&place, &error))?;
        self.file
            .set_len(self.anchor.bytes)
            .map_err(|error| self.fault(&error))?;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let what = format!(
            "{} bytes of a record that nobody was told of were cut off; they are kept in {name}",
            torn.len()
        );
        self.put(LedgerEvent::Recovered { what: what.into() })
    }

    /// Writes one record: first into the ledger, then into the anchor.
    fn put(&mut self, event: LedgerEvent) -> Result<(), StoreError> {
        let entry = LedgerEntry {
            number: self.anchor.records + 1,
            wall: self.wall,
            event,
        };
        let (line, mac) = chain::line(&self.anchor.key, &self.anchor.mac, &entry)
            .map_err(|error| StoreError::new(StoreErrorKind::Other, error.to_string()))?;
        let written = self
            .file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(|error| self.fault(&error))
            .and_then(|()| self.advance(mac, line.len()));
        if let Err(error) = written {
            self.take_back();
            return Err(error);
        }
        self.written.push(entry);
        Ok(())
    }

    /// Moves the anchor behind one more record.
    fn advance(&mut self, mac: chain::Mac, bytes: usize) -> Result<(), StoreError> {
        let anchor = Anchor {
            records: self.anchor.records + 1,
            bytes: self.anchor.bytes + bytes as u64,
            mac,
            key: self.anchor.key.next(),
        };
        anchor.write(self.paths)?;
        self.anchor = anchor;
        Ok(())
    }

    /// After a failure: cuts off what is not anchored. Where that fails too the next writer does it, in words.
    fn take_back(&self) {
        let anchored = match Anchor::read(self.paths) {
            Ok(Some(anchor)) => anchor.bytes,
            // What can't be read now is judged by the next writer.
            Ok(None) | Err(_) => return,
        };
        if let Err(error) = self.file.set_len(anchored) {
            tracing::error!(%error, "a record that failed can't be taken back");
        }
    }

    fn beyond(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.anchor.bytes))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn fault(&self, error: &io::Error) -> StoreError {
        fault::io(&self.paths.ledger, error)
    }
}

/// Opens the ledger and waits for its lock. One that has been moved away meanwhile is not written into.
fn hold(paths: &LedgerPaths) -> io::Result<File> {
    make_folder(&paths.ledger)?;
    for _ in 0..TURNS {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(NO_LINK)
            .open(&paths.ledger)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        lock(&file)?;
        let same = std::fs::metadata(&paths.ledger).is_ok_and(|there| {
            file.metadata()
                .is_ok_and(|here| (here.dev(), here.ino()) == (there.dev(), there.ino()))
        });
        if same {
            return Ok(file);
        }
    }
    Err(io::Error::other("it is moved away again and again"))
}

fn lock(file: &File) -> io::Result<()> {
    loop {
        match flock(file, FlockOperation::LockExclusive) {
            Err(error) if error == rustix::io::Errno::INTR => {}
            outcome => return Ok(outcome?),
        }
    }
}

fn length(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

/// Keeps bytes behind those that were kept before.
fn keep(place: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(NO_LINK)
        .open(place)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()
}
