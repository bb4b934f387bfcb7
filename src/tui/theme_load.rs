//! Reads a theme: one that is built in, or a person's own file. Every problem of a file is told at once, with its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_yaml::Spanned;
use thiserror::Error;

use super::action::nearest;
use super::theme::{self, Role, Theme};
use crate::config::Problem;

/// Why there is no theme.
#[derive(Debug, Error)]
pub enum ThemeProblem {
    /// No built-in theme of that name, and it does not look like a path.
    #[error("no theme is called `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The mend.
        hint: String,
    },
    /// The file can't be read.
    #[error("the theme file {path} can't be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is wrong; each problem names its line.
    #[error("the theme file has {} problem(s), the first: {}", .0.len(), first(.0))]
    Wrong(Vec<Problem>),
}

fn first(problems: &[Problem]) -> String {
    problems
        .first()
        .map(|problem| match problem.line {
            Some(line) => format!("line {line}: {}", problem.what),
            None => problem.what.clone(),
        })
        .unwrap_or_default()
}

impl ThemeProblem {
    /// The mend.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { hint, .. } => Some(hint.clone()),
            Self::Read { .. } => Some(format!(
                "name one of {}, or a file",
                theme::names().join(", ")
            )),
            Self::Wrong(problems) => problems.iter().find_map(|problem| problem.hint.clone()),
        }
    }
}

/// The theme of this name, or of the file at this path (with a `/` or ending in `.yaml`), in true colour:
/// [`Theme::at_depth`] brings it down to what the terminal shows.
pub fn load(name_or_path: &str) -> Result<Theme, ThemeProblem> {
    if let Some(text) = built_in(name_or_path) {
        return parse(name_or_path, text, None);
    }
    let path = Path::new(name_or_path);
    let is_path = name_or_path.contains('/')
        || path
            .extension()
            .is_some_and(|ext| ext.eq_ignore_ascii_case("yaml") || ext.eq_ignore_ascii_case("yml"));
    if !is_path {
        return Err(ThemeProblem::Unknown {
            name: name_or_path.to_owned(),
            hint: nearest(name_or_path, theme::names()).map_or_else(
                || format!("themes: {}", theme::names().join(", ")),
                |near| format!("did you mean `{near}`?"),
            ),
        });
    }
    let text = std::fs::read_to_string(path).map_err(|source| ThemeProblem::Read {
        path: path.to_owned(),
        source,
    })?;
    let stem = path
        .file_stem()
        .map_or_else(|| name_or_path.into(), |stem| stem.to_string_lossy());
    parse(&stem, &text, Some(path))
}

/// The built-in theme that fits a background; what is shown when a person names none, or a wrong one.
pub fn fallback(light_background: bool) -> Theme {
    let name = if light_background { "light" } else { "dark" };
    load(name).unwrap_or_else(|_| Theme::plain(name))
}

fn built_in(name: &str) -> Option<&'static str> {
    Some(match name {
        "dark" => include_str!("../../themes/dark.yaml"),
        "light" => include_str!("../../themes/light.yaml"),
        "high-contrast" => include_str!("../../themes/high-contrast.yaml"),
        "colour-blind" => include_str!("../../themes/colour-blind.yaml"),
        "ansi" => include_str!("../../themes/ansi.yaml"),
        "mono" => include_str!("../../themes/mono.yaml"),
        _ => return None,
    })
}

/// A theme from its text. A role that the file leaves out looks like plain text.
fn parse(name: &str, text: &str, file: Option<&Path>) -> Result<Theme, ThemeProblem> {
    let problem = |line: Option<u64>, what: String, hint: Option<String>| Problem {
        file: file.map(Path::to_owned),
        line,
        what,
        hint,
    };
    let entries: BTreeMap<String, Spanned<String>> =
        serde_yaml::from_str(text).map_err(|error| {
            let line = error.location().map(|at| at.line());
            ThemeProblem::Wrong(vec![problem(
                line,
                error.to_string().lines().next().unwrap_or_default().into(),
                Some("a theme is one line per role: `role: \"#rrggbb on #rrggbb bold\"`".into()),
            )])
        })?;
    let mut theme = Theme::plain(name);
    let mut problems = Vec::new();
    for (key, value) in &entries {
        let line = Some(value.referenced.line());
        if let Err((what, hint)) = apply(&mut theme, key, &value.value) {
            problems.push(problem(line, what, hint));
        }
    }
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() {
        Ok(theme.at_depth(theme::ColorDepth::True))
    } else {
        Err(ThemeProblem::Wrong(problems))
    }
}

