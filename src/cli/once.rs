//! `once`: one look at the fleet, as soon as every host has a verdict.

use std::sync::Arc;
use std::time::Duration;

use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::overview::overview;
use super::snapshot::Snapshot;
use super::{print, runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{GpuSourceChoice, HealthWord};
use crate::engine::{
    Acting, Assisting, Engine, Fleet, Handle, Host, SeriesKey, Setup, Verdict, Ways,
};
use crate::tasks::Tasks;

/// After this the fleet is shown as it is. A little more than a dial may take: a host that lets it run out has a verdict.
const LIMIT: Duration = Duration::from_secs(12);

/// Looks once and prints what is there.
pub(super) fn run(config: Config, here: &Here) -> Result<Exit, CliError> {
    runtime::block_on(async {
        let tasks = Tasks::new();
        let outcome = look(config, here, &tasks).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

/// Waits for the verdicts and prints them.
pub(super) async fn look(config: Config, here: &Here, tasks: &Tasks) -> Result<Exit, CliError> {
    for problem in &config.problems {
        print::message(&print::problem(problem));
    }
    let fleet = verdicts(config, here, tasks).await?;
    if here.common.json {
        print::json(&Snapshot::of(&fleet))?;
    } else {
        print::data(&overview(&fleet))?;
    }
    for pending in fleet.questions.iter() {
        print::message(&format!(
            "{} asks something that only a person can answer: open it with `pilothouse {0}`",
            pending.host
        ));
    }
    Ok(outcome(&fleet))
}

/// The fleet as soon as every host has a verdict, or is late. The engine behind it has ended.
async fn verdicts(config: Config, here: &Here, tasks: &Tasks) -> Result<Arc<Fleet>, CliError> {
    let engine = start(config, here, tasks)?;
    let fleet = settled(&engine.handle()).await;
    engine.shutdown(runtime::FAREWELL).await;
    Ok(fleet)
}

/// An engine that dials every host and keeps nothing.
pub(super) fn start(config: Config, here: &Here, tasks: &Tasks) -> Result<Engine, CliError> {
    let clock = Clock::system();
    let period = config.settings.period;
    Ok(Engine::start(Setup {
        config,
        connect: Arc::new(Ways::new(tasks, &clock, here.person()?, period)),
        clock,
        tasks: tasks.clone(),
        store: None,
        record: None,
        acting: Acting::unrecorded(),
        assisting: Assisting::default(),
    }))
}

/// The fleet as soon as every host has a verdict, or is late.
pub(super) async fn settled(handle: &Handle) -> Arc<Fleet> {
    let mut fleet = handle.fleet();
    let all = fleet.wait_for(|fleet| fleet.hosts.iter().all(|host| is_settled(fleet, host)));
    // Late, or the engine is gone: what is known is shown.
    if let Ok(Ok(settled)) = tokio::time::timeout(LIMIT, all).await {
        return Arc::clone(&settled);
    }
    Arc::clone(&handle.fleet().borrow())
}

/// Whether there is something to say of a host: its readings, the rung that fails, or a question.
fn is_settled(fleet: &Fleet, host: &Host) -> bool {
    match host.ladder.verdict() {
        Verdict::Down { .. } | Verdict::Wedged { .. } => true,
        Verdict::Unknown => fleet.questions.iter().any(|asked| asked.host == host.id),
        Verdict::Up => {
            let no_gpu = host.spec.gpu == GpuSourceChoice::None;
            has_rates(host) && (no_gpu || host.gpus.is_some())
        }
    }
}

/// Shares and rates (CPU, network) need two beats; a machine that tells no memory has no `/proc` to wait for.
fn has_rates(host: &Host) -> bool {
    let Some(machine) = &host.machine else {
        return false;
    };
    let beats = host.history.series(SeriesKey::Memory);
    machine.value.memory.value().is_none()
        || beats.is_some_and(|beats| beats.newest_first().nth(1).is_some())
}

fn outcome(fleet: &Fleet) -> Exit {
    let unreachable = |host: &Arc<Host>| {
        matches!(
            host.word,
            HealthWord::Connecting | HealthWord::Asking | HealthWord::Down | HealthWord::Wedged
        )
    };
    if fleet.hosts.iter().any(unreachable) {
        Exit::Unreachable
    } else {
        Exit::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::{HostKeyFacts, Question};
    use crate::engine::sim::{SimFleet, SimLink};

    async fn look(sim: &Arc<SimFleet>) -> Arc<Fleet> {
        let connect: Arc<dyn crate::engine::Connect> = sim.clone();
        let engine = Engine::start(Setup {
            config: Config {
                fleet: "sim".into(),
                hosts: sim.specs(),
                settings: Settings::default(),
                file: None,
                problems: Vec::new(),
            },
            clock: Clock::manual(),
            tasks: Tasks::new(),
            connect,
            store: None,
            record: None,
            acting: Acting::unrecorded(),
            assisting: Assisting::default(),
        });
        let fleet = settled(&engine.handle()).await;
        assert!(engine.shutdown(Duration::from_secs(1)).await);
        fleet
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_that_answer_are_shown_with_their_readings() {
        let fleet = look(&SimFleet::new(1, 2)).await;
        assert_eq!(outcome(&fleet), Exit::Done);
        assert!(fleet.hosts.iter().all(|host| host.gpus.is_some()));
        let rated = |host: &Arc<Host>| has_rates(host);
        assert!(fleet.hosts.iter().all(rated), "one beat is no rate");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_can_t_be_reached_is_shown_with_its_rung() {
        let sim = SimFleet::new(1, 3);
        sim.set("sim-002", SimLink::Refused);
        sim.set("sim-003", SimLink::Wedged);
        let fleet = look(&sim).await;
        assert_eq!(outcome(&fleet), Exit::Unreachable);
        let text = overview(&fleet);
        assert!(text.contains("\nsim-002 down: tcp"), "{text}");
        assert!(text.contains("\nsim-003 WEDGED: ssh banner"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_there_to_answer_so_a_question_is_a_verdict() {
        let sim = SimFleet::new(1, 1);
        sim.set(
            "sim-001",
            SimLink::Asks(Question::UnknownHostKey(HostKeyFacts {
                endpoint: crate::domain::Endpoint {
                    host: "sim-001".parse().unwrap(),
                    port: crate::domain::Port::SSH,
                },
                algorithm: "ssh-ed25519".into(),
                fingerprint: "SHA256:x".into(),
                file: "known_hosts".into(),
            })),
        );
        let fleet = tokio::time::timeout(LIMIT / 2, look(&sim)).await.unwrap();
        assert_eq!(fleet.hosts[0].word, HealthWord::Asking);
        assert_eq!(outcome(&fleet), Exit::Unreachable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_without_a_verdict_is_shown_as_it_is_after_the_limit() {
        let sim = SimFleet::new(1, 2);
        sim.set("sim-002", SimLink::Slow(LIMIT * 2));
        let fleet = look(&sim).await;
        assert_eq!(outcome(&fleet), Exit::Unreachable);
        assert_eq!(fleet.hosts[1].word, HealthWord::Connecting);
    }

    /// Every key by its path, with the kind of its value.
    fn shape(path: &str, value: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
        use serde_json::Value;
        let kind = match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    shape(&format!("{path}.{key}"), value, keys);
                }
                return;
            }
            Value::Array(items) if !items.is_empty() => {
                for item in items {
                    shape(&format!("{path}[]"), item, keys);
                }
                return;
            }
            Value::Array(_) => "empty",
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "text",
        };
        keys.insert(format!("{path}: {kind}"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_json_keeps_its_shape() {
        let sim = SimFleet::new(1, 3);
        sim.set("sim-003", SimLink::Refused);
        let fleet = look(&sim).await;
        let json = serde_json::to_value(Snapshot::of(&fleet)).unwrap();
        let mut keys = std::collections::BTreeSet::new();
        shape("", &json, &mut keys);
        insta::assert_snapshot!(keys.into_iter().collect::<Vec<_>>().join("\n"));
    }
}
