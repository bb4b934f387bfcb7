//! Key files: reading them, unlocking them once for all hosts, and refusing those that others can read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::{PrivateKey, PublicKey, decode_secret_key};

use super::ask::Ask;
use super::context::Place;
use super::desk::Desk;
use super::error::{SshError, SshErrorKind};
use crate::domain::{Answer, Question, Rung, Secret};
use crate::text::SafeText;

/// No key file is larger.
const LARGEST: u64 = 64 * 1024;
/// Passphrases a person may get wrong before we stop asking.
const ATTEMPTS: usize = 3;

/// A key file whose public half is known.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    /// `None`: an old encrypted format hides it, and there is no `.pub` beside.
    pub(super) public: Option<PublicKey>,
    private: Private,
}

#[derive(Debug, Clone)]
enum Private {
    /// The file holds the public half only; an agent may have the other.
    Absent,
    Open(Arc<PrivateKey>),
    Locked(Secret<String>),
}

impl KeyFile {
    /// Reads a key file. `Ok(None)`: there is none. `Err`: it can't be used, in words.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SshError> {
        let text = match read_private(path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(Unusable::Exposed) => return Err(exposed(path)),
            Err(Unusable::Io(error)) => {
                return Err(unusable(path, "can't be read").with_source(error));
            }
        };
        Self::parse(path, text).map(Some)
    }

    fn parse(path: &Path, text: Secret<String>) -> Result<Self, SshError> {
        let with = |public: Option<PublicKey>, private| Self {
            path: path.to_path_buf(),
            public,
            private,
        };
        if let Ok(public) = PublicKey::from_openssh(text.expose().trim_end()) {
            return Ok(with(Some(public), Private::Absent));
        }
        if let Ok(key) = PrivateKey::from_openssh(text.expose()) {
            let public = Some(key.public_key().clone());
            return Ok(if key.is_encrypted() {
                with(public, Private::Locked(text))
            } else {
                with(public, Private::Open(Arc::new(key)))
            });
        }
        match decode_secret_key(text.expose(), None) {
            Ok(key) => Ok(with(
                Some(key.public_key().clone()),
                Private::Open(Arc::new(key)),
            )),
            Err(_) if text.expose().contains("ENCRYPTED") => {
                Ok(with(public_beside(path), Private::Locked(text)))
            }
            Err(error) => {
                Err(unusable(path, "is no private key that we can read").with_source(error))
            }
        }
    }

    /// Whether the private half is in the file.
    pub(super) fn is_private(&self) -> bool {
        !matches!(self.private, Private::Absent)
    }
}

fn public_beside(path: &Path) -> Option<PublicKey> {
    let text = read_bounded(&with_suffix(path, ".pub")).ok()?;
    PublicKey::from_openssh(text.trim_end()).ok()
}

/// `path` with `suffix` behind its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

enum Unusable {
    Exposed,
    Io(io::Error),
}

/// The text of a key file; refused when its owner is we and others may read or write it, as OpenSSH does.
fn read_private(path: &Path) -> Result<Option<Secret<String>>, Unusable> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unusable::Io(error)),
    };
    let there = file.metadata().map_err(Unusable::Io)?;
    let public = path.extension().is_some_and(|e| e == "pub");
    let ours = there.uid() == rustix::process::getuid().as_raw();
    if ours && there.mode() & 0o077 != 0 && !public {
        return Err(Unusable::Exposed);
    }
    read_text(file)
        .map(|text| Some(Secret::new(text)))
        .map_err(Unusable::Io)
}

/// A small text file, such as a certificate.
pub(super) fn read_bounded(path: &Path) -> io::Result<String> {
    read_text(File::open(path)?)
}

fn read_text(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

fn exposed(path: &Path) -> SshError {
    let file = path.display().to_string();
    unusable(path, "can be read by others")
        .with_hint(format!("chmod 600 {}", crate::shell::quote(&file)))
}

fn unusable(path: &Path, why: &str) -> SshError {
    SshError::new(
        SshErrorKind::KeyFile,
        Rung::Login,
        format!("the key file {} {why}", path.display()),
    )
}

/// Keys that were unlocked since the program started. Fifty hosts with one key ask for one passphrase.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    line: Desk,
    unlocked: Mutex<HashMap<PathBuf, Arc<PrivateKey>>>,
}

impl Keyring {
    /// The private key of a file; asks for its passphrase when it is locked and nobody unlocked it before.
    pub(super) async fn unlock(
        &self,
        file: &KeyFile,
        ask: &dyn Ask,
        place: &Place,
    ) -> Result<Arc<PrivateKey>, SshError> {
        let text = match &file.private {
            Private::Open(key) => return Ok(Arc::clone(key)),
            Private::Absent => return Err(unusable(&file.path, "has no private key in it")),
            Private::Locked(text) => text,
        };
        if let Some(key) = self.get(file) {
            return Ok(key);
        }
        place.give_away();
        let Some(turn) = self.line.turn(&file.path.display().to_string()).await else {
            return Err(refused(&file.path));
        };
        if let Some(key) = self.get(file) {
            return Ok(key);
        }
        for attempt in 0..ATTEMPTS {
            let question = Question::Passphrase {
                key: SafeText::new(&file.path.display().to_string()),
                again: attempt > 0,
            };
            let Answer::Texts(texts) = ask.ask(question).await else {
                turn.refused();
                return Err(refused(&file.path));
            };
            let Some(passphrase) = texts.into_iter().next() else {
                continue;
            };
            if let Some(key) = decrypt(text.clone(), passphrase).await {
                let key = Arc::new(key);
                self.unlocked
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(file.path.clone(), Arc::clone(&key));
                return Ok(key);
            }
        }
        turn.refused();
        Err(unusable(
            &file.path,
            "was not opened by any of three passphrases",
        ))
    }

    /// The unlocked key, unless the file was replaced by another key since.
    fn get(&self, file: &KeyFile) -> Option<Arc<PrivateKey>> {
        let unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        let key = unlocked.get(&file.path)?;
        let same = file
            .public
            .as_ref()
            .is_none_or(|public| public.key_data() == key.public_key().key_data());
        same.then(|| Arc::clone(key))
    }
}

fn refused(path: &Path) -> SshError {
    SshError::new(
        SshErrorKind::UserRefused,
        Rung::Login,
        format!("no passphrase was given for {}", path.display()),
    )
}

/// The key derivation takes a good part of a second by design, so it runs beside the connections.
async fn decrypt(text: Secret<String>, passphrase: Secret<String>) -> Option<PrivateKey> {
    tokio::task::spawn_blocking(move || {
        decode_secret_key(text.expose(), Some(passphrase.expose())).ok()
    })
    .await
    .ok()
    .flatten()
}
