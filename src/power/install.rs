//! What is put on a hypervisor, once and by hand: one script, one line for `authorized_keys`, and what `sshd` should be told.
//! Nothing is installed from here: it is printed, to be read first.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::jobs::FUNCTIONS;
use crate::shell::ShellCommand;
use crate::shell::ShellWord;

use super::{PowerError, PowerErrorKind};

const HOST: &str = include_str!("host.sh");

/// Where things are on the hypervisor, and its patience. The default is Proxmox VE's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLayout {
    /// Where the script is put.
    pub script: String,
    /// The shell that runs it.
    pub shell: String,
    /// Where its programs are looked for.
    pub path: String,
    /// What it remembers of operations; best in memory, where a full disk does not matter.
    pub states: String,
    /// Its log and the last evidence.
    pub logs: String,
    /// The pid files of the machines.
    pub pids: String,
    /// The log is rotated at this size in bytes.
    pub log_bytes: u64,
    /// For all of the evidence together.
    pub budget: Duration,
    /// For one step of it.
    pub step: Duration,
    /// How long a machine may take to end before its process is ended.
    pub wait: Duration,
    /// How long one try of a start may take.
    pub start: Duration,
    /// How often a start is tried.
    pub tries: u32,
}

impl Default for HostLayout {
    fn default() -> Self {
        Self {
            script: "/usr/local/sbin/pilothouse-power".to_owned(),
            shell: "/bin/sh".to_owned(),
            path: "/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            states: "/run/pilothouse-power".to_owned(),
            logs: "/var/log/pilothouse-power".to_owned(),
            pids: "/run/qemu-server".to_owned(),
            log_bytes: 1024 * 1024,
            budget: Duration::from_secs(20),
            step: Duration::from_secs(4),
            wait: Duration::from_secs(40),
            start: Duration::from_mins(5),
            tries: 5,
        }
    }
}

/// What is to be put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The script, whole.
    pub script: String,
    /// Where it belongs, executable and owned by root.
    pub script_path: String,
    /// The line for `authorized_keys` of root on the hypervisor.
    pub authorized_keys_line: String,
    /// Lines for `sshd_config`.
    pub sshd_config: Vec<String>,
    /// What to do, in order, in words and commands.
    pub steps: Vec<String>,
}

/// The script and the line for one machine: `target` is its number on the hypervisor, `from` the addresses that the key is
/// good from, `public_key` the line of a `.pub` file.
pub fn install(
    target: &str,
    from: &[String],
    public_key: &str,
    layout: &HostLayout,
) -> Result<Installation, PowerError> {
    let target = number(target)?;
    let from = from_pattern(from)?;
    let key = key_words(public_key)?;
    let call = ShellCommand::from_word(word(&layout.script)?).word(word(target)?);
    let authorized_keys_line = format!(
        "restrict,from=\"{from}\",command=\"{}\" {key} pilothouse-power-{target}",
        in_option(&call.render())?
    );
    Ok(Installation {
        script: script(layout)?,
        script_path: layout.script.clone(),
        steps: steps(&layout.script, target, &authorized_keys_line),
        sshd_config: SSHD.iter().map(|line| (*line).to_owned()).collect(),
        authorized_keys_line,
    })
}

/// `restrict` says most of it per key; these hold for the whole login, whatever a line forgets.
const SSHD: [&str; 7] = [
    "Match User root",
    "    PermitRootLogin forced-commands-only",
    "    DisableForwarding yes",
    "    PermitTunnel no",
    "    PermitUserRC no",
    "    # and nowhere: PermitUserEnvironment yes",
    "    # and no AcceptEnv line that applies here (Debian ships `AcceptEnv LANG LC_*`: harmless, the script drops it)",
];

fn steps(script: &str, target: &str, line: &str) -> Vec<String> {
    vec![
        format!("read the script, then save it on the hypervisor as {script}"),
        format!("there: chown root:root {script} && chmod 755 {script} && sh -n {script}"),
        format!("there, add this line to /root/.ssh/authorized_keys: {line}"),
        "there: look at sshd_config (below), then `sshd -t` and `systemctl reload ssh`".to_owned(),
        format!(
            "here, try it: ssh -i KEY -o IdentitiesOnly=yes root@HYPERVISOR status   (it answers `pilothouse-power 1`, \
             `target {target}`)"
        ),
    ]
}

fn wrong(what: impl Into<String>) -> PowerError {
    PowerError::new(PowerErrorKind::Setup, what)
}

fn number(target: &str) -> Result<&str, PowerError> {
    let digits = (1..=9).contains(&target.len()) && target.bytes().all(|b| b.is_ascii_digit());
    if digits && !target.starts_with('0') {
        return Ok(target);
    }
    Err(wrong(format!(
        "{target:?} is no number of a machine on a hypervisor"
    ))
    .hint("it is the number that `qm list` shows, such as 102"))
}

fn from_pattern(from: &[String]) -> Result<String, PowerError> {
    let fits = |word: &String| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".:*?!/_-".contains(&b))
    };
    if from.is_empty() {
        return Err(wrong("the key has to be good from somewhere").hint(
            "name the addresses of the machines that Pilothouse runs on, such as 192.0.2.7",
        ));
    }
    match from.iter().find(|word| !fits(word)) {
        None => Ok(from.join(",")),
        Some(word) => Err(
            wrong(format!("{word:?} is no address or pattern of addresses"))
                .hint("such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::7"),
        ),
    }
}

