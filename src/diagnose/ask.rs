//! Asking a host: bounded in time and bytes, and what went wrong told in words. The only hands of this room.

use std::time::Duration;

use crate::clock::Clock;
use crate::exec::{Exec, ExecError, ExecErrorKind, Exit, Output, RunLimits};
use crate::shell::ShellCommand;
use crate::text::SafeText;

use super::catalogue::Question;

/// Most bytes of an answer that are kept; the rest is counted and dropped.
pub const OUTPUT_LIMIT: usize = 64 * 1024;

/// How much longer than the host itself we wait: its own limit ends the command, ours only ends our waiting.
const GRACE: Duration = Duration::from_secs(3);

/// Status of `timeout` when it ended what it ran.
const TIMED_OUT: u32 = 124;

/// Status of a shell, or of `timeout`, that did not find the program.
const NOT_FOUND: u32 = 127;

/// What a host answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its lines: standard output, then standard error.
    pub lines: Vec<SafeText>,
    /// Bytes that were left out at the end.
    pub cut: u64,
    /// The exit status, where there is one.
    pub exit: Option<i32>,
    /// In words, where it failed.
    pub failed: Option<SafeText>,
    /// How long it took.
    pub took: Duration,
}

/// Asks a host. The command is ended on the host itself after `limit`, so that nothing is left behind there; never fails:
/// what goes wrong is part of the answer, in words.
pub async fn ask(exec: &dyn Exec, clock: &Clock, question: &Question, limit: Duration) -> Answer {
    let limits = RunLimits {
        timeout: limit + GRACE,
        output: OUTPUT_LIMIT,
    };
    let began = clock.at();
    let outcome = exec.run(&bounded(question.command(), limit), limits).await;
    let mut answer = match outcome {
        Ok(output) => Answer::of(question, &output, limit),
        Err(error) => Answer::failed(&error, limit),
    };
    answer.took = clock.at().since(began).duration();
    answer
}

/// The command under `timeout`: hanging up on a command does not end it.
fn bounded(command: ShellCommand, limit: Duration) -> ShellCommand {
    ShellCommand::new("timeout")
        .arg("-k")
        .arg("1")
        .word(limit.as_secs().max(1))
        .command(command)
}

impl Answer {
    fn of(question: &Question, output: &Output, limit: Duration) -> Self {
        let mut room = OUTPUT_LIMIT;
        let mut cut = output.dropped;
        let mut lines = Vec::new();
        for part in [&output.stdout, &output.stderr] {
            for line in part.split(|byte| *byte == b'\n') {
                if room < line.len() {
                    cut += line.len() as u64 + 1;
                    continue;
                }
                room = room.saturating_sub(line.len() + 1);
                lines.push(SafeText::from_bytes(line));
            }
            // What follows the last line end is no line.
            if part.is_empty() || part.ends_with(b"\n") {
                lines.pop();
            }
        }
        let (exit, failed) = verdict(question, output, limit);
        Self {
            lines,
            cut,
            exit,
            failed: failed.map(SafeText::from),
            took: Duration::ZERO,
        }
    }

    fn failed(error: &ExecError, limit: Duration) -> Self {
        let words = match error.kind {
            ExecErrorKind::Timeout => too_slow(limit),
            _ => error.what.clone(),
        };
        Self {
            failed: Some(SafeText::from(words)),
            ..Self::default()
        }
    }
}

fn too_slow(limit: Duration) -> String {
    format!(
        "no answer within {} s; the host may be wedged",
        limit.as_secs().max(1)
    )
}

fn verdict(question: &Question, output: &Output, limit: Duration) -> (Option<i32>, Option<String>) {
    let status = match &output.exit {
        Exit::Status(status) => *status,
        Exit::Signal(signal) => return (None, Some(format!("it was ended by SIG{signal}"))),
        Exit::Refused => return (None, Some("the host did not start it".into())),
        Exit::Unknown => {
            return (None, Some("the connection was lost before it ended".into()));
        }
    };
    let exit = i32::try_from(status).ok();
    if question.accepts(status) {
        return (exit, None);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let output = String::from_utf8_lossy(&output.stdout);
    // Some, such as nvidia-smi, complain on their standard output.
    let told = [&errors, &output]
        .into_iter()
        .flat_map(|text| text.lines())
        .map(str::trim)
        .find(|line| !line.is_empty());
    let words = match status {
        TIMED_OUT | 137 => too_slow(limit),
        NOT_FOUND => missing(question, told),
        _ => told.map_or_else(|| format!("it ended with status {status}"), str::to_owned),
    };
    (exit, Some(words))
}

/// What is not installed there.
fn missing(question: &Question, told: Option<&str>) -> String {
    let argv = question.command().argv();
    match (argv.first().map(String::as_str), told) {
        (Some("sh"), Some(told)) => told.to_owned(),
        (Some(program), _) => format!("{program} is not installed there"),
        (None, _) => "a program is not installed there".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::{SimExec, SimReply};
    use crate::tasks::Tasks;
    use serde_json::Value;

    const LIMIT: Duration = Duration::from_secs(10);

    async fn answer(question: &str, reply: SimReply) -> Answer {
        let question = Question::parse(question, &Value::Null).unwrap();
        let tasks = Tasks::new();
        let host = SimExec::new(tasks.clone()).on("timeout -k 1 10 ", reply);
        let clock = Clock::timers(crate::domain::Wall(0));
        let answer = ask(&host, &clock, &question, LIMIT).await;
        assert!(tasks.shutdown(Duration::from_secs(1)).await);
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn answers_come_as_clean_lines() {
        let answer = answer(
            "disk",
            SimReply::Says(0, "one\n\x1b[31mtwo\x1b[0m\u{202e}\n"),
        )
        .await;
        let lines: Vec<&str> = answer.lines.iter().map(SafeText::as_str).collect();
        assert_eq!(lines, ["one", "two‹U+202E›"]);
        assert_eq!(
            (answer.exit, &answer.failed, answer.cut),
            (Some(0), &None, 0)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_wrong_is_told_in_words() {
        for (question, reply, words) in [
            (
                "gpu",
                SimReply::Fails(127, "timeout: failed to run command 'nvidia-smi'"),
                "nvidia-smi is not installed there",
            ),
            (
                "containers",
                SimReply::Fails(127, "neither docker nor podman is installed"),
                "neither docker nor podman is installed",
            ),
            (
                "gpu",
                SimReply::Fails(9, "\nUnable to talk to the driver\nmore"),
                "Unable to talk to the driver",
            ),
            ("gpu", SimReply::Fails(9, ""), "it ended with status 9"),
            (
                "disk",
                SimReply::Fails(124, ""),
                "no answer within 10 s; the host may be wedged",
            ),
            (
                "disk",
                SimReply::Silent,
                "no answer within 10 s; the host may be wedged",
            ),
            (
                "disk",
                SimReply::Refused(ExecErrorKind::Unreachable, "the host can't be reached"),
                "the host can't be reached",
            ),
        ] {
            let answer = answer(question, reply).await;
            assert_eq!(
                answer.failed.as_ref().map(SafeText::as_str),
                Some(words),
                "{question}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_capped_and_says_so() {
        let long: &'static str = "0123456789abcdef\n".repeat(10_000).leak();
        let answer = answer("disk", SimReply::Says(0, long)).await;
        let kept: usize = answer
            .lines
            .iter()
            .map(|line| line.as_str().len() + 1)
            .sum();
        assert!(kept <= OUTPUT_LIMIT + 1, "{kept}");
        assert!(answer.cut > 100_000, "{}", answer.cut);
    }
}
