//! Bytes from the terminal become keys, mouse, paste and focus (pure). Ours because crossterm's reader spins on a dead
//! terminal, takes a split escape sequence for keys, and can leave the end of a burst unread.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::input::{Event, Mouse, MouseKind};
use super::keymap::Key;

/// Longest paste that is taken; the rest is dropped. A little more than the draft of a question holds, which tells what
/// did not fit.
pub(super) const LONGEST_PASTE: usize = 128 * 1024;

/// Longest escape sequence that is waited for; answers to questions that we did not ask are thrown away at this length.
const LONGEST_SEQUENCE: usize = 256;

const PASTE_END: &[u8] = b"\x1b[201~";

/// Turns bytes into events. Sequences may be split anywhere.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
    /// The rest of an answer that is too long to be one of ours: none of it is a key.
    passing_over: bool,
}

/// What the pending bytes are.
enum Parsed {
    /// The beginning of something.
    More,
    /// Something whole.
    Event(Event),
    /// Something whole that means nothing to us.
    Nothing,
    /// The first byte is a key of its own, the rest is looked at anew.
    First(Event),
    /// A paste begins.
    Paste,
}

impl Decoder {
    /// Takes what was read.
    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        for byte in bytes {
            if let Some(paste) = &mut self.paste {
                if let Some(text) = feed_paste(paste, *byte) {
                    self.paste = None;
                    events.push(Event::Paste(text));
                }
                continue;
            }
            if self.passing_over {
                self.pass_over(*byte);
                continue;
            }
            self.pending.push(*byte);
            self.settle(events);
        }
    }

    /// Whether a beginning waits for its rest.
    pub(super) fn is_waiting(&self) -> bool {
        self.passing_over || !self.pending.is_empty()
    }

    /// The rest did not come: what looked like the beginning of a sequence was keys.
    pub(super) fn give_up(&mut self, events: &mut Vec<Event>) {
        let pending = std::mem::take(&mut self.pending);
        if std::mem::take(&mut self.passing_over) {
            return;
        }
        match pending.as_slice() {
            [0x1b] => events.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            [0x1b, byte] => {
                events.extend(plain(*byte).map(|(code, held)| key(code, held | KeyModifiers::ALT)));
            }
            _ => {}
        }
    }

    /// Waits for the end of a string: BEL, or the backslash of an ST.
    fn pass_over(&mut self, byte: u8) {
        let ends = byte == 0x07 || (byte == b'\\' && self.pending.last() == Some(&0x1b));
        self.pending.clear();
        self.passing_over = !ends;
        if !ends {
            self.pending.push(byte);
        }
    }

    fn settle(&mut self, events: &mut Vec<Event>) {
        while !self.pending.is_empty() {
            match parse(&self.pending) {
                Parsed::More if self.pending.len() < LONGEST_SEQUENCE => return,
                Parsed::More if matches!(self.pending.get(1), Some(b']' | b'P' | b'_' | b'^')) => {
                    self.passing_over = true;
                    return;
                }
                Parsed::More | Parsed::Nothing => self.pending.clear(),
                Parsed::Event(event) => {
                    self.pending.clear();
                    events.push(event);
                }
                Parsed::First(event) => {
                    self.pending.remove(0);
                    events.push(event);
                }
                Parsed::Paste => {
                    self.pending.clear();
                    self.paste = Some(Vec::new());
                }
            }
        }
    }
}

/// Adds a byte to a paste; its text when that was the last one. What is over the bound is dropped, its end is still seen.
fn feed_paste(paste: &mut Vec<u8>, byte: u8) -> Option<String> {
    paste.push(byte);
    if paste.ends_with(PASTE_END) {
        paste.truncate(paste.len() - PASTE_END.len());
        let mut text = String::from_utf8_lossy(paste).into_owned();
        text.truncate(text.floor_char_boundary(LONGEST_PASTE));
        return Some(text);
    }
    if paste.len() > LONGEST_PASTE + PASTE_END.len() {
        paste.remove(LONGEST_PASTE);
    }
    None
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(Key::of(KeyEvent::new(code, modifiers)))
}

