//! `runbook`: questions to a host one after the other, and what the answers add up to. Needs no assistant.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::timeout;

use super::ask_verb::told;
use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::interrupts::Interrupts;
use super::talk_print::outcome;
use super::{logs, logs_list, print, runtime};
use crate::config::Config;
use crate::domain::{HealthWord, HostId, SessionId};
use crate::engine::{
    Acting, Actor, AssistantCommand, CallState, CallView, Command, Entry, Fleet, Handle, Link,
    Refusal, Reply, RunbookSummary, StepResult, Transcript, runbook_problems,
};
use crate::tasks::Tasks;

/// How long a host may take to be connected, or found unreachable.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it does, and how it ends.
const ENDS: &str = "\
A runbook changes nothing and needs no model. Your own are *.yaml files in the
folder `runbooks` beside the configuration; one that has the name of ours takes
its place.

Exit codes: 0 all was asked (what was found stands under `findings`), 1 failed,
2 no such host or runbook, 4 the host is unreachable, 130 stopped.";

/// Which runbook, and where.
#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(super) struct RunbookArgs {
    /// The host; without it, or with `list`, the runbooks are listed
    #[arg(value_name = "HOST")]
    host: Option<String>,
    /// The runbook
    #[arg(value_name = "NAME", requires = "host")]
    name: Option<String>,
}

/// Lists runbooks, or runs one.
pub(super) fn run(args: &RunbookArgs, here: &Here) -> Result<Exit, CliError> {
    match (args.host.as_deref(), args.name.as_deref()) {
        (None | Some("list"), None) => with_engine(here, None, |handle| list(handle, here)),
        (Some(host), Some(name)) => {
            let (host, name) = (HostId::new(host), name.to_owned());
            with_engine(here, Some(&host.clone()), |handle| {
                run_on(handle, (host, name), here)
            })
        }
        (Some(host), None) => Err(CliError::Usage {
            what: format!("which runbook is to be run on {host}?"),
            hint: "`pilothouse runbook list` tells which there are".into(),
        }),
        (None, Some(_)) => Err(CliError::Usage {
            what: "on which host?".into(),
            hint: "`pilothouse runbook HOST NAME`".into(),
        }),
    }
}

