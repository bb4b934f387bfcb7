//! Each host's ups and downs: written when they happen, read when a session begins.

use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Pending, Store};
use crate::domain::{HealthChange, HostId, Wall};

/// Changes kept per host.
const KEPT: u32 = 5_000;

impl Store {
    /// Writes a change down, unless the last one of that host says the same word: another instance may have been first.
    pub fn remember(&self, host: &HostId, change: &HealthChange) -> Pending<()> {
        let (host, change) = (host.clone(), change.clone());
        self.with(move |connection| insert(connection, &host, &change))
    }

    /// The newest changes of a host, oldest first.
    pub fn past(&self, host: &HostId, limit: u32) -> Pending<Vec<HealthChange>> {
        let host = host.clone();
        self.with(move |connection| select(connection, &host, limit))
    }
}

/// Forgets what is beyond the bound.
pub(super) fn prune(connection: &Connection) -> rusqlite::Result<()> {
    let beyond = "
        DELETE FROM health WHERE id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY host ORDER BY id DESC) AS place FROM health
            ) WHERE place > ?1
        )";
    connection.execute(beyond, [KEPT])?;
    Ok(())
}

fn insert(connection: &Connection, host: &HostId, change: &HealthChange) -> rusqlite::Result<()> {
    let unless_said = "
        INSERT INTO health (host, wall, word, rung, detail)
        SELECT ?1, ?2, ?3, ?4, ?5
        WHERE ?3 IS NOT (SELECT word FROM health WHERE host = ?1 ORDER BY id DESC LIMIT 1)";
    connection.prepare_cached(unless_said)?.execute(params![
        host.as_str(),
        change.wall.0,
        text(&change.word),
        change.rung.as_ref().and_then(text),
        change.detail.as_str(),
    ])?;
    Ok(())
}

fn select(
    connection: &Connection,
    host: &HostId,
    limit: u32,
) -> rusqlite::Result<Vec<HealthChange>> {
    let newest = "
        SELECT wall, word, rung, detail FROM health WHERE host = ?1 ORDER BY id DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(newest)?;
    let rows = statement.query_map(params![host.as_str(), limit], |row| {
        let (word, rung): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let detail: String = row.get(3)?;
        // A word that only another version knows is not ours to show.
        Ok(read(&word).map(|word| HealthChange {
            wall: Wall(row.get(0).unwrap_or_default()),
            word,
            rung: rung.as_deref().and_then(read),
            detail: detail.into(),
        }))
    })?;
    let mut changes: Vec<HealthChange> = rows
        .filter_map(Result::transpose)
        .collect::<rusqlite::Result<_>>()?;
    changes.reverse();
    Ok(changes)
}

/// The name that serde gives a plain word.
fn text<T: Serialize>(word: &T) -> Option<String> {
    match serde_json::to_value(word) {
        Ok(Value::String(name)) => Some(name),
        _ => None,
    }
}

fn read<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{HealthWord, Rung};
    use crate::store::{Opened, StoreErrorKind};
    use std::os::unix::fs::PermissionsExt as _;

    fn change(wall: i64, word: HealthWord) -> HealthChange {
        HealthChange {
            wall: Wall(wall),
            word,
            rung: (word == HealthWord::Wedged).then_some(Rung::Banner),
            detail: "ssh banner".into(),
        }
    }

    fn host(name: &str) -> HostId {
        HostId::new(name)
    }

    #[tokio::test]
    async fn what_one_instance_writes_another_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/history.db");
        let (one, two) = (Store::new(&path), Store::new(&path));
        assert_eq!(one.prepare().await, Ok(Opened::Fine));
        let words = [
            HealthWord::Ok,
            HealthWord::Wedged,
            HealthWord::Wedged,
            HealthWord::Ok,
        ];
        for (wall, word) in (0..).zip(words) {
            // Both watch the same host and see the same.
            one.remember(&host("a"), &change(wall, word)).await.unwrap();
            two.remember(&host("a"), &change(wall, word)).await.unwrap();
        }
        one.remember(&host("b"), &change(7, HealthWord::Down))
            .await
            .unwrap();
        let past = two.past(&host("a"), 10).await.unwrap();
        assert_eq!(
            past,
            [
                change(0, HealthWord::Ok),
                change(1, HealthWord::Wedged),
                change(3, HealthWord::Ok)
            ]
        );
        assert_eq!(two.past(&host("a"), 1).await.unwrap(), past[2..]);
        for file in ["history.db", "history.db-wal"] {
            let mode = std::fs::metadata(path.with_file_name(file)).unwrap();
            assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{file}");
        }
    }

    #[tokio::test]
    async fn a_damaged_file_is_set_aside_and_a_new_one_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        std::fs::write(&path, "this is no database ".repeat(500)).unwrap();
        let store = Store::new(&path);
        let aside = folder.path().join("history.db.damaged-1");
        assert_eq!(store.prepare().await, Ok(Opened::SetAside(aside.clone())));
        let down = change(1, HealthWord::Down);
        store.remember(&host("a"), &down).await.unwrap();
        assert_eq!(store.past(&host("a"), 9).await.unwrap(), [down]);
        assert!(std::fs::read(aside).unwrap().starts_with(b"this is no"));
    }

    #[tokio::test]
    async fn what_can_not_be_opened_is_an_error_in_words_and_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        // Where the directory should be there is a file: not even root can write below it.
        let blocked = folder.path().join("state");
        std::fs::write(&blocked, "").unwrap();
        let store = Store::new(&blocked.join("history.db"));
        let error = store.prepare().await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unwritable);
        std::fs::remove_file(&blocked).unwrap();
        assert_eq!(store.prepare().await, Ok(Opened::Fine));
    }

    #[tokio::test]
    async fn a_newer_file_and_a_locked_one_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let store = Store::new(&path);
        store.prepare().await.unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let locked = store.remember(&host("a"), &change(1, HealthWord::Ok)).await;
        assert_eq!(locked.unwrap_err().kind, StoreErrorKind::Locked);
        other.execute_batch("ROLLBACK").unwrap();
        other.pragma_update(None, "user_version", 99).unwrap();
        let newer = Store::new(&path).prepare().await.unwrap_err();
        assert_eq!(newer.kind, StoreErrorKind::Newer);
    }

    #[test]
    fn the_history_of_a_host_is_bounded() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::store::schema::migrate(&mut connection, std::path::Path::new("memory")).unwrap();
        for wall in 0..i64::from(KEPT) + 100 {
            let word = [HealthWord::Ok, HealthWord::Down][(wall % 2) as usize];
            insert(&connection, &host("a"), &change(wall, word)).unwrap();
        }
        prune(&connection).unwrap();
        let all = select(&connection, &host("a"), u32::MAX).unwrap();
        assert_eq!(all.len(), KEPT as usize);
        assert_eq!(all[0].wall, Wall(100));
    }
}
