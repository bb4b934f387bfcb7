//! Questions to this machine: the scripts behind them are read alike by every shell, and what needs nothing but a kernel is
//! answered.

use std::time::Duration;

use pilothouse::clock::Clock;
use pilothouse::diagnose::{Question, ask, catalogue};
use pilothouse::exec::{Exec as _, LocalExec, RunLimits};
use pilothouse::shell::{ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use serde_json::{Value, json};

/// Shells of hosts; those that are not here are passed by.
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

#[tokio::test]
async fn every_script_is_read_by_every_shell() {
    let host = LocalExec::new(Tasks::new());
    let word = |text: &str| ShellWord::new(text).unwrap();
    let mut read = 0;
    for entry in catalogue() {
        let args = [
            Value::Null,
            json!({"unit": "x"}),
            json!({"path": "/var/log/x"}),
        ];
        let question = args
            .iter()
            .find_map(|args| Question::parse(entry.name, args).ok())
            .unwrap();
        let argv = question.command().argv();
        if argv[0] != "sh" {
            continue;
        }
        for shell in SHELLS {
            let command = shell[1..]
                .iter()
                .fold(ShellCommand::from_word(word(shell[0])), |command, arg| {
                    command.word(word(arg))
                })
                .arg("-n")
                .arg("-c")
                .word(word(&argv[2]));
            if let Ok(output) = host.run(&command, RunLimits::default()).await {
                assert!(output.exit.is_success(), "{shell:?}: {output:?}");
                read += 1;
            }
        }
    }
    assert!(read > 0);
}

#[tokio::test]
async fn this_machine_answers() {
    let host = LocalExec::new(Tasks::new());
    let clock = Clock::system();
    for (name, part) in [
        ("uptime", "load average"),
        ("memory", "MemAvailable"),
        ("disk", "Mounted on"),
        ("processes", "COMMAND"),
        ("hung_tasks", "WCHAN"),
    ] {
        let question = Question::parse(name, &Value::Null).unwrap();
        let answer = ask(&host, &clock, &question, Duration::from_secs(20)).await;
        assert!(
            answer.lines.iter().any(|line| line.as_str().contains(part)),
            "{name}: {answer:?}"
        );
    }
    let missing = json!({"path": "/var/log/pilothouse-is-not-there.log"});
    let question = Question::parse("log_file", &missing).unwrap();
    let answer = ask(&host, &clock, &question, Duration::from_secs(20)).await;
    assert!(
        answer.failed.is_some() && answer.exit == Some(1),
        "{answer:?}"
    );
}
