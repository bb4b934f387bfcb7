//! One console at a time runs a conversation: whoever holds its lock. The lock falls with its holder, however that ends, and
//! says meanwhile who it is and where it listens.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::assistant::{Owner, check_private};
use crate::domain::SessionId;

/// Bytes of a path that a Unix socket takes everywhere, with its end (104 on macOS and the BSDs, 108 on Linux).
const SOCKET_PATH: usize = 103;

/// How often a lock is tried for that another console lets go of at this moment.
const TRIES: u32 = 8;

/// Who holds a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// Its process.
    pub(super) pid: u32,
    /// Where it listens.
    pub(super) socket: PathBuf,
}

/// A lock that is held. Dropping it lets go.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    socket: PathBuf,
    /// Made for the socket alone, where the path of the state directory is too long for one.
    elsewhere: Option<PathBuf>,
}

/// What became of asking for a lock.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is ours.
    Ours(Lock),
    /// Somebody else has it.
    Theirs(Holder),
}

impl Lock {
    /// Where its holder listens.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    fn announce(&mut self) -> io::Result<()> {
        let holder = Holder {
            pid: std::process::id(),
            socket: self.socket.clone(),
        };
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&serde_json::to_vec(&holder)?)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut leftovers = vec![self.socket.clone(), self.path.clone()];
        // The lock's own file goes last: until then nobody else begins.
        for path in leftovers.drain(..) {
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, path = %path.display(), "a file of a conversation stays behind");
            }
        }
        if let Some(folder) = &self.elsewhere
            && let Err(error) = std::fs::remove_dir(folder)
        {
            tracing::warn!(%error, path = %folder.display(), "a folder of a conversation stays behind");
        }
    }
}

/// Takes the lock of a conversation, or tells who has it.
pub(super) fn take(folder: &Path, id: SessionId) -> io::Result<Taken> {
    private(folder)?;
    let path = lock_path(folder, id);
    for _ in 0..TRIES {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => match holder(&path) {
                Some(holder) => return Ok(Taken::Theirs(holder)),
                // Its holder has it since this moment, or until this moment.
                None => continue,
            },
            Err(error) => return Err(error.into()),
        }
        // Its last holder may have removed it between our opening and our locking it: then it is nobody's lock any more.
        let is_the_one = std::fs::metadata(&path)
            .is_ok_and(|there| file.metadata().is_ok_and(|ours| ours.ino() == there.ino()));
        if is_the_one {
            let mut lock = held(file, path, folder, id)?;
            lock.announce()?;
            return Ok(Taken::Ours(lock));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::WouldBlock,
        "another console holds it and does not say who it is",
    ))
}

/// Who holds a conversation, as its lock says; `None` where nobody does that lives.
pub(super) fn holder_of(folder: &Path, id: SessionId) -> Option<Holder> {
    let holder = holder(&lock_path(folder, id))?;
    let pid = rustix::process::Pid::from_raw(i32::try_from(holder.pid).ok()?)?;
    let lives = !matches!(rustix::process::test_kill_process(pid), Err(Errno::SRCH));
    lives.then_some(holder)
}

fn lock_path(folder: &Path, id: SessionId) -> PathBuf {
    folder.join(format!("{id}.lock"))
}

fn held(file: File, path: PathBuf, folder: &Path, id: SessionId) -> io::Result<Lock> {
    let beside = folder.join(format!("{id}.sock"));
    let fits = beside.as_os_str().len() <= SOCKET_PATH;
    let elsewhere = if fits { None } else { Some(short_folder()?) };
    let socket = elsewhere
        .as_ref()
        .map_or(beside, |folder| folder.join("talk"));
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(Lock {
        file,
        path,
        socket,
        elsewhere,
    })
}

/// A new folder with a short path that only its owner may enter.
fn short_folder() -> io::Result<PathBuf> {
    let folder = PathBuf::from(format!("/tmp/pilothouse-{:016x}", fastrand::u64(..)));
    DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

fn holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Makes the folder, or takes it where it is ours and nobody else can have put anything there.
fn private(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    check_private(folder, Owner::Us)?;
    let found = std::fs::metadata(folder)?;
    if found.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SessionId = SessionId(1_700_000_000_000_000);

    fn ours(folder: &Path) -> Lock {
        match take(folder, ID).unwrap() {
            Taken::Ours(lock) => lock,
            Taken::Theirs(holder) => panic!("{holder:?}"),
        }
    }

    #[test]
    fn one_at_a_time_and_the_next_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("talks");
        let lock = ours(&folder);
        let Taken::Theirs(holder) = take(&folder, ID).unwrap() else {
            panic!("it is held twice");
        };
        assert_eq!(holder.pid, std::process::id());
        assert_eq!(holder.socket, lock.socket());
        assert_eq!(holder_of(&folder, ID), Some(holder));
        drop(lock);
        assert_eq!(holder_of(&folder, ID), None);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        drop(ours(&folder));
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_a_dead_holder_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        private(folder.path()).unwrap();
        // No process has this number: it is beyond the largest that Linux gives.
        let left = r#"{"pid":2000000000,"socket":"/nowhere"}"#;
        std::fs::write(lock_path(folder.path(), ID), left).unwrap();
        std::fs::write(folder.path().join(format!("{ID}.sock")), "").unwrap();
        assert_eq!(holder_of(folder.path(), ID), None);
        let lock = ours(folder.path());
        assert!(!lock.socket().exists());
        assert_eq!(
            holder_of(folder.path(), ID).unwrap().pid,
            std::process::id()
        );
    }

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(120));
        let lock = ours(&deep);
        let socket = lock.socket().to_owned();
        assert!(socket.as_os_str().len() <= SOCKET_PATH);
        let listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        drop((listens, lock));
        assert!(!socket.exists() && !socket.parent().unwrap().exists());
    }

    #[test]
    fn many_who_want_it_at_once_never_have_it_twice() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Ok(Taken::Ours(lock)) = take(folder.path(), ID) {
                            use std::sync::atomic::Ordering::SeqCst;
                            assert_eq!(inside.fetch_add(1, SeqCst), 0);
                            inside.fetch_sub(1, SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
    }
}
