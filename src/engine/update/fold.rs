//! The one way into the fold: moves the fleet's time on and hands each message to its family.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{alert, arming, asked, host, models, notes, power, proposals};
use crate::domain::{At, HostSpec, LedgerEntry};
use crate::engine::{Effect, Fleet, Host, Msg};

/// Lines of the ledger that the fleet keeps; the store has them all.
const LEDGER: usize = 1000;

/// Folds one message into the fleet and says what is to be done about it.
pub fn update(fleet: &mut Fleet, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Tick { at, wall } => {
            fleet.wall = wall;
            advance(fleet, at, &mut effects);
            host::review_all(fleet, &mut effects);
        }
        Msg::Hosts { at, specs } => {
            advance(fleet, at, &mut effects);
            hosts(fleet, specs);
        }
        Msg::Host { at, host, msg } => {
            advance(fleet, at, &mut effects);
            host::update(fleet, &host, msg, &mut effects);
        }
        Msg::Asked {
            at,
            request,
            actor,
            command,
        } => {
            advance(fleet, at, &mut effects);
            asked::update(fleet, (request, actor), command, &mut effects);
        }
        Msg::Answered { at, request, reply } => {
            advance(fleet, at, &mut effects);
            effects.push(Effect::Reply { request, reply });
        }
        Msg::Power { at, host, msg } => {
            advance(fleet, at, &mut effects);
            power::update(fleet, &host, msg, &mut effects);
        }
        Msg::Proposal { at, proposal, msg } => {
            advance(fleet, at, &mut effects);
            proposals::update(fleet, proposal, msg, &mut effects);
        }
        Msg::Ledger { at, entries } => {
            advance(fleet, at, &mut effects);
            ledger(fleet, entries, &mut effects);
        }
        Msg::Catalog { at, catalog } => {
            advance(fleet, at, &mut effects);
            models::read(fleet, catalog);
        }
        Msg::Preflight { at, preflight } => {
            advance(fleet, at, &mut effects);
            models::looked(fleet, *preflight);
        }
        Msg::Witnessed { at, witness } => {
            advance(fleet, at, &mut effects);
            effects.push(Effect::Witness(witness));
        }
        Msg::Noticed(notice) => {
            advance(fleet, notice.at, &mut effects);
            notes::tell(fleet, notice, &mut effects);
        }
    }
    effects
}

fn ledger(fleet: &mut Fleet, entries: Vec<LedgerEntry>, effects: &mut Vec<Effect>) {
    fleet.ledger_read = true;
    if !entries.is_empty() {
        take_down(Arc::make_mut(&mut fleet.ledger), entries);
        power::recall(fleet, effects);
    }
}

/// Takes lines of the ledger. Those of earlier sessions may come after the first of this one.
fn take_down(ledger: &mut VecDeque<LedgerEntry>, entries: Vec<LedgerEntry>) {
    ledger.extend(entries);
    if !ledger.iter().is_sorted_by_key(|entry| entry.number) {
        ledger.make_contiguous().sort_by_key(|entry| entry.number);
    }
    let mut last = None;
    ledger.retain(|entry| last.replace(entry.number) != Some(entry.number));
    let over = ledger.len().saturating_sub(LEDGER);
    ledger.drain(..over);
}

/// Moves time on; it never runs back. Lanes may hand over two messages in the other order than they were stamped.
fn advance(fleet: &mut Fleet, at: At, effects: &mut Vec<Effect>) {
    let before = fleet.at;
    fleet.at = before.max(at);
    alert::settle(fleet, before, effects);
    arming::settle(fleet, effects);
    proposals::settle(fleet, effects);
}

/// Takes the hosts to watch; those already known keep what is known of them.
fn hosts(fleet: &mut Fleet, specs: Vec<Arc<HostSpec>>) {
    let at = fleet.at;
    let before: Vec<_> = fleet.hosts.iter().map(|host| host.id.clone()).collect();
    fleet.hosts = specs
        .into_iter()
        .map(|spec| match fleet.host(&spec.id) {
            Some(known) if known.spec == spec => Arc::clone(known),
            Some(known) => {
                let mut host = Host::clone(known);
                host.spec = spec;
                Arc::new(host)
            }
            None => Arc::new(Host::new(spec, at)),
        })
        .collect();
    let known: Vec<_> = fleet.hosts.iter().map(|host| host.id.clone()).collect();
    // A power switch that asks is no host.
    Arc::make_mut(&mut fleet.questions)
        .retain(|asked| known.contains(&asked.host) || !before.contains(&asked.host));
    Arc::make_mut(&mut fleet.alerts).retain(|alert| known.contains(&alert.host));
    Arc::make_mut(&mut fleet.armed).retain(|armed| known.contains(&armed.host));
}

