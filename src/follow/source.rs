//! What can be followed, how it is written, and the seam that every kind of source implements.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::line::{LineBatch, Stamp};
use crate::domain::HostId;
use crate::shell::RemotePath;
use crate::text::SafeText;

/// Something with lines, on one host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceSpec {
    /// A container's standard output and error, by its name or id.
    Container(String),
    /// A unit of the journal.
    Unit(String),
    /// A file that is written to: followed by name, through rotation and truncation.
    File(RemotePath),
    /// The kernel's ring.
    Kernel,
    /// What was done from here, as the ledger tells it.
    Actions,
}

/// A source and the host that it is on; without a host, this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceAddress {
    /// The host.
    pub host: Option<HostId>,
    /// What is followed there.
    pub spec: SourceSpec,
}

/// A source that a host offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOffer {
    /// What would be followed.
    pub spec: SourceSpec,
    /// What is known of it beside its name: `running`, `failed`, `3 MiB`; empty where nothing is.
    pub detail: SafeText,
    /// Why it can't be read, with the mend; `None`: it can.
    pub refused: Option<(SafeText, Option<SafeText>)>,
}

/// A source that could not be read as one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct InvalidSource {
    /// One sentence.
    pub what: String,
    /// The mend.
    pub hint: &'static str,
}

/// Where a source is begun.
#[derive(Debug, Clone)]
pub struct Start {
    /// The first line wanted.
    pub from: StartAt,
    /// Nothing from this moment on is wanted; only without `follow`.
    pub until: Option<Stamp>,
    /// Whether it goes on with what is written later.
    pub follow: bool,
}

/// The first line that is wanted of a source.
#[derive(Debug, Clone)]
pub enum StartAt {
    /// So many lines before the end.
    Tail(u32),
    /// The first line at this moment or later.
    Since(Stamp),
    /// The line after this place: neither lost nor doubled.
    After(Place),
    /// So many lines that lie before this place, the nearest ones.
    Before(Place, u32),
}

/// A place in a source, between two lines. Only the source that gave it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A container: the last nanosecond seen, and how to know again the lines at and shortly before it (their stamps and
    /// hashes), since two lines can have one stamp and two streams are not in order.
    Container {
        /// The stamp at the place.
        stamp: Stamp,
        /// The lines of the last second before it.
        seen: std::sync::Arc<[(Stamp, u64)]>,
    },
    /// A journal's cursor.
    Journal(String),
    /// A file: its inode and the offset in it.
    File {
        /// The inode.
        inode: u64,
        /// Bytes before the place.
        offset: u64,
    },
    /// The kernel ring's sequence number, of this boot.
    Kernel {
        /// The boot, as the host names it.
        boot: String,
        /// The number of the record before the place.
        sequence: u64,
    },
    /// The ledger's number.
    Action(u64),
}

/// Something that a followed source did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowEvent {
    /// Lines.
    Lines(LineBatch),
    /// Lines are missing here, and why: the reader was too slow, the ring turned over.
    Missing {
        /// How many, where that is known.
        lines: Option<u64>,
        /// Why.
        why: SafeText,
    },
    /// Something that belongs between the lines: the file was rotated, the container was started anew.
    Note(SafeText),
    /// Nothing more comes.
    Ended {
        /// Why, in words.
        why: SafeText,
        /// The mend, where we know one.
        hint: Option<SafeText>,
        /// Whether trying again by itself may help: the link was lost, the daemon was restarted.
        retry: bool,
    },
}

/// A source being followed. Dropping it ends what runs for it on the host.
#[async_trait]
pub trait Follow: Send {
    /// What it does next. After [`FollowEvent::Ended`] it is not asked again. Cancel-safe: dropping the future loses nothing.
    async fn next(&mut self) -> FollowEvent;

    /// The place before the first line given so far, for fetching older ones; `None` before the first line.
    fn first(&self) -> Option<Place>;

    /// The place after the last line given so far, for going on after a break; `None` before the first line.
    fn last(&self) -> Option<Place>;
}

const SHAPE: &str =
    "write [HOST/]container:NAME, [HOST/]unit:NAME, [HOST/]file:PATH, [HOST/]kernel or actions";

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(name) => write!(f, "container:{name}"),
            Self::Unit(name) => write!(f, "unit:{name}"),
            Self::File(path) => write!(f, "file:{}", path.as_str()),
            Self::Kernel => f.write_str("kernel"),
            Self::Actions => f.write_str("actions"),
        }
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{host}/{}", self.spec),
            None => self.spec.fmt(f),
        }
    }
}

impl FromStr for SourceSpec {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let invalid = |what: String| InvalidSource { what, hint: SHAPE };
        let name = |name: &str, what: &str| {
            // Neither engine nor journal knows names with blanks or a leading dash; they would be taken for options.
            let sound = !name.is_empty()
                && !name.starts_with('-')
                && name.chars().all(|c| c.is_ascii_graphic());
            sound
                .then(|| name.to_owned())
                .ok_or_else(|| invalid(format!("`{name}` is no name of a {what}")))
        };
        match text.split_once(':') {
            Some(("container", rest)) => name(rest, "container").map(Self::Container),
            Some(("unit", rest)) => name(rest, "unit").map(Self::Unit),
            Some(("file", path)) if path.starts_with('/') => RemotePath::new(path)
                .map(Self::File)
                .map_err(|_| invalid(format!("`{path}` is no path"))),
            Some(("file", path)) => Err(invalid(format!("`{path}` does not begin at the root"))),
            None if text == "kernel" => Ok(Self::Kernel),
            None if text == "actions" => Ok(Self::Actions),
            None if name(text, "container").is_ok() && !text.contains('/') => {
                Err(invalid(format!(
                    "`{text}` alone is no source of log lines: is it container:{text} or unit:{text}?"
                )))
            }
            _ => Err(invalid(format!("`{text}` is no source of log lines"))),
        }
    }
}

impl FromStr for SourceAddress {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        // A path has slashes of its own: the host ends at the first one, before any colon.
        let colon = text.find(':').unwrap_or(text.len());
        match text.find('/').filter(|slash| *slash < colon) {
            Some(slash) => {
                let (host, spec) = text.split_at(slash);
                let spec: SourceSpec = spec.get(1..).unwrap_or_default().parse()?;
                if host.is_empty() || spec == SourceSpec::Actions {
                    return Err(InvalidSource {
                        what: format!("`{text}` is no source of log lines"),
                        hint: SHAPE,
                    });
                }
                Ok(Self {
                    host: Some(HostId::new(host)),
                    spec,
                })
            }
            None => Ok(Self {
                host: None,
                spec: text.parse()?,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_by_rows() {
        for text in [
            "container:vllm",
            "spark-1/container:vllm_node",
            "spark-1/unit:docker.service",
            "file:/var/log/syslog",
            "spark-1/file:/var/log/a:b/c",
            "spark-1/kernel",
            "kernel",
            "actions",
        ] {
            let address: SourceAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "/",
            "vllm",
            "container:",
            "container:-f",
            "container:a b",
            "file:relative",
            "spark-1/actions",
            "/kernel",
            "kernel:x",
            "unit:a\u{202e}b",
        ] {
            let address = text.parse::<SourceAddress>();
            assert!(address.is_err(), "{text:?} {address:?}");
        }
    }
}
