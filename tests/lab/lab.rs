//! The lab as a test sees it: what `tests/lab/up` wrote down, and the script that does to a host what happens to machines.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Output};

/// The lab that is up.
pub(crate) struct Lab {
    settings: HashMap<String, String>,
}

/// One line of the lab's list of hosts.
pub(crate) struct LabHost {
    pub(crate) name: String,
    pub(crate) shell: String,
    pub(crate) gpu: String,
    pub(crate) way_in: String,
}

impl Lab {
    /// The lab that `PILOTHOUSE_LAB` names.
    pub(crate) fn open() -> Self {
        let file = std::env::vars()
            .find_map(|(name, value)| (name == "PILOTHOUSE_LAB").then_some(value))
            .expect("PILOTHOUSE_LAB is not set: start the lab with tests/lab/up and set it to tests/lab/run/lab.env");
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|why| panic!("{file}: {why}; is the lab up (tests/lab/up)?"));
        let settings = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
            .collect();
        Self { settings }
    }

    /// One line of `lab.env`.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings
            .get(name)
            .unwrap_or_else(|| panic!("lab.env has no {name}"))
    }

    /// Every host, in the order of the configuration.
    pub(crate) fn hosts(&self) -> Vec<LabHost> {
        fs::read_to_string(self.setting("LAB_HOSTS"))
            .unwrap()
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                LabHost {
                    name: words[0].into(),
                    shell: words[4].into(),
                    gpu: words[5].into(),
                    way_in: words[6].into(),
                }
            })
            .collect()
    }

    /// A command that finds the lab's agent and nobody else's.
    #[expect(
        clippy::disallowed_methods,
        reason = "a lab test drives programs from outside"
    )]
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SSH_AUTH_SOCK", self.setting("SSH_AUTH_SOCK"));
        command
    }

    /// What OpenSSH makes of one host of the lab.
    pub(crate) fn ssh(&self, host: &str, command: &str) -> Output {
        self.command("ssh")
            .args(["-o", "BatchMode=yes", "-F", self.setting("LAB_SSH_CONFIG")])
            .args([&format!("lab-{host}"), command])
            .output()
            .unwrap()
    }

    /// Does to a host what happens to machines: `kill`, `start`, `wedge`, `release`.
    pub(crate) fn host(&self, verb: &str, name: &str) {
        let done = self
            .command(self.setting("LAB_HOST_SCRIPT"))
            .args([verb, name])
            .output()
            .unwrap();
        assert!(done.status.success(), "{verb} {name}: {done:?}");
    }
}
