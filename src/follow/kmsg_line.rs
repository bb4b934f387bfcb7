//! One record of `/dev/kmsg` to a log line (Documentation/ABI/testing/dev-kmsg). Pure.

use super::journal_line::level;
use super::line::Level;

/// A record of the kernel's ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sequence: u64,
    /// Microseconds on the kernel's own clock.
    pub(super) micros: i64,
    pub(super) level: Option<Level>,
    pub(super) text: Vec<u8>,
}

/// Reads `6,339,5140900,-;message`; `None` for the lines of facts behind a record, and for junk.
pub(super) fn read(line: &[u8]) -> Option<Record> {
    let end = memchr::memchr(b';', line)?;
    let (head, text) = line.split_at(end);
    let mut head = std::str::from_utf8(head).ok()?.split(',');
    let priority: i64 = head.next()?.parse().ok()?;
    Some(Record {
        sequence: head.next()?.parse().ok()?,
        micros: head.next()?.parse().ok()?,
        level: level(priority & 7),
        text: unescape(text.get(1..)?),
    })
}

/// The kernel writes what can't be printed as `\x1b`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let code = match rest {
            [b'\\', b'x', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = code {
            plain.push(high * 16 + low);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            plain.push(*byte);
            rest = after;
        }
    }
    plain
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_by_rows() {
        let record =
            read(b"3,339,5140900,-,caller=T1;NVRM: Xid\\x20(PCI:0000:44:00): 79, a\\b \\x1b;")
                .unwrap();
        assert_eq!(
            (record.sequence, record.micros, record.level),
            (339, 5_140_900, Some(Level::Error))
        );
        assert_eq!(record.text, b"NVRM: Xid (PCI:0000:44:00): 79, a\\b \x1b;");
        assert_eq!(read(b"30,1,2,-;x").unwrap().level, Some(Level::Info));
        for junk in [
            &b""[..],
            b" SUBSYSTEM=pci",
            b"x,1,2,-;y",
            b"6;y",
            b"6,1,2",
            b";",
        ] {
            assert_eq!(read(junk), None, "{junk:?}");
        }
    }
}
