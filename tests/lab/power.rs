//! The power switch as it is installed: a real sshd, a key that can do nothing else, and a virtual machine that really ends and
//! starts. Driven by OpenSSH; nothing of ours but the script.

use std::process::Stdio;
use std::time::Duration;

use crate::lab::Lab;

/// What is not one of the six words, letter by letter, or is more than a command.
const NONE_OF_THE_SIX: &[&[&str]] = &[
    &[],
    &["STATUS"],
    &["status "],
    &[" status"],
    &["status; id"],
    &["status\nid"],
    &["status 102"],
    &["cycle $(id)"],
    &["cycle`id`"],
    &["cycle && id"],
    &["cycle|id"],
    &["'cycle'"],
    &["--work 102 stop x y"],
    &["stop\0"],
    &["sh"],
    &["-s", "sftp"],
    &["-tt", "id"],
];

#[test]
fn the_key_can_do_six_words_and_nothing_else() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    let before = hypervisor.calls().len();
    for words in NONE_OF_THE_SIX {
        // A program can't be given a zero byte.
        if words.iter().any(|word| word.contains('\0')) {
            continue;
        }
        let (said, code) = hypervisor.send(words);
        assert!(!said.contains("uid="), "{words:?}: {said}");
        assert_ne!(code, Some(0), "{words:?}: {said}");
        assert!(
            said.is_empty() || said.contains("refused not one of"),
            "{words:?}: {said}"
        );
    }
    assert_eq!(hypervisor.changes(before), Vec::<String>::new());
    let (said, code) = hypervisor.send(&["status"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("pilothouse-power 1\ntarget 102\n"),
        "{said}"
    );
    assert!(said.contains("\nstate running\n"), "{said}");
    assert!(said.ends_with("end 0\n"), "{said}");
}

#[test]
fn the_key_opens_no_forward() {
    let lab = Lab::open();
    let _hypervisor = lab.hypervisor();
    for forward in [["-W", "127.0.0.1:22"], ["-R", "0:127.0.0.1:22"]] {
        // One that was allowed would stay open and wait.
        let refused = lab
            .command("timeout")
            .args([
                "20",
                "ssh",
                "-o",
                "BatchMode=yes",
                "-o",
                "ExitOnForwardFailure=yes",
            ])
            .args(["-N", "-F", lab.setting("LAB_SSH_CONFIG")])
            .args(forward)
            .arg("lab-pve")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(255), "{forward:?}: {refused:?}");
        assert!(refused.stdout.is_empty(), "{forward:?}: {refused:?}");
    }
}

#[test]
fn each_changing_word_does_what_it_says() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    let first = hypervisor.boot();
    for (verb, calls) in [
        ("reset", vec!["reset 102"]),
        ("stop", vec!["stop 102"]),
        ("start", vec!["start 102"]),
        ("cycle", vec!["stop 102", "start 102"]),
    ] {
        let before = hypervisor.calls().len();
        let operation = hypervisor.begin(verb);
        assert_eq!(hypervisor.end_of(&operation), "done", "{verb}");
        assert_eq!(hypervisor.changes(before), calls, "{verb}");
        let (said, _) = hypervisor.send(&["status"]);
        let state = if verb == "stop" { "stopped" } else { "running" };
        assert!(
            said.contains(&format!("\nstate {state}\n")),
            "{verb}: {said}"
        );
        if lab.setting("LAB_BOOTS") == "yes" && verb != "stop" {
            assert_ne!(hypervisor.boot(), first, "{verb}");
        }
    }
}

#[test]
fn a_caller_who_is_gone_leaves_no_machine_half_way() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    let first = hypervisor.boot();
    let before = hypervisor.calls().len();
    let mut ssh = lab
        .command("ssh")
        .args(["-o", "BatchMode=yes", "-F", lab.setting("LAB_SSH_CONFIG")])
        .args(["lab-pve", "cycle"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // As soon as it is seen at work, the caller dies and the network with it.
    let clock = pilothouse::clock::Clock::system();
    while hypervisor.calls().len() == before {
        assert!(clock.at().0 < 30_000, "nothing was begun");
        std::thread::yield_now();
    }
    ssh.kill().unwrap();
    ssh.wait().unwrap();
    lab.host("drop", "pve");
    let (said, _) = hypervisor.send(&["status"]);
    let operation = said
        .lines()
        .find_map(|line| line.strip_prefix("operation ")?.split(' ').next())
        .unwrap_or_else(|| panic!("no operation: {said}"));
    assert_eq!(hypervisor.end_of(operation), "done");
    assert_eq!(hypervisor.changes(before), ["stop 102", "start 102"]);
    if lab.setting("LAB_BOOTS") == "yes" {
        assert_ne!(hypervisor.boot(), first);
    }
}

#[test]
fn a_second_verb_waits_for_nobody_and_does_nothing() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    let before = hypervisor.calls().len();
    let operation = hypervisor.begin("cycle");
    let (said, code) = hypervisor.send(&["stop"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&format!("\nbusy {operation}\n")), "{said}");
    assert_eq!(hypervisor.end_of(&operation), "done");
    assert_eq!(hypervisor.changes(before), ["stop 102", "start 102"]);
}

#[test]
fn a_machine_that_hangs_is_told_by_its_evidence_and_cycled() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    let first = hypervisor.boot();
    lab.host("wedge", "guest");
    let (said, code) = hypervisor.send(&["forensics"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("guest-ping' failed - got timeout"), "{said}");
    assert!(said.contains("\nstate running\n"), "{said}");
    let operation = hypervisor.begin("cycle");
    assert_eq!(hypervisor.end_of(&operation), "done");
    assert!(lab.setting("LAB_BOOTS") != "yes" || hypervisor.boot() != first);
}

#[test]
fn what_qm_does_not_end_is_ended_by_its_verified_process() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    let first = hypervisor.boot();
    hypervisor.ail("stuck");
    let operation = hypervisor.begin("cycle");
    assert_eq!(hypervisor.end_of(&operation), "done");
    assert!(lab.setting("LAB_BOOTS") != "yes" || hypervisor.boot() != first);
    let (said, _) = hypervisor.send(&["status"]);
    assert!(said.contains("line ended process "), "{said}");
}

#[test]
fn a_hypervisor_whose_files_hang_still_cuts_the_power() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    let first = hypervisor.boot();
    hypervisor.ail("mute");
    let clock = pilothouse::clock::Clock::system();
    let operation = hypervisor.begin("reset");
    assert_eq!(hypervisor.end_of(&operation), "done");
    // The whole of the evidence may take 20 s, the look for locks 5 s.
    let took = Duration::from_millis(clock.at().0);
    assert!(took < Duration::from_secs(40), "{took:?}");
    assert!(lab.setting("LAB_BOOTS") != "yes" || hypervisor.boot() != first);
}

#[test]
fn a_machine_that_does_not_start_is_told_to_be_off() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    hypervisor.ail("dead");
    let operation = hypervisor.begin("cycle");
    let how = hypervisor.end_of(&operation);
    assert!(how.starts_with("failed it is OFF"), "{how}");
    let (said, _) = hypervisor.send(&["status"]);
    assert!(said.contains("\nstate stopped\n"), "{said}");
}
