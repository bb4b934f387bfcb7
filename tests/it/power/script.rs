//! The script on the hypervisor: six words and nothing else, actions that nobody's leaving ends, and no kill but the right one.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pilothouse::domain::PowerVerb;
use pilothouse::power::{HostLayout, MachineState, OperationState, protocol};

use super::stage::{SHELLS, Stage, end, is_there, text};
use crate::sshd::chmod;

/// The shells that look for a program before they take one of their own by its name.
const OF_PROGRAMS: [&str; 2] = ["dash", "bash"];

#[test]
fn the_script_is_read_without_complaint_by_every_shell() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        let output = Command::new(&stage.shell)
            .args(["-n", &stage.installed.script_path])
            .output()
            .unwrap();
        assert!(output.status.success(), "{shell}: {output:?}");
        assert!(output.stderr.is_empty(), "{shell}: {output:?}");
    }
}

#[test]
fn a_machine_is_started_reset_cycled_and_stopped() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        let (answer, output) = stage.ask("status");
        assert_eq!(
            answer.report.state,
            MachineState::Stopped,
            "{shell}: {output:?}"
        );
        assert!(answer.is_ours() && answer.end == Some(0) && output.stderr.is_empty());
        stage.done("start");
        let first = stage.pid().unwrap();
        assert_eq!(stage.ask("status").0.report.state, MachineState::Running);
        stage.done("reset");
        assert_eq!(stage.pid(), Some(first), "{shell}: warm");
        stage.done("cycle");
        assert!(!is_there(first));
        assert!(stage.pid().is_some());
        assert_eq!(stage.boots(), 2);
        stage.done("stop");
        let (answer, _) = stage.ask("status");
        assert_eq!(answer.report.state, MachineState::Stopped);
        assert_eq!(answer.operations.len(), 4);
        let log = stage.log();
        for verb in ["start", "reset", "cycle", "stop"] {
            assert!(
                log.contains(&format!("client=192.0.2.7 verb={verb} operation=")),
                "{log}"
            );
        }
        // A cycle of what is off gives it power.
        stage.done("cycle");
        assert!(stage.pid().is_some());
    }
}

/// What is sent beside the six words, and what it would do if it were ever read by a shell.
const PAYLOADS: [&str; 36] = [
    "",
    " ",
    "Status",
    "STATUS",
    "status ",
    " status",
    "status\n",
    "\nstatus",
    "status\t",
    "status;touch owned",
    "status; touch owned",
    "status&&touch owned",
    "status|touch owned",
    "status\ntouch owned",
    "status\rtouch owned",
    "$(touch owned)",
    "`touch owned`",
    "status $(touch owned)",
    "cycle stop",
    "cycle 103",
    "stop --skiplock",
    "stop -- 103",
    "--verb 103 stop x",
    "--work",
    "--log",
    "-c touch owned",
    "sh -c 'touch owned'",
    "../../bin/sh",
    "*",
    "?tatus",
    "st[a]tus",
    "status|forensics",
    "cyclе",
    "\u{feff}cycle",
    "cycle\u{200b}",
    "cycle\\n",
];

#[test]
fn only_the_six_words_pass_and_nothing_is_ever_read_by_a_shell() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        for payload in PAYLOADS {
            refused(&stage, payload.as_bytes());
        }
        // No command at all: somebody wants a shell.
        let output = stage.call(None).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{shell}");
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..60 {
            refused(&stage, &mutated(&mut random));
        }
        assert!(!stage.path("owned").exists());
        assert_eq!(stage.read("calls"), "", "{shell}: qm was called");
        assert_eq!(stage.log().lines().count(), PAYLOADS.len() + 61);
    }
}

fn refused(stage: &Stage, sent: &[u8]) {
    let mut call = stage.call(Some(sent));
    let output = call.current_dir(stage.path("")).output().unwrap();
    let shown = String::from_utf8_lossy(sent);
    assert_eq!(output.status.code(), Some(2), "{shown:?}: {output:?}");
    let answer = protocol::parse(&output.stdout);
    assert_eq!(answer.end, Some(2), "{shown:?}");
    assert!(answer.refused.is_some() && answer.begun.is_none());
}

/// One of the six words with something wrong about it, or nothing like one.
fn mutated(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = PowerVerb::ALL[random.usize(..6)].word().as_bytes().to_vec();
    for _ in 0..random.usize(1..4) {
        let place = random.usize(..=bytes.len());
        match random.u8(..4) {
            0 => bytes.insert(place, random.u8(1..)),
            1 if place < bytes.len() => bytes[place] = random.u8(1..),
            2 if place < bytes.len() => drop(bytes.remove(place)),
            _ => bytes.extend((0..random.usize(..40)).map(|_| random.u8(1..))),
        }
    }
    if PowerVerb::ALL
        .iter()
        .any(|verb| verb.word().as_bytes() == bytes)
    {
        bytes.push(b'x');
    }
    bytes
}

