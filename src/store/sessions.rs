//! Conversations with the assistant: a row for each, and a row for each thing that happened in it. What such a row says is the
//! engine's affair; here it is text.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Pending, Store};
use crate::domain::{SessionId, Wall};

/// Conversations kept; beyond them the one that rested longest goes.
const SESSIONS: u32 = 100;

/// Bytes that all of them together may take.
const BYTES: u32 = 64 << 20;

/// A conversation without what happened in it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSession {
    /// Which.
    pub session: SessionId,
    /// A few words to find it by.
    pub title: String,
    /// When it began.
    pub began: Wall,
    /// When something last happened in it.
    pub last: Wall,
    /// How many questions were asked.
    pub questions: u32,
    /// US dollars.
    pub cost: f64,
    /// What the program calls it, once it has been there.
    pub program: Option<String>,
    /// Bytes of its events.
    pub bytes: u64,
}

/// One thing that happened: its number, and a line of JSON.
pub type StoredEvent = (u64, String);

/// What has come to a conversation since the last batch.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionBatch {
    /// The conversation as it is now.
    pub head: StoredSession,
    /// Events with smaller numbers go.
    pub first: u64,
    /// Events that are new, or stand for others now.
    pub events: Vec<StoredEvent>,
}

impl Store {
    /// The conversations, newest first.
    pub fn sessions(&self) -> Pending<Vec<StoredSession>> {
        self.with(list)
    }

    /// A conversation with all that happened in it, oldest first; `None` where there is none.
    pub fn session(&self, id: SessionId) -> Pending<Option<(StoredSession, Vec<StoredEvent>)>> {
        self.with(move |connection| load(connection, id))
    }

    /// Adds to a conversation, or begins it; those beyond the bound go.
    pub fn append_session(&self, batch: SessionBatch) -> Pending<()> {
        self.with(move |connection| {
            append(connection, &batch)?;
            prune(connection, batch.head.session, (SESSIONS, BYTES))
        })
    }

    /// Strikes a conversation off, with all that happened in it.
    pub fn forget_session(&self, id: SessionId) -> Pending<()> {
        self.with(move |connection| {
            connection.execute("DELETE FROM session WHERE session = ?1", [key(id)])?;
            Ok(())
        })
    }
}

/// SQLite's numbers have a sign; a microsecond of this age does not need it.
fn key(id: SessionId) -> i64 {
    id.0.cast_signed()
}

fn head(row: &Row<'_>) -> rusqlite::Result<StoredSession> {
    Ok(StoredSession {
        session: SessionId(row.get::<_, i64>(0)?.cast_unsigned()),
        title: row.get(1)?,
        began: Wall(row.get(2)?),
        last: Wall(row.get(3)?),
        questions: row.get(4)?,
        cost: row.get(5)?,
        program: row.get(6)?,
        bytes: row.get::<_, i64>(7)?.cast_unsigned(),
    })
}

fn list(connection: &Connection) -> rusqlite::Result<Vec<StoredSession>> {
    let newest = "
        SELECT session, title, began, last, questions, cost, program, bytes
        FROM session ORDER BY last DESC, session DESC";
    let mut statement = connection.prepare_cached(newest)?;
    let rows = statement.query_map([], head)?;
    rows.collect()
}

fn load(
    connection: &Connection,
    id: SessionId,
) -> rusqlite::Result<Option<(StoredSession, Vec<StoredEvent>)>> {
    // One transaction: another console may add to it between two questions.
    let read = connection.unchecked_transaction()?;
    let one = "
        SELECT session, title, began, last, questions, cost, program, bytes
        FROM session WHERE session = ?1";
    let Some(head) = read.query_row(one, [key(id)], head).optional()? else {
        return Ok(None);
    };
    let events = {
        let all = "SELECT number, event FROM session_event WHERE session = ?1 ORDER BY number";
        let mut statement = read.prepare_cached(all)?;
        let rows = statement.query_map([key(id)], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
        })?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    read.commit()?;
    Ok(Some((head, events)))
}

fn append(connection: &Connection, batch: &SessionBatch) -> rusqlite::Result<()> {
    let write = connection.unchecked_transaction()?;
    let head = &batch.head;
    let id = key(head.session);
    write
        .prepare_cached(
            "INSERT INTO session (session, title, began, last, questions, cost, program, bytes)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (session) DO UPDATE SET
                title = ?2, began = ?3, last = ?4, questions = ?5, cost = ?6, program = ?7, bytes = ?8",
        )?
        .execute(params![
            id,
            head.title,
            head.began.0,
            head.last.0,
            head.questions,
            head.cost,
            head.program,
            head.bytes.cast_signed(),
        ])?;
    write
        .prepare_cached("DELETE FROM session_event WHERE session = ?1 AND number < ?2")?
        .execute(params![id, batch.first.cast_signed()])?;
    {
        let add =
            "INSERT OR REPLACE INTO session_event (session, number, event) VALUES (?1, ?2, ?3)";
        let mut add = write.prepare_cached(add)?;
        for (number, event) in &batch.events {
            add.execute(params![id, number.cast_signed(), event])?;
        }
    }
    write.commit()
}

