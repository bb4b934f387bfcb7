//! Power verbs through the engine's door, on a simulated host with a simulated switch: who may, what is sent, how often, and what
//! is known afterwards.
#![expect(
    clippy::disallowed_methods,
    reason = "a test is the world around the program: it has no ground floor beneath it"
)]

use std::sync::Arc;
use std::time::Duration;

use pilothouse::config::Settings;
use pilothouse::domain::{
    ActClass, ActId, ActOutcome, HostId, Intent, LedgerEvent, PowerVerb, SessionId, Severity, Wall,
};
use pilothouse::engine::sim::{SimFleet, SimLink, SimPower, SimSwitch};
use pilothouse::engine::{
    Actor, Challenge, Command, Decision, MachineState, PowerAct, Proposing, Reply, StepKind,
    StepState,
};
use pilothouse::store::Ledger;
use pilothouse::text::SafeText;

use crate::door::{HOST, Stage, host, intents};

fn power(verb: PowerVerb) -> Command {
    Command::Power { host: host(), verb }
}

fn abort() -> Command {
    Command::AbortPower { host: host() }
}

async fn stage() -> Stage {
    on(SimFleet::new(42, 1), Ledger::in_memory()).await
}

async fn on(sim: Arc<SimFleet>, ledger: Ledger) -> Stage {
    Stage::on(sim, ledger, Settings::default()).await
}

async fn arm(stage: &Stage) {
    let arm = Command::Arm {
        host: host(),
        class: ActClass::Power,
        minutes: Some(60),
    };
    assert_eq!(stage.ask(Actor::Terminal, arm).await, Reply::Done);
    stage.ask(Actor::Terminal, Command::Present).await;
}

async fn act(stage: &Stage, verb: PowerVerb, typed: &str) -> Reply {
    stage.act(Actor::Terminal, power(verb), typed).await.1
}

fn switch(stage: &Stage) -> SimSwitch {
    stage.sim.switch(HOST)
}

/// The verbs that were taken and change something.
fn sent(stage: &Stage) -> Vec<PowerVerb> {
    let mut taken = switch(stage).taken();
    taken.retain(|verb| verb.changes());
    taken
}

/// The picture of an act that has ended.
async fn picture(stage: &Stage) -> PowerAct {
    let over = |act: &PowerAct| act.ended.is_some();
    let fleet = stage
        .until(|fleet| fleet.power.first().is_some_and(over))
        .await;
    fleet.power[0].clone()
}

fn state(act: &PowerAct, kind: StepKind) -> StepState {
    let step = act.steps.iter().find(|step| step.kind == kind);
    step.unwrap().state.clone()
}

fn refusal(reply: &Reply) -> (&str, &str) {
    match reply {
        Reply::Refused(r) | Reply::Failed(r) | Reply::Unknown(r) => {
            (&r.why, r.hint.as_deref().unwrap_or_default())
        }
        other => panic!("no refusal: {other:?}"),
    }
}

fn last_outcome(events: &[LedgerEvent]) -> ActOutcome {
    let mut outcomes = events.iter().filter_map(|event| match event {
        LedgerEvent::Outcome { outcome, .. } => Some(outcome.clone()),
        _ => None,
    });
    outcomes.next_back().unwrap()
}

async fn running(stage: &Stage, kind: StepKind) {
    let at_work = |act: &PowerAct| {
        let step = act.steps.iter().find(|step| step.kind == kind);
        step.is_some_and(|step| matches!(step.state, StepState::Running { .. }))
    };
    stage
        .until(|fleet| fleet.power.first().is_some_and(at_work))
        .await;
}

