//! Keys of the demo: fresh at every start, in a directory of their own that goes when the demo ends.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};

use crate::domain::Port;

use super::DemoError;

/// A fresh ed25519 key.
pub(super) fn fresh_key() -> Result<PrivateKey, DemoError> {
    let mut seed = [0_u8; 32];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| DemoError::Random)?;
    Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
}

/// A private directory that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct KeyRing {
    dir: PathBuf,
}

impl KeyRing {
    /// Makes the directory, for this user only.
    pub(super) fn new() -> Result<Self, DemoError> {
        let mut tag = [0_u8; 8];
        SystemRandom::new()
            .fill(&mut tag)
            .map_err(|_| DemoError::Random)?;
        let mut name = "pilothouse-demo-".to_owned();
        for byte in tag {
            let _ = write!(name, "{byte:02x}");
        }
        let dir = std::env::temp_dir().join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .map_err(|source| DemoError::Write {
                path: dir.clone(),
                source,
            })?;
        Ok(Self { dir })
    }

    /// The directory itself.
    pub(super) fn folder(&self) -> &Path {
        &self.dir
    }

    /// Where the console's private key lies.
    pub(super) fn identity(&self) -> PathBuf {
        self.dir.join("id_ed25519")
    }

    /// Where the private key lies that opens nothing but the power switches.
    pub(super) fn power(&self) -> PathBuf {
        self.dir.join("power_ed25519")
    }

    /// Where the machines' host keys are written down.
    pub(super) fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    /// Writes the private keys: the console's, and that of the power switches.
    pub(super) fn write_identities(
        &self,
        console: &PrivateKey,
        power: &PrivateKey,
    ) -> Result<(), DemoError> {
        for (path, key) in [(self.identity(), console), (self.power(), power)] {
            let text = key.to_openssh(LineEnding::LF).map_err(DemoError::Key)?;
            write_private(&path, text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the machines' host keys as OpenSSH would.
    pub(super) fn write_known_hosts<'a>(
        &self,
        keys: impl Iterator<Item = (Port, &'a PublicKey)>,
    ) -> Result<(), DemoError> {
        let mut text = String::new();
        for (port, key) in keys {
            let key = key.to_openssh().map_err(DemoError::Key)?;
            let _ = writeln!(text, "[127.0.0.1]:{} {}", port.get(), key.trim_end());
        }
        write_private(&self.known_hosts(), text.as_bytes())
    }
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "demo keys left behind");
        }
    }
}

/// Writes a file that only this user reads.
fn write_private(path: &Path, content: &[u8]) -> Result<(), DemoError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| DemoError::Write {
        path: path.to_owned(),
        source,
    })
}
