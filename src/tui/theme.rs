//! What every colour on the screen means. The only file that knows colours; everything else asks for a [`Role`].

#![expect(clippy::disallowed_methods, reason = "this file is the wall")]

use ratatui::style::{Color, Modifier, Style};

macro_rules! roles {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal,)*) => {
        /// What a piece of the screen means. A theme gives each meaning its looks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Role {
            $($(#[doc = $doc])* $name,)*
        }

        impl Role {
            /// All roles, in the order of the theme files.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$name),*];

            /// Its key in a theme file.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

roles! {
    /// Values: what a person came to read.
    Text = "text",
    /// Labels, units, columns' heads: needed once, then skipped by the eye.
    Dim = "dim",
    /// Axes, rules, the empty part of a bar: felt rather than read.
    Faint = "faint",
    /// Names of things: hosts, GPUs, the title of a box.
    Title = "title",
    /// Borders of boxes.
    Border = "border",
    /// The border of the box that has the keys.
    BorderFocus = "border_focus",
    /// The one accent: our name, the open tab, the caret's line.
    Accent = "accent",
    /// The row under the cursor in the box that has the keys.
    Selected = "selected",
    /// The row under the cursor in a box that has not.
    SelectedIdle = "selected_idle",
    /// Marked rows.
    Marked = "marked",
    /// Everything answers and nothing is short.
    Ok = "ok",
    /// Worth a look: tight, hot, asking.
    Warn = "warn",
    /// Failed: down, wedged, lost.
    Bad = "bad",
    /// On its way: connecting.
    Busy = "busy",
    /// Values that are too old to trust.
    Stale = "stale",
    /// Modes that change what keys do: READ-ONLY, PAUSED, replay.
    Mode = "mode",
    /// The mode that lets dangerous acts through: ARMED.
    Armed = "armed",
    /// Part of memory: GPU processes. Also used memory as a whole.
    PartGpu = "part_gpu",
    /// Part of memory: everything else that can't be given back.
    PartOther = "part_other",
    /// Part of memory: page cache, given back when needed.
    PartCache = "part_cache",
    /// Graph: utilisation.
    GraphUse = "graph_use",
    /// Graph: memory.
    GraphMemory = "graph_memory",
    /// Graph: temperature.
    GraphHeat = "graph_heat",
    /// Graph: power.
    GraphPower = "graph_power",
    /// A key in hints and help.
    Key = "key",
    /// A hint that is refused here and now, with its reason beside it.
    Forbidden = "forbidden",
    /// What a search or a filter hit.
    Hit = "hit",
    /// Code in a text: commands, names of files.
    Code = "code",
    /// A text's stressed words.
    Emphasis = "emphasis",
    /// The surface of layers: dialogs, help, palette.
    Surface = "surface",
    /// The frame of a dialog that changes something on a host.
    Danger = "danger",
    /// A button.
    Button = "button",
    /// The button that Enter presses.
    ButtonFocus = "button_focus",
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorDepth {
    /// None: bold, dim, underline and reverse only (`NO_COLOR`).
    Mono,
    /// The palette's sixteen.
    Ansi16,
    /// xterm's 256.
    Ansi256,
    /// 24 bit.
    True,
}

/// Steps between the foot and the head of a graph.
pub const SHADES: usize = 4;

/// A look for every role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: String,
    styles: [Style; Role::ALL.len()],
    /// What graphs fade to at their foot; none: they don't fade.
    ground: Option<Color>,
    shades: [[Style; SHADES]; Role::ALL.len()],
    depth: ColorDepth,
}

/// Names of the themes that are built in, the default first.
pub fn names() -> [&'static str; 6] {
    [
        "dark",
        "light",
        "high-contrast",
        "colour-blind",
        "ansi",
        "mono",
    ]
}

impl Theme {
    /// A theme in which nothing has a look yet.
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            styles: [Style::new(); Role::ALL.len()],
            ground: None,
            shades: [[Style::new(); SHADES]; Role::ALL.len()],
            depth: ColorDepth::True,
        }
    }

    /// How many colours it may use.
    pub(super) fn depth(&self) -> ColorDepth {
        self.depth
    }

    /// The ground it is made for, where it says so.
    pub(super) fn ground(&self) -> Option<[u8; 3]> {
        self.ground.and_then(rgb)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The look of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The look of a graph's role at a height: 0 is the foot, `SHADES - 1` the head.
    pub fn shade(&self, role: Role, height: usize) -> Style {
        self.shades
            .get(role as usize)
            .and_then(|row| row.get(height.min(SHADES - 1)))
            .copied()
            .unwrap_or_default()
    }

    /// Gives a role its look.
    pub(super) fn set(&mut self, role: Role, style: Style) {
        if let Some(slot) = self.styles.get_mut(role as usize) {
            *slot = style;
        }
    }

    /// The same theme with no more colours than the terminal shows.
    pub fn at_depth(mut self, depth: ColorDepth) -> Self {
        self.depth = depth;
        self.fade();
        let lower = |style: &mut Style| {
            style.fg = style.fg.and_then(|colour| lower(colour, depth));
            style.bg = style.bg.and_then(|colour| lower(colour, depth));
        };
        self.styles.iter_mut().for_each(lower);
        self.shades.iter_mut().flatten().for_each(lower);
        if depth == ColorDepth::Mono {
            self.mark_without_colour();
        }
        self
    }

    /// Sets what graphs fade to.
    pub(super) fn set_ground(&mut self, ground: Color) {
        self.ground = Some(ground);
    }

    /// Fills the shades from the styles.
    fn fade(&mut self) {
        let ground = self.ground.and_then(rgb);
        for (style, row) in self.styles.iter().zip(self.shades.iter_mut()) {
            for (step, shade) in row.iter_mut().enumerate() {
                *shade = *style;
                if let (Some(ground), Some(head)) = (ground, style.fg.and_then(rgb)) {
                    let part = 0.5 + 0.5 * (step as f32 / (SHADES - 1) as f32);
                    shade.fg = Some(true_colour(mix(ground, head, part)));
                }
            }
        }
    }

    /// What colour alone would have said is said by modifiers.
    fn mark_without_colour(&mut self) {
        for (role, modifier) in [
            (Role::Dim, Modifier::DIM),
            (Role::Faint, Modifier::DIM),
            (Role::Border, Modifier::DIM),
            (Role::Stale, Modifier::DIM),
            (Role::Selected, Modifier::REVERSED),
            (Role::SelectedIdle, Modifier::UNDERLINED),
            (Role::ButtonFocus, Modifier::REVERSED),
            (Role::Hit, Modifier::UNDERLINED),
            (Role::Mode, Modifier::REVERSED),
            (Role::Bad, Modifier::BOLD),
            (Role::Warn, Modifier::BOLD),
            (Role::Title, Modifier::BOLD),
            (Role::Key, Modifier::BOLD),
        ] {
            let style = self.style(role).add_modifier(modifier);
            self.set(role, style);
        }
    }
}

/// A look as a theme file writes it: `COLOUR [on COLOUR] [bold|dim|italic|underline|reverse]…`, where a colour is `#rrggbb`,
/// `default`, or one of the palette's sixteen names. What can't be read is named.
pub(super) fn parse_style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut ground = false;
    for word in text.split_whitespace() {
        if word == "on" {
            ground = true;
        } else if let Some(modifier) = modifier(word) {
            style = style.add_modifier(modifier);
        } else {
            let colour = parse_colour(word).ok_or_else(|| word.to_owned())?;
            style = if std::mem::take(&mut ground) {
                style.bg(colour)
            } else {
                style.fg(colour)
            };
        }
    }
    if ground {
        return Err("on".to_owned());
    }
    Ok(style)
}

fn modifier(word: &str) -> Option<Modifier> {
    Some(match word {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underline" => Modifier::UNDERLINED,
        "reverse" => Modifier::REVERSED,
        _ => return None,
    })
}

/// The palette's sixteen, as theme files name them.
const PALETTE: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// A colour as a theme file writes it.
pub(super) fn parse_colour(word: &str) -> Option<Color> {
    if word == "default" {
        return Some(Color::Reset);
    }
    if let Some(hex) = word.strip_prefix('#') {
        let number = u32::from_str_radix(hex, 16).ok()?;
        let [_, r, g, b] = number.to_be_bytes();
        return (hex.len() == 6).then(|| true_colour([r, g, b]));
    }
    PALETTE
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, colour)| *colour)
}

