//! `demo --drill breakglass`: the whole way from a wedged machine to one that is back, on the demo fleet, without a person and
//! without the assistant: seen, looked at, armed, cycled, verified, and read in the ledger. Each step is timed.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::{print, runbook_verb, runtime};
use crate::clock::Clock;
use crate::demo::Demo;
use crate::domain::{ActClass, At, HostId, PowerVerb};
use crate::engine::{
    Actor, AssistantCommand, Command, Engine, Fleet, Handle, MachineState, PowerAct, Refusal,
    Reply, Setup, StepState, Transcript, Verdict, Ways,
};
use crate::store::{Ledger, LedgerPaths, verify_ledger};
use crate::tasks::Tasks;

/// The machine that the drill strikes.
const STRUCK: &str = "spark-2";

/// The runbook that is run there.
const RUNBOOK: &str = "wedge";

/// Nothing that is waited for takes this long.
const LIMIT: Duration = Duration::from_mins(2);

/// One step, as it is printed.
#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    seconds: f64,
    ok: bool,
    seen: String,
}

/// Plays it; fails at the first step that does.
pub(super) async fn play(demo: &Demo, here: &Here, tasks: &Tasks) -> Result<Exit, CliError> {
    let clock = Clock::system();
    let config = demo.config();
    let paths = paths(demo);
    let engine = Engine::start(Setup {
        connect: Arc::new(Ways::new(
            tasks,
            &clock,
            here.person()?,
            config.settings.period,
        )),
        config,
        clock: clock.clone(),
        tasks: tasks.clone(),
        store: None,
        record: None,
        acting: here.acting_in(Ledger::in_files(paths.clone()))?,
        assisting: here.assisting_in(demo.folder()),
    });
    let mut drill = Drill {
        handle: engine.handle(),
        begun: clock.at(),
        clock,
        json: here.common.json,
        steps: Vec::new(),
    };
    let went = drill.through(&paths).await;
    engine.shutdown(runtime::FAREWELL).await;
    drill.end(went.is_ok())
}

/// A ledger of its own, that goes when the demo does.
fn paths(demo: &Demo) -> LedgerPaths {
    let folder = demo.folder();
    LedgerPaths {
        ledger: folder.join("ledger.jsonl"),
        anchor: folder.join("anchor").join("anchor"),
        key: folder.join("anchor").join("key"),
    }
}

struct Drill {
    handle: Handle,
    clock: Clock,
    begun: At,
    json: bool,
    steps: Vec<Step>,
}

/// What a step saw, or why the drill ends here.
type Seen = Result<String, String>;

impl Drill {
    /// All steps in order. The error was told already.
    async fn through(&mut self, paths: &LedgerPaths) -> Result<(), ()> {
        let handle = self.handle.clone();
        self.step("every machine is up", all_up(&handle)).await?;
        self.step("the wedge is seen", wedged(&handle)).await?;
        self.step("a runbook asks in vain", asked_in_vain(&handle))
            .await?;
        self.step("the switch looks at it", forensics(&handle))
            .await?;
        self.step("unarmed is refused", refused(&handle)).await?;
        self.step("it is armed", armed(&handle)).await?;
        self.step("it is power-cycled", cycled(&handle)).await?;
        self.step("the ladder holds", up(&handle)).await?;
        self.step("a runbook is answered", asked(&handle)).await?;
        self.step("the ledger verifies", async { verified(paths) })
            .await
    }

    async fn step(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Seen>,
    ) -> Result<(), ()> {
        let begun = self.clock.at();
        let seen = match tokio::time::timeout(LIMIT, work).await {
            Ok(seen) => seen,
            Err(_) => Err(format!("not within {} s", LIMIT.as_secs())),
        };
        let seconds = self.clock.at().since(begun).duration().as_secs_f64();
        let ok = seen.is_ok();
        let seen = seen.unwrap_or_else(|why| why);
        if !self.json {
            let mark = if ok { "ok  " } else { "FAIL" };
            print::message(&format!("{mark} {seconds:6.1} s  {name}: {seen}"));
        }
        self.steps.push(Step {
            name,
            seconds,
            ok,
            seen,
        });
        if ok { Ok(()) } else { Err(()) }
    }

    fn end(&self, went: bool) -> Result<Exit, CliError> {
        let whole = self.clock.at().since(self.begun).duration();
        if self.json {
            print::json(&self.steps)?;
        } else {
            let how = if went { "passed" } else { "FAILED" };
            print::data(&format!("the drill {how} in {:.1} s", whole.as_secs_f64()))?;
        }
        Ok(if went { Exit::Done } else { Exit::Failed })
    }
}

async fn until(handle: &Handle, holds: impl Fn(&Fleet) -> bool) -> Result<Arc<Fleet>, String> {
    let mut fleet = handle.fleet();
    let found = fleet.wait_for(|fleet| holds(fleet)).await;
    found
        .map(|fleet| Arc::clone(&fleet))
        .map_err(|_| "the engine has stopped".to_owned())
}

fn verdict(fleet: &Fleet) -> Verdict {
    let host = fleet.host(&HostId::new(STRUCK));
    host.map_or(Verdict::Unknown, |host| host.ladder.verdict())
}

async fn all_up(handle: &Handle) -> Seen {
    let up = |fleet: &Fleet| {
        let mut verdicts = fleet.hosts.iter().map(|host| host.ladder.verdict());
        verdicts.all(|verdict| verdict == Verdict::Up)
    };
    let fleet = until(handle, up).await?;
    Ok(format!("{} machines", fleet.hosts.len()))
}

