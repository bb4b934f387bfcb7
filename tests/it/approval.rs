//! Arming, and what the assistant proposes: who may decide, how often, and what is written down.

use std::time::Duration;

use pilothouse::config::{ArmingSettings, Settings};
use pilothouse::domain::{ActClass, ActId, ContainerAct, LedgerEvent, PowerVerb, SessionId};
use pilothouse::engine::{
    Actor, Command, Decided, Decision, OpenProposal, Proposing, Refusal, Reply, Settled, Signal,
    Went,
};
use pilothouse::exec::Exit;
use pilothouse::store::Ledger;

use crate::door::{HOST, Stage, host, intents, signal};

/// A fleet in which whatever restarts has to be armed.
async fn guarded() -> Stage {
    let arming = ArmingSettings {
        needed: vec![ActClass::Power, ActClass::Restart],
        ..ArmingSettings::default()
    };
    let settings = Settings {
        arming,
        ..Settings::default()
    };
    Stage::with(Ledger::in_memory(), settings).await
}

fn run(words: &[&str]) -> Command {
    Command::Run {
        host: host(),
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
    }
}

fn arm(class: ActClass) -> Command {
    Command::Arm {
        host: host(),
        class,
        minutes: Some(1),
    }
}

async fn propose(stage: &Stage, command: Command) -> Result<OpenProposal, Refusal> {
    let proposing = Proposing {
        session: SessionId(7),
        command,
        why: "it hangs".into(),
        evidence: Vec::new(),
    };
    let open = stage.engine.proposals().put(proposing).await?;
    let id = open.proposal().id;
    stage
        .until(|fleet| fleet.proposals.iter().any(|p| p.proposal.id == id))
        .await;
    Ok(open)
}

fn approve(open: &OpenProposal, typed: &str) -> Command {
    Command::Decide {
        proposal: open.proposal().id,
        decision: Decision::Approve(typed.into()),
    }
}

fn refuse(open: &OpenProposal, why: &str) -> Command {
    Command::Decide {
        proposal: open.proposal().id,
        decision: Decision::Refuse(Some(why.into())),
    }
}

fn why(reply: &Reply) -> &str {
    match reply {
        Reply::Refused(refusal) => &refusal.why,
        other => panic!("not refused: {other:?}"),
    }
}

fn ran(stage: &Stage) -> Vec<String> {
    let mut commands = stage.sim.commands(HOST);
    commands.retain(|command| command.starts_with("systemctl"));
    commands
}

