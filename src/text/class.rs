//! What a character may do to a screen. Tables from Unicode 16: general category Cf, Default_Ignorable_Code_Point, Zs, Co
//! and noncharacters, and the blanks that have a visible category.

use unicode_width::UnicodeWidthChar as _;

/// What is done with a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It is shown as it is.
    Plain,
    /// It takes no cell of its own: it belongs to the character before it.
    Mark,
    /// Another kind of space: shown as the plain one.
    Space,
    /// It joins or styles the pictograph before it: left out there, else shown by its number.
    Joiner,
    /// It can't be seen, turns the direction of text, or means something else everywhere: shown by its number.
    Hidden,
    /// C0, DEL or C1.
    Control,
}

impl Class {
    pub(super) fn of(c: char) -> Self {
        match c {
            ' '..='~' => Self::Plain,
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Self::Control,
            '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}' => Self::Space,
            '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' => Self::Joiner,
            _ if is_hidden(c) => Self::Hidden,
            _ if c.width() == Some(0) => Self::Mark,
            _ => Self::Plain,
        }
    }
}

fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether a joiner behind this character only makes a picture of it.
pub(super) fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}')
}
