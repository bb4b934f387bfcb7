//! Foreign text -> text that can't do anything to a terminal. Whole escape sequences go and leave `␛`; what can't be seen
//! is shown by its number; nothing that a person would see is hidden. One pass, output within a small factor of the input.

use std::fmt::Write as _;

use super::class::{Class, is_pictograph};

/// Marks on one character; scripts need three at most, a pile of sixty hides the lines above.
const MOST_MARKS: u32 = 4;

/// What stands for an escape sequence that was taken out. Colours go without it.
const ESCAPE: char = '␛';
/// What stands for a line end inside a text.
const LINE_END: char = '␊';
/// What a mark stands on that has no character before it.
const NO_BASE: char = '◌';

/// Whether the text is printable ASCII and so clean as it is.
pub(super) fn is_clean(text: &str) -> bool {
    // A fold over blocks, since a loop that can stop at each byte is not vectorised.
    let block = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(false, |bad, b| bad | !(b' '..=b'~').contains(b))
    };
    !text.as_bytes().chunks(256).any(block)
}

/// What becomes of the colours that a text asks for.
pub(super) trait Colours {
    /// Everything from here on looks otherwise: the parameters as they were written, and the bytes of clean text so far.
    fn change(&mut self, parameters: &str, at: usize);
}

/// Colours are left out.
struct NoColours;

impl Colours for NoColours {
    fn change(&mut self, _: &str, _: usize) {}
}

/// Cleans a text. Line ends at its end are left out.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    clean_onto(text, &mut out, &mut NoColours);
    out
}

/// Cleans a text behind what is there already, and tells its colours.
pub(super) fn clean_onto(text: &str, out: &mut String, colours: &mut impl Colours) {
    let mut cleaner = Cleaner {
        rest: text.trim_end_matches(['\r', '\n']),
        out,
        colours,
        last: None,
        marks: 0,
        hidden: None,
        endless: false,
    };
    while cleaner.step() {}
    cleaner.tell_hidden();
}

struct Cleaner<'a, C> {
    rest: &'a str,
    out: &'a mut String,
    colours: &'a mut C,
    /// The last character that marks and joiners can belong to.
    last: Option<char>,
    marks: u32,
    /// The hidden character that was shown last, and how often it came in a row.
    hidden: Option<(char, u64)>,
    /// No control string that begins in the rest has an end.
    endless: bool,
}