#[tokio::test(start_paused = true)]
async fn what_has_to_be_armed_is_refused_until_it_is() {
    let stage = guarded().await;
    let reply = stage.ask(Actor::Terminal, signal(Signal::Kill)).await;
    let Reply::Refused(refusal) = &reply else {
        panic!("not refused: {reply:?}");
    };
    assert_eq!(refusal.why, "sim-001 is not armed for restart");
    assert_eq!(
        refusal.hint.as_deref(),
        Some("press A and arm sim-001 for restart")
    );
    // Armed for something else is not armed.
    assert_eq!(
        stage.ask(Actor::Terminal, arm(ActClass::Power)).await,
        Reply::Done
    );
    let reply = stage.ask(Actor::Terminal, signal(Signal::Kill)).await;
    assert_eq!(why(&reply), "sim-001 is not armed for restart");
    assert_eq!(
        stage.ask(Actor::Terminal, arm(ActClass::Restart)).await,
        Reply::Done
    );
    let since = stage.handle.fleet().borrow().wall;
    let (_, reply) = stage.act(Actor::Terminal, signal(Signal::Kill), HOST).await;
    assert_eq!(reply, Reply::Done);
    let events = stage.ledger(2).await;
    assert_eq!(intents(&events)[0].armed, Some(since));

    // It is asked while armed, and confirmed after that.
    let reply = stage.ask(Actor::Terminal, signal(Signal::Kill)).await;
    let Reply::NeedsConfirmation { id, .. } = reply else {
        panic!("{reply:?}");
    };
    let all = Command::Disarm { host: None };
    assert_eq!(stage.ask(Actor::Terminal, all).await, Reply::Done);
    let answer = HOST.to_owned();
    let reply = stage
        .ask(Actor::Terminal, Command::Confirm { id, answer })
        .await;
    assert_eq!(why(&reply), "sim-001 is not armed for restart");

    // Its minute is over.
    stage.ask(Actor::Terminal, arm(ActClass::Restart)).await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    let reply = stage.ask(Actor::Terminal, signal(Signal::Kill)).await;
    assert_eq!(why(&reply), "sim-001 is not armed for restart");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_line_arms_for_the_one_act_that_it_names() {
    let stage = guarded().await;
    let (_, reply) = stage
        .act(Actor::CommandLine, signal(Signal::Kill), HOST)
        .await;
    assert_eq!(reply, Reply::Done);
    let events = stage.ledger(2).await;
    let intent = intents(&events)[0];
    assert!(intent.armed.is_some(), "{intent:?}");
    assert!(stage.handle.fleet().borrow().armed.is_empty());
    let (_, reply) = stage
        .act(Actor::CommandLine, signal(Signal::Kill), "sim-002")
        .await;
    assert_eq!(why(&reply), "not confirmed");
    // Where nothing has to be armed, nothing is said of it.
    stage.end().await;
    let stage = Stage::new(Ledger::in_memory()).await;
    stage
        .act(Actor::CommandLine, signal(Signal::Kill), HOST)
        .await;
    assert_eq!(intents(&stage.ledger(2).await)[0].armed, None);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_is_run_word_by_word() {
    let stage = Stage::new(Ledger::in_memory()).await;
    let (line, reply) = stage
        .act(
            Actor::Terminal,
            run(&["systemctl", "restart", "a; b"]),
            HOST,
        )
        .await;
    assert_eq!(line, "systemctl restart 'a; b'");
    let Reply::Ran { exit, .. } = reply else {
        panic!("{reply:?}");
    };
    assert_eq!((exit, ran(&stage)), (Some(0), vec![line]));
    stage.sim.exits(HOST, Exit::Status(5));
    stage.act(Actor::Terminal, run(&["systemctl"]), HOST).await;
    let events = stage.ledger(4).await;
    let told = format!("{:?}", events[3]);
    assert!(told.contains("it ended with status 5"), "{told}");
    for words in [&[][..], &[""], &["eval", "reboot"], &["-x"], &["a", "\0"]] {
        let reply = stage.ask(Actor::Terminal, run(words)).await;
        assert!(matches!(reply, Reply::Refused(_)), "{words:?} {reply:?}");
    }
    let (_, reply) = stage.act(Actor::Terminal, run(&["systemctl"]), "yes").await;
    assert_eq!(why(&reply), "not confirmed");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_assistant_can_only_look_and_propose() {
    let stage = Stage::new(Ledger::in_memory()).await;
    let open = propose(&stage, signal(Signal::Term)).await.unwrap();
    for command in [
        signal(Signal::Term),
        run(&["systemctl"]),
        Command::Shell { host: host() },
        arm(ActClass::Power),
        Command::Disarm { host: None },
        Command::Present,
        Command::Reconnect(host()),
        approve(&open, HOST),
        refuse(&open, "no"),
    ] {
        let reply = stage.ask(Actor::Assistant, command).await;
        assert_eq!(why(&reply), "the assistant can only look and propose");
    }
    // A confirmation that a person was asked for is not the assistant's to give.
    let reply = stage.ask(Actor::Terminal, signal(Signal::Term)).await;
    let Reply::NeedsConfirmation { id, .. } = reply else {
        panic!("{reply:?}");
    };
    let answer = "yes".to_owned();
    let reply = stage
        .ask(Actor::Assistant, Command::Confirm { id, answer })
        .await;
    assert_eq!(why(&reply), "the assistant can only look and propose");
    assert_eq!(stage.handle.fleet().borrow().proposals.len(), 1);
    assert!(stage.ledger(0).await.is_empty());
    drop(open);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_proposal_is_approved_by_its_word_and_once() {
    let stage = guarded().await;
    let open = propose(&stage, run(&["systemctl", "restart", "x"]))
        .await
        .unwrap();
    assert_eq!(open.proposal().word.as_str(), HOST);
    assert_eq!(open.proposal().command.as_str(), "systemctl restart x");
    let decide = |typed: &str| approve(&open, typed);
    let reply = stage.ask(Actor::Terminal, decide(HOST)).await;
    assert_eq!(why(&reply), "sim-001 is not armed for restart");
    stage.ask(Actor::Terminal, arm(ActClass::Restart)).await;
    for wrong in ["", "yes", "sim-002", "y"] {
        let reply = stage.ask(Actor::Terminal, decide(wrong)).await;
        assert_eq!(why(&reply), "not confirmed", "{wrong}");
    }
    assert_eq!(
        stage.handle.fleet().borrow().proposals.len(),
        1,
        "it still waits"
    );
    let (first, second) = tokio::join!(
        stage.ask(Actor::Terminal, decide(HOST)),
        stage.ask(Actor::Terminal, decide(HOST)),
    );
    assert!(matches!(first, Reply::Ran { .. }), "{first:?}");
    assert!(why(&second).contains("no such proposal waits any more"));
    let Settled { decided, printed } = open.settled().await;
    let approved = Decided::Approved {
        act: Some(ActId(1)),
        outcome: "done".into(),
        went: Went::Done,
    };
    assert_eq!(decided, approved);
    assert_eq!(printed.unwrap().exit, Some(0));
    assert_eq!(ran(&stage).len(), 1);
    let events = stage.ledger(2).await;
    let intent = intents(&events)[0];
    assert_eq!(
        intent.proposed.as_ref().unwrap().as_str(),
        "Claude, session 7, proposal 1"
    );
    assert_eq!(intent.confirmed.as_str(), "typed sim-001");
    assert!(intent.armed.is_some());
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_proposal_ends_in_one_of_five_ways() {
    let stage = Stage::new(Ledger::in_memory()).await;
    let put = async || propose(&stage, signal(Signal::Term)).await.unwrap();
    let gone = async || stage.until(|fleet| fleet.proposals.is_empty()).await;

    let open = put().await;
    assert_eq!(
        stage
            .ask(Actor::Terminal, refuse(&open, "it is fine"))
            .await,
        Reply::Done
    );
    let again = stage.ask(Actor::Terminal, approve(&open, HOST)).await;
    assert!(why(&again).contains("no such proposal"), "{again:?}");
    let refused = Decided::Refused {
        why: Some("it is fine".into()),
    };
    assert_eq!(open.settled().await.decided, refused);

    let open = put().await;
    let late = approve(&open, HOST);
    tokio::time::advance(Duration::from_secs(601)).await;
    assert_eq!(open.settled().await.decided, Decided::Expired);
    assert!(why(&stage.ask(Actor::Terminal, late).await).contains("no such proposal"));

    let open = put().await;
    let late = approve(&open, HOST);
    drop(open);
    gone().await;
    assert!(why(&stage.ask(Actor::Terminal, late).await).contains("no such proposal"));

    // A signal's own Yes is not enough where somebody else had the idea.
    let open = put().await;
    assert_eq!(
        why(&stage.ask(Actor::Terminal, approve(&open, "yes")).await),
        "not confirmed"
    );
    stage.sim.exits(HOST, Exit::Status(73));
    let reply = stage.ask(Actor::CommandLine, approve(&open, HOST)).await;
    assert!(matches!(reply, Reply::Failed(_)), "{reply:?}");
    let Decided::Approved { went, outcome, .. } = open.settled().await.decided else {
        panic!("it was approved");
    };
    assert_eq!(
        (went, outcome.as_str()),
        (Went::Failed, "no permission to signal process 4000")
    );
    assert_eq!(stage.ledger(2).await.len(), 2);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_door_would_do_for_nobody_reaches_nobody() {
    let stage = Stage::new(Ledger::in_memory()).await;
    for command in [
        Command::Shell { host: host() },
        Command::Reconnect(host()),
        arm(ActClass::Power),
        Command::Power {
            host: host(),
            verb: PowerVerb::Status,
        },
        run(&["exec", "reboot"]),
        Command::Container {
            host: host(),
            id: pilothouse::domain::ContainerId::new("gone"),
            act: ContainerAct::Stop,
        },
    ] {
        let refused = propose(&stage, command.clone()).await;
        assert!(refused.is_err(), "{command:?}");
    }
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(propose(&stage, signal(Signal::Term)).await.unwrap());
    }
    let ninth = propose(&stage, signal(Signal::Term)).await;
    assert!(ninth.unwrap_err().why.contains("wait for a person already"));
    stage.end().await;

    let read_only = Settings {
        read_only: true,
        ..Settings::default()
    };
    let stage = Stage::with(Ledger::in_memory(), read_only).await;
    let refused = propose(&stage, signal(Signal::Term)).await.unwrap_err();
    assert!(refused.why.contains("read-only"), "{refused:?}");
    let reply = stage.ask(Actor::Terminal, arm(ActClass::Power)).await;
    assert_eq!(why(&reply), "read-only: nothing is armed");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_approved_act_that_can_t_be_written_down_is_not_done() {
    let stage = Stage::new(Ledger::nowhere("no home directory is known", "set HOME")).await;
    let open = propose(&stage, run(&["systemctl"])).await.unwrap();
    let reply = stage.ask(Actor::Terminal, approve(&open, HOST)).await;
    assert!(why(&reply).contains("can't be written down"), "{reply:?}");
    let decided = open.settled().await.decided;
    assert!(matches!(decided, Decided::Shut { .. }), "{decided:?}");
    assert!(ran(&stage).is_empty());
    let none: Vec<LedgerEvent> = stage.ledger(0).await;
    assert!(none.is_empty());
    stage.end().await;
}
