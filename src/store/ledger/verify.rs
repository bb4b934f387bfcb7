//! Verification: reads the ledger byte by byte from the first key on and trusts nothing that writes it. Shares no parser with
//! the writer, so that one mistake can't hide in both.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use ring::hmac;
use rustix::fs::{FlockOperation, flock};
use serde::Deserialize;
use thiserror::Error;

use super::anchor::LedgerPaths;
use super::hex;
use crate::domain::{HostId, LedgerEntry, LedgerEvent, Wall};
use crate::text::SafeText;

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// So many records are sound, counted from the first.
    pub records: u64,
    /// The seal of the last sound record; kept elsewhere it proves later that nothing up to there was changed.
    pub seal: Option<String>,
    /// Acts that nobody knows the outcome of.
    pub open: Vec<Opening>,
    /// How often a crash was put right.
    pub recovered: u64,
    /// The first thing that is wrong.
    pub broken: Option<Broken>,
}

/// An act that was announced, and whose outcome is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Number of its record.
    pub number: u64,
    /// When it was announced.
    pub wall: Wall,
    /// On which host.
    pub host: Option<HostId>,
    /// What.
    pub what: SafeText,
}

/// The first record that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its number, counted from 1.
    pub record: u64,
    /// Why.
    pub why: String,
}

/// Why nothing can be verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// A file is there and can't be read.
    #[error("{} can't be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first key is not where it is looked for.
    #[error("there is no key at {}", .0.display())]
    NoKey(PathBuf),
    /// What is there is no key.
    #[error("{} is no key of a ledger", .0.display())]
    BadKey(PathBuf),
}

impl VerifyError {
    /// The mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "run this as the owner of the ledger",
            Self::NoKey(_) => {
                "name it with --key FILE if it is kept elsewhere; without it nothing can be proven"
            }
            Self::BadKey(_) => {
                "name the file that was made beside the anchor, ledger.key, or its copy"
            }
        }
    }
}

