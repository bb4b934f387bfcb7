//! Models in words (pure): the glyph and word of a state, where a model is, sizes, rates, times that are left.

use std::sync::Arc;
use std::time::Duration;

use super::model_rows::{ModelRow, place_name};
use super::model_state::{ModelState, Progress};
use super::theme::Role;
use super::widgets::rate;
use crate::domain::{Age, Bytes, Cluster, HostId, Mib, Wall};
use crate::engine::{Mode, SwapPhase};
use crate::text::SafeText;

/// A state as it is drawn: a glyph, a look, a word or two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StateWords {
    /// One cell.
    pub(super) glyph: &'static str,
    /// Its look.
    pub(super) role: Role,
    /// What it is.
    pub(super) words: String,
}

/// A state in a glyph and a word or two.
pub(super) fn state(state: &ModelState) -> StateWords {
    let of = |glyph, role, words: &str| StateWords {
        glyph,
        role,
        words: words.to_owned(),
    };
    match state {
        ModelState::Serving => of("●", Role::Ok, "serving"),
        ModelState::Failing(_) => of("▲", Role::Warn, "failing"),
        ModelState::Coming(phase, words) => of("◌", Role::Busy, &coming(*phase, words)),
        ModelState::Going => of("◌", Role::Busy, "stopping"),
        ModelState::SwapFailed(..) => of("✖", Role::Bad, "swap failed"),
        ModelState::Downloading(progress) => {
            of("↓", Role::Busy, &with_share("downloading", progress))
        }
        ModelState::Copying(progress) => of("→", Role::Busy, &with_share("copying", progress)),
        ModelState::FetchFailed(_) => of("✖", Role::Bad, "download failed"),
        ModelState::Ready => of("○", Role::Text, "ready"),
        ModelState::Partial(what) => of("◐", Role::Warn, &format!("partial {}", short(what))),
        ModelState::NeedsSetUp => of("?", Role::Warn, "needs set-up"),
        ModelState::NotOnDisk => of("·", Role::Faint, "not on disk"),
    }
}

fn coming(phase: SwapPhase, words: &SafeText) -> String {
    match phase {
        SwapPhase::Lock => "waiting".into(),
        SwapPhase::Stop => "making room".into(),
        SwapPhase::Launch => "launching".into(),
        SwapPhase::Load => match parts(words.as_str()) {
            Some((done, all)) => format!("loading {done}/{all}"),
            None => "loading".into(),
        },
        SwapPhase::Ready => "first token".into(),
    }
}

/// The two numbers of `shard 12 of 16`.
fn parts(words: &str) -> Option<(u32, u32)> {
    let (before, after) = words.split_once(" of ")?;
    let done = before.rsplit(' ').next()?.parse().ok()?;
    let all = after.split(' ').next()?.parse().ok()?;
    Some((done, all))
}

/// `3 of 16 shards` as `3 of 16`, where it begins like this.
fn short(what: &SafeText) -> String {
    match parts(what.as_str()) {
        Some((have, all)) if !what.as_str().ends_with("hosts") => format!("{have} of {all}"),
        _ => what.to_string(),
    }
}

fn with_share(verb: &str, progress: &Progress) -> String {
    match share(progress) {
        Some(share) => format!("{verb} {share} %"),
        None => verb.to_owned(),
    }
}

/// Hundredths that are there.
pub(super) fn share(progress: &Progress) -> Option<u64> {
    let total = progress.total.filter(|total| total.0 > 0)?;
    Some((u128::from(progress.done.0) * 100 / u128::from(total.0)).min(100) as u64)
}

/// `212 MB/s 3m`, as far as it is known.
pub(super) fn pace(progress: &Progress) -> String {
    let Some(speed) = progress.rate else {
        return String::new();
    };
    let left = progress.total.map(|total| total - progress.done);
    match left.and_then(|left| left.0.checked_div(speed.0)) {
        Some(seconds) => {
            let left = Age(seconds.saturating_mul(1000)).words();
            format!("{} {left}", rate(speed))
        }
        None => rate(speed),
    }
}

