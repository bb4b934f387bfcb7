//! The tokens by which this person holds reservations: one for each head, in the state directory, readable by nobody else. The
//! hosts know only their hashes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::io::AsyncWriteExt as _;

use crate::domain::{HostId, Secret};

/// Longer files are none of ours.
const LONGEST: u64 = 4096;

/// The tokens of this person.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    folder: Option<PathBuf>,
    /// Those of this session, also where they can't be kept.
    session: Mutex<HashMap<HostId, Secret<String>>>,
}

impl Tokens {
    /// Those in this folder; `None`: of the session only.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            session: Mutex::default(),
        }
    }

    /// The token for a head. Another console of the same person may have taken it.
    pub(super) async fn of(&self, head: &HostId) -> Option<Secret<String>> {
        if let Some(token) = self.read(head).await {
            return Some(token);
        }
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.get(head).cloned()
    }

    async fn read(&self, head: &HostId) -> Option<Secret<String>> {
        let path = self.path(head)?;
        let size = tokio::fs::metadata(&path).await.ok()?.len();
        if size > LONGEST {
            return None;
        }
        let text = tokio::fs::read_to_string(&path).await.ok()?;
        let token = text.trim_end_matches('\n');
        (!token.is_empty()).then(|| Secret::new(token.to_owned()))
    }

    /// Keeps the token for a head. What can't be written is kept for the session.
    pub(super) async fn keep(&self, head: &HostId, token: &Secret<String>) -> io::Result<()> {
        {
            let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            session.insert(head.clone(), token.clone());
        }
        match self.path(head) {
            Some(path) => write(&path, token.expose()).await,
            None => Ok(()),
        }
    }

    /// The reservation is over.
    pub(super) async fn forget(&self, head: &HostId) {
        {
            let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            session.remove(head);
        }
        let Some(path) = self.path(head) else { return };
        match tokio::fs::remove_file(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%head, %error, "the token of a reservation that is over stays");
            }
            _ => {}
        }
    }

    /// A host may be called by anything: its file is called by the bytes of its name.
    fn path(&self, head: &HostId) -> Option<PathBuf> {
        let mut name = String::new();
        for byte in head.as_str().bytes().take(100) {
            // Writing to a String can't fail.
            let _ = write!(name, "{byte:02x}");
        }
        self.folder.as_ref().map(|folder| folder.join(name))
    }
}

/// Writes beside the file first, so that nobody reads half a token.
async fn write(path: &Path, token: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut maker = tokio::fs::DirBuilder::new();
        maker.recursive(true).mode(0o700).create(folder).await?;
    }
    let beside = path.with_extension(format!("{:016x}", fastrand::u64(..)));
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .await?;
    file.write_all(token.as_bytes()).await?;
    file.sync_all().await?;
    tokio::fs::rename(&beside, path).await
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_token_is_kept_for_its_owner_alone_and_found_by_another_console() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("state/tokens");
        let head = HostId::new("../spark 1");
        let one = Tokens::new(Some(place.clone()));
        assert_eq!(one.of(&head).await, None);
        one.keep(&head, &Secret::new("abc".into())).await.unwrap();
        let two = Tokens::new(Some(place.clone()));
        assert_eq!(two.of(&head).await, Some(Secret::new("abc".into())));
        assert_eq!(two.of(&HostId::new("spark-2")).await, None);
        let files: Vec<_> = std::fs::read_dir(&place).unwrap().collect();
        assert_eq!(files.len(), 1);
        let mode = files[0].as_ref().unwrap().metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        two.forget(&head).await;
        // What this session took itself is its own until it forgets it.
        one.forget(&head).await;
        assert_eq!(one.of(&head).await, None);
    }

    #[tokio::test]
    async fn without_a_folder_a_token_lasts_as_long_as_the_session() {
        let tokens = Tokens::default();
        let head = HostId::new("spark-1");
        tokens
            .keep(&head, &Secret::new("abc".into()))
            .await
            .unwrap();
        assert_eq!(tokens.of(&head).await, Some(Secret::new("abc".into())));
        assert_eq!(Tokens::default().of(&head).await, None);
    }
}
