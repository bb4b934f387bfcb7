//! The console: configuration, engine and screen, started so that nothing is awaited before the first frame.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::runtime::Runtime;

use super::error::{CliError, chain};
use super::exit::Exit;
use super::hands::Hands;
use super::here::Here;
use super::{looks, once, runtime};
use crate::clock::Clock;
use crate::config::{Config, Problem, Settings};
use crate::engine::{Engine, Recorder, Setup, Ways};
use crate::exec::LocalExec;
use crate::store::{Ledger, Store};
use crate::tasks::Tasks;
use crate::telemetry::{self, Log};
use crate::tui::terminal::Modes;
use crate::tui::{self, Keymap, TuiOptions};

/// What the engine is given beside the hosts.
pub(super) struct Wishes<'a> {
    /// Where the session is recorded.
    pub(super) record: Option<&'a Path>,
    /// Where ups and downs, what was done and what was talked about are kept.
    pub(super) memory: Memory<'a>,
}

/// Where a session keeps what it learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory<'a> {
    /// In the person's own folders; it outlives the session.
    Lasting,
    /// Nowhere but in this folder, which goes with the session.
    Passing(&'a Path),
}

/// Opens the console; without a terminal, one look in plain lines.
pub(super) fn run(config: Config, here: &Arc<Here>, wishes: &Wishes<'_>) -> Result<Exit, CliError> {
    if here.common.json || !looks::is_console(&here.environment) {
        return once::run(config, here);
    }
    let runtime = runtime::start()?;
    let tasks = Tasks::new();
    let outcome = show(config, here, wishes, (&runtime, &tasks));
    if !runtime.block_on(tasks.shutdown(runtime::FAREWELL)) {
        tracing::warn!("some tasks did not end in time");
    }
    runtime.shutdown_background();
    outcome
}

/// Shows hosts on the screen until the person leaves. `tasks` are the caller's to end.
pub(super) fn show(
    mut config: Config,
    here: &Arc<Here>,
    wishes: &Wishes<'_>,
    (runtime, tasks): (&Runtime, &Tasks),
) -> Result<Exit, CliError> {
    let record = wishes.record.map(Recorder::create).transpose()?;
    let _log = log(here, &mut config);
    let person = here.person()?;
    let clock = Clock::system();
    let (store, acting, assisting) = match wishes.memory {
        Memory::Lasting => (here.paths.store(), here.acting()?, here.assisting()),
        Memory::Passing(folder) => (
            None,
            here.acting_in(Ledger::in_memory())?,
            here.assisting_in(folder),
        ),
    };
    let options = options(&config, here, &clock, (runtime, tasks));
    let engine = {
        let _inside = runtime.enter();
        Engine::start(Setup {
            connect: Arc::new(Ways::new(tasks, &clock, person, config.settings.period)),
            config,
            clock,
            tasks: tasks.clone(),
            store: store.as_deref().map(Store::new),
            record,
            acting,
            assisting,
        })
    };
    let ended = tui::run(engine.handle(), options);
    if !runtime.block_on(engine.shutdown(runtime::FAREWELL)) {
        tracing::warn!("the engine did not end in time");
    }
    ended?;
    Ok(Exit::Done)
}

/// What the screen is given.
pub(super) fn options(
    config: &Config,
    here: &Arc<Here>,
    clock: &Clock,
    (runtime, tasks): (&Runtime, &Tasks),
) -> TuiOptions {
    let settings: &Settings = &config.settings;
    let clock = clock.clone();
    TuiOptions {
        keymap: Keymap::build(&settings.keys).0,
        theme: settings.theme.clone(),
        depth: looks::depth(here.common.color, &here.environment),
        modes: Modes {
            mouse: settings.mouse,
            kitty: true,
        },
        bell: settings.alerts.bell,
        term: here.environment.text("TERM"),
        in_tmux: here.environment.get("TMUX").is_some(),
        config: config.file.clone(),
        zone: TimeZone::system(),
        now: Arc::new(move || clock.at()),
        outside: Arc::new(Hands {
            exec: LocalExec::new(tasks.clone()),
            tasks: tasks.clone(),
            runtime: runtime.handle().clone(),
            here: Arc::clone(here),
        }),
    }
}

/// Turns the log on. That it can't be written is told like a problem of the configuration: the console runs without.
fn log(here: &Here, config: &mut Config) -> Option<Log> {
    let file = here.paths.log()?;
    let filter = here.environment.text("PILOTHOUSE_LOG");
    match telemetry::start(&file, filter.as_deref()) {
        Ok(log) => Some(log),
        Err(error) => {
            config.problems.push(Problem {
                file: None,
                line: None,
                what: chain(&error),
                hint: Some("the console runs without a log".into()),
            });
            None
        }
    }
}