#[test]
fn the_words_are_exact_here_as_well() {
    let mut random = fastrand::Rng::with_seed(9);
    for verb in PowerVerb::ALL {
        assert_eq!(verb.word().parse(), Ok(verb));
        for _ in 0..10_000 {
            let bytes = mutated(&mut random);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert!(text.parse::<PowerVerb>().is_err(), "{text:?}");
            }
        }
    }
}

#[test]
fn a_word_of_many_lines_forges_no_line_of_the_log() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        let forged = "x\n2026-01-01T00:00:00Z pilothouse-power[102] client=1.2.3.4 verb=cycle operation=1 begun";
        refused(&stage, forged.as_bytes());
        refused(&stage, b"\"quote\\\x1b[2J\xff");
        refused(&stage, "y".repeat(100_000).as_bytes());
        let log = stage.log();
        assert_eq!(log.lines().count(), 3, "{shell}: {log}");
        for line in log.lines() {
            assert!(line.contains("client=192.0.2.7 rejected "), "{line}");
            assert!(line.len() < 260, "{} bytes", line.len());
            assert!(
                line.ends_with('"') && line.matches('"').count() == 2,
                "{line}"
            );
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}

#[test]
fn the_log_is_rotated_and_bounded() {
    let stage = Stage::with("dash", |layout| layout.log_bytes = 600);
    for _ in 0..40 {
        refused(&stage, b"nothing");
    }
    for name in ["102.log", "102.log.1", "102.log.2", "102.log.3"] {
        let size = stage.read(&format!("logs/{name}")).len();
        assert!((1..900).contains(&size), "{name}: {size}");
    }
    assert!(!stage.path("logs/102.log.4").exists());
}

#[test]
fn an_environment_from_outside_has_no_say() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        let evil = stage.path("evil");
        fs::create_dir(&evil).unwrap();
        for name in ["qm", "cat", "setsid", "flock", "env", "date", "sed"] {
            let script = format!("#!/bin/sh\ntouch {}\n", text(&stage.path("owned")));
            fs::write(evil.join(name), script).unwrap();
            crate::sshd::chmod(&evil.join(name), 0o755);
        }
        fs::write(
            stage.path("rc"),
            format!("touch {}\n", text(&stage.path("owned"))),
        )
        .unwrap();
        let output = stage
            .call(Some(b"status"))
            .env("PATH", &evil)
            .env("ENV", stage.path("rc"))
            .env("BASH_ENV", stage.path("rc"))
            .env("IFS", "a/")
            .env("STATES", "/nowhere")
            .env("target", "103")
            .env("SSH_CONNECTION", "$(reboot) x y z")
            .output();
        // bash reads BASH_ENV before the script's first line; sshd lets nobody set it.
        if shell != "bash" {
            assert!(!stage.path("owned").exists(), "{shell}");
        }
        let answer = protocol::parse(&output.unwrap().stdout);
        assert_eq!(answer.report.state, MachineState::Stopped, "{shell}");
    }
}

#[test]
fn a_caller_who_leaves_in_the_middle_leaves_the_machine_on() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        stage.done("start");
        stage.switch("slow-stop", "1");
        // The pipe is closed before a word was written to it, and the script is killed as soon as it said something.
        let mut child = stage
            .call(Some(b"cycle"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        drop(child.stderr.take());
        child.wait().unwrap();
        let ended = stage.newest_ended();
        assert_eq!(ended, OperationState::Done, "{shell}: {}", stage.notes());
        assert_eq!(stage.boots(), 2, "{shell}");
        assert!(stage.pid().is_some(), "{shell}");
    }
}

#[test]
fn of_two_verbs_at_once_the_second_is_told_so() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        stage.done("start");
        stage.switch("slow-stop", "1");
        let calls: Vec<_> = ["cycle", "stop", "cycle", "reset"]
            .iter()
            .map(|verb| {
                stage
                    .call(Some(verb.as_bytes()))
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let mut codes: Vec<i32> = calls
            .into_iter()
            .map(|call| {
                let output = call.wait_with_output().unwrap();
                let answer = protocol::parse(&output.stdout);
                let code = output.status.code().unwrap();
                assert_eq!(answer.busy.is_some(), code == 3, "{shell}: {answer:?}");
                assert_eq!(answer.begun.is_some(), code == 0, "{shell}: {answer:?}");
                code
            })
            .collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 3, 3, 3], "{shell}");
        stage.newest_ended();
    }
}

