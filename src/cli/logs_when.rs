//! Moments as people write them: so long ago, a time of day, a date and time (pure).

use jiff::civil::Time;
use jiff::{Span, Timestamp, ToSpan as _, Zoned};

use crate::engine::Stamp;

/// What may be written.
pub(super) const SHAPE: &str = "write 10m, 14:05, 14:05:22 or 2026-11-21T14:05:22Z";

/// Reads a moment. A time of day that is still to come today was meant of yesterday.
pub(super) fn moment(text: &str, now: &Zoned) -> Option<Stamp> {
    let text = text.trim();
    let moment = text
        .parse::<Timestamp>()
        .ok()
        // Whatever says more comes first: a time of day could be read out of a date, and a length out of a time of day.
        .or_else(|| of_calendar(text, now))
        .or_else(|| of_day(text, now))
        .or_else(|| ago(text, now))?;
    i64::try_from(moment.as_nanosecond()).ok().map(Stamp)
}

fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    let length: Span = text.parse().ok()?;
    if length.is_negative() {
        return None;
    }
    Some(now.checked_sub(length).ok()?.timestamp())
}

fn of_day(text: &str, now: &Zoned) -> Option<Timestamp> {
    let time: Time = text.parse().ok()?;
    let today = now.with().time(time).build().ok()?;
    let moment = if today > *now {
        today.checked_sub(1.day()).ok()?
    } else {
        today
    };
    Some(moment.timestamp())
}

/// A date, or date and time, without a zone: of the person's own.
fn of_calendar(text: &str, now: &Zoned) -> Option<Timestamp> {
    let moment: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = moment.to_zoned(now.time_zone().clone()).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_by_rows() {
        let now: Zoned = "2026-11-21T14:00:00+01:00[+01:00]".parse().unwrap();
        for (text, utc) in [
            ("10m", Some("2026-11-21T12:50:00Z")),
            ("1h30m", Some("2026-11-21T11:30:00Z")),
            ("2d", Some("2026-11-19T13:00:00Z")),
            ("13:59", Some("2026-11-21T12:59:00Z")),
            ("14:05:22", Some("2026-11-20T13:05:22Z")),
            ("2026-11-21T14:05:22Z", Some("2026-11-21T14:05:22Z")),
            (
                "2026-11-21T14:05:22.5+02:00",
                Some("2026-11-21T12:05:22.5Z"),
            ),
            ("2026-11-20 10:00", Some("2026-11-20T09:00:00Z")),
            ("2026-11-20", Some("2026-11-19T23:00:00Z")),
            ("-5m", None),
            ("soon", None),
            ("", None),
            ("25:00", None),
            ("99999999999h", None),
        ] {
            let wanted = utc.map(|utc| {
                let utc: Timestamp = utc.parse().unwrap();
                Stamp(utc.as_nanosecond() as i64)
            });
            assert_eq!(moment(text, &now), wanted, "{text:?}");
        }
    }
}
