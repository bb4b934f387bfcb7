//! The power switch that is a fixed command for each verb, such as `ipmitool` on another host.

use std::time::Duration;

use crate::domain::PowerVerb;
use crate::exec::{Exec, ExecErrorKind, Exit, Output, RunLimits};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;

use super::protocol::bounded;
use super::{Carried, MachineState, PowerError, PowerErrorKind, PowerReport};

/// What a far place may take beyond the time that is waited for the command.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a command in a session of its own, which neither we nor a lost connection end: it may be between off and on. Its words
/// go to files. Waits for it as many seconds as the first word says. Answers `ended CODE` and the words, or `still PID FOLDER`.
const DETACHED: &str = r#"limit=$1; shift
folder=$(mktemp -d 2>/dev/null) || folder=$(mktemp -d /dev/shm/pilothouse.XXXXXX) || { echo no place; exit 0; }
run='folder=$0; "$@" >"$folder/out" 2>"$folder/err" </dev/null; echo $? >"$folder/code"; mv "$folder/code" "$folder/end"'
if command -v setsid >/dev/null 2>&1; then
	setsid sh -c "$run" "$folder" "$@" </dev/null >/dev/null 2>&1 &
else
	set -m
	nohup sh -c "$run" "$folder" "$@" </dev/null >/dev/null 2>&1 &
fi
pid=$!
until=$(($(date +%s) + limit))
while [ ! -e "$folder/end" ]; do
	[ "$(date +%s)" -lt "$until" ] || { echo "still $pid $folder"; exit 0; }
	sleep 0.1 2>/dev/null || sleep 1
done
echo "ended $(cat "$folder/end")"
cat "$folder/out"
cat "$folder/err" >&2
rm -rf "$folder""#;

/// Turns configured words into a command; nothing of them is read by a shell but as words.
pub fn command(argv: &[String]) -> Result<ShellCommand, PowerError> {
    let wrong = |what: String| PowerError::new(PowerErrorKind::Setup, what);
    let mut words = words(argv);
    let program = words
        .next()
        .ok_or_else(|| wrong("the command of this verb has no words".to_owned()))??;
    words.try_fold(ShellCommand::from_word(program), |command, word| {
        Ok(command.word(word?))
    })
}

fn words(argv: &[String]) -> impl Iterator<Item = Result<ShellWord, PowerError>> {
    argv.iter().map(|word| {
        ShellWord::new(word.as_str()).map_err(|error| {
            let what = format!("{word:?} can't be sent: {error}");
            PowerError::new(PowerErrorKind::Setup, what)
        })
    })
}

