//! When a line was written, by the time it begins with: RFC 3339, `2026-11-21 14:05:06,123`, syslog, vLLM, klog, web servers.
//! In JSON, by the field that says so. Pure. A line without a time has none here.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::line::Stamp;

/// The clock that a file's lines were written by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LineClock {
    /// How far local time there is ahead of UTC, in seconds.
    pub(super) zone: i64,
    /// About now, there: which year a line without one means.
    pub(super) now: Stamp,
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Times are looked for this far into a line.
const REACH: usize = 160;

/// Longer JSON is not read for its time alone.
const LONGEST_JSON: usize = 64 * 1024;

/// The fields under which loggers write the time, the likelier first.
#[derive(Deserialize)]
struct JsonTimes {
    time: Option<JsonTime>,
    ts: Option<JsonTime>,
    timestamp: Option<JsonTime>,
    #[serde(rename = "@timestamp")]
    at_timestamp: Option<JsonTime>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonTime {
    Text(String),
    Whole(i64),
    Broken(f64),
    Other(IgnoredAny),
}

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

impl LineClock {
    /// The time that a line begins with.
    pub(super) fn read(&self, line: &[u8]) -> Option<Stamp> {
        if line.first() == Some(&b'{')
            && let Some(stamp) = self.json(line)
        {
            return Some(stamp);
        }
        let line = line.get(..REACH).unwrap_or(line);
        let head = Cursor(line.strip_prefix(b"[").unwrap_or(line));
        let first = *head.0.first()?;
        if first.is_ascii_digit() {
            self.dated(head)
                .or_else(|| Self::epoch(head))
                .or_else(|| Self::web(line))
        } else if first.is_ascii_uppercase() {
            self.klog(head)
                .or_else(|| self.syslog(head))
                .or_else(|| self.after_level(head))
                .or_else(|| Self::web(line))
        } else {
            Self::web(line)
        }
    }

    fn json(&self, line: &[u8]) -> Option<Stamp> {
        (line.len() <= LONGEST_JSON).then_some(())?;
        let times: JsonTimes = serde_json::from_slice(line).ok()?;
        [times.time, times.ts, times.timestamp, times.at_timestamp]
            .into_iter()
            .flatten()
            .find_map(|time| match time {
                JsonTime::Text(text) => self.dated(Cursor(text.as_bytes())).or_else(|| {
                    let whole = text.parse().ok().and_then(since_epoch);
                    whole.or_else(|| since_epoch_broken(text.parse().ok()?))
                }),
                JsonTime::Whole(number) => since_epoch(number),
                JsonTime::Broken(number) => since_epoch_broken(number),
                JsonTime::Other(_) => None,
            })
    }

    /// `2026-11-21T14:05:06.123Z`, also with a blank, with slashes, with a comma, with or without a zone.
    fn dated(&self, mut at: Cursor<'_>) -> Option<Stamp> {
        let year = at.number(4)?;
        let slash = at.one_of(b"-/")?;
        let month = at.number(2)?;
        at.byte(slash)?;
        let day = at.number(2)?;
        at.one_of(b"T t_")?;
        let seconds = civil(year, month, day)? + at.clock()?;
        let nanos = at.fraction();
        let zone = at.zone().unwrap_or(self.zone);
        stamp(seconds - zone, nanos)
    }

    /// `1795271516.250`, as some daemons write it.
    fn epoch(mut at: Cursor<'_>) -> Option<Stamp> {
        let seconds = at.number(10)?;
        (at.0.first() == Some(&b'.') && seconds > 1_000_000_000).then_some(())?;
        let nanos = at.fraction();
        stamp(seconds, nanos)
    }

    /// `I1121 14:05:06.123456`: klog and glog.
    fn klog(&self, mut at: Cursor<'_>) -> Option<Stamp> {
        at.one_of(b"IWEFD")?;
        let month = at.number(2)?;
        let day = at.number(2)?;
        at.byte(b' ')?;
        let time = at.clock()?;
        let nanos = at.fraction();
        self.this_year(month, day, time, nanos)
    }

    /// `Nov 21 14:05:06`, and with a weekday before or a year behind.
    fn syslog(&self, mut at: Cursor<'_>) -> Option<Stamp> {
        let month = match at.month() {
            Some(month) => month,
            None => {
                at.skip(3)?;
                at.byte(b' ')?;
                at.month()?
            }
        };
        at.byte(b' ')?;
        let day = match at.byte(b' ') {
            Some(()) => at.number(1)?,
            None => at.number(2).or_else(|| at.number(1))?,
        };
        at.byte(b' ')?;
        let time = at.clock()?;
        let nanos = at.fraction();
        let mut behind = at;
        match behind.byte(b' ').and_then(|()| behind.number(4)) {
            Some(year) if (1970..=9999).contains(&year) && !behind.digit_next() => {
                stamp(civil(year, month, day)? + time - self.zone, nanos)
            }
            _ => self.this_year(month, day, time, nanos),
        }
    }