/// One line of a theme. An error is what is wrong, and the mend.
fn apply(theme: &mut Theme, key: &str, value: &str) -> Result<(), (String, Option<String>)> {
    if key == GROUND {
        let colour = theme::parse_colour(value)
            .ok_or_else(|| (format!("`{value}` is no colour"), Some(COLOURS.into())))?;
        theme.set_ground(colour);
        return Ok(());
    }
    let Some(role) = Role::ALL.into_iter().find(|role| role.word() == key) else {
        let words = Role::ALL.into_iter().map(Role::word).chain([GROUND]);
        let hint = nearest(key, words).map(|near| format!("did you mean `{near}`?"));
        return Err((format!("`{key}` is no role"), hint));
    };
    let style = theme::parse_style(value).map_err(|word| {
        (
            format!("`{word}` in `{key}` is no colour and no modifier"),
            Some(COLOURS.into()),
        )
    })?;
    theme.set(role, style);
    Ok(())
}

/// The key of the colour that graphs fade to.
const GROUND: &str = "ground";

const COLOURS: &str =
    "colours: #rrggbb, default, red, bright-red …; then bold, dim, italic, underline, reverse";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::ColorDepth;
    use ratatui::style::{Color, Modifier};

    #[test]
    fn every_built_in_theme_gives_every_role_a_line() {
        for name in theme::names() {
            let theme = load(name).unwrap();
            assert_eq!(theme.name(), name);
            let text = built_in(name).unwrap();
            for role in Role::ALL {
                let key = format!("{}: ", role.word());
                assert!(
                    text.lines().any(|line| line.starts_with(&key)),
                    "{name} has no line for {}",
                    role.word()
                );
            }
        }
    }

    #[test]
    fn signals_differ_from_text_in_every_theme() {
        for name in theme::names() {
            let theme = load(name).unwrap();
            let text = theme.style(Role::Text);
            for role in [Role::Bad, Role::Selected, Role::ButtonFocus, Role::Dim] {
                assert_ne!(theme.style(role), text, "{name}: {}", role.word());
            }
        }
    }

    #[test]
    fn the_ansi_theme_names_only_the_palette_and_mono_only_modifiers() {
        let is_rgb = |colour: Option<Color>| matches!(colour, Some(Color::Rgb(..)));
        let ansi = load("ansi").unwrap();
        let mono = load("mono").unwrap();
        for role in Role::ALL {
            let style = ansi.style(role);
            assert!(!is_rgb(style.fg) && !is_rgb(style.bg), "{}", role.word());
            let style = mono.style(role);
            assert!(style.fg.is_none() && style.bg.is_none(), "{}", role.word());
        }
    }

    #[test]
    fn without_colour_the_selection_is_still_seen() {
        for name in theme::names() {
            let theme = load(name).unwrap().at_depth(ColorDepth::Mono);
            let selected = theme.style(Role::Selected);
            assert_eq!((selected.fg, selected.bg), (None, None));
            assert!(selected.add_modifier.contains(Modifier::REVERSED));
        }
    }

    #[test]
    fn all_problems_of_a_file_are_told_with_line_and_nearest_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yaml");
        std::fs::write(&path, "text: \"#ffffff\"\nbordr: red\nok: grean bold\n").unwrap();
        let Err(ThemeProblem::Wrong(problems)) = load(path.to_str().unwrap()) else {
            panic!("a wrong theme was taken");
        };
        let told: Vec<_> = problems
            .iter()
            .map(|p| (p.line, p.what.as_str(), p.hint.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    Some(2),
                    "`bordr` is no role",
                    Some("did you mean `border`?")
                ),
                (
                    Some(3),
                    "`grean` in `ok` is no colour and no modifier",
                    Some(COLOURS)
                ),
            ]
        );
        assert!(matches!(
            load("drk"),
            Err(ThemeProblem::Unknown { hint, .. }) if hint == "did you mean `dark`?"
        ));
        assert!(matches!(
            load("/no/such/theme.yaml"),
            Err(ThemeProblem::Read { .. })
        ));
    }

    #[test]
    fn a_file_that_is_no_theme_says_where() {
        let Err(ThemeProblem::Wrong(problems)) = parse("x", "text: [1, 2\n", None) else {
            panic!("not YAML, and taken");
        };
        assert_eq!(problems.len(), 1);
        assert!(problems[0].line.is_some());
    }
}
