//! What the terminal can show, as flags and environment say it (pure but for `is_console`).

use std::io::IsTerminal;

use super::args::Color;
use crate::config::Environment;
use crate::tui::theme::ColorDepth;

/// Whether a screen can be shown at all; without it everything is plain lines.
pub(super) fn is_console(environment: &Environment) -> bool {
    let dumb = environment.text("TERM").is_none_or(|term| term == "dumb");
    !dumb && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// How many colours are shown.
pub(super) fn depth(color: Color, environment: &Environment) -> ColorDepth {
    let forbidden = match color {
        Color::Never => true,
        Color::Always => false,
        Color::Auto => environment.get("NO_COLOR").is_some(),
    };
    if forbidden {
        return ColorDepth::Mono;
    }
    let term = environment.text("TERM").unwrap_or_default();
    match environment.text("COLORTERM").as_deref() {
        Some("truecolor" | "24bit") => ColorDepth::True,
        _ if term.ends_with("-direct") => ColorDepth::True,
        _ if term.contains("256color") => ColorDepth::Ansi256,
        _ => ColorDepth::Ansi16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_beats_no_color_beats_what_the_terminal_can() {
        for (color, variables, wanted) in [
            (
                Color::Auto,
                &[("COLORTERM", "truecolor")][..],
                ColorDepth::True,
            ),
            (
                Color::Auto,
                &[("TERM", "xterm-256color")],
                ColorDepth::Ansi256,
            ),
            (Color::Auto, &[("TERM", "xterm-direct")], ColorDepth::True),
            (Color::Auto, &[("TERM", "linux")], ColorDepth::Ansi16),
            (
                Color::Auto,
                &[("COLORTERM", "24bit"), ("NO_COLOR", "1")],
                ColorDepth::Mono,
            ),
            (
                Color::Auto,
                &[("COLORTERM", "24bit"), ("NO_COLOR", "")],
                ColorDepth::True,
            ),
            (
                Color::Always,
                &[("COLORTERM", "24bit"), ("NO_COLOR", "1")],
                ColorDepth::True,
            ),
            (Color::Never, &[("COLORTERM", "24bit")], ColorDepth::Mono),
        ] {
            let environment: Environment = variables.iter().copied().collect();
            assert_eq!(
                depth(color, &environment),
                wanted,
                "{color:?} {variables:?}"
            );
        }
    }
}