/// A colour of 24 bits.
pub(super) fn true_colour([r, g, b]: [u8; 3]) -> Color {
    Color::Rgb(r, g, b)
}

fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        _ => None,
    }
}

fn mix(from: [u8; 3], to: [u8; 3], part: f32) -> [u8; 3] {
    let mut mixed = from;
    for (channel, target) in mixed.iter_mut().zip(to) {
        let (start, end) = (f32::from(*channel), f32::from(target));
        *channel = (start + (end - start) * part).round() as u8;
    }
    mixed
}

/// One of the palette's sixteen, by its number in SGR.
pub(super) fn palette(index: u8) -> Color {
    let known = PALETTE.get(usize::from(index));
    known.map_or(Color::Reset, |(_, colour)| *colour)
}

/// A colour at a lower depth; `None` where it has to go.
pub(super) fn lower(colour: Color, depth: ColorDepth) -> Option<Color> {
    match (depth, rgb(colour)) {
        (ColorDepth::Mono, _) => None,
        (ColorDepth::Ansi256, Some(rgb)) => Some(Color::Indexed(nearest_256(rgb))),
        (ColorDepth::Ansi16, Some(rgb)) => Some(nearest_16(rgb)),
        _ => Some(colour),
    }
}

/// The levels of xterm's 6×6×6 cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of xterm's cube and grey ramp. The first sixteen are the person's own and can't be measured.
fn nearest_256(colour: [u8; 3]) -> u8 {
    let axis = |value: u8| {
        CUBE.iter()
            .enumerate()
            .min_by_key(|(_, level)| level.abs_diff(value))
            .map_or((0, 0), |(place, level)| (place as u8, *level))
    };
    let [(r, red), (g, green), (b, blue)] = colour.map(axis);
    let cube = (16 + 36 * r + 6 * g + b, [red, green, blue]);
    let mean = colour.iter().map(|part| u32::from(*part)).sum::<u32>() / 3;
    let step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = (232 + step, [8 + 10 * step; 3]);
    if distance(grey.1, colour) < distance(cube.1, colour) {
        grey.0
    } else {
        cube.0
    }
}