/// Algorithm and key of a line of a `.pub` file. A line with options of its own, a private key, or more than one line is
/// refused.
fn key_words(line: &str) -> Result<String, PowerError> {
    let bad = || {
        wrong("that is no public key").hint(
            "give the one line of a .pub file, such as `ssh-ed25519 AAAA… me@here`; a key of its own for the power switch: \
             ssh-keygen -t ed25519 -f pilothouse-power",
        )
    };
    let line = line.trim();
    if line.chars().any(char::is_control) {
        return Err(bad());
    }
    let mut words = line.split_ascii_whitespace();
    let (Some(algorithm), Some(key)) = (words.next(), words.next()) else {
        return Err(bad());
    };
    let blob = STANDARD.decode(key).map_err(|_| bad())?;
    // RFC 4253 §6.6: the blob begins with its algorithm, as a length and a string.
    let named = blob
        .get(4..)
        .and_then(|rest| rest.get(..algorithm.len()))
        .is_some_and(|name| name == algorithm.as_bytes());
    let length = blob.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    if !named || length != u32::try_from(algorithm.len()).ok() {
        return Err(bad());
    }
    Ok(format!("{algorithm} {key}"))
}

/// A command inside the quotes of an option of `authorized_keys`: only `"` is special there.
fn in_option(command: &str) -> Result<String, PowerError> {
    if command.contains(['\n', '\\']) {
        return Err(wrong(
            "the path of the script holds characters that authorized_keys can't",
        ));
    }
    Ok(command.replace('"', "\\\""))
}

fn word(text: &str) -> Result<ShellWord, PowerError> {
    ShellWord::new(text)
        .map_err(|error| wrong(format!("{text:?} can't stand in a command: {error}")))
}

/// The whole script: its settings, the functions of detached work, and what it does.
fn script(layout: &HostLayout) -> Result<String, PowerError> {
    let hundredths = |time: Duration| (time.as_millis() / 10).to_string();
    let settings = [
        ("SELF", layout.script.clone()),
        ("SH", layout.shell.clone()),
        ("PATH", layout.path.clone()),
        ("STATES", layout.states.clone()),
        ("LOGS", layout.logs.clone()),
        ("PIDS", layout.pids.clone()),
        ("LOG_BYTES", layout.log_bytes.to_string()),
        ("BUDGET", hundredths(layout.budget)),
        ("STEP", hundredths(layout.step)),
        ("WAIT", hundredths(layout.wait)),
        ("START", hundredths(layout.start)),
        ("TRIES", layout.tries.to_string()),
    ];
    let mut text = format!("#!{}\n{HEAD}", layout.shell);
    for (name, value) in settings {
        let line = format!("{name}={}\n", ShellCommand::from_word(word(&value)?));
        text.push_str(&line);
    }
    text.push_str("export PATH\n\n");
    for part in [FUNCTIONS, "\n", HOST] {
        text.push_str(part);
    }
    Ok(text)
}

const HEAD: &str = "\
# pilothouse-power: the power switch of one machine of this hypervisor, for a key that can do nothing else. POSIX sh.
# It takes one of six words from SSH_ORIGINAL_COMMAND, letter by letter, and the number of its machine from the line in
# authorized_keys. What changes something goes on by itself, whatever becomes of the connection; `status` tells how far it is.
# Times are in hundredths of a second.
";

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here";

    fn line(target: &str, from: &[&str], key: &str) -> Result<String, PowerError> {
        let from: Vec<String> = from.iter().map(|word| (*word).to_owned()).collect();
        install(target, &from, key, &HostLayout::default()).map(|done| done.authorized_keys_line)
    }

    #[test]
    fn the_line_is_as_sshd_wants_it() {
        let made = line("102", &["192.0.2.7", "2001:db8::/32"], KEY).unwrap();
        assert_eq!(
            made,
            "restrict,from=\"192.0.2.7,2001:db8::/32\",command=\"/usr/local/sbin/pilothouse-power 102\" ssh-ed25519 \
             AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl pilothouse-power-102"
        );
    }

    #[test]
    fn what_could_widen_the_line_is_refused_with_a_mend() {
        let here: &[&str] = &["192.0.2.7"];
        for target in [
            "",
            "0",
            "007",
            "1 2",
            "102;id",
            "-1",
            "1234567890",
            "１０２",
        ] {
            assert!(
                line(target, here, KEY).unwrap_err().hint.is_some(),
                "{target:?}"
            );
        }
        for from in [
            &[] as &[&str],
            &[""],
            &["a\",command=\"sh"],
            &["a b"],
            &["a,b"],
            &["é"],
        ] {
            assert!(
                line("102", from, KEY).unwrap_err().hint.is_some(),
                "{from:?}"
            );
        }
        let keys = [
            "",
            "ssh-ed25519",
            "ssh-ed25519 notbase64!",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
            "command=\"sh\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ];
        for key in keys {
            assert!(
                line("102", here, key).unwrap_err().hint.is_some(),
                "{key:?}"
            );
        }
        let two = format!("{KEY}\n{KEY}");
        assert!(line("102", here, &two).is_err());
    }

    #[test]
    fn the_script_carries_its_settings_as_words() {
        let layout = HostLayout {
            script: "/opt/a b'c/power".to_owned(),
            ..HostLayout::default()
        };
        let done = install("102", &["192.0.2.7".to_owned()], KEY, &layout).unwrap_err();
        assert_eq!(done.kind, PowerErrorKind::Setup);
        let layout = HostLayout {
            script: "/opt/a b/power".to_owned(),
            ..HostLayout::default()
        };
        let done = install("102", &["192.0.2.7".to_owned()], KEY, &layout).unwrap();
        assert!(done.script.starts_with("#!/bin/sh\n"));
        assert!(done.script.contains("\nSELF='/opt/a b/power'\n"));
        assert!(done.script.contains("\nBUDGET=2000\n"));
        assert!(
            done.steps
                .iter()
                .any(|step| step.contains(&done.authorized_keys_line))
        );
    }
}
