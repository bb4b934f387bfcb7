//! The exact commands of the changes that a person may make on a host, and what their exit statuses mean. Pure.

use super::carry::Carried;
use super::command::{Refusal, Reply, Signal};
use crate::domain::{HostAddress, HostSpec, SshSpec, StrictHostKeys};
use crate::exec::{ExecError, ExecErrorKind, Exit, Output};
use crate::shell::{InvalidWord, ShellCommand, ShellWord};
use crate::text::SafeText;

/// Sends a signal to a process if it is still the one that started then. `comm` in `/proc/PID/stat` may hold anything,
/// so everything up to its last `) ` is dropped; the start is then the twentieth field (`man 5 proc_pid_stat`).
const SIGNAL: &str = r#"set -f
pid=$1 wanted=$2 name=$3
stat=$(cat "/proc/$pid/stat" 2>/dev/null) || exit 71
if [ -n "$wanted" ]; then
  set -- ${stat##*) }
  shift 19
  [ "$1" = "$wanted" ] || exit 72
fi
kill -s "$name" "$pid" && exit 0
[ -d "/proc/$pid" ] || exit 71
exit 73"#;

/// Tells the owner of a process, then what the kernel says of it.
const IDENTITY: &str = r#"stat -c %U "/proc/$1" && cat "/proc/$1/stat""#;

/// The command that tells who a process is. It changes nothing.
pub(super) fn identity(pid: u32) -> ShellCommand {
    ShellCommand::new("sh")
        .arg("-c")
        .arg(IDENTITY)
        .arg("pilothouse-process")
        .word(u64::from(pid))
}

/// The command that sends a signal.
pub(super) fn signal(pid: u32, started: Option<u64>, signal: Signal) -> ShellCommand {
    let wanted = started.map_or(ShellWord::literal(""), ShellWord::from);
    ShellCommand::new("sh")
        .arg("-c")
        .arg(SIGNAL)
        .arg("pilothouse-signal")
        .word(u64::from(pid))
        .word(wanted)
        .arg(signal.name())
}

/// What became of a signal.
pub(super) fn signal_outcome(pid: u32, outcome: Result<Output, ExecError>) -> Reply {
    let output = match outcome {
        Ok(output) => output,
        Err(error) => return trouble(&error),
    };
    let failed = |why: String, hint: Option<&str>| {
        Reply::Failed(Refusal {
            why,
            hint: hint.map(str::to_owned),
        })
    };
    match output.exit {
        Exit::Status(0) => Reply::Done,
        Exit::Status(71) => failed(format!("process {pid} is gone"), None),
        Exit::Status(72) => failed(
            format!("process {pid} has ended and another has its number now"),
            Some("look at the list again"),
        ),
        Exit::Status(73) => failed(
            format!("no permission to signal process {pid}"),
            Some("log in as its owner or as root"),
        ),
        Exit::Unknown => Reply::Unknown(Refusal {
            why: "the connection was lost before the host could say what happened".into(),
            hint: Some("look whether the process is still there".into()),
        }),
        Exit::Status(_) | Exit::Signal(_) | Exit::Refused => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = crate::text::SafeText::new(said.trim());
            failed(format!("the host could not do it: {said}"), None)
        }
    }
}

/// What became of a command: what it printed, errors last, and how it ended.
pub(super) fn ran(outcome: Result<Output, ExecError>) -> Carried {
    let output = match outcome {
        Ok(output) => output,
        Err(error) => return Carried::unverified(trouble(&error)),
    };
    let (exit, ended) = match &output.exit {
        Exit::Status(status) => (
            Some(i32::try_from(*status).unwrap_or(i32::MAX)),
            format!("it ended with status {status}"),
        ),
        Exit::Signal(name) => (None, format!("it was ended by signal {name}")),
        Exit::Refused => {
            return Carried::unverified(Reply::Failed(Refusal {
                why: "the host refused to start it".into(),
                hint: None,
            }));
        }
        Exit::Unknown => {
            return Carried::unverified(Reply::Unknown(Refusal {
                why: "the connection was lost before the host could say how it ended".into(),
                hint: Some("look at the host before it is run again".into()),
            }));
        }
    };
    let text = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    Carried {
        reply: Reply::Ran {
            lines: text.lines().map(SafeText::new).collect(),
            cut: output.dropped,
            exit,
        },
        verification: Some(ended.into()),
    }
}

/// A failure of the way to the host: known to be none, or not known.
fn trouble(error: &ExecError) -> Reply {
    let refusal = Refusal {
        why: error.to_string(),
        hint: error.hint.clone(),
    };
    match error.kind {
        ExecErrorKind::Lost | ExecErrorKind::Timeout => Reply::Unknown(refusal),
        _ => Reply::Failed(refusal),
    }
}

