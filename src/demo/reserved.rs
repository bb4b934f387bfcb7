//! The reservation of a simulated machine (pure), told as the console's own script tells it.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

use super::orders::Orders;
use crate::domain::Wall;

/// Who holds the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reservation {
    holder: String,
    note: String,
    hash: String,
    /// Seconds since the epoch.
    since: i64,
    until: i64,
}

impl Reservation {
    /// Why nobody without its token may swap here; none where this is its token, or it is over.
    pub(super) fn refuses(&self, token: &str, now: Wall) -> Option<String> {
        let left = self.until - now.0 / 1000;
        (left > 0 && hash(token) != self.hash).then(|| {
            format!(
                "reserved by {} for another {left} s: {}",
                self.holder, self.note
            )
        })
    }
}

fn hash(token: &str) -> String {
    let hash = digest(&SHA256, token.as_bytes());
    hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the verb does, and what is said of it. The token comes by standard input.
pub(super) fn answer(
    orders: &mut Orders,
    (verb, words): (&str, &[&str]),
    input: &str,
    now: Wall,
) -> String {
    let seconds = now.0 / 1000;
    let token = input.lines().next().unwrap_or_default();
    orders.reservation.take_if(|held| held.until <= seconds);
    let held = orders.reservation.clone();
    let ours = held.as_ref().is_none_or(|held| held.hash == hash(token));
    let how = match (verb, words, ours) {
        ("show", ..) => "shown",
        ("take" | "release", _, false) => "refused",
        ("take", [holder, ttl, note], _) => {
            let ttl: i64 = ttl.parse().unwrap_or(900);
            orders.reservation = Some(Reservation {
                holder: (*holder).to_owned(),
                note: (*note).to_owned(),
                hash: hash(token),
                since: held.map_or(seconds, |held| held.since),
                until: seconds + ttl.clamp(1, 86_400),
            });
            "taken"
        }
        ("release", ..) => {
            orders.reservation = None;
            "released"
        }
        ("break", ..) => {
            orders.reservation = None;
            "broken"
        }
        _ => return "pilothouse-lock 1\ntrouble this machine is simulated\nend\n".into(),
    };
    match &orders.reservation {
        None => format!("pilothouse-lock 1\n{how} 0\nend\n"),
        Some(held) => format!(
            "pilothouse-lock 1\n{how} 1\nholder {}\nnote {}\ntimes {} {} {seconds}\nhash {}\nend\n",
            held.holder, held.note, held.since, held.until, held.hash
        ),
    }
}
