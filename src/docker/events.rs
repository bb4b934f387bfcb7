//! What happens to containers, as their engine tells it while it happens.

use bytes::{Buf as _, BytesMut};
use memchr::memchr;
use serde::Deserialize;

use super::error::{DockerError, DockerErrorKind};
use super::row::{health, plain_id, plain_name};
use super::wire::Chunks;
use crate::domain::{ContainerHealth, ContainerId, Wall};
use crate::text::SafeText;

/// Longest event; the labels of its container are in it.
const LONGEST: usize = 1024 * 1024;

/// The kinds of events that change what is known of a container. Health checks make three more each time they run.
pub(super) const WANTED: [&str; 12] = [
    "create",
    "start",
    "restart",
    "die",
    "stop",
    "oom",
    "pause",
    "unpause",
    "rename",
    "update",
    "health_status",
    "destroy",
];

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// Which.
    pub id: ContainerId,
    /// Its name then, where it was said.
    pub name: Option<SafeText>,
    /// When, on the clock of its host.
    pub at: Wall,
    /// What.
    pub change: ContainerChange,
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerChange {
    /// It was made.
    Created,
    /// It was started.
    Started,
    /// It ended.
    Died {
        /// With this status.
        code: i32,
    },
    /// It was stopped, which ended it before.
    Stopped,
    /// It was stopped and started.
    Restarted,
    /// It ran out of memory.
    OutOfMemory,
    /// Its processes are frozen.
    Paused,
    /// Its processes go on.
    Unpaused,
    /// It has another name.
    Renamed,
    /// Its limits or its restart policy were changed.
    Updated,
    /// Its own check says something else.
    Health(Option<ContainerHealth>),
    /// It is gone.
    Removed,
}

/// A container engine's events. Dropping it ends the stream.
#[derive(Debug)]
pub struct Events {
    chunks: Chunks,
    lines: Lines,
}

impl Events {
    pub(super) fn new(chunks: Chunks) -> Self {
        Self {
            chunks,
            lines: Lines::default(),
        }
    }

    /// The next event. An error is the end of it: what happens from then on must be found by listing anew. Cancel-safe.
    pub async fn next(&mut self) -> Result<ContainerEvent, DockerError> {
        loop {
            while let Some(line) = self.lines.next()? {
                if let Some(event) = read(&line) {
                    return Ok(event);
                }
            }
            match self.chunks.next().await {
                Some(chunk) => self.lines.feed(&chunk?),
                None => {
                    let what = "the container engine has closed its event stream";
                    return Err(DockerError::new(DockerErrorKind::Lost, what)
                        .hint("it may have been restarted; it is asked again by itself"));
                }
            }
        }
    }
}

/// One JSON value a line, however it is cut.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: BytesMut,
    /// Bytes at the beginning that are known to hold no line end.
    searched: usize,
}

impl Lines {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Result<Option<BytesMut>, DockerError> {
        let fresh = self.held.get(self.searched..).unwrap_or_default();
        if let Some(end) = memchr(b'\n', fresh) {
            let line = self.held.split_to(self.searched + end);
            self.held.advance(1);
            self.searched = 0;
            return Ok(Some(line));
        }
        self.searched = self.held.len();
        if self.held.len() > LONGEST {
            let what = format!("the engine sent {} KiB without a line end", LONGEST / 1024);
            return Err(DockerError::new(DockerErrorKind::Protocol, what));
        }
        Ok(None)
    }
}

#[derive(Deserialize)]
struct Told {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(rename = "Action", default)]
    action: String,
    #[serde(rename = "Actor", default)]
    actor: Actor,
    #[serde(rename = "time", default)]
    seconds: i64,
    #[serde(rename = "timeNano", default)]
    nanoseconds: i64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Attributes {
    name: Option<String>,
    exit_code: Option<String>,
    /// Podman's name for it.
    container_exit_code: Option<String>,
    #[serde(rename = "health_status")]
    health: Option<String>,
}

