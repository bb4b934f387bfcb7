//! Weights that are fetched and deleted on a simulated machine (pure).

use super::orders::{Beat, Deed, What};
use crate::domain::Wall;

/// Seconds that the largest download takes: nobody who tries it waits longer.
const LONGEST: u64 = 90;

/// Bytes in a second, at least.
const RATE: u64 = 71_000_000;

const GIB: u64 = 1 << 30;

/// Weights that are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fetch {
    /// Which.
    pub(super) repo: String,
    /// All of them.
    pub(super) total: u64,
    /// What was there before.
    pub(super) before: u64,
    /// Bytes in a second.
    pub(super) rate: u64,
    /// When they were all there, for those that are.
    pub(super) whole: Option<Wall>,
}

impl Fetch {
    pub(super) fn new(repo: &str, total: u64, before: u64) -> Self {
        Self {
            repo: repo.to_owned(),
            total,
            before: before.min(total),
            rate: RATE.max(total / LONGEST),
            whole: None,
        }
    }

    /// Bytes that are there after so many milliseconds.
    pub(super) fn done(&self, millis: i64) -> u64 {
        let millis = u64::try_from(millis).unwrap_or(0);
        let came = u128::from(self.rate) * u128::from(millis) / 1000;
        let came = u64::try_from(came).unwrap_or(u64::MAX);
        self.before.saturating_add(came).min(self.total)
    }

    /// Fetching, then copying to the machines with these names and addresses.
    pub(super) fn beats(&self, peers: &[(String, String)]) -> Vec<Beat> {
        let mut beats = Vec::new();
        let mut at = 0;
        let mut add = |at, what| beats.push(Beat { at, what });
        let mark = |key, value: &str| What::Mark(key, value.to_owned());
        let pace = |done, rate| What::Mark("progress", format!("{done} {} {rate}", self.total));
        add(
            at,
            What::Line("pilothouse: this machine is simulated: nothing is really fetched".into()),
        );
        add(at, mark("step", "fetching"));
        while self.done(at) < self.total {
            add(at, pace(self.done(at), self.rate));
            at += 1000;
        }
        add(at, pace(self.total, 0));
        add(at, mark("step", "verifying"));
        at += 1500;
        let keep = Deed::Keep(self.clone());
        for (name, address) in peers {
            add(at, What::Mark("step", format!("copying to {name}")));
            for tenth in 0..10 {
                add(at, pace(self.total / 10 * tenth, self.total / 8));
                at += 800;
            }
            add(
                at,
                What::Do(Deed::Over(address.clone(), Box::new(keep.clone()))),
            );
        }
        add(at, pace(self.total, 0));
        add(at, What::Do(keep));
        add(at, mark("step", "done"));
        add(at, mark("end", "done"));
        beats
    }
}

/// The deletion of so many bytes.
pub(super) fn deletion(repo: &str, bytes: Option<u64>) -> Vec<Beat> {
    let mark = |at, key, value: String| Beat {
        at,
        what: What::Mark(key, value),
    };
    let Some(bytes) = bytes else {
        let why = format!("{repo} is not in the cache of this host");
        return vec![mark(0, "step", "deleting".into()), mark(300, "failed", why)];
    };
    vec![
        mark(0, "step", "deleting".into()),
        Beat {
            at: 900,
            what: What::Do(Deed::Delete(repo.to_owned())),
        },
        mark(900, "freed", bytes.to_string()),
        mark(900, "end", "done".into()),
    ]
}

/// How large weights are that this machine has never seen: by the number of parameters that their name tells, and how they are kept.
pub(super) fn likely_size(repo: &str) -> u64 {
    let lower = repo.to_ascii_lowercase();
    let small = ["awq", "int4", "4bit", "nvfp4", "mxfp4", "q4"];
    let per = if small.iter().any(|part| lower.contains(part)) {
        6
    } else {
        10
    };
    let billions = lower
        .split(['-', '_', '/'])
        .find_map(|part| part.strip_suffix('b')?.parse::<f64>().ok())
        .filter(|count| (0.1..2000.0).contains(count));
    let tenths = billions.unwrap_or(8.0) * f64::from(per);
    (tenths.max(1.0) as u64) * GIB / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_names() {
        for (repo, gib) in [
            ("Qwen/Qwen3-8B", 8),
            ("Qwen/Qwen3-32B-AWQ", 19),
            ("meta-llama/Llama-3.3-70B-Instruct", 70),
            ("someone/nothing-known", 8),
        ] {
            assert_eq!(likely_size(repo) / GIB, gib, "{repo}");
        }
    }

    #[test]
    fn a_fetch_grows_to_all_of_it_and_goes_on_where_it_stood() {
        let fetch = Fetch::new("a/b", 10 * RATE, 4 * RATE);
        assert_eq!(fetch.done(-5), 4 * RATE);
        assert_eq!(fetch.done(2_000), 6 * RATE);
        assert_eq!(fetch.done(i64::MAX), 10 * RATE);
        let beats = fetch.beats(&[]);
        assert!(beats.is_sorted_by_key(|beat| beat.at));
        assert!(
            beats
                .iter()
                .any(|beat| beat.what == What::Mark("end", "done".into()))
        );
    }
}
