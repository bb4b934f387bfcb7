//! Opens the file: private to its owner, brought to the newest schema, set aside when it is damaged.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::{StoreError, StoreErrorKind, schema};

/// How long another instance may hold the file while it writes.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many damaged files are kept beside the good one.
const ASIDE: u32 = 9;

/// How opening went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// The file was there, or is new.
    Fine,
    /// It was damaged: it lies there now, and a new one has begun.
    SetAside(PathBuf),
}

/// Opens the file, and where it is damaged a new one in its place.
pub(super) fn open(path: &Path) -> Result<(Connection, Opened), StoreError> {
    match open_as_it_is(path) {
        Err(error) if error.kind == StoreErrorKind::Corrupt => {
            let aside = set_aside(path)?;
            Ok((open_as_it_is(path)?, Opened::SetAside(aside)))
        }
        outcome => Ok((outcome?, Opened::Fine)),
    }
}

fn open_as_it_is(path: &Path) -> Result<Connection, StoreError> {
    make_private(path).map_err(|error| StoreError::io(path, &error))?;
    let fault = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let mut connection = Connection::open(path).map_err(fault)?;
    connection.busy_timeout(PATIENCE).map_err(fault)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
        .map_err(fault)?;
    connection
        .pragma_update(None, "synchronous", "normal")
        .map_err(fault)?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Makes the file, readable by its owner alone, before SQLite does: its companions take its mode.
fn make_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let named = |number| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{number}"));
        PathBuf::from(name)
    };
    let aside = (1..ASIDE)
        .map(named)
        .find(|place| !place.exists())
        .unwrap_or_else(|| named(ASIDE));
    fs::rename(path, &aside).map_err(|error| StoreError::io(&aside, &error))?;
    for companion in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(companion);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io(Path::new(&name), &error));
            }
            _ => {}
        }
    }
    Ok(aside)
}
