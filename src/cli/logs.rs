//! `logs`: lines of any sources of the fleet, merged in the order of time, as they are or as they come.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Zoned;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::args::Color;
use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::logs_args::LogsArgs;
use super::logs_print::{Form, Label, Printer, expression};
use super::logs_when::{SHAPE, moment};
use super::{logs_list, looks, print, runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{HealthWord, HostId};
use crate::engine::{
    Acting, Actor, Assisting, Command, Engine, Fleet, Handle, Level, LogBegin, LogItem, LogStream,
    Reply, Setup, SourceAddress, SourceNumber, SourceSpec, SourceState, Stamp, Ways,
};
use crate::tasks::Tasks;
use crate::text::SafeText;
use crate::tui::theme::ColorDepth;

/// A host that was there and stays away for so long is given up, where nothing is followed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two looks whether the reader of a quiet log is still there.
const READER: Duration = Duration::from_millis(500);

/// What this machine is called where no host is named.
const HERE: &str = "local";

/// Reads what was asked for, or lists what could be.
pub(super) fn run(args: &LogsArgs, here: &Here) -> Result<Exit, CliError> {
    if args.sources.is_empty() {
        let hosts = args.list.clone().unwrap_or_default();
        return logs_list::run(here.load(hosts)?.config, here);
    }
    let wanted = Wanted::read(args, here)?;
    runtime::block_on(async {
        let tasks = Tasks::new();
        let outcome = wanted.print(here, &tasks).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

/// What is wanted, all of it understood.
struct Wanted {
    config: Config,
    sources: Vec<SourceAddress>,
    begin: LogBegin,
    until: Option<Stamp>,
    follow: bool,
    printer: Printer,
}

impl Wanted {
    fn read(args: &LogsArgs, here: &Here) -> Result<Self, CliError> {
        let sources = sources(&args.sources)?;
        let config = hosts(&sources, here)?;
        let now = Clock::system().wall();
        let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
        let now = now.to_zoned(jiff::tz::TimeZone::system());
        let begin = match &args.since {
            Some(since) => LogBegin::Since(when("--since", since, &now)?),
            None => LogBegin::Tail(args.tail.unwrap_or(config.settings.logs.tail)),
        };
        let until = args.until.as_ref();
        let until = until
            .map(|until| when("--until", until, &now))
            .transpose()?;
        Ok(Self {
            printer: printer(args, here, &sources, &now)?,
            config,
            sources,
            begin,
            until,
            follow: args.follow,
        })
    }

    async fn print(self, here: &Here, tasks: &Tasks) -> Result<Exit, CliError> {
        for problem in &self.config.problems {
            print::message(&print::problem(problem));
        }
        let ours = self
            .sources
            .iter()
            .any(|source| source.spec == SourceSpec::Actions);
        let acting = if ours {
            here.acting()?
        } else {
            Acting::unrecorded()
        };
        let engine = start(self.config, (here, acting), tasks)?;
        let handle = engine.handle();
        let command = Command::ReadLogs {
            sources: self.sources.clone(),
            begin: self.begin,
            until: self.until,
            follow: self.follow,
        };
        let log = match handle.ask(Actor::CommandLine, command).await {
            Reply::Log(id) => handle.log(id),
            reply => {
                print::message(&format!("pilothouse: {}", logs_list::words(&reply)));
                None
            }
        };
        let reading = Reading {
            printer: self.printer,
            states: vec![SourceState::Opening; self.sources.len()],
            read: vec![false; self.sources.len()],
            sources: self.sources,
            follow: self.follow,
            exit: Exit::Done,
        };
        let outcome = match log {
            Some(log) => reading.run(log, &handle).await,
            None => Ok(Exit::Failed),
        };
        engine.shutdown(runtime::FAREWELL).await;
        outcome
    }
}

/// An engine on these hosts, without a store.
pub(super) fn start(
    config: Config,
    (here, acting): (&Here, Acting),
    tasks: &Tasks,
) -> Result<Engine, CliError> {
    let clock = Clock::system();
    let period = config.settings.period;
    Ok(Engine::start(Setup {
        config,
        connect: Arc::new(Ways::new(tasks, &clock, here.person()?, period)),
        clock,
        tasks: tasks.clone(),
        acting,
        store: None,
        record: None,
        assisting: Assisting {
            runbooks: here.paths.runbooks(),
            ..Assisting::default()
        },
    }))
}

fn sources(words: &[String]) -> Result<Vec<SourceAddress>, CliError> {
    let mut sources: Vec<SourceAddress> = Vec::new();
    for word in words {
        let source = word.parse::<SourceAddress>();
        let source = source.map_err(|invalid| CliError::Usage {
            what: invalid.what,
            hint: format!("{}; `pilothouse logs` lists what there is", invalid.hint),
        })?;
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    Ok(sources)
}

/// The configuration with exactly the hosts that are named; none where all sources are on this machine.
fn hosts(sources: &[SourceAddress], here: &Here) -> Result<Config, CliError> {
    let mut names: Vec<String> = Vec::new();
    for host in sources.iter().filter_map(|source| source.host.as_ref()) {
        if !names.iter().any(|name| name == host.as_str()) {
            names.push(host.to_string());
        }
    }
    let mut config = here.load(names.clone())?.config;
    if names.is_empty() {
        config.hosts.clear();
    }
    let known = |name: &String| config.hosts.iter().any(|spec| spec.id.as_str() == name);
    match names.iter().find(|name| !known(name)) {
        None => Ok(config),
        Some(name) => Err(CliError::Usage {
            what: format!("`{name}` is no host of the configuration"),
            hint: "name it as the configuration does; `pilothouse once` lists the hosts".into(),
        }),
    }
}

fn when(flag: &str, text: &str, now: &Zoned) -> Result<Stamp, CliError> {
    moment(text, now).ok_or_else(|| CliError::Usage {
        what: format!("`{text}` is no moment for {flag}"),
        hint: SHAPE.into(),
    })
}

fn printer(
    args: &LogsArgs,
    here: &Here,
    sources: &[SourceAddress],
    now: &Zoned,
) -> Result<Printer, CliError> {
    let grep = args.grep.as_deref().map(expression).transpose();
    let grep = grep.map_err(|error| CliError::Usage {
        what: format!("--grep is no regular expression: {error}"),
        hint: "put a \\ before signs that are meant as they are".into(),
    })?;
    let form = match (here.common.json, args.raw) {
        (true, _) => Form::Json,
        (false, true) => Form::Raw,
        (false, false) => Form::Columns,
    };
    let labels = sources.iter().map(label).collect();
    let mut printer = Printer::new(labels, now.time_zone().clone(), now.date());
    printer.form = form;
    printer.colours = !args.no_color && has_colours(here);
    printer.grep = grep;
    printer.level = args.level.as_deref().and_then(level);
    Ok(printer)
}

/// Whether colours of lines are kept: on a terminal, or where they are asked for.
fn has_colours(here: &Here) -> bool {
    let allowed = looks::depth(here.common.color, &here.environment) != ColorDepth::Mono;
    let dumb = here
        .environment
        .text("TERM")
        .is_none_or(|term| term == "dumb");
    let shown = io::stdout().is_terminal() && !dumb;
    allowed && (shown || here.common.color == Color::Always)
}

fn label(source: &SourceAddress) -> Label {
    let host = source.host.as_ref();
    Label {
        host: host.map_or_else(|| HERE.into(), HostId::to_string),
        // The name of a file is whatever somebody called it.
        source: SafeText::from(source.spec.to_string()).to_string(),
    }
}

fn level(word: &str) -> Option<Level> {
    Some(match word {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "notice" => Level::Notice,
        "warn" => Level::Warning,
        "error" => Level::Error,
        "fatal" => Level::Critical,
        _ => return None,
    })
}

/// Lines on their way out.
struct Reading {
    printer: Printer,
    sources: Vec<SourceAddress>,
    states: Vec<SourceState>,
    /// Which sources were open at some time.
    read: Vec<bool>,
    follow: bool,
    exit: Exit,
}

impl Reading {
    async fn run(mut self, mut log: LogStream, handle: &Handle) -> Result<Exit, CliError> {
        let mut fleet = handle.fleet();
        let mut reader = interval(READER);
        reader.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        let mut patience = Box::pin(sleep(PATIENCE));
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupted => return Ok(Exit::Ended(130)),
                _ = reader.tick() => {
                    if print::reader_has_left() {
                        return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
                    }
                }
                item = log.next() => match item {
                    Some((source, item)) => {
                        self.take(source, item)?;
                        patience.set(sleep(PATIENCE));
                    }
                    None => return Ok(self.exit),
                },
                Ok(()) = fleet.changed() => {
                    let fleet = Arc::clone(&fleet.borrow_and_update());
                    if self.unreachable(&fleet, false) {
                        return Ok(Exit::Unreachable);
                    }
                }
                () = &mut patience, if !self.follow => {
                    if self.unreachable(&fleet.borrow().clone(), true) {
                        return Ok(Exit::Unreachable);
                    }
                    patience.set(sleep(PATIENCE));
                }
            }
        }
    }

    fn take(&mut self, source: SourceNumber, item: LogItem) -> Result<(), CliError> {
        let index = usize::from(source.0);
        match item {
            LogItem::Lines(lines) => {
                let mut out = String::with_capacity(lines.bytes() * 2);
                for line in lines.iter() {
                    self.printer.line(index, line, &mut out);
                }
                if !out.is_empty() {
                    print::data(&out)?;
                }
            }
            LogItem::State(state) => self.state(index, state),
            LogItem::Gap(length) => self.remark(
                index,
                &format!("gap {}, resumed without loss", length.words()),
            ),
            LogItem::Missing(Some(lines), why) => {
                self.remark(index, &format!("{lines} lines are missing: {why}"));
            }
            LogItem::Missing(None, why) => {
                self.remark(index, &format!("lines are missing: {why}"));
            }
            LogItem::Note(note) => self.remark(index, note.as_str()),
        }
        Ok(())
    }

    fn state(&mut self, index: usize, state: SourceState) {
        let Some(slot) = self.states.get_mut(index) else {
            return;
        };
        let before = std::mem::replace(slot, state.clone());
        let read = self.read.get_mut(index);
        match state {
            SourceState::Following => {
                if let Some(read) = read {
                    *read = true;
                }
            }
            SourceState::Refused(why, hint) => {
                self.exit = Exit::Failed;
                let hint = hint.map(|hint| format!("\n  {hint}"));
                self.remark(index, &format!("{why}{}", hint.unwrap_or_default()));
            }
            SourceState::Waiting(why) if before == SourceState::Following => {
                self.remark(index, &format!("{why}; waiting"));
            }
            SourceState::Ended(why) if self.follow => self.remark(index, why.as_str()),
            SourceState::Opening | SourceState::Waiting(_) | SourceState::Ended(_) => {}
        }
    }

    /// Tells something of a source, beside its lines.
    fn remark(&self, index: usize, words: &str) {
        if let Some(source) = self.sources.get(index) {
            print::message(&format!("pilothouse: {source}: {words}"));
        }
    }

    /// Whether the host of a source can't be reached, and says why. One that was open is waited for.
    fn unreachable(&self, fleet: &Fleet, also_read: bool) -> bool {
        let mut down: BTreeMap<&HostId, String> = BTreeMap::new();
        for (index, source) in self.sources.iter().enumerate() {
            let was_read = self.read.get(index).is_some_and(|read| *read);
            let ended = self.states.get(index).is_none_or(is_over);
            let host = source.host.as_ref().and_then(|id| fleet.host(id));
            if let Some(host) = host.filter(|_| !ended && (also_read || !was_read)) {
                match host.word {
                    HealthWord::Down | HealthWord::Wedged => {
                        down.insert(&host.id, logs_list::why_down(host));
                    }
                    HealthWord::Asking => {
                        down.insert(&host.id, logs_list::asks(&host.id));
                    }
                    _ => {}
                }
            }
        }
        for (host, why) in &down {
            print::message(&format!("pilothouse: {host}: {why}"));
        }
        !down.is_empty()
    }
}

fn is_over(state: &SourceState) -> bool {
    matches!(state, SourceState::Ended(_) | SourceState::Refused(..))
}
