//! What tmux lets through, and the exact lines that make it let more through. Outside of tmux there is nothing to say.

use std::time::Duration;

use super::check::Check;
use crate::config::Environment;
use crate::exec::{Exec, ExecError, LocalExec, RunLimits};
use crate::shell::ShellCommand;

/// First version with `terminal-features`, which the lines below use.
const OLDEST: (u32, u32) = (3, 2);

/// What tmux answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Answers {
    version: String,
    set_clipboard: String,
    focus_events: String,
    features: String,
}

/// Asks tmux, if this terminal is one of its panes.
pub(super) async fn checks(environment: &Environment, here: &LocalExec) -> Vec<Check> {
    if environment.get("TMUX").is_none() {
        return Vec::new();
    }
    match ask(here).await {
        Ok(answers) => judge(&answers, environment),
        Err(error) => vec![Check::warn(
            "terminal.tmux",
            format!("tmux does not answer: {error}"),
            "TMUX is set; unset it if this is no pane of a running tmux",
        )],
    }
}

async fn ask(here: &LocalExec) -> Result<Answers, ExecError> {
    let show = |option| {
        ShellCommand::new("tmux")
            .arg("show-options")
            .arg("-gv")
            .arg(option)
    };
    Ok(Answers {
        version: line(here, &ShellCommand::new("tmux").arg("-V")).await?,
        set_clipboard: line(
            here,
            &ShellCommand::new("tmux")
                .arg("show-options")
                .arg("-sv")
                .arg("set-clipboard"),
        )
        .await?,
        focus_events: line(here, &show("focus-events")).await?,
        features: line(
            here,
            &ShellCommand::new("tmux")
                .arg("display-message")
                .arg("-p")
                .arg("#{client_termfeatures}"),
        )
        .await?,
    })
}

async fn line(here: &LocalExec, command: &ShellCommand) -> Result<String, ExecError> {
    let limits = RunLimits {
        timeout: Duration::from_secs(1),
        output: 4096,
    };
    let output = here.run(command, limits).await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn judge(answers: &Answers, environment: &Environment) -> Vec<Check> {
    vec![
        version(&answers.version),
        clipboard(&answers.set_clipboard),
        focus(&answers.focus_events),
        colour(&answers.features, environment),
    ]
}

fn add(line: &str) -> String {
    format!("add to ~/.tmux.conf, then `tmux source ~/.tmux.conf`:\n{line}")
}

fn version(text: &str) -> Check {
    const ID: &str = "terminal.tmux";
    match parse_version(text) {
        Some(version) if version >= OLDEST => Check::pass(ID, text),
        Some(_) => Check::warn(
            ID,
            format!("{text} is older than 3.2: colours and clipboard may be lost"),
            "update tmux",
        ),
        None => Check::warn(
            ID,
            format!("tmux calls itself `{text}`"),
            "tmux 3.2 or newer is expected",
        ),
    }
}

/// `tmux 3.3a`, `tmux next-3.5`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text.strip_prefix("tmux ")?;
    let number = number.strip_prefix("next-").unwrap_or(number);
    let (major, rest) = number.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// With `external`, tmux's default, programs reach its own buffer but not the terminal's clipboard through OSC 52.
fn clipboard(set: &str) -> Check {
    const ID: &str = "terminal.tmux.clipboard";
    if set == "on" {
        return Check::pass(ID, "tmux passes copies on to the terminal (OSC 52)");
    }
    Check::warn(
        ID,
        format!("set-clipboard is `{set}`: a copy with OSC 52 ends in tmux"),
        add("set -s set-clipboard on"),
    )
}

fn focus(set: &str) -> Check {
    const ID: &str = "terminal.tmux.focus";
    if set == "on" {
        return Check::pass(ID, "tmux tells when the pane gains and loses focus");
    }
    Check::warn(
        ID,
        format!("focus-events is `{set}`: the bell rings also while you look"),
        add("set -g focus-events on"),
    )
}

fn colour(features: &str, environment: &Environment) -> Check {
    const ID: &str = "terminal.tmux.colour";
    if features.split(',').any(|feature| feature == "RGB") {
        return Check::pass(ID, "tmux passes truecolor on");
    }
    let outer = if environment
        .text("TERM")
        .is_some_and(|term| term.starts_with("tmux"))
    {
        ""
    } else {
        "set -g default-terminal tmux-256color\n"
    };
    Check::warn(
        ID,
        "tmux turns truecolor into 256 colours",
        add(&format!("{outer}set -as terminal-features ',*:RGB'")),
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn versions_are_read_as_tmux_writes_them() {
        for (text, version) in [
            ("tmux 3.3a", Some((3, 3))),
            ("tmux next-3.5", Some((3, 5))),
            ("tmux 2.9a", Some((2, 9))),
            ("tmux openbsd-7.4", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }

    #[test]
    fn every_lack_names_the_line_to_add() {
        let good = Answers {
            version: "tmux 3.5a".into(),
            set_clipboard: "on".into(),
            focus_events: "on".into(),
            features: "256,RGB,title".into(),
        };
        let inside: Environment = [("TERM", "tmux-256color")].into_iter().collect();
        assert!(
            judge(&good, &inside)
                .iter()
                .all(|check| check.state == State::Pass)
        );
        let plain = Answers {
            version: "tmux 3.0".into(),
            set_clipboard: "external".into(),
            focus_events: "off".into(),
            features: "256,title".into(),
        };
        let mends: String = judge(&plain, &Environment::default())
            .into_iter()
            .filter_map(|check| check.mend)
            .collect();
        for line in [
            "set -s set-clipboard on",
            "set -g focus-events on",
            "set -g default-terminal tmux-256color",
            "set -as terminal-features ',*:RGB'",
        ] {
            assert!(mends.contains(line), "{mends}");
        }
    }
}