async fn wedged(handle: &Handle) -> Seen {
    let fleet = until(handle, |fleet| {
        matches!(verdict(fleet), Verdict::Wedged { .. })
    })
    .await?;
    match verdict(&fleet) {
        Verdict::Wedged { rung, .. } => Ok(format!("{STRUCK} is silent at {}", rung.word())),
        other => Err(format!("{other:?}")),
    }
}

async fn up(handle: &Handle) -> Seen {
    until(handle, |fleet| verdict(fleet) == Verdict::Up).await?;
    Ok(format!("{STRUCK} answers"))
}

/// The wedge runbook on the struck machine: how many questions were asked there, and what it found.
async fn runbook(handle: &Handle) -> Result<(usize, Vec<String>), String> {
    let open = Command::Assistant(AssistantCommand::Open);
    let session = match ask(handle, open).await {
        Reply::Session(session) => session,
        other => return odd(other).map(|_| (0, Vec::new())),
    };
    let run = Command::Assistant(AssistantCommand::Runbook {
        session,
        host: HostId::new(STRUCK),
        name: RUNBOOK.to_owned(),
    });
    if let Reply::Refused(refusal) | Reply::Failed(refusal) = ask(handle, run).await {
        return Err(refusal.why);
    }
    let transcript = handle.transcript(session);
    let mut transcript = transcript.ok_or("its conversation can't be read")?;
    let ended = |shown: &Arc<Transcript>| !runbook_verb::findings(shown).is_empty();
    let shown = transcript.wait_for(ended).await;
    let shown = shown.map_err(|_| "the engine has stopped")?;
    let asked = runbook_verb::calls(&shown).count();
    Ok((asked, runbook_verb::findings(&shown)))
}

/// A machine that says nothing is asked nothing.
async fn asked_in_vain(handle: &Handle) -> Seen {
    match runbook(handle).await? {
        (0, found) => Ok(format!("{RUNBOOK}: {}", found.join("; "))),
        (asked, _) => Err(format!(
            "{asked} questions were answered by a wedged machine"
        )),
    }
}

async fn asked(handle: &Handle) -> Seen {
    let (asked, found) = runbook(handle).await?;
    let found = found.join("; ");
    if asked == 0 || found.contains("no answer") {
        return Err(found);
    }
    Ok(format!("{RUNBOOK}: {found}"))
}

fn power(verb: PowerVerb) -> Command {
    Command::Power {
        host: HostId::new(STRUCK),
        verb,
    }
}

async fn ask(handle: &Handle, command: Command) -> Reply {
    handle.ask(Actor::Terminal, command).await
}

fn odd(reply: Reply) -> Seen {
    match reply {
        Reply::Refused(Refusal { why, .. })
        | Reply::Failed(Refusal { why, .. })
        | Reply::Unknown(Refusal { why, .. }) => Err(why),
        other => Err(format!("the engine said {other:?}")),
    }
}

async fn forensics(handle: &Handle) -> Seen {
    match ask(handle, power(PowerVerb::Forensics)).await {
        Reply::Power(report) => match &report.state {
            MachineState::Running => Ok(format!("it runs; {} lines", report.lines.len())),
            other => Err(format!("{other:?}")),
        },
        other => odd(other),
    }
}

async fn refused(handle: &Handle) -> Seen {
    match ask(handle, power(PowerVerb::Cycle)).await {
        Reply::Refused(refusal) => Ok(refusal.why),
        other => Err(format!("it was not refused: {other:?}")),
    }
}

async fn armed(handle: &Handle) -> Seen {
    let arm = Command::Arm {
        host: HostId::new(STRUCK),
        class: ActClass::Power,
        minutes: Some(5),
    };
    match ask(handle, arm).await {
        Reply::Done => Ok("for five minutes".to_owned()),
        other => odd(other),
    }
}

async fn cycled(handle: &Handle) -> Seen {
    let id = match ask(handle, power(PowerVerb::Cycle)).await {
        Reply::NeedsConfirmation { id, .. } => id,
        other => return odd(other),
    };
    let confirm = Command::Confirm {
        id,
        answer: format!("{STRUCK} --now"),
    };
    match ask(handle, confirm).await {
        Reply::Done => {}
        other => return odd(other),
    }
    let host = HostId::new(STRUCK);
    let ended = |act: &PowerAct| act.host == host && act.ended.is_some();
    let fleet = until(handle, |fleet| fleet.power.iter().any(ended)).await?;
    let act = fleet.power.iter().find(|act| ended(act));
    Ok(act.map(words).unwrap_or_default())
}

/// The steps of an act in one line.
fn words(act: &PowerAct) -> String {
    let steps: Vec<String> = act
        .steps
        .iter()
        .map(|step| {
            let how = match &step.state {
                StepState::Done { took, .. } => format!("{:.1} s", took.as_secs_f64()),
                StepState::Skipped { .. } => "skipped".to_owned(),
                StepState::Failed { .. } => "failed".to_owned(),
                StepState::Aborted => "aborted".to_owned(),
                StepState::Waiting | StepState::Running { .. } => "open".to_owned(),
            };
            format!("{} {how}", step.kind.word())
        })
        .collect();
    steps.join(", ")
}

fn verified(paths: &LedgerPaths) -> Seen {
    let report = verify_ledger(paths, &paths.key).map_err(|error| error.to_string())?;
    match report.broken {
        Some(broken) => Err(format!("{broken:?}")),
        None if report.open.is_empty() && report.records >= 2 => {
            Ok(format!("{} records, none open", report.records))
        }
        None => Err(format!(
            "{} records, {} open",
            report.records,
            report.open.len()
        )),
    }
}
