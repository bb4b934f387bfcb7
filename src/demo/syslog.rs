//! The one log file of a simulated machine (pure): its bytes at any moment, and the console's scripts about it.

use std::fmt::Write as _;

use super::voices::{Spoken, Voice};

/// Its name.
pub(super) const PATH: &str = "/var/log/syslog";
/// Its inode.
const INODE: &str = "394817";
/// It was begun so long before the demo, in nanoseconds.
const AGE: i64 = 6 * 3600 * 1_000_000_000;

/// The file.
#[derive(Debug, Clone)]
pub(super) struct Syslog {
    /// The machine.
    pub host: String,
    /// Whether a container daemon writes to it.
    pub docker: bool,
    /// When the demo began, in nanoseconds since the epoch.
    pub started: i64,
}

/// What one of the console's scripts is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// What is known of a file of this name.
    Look(String),
    /// So many bytes from one on.
    Read {
        /// Bytes before it.
        from: usize,
        /// How many at most.
        most: usize,
    },
    /// Following from a byte on, told by this word.
    Tail(Tail),
    /// It is listed behind other offers.
    Offered(String),
}

/// A followed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    nonce: String,
    given: usize,
}

impl Ask {
    /// Reads what stands behind `sh -c SCRIPT`.
    pub(super) fn read(words: &[&str]) -> Option<Self> {
        let before = |first: &str| Some(first.parse::<usize>().ok()?.saturating_sub(1));
        match words {
            ["pilothouse-look", path, _] => Some(Self::Look((*path).to_owned())),
            ["pilothouse-read", _, _, first, most] => Some(Self::Read {
                from: before(first)?,
                most: most.parse().ok()?,
            }),
            ["pilothouse-tail", _, _, first, nonce] => Some(Self::Tail(Tail {
                nonce: (*nonce).to_owned(),
                given: before(first)?,
            })),
            _ => None,
        }
    }
}

impl Syslog {
    /// What a script prints at once.
    pub(super) fn answer(&self, ask: &Ask, now: i64) -> String {
        let text = self.text(now);
        match ask {
            Ask::Look(path) => {
                let seconds = now.div_euclid(1_000_000_000);
                let clock = format!("now {seconds} +0000\n");
                if path == PATH {
                    let size = text.len();
                    format!("{clock}f {INODE} {size} {seconds} regular file|{PATH}\nok\n")
                } else {
                    format!("{clock}absent\n")
                }
            }
            Ask::Read { from, most } => {
                let end = from.saturating_add(*most).min(text.len());
                text.get(*from..end).unwrap_or_default().to_owned()
            }
            Ask::Offered(others) => format!("{others}f {} {PATH}\n", text.len()),
            Ask::Tail(_) => String::new(),
        }
    }

    /// What a follower is given at a beat: new bytes, and how far it is.
    pub(super) fn beat(&self, tail: &mut Tail, now: i64) -> (String, String) {
        let text = self.text(now);
        let new = text.get(tail.given..).unwrap_or_default().to_owned();
        tail.given = tail.given.max(text.len());
        (new, format!("{} at {}\n", tail.nonce, tail.given))
    }

    /// All of it; only ASCII, so any byte may be the first of a piece.
    fn text(&self, now: i64) -> String {
        let from = self.started.saturating_sub(AGE);
        let mut lines: Vec<(Spoken, &str)> = Voice::Sshd
            .between(from, now)
            .map(|line| (line, "sshd"))
            .collect();
        if self.docker {
            lines.extend(
                Voice::Dockerd
                    .between(from, now)
                    .map(|line| (line, "dockerd")),
            );
        }
        lines.sort_by_key(|(line, _)| line.nanos);
        let mut text = String::new();
        for (line, by) in &lines {
            let stamp = jiff::Timestamp::from_nanosecond(i128::from(line.nanos)).map_or_else(
                |_| String::new(),
                |stamp| stamp.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string(),
            );
            let _ = writeln!(text, "{stamp} {} {by}: {}", self.host, line.text);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_295_051_000_000_000;

    #[test]
    fn a_followed_file_gives_each_byte_once() {
        let file = Syslog {
            host: "spark-1".into(),
            docker: true,
            started: NOW,
        };
        let whole = file.text(NOW + 120_000_000_000);
        assert!(whole.is_ascii() && whole.lines().count() > 1_000);
        let begin = file.text(NOW).len();
        let first = (begin + 1).to_string();
        let words = ["pilothouse-tail", PATH, INODE, &first, "nonce"];
        let Some(Ask::Tail(mut tail)) = Ask::read(&words) else {
            panic!("it should follow")
        };
        let mut told = file.answer(
            &Ask::Read {
                from: 0,
                most: begin,
            },
            NOW,
        );
        for beat in 1..=120 {
            let (new, word) = file.beat(&mut tail, NOW + beat * 1_000_000_000);
            told += &new;
            assert_eq!(word, format!("nonce at {}\n", told.len()));
        }
        assert_eq!(told, whole);
        let look = file.answer(&Ask::Look("/etc/passwd".into()), NOW);
        assert!(look.ends_with("absent\n"), "{look}");
    }
}
