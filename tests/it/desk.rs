//! A person's desk: the real binary, run in a home of its own with nothing of the machine's, and what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// How a program ended, and what it said.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Somebody with a home.
pub(crate) trait Desk {
    fn home(&self) -> &Path;

    /// The environment beside what everybody has.
    fn environment(&self) -> Vec<(&'static str, String)>;

    fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test starts the program itself"
    )]
    fn program(&self, program: &str, words: &[&str]) -> Ran {
        let path = std::env::vars().find(|(name, _)| name == "PATH").unwrap().1;
        let output = Command::new(program)
            .args(words)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("TERM", "dumb")
            .envs(self.environment())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.program(env!("CARGO_BIN_EXE_pilothouse"), words)
    }

    /// What it prints for a script, with this exit code.
    fn json(&self, words: &[&str], code: i32) -> Value {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(code), "{words:?}: {}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Runs it and expects this exit code and these words in what it says.
    fn says(&self, words: &[&str], code: i32, told: &[&str]) -> String {
        let ran = self.run(words);
        let said = format!("{}{}", ran.out, ran.err);
        assert_eq!(ran.code, Some(code), "{words:?}: {said}");
        for told in told {
            assert!(said.contains(told), "{words:?}: {told:?} is not in {said}");
        }
        said
    }
}
