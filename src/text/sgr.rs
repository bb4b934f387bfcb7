//! SGR parameters -> how text looks, and foreign bytes -> clean text with its coloured parts, appended where it is kept.

use super::clean::{Colours, clean_onto, decode, is_clean};
use super::styled::{Sgr, SgrColor, StyleSpan};

/// Cleans bytes from outside onto the end of a text that is clean already, and gives each coloured part, counted from the
/// byte at which the new text begins. Nothing is allocated for text that is UTF-8.
pub fn clean_line(foreign: &[u8], out: &mut String, span: impl FnMut(StyleSpan)) {
    match std::str::from_utf8(foreign) {
        Ok(text) if is_clean(text) => out.push_str(text),
        Ok(text) => clean_text(text, out, span),
        Err(_) => clean_text(&decode(foreign), out, span),
    }
}

fn clean_text(text: &str, out: &mut String, span: impl FnMut(StyleSpan)) {
    let begin = out.len();
    let mut recorder = Recorder {
        begin,
        style: Sgr::default(),
        from: begin,
        open: None,
        span,
    };
    clean_onto(text, out, &mut recorder);
    recorder.end(out.len());
}

/// Gives a span for each stretch of text with a style of its own.
struct Recorder<F> {
    begin: usize,
    style: Sgr,
    from: usize,
    /// A span that the next one may carry on.
    open: Option<StyleSpan>,
    span: F,
}

impl<F: FnMut(StyleSpan)> Recorder<F> {
    fn close(&mut self, at: usize) {
        let from = std::mem::replace(&mut self.from, at);
        if self.style == Sgr::default() || from == at {
            return;
        }
        let next = StyleSpan {
            start: offset(from, self.begin),
            end: offset(at, self.begin),
            style: self.style,
        };
        match &mut self.open {
            Some(open) if open.end == next.start && open.style == next.style => open.end = next.end,
            open => {
                if let Some(done) = open.replace(next) {
                    (self.span)(done);
                }
            }
        }
    }

    fn end(mut self, at: usize) {
        self.close(at);
        if let Some(last) = self.open.take() {
            (self.span)(last);
        }
    }
}

fn offset(at: usize, begin: usize) -> u32 {
    u32::try_from(at - begin).unwrap_or(u32::MAX)
}

impl<F: FnMut(StyleSpan)> Colours for Recorder<F> {
    fn change(&mut self, parameters: &str, at: usize) {
        let mut style = self.style;
        style.apply(parameters);
        if style != self.style {
            self.close(at);
            self.style = style;
        }
    }
}

impl Sgr {
    /// What this becomes by one SGR sequence. Parameters that mean nothing here change nothing.
    fn apply(&mut self, parameters: &str) {
        // `<`, `=`, `>` and `?` begin sequences of a terminal's own, which only end like SGR.
        if parameters.contains(['<', '=', '>', '?']) {
            return;
        }
        let mut rest = parameters.split(';');
        while let Some(parameter) = rest.next() {
            match parameter.split_once(':') {
                Some((code, parts)) => self.apply_parts(code, parts),
                None => self.apply_code(number(parameter), &mut rest),
            }
        }
    }

    fn apply_code<'a>(&mut self, code: Option<u8>, rest: &mut impl Iterator<Item = &'a str>) {
        match code {
            Some(0) => *self = Self::default(),
            Some(1) => self.bold = true,
            Some(2) => self.dim = true,
            Some(3) => self.italic = true,
            Some(4 | 21) => self.underline = true,
            Some(7) => self.reverse = true,
            Some(9) => self.strike = true,
            Some(22) => (self.bold, self.dim) = (false, false),
            Some(23) => self.italic = false,
            Some(24) => self.underline = false,
            Some(27) => self.reverse = false,
            Some(29) => self.strike = false,
            Some(n @ 30..=37) => self.fg = Some(SgrColor::Indexed(n - 30)),
            Some(38) => self.fg = colour(rest).or(self.fg),
            Some(39) => self.fg = None,
            Some(n @ 40..=47) => self.bg = Some(SgrColor::Indexed(n - 40)),
            Some(48) => self.bg = colour(rest).or(self.bg),
            Some(49) => self.bg = None,
            // The colour of the underline: its parameters must not be taken for others.
            Some(58) => drop(colour(rest)),
            Some(n @ 90..=97) => self.fg = Some(SgrColor::Indexed(n - 82)),
            Some(n @ 100..=107) => self.bg = Some(SgrColor::Indexed(n - 92)),
            _ => {}
        }
    }

    /// A code with parts of its own: `4:3`, `38:5:n`, `38:2:r:g:b`, `38:2:SPACE:r:g:b`.
    fn apply_parts(&mut self, code: &str, parts: &str) {
        let colour = || {
            let mut parts = parts.split(':');
            let kind = parts.next()?;
            let spaced = kind == "2" && parts.clone().count() > 3;
            if spaced {
                parts.next();
            }
            colour(&mut std::iter::once(kind).chain(parts))
        };
        match number(code) {
            Some(4) => self.underline = parts != "0",
            Some(38) => self.fg = colour().or(self.fg),
            Some(48) => self.bg = colour().or(self.bg),
            _ => {}
        }
    }
}

