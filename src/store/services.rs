//! What happened to services: a row for each event, the newest two hundred of each service. What such a row says is the engine's
//! affair; here it is text.

use rusqlite::{Connection, params};

use super::{Pending, Store};
use crate::domain::{HostId, ServiceName, Wall};

/// Events kept of each service.
const KEPT: u32 = 200;

/// Two consoles that see the same within so long write it down once.
const SAME: i64 = 60_000;

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredServiceEvent {
    /// When.
    pub wall: Wall,
    /// What kind of thing, as the engine writes it.
    pub kind: String,
    /// In words.
    pub words: String,
}

impl Store {
    /// Writes an event down, unless another console has just written the same.
    pub fn remember_service(
        &self,
        host: &HostId,
        service: &ServiceName,
        event: StoredServiceEvent,
    ) -> Pending<()> {
        let (host, service) = (host.clone(), service.clone());
        self.with(move |connection| insert(connection, &host, &service, &event))
    }

    /// The events of the services of a host, each with its service, oldest first.
    pub fn past_services(&self, host: &HostId) -> Pending<Vec<(ServiceName, StoredServiceEvent)>> {
        let host = host.clone();
        self.with(move |connection| select(connection, &host))
    }
}

fn insert(
    connection: &Connection,
    host: &HostId,
    service: &ServiceName,
    event: &StoredServiceEvent,
) -> rusqlite::Result<()> {
    let write = connection.unchecked_transaction()?;
    let unless_said = "
        INSERT INTO service_event (host, service, wall, kind, words)
        SELECT ?1, ?2, ?3, ?4, ?5
        WHERE NOT EXISTS (
            SELECT 1 FROM (
                SELECT words, wall FROM service_event WHERE host = ?1 AND service = ?2 ORDER BY id DESC LIMIT 1)
            WHERE words = ?5 AND abs(wall - ?3) < ?6)";
    let (host, service) = (host.as_str(), service.as_str());
    write.prepare_cached(unless_said)?.execute(params![
        host,
        service,
        event.wall.0,
        event.kind,
        event.words,
        SAME
    ])?;
    let beyond = "
        DELETE FROM service_event WHERE host = ?1 AND service = ?2 AND id NOT IN (
            SELECT id FROM service_event WHERE host = ?1 AND service = ?2 ORDER BY id DESC LIMIT ?3)";
    write
        .prepare_cached(beyond)?
        .execute(params![host, service, KEPT])?;
    write.commit()
}

fn select(
    connection: &Connection,
    host: &HostId,
) -> rusqlite::Result<Vec<(ServiceName, StoredServiceEvent)>> {
    let all = "SELECT service, wall, kind, words FROM service_event WHERE host = ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(all)?;
    let rows = statement.query_map([host.as_str()], |row| {
        let service: String = row.get(0)?;
        let event = StoredServiceEvent {
            wall: Wall(row.get(1)?),
            kind: row.get(2)?,
            words: row.get(3)?,
        };
        Ok((ServiceName::new(service), event))
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_happened_to_a_service_outlives_the_session_and_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let (host, one, two) = (
            HostId::new("spark-1"),
            ServiceName::new("asr"),
            ServiceName::new("tts"),
        );
        let store = Store::new(&path);
        let event = |minute: i64, words: &str| StoredServiceEvent {
            wall: Wall(minute * 60_000),
            kind: "x".into(),
            words: words.into(),
        };
        for number in 0..KEPT + 5 {
            store
                .remember_service(&host, &one, event(i64::from(number), "down"))
                .await
                .unwrap();
        }
        store
            .remember_service(&host, &two, event(1, "up"))
            .await
            .unwrap();
        // Two consoles see the same.
        let other = Store::new(&path);
        let seen = StoredServiceEvent {
            wall: Wall(60_400),
            ..event(1, "up")
        };
        other.remember_service(&host, &two, seen).await.unwrap();
        let past = other.past_services(&host).await.unwrap();
        let of = |name: &ServiceName| past.iter().filter(|(service, _)| service == name).count();
        assert_eq!((of(&one), of(&two)), (KEPT as usize, 1));
        assert_eq!(past[0].1, event(5, "down"));
        let nobody = other.past_services(&HostId::new("spark-2")).await.unwrap();
        assert_eq!(nobody, []);
    }
}
