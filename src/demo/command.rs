//! What a command line does on a simulated machine (pure): a few programs, and plain words for all others.

use std::fmt::Write as _;

use super::answers::Look;
use super::journal;
use super::keeps;
use super::syslog;
use super::world::World;

/// What a command does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Prints and ends.
    Ends {
        /// Standard output.
        out: String,
        /// Standard error.
        err: String,
        /// Exit status.
        status: u32,
    },
    /// Gives back its input until that ends.
    Echoes,
    /// Prints without end.
    Floods,
    /// Prints its journal.
    Journal(journal::Query),
    /// Tells of its log file.
    Syslog(syslog::Ask),
    /// Answers a read-only question.
    Looks(Look),
    /// Tells what it keeps of models and services.
    Keeps(keeps::Ask),
    /// Restarts the machine.
    Reboots,
}

impl Program {
    fn says(out: impl Into<String>) -> Self {
        Self::Ends {
            out: out.into(),
            err: String::new(),
            status: 0,
        }
    }

    fn fails(status: u32, err: impl Into<String>) -> Self {
        Self::Ends {
            out: String::new(),
            err: err.into(),
            status,
        }
    }
}

/// Starts a command line on the machine of this name.
pub(super) fn start(line: &str, name: &str, world: &mut World) -> Program {
    let Some(argv) = words(line) else {
        return Program::fails(2, "sh: 1: Syntax error: Unterminated quoted string\n");
    };
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    // Nothing here takes long.
    let argv = match argv.as_slice() {
        ["timeout", "-k", _, _, rest @ ..] => rest,
        all => all,
    };
    if let Some(look) = Look::read(argv) {
        return Program::Looks(look);
    }
    if let ["sh", "-c", _, rest @ ..] = argv
        && let Some(ask) = syslog::Ask::read(rest)
    {
        return Program::Syslog(ask);
    }
    if let ["sh", "-c", text, rest @ ..] = argv
        && let Some(ask) = keeps::Ask::read(text, rest)
    {
        return Program::Keeps(ask);
    }
    match argv {
        [] | ["true" | ":" | "sync"] => Program::says(""),
        ["reboot"] | ["systemctl", "reboot"] => Program::Reboots,
        ["sh", "-c", script] if script.contains("systemctl reboot") => Program::Reboots,
        ["false"] => Program::fails(1, ""),
        ["echo", rest @ ..] => Program::says(format!("{}\n", rest.join(" "))),
        ["hostname"] => Program::says(format!("{name}\n")),
        ["whoami"] | ["id", "-un"] => Program::says("demo\n"),
        ["uname", flags @ ..] => Program::says(uname(flags, name, world)),
        ["cat"] => Program::Echoes,
        ["yes", ..] => Program::Floods,
        ["journalctl", rest @ ..]
        | ["sh", "-c", _, "pilothouse-follow", "journalctl", rest @ ..] => {
            Program::Journal(journal::Query::read(rest))
        }
        ["systemctl", "show", ..] => Program::says("LoadState=loaded\n"),
        ["sh", "-c", script] if script.contains("list-units") => {
            Program::Syslog(syslog::Ask::Offered(offers(world)))
        }
        ["kill", rest @ ..] => kill(rest, world),
        ["sh", "-c", _, "pilothouse-signal", pid, started, name] => {
            signal(pid, started, name, world)
        }
        ["sh", "-c", _, "pilothouse-containers", _] => Program::says(if world.profile.docker {
            "open /var/run/docker.sock\n"
        } else {
            ""
        }),
        [program, ..] => Program::fails(
            127,
            format!("{program}: not found (this machine is simulated and has few programs)\n"),
        ),
    }
}

/// What can be followed here, as the console's own script tells it.
fn offers(world: &World) -> String {
    let docker = if world.profile.docker {
        "u active running docker.service\n"
    } else {
        ""
    };
    format!("{docker}u active running ssh.service\nk journal\n")
}

fn uname(flags: &[&str], name: &str, world: &World) -> String {
    let profile = world.profile;
    match flags {
        ["-a"] => format!(
            "Linux {name} {} #1 SMP {} GNU/Linux\n",
            profile.kernel, profile.arch
        ),
        ["-r"] => format!("{}\n", profile.kernel),
        ["-m"] => format!("{}\n", profile.arch),
        ["-n"] => format!("{name}\n"),
        _ => "Linux\n".into(),
    }
}