/// Forgets the conversations beyond the bound that rested longest, but never the one that has just been added to.
fn prune(
    connection: &Connection,
    but: SessionId,
    (sessions, bytes): (u32, u32),
) -> rusqlite::Result<()> {
    let beyond = "
        DELETE FROM session WHERE session <> ?1 AND session IN (
            SELECT session FROM (
                SELECT session, row_number() OVER newest AS place, sum(bytes) OVER newest AS total FROM session
                WINDOW newest AS (
                    ORDER BY session = ?1 DESC, last DESC, session DESC ROWS UNBOUNDED PRECEDING
                )
            ) WHERE place > ?2 OR total > ?3
        )";
    connection
        .prepare_cached(beyond)?
        .execute(params![key(but), sessions, bytes])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;

    fn stored(session: u64, last: i64) -> StoredSession {
        StoredSession {
            session: SessionId(session),
            title: format!("question {session}"),
            began: Wall(1),
            last: Wall(last),
            questions: 2,
            cost: 0.25,
            program: Some("0b5c".into()),
            bytes: 10,
        }
    }

    fn batch(head: &StoredSession, first: u64, numbers: &[u64]) -> SessionBatch {
        SessionBatch {
            head: head.clone(),
            first,
            events: numbers.iter().map(|n| (*n, format!("{{{n}}}"))).collect(),
        }
    }

    fn memory() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::store::schema::migrate(&mut connection, std::path::Path::new("memory")).unwrap();
        connection
    }

    fn names(connection: &Connection) -> Vec<u64> {
        let all = list(connection).unwrap();
        all.iter().map(|head| head.session.0).collect()
    }

    #[tokio::test]
    async fn what_one_console_writes_another_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let (one, two) = (Store::new(&path), Store::new(&path));
        let head = stored(7, 5);
        one.append_session(batch(&head, 0, &[1, 2, 3]))
            .await
            .unwrap();
        let later = StoredSession {
            last: Wall(9),
            ..head
        };
        // The second event now stands for the first two, and a fourth has come.
        one.append_session(batch(&later, 2, &[2, 4])).await.unwrap();
        let (read, events) = two.session(SessionId(7)).await.unwrap().unwrap();
        assert_eq!(read, later);
        let numbers: Vec<u64> = events.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [2, 3, 4]);
        assert_eq!(events[2].1, "{4}");
        assert_eq!(two.sessions().await.unwrap(), [later]);
        two.forget_session(SessionId(7)).await.unwrap();
        assert_eq!(one.session(SessionId(7)).await.unwrap(), None);
    }

    #[test]
    fn the_oldest_go_with_all_their_events_beyond_either_bound() {
        let connection = memory();
        for n in 1..=6 {
            let head = StoredSession {
                bytes: if n == 4 { 60 } else { 10 },
                ..stored(n, n.cast_signed())
            };
            append(&connection, &batch(&head, 0, &[1, 2])).unwrap();
        }
        prune(&connection, SessionId(6), (5, 1000)).unwrap();
        assert_eq!(names(&connection), [6, 5, 4, 3, 2]);
        // 6 and 5 take 20; 4 takes 60 and is too much, and with it all that are older.
        prune(&connection, SessionId(6), (5, 75)).unwrap();
        assert_eq!(names(&connection), [6, 5]);
        let left: u32 = connection
            .query_row("SELECT count(*) FROM session_event", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 4);
    }

    #[test]
    fn the_one_at_work_stays_however_old_or_large_it_is() {
        let connection = memory();
        let large = StoredSession {
            bytes: 500,
            ..stored(1, 1)
        };
        append(&connection, &batch(&large, 0, &[1])).unwrap();
        append(&connection, &batch(&stored(2, 2), 0, &[1])).unwrap();
        prune(&connection, SessionId(1), (1, 100)).unwrap();
        assert_eq!(names(&connection), [1]);
    }

    #[tokio::test]
    async fn a_file_of_the_step_before_is_brought_up_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        {
            let old = Connection::open(&path).unwrap();
            old.execute_batch(
                "CREATE TABLE health (id INTEGER PRIMARY KEY, host TEXT NOT NULL, wall INTEGER NOT NULL,
                    word TEXT NOT NULL, rung TEXT, detail TEXT NOT NULL) STRICT;
                CREATE INDEX health_by_host ON health (host, id);
                INSERT INTO health (host, wall, word, detail) VALUES ('a', 1, 'ok', '');
                PRAGMA user_version = 1",
            )
            .unwrap();
        }
        let store = Store::new(&path);
        assert_eq!(store.sessions().await.unwrap(), []);
        let past = store
            .past(&crate::domain::HostId::new("a"), 9)
            .await
            .unwrap();
        assert_eq!(past.len(), 1);
    }

    #[tokio::test]
    async fn a_store_that_can_not_be_written_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("state");
        std::fs::write(&blocked, "").unwrap();
        let store = Store::new(&blocked.join("history.db"));
        let error = store.append_session(batch(&stored(1, 1), 0, &[1])).await;
        assert_eq!(error.unwrap_err().kind, StoreErrorKind::Unwritable);
        assert!(store.sessions().await.is_err());
    }
}