/// The same in a session of its own, waited for as long as `limit`.
fn detached(argv: &[String], limit: Duration) -> Result<ShellCommand, PowerError> {
    command(argv)?;
    let wrapper = ShellCommand::new("sh")
        .arg("-c")
        .arg(DETACHED)
        .arg("pilothouse-power");
    let seconds = [limit.as_secs().to_string()];
    words(&seconds)
        .chain(words(argv))
        .try_fold(wrapper, |command, word| Ok(command.word(word?)))
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

/// Runs the command of a verb that changes something. It is run once; a lost answer is unknown. After `limit` nobody waits
/// for it any more, and it goes on: it is never ended from here.
pub async fn carry_fixed(
    exec: &dyn Exec,
    verb: PowerVerb,
    argv: &[String],
    limit: Duration,
) -> Carried {
    let command = match detached(argv, limit) {
        Ok(command) => command,
        Err(error) => return Carried::failed(error.to_string(), error.hint),
    };
    match exec.run(&command, limits(limit + GRACE)).await {
        Ok(output) => match &output.exit {
            Exit::Unknown | Exit::Signal(_) => {
                Carried::unknown(format!("the answer to {verb} was lost"))
            }
            Exit::Refused => Carried::failed(format!("{verb} was not started"), None),
            Exit::Status(_) => answered(verb, output, limit),
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

/// What the wrapper says of the command, in its first line.
fn answered(verb: PowerVerb, mut output: Output, limit: Duration) -> Carried {
    let mut parts = output.stdout.splitn(2, |byte| *byte == b'\n');
    let first = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let said = output.stdout.slice_ref(parts.next().unwrap_or_default());
    output.stdout = said;
    let mut words = first.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("ended"), Some(code), None) => match code.parse() {
            Ok(0) => Carried::Done(report(&output)),
            Ok(code) => {
                output.exit = Exit::Status(code);
                Carried::failed(format!("{verb} {}", ended(&output)), None)
            }
            Err(_) => Carried::unknown(format!("nobody can tell how {verb} ended")),
        },
        (Some("still"), Some(pid), Some(folder)) => Carried::unknown(format!(
            "its command is still at work after {} s, as process {pid}, and goes on; its words are in {folder}",
            limit.as_secs()
        )),
        (Some("no"), Some("place"), None) => Carried::failed(
            format!("{verb} was not started: no place for its words"),
            None,
        ),
        // Nothing there to start it with.
        (Some(""), None, None) if matches!(output.exit, Exit::Status(126 | 127)) => {
            Carried::failed(format!("{verb} {}", ended(&output)), None)
        }
        _ => Carried::unknown(format!(
            "nobody can tell how {verb} ended: what ran it said {}",
            bounded(first.as_bytes())
        )),
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
        .map(bounded)
        .collect()
}

fn report(output: &Output) -> PowerReport {
    let lines = lines(output);
    PowerReport {
        state: state(&lines),
        operation: None,
        lines,
        target: None,
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
    use crate::exec::LocalExec;
    use crate::tasks::Tasks;

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

    const LONG: Duration = Duration::from_secs(20);

    fn here() -> LocalExec {
        LocalExec::new(Tasks::new())
    }

    fn sh(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    /// The folder that holds what a command says.
    fn words_of(said: &std::path::Path) -> std::path::PathBuf {
        let file = std::fs::read_to_string(said).unwrap();
        let folder = std::path::Path::new(file.trim()).parent().unwrap();
        folder.to_owned()
    }

    async fn appears(path: &std::path::Path) {
        let there = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while !path.exists() {
                pace.tick().await;
            }
        };
        tokio::time::timeout(LONG, there).await.unwrap();
    }

    #[tokio::test]
    async fn a_command_ends_as_it_ends() {
        let argv = sh("echo power is on");
        let carried = carry_fixed(&here(), PowerVerb::Cycle, &argv, LONG).await;
        let Carried::Done(report) = carried else {
            panic!("it is not done");
        };
        assert_eq!(report.state, MachineState::Running);
        let argv = sh("echo no such chassis >&2; exit 3");
        let carried = carry_fixed(&here(), PowerVerb::Cycle, &argv, LONG).await;
        let Carried::Failed { why, .. } = carried else {
            panic!("{carried:?}");
        };
        assert_eq!(why.as_str(), "cycle failed with exit 3: no such chassis");
    }

    /// A command between off and on is not ended when we stop waiting, nor when the console quits.
    #[tokio::test]
    async fn a_changing_command_outlives_our_patience() {
        for quits in [false, true] {
            let place = tempfile::tempdir().unwrap();
            let [said, off, go, on] =
                ["said", "off", "go", "on"].map(|name| place.path().join(name));
            let argv = sh(&format!(
                "w=$(readlink /proc/$$/fd/1); echo \"$w\" >'{}'; echo off >'{}'; while [ ! -e '{}' ]; do sleep 0.05; done; echo on >'{}'",
                said.display(),
                off.display(),
                go.display(),
                on.display()
            ));
            let exec = here();
            let limit = if quits { LONG } else { Duration::from_secs(1) };
            let carried = carry_fixed(&exec, PowerVerb::Cycle, &argv, limit);
            if quits {
                tokio::select! {
                    carried = carried => panic!("{carried:?}"),
                    () = appears(&off) => {}
                }
            } else {
                let carried = carried.await;
                let Carried::Unknown { why, .. } = carried else {
                    panic!("{carried:?}");
                };
                let why = why.as_str();
                assert!(
                    why.contains("still at work after 1 s, as process "),
                    "{why}"
                );
                let (_, folder) = why.rsplit_once(' ').unwrap();
                assert_eq!(folder, words_of(&said).to_str().unwrap());
            }
            std::fs::write(&go, "").unwrap();
            appears(&on).await;
            let folder = words_of(&said);
            appears(&folder.join("end")).await;
            std::fs::remove_dir_all(folder).unwrap();
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