/// The command that gives a person a shell on a host: OpenSSH with the terminal, or this machine's login shell.
pub(super) fn shell_command(spec: &HostSpec) -> Result<ShellCommand, InvalidWord> {
    match &spec.address {
        HostAddress::Local => Ok(ShellCommand::new("sh")
            .arg("-c")
            .arg(r#"exec "${SHELL:-/bin/sh}" -l"#)),
        HostAddress::Ssh(ssh) => ssh_line(ssh),
    }
}

fn ssh_line(ssh: &SshSpec) -> Result<ShellCommand, InvalidWord> {
    let mut line = ShellCommand::new("ssh").arg("-t");
    if !ssh.use_ssh_config {
        line = line.arg("-F").arg("none");
    }
    if let Some(user) = &ssh.user {
        line = line.arg("-l").word(ShellWord::new(user.as_str())?);
    }
    if let Some(port) = ssh.port {
        line = line.arg("-p").word(u64::from(port.get()));
    }
    for key in &ssh.identity {
        line = line.arg("-i").word(ShellWord::new(key.to_string_lossy())?);
    }
    if let Some(file) = &ssh.known_hosts {
        let option = format!("UserKnownHostsFile={}", file.display());
        line = line.arg("-o").word(ShellWord::new(option)?);
    }
    let strict = match ssh.strict {
        StrictHostKeys::Ask => "StrictHostKeyChecking=ask",
        StrictHostKeys::Refuse => "StrictHostKeyChecking=yes",
    };
    line = line.arg("-o").arg(strict);
    if !ssh.jump.is_empty() {
        let hops: Vec<String> = ssh.jump.iter().map(hop).collect();
        line = line.arg("-J").word(ShellWord::new(hops.join(","))?);
    }
    Ok(line.arg("--").word(ShellWord::new(ssh.host.as_str())?))
}

/// One hop as `ssh -J` takes it.
fn hop(ssh: &SshSpec) -> String {
    let user = ssh.user.as_ref().map(|user| format!("{user}@"));
    let port = ssh.port.map(|port| format!(":{port}"));
    let host = ssh.host.as_str();
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    format!(
        "{}{host}{}",
        user.unwrap_or_default(),
        port.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::{GpuSourceChoice, HostId};
    use crate::exec::{Exec as _, LocalExec, RunLimits, StreamEvent};
    use crate::tasks::Tasks;

    fn output(exit: Exit) -> Output {
        Output {
            exit,
            stdout: Bytes::new(),
            stderr: Bytes::from_static(b"sh: \x1b[31mnot found\n"),
            dropped: 0,
        }
    }

    #[test]
    fn each_exit_status_is_an_outcome_in_words() {
        let rows = [
            (Exit::Status(0), "Done"),
            (Exit::Status(71), "process 41 is gone"),
            (Exit::Status(72), "another has its number"),
            (Exit::Status(73), "no permission"),
            (Exit::Status(127), "could not do it"),
            (Exit::Unknown, "Unknown"),
        ];
        for (exit, words) in rows {
            let reply = format!("{:?}", signal_outcome(41, Ok(output(exit))));
            assert!(reply.contains(words), "{reply}");
            assert!(!reply.contains("\\u{1b}"), "{reply}");
        }
        let lost = ExecError::new(ExecErrorKind::Lost, "the connection is gone");
        assert!(matches!(signal_outcome(41, Err(lost)), Reply::Unknown(_)));
        let refused = ExecError::new(ExecErrorKind::Refused, "no channel");
        assert!(matches!(signal_outcome(41, Err(refused)), Reply::Failed(_)));
    }

    /// The start of a process as the kernel counts it.
    fn started(pid: u32) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(19).unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn a_signal_hits_the_process_that_is_meant_and_no_other() {
        let tasks = Tasks::new();
        let here = LocalExec::new(tasks.clone());
        // A name that tries to look like the fields behind it.
        let sleeper = ShellCommand::new("sh")
            .arg("-c")
            .arg("printf 'x) R 1 (y' > /proc/$$/comm; echo $$; read -r _");
        let mut running = here.stream(&sleeper).await.unwrap();
        let Some(StreamEvent::Line { bytes, .. }) = running.next().await else {
            panic!("the sleeper did not start");
        };
        let pid: u32 = String::from_utf8_lossy(&bytes).parse().unwrap();
        let right = started(pid);
        let send = async |started, name| {
            let command = signal(pid, started, name);
            signal_outcome(pid, here.run(&command, RunLimits::default()).await)
        };
        let other = send(Some(right + 1), Signal::Kill).await;
        assert!(format!("{other:?}").contains("another has its number"));
        assert_eq!(send(Some(right), Signal::Term).await, Reply::Done);
        assert_eq!(
            running.next().await,
            Some(StreamEvent::Exit(Exit::Signal("TERM".into())))
        );
        let gone = send(None, Signal::Term).await;
        assert!(format!("{gone:?}").contains("is gone"), "{gone:?}");
        assert!(tasks.shutdown(std::time::Duration::from_secs(5)).await);
    }

    #[test]
    fn a_shell_goes_the_way_that_the_configuration_says() {
        let mut ssh = SshSpec::new("spark-1".parse().unwrap());
        let line = |ssh: &SshSpec| {
            shell_command(&HostSpec {
                id: HostId::new("spark-1"),
                address: HostAddress::Ssh(ssh.clone()),
                tags: Vec::new(),
                gpu: GpuSourceChoice::Auto,
                power: None,
            })
            .unwrap()
            .render()
        };
        assert_eq!(
            line(&ssh),
            "ssh -t -o 'StrictHostKeyChecking=ask' -- spark-1"
        );
        ssh.jump = vec![SshSpec {
            user: Some("ops".parse().unwrap()),
            port: Some(2222.try_into().unwrap()),
            ..SshSpec::new("fe80::1".parse().unwrap())
        }];
        ssh.user = Some("me".parse().unwrap());
        ssh.strict = StrictHostKeys::Refuse;
        assert_eq!(
            line(&ssh),
            "ssh -t -l me -o 'StrictHostKeyChecking=yes' -J 'ops@[fe80::1]:2222' -- spark-1"
        );
    }
}
