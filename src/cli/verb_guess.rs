//! A mistyped verb looks like a host. Before anything is dialled, a bare word that is close to a verb and stands for
//! nothing else is refused with the verb that was meant.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::CommandFactory;
use tokio::net::lookup_host;

use super::args::CommandLine;
use super::error::CliError;
use crate::config::{Config, nearest};

/// How long a name may take to resolve before it counts as unknown.
const PATIENCE: Duration = Duration::from_secs(2);

/// A word that was probably meant as a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspect {
    word: String,
    verb: String,
}

/// The first argument that is close to a verb and no host that is known here.
pub(super) fn suspect(
    arguments: &[String],
    file: &Config,
    aliases: &BTreeSet<String>,
) -> Option<Suspect> {
    let command = CommandLine::command();
    let verbs: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    arguments.iter().find_map(|word| {
        let bare = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let known = aliases.contains(word)
            || word == "local"
            || file.hosts.iter().any(|host| host.id.as_str() == word);
        let verb = nearest(word, verbs.iter().copied()).filter(|_| bare && !known)?;
        Some(Suspect {
            word: word.clone(),
            verb: verb.to_owned(),
        })
    })
}

impl Suspect {
    /// Refuses the word unless the network knows it.
    pub(super) async fn refuse_unless_it_resolves(self) -> Result<(), CliError> {
        let asked = tokio::time::timeout(PATIENCE, lookup_host((self.word.as_str(), 22))).await;
        if let Ok(Ok(mut found)) = asked
            && found.next().is_some()
        {
            return Ok(());
        }
        Err(CliError::Usage {
            what: format!(
                "`{}` is no verb, no configured host and no name that resolves",
                self.word
            ),
            hint: format!(
                "did you mean `pilothouse {}`? To dial it all the same: pilothouse ssh://{}",
                self.verb, self.word
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Source, resolve};

    #[test]
    fn only_bare_unknown_words_close_to_a_verb_are_suspect() {
        let source = Source {
            file: "config.yaml".into(),
            text: "hosts: [doctr]\n".into(),
        };
        let file = resolve(
            Some(&source),
            &Environment::default(),
            &Flags::default(),
            None,
        )
        .unwrap()
        .config;
        let aliases = BTreeSet::from(["confit".to_owned()]);
        for (word, verb) in [
            ("confg", Some("config")),
            ("Doctor", Some("doctor")),
            ("doctr", None),
            ("confit", None),
            ("local", None),
            ("ops@confg", None),
            ("confg:22", None),
            ("confg.lan", None),
            ("spark-1", None),
        ] {
            let found = suspect(&["spark-2".into(), word.into()], &file, &aliases);
            assert_eq!(found.map(|it| it.verb).as_deref(), verb, "{word}");
        }
    }
}
