//! What a far side says before it speaks SSH, heard beside the driver: silence, another protocol and a refusal in plain
//! words are different troubles. Reads nothing itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::text::SafeText;

/// How the line begins that tells the version (RFC 4253 §4.2).
const VERSION: &[u8] = b"SSH-2.0-";

/// Longest part of the first line that is kept, in bytes.
const KEPT: usize = 80;

/// The first words of one connection.
#[derive(Debug, Default)]
pub(super) struct Greeting(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    heard: bool,
    version: bool,
    first: Vec<u8>,
    first_ended: bool,
    /// The begin of the line that is being heard.
    line: Vec<u8>,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Not a byte.
    Nothing,
    /// No version yet; the first line was this.
    Other(SafeText),
    /// The version of an SSH server.
    Version,
}

impl Greeting {
    /// Bytes that came in.
    pub(super) fn hear(&self, bytes: &[u8]) {
        let mut state = self.state();
        if !state.version {
            for byte in bytes {
                state.take(*byte);
            }
        }
    }

    /// What was heard up to now.
    pub(super) fn heard(&self) -> Heard {
        let state = self.state();
        if state.version {
            Heard::Version
        } else if state.heard {
            Heard::Other(SafeText::from_bytes(&state.first))
        } else {
            Heard::Nothing
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, byte: u8) {
        self.heard = true;
        if byte == b'\n' {
            self.first_ended = true;
            self.line.clear();
            return;
        }
        if !self.first_ended && self.first.len() < KEPT && byte != b'\r' {
            self.first.push(byte);
        }
        if self.line.len() < VERSION.len() {
            self.line.push(byte);
            self.version |= self.line == VERSION;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_plain_words_and_a_version_are_told_apart() {
        let other = |words: &str| Heard::Other(words.into());
        let long = "x".repeat(5000);
        let rows: [(&[&str], Heard); 8] = [
            (&[], Heard::Nothing),
            (&["SSH-2.0-OpenSSH_9.9\r\n"], Heard::Version),
            (&["SS", "H-2", ".0-x"], Heard::Version),
            (&["hello\r\nyou\r\n", "SSH-2.0-x"], Heard::Version),
            (&["not SSH-2.0-x\r\n"], other("not SSH-2.0-x")),
            (&["SSH-1.5-old\r\n"], other("SSH-1.5-old")),
            (
                &["Not allowed at this time\r\n"],
                other("Not allowed at this time"),
            ),
            (&[&long], other(&long[..KEPT])),
        ];
        for (chunks, heard) in rows {
            let greeting = Greeting::default();
            for chunk in chunks {
                greeting.hear(chunk.as_bytes());
            }
            assert_eq!(greeting.heard(), heard, "{chunks:?}");
        }
        let greeting = Greeting::default();
        greeting.hear(b"\x1b]0;owned\x07\xff\n");
        assert!(!format!("{:?}", greeting.heard()).contains("\\u{1b}"));
    }
}
