//! Wishes about our own connections. Wishes that change a host do not come this way: the policy has them.

use std::sync::Arc;

use crate::domain::RequestId;
use crate::engine::{Command, Effect, Fleet, Refusal, Reply};

/// Folds a wish that needs no confirmation.
pub(super) fn update(
    fleet: &mut Fleet,
    request: RequestId,
    command: Command,
    effects: &mut Vec<Effect>,
) {
    let reply = match command {
        Command::Reconnect(host) if fleet.host(&host).is_some() => {
            effects.push(Effect::Dial(host));
            Reply::Done
        }
        Command::Reconnect(host) => failed(format!("no host is named {host}")),
        Command::Answer { question, answer } => {
            let asked = fleet.questions.iter().any(|q| q.id == question);
            Arc::make_mut(&mut fleet.questions).retain(|q| q.id != question);
            if asked {
                effects.push(Effect::Answer { question, answer });
                Reply::Done
            } else {
                failed("that question is no longer asked".into())
            }
        }
        // The policy has these, and hands answer them.
        Command::Signal { .. }
        | Command::Shell { .. }
        | Command::Container { .. }
        | Command::Prune { .. }
        | Command::PrunePreview { .. }
        | Command::Terminal { .. }
        | Command::TerminalEnded { .. }
        | Command::Inspect { .. }
        | Command::Top { .. }
        | Command::WatchStats { .. }
        | Command::Sources { .. }
        | Command::OpenLens { .. }
        | Command::SetSources { .. }
        | Command::ReadLogs { .. }
        | Command::Power { .. }
        | Command::AbortPower { .. }
        | Command::Run { .. }
        | Command::Arm { .. }
        | Command::Disarm { .. }
        | Command::Present
        | Command::Decide { .. }
        | Command::Assistant(_)
        | Command::Rehearse(_)
        | Command::Confirm { .. }
        | Command::Withdraw(_) => return,
    };
    effects.push(Effect::Reply { request, reply });
}

fn failed(why: String) -> Reply {
    Reply::Failed(Refusal { why, hint: None })
}