/// `5;n` or `2;r;g;b`.
fn colour<'a>(rest: &mut impl Iterator<Item = &'a str>) -> Option<SgrColor> {
    match number(rest.next()?)? {
        5 => number(rest.next()?).map(SgrColor::Indexed),
        2 => {
            let (r, g, b) = (rest.next()?, rest.next()?, rest.next()?);
            Some(SgrColor::Rgb(number(r)?, number(g)?, number(b)?))
        }
        _ => None,
    }
}

/// A parameter; a missing one is 0.
fn number(text: &str) -> Option<u8> {
    if text.is_empty() {
        return Some(0);
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{SafeText, StyledText};
    use proptest::prelude::*;

    fn plain() -> Sgr {
        Sgr::default()
    }

    fn fg(colour: SgrColor) -> Sgr {
        Sgr {
            fg: Some(colour),
            ..plain()
        }
    }

    #[test]
    fn parameters_by_rows() {
        let bold = Sgr {
            bold: true,
            ..plain()
        };
        for (parameters, style) in [
            ("", plain()),
            ("0", plain()),
            ("1", bold),
            ("01", bold),
            (
                "1;31",
                Sgr {
                    fg: Some(SgrColor::Indexed(1)),
                    ..bold
                },
            ),
            ("31;0;1", bold),
            ("1;22", plain()),
            ("97", fg(SgrColor::Indexed(15))),
            ("38;5;208", fg(SgrColor::Indexed(208))),
            ("38;2;1;2;3", fg(SgrColor::Rgb(1, 2, 3))),
            ("38:5:9", fg(SgrColor::Indexed(9))),
            ("38:2:1:2:3", fg(SgrColor::Rgb(1, 2, 3))),
            ("38:2::1:2:3", fg(SgrColor::Rgb(1, 2, 3))),
            ("38;2;1;2;999", plain()),
            ("38;5", plain()),
            ("38", plain()),
            ("58;5;1", plain()),
            (
                "48;5;4",
                Sgr {
                    bg: Some(SgrColor::Indexed(4)),
                    ..plain()
                },
            ),
            (
                "103",
                Sgr {
                    bg: Some(SgrColor::Indexed(11)),
                    ..plain()
                },
            ),
            (
                "3;4;7;9",
                Sgr {
                    italic: true,
                    underline: true,
                    reverse: true,
                    strike: true,
                    ..plain()
                },
            ),
            ("3;4;7;9;23;24;27;29", plain()),
            (
                "4:3",
                Sgr {
                    underline: true,
                    ..plain()
                },
            ),
            ("4;4:0", plain()),
            ("5;6;8;10;20;53;9999;x", plain()),
            (">4;1", plain()),
            ("?1", plain()),
        ] {
            let mut now = plain();
            now.apply(parameters);
            assert_eq!(now, style, "{parameters:?}");
        }
    }

    #[test]
    fn spans_by_rows() {
        let red = fg(SgrColor::Indexed(1));
        for (bytes, text, spans) in [
            (&b"plain"[..], "plain", vec![]),
            (b"a\x1b[31mb\x1b[0mc", "abc", vec![(1, 2, red)]),
            (b"\x1b[31mred", "red", vec![(0, 3, red)]),
            (b"\x1b[31ma\x1b[m\x1b[31mb\x1b[0m", "ab", vec![(0, 2, red)]),
            (b"\x1b[31m\x1b[0mx", "x", vec![]),
            (b"\x1b[31m\xc3\xa9\x1b[39m!", "é!", vec![(0, 2, red)]),
            (b"\x9b31mx\xff\x1b[m", "x\u{fffd}", vec![(0, 4, red)]),
            (b"\x1b[31!mx", "x", vec![]),
            (b"\x1b[31", "␛", vec![]),
            (b"\x1b[31mx\x1b[2Jy\r\n", "x␛y", vec![(0, 5, red)]),
        ] {
            let styled = StyledText::from_bytes(bytes);
            let found: Vec<_> = styled
                .spans
                .iter()
                .map(|s| (s.start, s.end, s.style))
                .collect();
            assert_eq!((styled.text.as_str(), found), (text, spans), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn the_text_is_the_safe_one_and_spans_lie_in_it(
            pieces in prop::collection::vec(prop_oneof![
                Just(b"\x1b[31m".to_vec()), Just(b"\x1b[0m".to_vec()), Just(b"\x1b[1;4".to_vec()),
                Just(b"\x1b[38;2;1;2;3m".to_vec()), Just("\u{200b}é".as_bytes().to_vec()), Just(b"\x1b]0;".to_vec()),
                prop::collection::vec(any::<u8>(), 0..8),
            ], 0..12)
        ) {
            let bytes = pieces.concat();
            let styled = StyledText::from_bytes(&bytes);
            prop_assert_eq!(&styled.text, &SafeText::from_bytes(&bytes));
            let mut last = 0;
            for span in &styled.spans {
                prop_assert!(span.start >= last && span.end > span.start);
                prop_assert!(styled.text.as_str().get(span.start as usize..span.end as usize).is_some());
                last = span.end;
            }
        }
    }
}