#[tokio::test(start_paused = true)]
async fn looks_need_nobody_and_changes_an_armed_host_and_its_name() {
    let stage = stage().await;
    let reply = stage.ask(Actor::Assistant, power(PowerVerb::Status)).await;
    let Reply::Power(report) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(report.state, MachineState::Running);
    for verb in PowerVerb::ALL.into_iter().filter(|verb| verb.changes()) {
        let reply = stage.ask(Actor::Terminal, power(verb)).await;
        assert_eq!(refusal(&reply).0, "sim-001 is not armed for power");
        let reply = stage.ask(Actor::Assistant, power(verb)).await;
        assert_eq!(refusal(&reply).0, "the assistant can only look and propose");
    }
    arm(&stage).await;
    for wrong in [
        "",
        "yes",
        "sim-002",
        "sim-001 --now --now",
        "--now",
        "sim-001 now",
    ] {
        let reply = act(&stage, PowerVerb::Cycle, wrong).await;
        assert_eq!(refusal(&reply).0, "not confirmed", "{wrong}");
    }
    let reply = stage.ask(Actor::Terminal, power(PowerVerb::Cycle)).await;
    let Reply::NeedsConfirmation {
        challenge, plan, ..
    } = reply
    else {
        panic!("{reply:?}");
    };
    assert_eq!(challenge, Challenge::TypeName(HOST.into()));
    assert_eq!(plan.command, "power cycle: ssh sim-001 cycle");
    let notes = plan.notes.join("\n");
    assert!(notes.contains("on its GPUs"), "{notes}");
    assert!(notes.contains("10 s to change your mind"), "{notes}");
    assert!(notes.contains("`sync`"), "{notes}");
    assert!(notes.contains("`systemctl reboot`"), "{notes}");
    assert!(sent(&stage).is_empty());
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cycle_goes_through_its_steps_and_ends_with_a_new_boot() {
    let stage = stage().await;
    arm(&stage).await;
    assert_eq!(act(&stage, PowerVerb::Cycle, HOST).await, Reply::Done);
    assert_eq!(sent(&stage), [PowerVerb::Cycle]);
    let seen = picture(&stage).await;
    let words = format!("{:?}", state(&seen, StepKind::Evidence));
    assert!(words.contains("2 lines of evidence"), "{words}");
    let words = format!("{:?}", state(&seen, StepKind::Verify));
    assert!(words.contains("after a new boot"), "{words}");
    assert!(matches!(
        state(&seen, StepKind::Drain),
        StepState::Done { .. }
    ));
    // It was asked to restart, and did not.
    assert!(matches!(
        state(&seen, StepKind::Graceful),
        StepState::Failed { .. }
    ));
    let commands = stage.sim.commands(HOST);
    let at = |part: &str| commands.iter().position(|line| line.contains(part));
    assert!(at("sync") < at("systemctl reboot"), "{commands:?}");
    assert!(commands.iter().all(|line| !line.contains("poweroff")));
    let events = stage.ledger(2).await;
    let intent = intents(&events)[0];
    assert_eq!(intent.request.as_str(), "power cycle: ssh sim-001 cycle");
    // The request is the last step only: the record tells the others as well.
    for step in ["its power is cut", "`sync`", "`systemctl reboot`"] {
        assert!(intent.what.as_str().contains(step), "{}", intent.what);
    }
    assert_eq!(intent.confirmed.as_str(), "typed sim-001");
    assert!(intent.armed.is_some());
    let LedgerEvent::Outcome {
        outcome: ActOutcome::Done,
        verification: Some(told),
        ..
    } = &events[1]
    else {
        panic!("{:?}", events[1]);
    };
    assert!(told.as_str().contains("verify: up again"), "{told}");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_proposed_verb_tells_all_that_is_done_and_not_the_switch_alone() {
    let stage = stage().await;
    for (verb, asks_for_a_restart) in [(PowerVerb::Cycle, true), (PowerVerb::Reset, false)] {
        let proposing = Proposing {
            session: SessionId(7),
            command: power(verb),
            why: "it is wedged".into(),
            evidence: Vec::new(),
        };
        let open = stage.engine.proposals().put(proposing).await.unwrap();
        let notes: Vec<&str> = open.proposal().notes.iter().map(SafeText::as_str).collect();
        let notes = notes.join("\n");
        assert!(notes.contains("`sync`"), "{notes}");
        assert!(notes.contains("10 s to change your mind"), "{notes}");
        assert_eq!(notes.contains("reboot"), asks_for_a_restart, "{notes}");
        // The card looks by itself, for as long as it waits.
        assert!(!notes.contains("armed"), "{notes}");
    }
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_restarts_by_itself_keeps_its_power() {
    let stage = stage().await;
    stage.sim.reboots(HOST, true);
    arm(&stage).await;
    assert_eq!(act(&stage, PowerVerb::Cycle, HOST).await, Reply::Done);
    assert!(sent(&stage).is_empty());
    let seen = picture(&stage).await;
    assert!(matches!(
        state(&seen, StepKind::Graceful),
        StepState::Done { .. }
    ));
    assert!(matches!(
        state(&seen, StepKind::Hard),
        StepState::Skipped { .. }
    ));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_went_down_to_restart_is_not_cut_in_its_midst() {
    let stage = stage().await;
    arm(&stage).await;
    let looks = async {
        running(&stage, StepKind::Graceful).await;
        stage.sim.set(HOST, SimLink::Refused);
        tokio::time::sleep(Duration::from_mins(4)).await;
        sent(&stage)
    };
    let (reply, sent_meanwhile) = tokio::join!(act(&stage, PowerVerb::Cycle, HOST), looks);
    assert!(sent_meanwhile.is_empty(), "{reply:?}");
    assert_eq!(sent(&stage), [PowerVerb::Cycle], "{reply:?}");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_down_is_switched_all_the_same() {
    let stage = stage().await;
    arm(&stage).await;
    stage.sim.set(HOST, SimLink::Refused);
    stage
        .until(|fleet| {
            matches!(
                fleet.hosts[0].link,
                pilothouse::engine::Link::Waiting { .. }
            )
        })
        .await;
    let began = tokio::time::Instant::now();
    let reset = act(&stage, PowerVerb::Reset, "sim-001 --now");
    let taken = async {
        running(&stage, StepKind::Hard).await;
        began.elapsed()
    };
    let (reply, left) = tokio::join!(reset, taken);
    assert_eq!(reply, Reply::Done);
    assert!(left <= Duration::from_secs(2), "{left:?}");
    let seen = picture(&stage).await;
    for step in [StepKind::Window, StepKind::Drain] {
        assert!(
            matches!(state(&seen, step), StepState::Skipped { .. }),
            "{step:?}"
        );
    }
    let events = stage.ledger(2).await;
    assert_eq!(
        intents(&events)[0].confirmed.as_str(),
        "typed sim-001 --now"
    );
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn stop_and_start_are_verified_by_the_switch_and_by_the_ladder() {
    let stage = stage().await;
    arm(&stage).await;
    assert_eq!(act(&stage, PowerVerb::Stop, HOST).await, Reply::Done);
    let words = format!("{:?}", state(&picture(&stage).await, StepKind::Verify));
    assert!(words.contains("says that it is off"), "{words}");
    assert_eq!(act(&stage, PowerVerb::Start, HOST).await, Reply::Done);
    assert_eq!(sent(&stage), [PowerVerb::Stop, PowerVerb::Start]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn cancelled_in_the_window_nothing_leaves() {
    let stage = stage().await;
    assert!(
        refusal(&stage.ask(Actor::Terminal, abort()).await)
            .0
            .contains("no power verb")
    );
    arm(&stage).await;
    let cancel = async {
        running(&stage, StepKind::Window).await;
        // A second one finds the host taken.
        let again = stage.ask(Actor::Terminal, power(PowerVerb::Stop)).await;
        assert!(
            refusal(&again).0.contains("is at work already"),
            "{again:?}"
        );
        assert_eq!(stage.ask(Actor::Terminal, abort()).await, Reply::Done);
    };
    let (reply, ()) = tokio::join!(act(&stage, PowerVerb::Cycle, HOST), cancel);
    assert_eq!(refusal(&reply).0, "cancelled in the window");
    assert!(sent(&stage).is_empty());
    let events = stage.ledger(2).await;
    assert_eq!(
        last_outcome(&events),
        ActOutcome::Failed("cancelled in the window".into())
    );
    // What came to nothing holds nothing up.
    assert_eq!(act(&stage, PowerVerb::Reset, HOST).await, Reply::Done);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn aborted_in_a_step_the_next_does_not_come() {
    for (step, before) in [
        (StepKind::Graceful, true),
        (StepKind::Hard, false),
        (StepKind::Verify, false),
    ] {
        let stage = stage().await;
        arm(&stage).await;
        let stop = async {
            running(&stage, step).await;
            stage.ask(Actor::Terminal, abort()).await
        };
        let (reply, stopped) = tokio::join!(act(&stage, PowerVerb::Cycle, HOST), stop);
        if before {
            assert_eq!(stopped, Reply::Done);
            assert!(refusal(&reply).0.contains("aborted after"), "{reply:?}");
            assert!(sent(&stage).is_empty());
        } else {
            assert!(
                refusal(&stopped).0.contains("the verb has left"),
                "{stopped:?}"
            );
            assert_eq!(reply, Reply::Done);
            assert_eq!(sent(&stage), [PowerVerb::Cycle]);
        }
        stage.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_up_and_the_verb_never_sent_twice() {
    let stage = stage().await;
    arm(&stage).await;
    switch(&stage).set(SimPower::LosesAnswers);
    assert_eq!(act(&stage, PowerVerb::Cycle, HOST).await, Reply::Done);
    assert_eq!(sent(&stage), [PowerVerb::Cycle]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_is_loud_and_status_comes_before_anything_else() {
    let stage = stage().await;
    arm(&stage).await;
    stage.sim.set(HOST, SimLink::Refused);
    switch(&stage).set(SimPower::Dies);
    let reply = act(&stage, PowerVerb::Reset, HOST).await;
    assert!(matches!(reply, Reply::Unknown(_)), "{reply:?}");
    assert!(
        refusal(&reply)
            .1
            .contains("pilothouse power sim-001 status")
    );
    let events = stage.ledger(2).await;
    assert!(matches!(last_outcome(&events), ActOutcome::Unknown(_)));
    let fleet = stage.handle.fleet().borrow().clone();
    let loud = fleet.notices.iter().find(|notice| {
        notice.severity == Severity::Error && notice.sentence.as_str().contains("may or may not")
    });
    assert!(
        loud.unwrap()
            .hint
            .as_ref()
            .unwrap()
            .as_str()
            .contains("status")
    );
    assert_eq!(sent(&stage), [PowerVerb::Reset]);

    tokio::time::sleep(Duration::from_secs(61)).await;
    arm(&stage).await;
    // The switch is away: nobody can tell, so nothing is sent.
    let reply = act(&stage, PowerVerb::Reset, HOST).await;
    assert!(
        refusal(&reply)
            .0
            .contains("nobody knows what became of the last reset"),
        "{reply:?}"
    );
    assert_eq!(sent(&stage), [PowerVerb::Reset]);
    stage.end().await;
}

/// Puts a hard verb of unknown outcome behind us, with the switch away and more than a minute gone.
async fn in_doubt() -> Stage {
    let stage = stage().await;
    arm(&stage).await;
    stage.sim.set(HOST, SimLink::Refused);
    switch(&stage).set(SimPower::Dies);
    let reply = act(&stage, PowerVerb::Reset, HOST).await;
    assert!(matches!(reply, Reply::Unknown(_)), "{reply:?}");
    tokio::time::sleep(Duration::from_secs(61)).await;
    arm(&stage).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn an_act_that_came_to_nothing_leaves_the_doubt_about_the_one_before() {
    let stage = in_doubt().await;
    let looks = |stage: &Stage| {
        let taken = switch(stage).taken();
        taken
            .iter()
            .filter(|verb| **verb == PowerVerb::Status)
            .count()
    };
    for _ in 0..3 {
        let reply = act(&stage, PowerVerb::Reset, HOST).await;
        let why = refusal(&reply).0;
        assert!(
            why.contains("nobody knows what became of the last reset"),
            "{reply:?}"
        );
    }
    assert_eq!(sent(&stage), [PowerVerb::Reset]);
    // Nor does the picture of a host that a new session has of the ledger end it.
    let events = stage.ledger(8).await;
    assert!(matches!(last_outcome(&events), ActOutcome::Failed(_)));
    switch(&stage).set(SimPower::Works);
    let before = looks(&stage);
    stage.ask(Actor::Terminal, power(PowerVerb::Status)).await;
    stage.ask(Actor::Terminal, power(PowerVerb::Status)).await;
    assert_eq!(looks(&stage), before + 2);
    let Reply::NeedsConfirmation { plan, .. } =
        stage.ask(Actor::Terminal, power(PowerVerb::Reset)).await
    else {
        panic!("nobody is asked");
    };
    let asks = |note: &String| note.contains("its status is looked at first");
    assert!(!plan.notes.iter().any(asks), "{:?}", plan.notes);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_act_that_still_looks_at_the_one_before_can_be_aborted() {
    let stage = in_doubt().await;
    switch(&stage).set(SimPower::Hangs);
    let acting = act(&stage, PowerVerb::Start, HOST);
    let aborting = async {
        stage
            .until(|fleet| fleet.power.first().is_some_and(|act| act.ended.is_none()))
            .await;
        // It is announced a moment before it can hear.
        for _ in 0..100 {
            if stage.ask(Actor::Terminal, abort()).await == Reply::Done {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        false
    };
    let (reply, aborted) = tokio::join!(acting, aborting);
    assert!(aborted, "{reply:?}");
    assert_eq!(refusal(&reply).0, "cancelled in the window");
    assert_eq!(sent(&stage), [PowerVerb::Reset]);
    stage.end().await;
}

#[tokio::test]
async fn another_session_finds_the_doubt_behind_an_act_that_came_to_nothing() {
    let folder = crate::ledger::folder();
    let paths = crate::ledger::paths(folder.path());
    let ledger = Ledger::in_files(paths.clone());
    let wall = Wall(1_800_000_000_000 - 30_000);
    for outcome in [
        ActOutcome::Unknown("the answer to cycle was lost".into()),
        ActOutcome::Failed("the power switch can't be reached".into()),
        ActOutcome::Failed("cancelled in the window".into()),
    ] {
        let intent = LedgerEvent::Intent(Intent {
            who: "ops".into(),
            from: "console".into(),
            host: Some(HostId::new(HOST)),
            what: "cycle sim-001".into(),
            request: "power cycle: ssh pve cycle".into(),
            confirmed: "typed sim-001".into(),
            proposed: None,
            armed: None,
        });
        let written = ledger.write(wall, intent).await.unwrap();
        let ended = LedgerEvent::Outcome {
            act: ActId(written.last().unwrap().number),
            outcome,
            verification: None,
        };
        ledger.write(wall, ended).await.unwrap();
    }
    let stage = on(SimFleet::new(42, 1), Ledger::in_files(paths)).await;
    stage.until(|fleet| fleet.ledger_read).await;
    let open = picture(&stage).await;
    assert!(
        matches!(open.ended, Some((_, ActOutcome::Unknown(_)))),
        "{open:?}"
    );
    arm(&stage).await;
    // The minute between hard verbs counts from the one that may have happened.
    let reply = act(&stage, PowerVerb::Cycle, HOST).await;
    assert!(
        refusal(&reply)
            .0
            .starts_with("the last cycle of sim-001 began"),
        "{reply:?}"
    );
    assert_eq!(act(&stage, PowerVerb::Start, HOST).await, Reply::Done);
    assert_eq!(switch(&stage).taken()[0], PowerVerb::Status);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_fails_or_is_away_fails_and_nothing_follows() {
    for mood in [SimPower::Away, SimPower::Fails] {
        let stage = stage().await;
        arm(&stage).await;
        stage.sim.set(HOST, SimLink::Refused);
        switch(&stage).set(mood);
        let reply = act(&stage, PowerVerb::Cycle, HOST).await;
        assert!(matches!(reply, Reply::Failed(_)), "{mood:?} {reply:?}");
        let expected = usize::from(mood == SimPower::Fails);
        assert_eq!(sent(&stage).len(), expected, "{mood:?}");
        let step = state(&picture(&stage).await, StepKind::Verify);
        assert!(matches!(step, StepState::Skipped { .. }), "{step:?}");
        stage.end().await;
    }
    let stage = stage().await;
    arm(&stage).await;
    switch(&stage).set(SimPower::LosesVerbs);
    let reply = act(&stage, PowerVerb::Start, HOST).await;
    // It was never read, which nobody here can know: it is up, so it was not needed either.
    assert!(sent(&stage).is_empty(), "{reply:?}");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_hard_verbs_lie_a_minute_apart_unless_said() {
    let stage = stage().await;
    arm(&stage).await;
    stage.sim.set(HOST, SimLink::Refused);
    assert_eq!(
        act(&stage, PowerVerb::Reset, "sim-001 --now").await,
        Reply::Done
    );
    let reply = act(&stage, PowerVerb::Reset, HOST).await;
    let (why, hint) = refusal(&reply);
    assert!(why.starts_with("the last reset of sim-001 began"), "{why}");
    assert!(hint.ends_with("or type `sim-001 --now`"), "{hint}");
    assert_eq!(sent(&stage).len(), 1);
    assert_eq!(
        act(&stage, PowerVerb::Reset, "sim-001 --now").await,
        Reply::Done
    );
    assert_eq!(sent(&stage).len(), 2);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_ledger_it_takes_a_word_of_its_own_and_that_is_told() {
    let ledger = Ledger::nowhere("no home directory is known", "set HOME");
    let stage = on(SimFleet::new(42, 1), ledger).await;
    arm(&stage).await;
    // Not before the ledger has failed.
    let reply = act(&stage, PowerVerb::Cycle, "sim-001 --no-ledger").await;
    assert!(
        refusal(&reply).1.contains("without --no-ledger"),
        "{reply:?}"
    );
    let reply = act(&stage, PowerVerb::Cycle, "sim-001 --now").await;
    let (why, hint) = refusal(&reply);
    assert!(why.contains("can't be written down"), "{why}");
    assert!(hint.contains("type `sim-001 --no-ledger`"), "{hint}");
    assert!(sent(&stage).is_empty());
    stage.until(|fleet| fleet.power.is_empty()).await;
    // For this verb alone.
    let reply = act(&stage, PowerVerb::Stop, "sim-001 --no-ledger").await;
    assert!(
        refusal(&reply).1.contains("without --no-ledger"),
        "{reply:?}"
    );
    let reply = act(&stage, PowerVerb::Cycle, "sim-001 --now --no-ledger").await;
    assert_eq!(reply, Reply::Done);
    assert_eq!(sent(&stage), [PowerVerb::Cycle]);
    let fleet = stage.handle.fleet().borrow().clone();
    let loud = |notice: &pilothouse::engine::Notice| {
        notice.severity == Severity::Error
            && notice.sentence.as_str().starts_with("NOT IN THE LEDGER")
    };
    assert!(fleet.notices.iter().any(loud));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_verb_sent_without_its_record_is_not_called_undone_by_the_late_record() {
    let folder = crate::ledger::folder();
    let paths = crate::ledger::paths(folder.path());
    let ledger = Ledger::in_files(paths.clone());
    ledger
        .write(Wall(1_800_000_000_000), crate::ledger::intent(1))
        .await
        .unwrap();
    let stage = on(SimFleet::new(42, 1), ledger.clone()).await;
    stage.until(|fleet| fleet.ledger_read).await;
    arm(&stage).await;
    let held = std::fs::File::open(&paths.ledger).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let reply = act(&stage, PowerVerb::Stop, "sim-001 --now").await;
    assert!(
        refusal(&reply).0.contains("not written within 1 s"),
        "{reply:?}"
    );
    let reply = act(&stage, PowerVerb::Stop, "sim-001 --now --no-ledger").await;
    assert_eq!(reply, Reply::Done);
    assert_eq!(sent(&stage), [PowerVerb::Stop]);
    drop(held);
    ledger.settle().await;
    let (entries, _) = pilothouse::store::read_ledger(&paths.ledger, 9, |_| true).unwrap();
    let outcomes: Vec<&ActOutcome> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            LedgerEvent::Outcome { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect();
    let [ActOutcome::Failed(first), ActOutcome::Unknown(second)] = outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert!(first.as_str().starts_with("not begun"), "{first}");
    assert!(
        second.as_str().starts_with("sent without a record"),
        "{second}"
    );
    stage.end().await;
}

#[tokio::test]
async fn what_another_session_left_open_is_shown_and_its_status_is_looked_at_first() {
    let folder = crate::ledger::folder();
    let paths = crate::ledger::paths(folder.path());
    let ledger = Ledger::in_files(paths.clone());
    let intent = LedgerEvent::Intent(Intent {
        who: "ops".into(),
        from: "console".into(),
        host: Some(HostId::new(HOST)),
        what: "cycle sim-001".into(),
        request: "power cycle: ssh pve cycle".into(),
        confirmed: "typed sim-001".into(),
        proposed: None,
        armed: None,
    });
    ledger.write(Wall(1_700_000_000_000), intent).await.unwrap();
    let stage = on(SimFleet::new(42, 1), Ledger::in_files(paths)).await;
    stage.until(|fleet| fleet.ledger_read).await;
    let open = picture(&stage).await;
    let Some((_, ActOutcome::Unknown(words))) = &open.ended else {
        panic!("{open:?}");
    };
    assert!(
        words.as_str().contains("its end is not in the ledger"),
        "{words}"
    );
    arm(&stage).await;
    assert_eq!(act(&stage, PowerVerb::Start, HOST).await, Reply::Done);
    let taken = switch(&stage).taken();
    assert_eq!(taken[0], PowerVerb::Status, "{taken:?}");
    assert_eq!(sent(&stage), [PowerVerb::Start]);
    stage.end().await;
}

#[tokio::test]
async fn a_session_that_ends_in_the_midst_leaves_it_unknown() {
    let left = ends_in("sim-001 --now", StepKind::Graceful).await;
    assert!(matches!(left, ActOutcome::Unknown(_)), "{left:?}");
}

#[tokio::test]
async fn a_session_that_ends_in_the_window_says_that_nothing_left() {
    let ActOutcome::Failed(why) = ends_in(HOST, StepKind::Window).await else {
        panic!("nothing can have left");
    };
    assert!(why.as_str().starts_with("nothing left"), "{why}");
}

/// What a cycle came to whose session ended in this step.
async fn ends_in(typed: &str, step: StepKind) -> ActOutcome {
    let folder = crate::ledger::folder();
    let paths = crate::ledger::paths(folder.path());
    let stage = on(SimFleet::new(42, 1), Ledger::in_files(paths.clone())).await;
    arm(&stage).await;
    let handle = stage.handle.clone();
    let asking = handle.ask(Actor::Terminal, power(PowerVerb::Cycle));
    let Reply::NeedsConfirmation { id, .. } = asking.await else {
        panic!("nobody is asked");
    };
    let answer = typed.to_owned();
    let confirmed = handle.ask(Actor::Terminal, Command::Confirm { id, answer });
    let end = async {
        running(&stage, step).await;
        stage.end().await;
    };
    tokio::join!(confirmed, end);
    let report = crate::ledger::check(&paths);
    assert!(report.open.is_empty() && report.broken.is_none());
    let (entries, _) = pilothouse::store::read_ledger(&paths.ledger, 9, |_| true).unwrap();
    let events: Vec<LedgerEvent> = entries.into_iter().map(|entry| entry.event).collect();
    last_outcome(&events)
}

#[tokio::test(start_paused = true)]
async fn an_approved_proposal_is_an_act_like_any_other() {
    let stage = stage().await;
    let proposing = Proposing {
        session: SessionId(7),
        command: power(PowerVerb::Cycle),
        why: "it hangs".into(),
        evidence: Vec::new(),
    };
    let open = stage.engine.proposals().put(proposing).await.unwrap();
    let approve = |typed: &str| Command::Decide {
        proposal: open.proposal().id,
        decision: Decision::Approve(typed.into()),
    };
    stage.until(|fleet| fleet.proposals.len() == 1).await;
    let reply = stage.ask(Actor::Terminal, approve(HOST)).await;
    assert_eq!(refusal(&reply).0, "sim-001 is not armed for power");
    arm(&stage).await;
    let reply = stage.ask(Actor::Terminal, approve("sim-001 --now")).await;
    assert_eq!(reply, Reply::Done);
    let events = stage.ledger(2).await;
    let intent = intents(&events)[0];
    assert_eq!(intent.confirmed.as_str(), "typed sim-001 --now");
    let proposed: Option<&SafeText> = intent.proposed.as_ref();
    assert_eq!(proposed.unwrap().as_str(), "Claude, session 7, proposal 1");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_line_arms_and_confirms_the_one_verb() {
    let stage = stage().await;
    let (_, reply) = stage
        .act(Actor::CommandLine, power(PowerVerb::Reset), "sim-001 --now")
        .await;
    assert_eq!(reply, Reply::Done);
    let events = stage.ledger(2).await;
    let intent = intents(&events)[0];
    assert_eq!(intent.confirmed.as_str(), "--yes sim-001 --now");
    assert!(intent.armed.is_some());
    assert!(stage.handle.fleet().borrow().armed.is_empty());
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn each_line_of_the_ledger_also_goes_to_another_host() {
    let settings = Settings {
        ledger_sink: Some(HostId::new("sim-002")),
        ..Settings::default()
    };
    let sim = SimFleet::new(42, 2);
    let stage = Stage::on(sim, Ledger::in_memory(), settings).await;
    let act = async |stage: &Stage| {
        let signal = crate::door::signal(pilothouse::engine::Signal::Kill);
        stage.act(Actor::Terminal, signal, HOST).await.1
    };
    let there = |stage: &Stage| {
        let commands = stage.sim.commands("sim-002");
        let lines = commands
            .iter()
            .filter(|line| line.contains("pilothouse-ledger"));
        lines.cloned().collect::<Vec<_>>().concat()
    };
    assert_eq!(act(&stage).await, Reply::Done);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = there(&stage);
    assert!(
        sent.contains("\"number\":1") && sent.contains("\"number\":2"),
        "{sent}"
    );
    // It is away: nothing is held up, and that lines wait is told.
    stage.sim.set("sim-002", SimLink::Refused);
    stage
        .until(|fleet| {
            matches!(
                fleet.hosts[1].link,
                pilothouse::engine::Link::Waiting { .. }
            )
        })
        .await;
    assert_eq!(act(&stage).await, Reply::Done);
    let behind =
        |notice: &pilothouse::engine::Notice| notice.sentence.as_str().contains("wait for sim-002");
    stage.until(|fleet| fleet.notices.iter().any(behind)).await;
    stage.sim.set("sim-002", SimLink::Up);
    let whole = async {
        while !there(&stage).contains("\"number\":4") {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(5), whole)
        .await
        .unwrap();
    stage.end().await;
}
