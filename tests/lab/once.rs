//! `pilothouse once` on the lab: every host in the words a person needs.

use std::process::Output;

use serde_json::Value;

use crate::lab::Lab;

/// One look at these hosts of a configuration of the lab.
fn once(lab: &Lab, config: &str, hosts: &[&str]) -> (Output, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let seen = lab
        .command(env!("CARGO_BIN_EXE_pilothouse"))
        .env("XDG_STATE_HOME", folder.path())
        .args(["once", "--json", "--config", lab.setting(config)])
        .args(hosts)
        .output()
        .unwrap();
    let shot: Value = serde_json::from_slice(&seen.stdout)
        .unwrap_or_else(|why| panic!("no JSON: {why}: {seen:?}"));
    let hosts = shot["hosts"].as_array().unwrap().clone();
    (seen, hosts)
}

fn host<'a>(hosts: &'a [Value], name: &str) -> &'a Value {
    hosts
        .iter()
        .find(|host| host["name"] == name)
        .unwrap_or_else(|| panic!("no host {name}"))
}

#[test]
fn five_login_shells_show_their_gpus_alike() {
    let lab = Lab::open();
    let (seen, hosts) = once(&lab, "LAB_CONFIG", &["h200", "rtx", "gb10", "mig", "plain"]);
    assert!(seen.status.success(), "{seen:?}");
    let gpus = |name: &str| host(&hosts, name)["gpus"].as_array().unwrap().clone();
    assert_eq!(gpus("h200").len(), 8);
    assert_eq!(gpus("h200")[0]["name"], "NVIDIA H200");
    assert_eq!(gpus("rtx")[0]["name"], "NVIDIA GeForce RTX 4090");
    assert_eq!(gpus("gb10")[0]["unified"], true, "{:?}", gpus("gb10"));
    assert_eq!(gpus("mig")[0]["name"], "NVIDIA H200");
    assert_eq!(
        host(&hosts, "plain")["driver"]["state"],
        "no gpu tool on this host"
    );
    for host in &hosts {
        assert!(
            host["machine"]["memory"]["total_mib"].as_u64() > Some(0),
            "{host}"
        );
    }
}

#[test]
fn a_broken_driver_and_a_lost_gpu_have_their_own_words() {
    let lab = Lab::open();
    let (_, hosts) = once(&lab, "LAB_CONFIG", &["driver", "lost"]);
    for (name, words) in [
        ("driver", "driver not running"),
        ("lost", "a gpu fell off the bus"),
    ] {
        let host = host(&hosts, name);
        assert_eq!(host["state"], "driver", "{host}");
        let said = host["driver"]["state"].as_str().unwrap();
        assert!(said.starts_with(words), "{said}");
        assert!(!host["machine"].is_null(), "the machine itself answers");
    }
}

#[test]
fn certificate_agent_and_jump_let_us_in() {
    let lab = Lab::open();
    let (seen, hosts) = once(&lab, "LAB_CONFIG", &["cert", "agent", "jump", "behind"]);
    assert!(seen.status.success(), "{seen:?}");
    for host in &hosts {
        assert!(host["failure"].is_null(), "{host}");
    }
}

#[test]
fn a_hostile_banner_reaches_no_output() {
    let lab = Lab::open();
    let (seen, hosts) = once(&lab, "LAB_CONFIG", &["banner"]);
    assert!(seen.status.success(), "{seen:?}");
    assert_eq!(host(&hosts, "banner")["failure"], Value::Null);
    for output in [&seen.stdout, &seen.stderr] {
        let text = String::from_utf8_lossy(output);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    }
}

#[test]
fn what_must_not_be_let_in_is_refused_in_words_with_the_mend() {
    let lab = Lab::open();
    let (seen, hosts) = once(&lab, "LAB_FAULTS", &[]);
    assert_eq!(seen.status.code(), Some(4), "{seen:?}");
    for (name, rung, words, mend) in [
        ("refused", "tcp", "refuses the connection", "sshd"),
        ("wrong-key", "login", "takes none of our", "ssh-copy-id"),
        (
            "changed",
            "ssh banner",
            "is not the one we know",
            "ssh-keygen",
        ),
        ("revoked", "ssh banner", "is revoked", "revokes it"),
        ("unknown", "ssh banner", "is unknown", "fingerprint"),
    ] {
        let failure = &host(&hosts, name)["failure"];
        assert_eq!(failure["rung"], rung, "{name}: {failure}");
        assert!(
            failure["why"].as_str().unwrap().contains(words),
            "{failure}"
        );
        assert!(
            failure["hint"].as_str().unwrap().contains(mend),
            "{failure}"
        );
    }
}

#[test]
fn an_encrypted_key_asks_and_is_not_guessed_at() {
    let lab = Lab::open();
    let (seen, hosts) = once(&lab, "LAB_LOCKED", &[]);
    assert_eq!(seen.status.code(), Some(4), "{seen:?}");
    assert_eq!(host(&hosts, "locked")["state"], "asking");
}