/// The nearest of sixteen, by hue: a signal keeps its colour, and the small lean of a grey does not become one.
fn nearest_16(colour: [u8; 3]) -> Color {
    let most = colour.iter().copied().max().unwrap_or(0);
    let least = colour.iter().copied().min().unwrap_or(0);
    if most - least < 60 {
        return match most {
            0..64 => Color::Black,
            64..176 => Color::DarkGray,
            176..232 => Color::Gray,
            _ => Color::White,
        };
    }
    let middle = u8::midpoint(most, least);
    let bright = most >= 230;
    match (colour.map(|channel| channel > middle), bright) {
        ([true, false, false], false) => Color::Red,
        ([true, false, false], true) => Color::LightRed,
        ([false, true, false], false) => Color::Green,
        ([false, true, false], true) => Color::LightGreen,
        ([true, true, _], false) => Color::Yellow,
        ([true, true, _], true) => Color::LightYellow,
        ([true, false, true], false) => Color::Magenta,
        ([true, false, true], true) => Color::LightMagenta,
        ([false, true, true], false) => Color::Cyan,
        ([false, true, true], true) => Color::LightCyan,
        ([false, false, _], false) => Color::Blue,
        ([false, false, _], true) => Color::LightBlue,
    }
}

/// Weighted as the eye sees it: green counts most, blue least.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter()
        .zip(b)
        .zip([3_u32, 4, 2])
        .map(|((x, y), weight)| weight * u32::from(x.abs_diff(y)).pow(2))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_is_written_as_it_is_said() {
        let style = parse_style("#102030 on bright-black bold underline").unwrap();
        assert_eq!(style.fg, Some(Color::Rgb(16, 32, 48)));
        assert_eq!(style.bg, Some(Color::DarkGray));
        assert!(
            style
                .add_modifier
                .contains(Modifier::BOLD | Modifier::UNDERLINED)
        );
        for wrong in ["#12345", "rde", "red on", "#ggffff", "blink"] {
            assert!(parse_style(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fewer_colours_keep_the_meaning() {
        assert_eq!(nearest_256([255, 0, 0]), 196);
        assert_eq!(nearest_256([128, 128, 128]), 244);
        assert_eq!(nearest_16([244, 112, 103]), Color::LightRed);
        assert_eq!(nearest_16([110, 118, 129]), Color::DarkGray);
        assert_eq!(lower(Color::Red, ColorDepth::Ansi16), Some(Color::Red));
        assert_eq!(lower(Color::Red, ColorDepth::Mono), None);
    }
}