#[test]
fn evidence_that_hangs_holds_a_verb_up_for_its_budget_and_no_longer() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        stage.done("start");
        for verb in ["status", "config", "pending", "guest", "monitor"] {
            stage.switch(&format!("hang-{verb}"), "");
        }
        let began = Instant::now();
        let (answer, _) = stage.ask("forensics");
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{shell}: {:?}",
            began.elapsed()
        );
        let said: Vec<_> = answer
            .report
            .lines
            .iter()
            .map(pilothouse::text::SafeText::as_str)
            .collect();
        assert!(
            said.contains(&"incomplete: end of evidence"),
            "{shell}: {said:?}"
        );
        assert_eq!(answer.end, Some(0));
        // qm says nothing; its own process does.
        assert_eq!(answer.report.state, MachineState::Running);
        let began = Instant::now();
        stage.done("reset");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{shell}: {:?}",
            began.elapsed()
        );
        assert_eq!(stage.read("vm/102/resets"), "reset\n");
    }
}

#[test]
fn a_machine_that_does_not_end_is_ended_by_its_own_process_and_no_other() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        fs::create_dir(stage.path("vm/1020")).unwrap();
        stage.qm(&["start", "1020"]);
        let neighbour: i32 = stage.read("run/1020.pid").trim().parse().unwrap();
        stage.done("start");
        let stuck = stage.pid().unwrap();
        stage.switch("stuck", "");
        stage.done("cycle");
        assert!(!is_there(stuck), "{shell}");
        assert!(is_there(neighbour), "{shell}: 1020 is not 102");
        assert_eq!(stage.boots(), 2);
        // The pid file names somebody else's machine: it is not touched, and the machine is not said to be off.
        fs::write(stage.path("run/102.pid"), neighbour.to_string()).unwrap();
        let ended = stage.act("stop");
        assert!(
            matches!(ended, OperationState::Failed(_)),
            "{shell}: {ended:?}"
        );
        assert!(is_there(neighbour), "{shell}");
        // A program that is not QEMU, with the right words after it.
        let mut other = Command::new("/usr/bin/dash")
            .args(["-c", "read -r x", "-id", "102"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        fs::write(stage.path("run/102.pid"), other.id().to_string()).unwrap();
        let ended = stage.act("cycle");
        assert!(
            matches!(ended, OperationState::Failed(_)),
            "{shell}: {ended:?}"
        );
        assert!(other.try_wait().unwrap().is_none(), "{shell}");
        other.kill().unwrap();
        other.wait().unwrap();
        end(neighbour);
    }
}

#[test]
fn a_pid_that_was_given_to_another_machine_is_left_alone() {
    for shell in SHELLS {
        let stage = Stage::with(shell, |layout| layout.wait = Duration::from_secs(1));
        stage.done("start");
        let first = stage.pid().unwrap();
        stage.switch("stuck", "");
        stage.switch("slow-stop", "2");
        let (answer, _) = stage.ask("stop");
        assert!(answer.begun.is_some());
        // While qm is at work the process goes, and another one of the same number comes.
        stage.until_called("stop 102");
        end(first);
        while is_there(first) {
            std::thread::yield_now();
        }
        stage.qm(&["start", "102"]);
        let second = stage.pid().unwrap();
        assert_ne!(first, second);
        stage.newest_ended();
        assert!(is_there(second), "{shell}: {}", stage.notes());
        end(second);
    }
}

#[test]
fn a_start_that_fails_is_tried_again_and_then_told() {
    for shell in SHELLS {
        let stage = Stage::with(shell, |layout| layout.tries = 2);
        stage.done("start");
        stage.switch("fail-start", "1");
        stage.done("cycle");
        assert!(stage.pid().is_some(), "{shell}");
        stage.switch("fail-start", "9");
        let OperationState::Failed(why) = stage.act("cycle") else {
            panic!("{shell}: a start that failed was called done")
        };
        assert!(why.as_str().contains("it is OFF"), "{shell}: {why}");
        assert!(why.as_str().contains("got timeout"), "{shell}: {why}");
    }
}

#[test]
fn a_locked_machine_is_neither_stopped_nor_unlocked() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        stage.done("start");
        let pid = stage.pid();
        stage.switch("lock", "backup");
        for verb in ["cycle", "stop", "reset"] {
            let OperationState::Failed(why) = stage.act(verb) else {
                panic!("{shell}: {verb} of a locked machine")
            };
            assert!(why.as_str().contains("locked (backup)"), "{shell}: {why}");
            assert!(why.as_str().contains("qm unlock 102"), "{shell}: {why}");
        }
        assert_eq!(stage.pid(), pid, "{shell}");
        assert!(!stage.read("calls").contains("unlock"));
    }
}