/// Does something with an engine on this host, or on none.
fn with_engine<F: Future<Output = Result<Exit, CliError>>>(
    here: &Here,
    host: Option<&HostId>,
    work: impl FnOnce(Handle) -> F,
) -> Result<Exit, CliError> {
    let config = config(here, host)?;
    runtime::block_on(async {
        let tasks = Tasks::new();
        let engine = logs::start(config, (here, Acting::unrecorded()), &tasks)?;
        let outcome = work(engine.handle()).await;
        engine.shutdown(runtime::FAREWELL).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

fn config(here: &Here, host: Option<&HostId>) -> Result<Config, CliError> {
    let names: Vec<String> = host.iter().map(ToString::to_string).collect();
    let mut config = here.load(names)?.config;
    match host {
        None => config.hosts.clear(),
        Some(host) if config.hosts.iter().all(|spec| spec.id != *host) => {
            return Err(CliError::Usage {
                what: format!("`{host}` is no host of the configuration"),
                hint: "the host comes first, then the runbook; `pilothouse once` lists the hosts"
                    .into(),
            });
        }
        Some(_) => {}
    }
    let own = runbook_problems(here.paths.runbooks().as_deref());
    for problem in config.problems.iter().chain(&own) {
        print::message(&print::problem(problem));
    }
    Ok(config)
}

async fn list(handle: Handle, here: &Here) -> Result<Exit, CliError> {
    let Reply::Runbooks(books) = ask(&handle, AssistantCommand::Runbooks).await else {
        return Ok(Exit::Failed);
    };
    if here.common.json {
        print::json(&books)?;
        return Ok(Exit::Done);
    }
    let row = |book: &RunbookSummary| {
        vec![
            book.name.clone(),
            book.steps.len().to_string(),
            book.what.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = books.iter().map(row).collect();
    print::data(&print::table(&["RUNBOOK", "STEPS", "WHAT"], &rows))?;
    Ok(Exit::Done)
}

async fn run_on(
    handle: Handle,
    (host, name): (HostId, String),
    here: &Here,
) -> Result<Exit, CliError> {
    let session = match ask(&handle, AssistantCommand::Open).await {
        Reply::Session(session) => session,
        reply => return Ok(told(&reply)),
    };
    if let Err(refusal) = is_there(&handle, &name).await {
        print::message(&format!("pilothouse: {}", refusal.why));
        print::message(&format!("  {}", refusal.hint.unwrap_or_default()));
        return Ok(Exit::Usage);
    }
    if let Some(why) = unreachable(&handle, &host).await {
        print::message(&format!("pilothouse: {host}: {why}"));
        return Ok(Exit::Unreachable);
    }
    let command = AssistantCommand::Runbook {
        session,
        host: host.clone(),
        name: name.clone(),
    };
    let reply = ask(&handle, command).await;
    if let Reply::Failed(_) | Reply::Refused(_) = reply {
        return Ok(told(&reply));
    }
    let Some(shown) = follow(&handle, session, here.common.json).await? else {
        return Ok(Exit::Ended(130));
    };
    if here.common.json {
        print::json(&of(&shown, host.clone(), name))?;
    } else {
        print::data("findings")?;
        for line in findings(&shown) {
            print::data(&format!("  {line}"))?;
        }
    }
    let lost = fleet_of(&handle)
        .host(&host)
        .is_none_or(|host| !is_up(&host.link));
    Ok(if lost { Exit::Unreachable } else { Exit::Done })
}

/// Prints each step when it has ended; `None`: a person has stopped it.
async fn follow(
    handle: &Handle,
    session: SessionId,
    json: bool,
) -> Result<Option<Arc<Transcript>>, CliError> {
    let Some(mut pictures) = handle.transcript(session) else {
        return Ok(None);
    };
    let interrupts = Interrupts::listen();
    let mut printed = 0;
    loop {
        let shown = Arc::clone(&pictures.borrow_and_update());
        if !json {
            printed = steps(&shown, printed)?;
        }
        if shown
            .entries
            .iter()
            .any(|entry| matches!(entry.as_ref(), Entry::Findings { .. }))
        {
            return Ok(Some(shown));
        }
        tokio::select! {
            changed = pictures.changed() => if changed.is_err() {
                return Ok(None);
            },
            () = interrupts.next() => {
                ask(handle, AssistantCommand::Interrupt(session)).await;
                return Ok(None);
            }
        }
    }
}

/// Prints the steps that have ended, from this one on; how many have.
fn steps(shown: &Transcript, from: usize) -> Result<usize, CliError> {
    let mut ended = 0;
    for (call, result) in calls(shown) {
        ended += 1;
        if ended <= from {
            continue;
        }
        print::data(&format!("{} ({})", call.tool, outcome(result)))?;
        for line in &result.lines {
            print::data(&format!("  {line}"))?;
        }
        print::data("")?;
    }
    Ok(ended)
}

/// The questions that were answered, or failed.
pub(super) fn calls(shown: &Transcript) -> impl Iterator<Item = (&CallView, &StepResult)> {
    shown
        .entries
        .iter()
        .filter_map(|entry| match entry.as_ref() {
            Entry::Call(call) => match &call.state {
                CallState::Ended(result) => Some((call, result)),
                CallState::Running(_) => None,
            },
            _ => None,
        })
}

/// What they add up to; nothing while it runs.
pub(super) fn findings(shown: &Transcript) -> Vec<String> {
    let found = shown.entries.iter().find_map(|entry| match entry.as_ref() {
        Entry::Findings { lines, .. } => Some(lines),
        _ => None,
    });
    let lines = found.into_iter().flatten();
    lines.map(ToString::to_string).collect()
}

#[derive(Debug, Serialize)]
struct Ran {
    host: HostId,
    runbook: String,
    steps: Vec<Step>,
    findings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Step {
    #[serde(rename = "step")]
    words: String,
    command: String,
    exit: Option<i32>,
    failed: Option<String>,
    seconds: f64,
    lines: Vec<String>,
    bytes_left_out: u64,
}

fn of(shown: &Transcript, host: HostId, runbook: String) -> Ran {
    let step = |(call, result): (&CallView, &StepResult)| Step {
        words: call.tool.to_string(),
        command: call.exact.as_ref().unwrap_or(&call.what).to_string(),
        exit: result.exit,
        failed: result.failed.as_ref().map(ToString::to_string),
        seconds: result.took.as_secs_f64(),
        lines: result.lines.iter().map(ToString::to_string).collect(),
        bytes_left_out: result.cut,
    };
    Ran {
        host,
        runbook,
        steps: calls(shown).map(step).collect(),
        findings: findings(shown),
    }
}

async fn is_there(handle: &Handle, name: &str) -> Result<(), Refusal> {
    let Reply::Runbooks(books) = ask(handle, AssistantCommand::Runbooks).await else {
        return Ok(());
    };
    if books.iter().any(|book| book.name == name) {
        return Ok(());
    }
    let names: Vec<String> = books.into_iter().map(|book| book.name).collect();
    Err(Refusal {
        why: format!("no runbook is called `{name}`"),
        hint: Some(format!("there are {}", names.join(", "))),
    })
}

/// Waits until the host is connected; why it is not.
async fn unreachable(handle: &Handle, host: &HostId) -> Option<String> {
    let mut fleet = handle.fleet();
    let decided = |fleet: &Arc<Fleet>| {
        fleet.host(host).is_some_and(|host| {
            let given_up = matches!(
                host.word,
                HealthWord::Down | HealthWord::Wedged | HealthWord::Asking
            );
            is_up(&host.link) || given_up
        })
    };
    let waited = timeout(PATIENCE, fleet.wait_for(decided)).await.is_ok();
    let fleet = fleet_of(handle);
    let found = fleet.host(host)?;
    match found.word {
        _ if is_up(&found.link) => None,
        HealthWord::Asking => Some(logs_list::asks(host)),
        _ if waited => Some(logs_list::why_down(found)),
        _ => Some(format!("not connected within {} s", PATIENCE.as_secs())),
    }
}

fn is_up(link: &Link) -> bool {
    matches!(link, Link::Up { .. } | Link::Local)
}

fn fleet_of(handle: &Handle) -> Arc<Fleet> {
    Arc::clone(&handle.fleet().borrow())
}

async fn ask(handle: &Handle, command: AssistantCommand) -> Reply {
    handle
        .ask(Actor::CommandLine, Command::Assistant(command))
        .await
}
