//! Wishes about our own connections, and about what is armed. Wishes that change a host do not come this way: the policy has them.

use std::sync::Arc;

use super::arming;
use crate::domain::RequestId;
use crate::engine::{Actor, Command, Effect, Fleet, Refusal, Reply};

/// Folds a wish that needs no confirmation.
pub(super) fn update(
    fleet: &mut Fleet,
    (request, actor): (RequestId, Actor),
    command: Command,
    effects: &mut Vec<Effect>,
) {
    if matches!(actor, Actor::Assistant | Actor::Rule) {
        // The policy answers it.
        return;
    }
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
        Command::Arm {
            host,
            class,
            minutes,
        } => arming::arm(fleet, host, class, minutes),
        Command::Disarm { host } => {
            arming::disarm(fleet, host.as_ref());
            Reply::Done
        }
        Command::Present => {
            arming::present(fleet);
            Reply::Done
        }
        // The policy has the others, and hands answer them.
        _ => return,
    };
    effects.push(Effect::Reply { request, reply });
}

fn failed(why: String) -> Reply {
    Reply::Failed(Refusal { why, hint: None })
}