fn parse(bytes: &[u8]) -> Parsed {
    match bytes {
        [0x1b] | [0x1b, b'[' | b'O' | b']' | b'P' | b'_' | b'^'] => Parsed::More,
        [0x1b, 0x1b, ..] => Parsed::First(key(KeyCode::Esc, KeyModifiers::NONE)),
        [0x1b, b'[', rest @ ..] => control_sequence(rest),
        [0x1b, b'O', byte, ..] => letter(*byte).map_or(Parsed::Nothing, |code| {
            Parsed::Event(key(code, KeyModifiers::NONE))
        }),
        [0x1b, b']' | b'P' | b'_' | b'^', rest @ ..] => {
            match rest.strip_suffix(b"\x07").or(rest.strip_suffix(b"\x1b\\")) {
                Some(answer) => background(answer).map_or(Parsed::Nothing, Parsed::Event),
                None => Parsed::More,
            }
        }
        [0x1b, rest @ ..] => character(rest, KeyModifiers::ALT),
        _ => character(bytes, KeyModifiers::NONE),
    }
}

/// One character, which UTF-8 may spread over four bytes.
fn character(bytes: &[u8], held: KeyModifiers) -> Parsed {
    let Some(first) = bytes.first() else {
        return Parsed::More;
    };
    if let Some((code, modifiers)) = plain(*first) {
        return Parsed::Event(key(code, modifiers | held));
    }
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Parsed::Nothing,
    };
    if bytes.len() < length {
        return Parsed::More;
    }
    match std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.chars().next())
    {
        Some(c) => Parsed::Event(key(KeyCode::Char(c), held)),
        None => Parsed::Nothing,
    }
}

/// A key that is one byte.
fn plain(byte: u8) -> Option<(KeyCode, KeyModifiers)> {
    let control = |c: u8| (KeyCode::Char(char::from(c)), KeyModifiers::CONTROL);
    Some(match byte {
        0x00 => control(b' '),
        b'\t' => (KeyCode::Tab, KeyModifiers::NONE),
        b'\r' => (KeyCode::Enter, KeyModifiers::NONE),
        0x01..=0x1a => control(byte - 1 + b'a'),
        0x1b => (KeyCode::Esc, KeyModifiers::NONE),
        0x1c..=0x1f => control(byte - 0x1c + b'4'),
        0x7f => (KeyCode::Backspace, KeyModifiers::NONE),
        0x20..=0x7e => (KeyCode::Char(char::from(byte)), KeyModifiers::NONE),
        _ => return None,
    })
}

/// Everything after `ESC [`.
fn control_sequence(rest: &[u8]) -> Parsed {
    let Some((last, parameters)) = rest.split_last() else {
        return Parsed::More;
    };
    match (parameters, last) {
        // The Linux console writes F1 to F5 as `ESC [ [ A`; terminals without mode 1006 report the mouse as `ESC [ M`
        // and three bytes.
        ([], b'[' | b'M') => return Parsed::More,
        ([b'['], b'A'..=b'E') => {
            return Parsed::Event(key(KeyCode::F(last - b'A' + 1), KeyModifiers::NONE));
        }
        ([b'M', more @ ..], _) => {
            return if more.len() < 2 {
                Parsed::More
            } else {
                Parsed::Nothing
            };
        }
        _ => {}
    }
    match last {
        0x20..=0x3f => Parsed::More,
        0x40..=0x7e => finished(parameters, *last).map_or(Parsed::Nothing, |event| event),
        // A control character breaks a sequence off.
        _ => Parsed::Nothing,
    }
}

fn finished(parameters: &[u8], last: u8) -> Option<Parsed> {
    if let Some(mouse) = parameters.strip_prefix(b"<") {
        return mouse_report(mouse, last).map(|mouse| Parsed::Event(Event::Mouse(mouse)));
    }
    if last == b'u' && parameters.starts_with(b"?") {
        return Some(Parsed::Event(Event::KittyKeyboard));
    }
    let numbers = numbers(parameters)?;
    let first = numbers.first().copied().unwrap_or_default();
    let held = modifiers(numbers.get(1).copied().unwrap_or(1));
    let code = match (last, first) {
        (b'I', _) => return Some(Parsed::Event(Event::Focus(true))),
        (b'O', _) => return Some(Parsed::Event(Event::Focus(false))),
        (b'Z', _) => KeyCode::BackTab,
        (b'~', 200) => return Some(Parsed::Paste),
        (b'~', 27) => coded(*numbers.get(2)?)?,
        (b'~', number) => numbered(number)?,
        (b'u', code) => coded(code)?,
        (letter_byte, _) => letter(letter_byte)?,
    };
    Some(Parsed::Event(key(code, held)))
}

