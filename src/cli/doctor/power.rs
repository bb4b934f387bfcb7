//! The way to each host's power switch, as far as this machine can tell without touching it: the key is there and private,
//! the address needs no name service, every verb has its command.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::check::{Check, State};
use crate::config::Config;
use crate::domain::{HostAddress, HostId, HostSpec, PowerMethod, PowerSpec, PowerVerb, SshSpec};

/// The hosts whose switch can be asked for its status: it is one that answers, and its set-up has no fault.
pub(super) async fn to_ask(config: &Config) -> Vec<HostId> {
    let mut hosts = Vec::new();
    for host in &config.hosts {
        let Some(power) = &host.power else { continue };
        let answers = match &power.method {
            Some(PowerMethod::ForcedCommand(_)) => true,
            Some(PowerMethod::Command { verbs, .. }) => verbs.contains_key(&PowerVerb::Status),
            None => false,
        };
        if answers && check(host, power, config).await.state != State::Fail {
            hosts.push(host.id.clone());
        }
    }
    hosts
}

/// Checks the switch of every host that has one.
pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    for host in &config.hosts {
        if let Some(power) = &host.power {
            checks.push(check(host, power, config).await);
        }
    }
    checks
}

async fn check(host: &HostSpec, power: &PowerSpec, config: &Config) -> Check {
    let id = format!("power.{}", host.id);
    match &power.method {
        Some(PowerMethod::ForcedCommand(switch)) => match &switch.address {
            HostAddress::Ssh(ssh) => forced_command(id, ssh).await,
            HostAddress::Local => Check::pass(id, "this machine holds the power"),
        },
        Some(PowerMethod::Command { on, verbs }) => {
            let known = |on: &HostId| config.hosts.iter().any(|host| host.id == *on);
            match on {
                Some(on) if *on == host.id => Check::warn(
                    id,
                    "its commands run on the host itself, which can't answer when it hangs",
                    "name another host under `on`, or leave it out to run them here",
                ),
                Some(on) if !known(on) => Check::fail(
                    id,
                    format!("its commands run on {on}, which is not among the hosts shown"),
                    format!("name {on} as well, or start without host arguments"),
                ),
                _ if !verbs.contains_key(&PowerVerb::Status) => Check::warn(
                    id,
                    "no command for `status`: nobody can tell whether a verb did what it should",
                    "add `status: [ipmitool, …, power, status]` under `verbs`",
                ),
                _ => Check::pass(id, format!("commands for {}", words(verbs.keys()))),
            }
        }
        None => Check::pass(id, "woken from the network; nothing else is set up"),
    }
}

fn words<'a>(verbs: impl Iterator<Item = &'a PowerVerb>) -> String {
    verbs.map(|verb| verb.word()).collect::<Vec<_>>().join(", ")
}

async fn forced_command(id: String, ssh: &SshSpec) -> Check {
    let Some(key) = ssh.identity.first() else {
        return Check::fail(
            id,
            "no key is named for it",
            "`pilothouse power install` prints how to make one; name it under `identity`",
        );
    };
    if let Some((what, mend)) = fault_of_key(key).await {
        return Check::fail(id, what, mend);
    }
    let address = ssh.host.as_str();
    if address.parse::<IpAddr>().is_err() {
        return Check::warn(
            id,
            format!("{address} is a name, and name service may be gone when it matters"),
            "write the address: host: user@10.0.0.2",
        );
    }
    Check::pass(id, format!("{address} with the key {}", key.display()))
}

/// What is wrong with a key file, and the mend.
async fn fault_of_key(key: &Path) -> Option<(String, String)> {
    let name = key.display();
    match tokio::fs::metadata(key).await {
        Err(error) => Some((
            format!("its key {name} can't be read: {error}"),
            "`pilothouse power install` prints how to make one".into(),
        )),
        Ok(meta) if !meta.is_file() => {
            Some((format!("{name} is no file"), "name the key file".into()))
        }
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => Some((
            format!("others may read its key {name}"),
            format!("chmod 600 {name}"),
        )),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Environment, Flags, Source, resolve};

    fn config(text: String) -> Config {
        let source = Source {
            file: "/etc/fleet.yaml".into(),
            text,
        };
        let environment = Environment::default();
        resolve(Some(&source), &environment, &Flags::default(), None)
            .unwrap()
            .config
    }

    #[tokio::test]
    async fn each_lack_is_told_with_its_mend() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str, mode| {
            let file = folder.path().join(name);
            fs::write(&file, "key").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            file.display().to_string()
        };
        let (good, open) = (key("good", 0o600), key("open", 0o644));
        let gone = folder.path().join("gone").display().to_string();
        let folder = folder.path().display();
        for (power, state, told) in [
            (
                format!("{{host: root@10.0.0.2, identity: {good}}}"),
                State::Pass,
                "10.0.0.2",
            ),
            (
                format!("{{host: root@pve.lan, identity: {good}}}"),
                State::Warn,
                "is a name",
            ),
            (
                format!("{{host: root@10.0.0.2, identity: {open}}}"),
                State::Fail,
                "others may read",
            ),
            (
                format!("{{host: root@10.0.0.2, identity: {gone}}}"),
                State::Fail,
                "can't be read",
            ),
            (
                format!("{{host: root@10.0.0.2, identity: {folder}}}"),
                State::Fail,
                "is no file",
            ),
            ("{host: root@10.0.0.2}".into(), State::Fail, "no key"),
            (
                "{verbs: {status: [x], start: [y]}}".into(),
                State::Pass,
                "status, start",
            ),
            (
                "{verbs: {start: [y]}}".into(),
                State::Warn,
                "no command for `status`",
            ),
            (
                "{\"on\": a, verbs: {status: [x]}}".into(),
                State::Warn,
                "the host itself",
            ),
            ("{wake: \"3c:6d:66:01:02:03\"}".into(), State::Pass, "woken"),
        ] {
            let config = config(format!("hosts:\n  - name: a\n    power: {power}\n"));
            let checks = checks(&config).await;
            let [check] = checks.as_slice() else {
                panic!("{power}: {checks:?}");
            };
            assert_eq!(
                (check.id.as_str(), check.state),
                ("power.a", state),
                "{power}"
            );
            assert!(check.what.contains(told), "{power}: {}", check.what);
            assert_eq!(check.mend.is_some(), state != State::Pass, "{power}");
        }
        assert_eq!(checks(&config("hosts: [a]\n".into())).await, []);
    }
}
