//! Lengths of time and amounts of memory as people write them: `500ms`, `1s`, `8 GiB` (pure).

use std::time::Duration;

use crate::domain::Mib;

/// A length of time: a whole number and `ms`, `s`, `m` or `h`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let milliseconds = match unit {
        "ms" => number,
        "s" => number.checked_mul(1000)?,
        "m" | "min" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(milliseconds))
}

/// A length of time as `duration` reads it.
pub fn duration_words(length: Duration) -> String {
    let milliseconds = length.as_millis();
    match milliseconds {
        n if n % 3_600_000 == 0 && n > 0 => format!("{}h", n / 3_600_000),
        n if n % 60_000 == 0 && n > 0 => format!("{}m", n / 60_000),
        n if n % 1000 == 0 => format!("{}s", n / 1000),
        n => format!("{n}ms"),
    }
}

/// An amount of memory: a whole number and `MiB` or `GiB`.
pub(crate) fn memory(text: &str) -> Option<Mib> {
    let (number, unit) = number_and_unit(text)?;
    match unit.to_ascii_lowercase().as_str() {
        "mib" => Some(Mib(number)),
        "gib" => number.checked_mul(1024).map(Mib),
        _ => None,
    }
}

/// An amount of memory as `memory` reads it.
pub fn memory_words(amount: Mib) -> String {
    match amount.0 {
        n if n % 1024 == 0 => format!("{} GiB", n / 1024),
        n => format!("{n} MiB"),
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_length_and_amount_is_read_back_as_it_is_shown(n in 0..1_u64 << 40) {
            let length = Duration::from_millis(n);
            prop_assert_eq!(duration(&duration_words(length)), Some(length));
            prop_assert_eq!(memory(&memory_words(Mib(n))), Some(Mib(n)));
        }

        #[test]
        fn what_can_be_read_has_words(text in r"\PC*|[ 0-9]{0,24} ?(ms|s|m|min|h|MiB|GiB)?") {
            if let Some(length) = duration(&text) {
                prop_assert_eq!(duration(&duration_words(length)), Some(length));
            }
            if let Some(amount) = memory(&text) {
                prop_assert_eq!(memory(&memory_words(amount)), Some(amount));
            }
        }
    }

    #[test]
    fn a_length_of_time_has_a_unit() {
        for (text, milliseconds) in [
            ("500ms", Some(500)),
            ("1s", Some(1000)),
            (" 2 m ", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(
                duration(text),
                milliseconds.map(Duration::from_millis),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        for text in ["0s", "250ms", "1s", "90s", "2m", "1h"] {
            assert_eq!(duration_words(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn memory_has_a_unit() {
        assert_eq!(memory("8 GiB"), Some(Mib(8192)));
        assert_eq!(memory("512MiB"), Some(Mib(512)));
        assert_eq!(memory_words(Mib(8192)), "8 GiB");
        assert_eq!(memory_words(Mib(512)), "512 MiB");
        assert_eq!(memory("8 GB"), None);
        assert_eq!(memory("8"), None);
    }
}
