//! Values that a shell, a parser of options, a terminal or a file system takes for something else; every place in a document where
//! one can stand; and a host that tells when one of them was run.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is the host, and has no ground floor beneath it"
)]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use pilothouse::shell::ShellCommand;
use serde_json::{Map, Value};

/// What a shell would run a part of, in each way that it has. `canary` is a program that no value may have run.
pub(crate) const SHARP: [&str; 11] = [
    "$(canary)",
    "`canary`",
    "x;canary #",
    "x';canary;'",
    "x\";canary;\"",
    "\ncanary\n",
    "${IFS}canary",
    "{canary,x}",
    "x|canary&",
    "<(canary)",
    "-oProxyCommand=canary",
];

/// What a parser of options, a terminal, a path or a number takes for something else.
const BLUNT: [&str; 21] = [
    "",
    " ",
    "-rf",
    "--",
    "..",
    "../../etc/passwd",
    "~/x",
    "*",
    "a\\",
    "a\tb",
    "x\r\ny",
    "\0",
    "a\u{a0}b",
    "\u{1b}[2J",
    "\u{9b}2J",
    "\u{202e}x",
    "\u{2028}",
    "%s%n",
    "a:b,c=d",
    "null",
    "日",
];

/// All of them, and a long one.
pub(crate) fn nasty() -> Vec<String> {
    let values = SHARP.iter().chain(&BLUNT);
    let mut values: Vec<String> = values.map(|&value| value.to_owned()).collect();
    values.push("x".repeat(5000));
    values
}

/// A value in one place of a document, as a line.
pub(crate) fn told(place: &str, value: &str) -> String {
    format!("{place} {:?}", value.chars().take(40).collect::<String>())
}

/// Every document that this one becomes when one value in one place of it is another, with the place.
pub(crate) fn with_each(document: &Value, value: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    walk(
        document,
        &mut String::new(),
        value,
        &mut |place, changed| {
            found.push((place.to_owned(), changed));
        },
    );
    found
}

fn walk(here: &Value, place: &mut String, value: &str, found: &mut dyn FnMut(&str, Value)) {
    let length = place.len();
    match here {
        Value::Object(entries) => {
            for (key, below) in entries {
                let _fits = write!(place, "/{key}");
                walk(below, place, value, &mut |place, changed| {
                    let mut all = entries.clone();
                    all.insert(key.clone(), changed);
                    found(place, Value::Object(all));
                });
                // A name of the document's own is a place too, but those of the form are not.
                if length > 0 {
                    let renamed: Map<String, Value> = entries
                        .iter()
                        .map(|(name, below)| {
                            (
                                if name == key { value } else { name }.to_owned(),
                                below.clone(),
                            )
                        })
                        .collect();
                    found(&format!("{place} (its name)"), Value::Object(renamed));
                }
                place.truncate(length);
            }
        }
        Value::Array(items) => {
            for (number, below) in items.iter().enumerate() {
                let _fits = write!(place, "/{number}");
                walk(below, place, value, &mut |place, changed| {
                    let mut all = items.clone();
                    all[number] = changed;
                    found(place, Value::Array(all));
                });
                place.truncate(length);
            }
        }
        _ => found(place, Value::String(value.to_owned())),
    }
}

/// A host whose programs only say what they were given.
pub(crate) struct Aviary {
    folder: tempfile::TempDir,
    script: String,
    lines: Vec<String>,
    seen: HashSet<String>,
}

/// What another node's login shell does with what ssh hands to it.
const SSH: &str = "#!/bin/sh\nwhile :; do case $1 in -o) shift 2 ;; -*) shift ;; *) break ;; esac; done\nshift\nexec sh -c \"$*\"\n";

impl Aviary {
    pub(crate) fn new() -> Self {
        let this = Self {
            folder: tempfile::tempdir().unwrap(),
            script: String::new(),
            lines: Vec::new(),
            seen: HashSet::new(),
        };
        fs::create_dir(this.path("bin")).unwrap();
        for name in [
            "docker",
            "vllm",
            "llama-server",
            "systemctl",
            "sudo",
            "git",
            "curl",
            "docker-compose",
            "runuser",
        ] {
            this.program(name, "#!/bin/sh\nexit 0\n");
        }
        this.program("ssh", SSH);
        this.program(
            "canary",
            "#!/bin/sh\ncat \"${0%/*}/../at\" >>\"${0%/*}/../sang\"\n",
        );
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        self.program_at(&format!("bin/{name}"), text);
    }

    pub(crate) fn program_at(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// It is run with the others. What is run already is not run again.
    pub(crate) fn run(&mut self, told: &str, command: &ShellCommand) {
        let line = command.render();
        if !self.seen.insert(line.clone()) {
            return;
        }
        let at = self.path("at").display().to_string();
        let _fits = write!(
            self.script,
            "echo {} >{at}\n(\n{line}\n)\n",
            self.lines.len()
        );
        self.lines.push(told.to_owned());
    }

    /// Runs all of them, and says which of them were more than data. `at_least` so many are there.
    pub(crate) fn sings(self, at_least: usize) -> Vec<String> {
        assert!(
            self.lines.len() >= at_least,
            "only {} reach a shell",
            self.lines.len()
        );
        fs::write(self.path("script"), &self.script).unwrap();
        let path = format!("PATH={}:/usr/bin:/bin", self.path("bin").display());
        let output = Command::new("env")
            .args(["-i", &path, "HOME=/nonexistent", "sh"])
            .arg(self.path("script"))
            .current_dir(self.folder.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let last = fs::read_to_string(self.path("at")).unwrap_or_default();
        let all = self
            .lines
            .len()
            .checked_sub(1)
            .map_or_else(String::new, |last| last.to_string());
        assert_eq!(last.trim(), all, "it did not come to its end: {output:?}");
        let sang = fs::read_to_string(self.path("sang")).unwrap_or_default();
        sang.lines()
            .map(|line| self.lines[line.parse::<usize>().unwrap()].clone())
            .collect()
    }
}

#[test]
fn a_canary_that_is_run_is_heard() {
    let mut aviary = Aviary::new();
    let line = |text: &str| {
        ShellCommand::new("sh")
            .arg("-c")
            .word(pilothouse::shell::ShellWord::new(text).unwrap())
    };
    aviary.run("quiet", &line("echo '$(canary)'"));
    aviary.run("loud", &line("echo $(canary)"));
    aviary.run("far", &line("ssh -o A=b -T 10.0.0.1 \"echo \\$(canary)\""));
    assert_eq!(aviary.sings(3), ["loud", "far"]);
}
