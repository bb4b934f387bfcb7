//! Bytes as lowercase hexadecimal digits, and back.

use std::fmt::Write as _;

/// The digits of these bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The 32 bytes of 64 lowercase digits; `None` for anything else.
pub(super) fn decode(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sixty_four_lowercase_digits_are_a_value() {
        let bytes: [u8; 32] = std::array::from_fn(|at| (at * 8) as u8);
        let text = encode(&bytes);
        assert_eq!(decode(&text), Some(bytes));
        let wrong = [&text[1..], &format!("{text}0"), &text.to_uppercase(), ""];
        assert_eq!(wrong.map(decode), [None; 4]);
    }
}
