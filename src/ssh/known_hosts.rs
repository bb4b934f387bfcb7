//! What known_hosts files say about a host key (pure): five verdicts, as strict as OpenSSH's `check_host_key` or
//! stricter. Read line by line after `hostkeys_foreach_file` (OpenSSH 9.2, hostfile.c); hands are in `known_hosts_file`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::known_hosts_match::{HostMatch, match_names};
use crate::domain::{Endpoint, HostName, Port};
use crate::shell::quote;

/// The name a key is looked up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupName {
    name: String,
    bare: Option<String>,
}

impl LookupName {
    /// The name for an endpoint: `HostKeyAlias` as it stands, else the lowercased host with `[…]:port` around it where
    /// the port is not 22. As in OpenSSH a key known for the bare host then counts as known.
    pub fn new(endpoint: &Endpoint, alias: Option<&HostName>) -> Self {
        if let Some(alias) = alias {
            return Self {
                name: alias.as_str().to_ascii_lowercase(),
                bare: None,
            };
        }
        let host = endpoint.host.as_str().to_ascii_lowercase();
        if endpoint.port == Port::SSH {
            return Self {
                name: host,
                bare: None,
            };
        }
        Self {
            name: format!("[{host}]:{}", endpoint.port),
            bare: Some(host),
        }
    }

    /// The name as it is written into known_hosts.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The principal that a host certificate must name.
    pub fn principal(&self) -> &str {
        self.bare.as_deref().unwrap_or(&self.name)
    }
}

/// A line of a known_hosts file, for the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// Whether the line names exactly this host, so that `ssh-keygen -R` finds it.
    exact: bool,
}

impl Place {
    /// What a person runs (or does) to forget the line.
    pub fn mend(&self, name: &LookupName) -> String {
        let file = quote(&self.file.display().to_string());
        if self.exact {
            format!("ssh-keygen -f {file} -R {}", quote(name.as_str()))
        } else {
            format!("look at line {} of {file}", self.line)
        }
    }
}

/// What is known of an offered key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This key is known for this name.
    Known,
    /// No key is known for this name.
    Unknown,
    /// Another key is known for this name, of the same algorithm or another.
    Changed(Place),
    /// The key is marked `@revoked` for this name.
    Revoked(Place),
    /// A file exists but can't be read, so it can't be known what it forbids.
    Unreadable(PathBuf),
}

/// The bytes of one known_hosts file; `None`: it exists and can't be read.
#[derive(Debug, Clone)]
pub struct KnownHostsText {
    /// The file.
    pub file: PathBuf,
    /// Its content.
    pub text: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    None,
    Authority,
    Revoked,
}

#[derive(Debug, Clone)]
struct Entry {
    marker: Marker,
    key: WrittenKey,
    /// The line matched the name without its port only.
    bare: bool,
    place: Place,
}

/// A key as a line gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WrittenKey {
    /// The algorithm inside the blob, such as `ssh-ed25519`.
    algorithm: String,
    blob: Vec<u8>,
    /// Whether the word before the blob is right; OpenSSH ignores a line where it is not.
    sound: bool,
}

/// The lines of all files that speak about one name.
#[derive(Debug, Clone)]
pub struct KnownHosts {
    entries: Vec<Entry>,
    unreadable: Option<PathBuf>,
}

impl KnownHosts {
    /// Reads all files for one name.
    pub fn parse(files: &[KnownHostsText], name: &LookupName) -> Self {
        let mut entries = Vec::new();
        let mut unreadable = None;
        for file in files {
            let Some(text) = &file.text else {
                unreadable.get_or_insert_with(|| file.file.clone());
                continue;
            };
            let path: Arc<Path> = file.file.as_path().into();
            for (index, line) in text.split(|b| *b == b'\n').enumerate() {
                entries.extend(read_line(line, name, &path, index + 1));
            }
        }
        Self {
            entries,
            unreadable,
        }
    }

    /// The verdict on a plain host key, given as its wire blob.
    pub fn judge(&self, blob: &[u8]) -> Verdict {
        if let Some(refusal) = self.refusal(blob) {
            return refusal;
        }
        let plain = |bare: bool| {
            self.entries
                .iter()
                .filter(move |e| e.marker == Marker::None && e.bare == bare && e.key.sound)
        };
        if plain(false).any(|e| e.key.blob == blob) {
            return Verdict::Known;
        }
        if let Some(other) = plain(false).next() {
            return Verdict::Changed(other.place.clone());
        }
        // A key of the bare host counts as known on another port too; a different one says nothing about this port.
        if plain(true).any(|e| e.key.blob == blob) {
            return Verdict::Known;
        }
        Verdict::Unknown
    }

