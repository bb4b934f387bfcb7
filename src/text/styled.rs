//! Foreign text with its colours kept: clean text, and beside it which part was written how. Nothing but SGR survives.

use serde::{Deserialize, Serialize};

use super::SafeText;
use super::sgr::clean_line;

/// Clean text with the colours that its writer gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StyledText {
    /// The text.
    pub text: SafeText,
    /// Its coloured parts, in order, without overlap; what lies between has no style.
    pub spans: Vec<StyleSpan>,
}

impl StyledText {
    /// Cleans bytes from outside and keeps their colours. The text is the one that [`SafeText::from_bytes`] makes of them.
    pub fn from_bytes(foreign: &[u8]) -> Self {
        let mut text = String::new();
        let mut spans = Vec::new();
        clean_line(foreign, &mut text, |span| spans.push(span));
        Self {
            text: SafeText::new(&text),
            spans,
        }
    }
}

impl From<SafeText> for StyledText {
    /// Text without colours.
    fn from(text: SafeText) -> Self {
        Self {
            text,
            spans: Vec::new(),
        }
    }
}

/// One coloured part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StyleSpan {
    /// Its first byte in the clean text.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
    /// How it was written.
    pub style: Sgr,
}

/// What SGR (ECMA-48 8.3.117, and the colours of ITU T.416 as terminals write them) says of how text looks. Blink, conceal
/// and fonts are dropped: nothing may hide or move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is on or off by itself, as terminals have them"
)]
pub struct Sgr {
    /// Colour of the letters.
    pub fg: Option<SgrColor>,
    /// Colour behind them.
    pub bg: Option<SgrColor>,
    /// Bold.
    pub bold: bool,
    /// Faint.
    pub dim: bool,
    /// Italic.
    pub italic: bool,
    /// Underlined.
    pub underline: bool,
    /// Colours exchanged.
    pub reverse: bool,
    /// Struck through.
    pub strike: bool,
}

/// A colour as it was written; which one it becomes on the screen is the theme's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SgrColor {
    /// One of the terminal's 256: 0–15 are the person's own palette.
    Indexed(u8),
    /// A colour of its own.
    Rgb(u8, u8, u8),
}
