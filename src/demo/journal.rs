//! The journal of a simulated machine (pure): `journalctl -o json` for its kernel and two units, as far as the console asks.

use std::fmt::Write as _;

use serde_json::json;

use super::voices::Voice;
use super::world::World;

/// A unit that has not said so for longer has said it too long ago to be asked for, in nanoseconds.
const REACH: i64 = 3 * 24 * 3600 * 1_000_000_000;
/// Most entries of one answer.
const MOST: usize = 20_000;

/// Whose entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Kernel,
    Docker,
    Ssh,
    /// There is no such unit.
    Nobody,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    part: Part,
    most: usize,
    /// Entries after this moment, in microseconds since the epoch; before it where the newest come first.
    cursor: Option<i64>,
    since: i64,
    newest_first: bool,
    /// Whether it goes on with what is written later.
    pub follows: bool,
}

/// An entry.
struct Entry {
    micros: i64,
    priority: u8,
    by: &'static str,
    pid: u32,
    text: String,
}

impl Query {
    /// Reads the words behind `journalctl`.
    pub(super) fn read(words: &[&str]) -> Self {
        let mut query = Self {
            part: Part::Nobody,
            most: MOST,
            cursor: None,
            since: 0,
            newest_first: false,
            follows: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match (*word, word.split_once('=')) {
                ("-k", _) => query.part = Part::Kernel,
                ("-f", _) => query.follows = true,
                ("-r", _) => query.newest_first = true,
                ("-u", _) => {
                    query.part = match words.next().copied() {
                        Some("docker.service" | "docker") => Part::Docker,
                        Some("ssh.service" | "ssh") => Part::Ssh,
                        _ => Part::Nobody,
                    }
                }
                ("-n", _) => {
                    let count = words.next().and_then(|count| count.parse().ok());
                    query.most = count.unwrap_or(MOST).min(MOST);
                }
                (_, Some(("--after-cursor", cursor))) => {
                    query.cursor = cursor
                        .rsplit_once("t=")
                        .and_then(|(_, time)| i64::from_str_radix(time, 16).ok());
                }
                (_, Some(("--since", moment))) => {
                    let seconds: Option<i64> = moment.trim_start_matches('@').parse().ok();
                    query.since = seconds.unwrap_or_default().saturating_mul(1_000_000);
                }
                _ => {}
            }
        }
        query
    }

    /// What there is up to now (nanoseconds since the epoch), as journalctl prints it. `booted` is in microseconds.
    pub(super) fn past(&self, world: &World, booted: i64, now: i64) -> String {
        let now = now / 1000;
        let (from, to) = match (self.cursor, self.newest_first) {
            (Some(cursor), true) => (0, cursor.min(now)),
            (Some(cursor), false) => (cursor + 1, now),
            (None, _) => (self.since, now),
        };
        let mut entries = self.entries(world, booted, (from, to), self.most);
        let over = entries.len().saturating_sub(self.most);
        entries.drain(..over);
        if self.newest_first {
            entries.reverse();
        }
        printed(&entries)
    }

    /// What was written in a stretch of time, both ends in nanoseconds since the epoch.
    pub(super) fn live(&self, world: &World, booted: i64, (from, to): (i64, i64)) -> String {
        printed(&self.entries(world, booted, (from / 1000, to / 1000), MOST))
    }

    fn entries(
        &self,
        world: &World,
        booted: i64,
        (from, to): (i64, i64),
        most: usize,
    ) -> Vec<Entry> {
        let (voice, by, pid) = match self.part {
            Part::Nobody => return Vec::new(),
            Part::Docker if !world.profile.docker => return Vec::new(),
            Part::Docker => (Voice::Dockerd, "dockerd", 1_184),
            Part::Ssh => (Voice::Sshd, "sshd", 0),
            Part::Kernel => {
                let lines = world.ring.lines(world.profile).map(|line| Entry {
                    micros: booted + line.micros,
                    priority: line.priority,
                    by: "kernel",
                    pid: 0,
                    text: line.text,
                });
                return lines
                    .filter(|entry| (from..to).contains(&entry.micros))
                    .collect();
            }
        };
        let from = from.saturating_mul(1000).max(to * 1000 - REACH);
        voice
            .last(from, to * 1000, most)
            .into_iter()
            .map(|line| Entry {
                micros: line.nanos / 1000,
                priority: if line.error { 4 } else { 6 },
                by,
                // Each login has a process of its own.
                pid: if pid > 0 { pid } else { pid_of(line.nanos) },
                text: line.text,
            })
            .collect()
    }
}

