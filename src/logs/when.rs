//! Moments as a person types them, and as they are written out: on the clock of the person's own place.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, tz::Offset};

use crate::follow::Stamp;

/// What time it is, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Now.
    pub stamp: Stamp,
    /// Seconds by which local time is ahead of UTC.
    pub zone: i32,
}

/// Reads `10m` (so long ago), `14:05` (the last time it was that late), `2026-11-21`, `2026-11-21T14:05`.
pub(super) fn moment(typed: &str, now: Now) -> Option<Stamp> {
    if let Some(ago) = span(typed) {
        return Some(Stamp(now.stamp.0.saturating_sub(ago)));
    }
    let offset = Offset::from_seconds(now.zone).ok()?;
    let here = offset.to_datetime(Timestamp::from_nanosecond(now.stamp.0.into()).ok()?);
    if let Some(time) = time(typed) {
        let today = here.date().to_datetime(time);
        let last = if today <= here {
            today
        } else {
            today.checked_sub(SignedDuration::from_hours(24)).ok()?
        };
        return stamp(last, offset);
    }
    let at = match typed.split_once(['T', 't']) {
        Some((date, clock)) => date.parse::<Date>().ok()?.to_datetime(time(clock)?),
        None => typed.parse::<Date>().ok()?.to_datetime(Time::midnight()),
    };
    stamp(at, offset)
}

/// A moment in full, local, to the millisecond.
pub(super) fn written(stamp: Stamp, zone: i32) -> String {
    let offset = Offset::from_seconds(zone).unwrap_or(Offset::UTC);
    match Timestamp::from_nanosecond(stamp.0.into()) {
        Ok(at) => offset
            .to_datetime(at)
            .strftime("%Y-%m-%d %H:%M:%S.%3f")
            .to_string(),
        Err(_) => String::new(),
    }
}

fn stamp(at: DateTime, offset: Offset) -> Option<Stamp> {
    let at = offset.to_timestamp(at).ok()?;
    i64::try_from(at.as_nanosecond()).ok().map(Stamp)
}

fn time(typed: &str) -> Option<Time> {
    let mut parts = typed.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let second = parts.next().unwrap_or("0");
    let part = |text: &str| (text.len() <= 2).then(|| text.parse::<i8>().ok()).flatten();
    match parts.next() {
        Some(_) => None,
        None => Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok(),
    }
}

/// `90s`, `10m`, `2h30m`, `1d`, in nanoseconds.
fn span(typed: &str) -> Option<i64> {
    let mut rest = typed;
    let mut sum = 0_i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at_checked(digits)?;
        let seconds = match unit.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        let part = number.parse::<i64>().ok()?.checked_mul(seconds)?;
        sum = sum.checked_add(part.checked_mul(1_000_000_000)?)?;
        rest = unit.get(1..)?;
    }
    (!typed.is_empty()).then_some(sum)
}