/// Verifies a ledger with the first key in `key`. Waits for whoever is writing.
pub fn verify(paths: &LedgerPaths, key: &Path) -> Result<Report, VerifyError> {
    let unreadable = |source| VerifyError::Unreadable {
        path: paths.ledger.clone(),
        source,
    };
    let ledger = match File::open(&paths.ledger) {
        Ok(file) => {
            wait_for_writers(&file).map_err(unreadable)?;
            Some(file)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(unreadable(source)),
    };
    let anchor = contents(&paths.anchor)?;
    if ledger.is_none() && anchor.is_none() {
        return Ok(Walk::new([0; 32]).report(None));
    }
    let mut walk = Walk::new(first_key(key)?);
    let broken = match ledger {
        Some(file) => walk.all(BufReader::new(file)).map_err(unreadable)?,
        None => None,
    };
    let broken = broken.or_else(|| walk.against(anchor.as_deref()));
    Ok(walk.report(broken))
}

/// A writer holds the file from before its record until after the anchor.
fn wait_for_writers(file: &File) -> io::Result<()> {
    loop {
        match flock(file, FlockOperation::LockShared) {
            Err(error) if error == rustix::io::Errno::INTR => {}
            outcome => return Ok(outcome?),
        }
    }
}

fn contents(path: &Path) -> Result<Option<Vec<u8>>, VerifyError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(VerifyError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}

fn first_key(path: &Path) -> Result<[u8; 32], VerifyError> {
    let bytes = contents(path)?.ok_or_else(|| VerifyError::NoKey(path.to_owned()))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    hex::decode(text.trim_end()).ok_or_else(|| VerifyError::BadKey(path.to_owned()))
}

/// How far the walk from the first record has come.
struct Walk {
    records: u64,
    bytes: u64,
    seal: [u8; 32],
    /// The key of the next record.
    key: hmac::Key,
    key_bytes: [u8; 32],
    open: BTreeMap<u64, Opening>,
    recovered: u64,
}

#[derive(Deserialize)]
struct AnchorFile {
    records: u64,
    bytes: u64,
    mac: String,
    key: String,
}

impl Walk {
    fn new(key: [u8; 32]) -> Self {
        Self {
            records: 0,
            bytes: 0,
            seal: [0; 32],
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            key_bytes: key,
            open: BTreeMap::new(),
            recovered: 0,
        }
    }

    /// Walks to the end, or to the first record that is broken.
    fn all(&mut self, mut lines: impl BufRead) -> io::Result<Option<Broken>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            if let Err(why) = self.record(&line) {
                return Ok(Some(self.broken(why)));
            }
        }
    }

    /// Something is wrong with the record behind those that are sound.
    fn broken(&self, why: impl Into<String>) -> Broken {
        Broken {
            record: self.records + 1,
            why: why.into(),
        }
    }

    fn record(&mut self, line: &[u8]) -> Result<(), String> {
        let number = self.records + 1;
        let (mac, body) = unwrap(line)?;
        let seal = self.sealed(body);
        if hex::encode(&seal).as_bytes() != mac {
            return Err(otherwise(number, body));
        }
        let entry: LedgerEntry = serde_json::from_slice(body)
            .map_err(|error| format!("it is sealed, but no entry that is known here: {error}"))?;
        if entry.number != number {
            return Err(format!(
                "it is sealed, but carries the number {}",
                entry.number
            ));
        }
        self.pair(entry)?;
        self.records = number;
        self.bytes += line.len() as u64;
        self.seal = seal;
        self.key_bytes = tag(&self.key, &[b"pilothouse ledger 1: next key"]);
        self.key = hmac::Key::new(hmac::HMAC_SHA256, &self.key_bytes);
        Ok(())
    }

    fn sealed(&self, body: &[u8]) -> [u8; 32] {
        tag(
            &self.key,
            &[b"pilothouse ledger 1: record", &self.seal, body],
        )
    }

    /// Every outcome has an intent before it, and every intent at most one outcome.
    fn pair(&mut self, entry: LedgerEntry) -> Result<(), String> {
        match entry.event {
            LedgerEvent::Intent(intent) => {
                let opening = Opening {
                    number: entry.number,
                    wall: entry.wall,
                    host: intent.host,
                    what: intent.what,
                };
                self.open.insert(entry.number, opening);
            }
            LedgerEvent::Outcome { act, .. } => {
                if self.open.remove(&act.0).is_none() {
                    return Err(format!(
                        "it is the outcome of act {act}, which was not announced or has an outcome already"
                    ));
                }
            }
            LedgerEvent::Recovered { .. } => self.recovered += 1,
        }
        Ok(())
    }

    /// Compares with what the anchor knows.
    fn against(&self, anchor: Option<&[u8]>) -> Option<Broken> {
        let Some(bytes) = anchor else {
            let why = "the anchor is gone: nobody knows how many records there should be";
            return Some(self.broken(why));
        };
        let Ok(anchor) = serde_json::from_slice::<AnchorFile>(bytes) else {
            return Some(
                self.broken("the anchor is damaged: nobody knows how many records there should be"),
            );
        };
        let known = anchor.records;
        if known > self.records {
            let why = format!("it is missing: the anchor knows of {known} records");
            return Some(self.broken(why));
        }
        if known < self.records {
            return Some(Broken {
                record: known + 1,
                why: "it lies beyond the anchor: a program was ended while it wrote, which the next act puts right, or an \
                      older anchor was put back"
                    .into(),
            });
        }
        let same = anchor.bytes == self.bytes
            && anchor.mac == hex::encode(&self.seal)
            && anchor.key == hex::encode(&self.key_bytes);
        (!same).then(|| Broken {
            record: self.records,
            why: "the anchor knows another record of this number, or is damaged".into(),
        })
    }

    fn report(self, broken: Option<Broken>) -> Report {
        Report {
            records: self.records,
            seal: (self.records > 0).then(|| hex::encode(&self.seal)),
            open: self.open.into_values().collect(),
            recovered: self.recovered,
            broken,
        }
    }
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    let signed = context.sign();
    bytes
        .iter_mut()
        .zip(signed.as_ref())
        .for_each(|(to, from)| *to = *from);
    bytes
}

/// The seal and the body of a line, whose frame is fixed to the byte.
fn unwrap(line: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err("it has no end: it is torn, or its last byte was changed".into());
    };
    let inside = line
        .strip_prefix(br#"{"mac":""#)
        .and_then(|rest| rest.strip_suffix(b"}"))
        .and_then(|rest| rest.split_at_checked(64))
        .and_then(|(mac, rest)| Some((mac, rest.strip_prefix(br#"","entry":"#)?)));
    inside.ok_or_else(|| "it has not the form of a record".into())
}

/// Why a seal does not fit, as far as the record itself gives it away.
fn otherwise(number: u64, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Numbered {
        number: u64,
    }
    match serde_json::from_slice::<Numbered>(body) {
        Ok(found) if found.number != number => format!(
            "record {} stands in its place: records are missing, doubled or in another order",
            found.number
        ),
        _ => "its seal does not fit: it, or the order of the records, was changed, or the key is that of another ledger".into(),
    }
}