fn pid_of(nanos: i64) -> u32 {
    20_000 + u32::try_from((nanos / 1_000_000_000).rem_euclid(9_000)).unwrap_or_default()
}

fn printed(entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        let mut fields = json!({
            "__CURSOR": format!("s=demo;t={:x}", entry.micros),
            "__REALTIME_TIMESTAMP": entry.micros.to_string(),
            "PRIORITY": entry.priority.to_string(),
            "SYSLOG_IDENTIFIER": entry.by,
            "MESSAGE": entry.text,
        });
        if entry.pid > 0
            && let Some(fields) = fields.as_object_mut()
        {
            fields.insert("_PID".into(), entry.pid.to_string().into());
        }
        let _ = writeln!(out, "{fields}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::profile::Profile;
    use crate::demo::{Drill, Stage};

    const NOW: i64 = 1_795_295_051_000_000_000;

    fn world(host: &str) -> World {
        let (_, profile) = Profile::fleet(4)
            .into_iter()
            .find(|(name, _)| name == host)
            .unwrap();
        World::new(profile, 11)
    }

    fn booted(world: &World) -> i64 {
        NOW / 1000 - i64::try_from(world.uptime).unwrap() * 1_000_000
    }

    fn ask(line: &str, world: &World) -> Vec<serde_json::Value> {
        let words: Vec<&str> = line.split(' ').collect();
        Query::read(&words)
            .past(world, booted(world), NOW)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_cursor_says_where_to_go_on_in_both_directions() {
        let world = world("spark-1");
        let all = ask("-o json -u docker.service -n 40", &world);
        assert_eq!(all.len(), 40);
        let cursor = all[29]["__CURSOR"].as_str().unwrap();
        let after = ask(
            &format!("-u docker.service --after-cursor={cursor} -n all"),
            &world,
        );
        assert_eq!(after, all[30..]);
        let before = ask(
            &format!("-u docker.service --after-cursor={cursor} -r -n 5"),
            &world,
        );
        let mut expected = all[24..29].to_vec();
        expected.reverse();
        assert_eq!(before, expected);
        assert!(ask("-u nothing.service -n 5", &world).is_empty());
    }

    #[test]
    fn what_comes_later_is_told_once() {
        let world = world("spark-1");
        let query = Query::read(&["-u", "ssh.service", "-n", "all", "--since=@1795291451"]);
        let (begin, end) = (booted(&world), NOW + 600_000_000_000);
        let whole = query.past(&world, begin, end);
        let past = query.past(&world, begin, NOW);
        let later: String = (0..600)
            .map(|second| {
                let from = NOW + second * 1_000_000_000;
                query.live(&world, begin, (from, from + 1_000_000_000))
            })
            .collect();
        assert_eq!(past + &later, whole);
        assert!(!later.is_empty());
    }

    #[test]
    fn the_drills_are_heard_in_the_kernel() {
        for (host, drill, second, words) in [
            ("h200-a", Drill::Thermal, 142, "79, pid"),
            (
                "spark-1",
                Drill::Oom,
                110,
                "Out of memory: Killed process 7741",
            ),
        ] {
            let mut world = world(host);
            assert!(ask("-k", &world).len() > 3, "{host}");
            let stage = |at: u64| drill.stage(host, at as f32);
            world.advance(second, stage);
            let said = ask("-k -n 2", &world);
            assert!(
                said.iter()
                    .any(|entry| entry["MESSAGE"].as_str().unwrap().contains(words)),
                "{said:?}"
            );
            let errors = said.len();
            world.advance(second + 5, stage);
            assert_eq!(ask("-k -n 2", &world).len(), errors);
        }
        let mut calm = world("spark-1");
        let before = ask("-k", &calm).len();
        calm.advance(200, |_| Stage::default());
        assert_eq!(ask("-k", &calm).len(), before);
    }
}
