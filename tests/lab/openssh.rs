//! The lab itself, seen by OpenSSH: what the other tests take for granted.

use crate::lab::Lab;

#[test]
fn openssh_reaches_every_host_that_lets_one_in() {
    let lab = Lab::open();
    // Two hosts are switched off and on by tests beside this one.
    let hypervisor = lab.hypervisor();
    hypervisor.boot();
    let _flappy = lab.flappy();
    for host in lab.hosts() {
        let seen = lab.ssh(&host.name, "echo \"it is $PILOTHOUSE_LAB_HOST\"");
        let said = String::from_utf8_lossy(&seen.stdout);
        let expected = format!("it is {}\n", host.name);
        if host.way_in == "encrypted" {
            assert!(!seen.status.success(), "{} has a passphrase", host.name);
        } else {
            assert_eq!(said, expected, "{}: {seen:?}", host.name);
        }
    }
}

#[test]
fn each_shell_is_the_one_it_is_called() {
    let lab = Lab::open();
    let marks = [
        ("bash", "echo ${BASH_VERSION:+yes}"),
        ("zsh", "echo ${ZSH_VERSION:+yes}"),
        ("fish", "test -n \"$FISH_VERSION$version\"; and echo yes"),
        (
            "dash",
            "case $(readlink /proc/$$/exe) in */dash) echo yes;; esac",
        ),
        (
            "busybox",
            "case $(readlink /proc/$$/exe) in */busybox) echo yes;; esac",
        ),
    ];
    for (shell, command) in marks {
        let host = lab
            .hosts()
            .into_iter()
            .find(|host| host.shell == shell)
            .unwrap_or_else(|| panic!("no host with {shell}"));
        let seen = lab.ssh(&host.name, command);
        assert_eq!(
            String::from_utf8_lossy(&seen.stdout),
            "yes\n",
            "{}: {seen:?}",
            host.name
        );
    }
}

#[test]
fn only_the_jump_reaches_the_host_behind_it() {
    let lab = Lab::open();
    if lab.setting("LAB_BEHIND") != "namespace" {
        // Proven by the jump's own log instead, where there are no network namespaces.
        let seen = lab.ssh("behind", "true");
        assert!(seen.status.success(), "{seen:?}");
        let log = format!("{}/log/jump.log", lab.setting("LAB_GROUND"));
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains("Accepted publickey"), "{log}");
        return;
    }
    let direct = lab
        .command("ssh")
        .args(["-o", "BatchMode=yes", "-o", "ProxyJump=none"])
        .args(["-F", lab.setting("LAB_SSH_CONFIG"), "lab-behind", "true"])
        .output()
        .unwrap();
    assert!(!direct.status.success(), "it was reached without the jump");
    assert!(lab.ssh("behind", "true").status.success());
}

#[test]
fn nvidia_smi_is_there_where_the_table_says_so_and_only_there() {
    let lab = Lab::open();
    let hypervisor = lab.hypervisor();
    hypervisor.boot();
    let _flappy = lab.flappy();
    for host in lab.hosts() {
        if host.way_in == "encrypted" {
            continue;
        }
        let seen = lab.ssh(&host.name, "command -v nvidia-smi; true");
        let there = !seen.stdout.is_empty();
        assert_eq!(there, host.gpu != "none", "{}: {seen:?}", host.name);
    }
}
