//! A whole command: program, arguments, environment. Rendered in one place, in one way.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::quote::quote;
use super::word::{EnvName, ShellWord};

/// A command for a host. Its text form, read by the host's login shell, gives back exactly this argv.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellCommand {
    env: Vec<(EnvName, ShellWord)>,
    argv: Vec<ShellWord>,
}

impl ShellCommand {
    /// A program without arguments.
    pub fn new(program: &'static str) -> Self {
        Self {
            env: Vec::new(),
            argv: vec![ShellWord::literal(program)],
        }
    }

    /// A program whose path is only known at run time.
    pub fn from_word(program: ShellWord) -> Self {
        Self {
            env: Vec::new(),
            argv: vec![program],
        }
    }

    /// Adds an argument that stands in our source.
    #[must_use]
    pub fn arg(mut self, literal: &'static str) -> Self {
        self.argv.push(ShellWord::literal(literal));
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn word(mut self, word: impl Into<ShellWord>) -> Self {
        self.argv.push(word.into());
        self
    }

    /// Adds another command as arguments, for a program that runs what it is given.
    #[must_use]
    pub fn command(mut self, inner: Self) -> Self {
        self.env.extend(inner.env);
        self.argv.extend(inner.argv);
        self
    }

    /// Sets a variable for this command, through `env`, so that every login shell does it alike.
    #[must_use]
    pub fn env(mut self, name: EnvName, value: ShellWord) -> Self {
        self.env.push((name, value));
        self
    }

    /// The argument vector, `env` and its assignments included.
    pub fn argv(&self) -> Vec<String> {
        let mut all = Vec::with_capacity(self.argv.len() + self.env.len() + 1);
        if !self.env.is_empty() {
            all.push("env".to_owned());
            all.extend(
                self.env
                    .iter()
                    .map(|(name, value)| format!("{}={}", name.as_str(), value.as_str())),
            );
        }
        all.extend(self.argv.iter().map(|word| word.as_str().to_owned()));
        all
    }

    /// The line that is sent to a login shell.
    pub fn render(&self) -> String {
        let words: Vec<String> = self.argv().iter().map(|word| quote(word)).collect();
        words.join(" ")
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}
