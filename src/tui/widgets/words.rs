//! Values and states as words: fixed widths, units, a glyph with every word.

use crate::domain::{
    Age, At, Bytes, BytesPerSecond, HealthWord, Metric, Mib, Percent, Severity, Wall,
};
use crate::engine::Host;
use crate::tui::theme::Role;

/// The glyph of a state; always drawn beside its word.
pub(in crate::tui) fn glyph(word: HealthWord) -> &'static str {
    match word {
        HealthWord::Ok => "●",
        HealthWord::Connecting => "◌",
        HealthWord::Asking => "?",
        HealthWord::Stale => "…",
        HealthWord::Hot | HealthWord::Tight => "▲",
        HealthWord::Driver => "▼",
        HealthWord::Down | HealthWord::Wedged => "✖",
    }
}

/// The look of a state.
pub(in crate::tui) fn role_of(word: HealthWord) -> Role {
    match word {
        HealthWord::Ok => Role::Ok,
        HealthWord::Connecting => Role::Busy,
        HealthWord::Stale => Role::Stale,
        HealthWord::Asking | HealthWord::Hot | HealthWord::Tight => Role::Warn,
        HealthWord::Driver | HealthWord::Down | HealthWord::Wedged => Role::Bad,
    }
}

/// The glyph of a message and its look.
pub(in crate::tui) fn severity_glyph(severity: Severity) -> (&'static str, Role) {
    match severity {
        Severity::Info => ("●", Role::Busy),
        Severity::Warning => ("▲", Role::Warn),
        Severity::Error => ("✖", Role::Bad),
    }
}

/// A host's state in words: `ok`, `tight 6 GiB left`, `WEDGED 3m (ssh banner)`.
pub(in crate::tui) fn state_words(host: &Host, now: At) -> String {
    let word = host.word.word();
    let detail = host.detail.as_str();
    match host.word {
        HealthWord::Down | HealthWord::Wedged => {
            let since = now.since(host.since).words();
            if detail.is_empty() {
                format!("{word} {since}")
            } else {
                format!("{word} {since} ({detail})")
            }
        }
        HealthWord::Stale => format!(
            "{word} {}",
            age_words(now.since(host.seen.unwrap_or(host.since)))
        ),
        _ if detail.is_empty() => word.to_owned(),
        _ if detail.starts_with(word) => detail.to_owned(),
        _ => format!("{word} {detail}"),
    }
}

/// What a box says in its lower border when it has more to show.
pub(in crate::tui) fn more_rows(below: usize) -> String {
    let rows = if below == 1 { "row" } else { "rows" };
    format!(" {below} more {rows} ▾ ")
}

/// `12 s old`.
pub(in crate::tui) fn age_words(age: Age) -> String {
    format!("{} old", age.words())
}

/// `97 %`, or a dash where there is no value.
pub(in crate::tui) fn percent(value: &Metric<Percent>) -> String {
    value
        .value()
        .map_or_else(|| "–".to_owned(), |value| format!("{:.0} %", value.0))
}

/// `113 of 119 GiB`: both in the unit of the whole.
pub(in crate::tui) fn pair(used: Mib, total: Mib) -> String {
    if total.0 < 10 * 1024 {
        format!("{:.1} of {:.1} GiB", used.gib(), total.gib())
    } else {
        format!("{:.0} of {:.0} GiB", used.gib(), total.gib())
    }
}

/// Bytes in the decimal units of disks: `412 GB`.
pub(in crate::tui) fn bytes(amount: Bytes) -> String {
    decimal(amount.0, "")
}

/// A count of bytes: `12.4 kB`.
pub(in crate::tui) fn decimal_bytes(count: u64) -> String {
    decimal(count, "")
}

/// `1.2 MB/s`.
pub(in crate::tui) fn rate(rate: BytesPerSecond) -> String {
    decimal(rate.0, "/s")
}

/// A count with its thousands apart: `1,204`.
pub(in crate::tui) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut words = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

fn decimal(amount: u64, per: &str) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = amount as f64;
    let mut unit = UNITS.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    for next in unit {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        name = next;
    }
    if value >= 99.5 || name == "B" {
        format!("{value:.0} {name}{per}")
    } else {
        format!("{value:.1} {name}{per}")
    }
}

/// The time of day in the person's time zone.
pub(in crate::tui) fn clock(wall: Wall, zone: &jiff::tz::TimeZone) -> String {
    jiff::Timestamp::from_millisecond(wall.0).map_or_else(
        |_| "--:--:--".to_owned(),
        |stamp| {
            stamp
                .to_zoned(zone.clone())
                .strftime("%H:%M:%S")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_three_figures() {
        for (amount, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_500, "100 kB"),
            (999_500, "1.0 MB"),
            (412_000_000_000, "412 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(Bytes(amount)), words);
        }
        assert_eq!(pair(Mib(115_712), Mib(122_880)), "113 of 120 GiB");
        assert_eq!(pair(Mib(1536), Mib(8192)), "1.5 of 8.0 GiB");
    }
}