    /// Why a certificate by this authority (its blob) for this key can't even be considered.
    pub fn refusal(&self, blob: &[u8]) -> Option<Verdict> {
        if let Some(file) = &self.unreadable {
            return Some(Verdict::Unreadable(file.clone()));
        }
        self.entries
            .iter()
            .find(|e| e.marker == Marker::Revoked && e.key.blob == blob)
            .map(|e| Verdict::Revoked(e.place.clone()))
    }

    /// Whether this key (its blob) may sign host certificates for the name.
    pub fn is_authority(&self, blob: &[u8]) -> bool {
        self.authorities().any(|e| e.key.blob == blob)
    }

    /// Whether any key may sign host certificates for the name.
    pub fn has_authority(&self) -> bool {
        self.authorities().next().is_some()
    }

    fn authorities(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|e| e.marker == Marker::Authority && e.key.sound)
    }

    /// Whether a plain key of this algorithm is known for the name, so that it is worth asking the server for it.
    pub fn knows_algorithm(&self, algorithm: &str) -> bool {
        self.entries
            .iter()
            .any(|e| e.marker == Marker::None && e.key.sound && e.key.algorithm == algorithm)
    }
}

/// One line, if it speaks about the name and can be read. What OpenSSH skips is skipped, with one exception: a
/// revocation counts even where its marker is followed by a tab, which OpenSSH takes for a bad line.
fn read_line(line: &[u8], name: &LookupName, file: &Arc<Path>, number: usize) -> Option<Entry> {
    // OpenSSH works on C strings: what follows a NUL is not there.
    let line = line.split(|b| *b == 0).next().unwrap_or_default();
    let line = line.trim_ascii_start_blanks();
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    let (marker, rest) = take_marker(line)?;
    let (hosts, rest) = take_word(rest);
    let (matched, bare) = match match_names(hosts, &name.name) {
        HostMatch::No => (match_names(hosts, name.bare.as_deref()?), true),
        found => (found, false),
    };
    if matched == HostMatch::No {
        return None;
    }
    let key = read_key(rest)?;
    Some(Entry {
        marker,
        key,
        bare,
        place: Place {
            file: file.to_path_buf(),
            line: number,
            exact: matched == HostMatch::Exact,
        },
    })
}

fn take_marker(line: &[u8]) -> Option<(Marker, &[u8])> {
    if !line.starts_with(b"@") {
        return Some((Marker::None, line));
    }
    let (word, rest) = take_word(line);
    let marker = match word {
        b"@cert-authority" => Marker::Authority,
        b"@revoked" => Marker::Revoked,
        _ => return None,
    };
    // Only one marker is allowed.
    (!rest.starts_with(b"@")).then_some((marker, rest))
}

/// Key types whose lines OpenSSH reads; a line of any other type says nothing.
const TYPES: &[&str] = &[
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

fn read_key(text: &[u8]) -> Option<WrittenKey> {
    let (word, rest) = take_word(text);
    let (encoded, _comment) = take_word(rest);
    // OpenSSH's decoder skips white space inside the word, such as the CR of a Windows line.
    let encoded: Vec<u8> = encoded
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'\r' | 0x0b | 0x0c))
        .collect();
    let blob = BASE64.decode(encoded).ok()?;
    let algorithm = blob_algorithm(&blob)?.to_owned();
    let sound = match word {
        b"rsa-sha2-256" | b"rsa-sha2-512" => algorithm == "ssh-rsa",
        word => word == algorithm.as_bytes(),
    } && TYPES.contains(&algorithm.as_str());
    Some(WrittenKey {
        algorithm,
        blob,
        sound,
    })
}

/// The algorithm name that opens a key blob.
pub(super) fn blob_algorithm(blob: &[u8]) -> Option<&str> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    std::str::from_utf8(rest.get(..length)?).ok()
}

/// The first word and what follows the blanks after it. OpenSSH knows two blanks: space and tab.
fn take_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|b| matches!(b, b' ' | b'\t'))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_ascii_start_blanks())
}

trait Blanks {
    fn trim_ascii_start_blanks(&self) -> &[u8];
}

impl Blanks for [u8] {
    fn trim_ascii_start_blanks(&self) -> &[u8] {
        let start = self
            .iter()
            .position(|b| !matches!(b, b' ' | b'\t'))
            .unwrap_or(self.len());
        self.split_at(start).1
    }
}
