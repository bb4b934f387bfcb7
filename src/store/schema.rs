//! The tables, step by step: each step is run once, in order, and counted in `user_version`.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, StoreErrorKind};

/// The steps. A step that has been released is never changed; what comes later is a step of its own.
const STEPS: &[&str] = &[
    "
    CREATE TABLE health (
        id     INTEGER PRIMARY KEY,
        host   TEXT NOT NULL,
        wall   INTEGER NOT NULL,
        word   TEXT NOT NULL,
        rung   TEXT,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX health_by_host ON health (host, id);
",
    "
    CREATE TABLE session (
        session   INTEGER PRIMARY KEY,
        title     TEXT NOT NULL,
        began     INTEGER NOT NULL,
        last      INTEGER NOT NULL,
        questions INTEGER NOT NULL,
        cost      REAL NOT NULL,
        program   TEXT,
        bytes     INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX session_by_last ON session (last, session);
    CREATE TABLE session_event (
        session INTEGER NOT NULL,
        number  INTEGER NOT NULL,
        event   TEXT NOT NULL,
        PRIMARY KEY (session, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER session_is_gone AFTER DELETE ON session BEGIN
        DELETE FROM session_event WHERE session = OLD.session;
    END;
",
    "
    CREATE TABLE service_event (
        id      INTEGER PRIMARY KEY,
        host    TEXT NOT NULL,
        service TEXT NOT NULL,
        wall    INTEGER NOT NULL,
        kind    TEXT NOT NULL,
        words   TEXT NOT NULL
    ) STRICT;
    CREATE INDEX service_event_by_service ON service_event (host, service, id);
",
];

/// Brings a file to the newest step.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = climb(connection).map_err(|error| StoreError::sqlite(path, &error))?;
    if found > newest() {
        let what = format!("{} was written by a newer version", path.display());
        return Err(StoreError::new(StoreErrorKind::Newer, what)
            .hint("use that version, or move the file away"));
    }
    Ok(())
}

fn newest() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// Runs the steps that are missing and tells how many the file had. Two programs that start together take turns.
fn climb(connection: &mut Connection) -> rusqlite::Result<u32> {
    let turn = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = turn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for step in STEPS.iter().skip(found as usize) {
        turn.execute_batch(step)?;
    }
    if found < newest() {
        turn.pragma_update(None, "user_version", newest())?;
    }
    turn.commit()?;
    Ok(found)
}
