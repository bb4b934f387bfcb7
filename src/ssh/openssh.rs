//! What OpenSSH's own configuration says of a destination (pure): the question `ssh -G`, and reading its answer. Whoever
//! can start processes runs it, so `Match`, `Include` and all the rest mean exactly what they mean to ssh.

use std::collections::HashMap;

use crate::domain::{HostName, Port, UserName};
use crate::shell::{ShellCommand, ShellWord};

/// The command that prints the effective configuration of a destination. It connects to nothing.
pub fn query(alias: &HostName, user: Option<&UserName>, port: Option<Port>) -> ShellCommand {
    let mut command = ShellCommand::new("ssh").arg("-G");
    if let Some(user) = user {
        command = command.arg("-l").word(word(user.as_str()));
    }
    if let Some(port) = port {
        command = command.arg("-p").word(u64::from(port.get()));
    }
    command.arg("--").word(word(alias.as_str()))
}

/// A parsed name holds no NUL, so this loses nothing.
fn word(name: &str) -> ShellWord {
    ShellWord::new(name).unwrap_or_else(|_| ShellWord::literal(""))
}

/// The answer of `ssh -G`, by keyword. Keywords that can stand several times keep their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshConfig {
    fields: HashMap<String, Vec<String>>,
}

impl SshConfig {
    /// Reads `keyword value` lines; keywords come in lower case.
    pub fn parse(text: &str) -> Self {
        let mut fields: HashMap<String, Vec<String>> = HashMap::new();
        for line in text.lines() {
            if let Some((keyword, value)) = line.split_once(' ') {
                fields
                    .entry(keyword.to_ascii_lowercase())
                    .or_default()
                    .push(value.trim().to_owned());
            }
        }
        Self { fields }
    }

    /// The value of a keyword; `none` and an empty value are no value.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).next()
    }

    /// All values of a keyword that can stand several times.
    pub fn all(&self, keyword: &str) -> impl Iterator<Item = &str> {
        self.fields
            .get(keyword)
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|value| !value.is_empty() && *value != "none")
    }

    /// Whether the keyword was printed at all, be it as `none`.
    pub fn mentions(&self, keyword: &str) -> bool {
        self.fields.contains_key(keyword)
    }

    /// Whether a yes/no keyword says yes; `ssh -G` prints `true` for some and `yes` for others.
    pub fn says_yes(&self, keyword: &str) -> bool {
        matches!(self.get(keyword), Some("yes" | "true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_by_rows() {
        let host: HostName = "spark-1".parse().unwrap();
        let user: UserName = "gpu".parse().unwrap();
        assert_eq!(query(&host, None, None).render(), "ssh -G -- spark-1");
        assert_eq!(
            query(&host, Some(&user), Some(Port::SSH)).render(),
            "ssh -G -l gpu -p 22 -- spark-1"
        );
    }

    #[test]
    fn the_answer_is_read_by_keyword() {
        let config = SshConfig::parse(
            "user gpu\nidentityfile ~/.ssh/a\nidentityfile ~/.ssh/b\nproxyjump none\nproxycommand nc %h %p\nidentitiesonly yes\npubkeyauthentication true\n",
        );
        assert_eq!(config.get("user"), Some("gpu"));
        assert_eq!(
            config.all("identityfile").collect::<Vec<_>>(),
            ["~/.ssh/a", "~/.ssh/b"]
        );
        assert_eq!(config.get("proxyjump"), None);
        assert!(config.mentions("proxyjump"));
        assert_eq!(config.get("proxycommand"), Some("nc %h %p"));
        assert!(config.says_yes("identitiesonly") && config.says_yes("pubkeyauthentication"));
    }
}