/// What a person reads of a host after what happened to it, by rows.
#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::Settings;
    use crate::domain::{
        Celsius, GpuCondition, GpuSourceChoice, HealthChange, HealthWord, HostAddress, HostId,
        HostSpec, Mib, Question, QuestionId, RequestId, Rung, Sample, SshSpec, Throttle, Wall,
    };
    use crate::engine::sim::{SimGpu, SimMachine};
    use crate::engine::{
        Actor, Command, Effect, Fleet, Host, HostMsg, Link, LinkDown, Msg, Notice, Reply,
    };

    /// A fleet of one host, driven by hand.
    struct Stage {
        fleet: Fleet,
        machine: SimMachine,
        at: At,
        effects: Vec<Effect>,
    }

    impl Stage {
        fn new(gpu: SimGpu) -> Self {
            let mut stage = Self {
                fleet: Fleet::new("home", &Settings::default()),
                machine: SimMachine::new(7, gpu, 2),
                at: At(0),
                effects: Vec::new(),
            };
            stage.put(Msg::Hosts {
                at: At(0),
                specs: vec![spec("spark-1")],
            });
            stage
        }

        fn up(gpu: SimGpu) -> Self {
            let mut stage = Self::new(gpu);
            for rung in Rung::ALL.into_iter().take(5) {
                stage.did(HostMsg::Holds(rung));
            }
            stage.beat();
            stage
        }

        fn put(&mut self, msg: Msg) {
            self.effects.extend(update(&mut self.fleet, msg));
        }

        fn did(&mut self, msg: HostMsg) {
            let (at, host) = (self.at, id());
            self.put(Msg::Host { at, host, msg });
        }

        fn beat(&mut self) {
            let sample = self.machine.sample();
            self.did(HostMsg::Sample(sample));
        }

        fn fails(&mut self, rung: Rung, silent: bool) {
            self.did(HostMsg::Fails {
                rung,
                silent,
                why: "connection refused".into(),
                hint: Some("start it".into()),
            });
        }

        fn pass(&mut self, seconds: u64) {
            for _ in 0..seconds {
                self.at = self.at.plus(Duration::from_secs(1));
                let wall = Wall(1_000_000 + self.at.0.cast_signed());
                self.put(Msg::Tick { at: self.at, wall });
            }
        }

        fn host(&self) -> &Host {
            self.fleet.host(&id()).unwrap()
        }

        fn says(&self) -> (HealthWord, &str) {
            (self.host().word, self.host().detail.as_str())
        }

        fn heard(&mut self) -> Vec<String> {
            let told = self.effects.drain(..).filter_map(|effect| match effect {
                Effect::Notify(notice) => Some(notice.sentence.to_string()),
                _ => None,
            });
            told.collect()
        }
    }

    const CARD: SimGpu = SimGpu::Card {
        total: Mib(144_384),
    };

    fn id() -> HostId {
        HostId::new("spark-1")
    }

    fn spec(name: &str) -> Arc<HostSpec> {
        Arc::new(HostSpec {
            id: HostId::new(name),
            address: HostAddress::Ssh(SshSpec::new(name.parse().unwrap())),
            tags: Vec::new(),
            gpu: GpuSourceChoice::Auto,
            power: None,
        })
    }

    fn question() -> Question {
        Question::Passphrase {
            key: "id_ed25519".into(),
            again: false,
        }
    }

    #[test]
    fn a_host_that_is_up_says_the_worst_that_its_readings_show() {
        type Turn = fn(&mut SimMachine);
        let rows: [(SimGpu, Turn, HealthWord, &str); 10] = [
            (CARD, |_| {}, HealthWord::Ok, ""),
            (
                CARD,
                |m| m.left = Mib(6 * 1024),
                HealthWord::Tight,
                "gpu 0: 6 GiB left",
            ),
            (CARD, |m| m.left = Mib(8 * 1024), HealthWord::Ok, ""),
            (
                SimGpu::Gb10,
                |m| m.left = Mib(700),
                HealthWord::Tight,
                "gpu 0: 700 MiB left",
            ),
            (
                CARD,
                |m| m.temperature = Celsius(93.0),
                HealthWord::Hot,
                "gpu 1 at 93 °C",
            ),
            (
                CARD,
                |m| m.throttle = Throttle(0x40),
                HealthWord::Hot,
                "gpu 0 held down by heat",
            ),
            // A power cap is the normal state of a busy card.
            (CARD, |m| m.throttle = Throttle(0x04), HealthWord::Ok, ""),
            (
                CARD,
                |m| {
                    m.left = Mib(1_024);
                    m.temperature = Celsius(95.0);
                },
                HealthWord::Tight,
                "gpu 0: 1 GiB left",
            ),
            (
                CARD,
                |m| m.condition = GpuCondition::NoDriver,
                HealthWord::Driver,
                "driver not running",
            ),
            (
                CARD,
                |m| m.condition = GpuCondition::NoTool,
                HealthWord::Ok,
                "",
            ),
        ];
        for (gpu, turn, word, detail) in rows {
            let mut stage = Stage::up(gpu);
            turn(&mut stage.machine);
            stage.beat();
            assert_eq!(stage.says(), (word, detail));
        }
    }

    #[test]
    fn a_host_that_is_not_up_says_how_far_we_get() {
        type Play = fn(&mut Stage);
        let rows: [(Play, HealthWord, &str); 8] = [
            (|_| {}, HealthWord::Connecting, ""),
            (
                |s| s.fails(Rung::Resolve, false),
                HealthWord::Down,
                "resolve: connection refused",
            ),
            (
                |s| s.fails(Rung::Tcp, false),
                HealthWord::Down,
                "tcp: connection refused",
            ),
            (
                |s| {
                    s.did(HostMsg::Holds(Rung::Tcp));
                    s.fails(Rung::Banner, true);
                },
                HealthWord::Wedged,
                "ssh banner",
            ),
            (
                |s| {
                    s.did(HostMsg::Holds(Rung::Tcp));
                    s.fails(Rung::Command, true);
                },
                HealthWord::Wedged,
                "command",
            ),
            // Dialled again: nothing shows yet that it is back.
            (
                |s| {
                    s.fails(Rung::Tcp, false);
                    s.did(HostMsg::Dialing { attempt: 2 });
                    s.did(HostMsg::Holds(Rung::Tcp));
                },
                HealthWord::Down,
                "tcp: connection refused",
            ),
            (
                |s| {
                    s.did(HostMsg::Question {
                        id: QuestionId(1),
                        question: question(),
                    });
                },
                HealthWord::Asking,
                "waits for an answer",
            ),
            (
                |s| {
                    s.did(HostMsg::Question {
                        id: QuestionId(1),
                        question: question(),
                    });
                    s.did(HostMsg::QuestionGone(QuestionId(1)));
                },
                HealthWord::Connecting,
                "",
            ),
        ];
        for (play, word, detail) in rows {
            let mut stage = Stage::new(CARD);
            play(&mut stage);
            assert_eq!(stage.says(), (word, detail));
        }
    }

    #[test]
    fn values_are_stale_after_two_periods() {
        let mut stage = Stage::up(CARD);
        stage.pass(2);
        assert_eq!(stage.says(), (HealthWord::Ok, ""));
        stage.pass(10);
        assert_eq!(stage.says(), (HealthWord::Stale, "12 s old"));
        stage.beat();
        assert_eq!(stage.says(), (HealthWord::Ok, ""));
    }

    #[test]
    fn a_machine_without_gpus_says_so_once_and_stays_ok() {
        let mut stage = Stage::new(CARD);
        stage.machine.condition = GpuCondition::NoTool;
        for rung in Rung::ALL.into_iter().take(5) {
            stage.did(HostMsg::Holds(rung));
        }
        stage.beat();
        for _ in 0..10 {
            stage.pass(1);
            let sample = stage.machine.sample();
            stage.did(HostMsg::Sample(Sample {
                gpus: None,
                ..sample
            }));
        }
        assert_eq!(stage.says(), (HealthWord::Ok, ""));
    }

    #[test]
    fn a_lost_link_is_down_and_its_questions_are_gone() {
        let mut stage = Stage::up(CARD);
        stage.did(HostMsg::Question {
            id: QuestionId(1),
            question: question(),
        });
        stage.did(HostMsg::LinkDown(LinkDown {
            why: "connection reset".into(),
            retry_in: Some(Duration::from_secs(1)),
        }));
        assert_eq!(
            stage.says(),
            (HealthWord::Down, "command: connection reset")
        );
        assert!(stage.fleet.questions.is_empty());
        assert!(matches!(
            stage.host().link,
            Link::Waiting {
                until: At(1000),
                ..
            }
        ));
        // A sample that was on its way does not bring it back.
        stage.beat();
        assert_eq!(stage.host().word, HealthWord::Down);
        stage.did(HostMsg::LinkDown(LinkDown {
            why: "the host key has changed".into(),
            retry_in: None,
        }));
        assert!(matches!(stage.host().link, Link::Held { .. }));
    }

    #[test]
    fn an_outage_is_told_once_and_its_end_once_it_has_settled() {
        let mut stage = Stage::up(CARD);
        stage.effects.clear();
        stage.did(HostMsg::Holds(Rung::Tcp));
        stage.fails(Rung::Tcp, false);
        assert_eq!(stage.heard(), ["spark-1 is down: tcp: connection refused"]);
        stage.pass(60);
        // Back for three seconds, gone again: to a person that is one outage.
        stage.did(HostMsg::Holds(Rung::Command));
        assert_eq!(stage.host().word, HealthWord::Stale);
        stage.pass(3);
        stage.fails(Rung::Tcp, false);
        stage.pass(57);
        // TCP answers and SSH does not: another thing, told at once.
        stage.did(HostMsg::Holds(Rung::Tcp));
        stage.fails(Rung::Banner, true);
        assert_eq!(
            stage.heard(),
            ["spark-1 is wedged: tcp answers, ssh banner is silent"]
        );
        stage.pass(60);
        stage.did(HostMsg::Holds(Rung::Command));
        stage.pass(9);
        assert!(stage.heard().is_empty());
        stage.pass(1);
        assert_eq!(stage.heard(), ["spark-1 is back after 3m"]);
        let words: Vec<_> = stage
            .host()
            .changes
            .iter()
            .map(|c| (c.word, c.wall))
            .collect();
        let wall = |seconds: i64| Wall(1_000_000 + seconds * 1000);
        assert_eq!(
            words,
            [
                (HealthWord::Ok, Wall(0)),
                (HealthWord::Down, Wall(0)),
                (HealthWord::Wedged, wall(120)),
                (HealthWord::Ok, wall(180)),
            ]
        );
    }

    #[test]
    fn a_flapping_value_does_not_storm() {
        let mut stage = Stage::up(CARD);
        stage.effects.clear();
        for n in 0..600 {
            stage.machine.temperature = Celsius(if n % 4 == 0 { 91.0 } else { 70.0 });
            stage.pass(1);
            stage.beat();
        }
        assert_eq!(stage.heard().len(), 1);
        assert_eq!(stage.fleet.alerts.len(), 1);
        assert_eq!(stage.host().changes.len(), 2);
    }

    #[test]
    fn what_is_tight_or_hot_needs_some_slack_to_be_well() {
        let mut stage = Stage::up(CARD);
        for (temperature, word) in [
            (90.0, HealthWord::Hot),
            (88.0, HealthWord::Hot),
            (86.0, HealthWord::Ok),
        ] {
            stage.machine.temperature = Celsius(temperature);
            stage.beat();
            assert_eq!(stage.host().word, word, "{temperature}");
        }
        for (left, word) in [
            (8_000, HealthWord::Tight),
            (9_000, HealthWord::Tight),
            (10_000, HealthWord::Ok),
        ] {
            stage.machine.left = Mib(left);
            stage.beat();
            assert_eq!(stage.host().word, word, "{left}");
        }
    }

    #[test]
    fn the_past_lies_below_what_this_session_saw() {
        let change = |wall, word| HealthChange {
            wall: Wall(wall),
            word,
            rung: None,
            detail: "".into(),
        };
        let mut stage = Stage::up(CARD);
        stage.did(HostMsg::Past(vec![
            change(-300, HealthWord::Down),
            change(-200, HealthWord::Ok),
        ]));
        let walls: Vec<_> = stage.host().changes.iter().map(|c| c.wall.0).collect();
        assert_eq!(walls, [-300, -200]);
    }

    #[test]
    fn lists_stay_bounded() {
        let mut stage = Stage::up(CARD);
        for n in 0..2_000 {
            stage.put(Msg::Noticed(Notice {
                at: stage.at,
                severity: crate::domain::Severity::Info,
                host: None,
                sentence: format!("{n}").into(),
                hint: None,
            }));
            stage.machine.temperature = Celsius(if n % 2 == 0 { 99.0 } else { 50.0 });
            stage.beat();
            stage.pass(11);
        }
        assert_eq!(stage.fleet.notices.len(), 200);
        assert!(stage.fleet.alerts.len() <= 257);
        assert_eq!(stage.host().changes.len(), 200);
    }

    #[test]
    fn wishes_about_our_own_connections_are_answered_here() {
        let mut stage = Stage::new(CARD);
        stage.did(HostMsg::Question {
            id: QuestionId(4),
            question: question(),
        });
        stage.effects.clear();
        let rows = [
            (Command::Reconnect(id()), true),
            (Command::Reconnect(HostId::new("nobody")), false),
            (answer(4), true),
            (answer(4), false),
        ];
        for (command, done) in rows {
            stage.put(Msg::Asked {
                at: stage.at,
                request: RequestId(1),
                actor: Actor::Terminal,
                command: command.clone(),
            });
            let reply = stage.effects.drain(..).find_map(|effect| match effect {
                Effect::Reply { reply, .. } => Some(reply),
                _ => None,
            });
            assert_eq!(reply == Some(Reply::Done), done, "{command:?}");
        }
    }

    fn answer(question: u64) -> Command {
        Command::Answer {
            question: QuestionId(question),
            answer: crate::domain::Answer::Refuse,
        }
    }
}
