//! Asks the engine for a change on behalf of a command line: `--dry-run` prints the plan, `--yes NAME` confirms it, and the
//! answer becomes an exit code with its words.

use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::print;
use crate::engine::{Actor, Challenge, Command, Handle, Plan, Refusal, Reply};

/// Asks for a change and carries the conversation to its end. An answer that holds more than words (a terminal, a lens) is
/// given back for whoever asked to go on with.
pub(super) async fn change(
    handle: &Handle,
    here: &Here,
    command: Command,
) -> Result<(Exit, Reply), CliError> {
    let command = if here.common.dry_run {
        Command::Rehearse(Box::new(command))
    } else {
        command
    };
    let reply = match handle.ask(Actor::CommandLine, command).await {
        Reply::NeedsConfirmation {
            id,
            challenge,
            plan,
            ..
        } => match &here.common.yes {
            Some(answer) => {
                let answer = answer.clone();
                let confirm = Command::Confirm { id, answer };
                match handle.ask(Actor::CommandLine, confirm).await {
                    Reply::Refused(refusal) if refusal.hint.is_none() => {
                        Reply::Refused(unconfirmed(&refusal.why, &plan, &challenge))
                    }
                    reply => reply,
                }
            }
            None => {
                // Nobody will answer it: it must not stay open.
                handle.ask(Actor::CommandLine, Command::Withdraw(id)).await;
                print_plan(here, &plan, Some(&challenge))?;
                Reply::Refused(unconfirmed("not confirmed", &plan, &challenge))
            }
        },
        reply => reply,
    };
    Ok((tell(here, &reply)?, reply))
}

/// Prints what an answer says and gives the exit code that goes with it.
pub(super) fn tell(here: &Here, reply: &Reply) -> Result<Exit, CliError> {
    let (exit, refusal) = match reply {
        Reply::WouldDo { plan, challenge } => {
            print_plan(here, plan, challenge.as_ref())?;
            return Ok(Exit::Done);
        }
        Reply::Refused(refusal) => (Exit::Refused, refusal),
        Reply::Failed(refusal) => (Exit::Failed, refusal),
        Reply::Unknown(refusal) => (Exit::Unknown, refusal),
        _ => return Ok(Exit::Done),
    };
    print::message(&format!("pilothouse: {}", refusal.why));
    if let Some(hint) = &refusal.hint {
        print::message(&format!("  {hint}"));
    }
    Ok(exit)
}

/// The plan goes where messages go when it is not what was asked for.
fn print_plan(here: &Here, plan: &Plan, challenge: Option<&Challenge>) -> Result<(), CliError> {
    if here.common.dry_run && here.common.json {
        return print::json(&serde_json::json!({
            "what": plan.what,
            "request": plan.command,
            "notes": plan.notes,
            "confirm": challenge,
        }));
    }
    let mut lines = vec![
        format!("would {}", plan.what),
        format!("  {}", plan.command),
    ];
    lines.extend(plan.notes.iter().map(|note| format!("  {note}")));
    let text = lines.join("\n");
    if here.common.dry_run {
        print::data(&text)
    } else {
        print::message(&text);
        Ok(())
    }
}

/// A refusal with the words that would confirm.
fn unconfirmed(why: &str, plan: &Plan, challenge: &Challenge) -> Refusal {
    let hint = match challenge {
        Challenge::YesNo => {
            "confirm it with --yes and its name, or look first with --dry-run".to_owned()
        }
        Challenge::TypeName(name) => {
            format!("confirm it with --yes {name}, or look first with --dry-run")
        }
    };
    Refusal {
        why: format!("{why}: {}", plan.what),
        hint: Some(hint),
    }
}
