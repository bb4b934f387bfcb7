//! The power switch that is a fixed command for each verb, such as `ipmitool` on another host.

use std::time::Duration;

use crate::domain::PowerVerb;
use crate::exec::{Exec, ExecErrorKind, Exit, Output, RunLimits};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;

use super::{Carried, MachineState, PowerError, PowerErrorKind, PowerReport};

/// Turns configured words into a command; nothing of them is read by a shell but as words.
pub fn command(argv: &[String]) -> Result<ShellCommand, PowerError> {
    let wrong = |what: String| PowerError::new(PowerErrorKind::Setup, what);
    let mut words = argv.iter().map(|word| {
        ShellWord::new(word.as_str())
            .map_err(|error| wrong(format!("{word:?} can't be sent: {error}")))
    });
    let program = words
        .next()
        .ok_or_else(|| wrong("the command of this verb has no words".to_owned()))??;
    words.try_fold(ShellCommand::from_word(program), |command, word| {
        Ok(command.word(word?))
    })
}

/// Runs the command of a verb that only looks.
pub async fn look_fixed(
    exec: &dyn Exec,
    argv: &[String],
    limit: Duration,
) -> Result<PowerReport, PowerError> {
    let output = exec
        .run(&command(argv)?, limits(limit))
        .await
        .map_err(|error| {
            PowerError::unreachable("the command of the power switch did not run", error)
        })?;
    if !output.exit.is_success() {
        let what = format!("the command of the power switch {}", ended(&output));
        return Err(PowerError::new(PowerErrorKind::Refused, what));
    }
    Ok(report(&output))
}

/// Runs the command of a verb that changes something. It is run once; a lost answer is unknown.
pub async fn carry_fixed(
    exec: &dyn Exec,
    verb: PowerVerb,
    argv: &[String],
    limit: Duration,
) -> Carried {
    let command = match command(argv) {
        Ok(command) => command,
        Err(error) => return Carried::failed(error.to_string(), error.hint),
    };
    match exec.run(&command, limits(limit)).await {
        Ok(output) => match &output.exit {
            Exit::Status(0) => Carried::Done(report(&output)),
            Exit::Unknown => Carried::unknown(format!("the answer to {verb} was lost")),
            Exit::Refused => Carried::failed(format!("{verb} was not started"), None),
            _ => Carried::failed(format!("{verb} {}", ended(&output)), None),
        },
        Err(error)
            if matches!(
                error.kind,
                ExecErrorKind::Refused | ExecErrorKind::NotFound | ExecErrorKind::Unreachable
            ) =>
        {
            Carried::failed(format!("{verb} was not started: {error}"), error.hint)
        }
        Err(error) => Carried::unknown(format!("the answer to {verb} was lost: {error}")),
    }
}

fn limits(timeout: Duration) -> RunLimits {
    RunLimits {
        timeout,
        output: 64 * 1024,
    }
}

/// How a command ended that failed, with the last thing it said.
fn ended(output: &Output) -> String {
    let how = match &output.exit {
        Exit::Status(code) => format!("failed with exit {code}"),
        Exit::Signal(name) => format!("was ended by {name}"),
        Exit::Refused => "was not started".to_owned(),
        Exit::Unknown => "was lost".to_owned(),
    };
    match lines(output).last() {
        Some(said) => format!("{how}: {said}"),
        None => how,
    }
}

fn lines(output: &Output) -> Vec<SafeText> {
    [&output.stdout, &output.stderr]
        .into_iter()
        .flat_map(|bytes| bytes.split(|byte| *byte == b'\n'))
        .filter(|line| !line.is_empty())
        .take(500)
        .map(SafeText::from_bytes)
        .collect()
}

fn report(output: &Output) -> PowerReport {
    let lines = lines(output);
    PowerReport {
        state: state(&lines),
        operation: None,
        lines,
    }
}

/// What tools of this kind say: `Chassis Power is on`, `System Power : off`, `state: running`, `"PowerState": "On"`. Only the
/// last word of a line that speaks of power or state counts.
fn state(lines: &[SafeText]) -> MachineState {
    let said = lines.iter().find_map(|line| {
        let low = line.as_str().to_ascii_lowercase();
        if !(low.contains("power") || low.contains("state") || low.contains("status")) {
            return None;
        }
        let last = low
            .split(|c: char| !c.is_ascii_alphanumeric())
            .rfind(|word| !word.is_empty())?;
        match last {
            "on" | "running" | "up" => Some(MachineState::Running),
            "off" | "stopped" | "down" => Some(MachineState::Stopped),
            _ => None,
        }
    });
    said.unwrap_or_else(|| MachineState::Unknown(SafeText::new("the command's words don't say")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_this_kind_are_understood_by_rows() {
        let rows = [
            ("Chassis Power is on", Some(true)),
            ("Chassis Power is off\n", Some(false)),
            ("System Power         : off", Some(false)),
            ("status: running", Some(true)),
            ("\"PowerState\": \"On\",", Some(true)),
            ("power is on fire", None),
            ("on", None),
            ("", None),
        ];
        for (said, on) in rows {
            let lines: Vec<SafeText> = said.lines().map(SafeText::from).collect();
            let seen = match state(&lines) {
                MachineState::Running => Some(true),
                MachineState::Stopped => Some(false),
                MachineState::Unknown(_) => None,
            };
            assert_eq!(seen, on, "{said}");
        }
    }

    #[test]
    fn words_stay_words() {
        let argv = ["ipmitool", "-H", "10.0.0.9; reboot", "power", "cycle"].map(str::to_owned);
        let command = command(&argv).unwrap();
        assert_eq!(command.argv(), argv);
        assert!(self::command(&[]).is_err());
        assert!(self::command(&["a\0b".to_owned()]).is_err());
    }
}
