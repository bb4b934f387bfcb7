//! What becomes of the colours that foreign text brings: kept, as far as the theme's ground lets them be read. Decides; the
//! colours themselves are named in `theme`.

use ratatui::style::{Modifier, Style};

use super::theme::{ColorDepth, Role, Theme, palette, true_colour};
use crate::text::{Sgr, SgrColor};

/// The least contrast of letters to their ground (WCAG 2.1, 1.4.3 for large text).
const READABLE: f32 = 3.0;

/// The roles that tell sources apart, in the order they are used.
const SOURCES: [Role; 6] = [
    Role::GraphUse,
    Role::GraphHeat,
    Role::GraphMemory,
    Role::GraphPower,
    Role::PartOther,
    Role::PartGpu,
];

/// xterm's sixteen, in tones that are read on dark and on light.
const SIXTEEN: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 49, 49],
    [13, 160, 100],
    [196, 160, 0],
    [52, 101, 204],
    [188, 63, 188],
    [17, 150, 180],
    [204, 204, 204],
    [118, 118, 118],
    [241, 76, 76],
    [35, 209, 139],
    [229, 201, 66],
    [59, 142, 234],
    [214, 112, 214],
    [41, 184, 219],
    [255, 255, 255],
];

impl Theme {
    /// The look of the source of this number; steady, and never the only thing that tells it.
    pub(super) fn source(&self, number: u16) -> Style {
        let role = SOURCES.get(usize::from(number) % SOURCES.len());
        self.style(role.copied().unwrap_or(Role::Text))
    }

    /// The look of foreign text that was written like this.
    pub(super) fn foreign(&self, sgr: Sgr) -> Style {
        let mut style = self.style(Role::Text);
        for (is_on, modifier) in [
            (sgr.bold, Modifier::BOLD),
            (sgr.dim, Modifier::DIM),
            (sgr.italic, Modifier::ITALIC),
            (sgr.underline, Modifier::UNDERLINED),
            (sgr.reverse, Modifier::REVERSED),
            (sgr.strike, Modifier::CROSSED_OUT),
        ] {
            if is_on {
                style = style.add_modifier(modifier);
            }
        }
        let colourless = self.depth() == ColorDepth::Mono || self.style(Role::Bad).fg.is_none();
        if colourless {
            return style;
        }
        match self.ground() {
            Some(ground) => self.on_ground(style, sgr, ground),
            None => self.on_palette(style, sgr),
        }
    }

    /// The ground is known: what can't be read on it is moved towards the text's own colour.
    fn on_ground(&self, style: Style, sgr: Sgr, ground: [u8; 3]) -> Style {
        let Some(back) = sgr.bg.map(rgb) else {
            let plain = matches!(sgr.fg, None | Some(SgrColor::Indexed(0 | 7 | 15)));
            return match sgr.fg {
                _ if plain => style,
                Some(SgrColor::Indexed(8)) => style.patch(self.style(Role::Dim)),
                Some(colour) => style.fg(self.lowered(readable(rgb(colour), ground))),
                None => style,
            };
        };
        let front = sgr.fg.map_or_else(|| opposite(back), rgb);
        let front = if contrast(front, back) < READABLE {
            opposite(back)
        } else {
            front
        };
        style.fg(self.lowered(front)).bg(self.lowered(back))
    }

    /// The palette is the person's own: its sixteen are taken as they are, greys become plain text.
    fn on_palette(&self, mut style: Style, sgr: Sgr) -> Style {
        let colour = |colour: SgrColor| match colour {
            SgrColor::Indexed(index) if index < 16 => palette(index),
            other => self.lowered(rgb(other)),
        };
        let plain = matches!(sgr.fg, None | Some(SgrColor::Indexed(0 | 7 | 15)));
        if !plain || sgr.bg.is_some() {
            style.fg = sgr.fg.map(colour).or(style.fg);
        }
        style.bg = sgr.bg.map(colour).or(style.bg);
        style
    }

    fn lowered(&self, colour: [u8; 3]) -> ratatui::style::Color {
        let depth = self.depth();
        super::theme::lower(true_colour(colour), depth).unwrap_or_default()
    }
}

/// The red, green and blue of a colour as it was written (xterm's cube and grey ramp from 16 on).
fn rgb(colour: SgrColor) -> [u8; 3] {
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match colour {
        SgrColor::Rgb(r, g, b) => [r, g, b],
        SgrColor::Indexed(index @ 0..16) => {
            let known = SIXTEEN.get(usize::from(index));
            known.copied().unwrap_or([204; 3])
        }
        SgrColor::Indexed(index @ 16..232) => {
            let cube = index - 16;
            [level(cube / 36), level(cube / 6 % 6), level(cube % 6)]
        }
        SgrColor::Indexed(index) => [8 + 10 * (index - 232); 3],
    }
}

/// The colour, moved away from its ground until it can be read there.
fn readable(colour: [u8; 3], ground: [u8; 3]) -> [u8; 3] {
    let away = opposite(ground);
    let mixed = |part: f32| {
        let mut mixed = colour;
        for (channel, target) in mixed.iter_mut().zip(away) {
            let (start, end) = (f32::from(*channel), f32::from(target));
            *channel = (start + (end - start) * part).round() as u8;
        }
        mixed
    };
    [0.0, 0.15, 0.3, 0.45, 0.6, 0.8]
        .into_iter()
        .map(mixed)
        .find(|mixed| contrast(*mixed, ground) >= READABLE)
        .unwrap_or(away)
}

fn opposite(ground: [u8; 3]) -> [u8; 3] {
    if luminance(ground) > 0.18 {
        [0; 3]
    } else {
        [255; 3]
    }
}

/// Contrast of two colours, from 1 to 21 (WCAG 2.1, contrast ratio).
fn contrast(a: [u8; 3], b: [u8; 3]) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Relative luminance (WCAG 2.1), with the square for the standard's curve.
fn luminance(colour: [u8; 3]) -> f32 {
    colour
        .iter()
        .zip([0.2126, 0.7152, 0.0722])
        .map(|(channel, weight)| weight * (f32::from(*channel) / 255.0).powi(2))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme_load;

    fn coloured(index: u8) -> Sgr {
        Sgr {
            fg: Some(SgrColor::Indexed(index)),
            ..Sgr::default()
        }
    }

    #[test]
    fn every_colour_can_be_read_on_every_ground() {
        for ground in [[13, 17, 23], [255, 255, 255], [0, 0, 0]] {
            for index in 0..=255 {
                let shown = readable(rgb(SgrColor::Indexed(index)), ground);
                assert!(contrast(shown, ground) >= READABLE, "{index} on {ground:?}");
            }
        }
    }

    #[test]
    fn without_colour_only_the_shape_is_kept() {
        let sgr = Sgr {
            bold: true,
            bg: Some(SgrColor::Rgb(255, 0, 0)),
            ..coloured(1)
        };
        let mono = theme_load::fallback(false).at_depth(ColorDepth::Mono);
        let style = mono.foreign(sgr);
        assert_eq!((style.fg, style.bg), (None, None));
        assert!(style.add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn greys_of_the_palette_never_vanish() {
        for light in [false, true] {
            let theme = theme_load::fallback(light).at_depth(ColorDepth::True);
            for index in [0, 7, 15] {
                assert_eq!(
                    theme.foreign(coloured(index)).fg,
                    theme.style(Role::Text).fg
                );
            }
            assert_ne!(theme.foreign(coloured(1)).fg, theme.style(Role::Text).fg);
        }
    }
}
