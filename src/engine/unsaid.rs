//! What a recording leaves out (pure): passwords in the words of commands, and secrets in what people and commands said.

use std::sync::Arc;

use super::command::{AssistantCommand, Command, Reply};
use super::msg::{Msg, ProposalMsg};
use crate::assistant::clean_lines;
use crate::domain::{HostSpec, PowerMethod};
use crate::text::{Masking, SafeText, mask_command};

/// A message as it is recorded.
pub(super) fn told(msg: &Msg) -> Msg {
    let mut msg = msg.clone();
    match &mut msg {
        Msg::Hosts { specs, .. } => specs.iter_mut().for_each(switch),
        Msg::Asked { command, .. } => words(command),
        Msg::Proposal {
            msg: ProposalMsg::Made(pending),
            ..
        } => words(&mut pending.command),
        Msg::Answered {
            reply: Reply::Ran { lines, .. },
            ..
        } => {
            let (clean, _) = clean_lines(lines.iter().map(SafeText::as_str));
            *lines = clean.into_iter().map(SafeText::from).collect();
        }
        _ => {}
    }
    msg
}

fn switch(spec: &mut Arc<HostSpec>) {
    let method = |spec: &HostSpec| spec.power.as_ref().and_then(|power| power.method.clone());
    let Some(PowerMethod::Command { on, mut verbs }) = method(spec) else {
        return;
    };
    verbs.values_mut().for_each(mask);
    if let Some(power) = &mut Arc::make_mut(spec).power {
        power.method = Some(PowerMethod::Command { on, verbs });
    }
}

fn words(command: &mut Command) {
    match command {
        Command::Run { argv, .. } => mask(argv),
        Command::Assistant(AssistantCommand::Say { text, .. }) => {
            *text = clean_lines(text.lines()).0.join("\n");
        }
        _ => {}
    }
}

fn mask(argv: &mut Vec<String>) {
    *argv = mask_command(argv.iter().map(String::as_str), Masking::Generous);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{At, HostId, PowerSpec, PowerVerb, ProposalId, RequestId, SessionId, Wall};
    use crate::engine::{Actor, PendingProposal, Proposal};

    const SECRET: &str = "ghp_pLaNtEdpLaNtEdpLaNtEdpLaNtEd0123456789";
    const PASSWORD: &str = "hunter2-planted";

    fn argv() -> Vec<String> {
        [
            "ipmitool", "-H", "10.0.0.9", "-P", PASSWORD, "power", "cycle",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn run() -> Command {
        let host = HostId::new("spark-1");
        Command::Run { host, argv: argv() }
    }

    fn asked(command: Command) -> Msg {
        Msg::Asked {
            at: At(1),
            request: RequestId(1),
            actor: Actor::Terminal,
            command,
        }
    }

    fn proposed() -> Msg {
        let proposal = Proposal {
            id: ProposalId(1),
            host: None,
            what: "x".into(),
            command: "x".into(),
            notes: Vec::new(),
            why: "x".into(),
            evidence: Vec::new(),
            word: "spark-1".into(),
            expires: Wall(1),
        };
        Msg::Proposal {
            at: At(1),
            proposal: ProposalId(1),
            msg: ProposalMsg::Made(Box::new(PendingProposal {
                session: SessionId(1),
                proposal: Arc::new(proposal),
                command: run(),
                expires: At(1),
            })),
        }
    }

    fn hosts() -> Msg {
        let sim = crate::engine::sim::SimFleet::new(1, 1);
        let mut spec = sim.specs().remove(0);
        Arc::make_mut(&mut spec).power = Some(PowerSpec {
            method: Some(PowerMethod::Command {
                on: None,
                verbs: BTreeMap::from([(PowerVerb::Cycle, argv())]),
            }),
            wake: None,
        });
        Msg::Hosts {
            at: At(1),
            specs: vec![spec],
        }
    }

    #[test]
    fn no_message_is_recorded_with_a_secret() {
        let text = format!("why does GITHUB_TOKEN={SECRET} fail?\nand now?");
        let session = SessionId(1);
        let ran = Msg::Answered {
            at: At(1),
            request: RequestId(1),
            reply: Reply::Ran {
                lines: vec![format!("token: {SECRET}").as_str().into(), "fine".into()],
                cut: 0,
                exit: Some(0),
            },
        };
        let say = AssistantCommand::Say { session, text };
        for msg in [
            hosts(),
            asked(run()),
            asked(Command::Assistant(say)),
            proposed(),
            ran,
        ] {
            let before = serde_json::to_string(&msg).unwrap();
            assert!(
                before.contains(SECRET) || before.contains(PASSWORD),
                "{before}"
            );
            let told = serde_json::to_string(&told(&msg)).unwrap();
            assert!(!told.contains(SECRET), "{told}");
            assert!(!told.contains(PASSWORD), "{told}");
            assert!(serde_json::from_str::<Msg>(&told).is_ok(), "{told}");
        }
    }
}