impl<C: Colours> Cleaner<'_, C> {
    fn step(&mut self) -> bool {
        if self.copy_plain() {
            return true;
        }
        let Some(c) = self.take() else {
            return false;
        };
        match Class::of(c) {
            Class::Joiner if self.last.is_some_and(is_pictograph) => {}
            Class::Joiner | Class::Hidden => self.hide(c),
            Class::Mark => self.mark(c),
            Class::Space => self.show(' '),
            Class::Plain => self.show(c),
            Class::Control => self.control(c),
        }
        true
    }

    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Copies a run of printable ASCII at once.
    fn copy_plain(&mut self) -> bool {
        let bytes = self.rest.as_bytes();
        let run = bytes
            .iter()
            .take_while(|b| (b' '..=b'~').contains(b))
            .count();
        let Some((plain, rest)) = self.rest.split_at_checked(run) else {
            return false;
        };
        if plain.is_empty() {
            return false;
        }
        self.tell_hidden();
        self.out.push_str(plain);
        self.rest = rest;
        self.last = plain.chars().next_back();
        self.marks = 0;
        true
    }

    fn show(&mut self, c: char) {
        self.tell_hidden();
        self.out.push(c);
        self.last = Some(c);
        self.marks = 0;
    }

    fn mark(&mut self, c: char) {
        self.tell_hidden();
        if self.last.is_none() {
            self.show(NO_BASE);
        }
        self.marks += 1;
        if self.marks <= MOST_MARKS {
            self.out.push(c);
        }
    }

    /// Shows a character by its number, once for a row of the same.
    fn hide(&mut self, c: char) {
        if let Some((same, times)) = &mut self.hidden
            && *same == c
        {
            *times += 1;
            return;
        }
        self.tell_hidden();
        let _ = write!(self.out, "‹U+{:04X}›", u32::from(c));
        self.hidden = Some((c, 1));
        self.last = None;
        self.marks = 0;
    }

    fn tell_hidden(&mut self) {
        if let Some((_, times @ 2..)) = self.hidden.take() {
            let _ = write!(self.out, "×{times}");
        }
    }

    fn control(&mut self, c: char) {
        match c {
            '\t' => self.show(' '),
            '\r' => {
                if self.peek() != Some('\n') {
                    self.show(LINE_END);
                }
            }
            '\n' => self.show(LINE_END),
            '\u{1b}' => self.escape(),
            '\u{9b}' => self.csi(),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => self.control_string(),
            '\u{7f}' => self.show('␡'),
            '\0'..='\u{1f}' => self.show(picture(c)),
            _ => self.hide(c),
        }
    }

    /// ECMA-48: `[` begins a control sequence, `P X ] ^ _` a control string; else intermediates and one final byte.
    fn escape(&mut self) {
        match self.peek() {
            Some('[') => {
                self.take();
                self.csi();
            }
            Some('P' | 'X' | ']' | '^' | '_') => {
                self.take();
                self.control_string();
            }
            _ => {
                self.skip(|c| matches!(c, ' '..='/'));
                if matches!(self.peek(), Some('0'..='~')) {
                    self.take();
                }
                self.show(ESCAPE);
            }
        }
    }

    /// Parameters, intermediates, one final byte. Colours (`m`) and "erase to the end of the line" (`K`), which honest
    /// programs write by the thousand, go without a sign.
    fn csi(&mut self) {
        let parameters = self.skip(|c| matches!(c, '0'..='?'));
        let between = self.skip(|c| matches!(c, ' '..='/'));
        match self.peek() {
            Some('m') => {
                self.take();
                if between.is_empty() {
                    self.colours.change(parameters, self.out.len());
                }
            }
            Some('K') => {
                self.take();
            }
            Some('@'..='~') => {
                self.take();
                self.show(ESCAPE);
            }
            _ => self.show(ESCAPE),
        }
    }

    /// Up to BEL or the string terminator. One without an end is not taken at its word: its text is shown, since
    /// otherwise one stray byte would hide everything behind it.
    fn control_string(&mut self) {
        self.show(ESCAPE);
        if self.endless {
            return;
        }
        let end = self
            .rest
            .find(['\u{7}', '\u{9c}', '\u{18}', '\u{1a}', '\u{1b}']);
        let Some((at, end)) = end.and_then(|at| Some((at, self.rest.get(at..)?.chars().next()?)))
        else {
            self.endless = true;
            return;
        };
        // An escape that begins something else ends the string without being part of it.
        let terminator = match end {
            '\u{1b}'
                if self
                    .rest
                    .get(at + 1..)
                    .is_some_and(|rest| rest.starts_with('\\')) =>
            {
                2
            }
            '\u{1b}' => 0,
            other => other.len_utf8(),
        };
        self.rest = self.rest.get(at + terminator..).unwrap_or_default();
    }
}

impl<'a, C> Cleaner<'a, C> {
    /// Goes past the characters that are wanted, and tells them.
    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest.trim_start_matches(wanted);
        let skipped = self.rest.len() - rest.len();
        let skipped = self.rest.get(..skipped).unwrap_or_default();
        self.rest = rest;
        skipped
    }
}

/// U+2400 and on: the pictures of C0.
fn picture(c: char) -> char {
    char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Bytes as text. A lone byte of C1 stays one: a terminal may take it for a control, so it must be seen here.
/// Anything else that is not UTF-8 becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        match chunk.invalid() {
            [] => {}
            [c1 @ 0x80..=0x9f] => text.push(char::from(*c1)),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    text
}
