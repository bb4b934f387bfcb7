//! What the programs behind conversations keep on the disk: gone with the conversation, and swept where that did not come to
//! pass.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::lock;
use crate::domain::{SessionId, Wall};

/// A program that is being ended may still write: so often is it tried, and so long is waited between.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(200);

/// Younger ones may belong to a conversation that is not in the store yet.
const YOUNG: i64 = 24 * 60 * 60 * 1000;

/// Removes what a conversation left.
pub(super) async fn remove(rooms: &Path, id: SessionId) -> io::Result<()> {
    let room = rooms.join(id.to_string());
    let mut tries = 1;
    loop {
        match tokio::fs::remove_dir_all(&room).await {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if tries >= TRIES => return Err(error),
            Err(_) => sleep(BETWEEN).await,
        }
        tries += 1;
    }
}

/// The conversations that have something on the disk.
pub(super) fn all(rooms: &Path) -> io::Result<BTreeSet<SessionId>> {
    let found = match std::fs::read_dir(rooms) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let named = |name: &str| {
        let id = SessionId(name.parse().ok()?);
        // Only a name that we would give.
        (id.to_string() == name).then_some(id)
    };
    let ids = found.filter_map(|entry| named(entry.ok()?.file_name().to_str()?));
    Ok(ids.collect())
}

/// Whether nobody wants it: the store does not know it, it is old, and no console runs it.
pub(super) fn is_nobodys(
    id: SessionId,
    known: &BTreeSet<SessionId>,
    (locks, now): (&Path, Wall),
) -> bool {
    let began = i64::try_from(id.0 / 1000).unwrap_or(i64::MAX);
    let is_old = now.0.saturating_sub(began) > YOUNG;
    is_old && !known.contains(&id) && lock::holder_of(locks, id).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall(1_800_000_000_000);

    fn ago(hours: u64) -> SessionId {
        SessionId((1_800_000_000_000 - hours * 3_600_000) * 1000)
    }

    #[tokio::test]
    async fn only_what_nobody_wants_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let (rooms, locks) = (folder.path().join("rooms"), folder.path().join("locks"));
        assert!(all(&rooms).unwrap().is_empty());
        let (gone, known, young, held) = (ago(30), ago(40), ago(2), ago(50));
        for id in [gone, known, young, held] {
            let room = rooms.join(id.to_string()).join("home");
            std::fs::create_dir_all(&room).unwrap();
            std::fs::write(room.join("words.jsonl"), "a transcript").unwrap();
        }
        std::fs::create_dir(rooms.join("notes")).unwrap();
        std::fs::create_dir(rooms.join("007")).unwrap();
        let lock = lock::take(&locks, held).unwrap();
        let there = all(&rooms).unwrap();
        assert_eq!(there.len(), 4);
        for id in there {
            if is_nobodys(id, &BTreeSet::from([known]), (&locks, NOW)) {
                remove(&rooms, id).await.unwrap();
            }
        }
        assert_eq!(all(&rooms).unwrap(), BTreeSet::from([known, young, held]));
        assert!(rooms.join("notes").exists() && rooms.join("007").exists());
        drop(lock);
        // Nothing there is no failure.
        remove(&rooms, gone).await.unwrap();
    }
}