/// The answer to OSC 11, `11;rgb:RRRR/GGGG/BBBB`: whether the background is light.
fn background(answer: &[u8]) -> Option<Event> {
    let colour = std::str::from_utf8(answer).ok()?.strip_prefix("11;rgb:")?;
    let mut parts = colour.split('/').map(|part| {
        let most = 16_u32.checked_pow(u32::try_from(part.len()).ok()?)? - 1;
        Some(f64::from(u32::from_str_radix(part, 16).ok()?) / f64::from(most.max(1)))
    });
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    // Rec. 709 luma.
    let luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    Some(Event::Background { light: luma > 0.5 })
}

/// Numbers between semicolons; what follows a colon is a detail that we did not ask for. None: not ours to read.
fn numbers(parameters: &[u8]) -> Option<Vec<u32>> {
    let text = std::str::from_utf8(parameters).ok()?;
    text.split(';')
        .map(|part| {
            let number = part.split(':').next().unwrap_or_default();
            if number.is_empty() {
                Some(1)
            } else {
                number.parse().ok()
            }
        })
        .collect()
}

/// xterm's modifier number: one more than the sum of shift 1, alt 2, control 4.
fn modifiers(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .fold(KeyModifiers::NONE, |all, (_, one)| all | one)
}

fn letter(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(byte - b'P' + 1),
        _ => return None,
    })
}

/// `ESC [ N ~`, as VT220 and xterm number them.
fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F((number - 10) as u8),
        17..=21 => KeyCode::F((number - 11) as u8),
        23 | 24 => KeyCode::F((number - 12) as u8),
        _ => return None,
    })
}

/// A key by its code point, as kitty's protocol and xterm's modifyOtherKeys write it.
fn coded(code: u32) -> Option<KeyCode> {
    Some(match code {
        9 => KeyCode::Tab,
        13 | 57414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        // kitty's numbers for the digits of the keypad.
        57399..=57408 => KeyCode::Char(char::from_digit(code - 57399, 10)?),
        // kitty's other keys live in the private use area: modifiers alone, media keys.
        0..=31 | 0xe000..=0xf8ff => return None,
        code => KeyCode::Char(char::from_u32(code)?),
    })
}

