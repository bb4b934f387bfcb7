//! The chain (pure): each record's MAC is taken over the MAC before it and the record's bytes, with a key that is replaced
//! by its own hash after every record. Whoever reads today's key can't forge yesterday's record.

use ring::hmac;

use super::hex;
use crate::domain::LedgerEntry;

/// What a key is hashed with to give the key of the next record.
const NEXT: &[u8] = b"pilothouse ledger 1: next key";

/// What a MAC begins with, so that it can't be taken for a key.
const RECORD: &[u8] = b"pilothouse ledger 1: record";

/// The key of one record.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key([u8; 32]);

/// The seal of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mac([u8; 32]);

impl Key {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    pub(super) fn text(&self) -> String {
        hex::encode(&self.0)
    }

    /// The key of the next record.
    pub(super) fn next(&self) -> Self {
        Self(self.tag(&[NEXT]))
    }

    /// The seal of a record that follows the one with this seal.
    pub(super) fn seal(&self, before: &Mac, body: &[u8]) -> Mac {
        Mac(self.tag(&[RECORD, &before.0, body]))
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(part);
        }
        let mut bytes = [0; 32];
        for (byte, of_tag) in bytes.iter_mut().zip(context.sign().as_ref()) {
            *byte = *of_tag;
        }
        bytes
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(•••)")
    }
}

impl Mac {
    /// What stands before the first record.
    pub(super) const NONE: Self = Self([0; 32]);

    pub(super) fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    pub(super) fn text(&self) -> String {
        hex::encode(&self.0)
    }
}

/// A record as a line of the file, its end included, and its seal.
pub(super) fn line(
    key: &Key,
    before: &Mac,
    entry: &LedgerEntry,
) -> serde_json::Result<(String, Mac)> {
    let body = serde_json::to_string(entry)?;
    let mac = key.seal(before, body.as_bytes());
    Ok((
        format!("{{\"mac\":\"{}\",\"entry\":{body}}}\n", mac.text()),
        mac,
    ))
}

/// The entry and the seal of a line, its end included, if it is the record with this number under this key after this seal.
pub(super) fn accept(
    line: &[u8],
    number: u64,
    key: &Key,
    before: &Mac,
) -> Option<(LedgerEntry, Mac)> {
    let sealed = line.strip_prefix(b"{\"mac\":\"")?;
    let (mac, rest) = sealed.split_at_checked(64)?;
    let body = rest.strip_prefix(b"\",\"entry\":")?.strip_suffix(b"}\n")?;
    let seal = key.seal(before, body);
    if seal.text().as_bytes() != mac {
        return None;
    }
    let entry: LedgerEntry = serde_json::from_slice(body).ok()?;
    (entry.number == number).then_some((entry, seal))
}
