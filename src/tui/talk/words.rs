//! Costs, tokens and times of a conversation, in words.

use std::time::Duration;

use crate::domain::{Age, At};
use crate::engine::Usage;

/// `$0.041`; more digits where it is little.
pub(in crate::tui) fn dollars(cost: f64) -> String {
    if cost >= 0.995 {
        format!("${cost:.2}")
    } else {
        format!("${cost:.3}")
    }
}

/// `412`, `12.3 k`, `1.2 M`.
pub(in crate::tui) fn tokens(count: u64) -> String {
    match count {
        0..=999 => count.to_string(),
        1_000..=999_499 => format!("{:.1} k", count as f64 / 1e3),
        _ => format!("{:.1} M", count as f64 / 1e6),
    }
}

/// `412 ms`, `1.9 s`, `12 s`, `3 m 20 s`.
pub(in crate::tui) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    match whole {
        0 => format!("{} ms", time.as_millis()),
        1..=9 => format!("{:.1} s", time.as_secs_f64()),
        10..=59 => format!("{whole} s"),
        _ => format!("{} m {:02} s", whole / 60, whole % 60),
    }
}

/// How long until a moment: `9:41`.
pub(in crate::tui) fn left(until: At, now: At) -> String {
    let Age(milliseconds) = until.since(now);
    let seconds = milliseconds.div_ceil(1000);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// `3 turns · 12.3 k in · 412 out · $0.041 · 14 s`: only what is known.
pub(in crate::tui) fn usage(usage: &Usage) -> String {
    let turns = match usage.turns {
        0 => None,
        1 => Some("1 turn".to_owned()),
        many => Some(format!("{many} turns")),
    };
    let parts = [
        turns,
        (usage.input > 0).then(|| format!("{} in", tokens(usage.input))),
        (usage.output > 0).then(|| format!("{} out", tokens(usage.output))),
        (usage.cost > 0.0).then(|| dollars(usage.cost)),
        (!usage.took.is_zero()).then(|| seconds(usage.took)),
    ];
    let known: Vec<String> = parts.into_iter().flatten().collect();
    known.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        assert_eq!([dollars(0.0412), dollars(1.5)], ["$0.041", "$1.50"]);
        assert_eq!(
            [tokens(999), tokens(12_345), tokens(2_000_000)],
            ["999", "12.3 k", "2.0 M"]
        );
        assert_eq!(
            [400, 12_000, 200_000].map(|ms| seconds(Duration::from_millis(ms))),
            ["400 ms", "12 s", "3 m 20 s"]
        );
        assert_eq!(left(At(600_000), At(18_500)), "9:42");
        assert_eq!(left(At(0), At(18_500)), "0:00");
        assert_eq!(usage(&Usage::default()), "");
    }
}
