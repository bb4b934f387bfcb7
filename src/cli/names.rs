//! The names that a shell completes: hosts, places, models and services at the words that want them. Only the configuration and the
//! catalogue are read; no host is asked.

use clap::{Arg, Command};

use crate::config::Config;
use crate::engine::{ModelSource, read_catalog};

/// What a shell runs beside the completions of verbs and flags, which know no names.
pub(super) const BASH: &str = r#"
_pilothouse_named() {
    _pilothouse "$@"
    local word kept=()
    while IFS= read -r word; do
        kept+=("$word")
    done < <("$1" names -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [ "${#kept[@]}" -gt 0 ] || return 0
    # What stands for a name makes room for the names.
    for word in "${COMPREPLY[@]}"; do
        case $word in '<'*'>' | '['*']' | '['*']...') ;; *) kept+=("$word") ;; esac
    done
    COMPREPLY=("${kept[@]}")
}
complete -F _pilothouse_named -o bashdefault -o default pilothouse
"#;

/// The same for zsh.
pub(super) const ZSH: &str = r#"
_pilothouse_named() {
    local -a names
    names=("${(@f)$("${words[1]}" names -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    [[ -z "${names[1]}" ]] || compadd -- "${names[@]}"
    _pilothouse "$@"
}
compdef _pilothouse_named pilothouse
"#;

/// The same for fish.
pub(super) const FISH: &str = r"
complete -c pilothouse -a '(pilothouse names -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
";

/// What stands at a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Host,
    Place,
    Model,
    Repo,
    Service,
}

impl Kind {
    /// As the help calls it.
    fn of(argument: &Arg) -> Option<Self> {
        let name = argument.get_value_names()?.first()?;
        match name.as_str() {
            "HOST" => Some(Self::Host),
            "PLACE" => Some(Self::Place),
            "MODEL" => Some(Self::Model),
            "REPO" => Some(Self::Repo),
            "[HOST/]NAME" => Some(Self::Service),
            _ => None,
        }
    }
}

/// The names that the last of these words may become.
pub(super) fn names(mut command: Command, words: &[String], config: &Config) -> Vec<String> {
    command.build();
    let Some((last, before)) = words.split_last() else {
        return Vec::new();
    };
    let Some(kind) = wanted(&command, before, last) else {
        return Vec::new();
    };
    let mut names = known(kind, config);
    names.retain(|name| name.starts_with(last.as_str()));
    names.sort();
    names.dedup();
    names
}

/// What the last word is about, by the words before it.
fn wanted(top: &Command, before: &[String], last: &str) -> Option<Kind> {
    let (mut command, mut place) = (top, 0);
    let mut value: Option<&Arg> = None;
    for word in before {
        if value.take().is_some() {
            continue;
        }
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            value = if long.contains('=') {
                None
            } else {
                taker(command, |argument| argument.get_long() == Some(long))
            };
        } else if let Some(short) = word.strip_prefix('-') {
            let only = Some(short).filter(|short| short.chars().count() == 1);
            let letter = only.and_then(|short| short.chars().next());
            value = taker(command, |argument| {
                letter.is_some() && argument.get_short() == letter
            });
        } else if let Some(verb) = command.find_subcommand(word).filter(|_| place == 0) {
            command = verb;
        } else {
            place += 1;
        }
    }
    if let Some(argument) = value {
        return Kind::of(argument);
    }
    if last.starts_with('-') {
        return None;
    }
    let mut places = command.get_positionals();
    let found = places.nth(place).or_else(|| {
        let last = command.get_positionals().last()?;
        let many = last
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1)
            || matches!(last.get_action(), clap::ArgAction::Append);
        many.then_some(last)
    });
    found.and_then(Kind::of)
}

fn taker(command: &Command, is: impl Fn(&Arg) -> bool) -> Option<&Arg> {
    let mut arguments = command.get_arguments();
    arguments.find(|argument| is(argument) && argument.get_action().takes_values())
}

fn known(kind: Kind, config: &Config) -> Vec<String> {
    let models = &config.settings.models;
    let hosts = || config.hosts.iter().map(|host| host.id.to_string());
    let recipes = || read_catalog(&models.catalogs, models.recipes.as_deref()).recipes;
    let repo = |source: &ModelSource| match source {
        ModelSource::Repo(repo) => Some(repo.to_string()),
        ModelSource::Local(_) => None,
    };
    match kind {
        Kind::Host => hosts().collect(),
        Kind::Place => {
            let clusters = models.clusters.iter().map(|cluster| cluster.name.clone());
            clusters.chain(hosts()).collect()
        }
        Kind::Model => recipes().keys().map(ToString::to_string).collect(),
        Kind::Repo => {
            let recipes = recipes();
            let all = recipes.values();
            all.filter_map(|recipe| repo(&recipe.source)).collect()
        }
        Kind::Service => {
            let services = &config.settings.services;
            let alone = |name: &str| {
                let mut same = services.iter().filter(|spec| spec.name.as_str() == name);
                same.next().is_some() && same.next().is_none()
            };
            let short = services
                .iter()
                .map(|spec| spec.name.to_string())
                .filter(|name| alone(name));
            let whole = services
                .iter()
                .map(|spec| format!("{}/{}", spec.host, spec.name));
            short.chain(whole).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::CommandLine;

    #[test]
    fn what_a_word_is_about_by_rows() {
        let mut command = CommandLine::command();
        command.build();
        for (line, kind) in [
            ("", Some(Kind::Host)),
            ("--json ", Some(Kind::Host)),
            ("--theme ", None),
            ("models ", None),
            ("models swap ", Some(Kind::Model)),
            ("models swap q", Some(Kind::Model)),
            ("models swap qwen --on ", Some(Kind::Place)),
            ("models swap --on pair ", Some(Kind::Model)),
            ("models swap --on=pair ", Some(Kind::Model)),
            ("models swap qwen ", None),
            ("models swap qwen --yes ", None),
            ("models swap -", None),
            ("models stop ", Some(Kind::Place)),
            ("models rm ", Some(Kind::Repo)),
            ("models rm x/y --host ", Some(Kind::Host)),
            ("models keep x --on ", Some(Kind::Place)),
            ("services restart ", Some(Kind::Service)),
            ("services list a ", Some(Kind::Host)),
            ("services report stt ", None),
            ("doctor a b ", Some(Kind::Host)),
            ("once ", Some(Kind::Host)),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let (last, before) = words.split_last().unwrap();
            assert_eq!(wanted(&command, before, last), kind, "{line:?}");
        }
    }
}