    /// `INFO 11-21 14:05:06`, `ERROR: 2026-11-21 …`, `INFO] …`.
    fn after_level(&self, mut at: Cursor<'_>) -> Option<Stamp> {
        let word = at.0.iter().take_while(|b| b.is_ascii_uppercase()).count();
        (3..=8).contains(&word).then_some(())?;
        at.skip(word)?;
        while at.one_of(b"]: [").is_some() {}
        if let Some(stamp) = self.dated(at) {
            return Some(stamp);
        }
        let month = at.number(2)?;
        at.byte(b'-')?;
        let day = at.number(2)?;
        at.byte(b' ')?;
        let time = at.clock()?;
        let nanos = at.fraction();
        self.this_year(month, day, time, nanos)
    }

    /// `10.0.0.1 - - [21/Nov/2026:14:05:06 +0100]`: the common log format.
    fn web(line: &[u8]) -> Option<Stamp> {
        let open = memchr::memchr(b'[', line)?;
        let mut at = Cursor(line.get(open + 1..)?);
        let day = at.number(2)?;
        at.byte(b'/')?;
        let month = at.month()?;
        at.byte(b'/')?;
        let year = at.number(4)?;
        at.byte(b':')?;
        let seconds = civil(year, month, day)? + at.clock()?;
        at.byte(b' ')?;
        let zone = at.zone()?;
        stamp(seconds - zone, 0)
    }

    /// A time without a year is the last one of its kind, not one that is still to come.
    fn this_year(&self, month: i64, day: i64, time: i64, nanos: i64) -> Option<Stamp> {
        let now = self.now.0.div_euclid(SECOND);
        let year = year_of((now + self.zone).div_euclid(DAY));
        let in_year = |year| {
            let seconds = civil(year, month, day)? + time - self.zone;
            (seconds <= now + DAY).then_some(seconds)
        };
        let seconds = in_year(year + 1)
            .or_else(|| in_year(year))
            .or_else(|| in_year(year - 1))?;
        stamp(seconds, nanos)
    }
}

fn stamp(seconds: i64, nanos: i64) -> Option<Stamp> {
    Some(Stamp(seconds.checked_mul(SECOND)?.checked_add(nanos)?))
}

/// A moment as a count since the epoch: of seconds, milliseconds, microseconds or nanoseconds, by how large it is. Less than
/// thirty years of seconds is no moment of a log.
fn since_epoch(count: i64) -> Option<Stamp> {
    let nanos = match count {
        1_000_000_000..100_000_000_000 => SECOND,
        1_000_000_000_000..100_000_000_000_000 => 1_000_000,
        1_000_000_000_000_000..100_000_000_000_000_000 => 1_000,
        1_000_000_000_000_000_000.. => 1,
        _ => return None,
    };
    count.checked_mul(nanos).map(Stamp)
}

/// The same with a fraction: of seconds or milliseconds, to the microsecond.
fn since_epoch_broken(count: f64) -> Option<Stamp> {
    let micros = match count {
        1e9..1e11 => 1e6,
        1e12..1e14 => 1e3,
        _ => return None,
    };
    Some(Stamp((count * micros).round() as i64 * 1_000))
}

/// Seconds from the epoch to the beginning of a day of the Gregorian calendar.
pub(super) fn civil(year: i64, month: i64, day: i64) -> Option<i64> {
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())?;
    // Years begin in March, so that the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((era * 146_097 + day_of_era - 719_468) * DAY)
}

/// The year that a day lies in, counted from the epoch on.
fn year_of(day: i64) -> i64 {
    let guess = 1970 + day.div_euclid(366);
    let begins = |year| civil(year, 1, 1).map_or(i64::MAX, |seconds| seconds / DAY);
    (guess..guess + 4)
        .take_while(|year| begins(*year) <= day)
        .last()
        .unwrap_or(guess)
}