/// Where a model is: the place that serves it, the cluster whose nodes have it, or its hosts.
pub(super) fn whereabouts(row: &ModelRow, clusters: &[Arc<Cluster>]) -> String {
    if let Some(place) = &row.place {
        return place_name(place);
    }
    if let ModelState::Downloading(progress) | ModelState::Copying(progress) = &row.state {
        return progress.host.to_string();
    }
    let mode = row.recipe.as_ref().map(|recipe| recipe.mode);
    let has = |host: &HostId| row.on.iter().any(|on| on.host == *host);
    let everywhere = |cluster: &&Arc<Cluster>| {
        let mut nodes = std::iter::once(&cluster.head).chain(&cluster.workers);
        nodes.all(|node| has(&node.host))
    };
    let cluster = clusters.iter().find(everywhere);
    if let (Some(Mode::Cluster | Mode::Either), Some(cluster)) = (mode, cluster) {
        let beside = row.on.len().saturating_sub(cluster.workers.len() + 1);
        return match beside {
            0 => cluster.name.clone(),
            more => format!("{} +{more}", cluster.name),
        };
    }
    match row.on.as_slice() {
        [] => "–".to_owned(),
        [one] => one.host.to_string(),
        [first, more @ ..] => format!("{} +{}", first.host, more.len()),
    }
}

/// `112 GiB`; small ones with a figure behind the point.
pub(super) fn size(bytes: Bytes) -> String {
    let gib = Mib::from_bytes(bytes.0).gib();
    if gib < 9.95 {
        format!("{gib:.1} GiB")
    } else {
        format!("{gib:.0} GiB")
    }
}

/// Tokens a second, in four cells: `41.2`, `812`, `1.2k`.
pub(super) fn per_second(rate: f64) -> String {
    match rate {
        _ if rate < 99.95 => format!("{rate:.1}"),
        _ if rate < 9_999.5 => format!("{rate:.0}"),
        _ => format!("{:.0}k", rate / 1000.0),
    }
}

/// How long ago a moment of the wall was. A clock that runs ahead makes no negative time.
pub(super) fn ago(wall: Wall, now: Wall) -> Age {
    Age(u64::try_from(now.0.saturating_sub(wall.0)).unwrap_or(0))
}

/// A length of time as phases have it: `0.4 s`, `38 s`, `4m 12s`.
pub(super) fn took(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", length.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => Age::from(length).words(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BytesPerSecond;

    fn progress(done: u64, total: Option<u64>, rate: Option<u64>) -> Progress {
        Progress {
            host: HostId::new("spark-1"),
            done: Bytes(done),
            total: total.map(Bytes),
            rate: rate.map(BytesPerSecond),
            words: SafeText::default(),
        }
    }

    #[test]
    fn states_are_a_glyph_and_a_word_or_two() {
        let coming = |phase, words: &str| ModelState::Coming(phase, words.into());
        for (of, words) in [
            (ModelState::Serving, "serving"),
            (coming(SwapPhase::Load, "shard 12 of 16"), "loading 12/16"),
            (coming(SwapPhase::Load, "compiling graphs"), "loading"),
            (coming(SwapPhase::Load, "x of y of 3"), "loading"),
            (
                ModelState::Partial("3 of 16 shards".into()),
                "partial 3 of 16",
            ),
            (
                ModelState::Partial("1 of 2 hosts".into()),
                "partial 1 of 2 hosts",
            ),
            (
                ModelState::Partial("2 files half-downloaded".into()),
                "partial 2 files half-downloaded",
            ),
            (
                ModelState::Downloading(progress(41, Some(100), None)),
                "downloading 41 %",
            ),
            (
                ModelState::Downloading(progress(u64::MAX, Some(1), None)),
                "downloading 100 %",
            ),
            (
                ModelState::Downloading(progress(7, Some(0), None)),
                "downloading",
            ),
        ] {
            assert_eq!(state(&of).words, words);
        }
    }

    #[test]
    fn a_pace_tells_what_is_left_only_where_it_is_known() {
        for (done, total, rate, words) in [
            (0, Some(38_160_000_000), Some(212_000_000), "212 MB/s 3m"),
            (0, None, Some(212_000_000), "212 MB/s"),
            (5, Some(10), Some(0), "0 B/s"),
            (5, Some(10), None, ""),
            (20, Some(10), Some(1), "1 B/s 0 s"),
        ] {
            assert_eq!(pace(&progress(done, total, rate)), words);
        }
    }

    #[test]
    fn times_of_phases_are_short() {
        for (millis, words) in [
            (420, "0.4 s"),
            (38_400, "38 s"),
            (252_000, "4m 12s"),
            (7_260_000, "2h 1m"),
        ] {
            assert_eq!(took(Duration::from_millis(millis)), words);
        }
    }
}