/// One event; none for what is not about a container, and for what is not known.
fn read(line: &[u8]) -> Option<ContainerEvent> {
    let told: Told = serde_json::from_slice(line)
        .inspect_err(|error| tracing::debug!(%error, "an event that can't be read"))
        .ok()?;
    if told.kind != "container" || told.actor.id.is_empty() {
        return None;
    }
    let attributes = told.actor.attributes;
    let at = match told.nanoseconds {
        0 => told.seconds.saturating_mul(1000),
        nanoseconds => nanoseconds / 1_000_000,
    };
    Some(ContainerEvent {
        id: ContainerId::new(plain_id(&told.actor.id)),
        name: attributes.name.as_deref().map(plain_name),
        at: Wall(at),
        change: change(&told.action, &attributes)?,
    })
}

/// Docker writes `health_status: healthy`; Podman has the word apart, and `died` and `remove` besides.
fn change(action: &str, attributes: &Attributes) -> Option<ContainerChange> {
    use ContainerChange as Is;
    let (word, rest) = action.split_once(':').unwrap_or((action, ""));
    Some(match word {
        "create" => Is::Created,
        "start" => Is::Started,
        "die" | "died" => {
            let code = attributes.exit_code.as_deref();
            let code = code.or(attributes.container_exit_code.as_deref());
            let code = code.and_then(|code| code.parse().ok()).unwrap_or_default();
            Is::Died { code }
        }
        "stop" => Is::Stopped,
        "restart" => Is::Restarted,
        "oom" => Is::OutOfMemory,
        "pause" => Is::Paused,
        "unpause" => Is::Unpaused,
        "rename" => Is::Renamed,
        "update" => Is::Updated,
        "health_status" => {
            let said = attributes.health.as_deref().unwrap_or(rest.trim());
            Is::Health(health(said))
        }
        "destroy" | "remove" => Is::Removed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ContainerChange as Is;

    fn told(action: &str, attributes: &str) -> Option<ContainerEvent> {
        read(
            format!(
                r#"{{"status":"x","id":"8d","Type":"container","Action":"{action}","Actor":{{"ID":"8dfa","Attributes":{{{attributes}}}}},"scope":"local","time":1753000000,"timeNano":1753000000123456789}}"#
            )
            .as_bytes(),
        )
    }

    #[test]
    fn events_by_rows() {
        for (action, attributes, change) in [
            ("create", "", Is::Created),
            ("start", "", Is::Started),
            ("die", r#""exitCode":"137""#, Is::Died { code: 137 }),
            ("died", r#""containerExitCode":"1""#, Is::Died { code: 1 }),
            ("die", r#""exitCode":"x""#, Is::Died { code: 0 }),
            (
                "health_status: healthy",
                "",
                Is::Health(Some(ContainerHealth::Healthy)),
            ),
            (
                "health_status",
                r#""health_status":"unhealthy""#,
                Is::Health(Some(ContainerHealth::Unhealthy)),
            ),
            ("rename", r#""oldName":"/a""#, Is::Renamed),
            ("destroy", "", Is::Removed),
            ("remove", "", Is::Removed),
            ("pause", "", Is::Paused),
            ("unpause", "", Is::Unpaused),
            ("oom", "", Is::OutOfMemory),
        ] {
            let event = told(action, attributes).unwrap();
            assert_eq!(event.change, change, "{action}");
            assert_eq!(
                (event.id.as_str(), event.at),
                ("8dfa", Wall(1_753_000_000_123))
            );
        }
        let named = told(
            "start",
            r#""name":"we\u001b[2Jb","image":"x","some.label":"y""#,
        );
        assert_eq!(named.unwrap().name.unwrap().as_str(), "we␛b");
        for action in ["exec_create: sh", "exec_die", "top", "attach", ""] {
            assert_eq!(told(action, ""), None, "{action}");
        }
        for line in [
            "",
            "{",
            "null",
            "7",
            r#"{"Type":"image","Action":"create","Actor":{"ID":"x"}}"#,
        ] {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn lines_however_they_are_cut() {
        let text = b"one\n\ntwo\nthree";
        for size in 1..=text.len() {
            let (mut lines, mut all) = (Lines::default(), Vec::new());
            for chunk in text.chunks(size) {
                lines.feed(chunk);
                while let Some(line) = lines.next().unwrap() {
                    all.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(all, ["one", "", "two"], "{size}");
        }
        let mut lines = Lines::default();
        for _ in 0..LONGEST / 1024 {
            lines.feed(&[b'x'; 1024]);
            assert!(lines.next().unwrap().is_none());
        }
        lines.feed(b"x");
        assert_eq!(lines.next().unwrap_err().kind, DockerErrorKind::Protocol);
    }
}