#[test]
fn an_operation_whose_runner_is_killed_is_lost_and_the_next_may_come() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        stage.done("start");
        stage.switch("slow-stop", "30");
        let (answer, _) = stage.ask("cycle");
        let id = answer.begun.unwrap();
        stage.until_called("stop 102");
        let runner = stage.read(&format!("states/102/ops/{id}/runner"));
        end(runner.split(' ').next().unwrap().parse().unwrap());
        let lost = stage.newest_ended();
        assert_eq!(lost, OperationState::Lost, "{shell}");
        stage.unswitch("slow-stop");
        stage.done("cycle");
    }
}

#[test]
fn what_can_not_be_kept_is_told_and_nothing_is_begun() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        fs::write(stage.path("states"), "").unwrap();
        let (answer, output) = stage.ask("cycle");
        assert_eq!(output.status.code(), Some(4), "{shell}: {output:?}");
        assert!(
            answer
                .refused
                .unwrap()
                .as_str()
                .contains("can not be written")
        );
        let mut call = Command::new(&stage.installed.script_path);
        let output = call.env("SSH_ORIGINAL_COMMAND", "status").output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{shell}: without its number");
        assert_eq!(stage.read("calls"), "");
    }
}

#[test]
fn a_log_that_is_not_to_be_had_holds_nothing_up() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        fs::write(stage.path("logs"), "").unwrap();
        stage.done("start");
        assert!(stage.pid().is_some(), "{shell}");
    }
}

#[test]
fn the_moment_of_an_operation_that_was_not_written_stops_no_status() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        stage.done("start");
        let ops = fs::read_dir(stage.path("states/102/ops")).unwrap();
        for op in ops {
            fs::write(op.unwrap().path().join("begun"), "").unwrap();
        }
        let (answer, output) = stage.ask("status");
        assert!(output.status.success(), "{shell}: {output:?}");
        assert_eq!(answer.operations.len(), 1, "{shell}: {output:?}");
        stage.done("cycle");
    }
}

#[test]
fn a_worker_that_can_not_write_who_it_is_does_nothing_and_that_is_told() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        fs::create_dir_all(stage.path("states/102/ops/000009-x/runner.part")).unwrap();
        let mut worker = Command::new(&stage.installed.script_path);
        let worker = worker.args(["--work", "102", "start", "me", "000009-x"]);
        assert!(!worker.status().unwrap().success(), "{shell}");
        assert_eq!(stage.read("calls"), "", "{shell}");
    }
    for shell in OF_PROGRAMS {
        let stage = Stage::new(shell);
        stage.done("start");
        let calls = stage.read("calls");
        // The folder takes everything but this one file.
        let refuses = "#!/bin/sh\ncase $* in */runner) exit 1 ;; esac\nexec /usr/bin/mv \"$@\"\n";
        fs::write(stage.path("bin/mv"), refuses).unwrap();
        chmod(&stage.path("bin/mv"), 0o755);
        let (answer, output) = stage.ask("cycle");
        assert_eq!(output.status.code(), Some(4), "{shell}: {output:?}");
        assert!(answer.begun.is_none(), "{shell}: {output:?}");
        assert_eq!(stage.read("calls"), calls, "{shell}");
        fs::remove_file(stage.path("bin/mv")).unwrap();
        stage.done("cycle");
    }
}

#[test]
fn a_caller_who_is_killed_as_the_worker_starts_leaves_an_operation_that_is_known() {
    for shell in OF_PROGRAMS {
        let stage = Stage::new(shell);
        stage.done("start");
        stage.switch("slow-stop", "2");
        let kills =
            "#!/bin/sh\ncase $* in *--work*) kill -9 $PPID ;; esac\nexec /usr/bin/setsid \"$@\"\n";
        fs::write(stage.path("bin/setsid"), kills).unwrap();
        chmod(&stage.path("bin/setsid"), 0o755);
        let (answer, _) = stage.ask("cycle");
        assert!(answer.begun.is_none(), "{shell}");
        stage.until_called("stop 102");
        let (answer, output) = stage.ask("cycle");
        assert!(answer.busy.is_some(), "{shell}: {output:?}");
        assert_eq!(stage.newest_ended(), OperationState::Done, "{shell}");
    }
}

#[test]
fn a_start_has_minutes_and_no_machine_is_called_off_unseen() {
    assert!(HostLayout::default().start >= Duration::from_mins(5));
    for shell in SHELLS {
        let stage = Stage::with(shell, |layout| layout.tries = 1);
        stage.switch("fail-start", "9");
        stage.switch("fail-status", "99");
        let OperationState::Failed(why) = stage.act("start") else {
            panic!("{shell}: a start that failed was called done")
        };
        assert!(!why.as_str().contains("OFF"), "{shell}: {why}");
        assert!(why.as_str().contains("unknown"), "{shell}: {why}");
    }
}