#[derive(Clone, Copy)]
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        (*self.0.first()? == wanted).then_some(())?;
        self.skip(1)
    }

    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let first = *self.0.first()?;
        wanted.contains(&first).then_some(())?;
        self.skip(1)?;
        Some(first)
    }

    fn digit_next(&self) -> bool {
        self.0.first().is_some_and(u8::is_ascii_digit)
    }

    /// Exactly so many digits; nothing is taken where there are fewer.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let mut value = 0;
        for byte in self.0.get(..digits)? {
            byte.is_ascii_digit().then_some(())?;
            value = value * 10 + i64::from(byte - b'0');
        }
        self.skip(digits)?;
        Some(value)
    }

    /// `14:05:06` in seconds.
    fn clock(&mut self) -> Option<i64> {
        let hours = self.number(2)?;
        self.byte(b':')?;
        let minutes = self.number(2)?;
        self.byte(b':')?;
        let seconds = self.number(2)?;
        (hours < 24 && minutes < 60 && seconds <= 60)
            .then_some(hours * 3600 + minutes * 60 + seconds)
    }

    /// `.123456` or `,123` in nanoseconds; 0 where there is none.
    fn fraction(&mut self) -> i64 {
        let before = *self;
        if self.one_of(b".,").is_none() || !self.digit_next() {
            *self = before;
            return 0;
        }
        let (mut nanos, mut worth) = (0, SECOND / 10);
        while let Some(digit) = self.number(1) {
            nanos += digit * worth;
            worth /= 10;
        }
        nanos
    }

    /// `Z`, `+01:00`, `-0800` in seconds ahead of UTC.
    fn zone(&mut self) -> Option<i64> {
        let mut at = *self;
        at.byte(b' ');
        let sign = match at.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = at.number(2)?;
        at.byte(b':');
        let minutes = at.number(2)?;
        Some(sign * (hours * 3600 + minutes * 60))
    }

    fn month(&mut self) -> Option<i64> {
        let name = self.0.get(..3)?;
        let index = MONTHS.iter().position(|month| month.as_slice() == name)?;
        self.skip(3)?;
        i64::try_from(index + 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-11-21 14:05:06 UTC.
    const AT: i64 = 1_795_269_906;

    fn read(line: &str) -> Option<f64> {
        let clock = LineClock {
            zone: 3600,
            now: Stamp((AT + 60) * SECOND),
        };
        clock
            .read(line.as_bytes())
            .map(|stamp| (stamp.0 - AT * SECOND) as f64 / 1e9)
    }

    #[test]
    fn times_by_rows() {
        for (line, wanted) in [
            ("2026-11-21T14:05:06Z up", 0.0),
            ("2026-11-21T14:05:06.5+00:00 up", 0.5),
            ("2026-11-21T15:05:06.25+0100", 0.25),
            ("2026-11-21 15:05:06,125 - root - INFO", 0.125),
            ("[2026-11-21 15:05:06] x", 0.0),
            ("2026-11-21 14:05:06.5 +0000 x", 0.5),
            ("2026/11/21 15:05:07 [error] 12#0: x", 1.0),
            ("Nov 21 15:05:06 host sshd[1]: x", 0.0),
            ("Sat Nov 21 15:05:06 2026 x", 0.0),
            ("[Sat Nov 21 15:05:06.5 2026] [core:error]", 0.5),
            ("INFO 11-21 15:05:06 [api_server.py:1] x", 0.0),
            ("ERROR: 2026-11-21 15:05:06 x", 0.0),
            ("[INFO] 2026-11-21 15:05:06 x", 0.0),
            ("I1121 15:05:06.250000   1 main.go:1] x", 0.25),
            ("10.0.0.1 - - [21/Nov/2026:15:05:06 +0100] \"GET /\"", 0.0),
            ("1795269907.500 x", 1.5),
        ] {
            assert_eq!(read(line), Some(wanted), "{line}");
        }
        for line in [
            "",
            "hello",
            "INFO hello",
            "2026-13-21 15:05:06",
            "2026-11-21",
            "Nov",
            "99:99:99",
            "[",
            "1795269907 x",
            "\u{fc}\u{fc}",
            "IIII IIII",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn times_in_json_by_rows() {
        for (line, wanted) in [
            (
                r#"{"level":"info","time":"2026-11-21T14:05:06.5Z","msg":"x"}"#,
                0.5,
            ),
            (r#"{"time":"2026-11-21 15:05:07","msg":"x"}"#, 1.0),
            (r#"{"ts":1795269907,"msg":"x"}"#, 1.0),
            (r#"{"ts":1795269906.25,"msg":"x"}"#, 0.25),
            (r#"{"level":30,"time":1795269906125,"pid":1}"#, 0.125),
            (r#"{"timestamp":1795269906000250}"#, 0.000_25),
            (r#"{"timestamp":1795269906000000250}"#, 2.5e-7),
            (r#"{"@timestamp":"2026-11-21T14:05:06+00:00"}"#, 0.0),
            (r#"{"ts":"1795269907.5"}"#, 1.5),
            (r#"{"time":{"took":3},"ts":1795269907}"#, 1.0),
        ] {
            assert_eq!(read(line), Some(wanted), "{line}");
        }
        for line in [
            r#"{"time":12,"msg":"took"}"#,
            r#"{"msg":"\"time\":1795269907"}"#,
            r#"{"request":{"time":1795269907}}"#,
            r#"{"time":"soon"}"#,
            r#"{"time":1795269907"#,
            "{}",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_time_without_a_year_lies_in_the_past() {
        let new_year = LineClock {
            zone: 0,
            now: Stamp(civil(2027, 1, 1).unwrap() * SECOND),
        };
        let written = new_year.read(b"Dec 31 23:59:59 host x").unwrap();
        assert_eq!(written.0, (civil(2027, 1, 1).unwrap() - 1) * SECOND);
        // A clock that is a little ahead.
        let ahead = new_year.read(b"Jan  1 00:00:09 host x").unwrap();
        assert_eq!(ahead.0, (civil(2027, 1, 1).unwrap() + 9) * SECOND);
    }

    #[test]
    fn every_day_is_the_one_after_the_day_before() {
        assert_eq!(civil(1970, 1, 1), Some(0));
        assert_eq!(civil(2000, 3, 1), Some(951_868_800));
        for day in 0..40_000 {
            let year = year_of(day);
            let begins = civil(year, 1, 1).unwrap() / DAY;
            let next = civil(year + 1, 1, 1).unwrap() / DAY;
            assert!((begins..next).contains(&day), "{day} is not in {year}");
        }
    }
}
