//! What a person answers to a challenge, and whether that confirms. Pure.

use crate::engine::command::{Actor, Challenge};

/// Behind the name: the verb leaves without the time for a change of mind.
const NOW: &str = " --now";

/// Behind the name: the verb leaves although the ledger can't be written.
const NO_LEDGER: &str = " --no-ledger";

/// What was typed, apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Typed<'a> {
    /// The name, or the Yes.
    pub(super) word: &'a str,
    /// ` --now` stood behind it.
    pub(super) now: bool,
    /// ` --no-ledger` stood behind it.
    pub(super) no_ledger: bool,
}

impl<'a> Typed<'a> {
    /// Nothing may stand behind the word.
    pub(super) fn plain(word: &'a str) -> Self {
        Self {
            word,
            now: false,
            no_ledger: false,
        }
    }

    /// Each suffix may stand behind the word once, in any order.
    pub(super) fn with_suffixes(answer: &'a str) -> Self {
        let mut typed = Self::plain(answer);
        loop {
            let word = typed.word;
            if let Some(rest) = word.strip_suffix(NOW).filter(|_| !typed.now) {
                (typed.word, typed.now) = (rest, true);
            } else if let Some(rest) = word.strip_suffix(NO_LEDGER).filter(|_| !typed.no_ledger) {
                (typed.word, typed.no_ledger) = (rest, true);
            } else {
                return typed;
            }
        }
    }
}

/// How an answer confirms, in the ledger's words; `None` where it does not. A command line names what it means also where Yes
/// would do.
pub(super) fn confirmed(
    actor: Actor,
    challenge: &Challenge,
    name: &str,
    typed: &Typed<'_>,
) -> Option<String> {
    let answer = typed.word;
    let right = match challenge {
        Challenge::YesNo if actor == Actor::CommandLine => answer == name,
        Challenge::YesNo => answer == "yes",
        Challenge::TypeName(wanted) => answer == wanted,
    };
    let mut how = match (actor, challenge) {
        (Actor::Assistant | Actor::Rule, _) => return None,
        (Actor::CommandLine, _) => format!("--yes {answer}"),
        (Actor::Terminal, Challenge::YesNo) => "yes".to_owned(),
        (Actor::Terminal, Challenge::TypeName(_)) => format!("typed {answer}"),
    };
    how.extend(typed.now.then_some(NOW));
    how.extend(typed.no_ledger.then_some(NO_LEDGER));
    right.then_some(how)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_confirms_only_what_it_names() {
        use Actor::{Assistant, CommandLine, Terminal};
        let typed = Challenge::TypeName("web".into());
        for (actor, challenge, answer, right) in [
            (Terminal, &Challenge::YesNo, "yes", true),
            (Terminal, &Challenge::YesNo, "web", false),
            (CommandLine, &Challenge::YesNo, "web", true),
            (CommandLine, &Challenge::YesNo, "yes", false),
            (CommandLine, &Challenge::YesNo, "", false),
            (CommandLine, &typed, "web", true),
            (CommandLine, &typed, "yes", false),
            (Terminal, &typed, "yes", false),
            (Terminal, &typed, "", false),
            (Assistant, &typed, "web", false),
            (Assistant, &Challenge::YesNo, "yes", false),
        ] {
            let how = confirmed(actor, challenge, "web", &Typed::plain(answer));
            assert_eq!(how.is_some(), right, "{actor:?} {challenge:?} {answer:?}");
        }
    }

    #[test]
    fn suffixes_stand_behind_the_name_each_once() {
        let typed = |answer| {
            let Typed {
                word,
                now,
                no_ledger,
            } = Typed::with_suffixes(answer);
            (word, now, no_ledger)
        };
        for (answer, parts) in [
            ("web", ("web", false, false)),
            ("web --now", ("web", true, false)),
            ("web --no-ledger", ("web", false, true)),
            ("web --now --no-ledger", ("web", true, true)),
            ("web --no-ledger --now", ("web", true, true)),
            ("web --now --now", ("web --now", true, false)),
            ("web  --now", ("web ", true, false)),
            ("web--now", ("web--now", false, false)),
            ("--now", ("--now", false, false)),
            ("web --NOW", ("web --NOW", false, false)),
        ] {
            assert_eq!(typed(answer), parts, "{answer}");
        }
        let challenge = Challenge::TypeName("web".into());
        let how = |answer| {
            let typed = Typed::with_suffixes(answer);
            confirmed(Actor::Terminal, &challenge, "web", &typed)
        };
        let told = how("web --no-ledger --now").unwrap();
        assert_eq!(told, "typed web --now --no-ledger");
        assert_eq!(how("web --now --now"), None);
    }
}
