//! The terminal, as its variables and its size describe it (pure but for `look`).

use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;

use super::check::Check;
use crate::config::Environment;

/// Smallest screen that shows more than the one-column summary.
const SMALLEST: (u16, u16) = (60, 15);

/// What standard input and output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looks {
    /// Both ends are a terminal.
    pub(super) interactive: bool,
    /// Columns and rows.
    pub(super) size: Option<(u16, u16)>,
}

/// Looks at this process's own terminal.
pub(super) fn look() -> Looks {
    let out = std::io::stdout();
    Looks {
        interactive: out.is_terminal() && std::io::stdin().is_terminal(),
        size: tcgetwinsize(&out)
            .ok()
            .map(|size| (size.ws_col, size.ws_row))
            .filter(|size| *size != (0, 0)),
    }
}

/// Everything about the terminal that can be known without asking it.
pub(super) fn checks(looks: Looks, environment: &Environment) -> Vec<Check> {
    vec![
        tty(looks),
        kind(environment),
        size(looks),
        utf8(environment),
        colour(environment),
    ]
}

fn tty(looks: Looks) -> Check {
    const ID: &str = "terminal.tty";
    if looks.interactive {
        Check::pass(ID, "input and output are a terminal")
    } else {
        Check::warn(
            ID,
            "input or output is no terminal: the console would print plain lines",
            "run it without a pipe; over ssh, with `ssh -t`",
        )
    }
}

fn kind(environment: &Environment) -> Check {
    const ID: &str = "terminal.type";
    const MEND: &str = "set TERM to what your terminal is, such as xterm-256color or tmux-256color";
    match environment.text("TERM").as_deref() {
        None => Check::warn(ID, "TERM is not set", MEND),
        Some("dumb") => Check::warn(
            ID,
            "TERM is dumb: the console would print plain lines",
            MEND,
        ),
        Some(term) => Check::pass(ID, format!("TERM is {term}")),
    }
}

fn size(looks: Looks) -> Check {
    const ID: &str = "terminal.size";
    match looks.size {
        None => Check::warn(ID, "the size is not known", "run it in a terminal"),
        Some((columns, rows)) if columns < SMALLEST.0 || rows < SMALLEST.1 => Check::warn(
            ID,
            format!("{columns}x{rows}: only the one-column summary fits"),
            format!(
                "make it at least {}x{}; 120x40 shows two panes",
                SMALLEST.0, SMALLEST.1
            ),
        ),
        Some((columns, rows)) => Check::pass(ID, format!("{columns}x{rows}")),
    }
}

/// The first of these that is set decides (POSIX).
fn utf8(environment: &Environment) -> Check {
    const ID: &str = "terminal.utf8";
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| environment.text(name).map(|value| (*name, value)));
    let upper = locale
        .as_ref()
        .map(|(_, value)| value.to_uppercase().replace('-', ""));
    match (locale, upper) {
        (Some((name, value)), Some(upper)) if upper.contains("UTF8") => {
            Check::pass(ID, format!("{name} is {value}"))
        }
        (Some((name, value)), _) => Check::warn(
            ID,
            format!("{name} is {value}, which is no UTF-8: graphs may come out as noise"),
            "export LANG=C.UTF-8",
        ),
        (None, _) => Check::warn(
            ID,
            "no locale is set: graphs may come out as noise",
            "export LANG=C.UTF-8",
        ),
    }
}

fn colour(environment: &Environment) -> Check {
    const ID: &str = "terminal.colour";
    if environment.get("NO_COLOR").is_some() {
        return Check::pass(ID, "NO_COLOR is set: no colours");
    }
    let depth = environment.text("COLORTERM").unwrap_or_default();
    if depth == "truecolor" || depth == "24bit" {
        return Check::pass(ID, format!("COLORTERM is {depth}"));
    }
    let many = environment
        .text("TERM")
        .is_some_and(|term| term.contains("256color") || term.contains("direct"));
    let colours = if many { "256" } else { "16" };
    Check::warn(
        ID,
        format!("COLORTERM does not say truecolor: themes are shown in {colours} colours"),
        "if your terminal has them: export COLORTERM=truecolor (over ssh: SendEnv COLORTERM)",
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn states(looks: Looks, variables: &[(&str, &str)]) -> String {
        let environment: Environment = variables.iter().copied().collect();
        checks(looks, &environment)
            .iter()
            .map(|check| match check.state {
                State::Pass => 'p',
                State::Warn => 'w',
                State::Fail => 'f',
            })
            .collect()
    }

    #[test]
    fn a_good_terminal_passes_and_each_lack_is_told() {
        let good = Looks {
            interactive: true,
            size: Some((120, 40)),
        };
        let variables = [
            ("TERM", "xterm-256color"),
            ("LANG", "de_DE.utf8"),
            ("COLORTERM", "truecolor"),
        ];
        assert_eq!(states(good, &variables), "ppppp");
        let bad = Looks {
            interactive: false,
            size: Some((59, 40)),
        };
        assert_eq!(states(bad, &[("TERM", "dumb"), ("LANG", "C")]), "wwwww");
        assert_eq!(
            states(
                good,
                &[
                    ("TERM", "x"),
                    ("LC_ALL", "C"),
                    ("LANG", "C.UTF-8"),
                    ("NO_COLOR", "1")
                ]
            ),
            "pppwp"
        );
    }
}