/// `kill PID`, `kill -TERM PID`, `kill -s TERM PID`, `kill -- PID`. Every signal but 0 ends a simulated process.
fn kill(rest: &[&str], world: &mut World) -> Program {
    let (signal, pids) = match rest {
        ["-s", signal, "--", pids @ ..] | ["-s", signal, pids @ ..] => (*signal, pids),
        ["--", pids @ ..] => ("TERM", pids),
        [signal, pids @ ..] if signal.starts_with('-') => (signal.trim_start_matches('-'), pids),
        pids => ("TERM", pids),
    };
    let mut err = String::new();
    for pid in pids {
        let known = pid.parse().is_ok_and(|pid| match signal {
            "0" => world.processes().any(|process| process.pid == pid),
            _ => world.end(pid),
        });
        if !known {
            let _ = writeln!(err, "kill: ({pid}) - No such process");
        }
    }
    if err.is_empty() && !pids.is_empty() {
        Program::says("")
    } else {
        Program::fails(1, err)
    }
}

/// The console's own signal script, by its statuses: 71 there is no such process, 72 it is another one by now.
fn signal(pid: &str, started: &str, name: &str, world: &mut World) -> Program {
    let process = world
        .processes()
        .find(|process| process.pid.to_string() == pid);
    let Some(process) = process else {
        return Program::fails(71, "");
    };
    if !started.is_empty() && process.started.to_string() != started {
        return Program::fails(72, "");
    }
    // A hang-up makes a daemon reload; nothing of that can be seen from outside.
    if name != "HUP" {
        world.end(process.pid);
    }
    Program::says("")
}

/// Splits a line as a POSIX shell would, without expansions; none where a quote stays open.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(rest.next()?),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => word.push(rest.next()?),
                        inside => word.push(inside),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::profile::Profile;
    use crate::shell::{ShellCommand, ShellWord};

    fn spark() -> World {
        let (_, profile) = Profile::fleet(1).swap_remove(0);
        World::new(profile, 1)
    }

    #[test]
    fn our_own_quoting_comes_back_as_it_went() {
        for argument in ["", "a b", "it's", r"a\b", "line\nbreak", "$(reboot)", "é"] {
            let command =
                ShellCommand::new("echo").word(ShellWord::new(argument.to_owned()).unwrap());
            assert_eq!(words(&command.render()), Some(command.argv()));
        }
        assert_eq!(words("echo 'open"), None);
    }

    #[test]
    fn a_killed_process_is_gone_and_its_memory_free() {
        let mut world = spark();
        let pid = world.works[0].pid;
        let before = world.memory.available;
        let line = format!("kill -s TERM {pid}");
        assert_eq!(start(&line, "spark-1", &mut world), Program::says(""));
        world.advance(3, |_| crate::demo::Stage::default());
        assert!(world.memory.available.0 > before.0 + 40_000);
        assert!(matches!(
            start(&line, "spark-1", &mut world),
            Program::Ends { status: 1, .. }
        ));
    }

    #[test]
    fn the_consoles_signal_hits_only_the_process_that_it_means() {
        let mut world = spark();
        let (pid, started) = (world.works[0].pid, world.works[0].started);
        let mut send = |pid: u32, started: &str, name: &str| {
            let line = format!("sh -c 'kill it' pilothouse-signal {pid} {started} {name}");
            match start(&line, "spark-1", &mut world) {
                Program::Ends { status, .. } => status,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(send(1, "''", "TERM"), 71);
        assert_eq!(send(pid, &(started + 1).to_string(), "TERM"), 72);
        assert_eq!(send(pid, &started.to_string(), "HUP"), 0);
        assert_eq!(send(pid, &started.to_string(), "TERM"), 0);
        assert_eq!(send(pid, &started.to_string(), "TERM"), 71);
    }

    #[test]
    fn a_journal_is_read_also_under_the_watch_of_its_connection() {
        for line in [
            "journalctl -k -o json -f",
            "sh -c 'watch it' pilothouse-follow journalctl -k -o json -f",
        ] {
            let program = start(line, "spark-1", &mut spark());
            assert!(matches!(program, Program::Journal(_)), "{program:?}");
        }
    }

    #[test]
    fn an_unknown_program_says_so() {
        let Program::Ends { err, status, .. } = start("frobnicate -x", "plain", &mut spark())
        else {
            panic!("it should end")
        };
        assert_eq!(status, 127);
        assert!(err.starts_with("frobnicate: not found"), "{err}");
    }
}
