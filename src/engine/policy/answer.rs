//! What a person answers to a challenge, and whether that confirms. Pure.

use crate::engine::command::{Actor, Challenge};

/// How an answer confirms, in the ledger's words; `None` where it does not. A command line names what it means also where Yes
/// would do.
pub(super) fn confirmed(
    actor: Actor,
    challenge: &Challenge,
    name: &str,
    answer: &str,
) -> Option<String> {
    let right = match challenge {
        Challenge::YesNo if actor == Actor::CommandLine => answer == name,
        Challenge::YesNo => answer == "yes",
        Challenge::TypeName(wanted) => answer == wanted,
    };
    let how = match (actor, challenge) {
        (Actor::Assistant, _) => return None,
        (Actor::CommandLine, _) => format!("--yes {answer}"),
        (Actor::Terminal, Challenge::YesNo) => "yes".to_owned(),
        (Actor::Terminal, Challenge::TypeName(_)) => format!("typed {answer}"),
    };
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
            let how = confirmed(actor, challenge, "web", answer);
            assert_eq!(how.is_some(), right, "{actor:?} {challenge:?} {answer:?}");
        }
    }
}
