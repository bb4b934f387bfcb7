//! `ask`: one question to the assistant, its answer streamed as lines; what it calls and what it costs beside it. What it
//! proposes is decided on by typing, or refused where nobody can type.

use std::pin::pin;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio::sync::watch;

use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::interrupts::Interrupts;
use super::talk_print::Printer;
use super::{print, runtime, talk_print, typed};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{HostId, ProposalId, SessionId};
use crate::engine::{
    Actor, AssistantCommand, CallState, Command, Decided, Decision, Ending, Engine, Entry, Fleet,
    Handle, PendingProposal, Reply, Setup, StepResult, Transcript, Ways,
};
use crate::store::Store;
use crate::tasks::Tasks;

/// What comes of it, and how it ends.
const ENDS: &str = "\
Claude sees the fleet, reads logs and readings, and asks hosts the questions of
a fixed catalogue. What it would change it proposes, and waits ten minutes: at a
terminal it is done once you type the host's name, which arms and confirms this
one act; without a terminal it is refused. --yes approves nothing here.

The answer goes to standard output; calls, proposals and what it cost go to
standard error. Ctrl-C stops Claude, a second one leaves at once.

Exit codes: 0 answered, 1 no answer, 2 wrong usage, 3 refused (a proposal that
nobody at a terminal could approve among it), 130 stopped.";

/// What is asked.
#[derive(Debug, Args)]
#[command(after_help = ENDS)]
pub(super) struct AskArgs {
    /// The question
    #[arg(value_name = "QUESTION", required = true)]
    question: Vec<String>,
    /// The host that it is about
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Go on with this conversation; `pilothouse ask` prints its number at the end
    #[arg(long, value_name = "ID")]
    session: Option<u64>,
}