/// `ESC [ < button ; column ; row M`, counted from 1; `m` is a release.
fn mouse_report(parameters: &[u8], last: u8) -> Option<Mouse> {
    let numbers = numbers(parameters)?;
    let [button, column, row] = numbers.as_slice() else {
        return None;
    };
    let kind = match (button, last) {
        (0, b'M') => MouseKind::Click,
        (64, b'M') => MouseKind::ScrollUp,
        (65, b'M') => MouseKind::ScrollDown,
        _ => return None,
    };
    let place = |number: u32| u16::try_from(number.saturating_sub(1)).unwrap_or(u16::MAX);
    Some(Mouse {
        kind,
        column: place(*column),
        row: place(*row),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8]) -> Vec<Event> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        decoder.feed(bytes, &mut events);
        if decoder.is_waiting() {
            decoder.give_up(&mut events);
        }
        events
    }

    fn keys(bytes: &[u8]) -> String {
        let shown: Vec<String> = decode(bytes)
            .into_iter()
            .map(|event| match event {
                Event::Key(key) => key.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        shown.join(" ")
    }

    #[test]
    fn a_long_answer_that_nobody_asked_for_presses_no_key() {
        for (begin, end) in [
            ("\x1b]52;c;", "\x07"),
            ("\x1b]l", "\x1b\\"),
            ("\x1bP1$r", "\x1b\\"),
            ("\x1b_G", "\x1b\\"),
        ] {
            let answer = format!("{begin}{}{end}", "q\r:y".repeat(5_000));
            assert_eq!(keys(answer.as_bytes()), "", "{begin:?}");
            assert_eq!(keys(format!("{answer}j").as_bytes()), "j", "{begin:?}");
            // Without an end, silence is one.
            let cut = format!("{begin}{}\x1b", "q".repeat(5_000));
            assert_eq!(keys(cut.as_bytes()), "", "{begin:?}");
        }
    }

    #[test]
    fn every_way_to_write_a_key() {
        for (bytes, shown) in [
            (&b"gG-"[..], "g G -"),
            (b"\r\t\x7f\x1b[Z", "Enter Tab Backspace S-Tab"),
            (b"\x03\x10\x1a", "Ctrl-C Ctrl-P Ctrl-Z"),
            (b"\x1b", "Esc"),
            (b"\x1b\x1b", "Esc Esc"),
            (b"\x1b[A\x1bOB\x1b[H\x1b[F", "↑ ↓ Home End"),
            (b"\x1b[5~\x1b[6~\x1b[3~", "PgUp PgDn Del"),
            (b"\x1bOP\x1b[11~\x1b[[A\x1b[24~", "F1 F1 F1 F12"),
            (b"\x1b[1;5C\x1bb\x1b\x7f", "Ctrl-→ Alt-b Alt-Backspace"),
            (b"\x1b[27u\x1b[112;5u\x1b[13u", "Esc Ctrl-P Enter"),
            (b"\x1b[27;5;112~", "Ctrl-P"),
            ("éß日👍".as_bytes(), "é ß 日 👍"),
            (b"\x1b[", "Alt-["),
            (b"\xff\xfea", "a"),
            // Answers of the terminal are no keys.
            (b"\x1b[?62;c\x1b]4;1;rgb:0/0/0\x07\x1bP>|x\x1b\\j", "j"),
        ] {
            assert_eq!(keys(bytes), shown, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn mouse_focus_and_paste() {
        let at = |kind, column, row| Event::Mouse(Mouse { kind, column, row });
        assert_eq!(
            decode(b"\x1b[<0;3;5M\x1b[<0;3;5m\x1b[<64;1;1M\x1b[<65;200;90M"),
            [
                at(MouseKind::Click, 2, 4),
                at(MouseKind::ScrollUp, 0, 0),
                at(MouseKind::ScrollDown, 199, 89),
            ]
        );
        assert_eq!(
            decode(b"\x1b[I\x1b[O"),
            [Event::Focus(true), Event::Focus(false)]
        );
        assert_eq!(
            decode(b"\x1b[200~rm -rf\n\x1b[A\x1b[201~j").first(),
            Some(&Event::Paste("rm -rf\n\x1b[A".into()))
        );
    }

    #[test]
    fn answers_to_what_we_asked() {
        assert_eq!(decode(b"\x1b[?0u"), [Event::KittyKeyboard]);
        for (answer, light) in [
            (&b"\x1b]11;rgb:ffff/ffff/ffff\x07"[..], true),
            (b"\x1b]11;rgb:00/00/00\x1b\\", false),
            (b"\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\", true),
            (b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07", false),
        ] {
            assert_eq!(decode(answer), [Event::Background { light }]);
        }
        assert_eq!(decode(b"\x1b]11;rgb:zz/\x07"), []);
    }

    #[test]
    fn a_giant_paste_is_bounded_and_its_end_is_seen() {
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 3 * LONGEST_PASTE));
        bytes.extend(b"\x1b[201~q");
        let events = decode(&bytes);
        assert!(matches!(&events[0], Event::Paste(text) if text.len() == LONGEST_PASTE));
        assert_eq!(events.len(), 2);
    }

    proptest! {
        #[test]
        fn where_a_stream_is_split_makes_no_difference(
            bytes in proptest::collection::vec(
                prop_oneof![Just(0x1b), Just(b'['), Just(b'<'), Just(b';'), Just(b'1'), Just(b'M'), any::<u8>()],
                0..200,
            ),
            at in 0_usize..200,
        ) {
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            let mut decoder = Decoder::default();
            let mut split = Vec::new();
            decoder.feed(left, &mut split);
            decoder.feed(right, &mut split);
            let mut whole = Vec::new();
            Decoder::default().feed(&bytes, &mut whole);
            prop_assert_eq!(split, whole);
        }
    }
}
