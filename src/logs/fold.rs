//! What is alike in lines that differ only in numbers: a hash of the line with its numbers, ids, paths with digits and quoted
//! parts masked. Lines next to each other with the same one fold into one row.

/// Stands for what was masked.
const MASK: u8 = 0;
/// Letters alone are taken for a hexadecimal number from this length on.
const HEX: usize = 8;

/// What a byte may be part of.
const IN_WORD: u8 = 1;
const DIGIT: u8 = 2;
const HEX_DIGIT: u8 = 4;

/// For each byte what it may be part of.
const KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        let in_word = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'_' | b'-' | b'.' | b'/' | b':' | b'+' | b'@' | b'#' | 0x80..
            );
        let (digit, hex) = (byte.is_ascii_digit(), byte.is_ascii_hexdigit());
        let kind = in_word as u8 * IN_WORD + digit as u8 * DIGIT + hex as u8 * HEX_DIGIT;
        if let Some((_, rest)) = kinds.split_at_mut_checked(byte as usize)
            && let [slot, ..] = rest
        {
            *slot = kind;
        }
        byte += 1;
    }
    kinds
}

fn kind(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The template of a line; never 0.
pub(super) fn template_of(line: &str) -> u32 {
    let mut hash = Hash::default();
    let mut rest = line.as_bytes();
    while let Some(byte) = rest.first().copied() {
        let (part, masked) = match byte {
            b'"' | b'\'' => quoted(rest, byte),
            _ => word(rest),
        };
        let Some((part, on)) = rest.split_at_checked(part) else {
            break;
        };
        hash.add(if masked { &[MASK] } else { part });
        rest = on;
    }
    hash.end()
}

/// A quoted part, if it ends; an apostrophe inside a word is none.
fn quoted(text: &[u8], quote: u8) -> (usize, bool) {
    let inside = text.get(1..).unwrap_or_default();
    match memchr::memchr(quote, inside) {
        Some(end) => (end + 2, true),
        None => (1, false),
    }
}

/// A word, or the one byte that is none; and whether it is a number or has one in it.
fn word(text: &[u8]) -> (usize, bool) {
    let (mut len, mut any, mut all) = (0, 0, HEX_DIGIT);
    for byte in text {
        let kind = kind(*byte);
        if kind & IN_WORD == 0 {
            break;
        }
        any |= kind;
        all &= kind;
        len += 1;
    }
    let masked = any & DIGIT != 0 || (len >= HEX && all != 0);
    (len.max(1), masked)
}

/// Multiplies and folds, eight bytes at once. Nobody gains by a collision: two lines would share a row.
#[derive(Default)]
struct Hash(u64);

impl Hash {
    fn add(&mut self, part: &[u8]) {
        let (eights, rest) = part.as_chunks::<8>();
        for eight in eights {
            self.mix(u64::from_le_bytes(*eight));
        }
        let last = rest
            .iter()
            .fold(rest.len() as u64, |last, byte| last << 8 | u64::from(*byte));
        self.mix(last);
    }

    fn mix(&mut self, value: u64) {
        // The odd constant of Fibonacci hashing.
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn end(self) -> u32 {
        ((self.0 >> 32) as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_by_rows() {
        for (one, other, same) in [
            ("loading shard 12/16", "loading shard 13/16", true),
            ("14:05:22.1 GET /a/1 200", "14:05:23.9 GET /b/2 404", true),
            (
                "id 550e8400-e29b-41d4-a716-446655440000",
                "id 123e4567-e89b-12d3-a456-426614174000",
                true,
            ),
            ("at 0xdeadbeef", "at 0xcafebabe", true),
            ("sum deadbeef", "sum cafebabe", true),
            ("user \"ann\" came", "user \"bob\" came", true),
            ("user 'ann' came", "user 'bob' came", true),
            ("temp 41°C", "temp 42°C", true),
            ("", "", true),
            ("connected", "disconnected", false),
            ("user ann", "user bob", false),
            ("one two", "one  two", false),
            ("a \"open", "b \"open", false),
        ] {
            assert_eq!(
                template_of(one) == template_of(other),
                same,
                "{one:?} {other:?}"
            );
        }
    }
}