/// Asks, and prints what comes.
pub(super) fn run(args: &AskArgs, here: &Here) -> Result<Exit, CliError> {
    let config = here.load(Vec::new())?.config;
    let question = question(args, &config)?;
    runtime::block_on(async {
        let tasks = Tasks::new();
        let outcome = ask(args, (question, config), here, &tasks).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

fn question(args: &AskArgs, config: &Config) -> Result<String, CliError> {
    let words = args.question.join(" ");
    let Some(host) = &args.host else {
        return Ok(words);
    };
    if config.hosts.iter().any(|spec| spec.id.as_str() == host) {
        return Ok(format!("About host {host}: {words}"));
    }
    Err(CliError::Usage {
        what: format!("`{host}` is no host of the configuration"),
        hint: "name it as the configuration does; `pilothouse once` lists the hosts".into(),
    })
}

async fn ask(
    args: &AskArgs,
    (question, config): (String, Config),
    here: &Here,
    tasks: &Tasks,
) -> Result<Exit, CliError> {
    for problem in &config.problems {
        print::message(&print::problem(problem));
    }
    let engine = start(config, here, tasks)?;
    let asking = Asking {
        handle: engine.handle(),
        json: here.common.json,
        interrupts: Interrupts::listen(),
        stops: 0,
        refused: false,
    };
    let outcome = asking.run(args.session.map(SessionId), question).await;
    engine.shutdown(runtime::FAREWELL).await;
    outcome
}

/// An engine on these hosts, with the conversations of this machine.
fn start(config: Config, here: &Here, tasks: &Tasks) -> Result<Engine, CliError> {
    let clock = Clock::system();
    let period = config.settings.period;
    Ok(Engine::start(Setup {
        config,
        connect: Arc::new(Ways::new(tasks, &clock, here.person()?, period)),
        clock,
        tasks: tasks.clone(),
        acting: here.acting()?,
        store: here.paths.store().as_deref().map(Store::new),
        record: None,
        assisting: here.assisting(),
    }))
}

/// A question on its way.
struct Asking {
    handle: Handle,
    json: bool,
    interrupts: Interrupts,
    /// How often the person asked to stop.
    stops: u32,
    /// Something was proposed that nobody could decide on.
    refused: bool,
}

impl Asking {
    async fn run(mut self, old: Option<SessionId>, text: String) -> Result<Exit, CliError> {
        let open = old.map_or(AssistantCommand::Open, AssistantCommand::Resume);
        let session = match self.command(open).await {
            Reply::Session(session) => session,
            reply => return Ok(told(&reply)),
        };
        let Some(mut pictures) = self.handle.transcript(session) else {
            return Ok(Exit::Failed);
        };
        let before = pictures.borrow_and_update().number;
        let said = self.command(AssistantCommand::Say { session, text }).await;
        if said != Reply::Done {
            return Ok(told(&said));
        }
        let mut printer = Printer::new(before, self.json);
        let ended = self.follow(session, &mut pictures, &mut printer).await?;
        let shown = Arc::clone(&pictures.borrow());
        if self.json {
            print::json(&summary(&shown, before))?;
        } else {
            talk_print::end(&shown);
        }
        Ok(match ended {
            Exit::Done if self.refused => Exit::Refused,
            ended => ended,
        })
    }

    /// Prints what comes until the turn has ended.
    async fn follow(
        &mut self,
        session: SessionId,
        pictures: &mut watch::Receiver<Arc<Transcript>>,
        printer: &mut Printer,
    ) -> Result<Exit, CliError> {
        loop {
            let shown = Arc::clone(&pictures.borrow_and_update());
            printer.show(&shown)?;
            if let Some(ending) = ending(&shown, printer.before()) {
                return Ok(exit(&ending));
            }
            if let Some(proposal) = self.next_proposal(session) {
                if self.decide(&proposal).await? {
                    return Ok(Exit::Ended(130));
                }
                continue;
            }
            let mut fleet = self.handle.fleet();
            tokio::select! {
                changed = pictures.changed() => if changed.is_err() {
                    return Ok(Exit::Failed);
                },
                // A proposal comes by the fleet.
                waits = fleet.wait_for(|fleet| fleet.proposals.iter().any(|p| p.session == session)) => {
                    drop(waits);
                }
                () = self.interrupts.next() => {
                    if self.interrupt(session).await {
                        return Ok(Exit::Ended(130));
                    }
                }
            }
        }
    }

    /// The first time it is asked to stop, the second time it is left; whether it is left.
    async fn interrupt(&mut self, session: SessionId) -> bool {
        self.stops += 1;
        if self.stops > 1 {
            return true;
        }
        print::message("pilothouse: stopping; once more to leave at once");
        self.command(AssistantCommand::Interrupt(session)).await;
        false
    }

    fn next_proposal(&self, session: SessionId) -> Option<PendingProposal> {
        let fleet = self.handle.fleet();
        let fleet = fleet.borrow();
        let mut of = fleet.proposals.iter().filter(|p| p.session == session);
        of.next().cloned()
    }

    /// Lets the person at the terminal decide; where there is none it is a No, with the words that would do it. Whether they
    /// leave instead.
    async fn decide(&mut self, pending: &PendingProposal) -> Result<bool, CliError> {
        let proposal = &pending.proposal;
        if self.stops > 0 {
            // It was on its way when the person asked to stop: nobody is asked for it.
            self.put(pending, Decision::Refuse(None)).await;
            left(&self.handle, proposal.id).await;
            return Ok(false);
        }
        print::message(&format!(
            "\nproposed: {}\n  {}\n  because {}",
            proposal.what, proposal.command, proposal.why
        ));
        for evidence in &proposal.evidence {
            print::message(&format!("  from {}: {}", evidence.source, evidence.what));
        }
        let decision = if typed::is_possible() {
            // What was typed before was no answer to this.
            typed::forget()?;
            print::message(&format!(
                "type {} to approve it; anything else refuses",
                proposal.word
            ));
            match self.typed(proposal.id).await? {
                Typed::Line(typed) if typed == proposal.word.as_str() => Decision::Approve(typed),
                Typed::Line(typed) => {
                    Decision::Refuse(Some(typed).filter(|typed| !typed.is_empty()))
                }
                Typed::TooLate => return Ok(false),
                Typed::Stop => {
                    let leaves = self.interrupt(pending.session).await;
                    self.put(pending, Decision::Refuse(None)).await;
                    print::message("refused: it is not done");
                    return Ok(leaves);
                }
            }
        } else {
            self.refused = true;
            print::message(&format!(
                "refused: nobody is at a terminal to approve it; {}",
                equal(&pending.command)
            ));
            Decision::Refuse(Some("nobody is at a terminal to approve it".into()))
        };
        let reply = self.put(pending, decision).await;
        if !matches!(reply, Reply::Done | Reply::Ran { .. }) {
            told(&reply);
            // Whatever the answer was: it does not wait here any more.
            let refuse = Decision::Refuse(Some("it was not carried out".into()));
            self.put(pending, refuse).await;
        }
        left(&self.handle, proposal.id).await;
        Ok(false)
    }

    /// What the person types. Only one reads standard input at a time: what is typed too late is not the next one's answer.
    async fn typed(&self, proposal: ProposalId) -> Result<Typed, CliError> {
        let mut reading = pin!(typed::line());
        let left = left(&self.handle, proposal);
        tokio::select! {
            typed = &mut reading => return typed.map(Typed::Line),
            () = self.interrupts.next() => return Ok(Typed::Stop),
            () = left => {}
        }
        print::message(
            "it does not wait any more: its time ran out, or it was taken back; press Enter",
        );
        tokio::select! {
            typed = reading => typed.map(|_| Typed::TooLate),
            () = self.interrupts.next() => Ok(Typed::Stop),
        }
    }

    async fn put(&self, pending: &PendingProposal, decision: Decision) -> Reply {
        let proposal = pending.proposal.id;
        let decide = Command::Decide { proposal, decision };
        self.handle.ask(Actor::CommandLine, decide).await
    }

    async fn command(&self, command: AssistantCommand) -> Reply {
        let command = Command::Assistant(command);
        self.handle.ask(Actor::CommandLine, command).await
    }
}

/// Waits until a proposal is seen to have gone, so that nobody is asked twice.
async fn left(handle: &Handle, proposal: ProposalId) {
    let mut fleet = handle.fleet();
    let waits = |fleet: &Arc<Fleet>| fleet.proposals.iter().any(|p| p.proposal.id == proposal);
    // An error means that the engine has ended.
    drop(fleet.wait_for(|fleet| !waits(fleet)).await);
}

/// What a person did at a proposal.
enum Typed {
    Line(String),
    /// It did not wait any more when they answered.
    TooLate,
    /// They asked to stop.
    Stop,
}

/// The command line that would do the same.
fn equal(command: &Command) -> String {
    match command {
        Command::Power { host, verb } => {
            format!("the same is `pilothouse power {host} {verb} --yes {host}`")
        }
        Command::Container { host, .. } => format!(
            "`pilothouse containers --help` tells how it is done by hand, with `--yes` and the name; host {host}"
        ),
        Command::Run { host, .. } => {
            format!("run it yourself on {host}, or ask again at a terminal")
        }
        _ => "ask again at a terminal".to_owned(),
    }
}

/// How the turn ended that began after this number.
fn ending(shown: &Transcript, before: u64) -> Option<Ending> {
    shown
        .entries
        .iter()
        .rev()
        .find_map(|entry| match entry.as_ref() {
            Entry::Turn(turn) if turn.id.0 > before => Some(turn.ending.clone()),
            _ => None,
        })
}

fn exit(ending: &Ending) -> Exit {
    match ending {
        Ending::Done => Exit::Done,
        Ending::Interrupted => Exit::Ended(130),
        Ending::Failed(_) | Ending::Died(_) | Ending::TimedOut => Exit::Failed,
    }
}

/// Prints why something was not done.
pub(super) fn told(reply: &Reply) -> Exit {
    let (exit, refusal) = match reply {
        Reply::Refused(refusal) => (Exit::Refused, refusal),
        Reply::Failed(refusal) => (Exit::Failed, refusal),
        Reply::Unknown(refusal) => (Exit::Unknown, refusal),
        _ => return Exit::Failed,
    };
    print::message(&format!("pilothouse: {}", refusal.why));
    if let Some(hint) = &refusal.hint {
        print::message(&format!("  {hint}"));
    }
    exit
}

/// The turn as one object.
#[derive(Debug, Serialize)]
struct Summary {
    session: SessionId,
    model: Option<String>,
    answer: String,
    calls: Vec<CallShot>,
    decisions: Vec<DecisionShot>,
    trouble: Option<String>,
    ending: Option<Ending>,
    cost_usd: f64,
    input_tokens: u64,
    output_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CallShot {
    tool: String,
    host: Option<HostId>,
    what: String,
    result: Option<StepResult>,
}

#[derive(Debug, Serialize)]
struct DecisionShot {
    proposed: String,
    command: String,
    decided: Decided,
}

fn summary(shown: &Transcript, before: u64) -> Summary {
    let mut all = Summary {
        session: shown.session,
        model: shown.model.as_ref().map(ToString::to_string),
        answer: String::new(),
        calls: Vec::new(),
        decisions: Vec::new(),
        trouble: None,
        ending: ending(shown, before),
        cost_usd: shown.usage.cost,
        input_tokens: shown.usage.input,
        output_tokens: shown.usage.output,
    };
    for entry in shown.entries.iter().filter(|entry| entry.id().0 > before) {
        match entry.as_ref() {
            Entry::Said { lines, .. } => {
                for line in lines {
                    all.answer.push_str(line.as_str());
                    all.answer.push('\n');
                }
            }
            Entry::Call(call) => all.calls.push(CallShot {
                tool: call.tool.to_string(),
                host: call.host.clone(),
                what: call.exact.as_ref().unwrap_or(&call.what).to_string(),
                result: match &call.state {
                    CallState::Ended(result) => Some(result.clone()),
                    CallState::Running(_) => None,
                },
            }),
            Entry::Decided {
                proposal, decided, ..
            } => all.decisions.push(DecisionShot {
                proposed: proposal.what.to_string(),
                command: proposal.command.to_string(),
                decided: decided.clone(),
            }),
            Entry::Trouble { sentence, .. } => all.trouble = Some(sentence.to_string()),
            _ => {}
        }
    }
    all
}
