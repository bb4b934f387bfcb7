//! Reading known_hosts files, and writing a trusted key down: lock, temporary file, fsync, rename.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::fs::{FlockOperation, flock};

use super::known_hosts::{KnownHostsText, LookupName, blob_algorithm};
use super::known_hosts_match::hash_name;

/// Files larger than this are taken for unreadable: no person keeps a million hosts.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Reads the files; one that is not there says nothing, any other failure is kept as "can't be read".
pub(super) fn read(files: &[PathBuf]) -> Vec<KnownHostsText> {
    let mut found = Vec::new();
    for file in files {
        match read_one(file) {
            Ok(text) => found.push(KnownHostsText {
                file: file.clone(),
                text: Some(text),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "reading known_hosts");
                found.push(KnownHostsText {
                    file: file.clone(),
                    text: None,
                });
            }
        }
    }
    found
}

fn read_one(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Where a trusted key went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Into the file.
    File,
    /// Nowhere: the file is a device such as `/dev/null`, which keeps nothing.
    Nowhere,
}

/// Adds a line for a key as OpenSSH would.
pub(super) fn add(
    file: &Path,
    name: &LookupName,
    blob: &[u8],
    hashed: bool,
) -> io::Result<Written> {
    match fs::metadata(file) {
        Ok(there) if there.is_file() => {}
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return Ok(Written::Nowhere),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let line = line(name, blob, hashed)?;
    let folder = folder_of(file)?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let lock = File::open(&folder)?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let file = inside(&folder, file)?;
    append(&folder, &file, &line)?;
    lock.sync_all()?;
    Ok(Written::File)
}

fn line(name: &LookupName, blob: &[u8], hashed: bool) -> io::Result<String> {
    let algorithm = blob_algorithm(blob).ok_or(io::ErrorKind::InvalidData)?;
    let name = if hashed {
        let mut salt = [0; 20];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| io::Error::other("no randomness for the salt"))?;
        hash_name(&salt, name.as_str())
    } else {
        name.as_str().to_owned()
    };
    Ok(format!("{name} {algorithm} {}\n", BASE64.encode(blob)))
}

fn folder_of(file: &Path) -> io::Result<PathBuf> {
    match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_path_buf()),
        None => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// The file itself, or what a symbolic link names as long as that lies in the same folder: replacing a file elsewhere
/// through a link is nobody's wish.
fn inside(folder: &Path, file: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(file.to_path_buf()),
        Err(error) => return Err(error),
        Ok(there) if !there.is_symlink() => return Ok(file.to_path_buf()),
        Ok(_) => {}
    }
    let target = fs::canonicalize(file)?;
    if target.parent() == Some(fs::canonicalize(folder)?.as_path()) {
        Ok(target)
    } else {
        Err(io::Error::other(
            "it is a symbolic link out of its folder; name its target as UserKnownHostsFile",
        ))
    }
}

fn append(folder: &Path, file: &Path, line: &str) -> io::Result<()> {
    let mut text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(line.as_bytes());

    let beside = folder.join(format!(".known_hosts.{}", std::process::id()));
    let written = write_new(&beside, &text).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    // We hold the lock: what lies there is left over from a program that died.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn name() -> LookupName {
        let endpoint = crate::domain::Endpoint {
            host: "Spark".parse().unwrap(),
            port: 2222.try_into().unwrap(),
        };
        LookupName::new(&endpoint, None)
    }

    fn blob() -> Vec<u8> {
        let mut blob = vec![0, 0, 0, 11];
        blob.extend_from_slice(b"ssh-ed25519");
        blob.extend_from_slice(&[0, 0, 0, 32]);
        blob.extend_from_slice(&[9; 32]);
        blob
    }

    #[test]
    fn a_line_is_added_after_one_without_its_newline() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        fs::write(&file, "other ssh-rsa AAAA").unwrap();
        assert_eq!(add(&file, &name(), &blob(), false).unwrap(), Written::File);
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "other ssh-rsa AAAA");
        assert!(
            lines[1].starts_with("[spark]:2222 ssh-ed25519 AAAAC3"),
            "{text}"
        );
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_made_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".ssh/known_hosts");
        add(&file, &name(), &blob(), true).unwrap();
        let mode = fs::metadata(file.parent().unwrap())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(fs::read_to_string(&file).unwrap().starts_with("|1|"));
    }

    #[test]
    fn a_link_is_followed_within_its_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("victim");
        fs::write(&target, "precious\n").unwrap();
        let file = folder.path().join("known_hosts");
        symlink(&target, &file).unwrap();
        assert!(add(&file, &name(), &blob(), false).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious\n");

        let near = folder.path().join("known_hosts.real");
        fs::write(&near, "").unwrap();
        fs::remove_file(&file).unwrap();
        symlink(&near, &file).unwrap();
        add(&file, &name(), &blob(), false).unwrap();
        assert!(fs::read_to_string(&near).unwrap().contains("spark"));
        assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    }

    #[test]
    fn a_device_keeps_nothing_and_stays_a_device() {
        assert_eq!(
            add(Path::new("/dev/null"), &name(), &blob(), false).unwrap(),
            Written::Nowhere
        );
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
