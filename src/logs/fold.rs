//! What is alike in lines that differ only in numbers: a hash of the line with its numbers, ids, paths with digits and quoted
//! parts masked. Lines next to each other with the same one fold into one row.

/// Stands for what was masked.
const MASK: u8 = 0;
/// Letters alone are taken for a hexadecimal number from this length on.
const HEX: usize = 8;

/// The template of a line; never 0.
pub(super) fn template_of(line: &str) -> u32 {
    let mut hash = Fnv::default();
    let mut rest = line.as_bytes();
    while let Some(byte) = rest.first().copied() {
        let (part, masked) = match byte {
            b'"' | b'\'' => quoted(rest, byte),
            _ if in_word(byte) => word(rest),
            _ => (1, false),
        };
        let Some((part, on)) = rest.split_at_checked(part) else {
            break;
        };
        if masked {
            hash.add(MASK);
        } else {
            for byte in part {
                hash.add(*byte);
            }
        }
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

fn word(text: &[u8]) -> (usize, bool) {
    let len = text.iter().take_while(|byte| in_word(**byte)).count();
    let word = text.get(..len).unwrap_or_default();
    let digits = word.iter().any(u8::is_ascii_digit);
    let hex = len >= HEX && word.iter().all(u8::is_ascii_hexdigit);
    (len, digits || hex)
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./:+@#".contains(&byte) || byte >= 0x80
}

/// FNV-1a.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn end(self) -> u32 {
        ((self.0 >> 32) as u32 ^ self.0 as u32).max(1)
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
