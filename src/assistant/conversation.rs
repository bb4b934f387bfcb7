//! A conversation with its hands: the program, its files and its clock around the pure session. Whoever holds it wishes, and
//! hears what happens; numbers, storing and showing are the engine's.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::event::{EventKind, TroubleKind};
use super::launch::{self, McpServer, Rooms};
use super::login;
use super::own_tools;
use super::process::{FromProgram, Launch, Program};
use super::session::{Act, Exited, Form, Input, Output, Rules, Session, Wish};
use super::session_words::LONGEST_QUESTION;
use super::transcript::Phase;
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::config::{AssistantSettings, Environment};
use crate::domain::Age;
use crate::exec::LocalExec;
use crate::tasks::Tasks;

/// Wishes that may wait, and happenings that may wait.
const ROOM: usize = 256;
/// Signs of life closer together than this are not told one by one.
const PULSE: Age = Age(1000);

/// What a conversation is begun with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Program, model, limits, login.
    pub settings: AssistantSettings,
    /// Our own environment: a few variables are passed on, and the login may be in it.
    pub environment: Environment,
    /// The child that offers our tools.
    pub mcp: McpServer,
    /// The names of our tools, as that child offers them or as the program shows them: [`super::TOOLS`].
    pub tools: Vec<String>,
    /// The conversation's own directory; the program keeps there what it needs to go on later.
    pub dir: PathBuf,
    /// What the assistant is told before anything else: [`super::system_prompt`].
    pub prompt: String,
    /// The program's own name of the conversation, from [`EventKind::Began`], to go on with an old one.
    pub resume: Option<String>,
}

/// What a conversation tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Something happened.
    Event(EventKind),
    /// What the assistant does now.
    Phase(Phase),
}

/// Why a wish was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WishRefused {
    /// The conversation is over.
    #[error("the conversation is over")]
    Over,
    /// It is far behind; nothing was taken.
    #[error("too much waits for the assistant already")]
    Full,
    /// More bytes than the program takes.
    #[error("the question is longer than {LONGEST_QUESTION} bytes")]
    TooLong,
    /// Nothing is in it.
    #[error("the question is empty")]
    Empty,
}

/// A conversation. When it falls, its program is ended.
#[derive(Debug, Clone)]
pub struct Conversation {
    wishes: mpsc::Sender<Wish>,
}

impl Conversation {
    /// Begins one; no program runs before its first question. The receiver ends when the conversation is over: after
    /// [`Wish::Close`], or with `tasks`.
    pub fn start(mut setup: Setup, tasks: &Tasks, clock: &Clock) -> (Self, mpsc::Receiver<Heard>) {
        let (wishes, wished) = mpsc::channel(ROOM);
        let (teller, heard) = mpsc::channel(ROOM);
        for tool in &mut setup.tools {
            if let Some(name) = own_tools::short(tool) {
                *tool = name.to_owned();
            }
        }
        let form = match &setup.resume {
            Some(name) => Form::Resume(name.clone()),
            None => Form::Create(uuid()),
        };
        let rules = Rules {
            tools: setup.tools.iter().cloned().collect(),
            limit: setup.settings.limit,
            budget: setup.settings.budget,
            turns: setup.settings.turns,
        };
        let hands = Hands {
            local: LocalExec::new(tasks.clone()),
            setup,
            tasks: tasks.clone(),
            clock: clock.clone(),
            session: Session::new(rules, form),
            program: None,
            starting: None,
            unwritten: Vec::new(),
            teller,
            told: Phase::Asleep,
        };
        tasks.spawn(hands.run(wished));
        (Self { wishes }, heard)
    }

    /// Wishes something.
    pub fn wish(&self, wish: Wish) -> Result<(), WishRefused> {
        if let Wish::Say(text) = &wish {
            if text.trim().is_empty() {
                return Err(WishRefused::Empty);
            }
            if text.len() > LONGEST_QUESTION {
                return Err(WishRefused::TooLong);
            }
        }
        self.wishes.try_send(wish).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WishRefused::Full,
            mpsc::error::TrySendError::Closed(_) => WishRefused::Over,
        })
    }
}

/// A version 4 UUID.
fn uuid() -> String {
    let all = fastrand::u128(..);
    let all = all & !(0xf000_u128 << 64) | (0x4000_u128 << 64);
    let all = all & !(0xc000_u128 << 48) | (0x8000_u128 << 48);
    let hex = format!("{all:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

/// Whether the loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    Over,
}

struct Hands {
    setup: Setup,
    tasks: Tasks,
    clock: Clock,
    local: LocalExec,
    session: Session,
    program: Option<Program>,
    /// Being started: a login that a command gives takes a moment, in which a person may stop it.
    starting: Option<BoxFuture<'static, Result<Program, Trouble>>>,
    /// What the program that is being started is told first.
    unwritten: Vec<String>,
    teller: mpsc::Sender<Heard>,
    told: Phase,
}

impl Drop for Hands {
    /// The word that opens the way to our tools is of no use any more, and does not stay on the disk.
    fn drop(&mut self) {
        launch::forget(&self.setup.dir);
    }
}

impl Hands {
    async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        let mut open = true;
        loop {
            let wait = self.session.due().map(|due| due.since(self.clock.at()));
            let input = tokio::select! {
                biased;
                wish = wishes.recv(), if open => wish.map_or_else(
                    || { open = false; Input::Wish(Wish::Close) },
                    Input::Wish,
                ),
                () = pause(wait) => Input::Time,
                from = next(&mut self.program) => self.input_of(from),
                started = start_of(&mut self.starting) => match self.has_started(started) {
                    Some(input) => input,
                    None => continue,
                },
                () = self.teller.closed() => return,
            };
            let stops = matches!(input, Input::Wish(Wish::Interrupt | Wish::Close));
            let mut out = Vec::new();
            self.session.step(self.clock.at(), input, &mut out);
            if stops && let Some(given_up) = self.give_up_starting() {
                self.session.step(self.clock.at(), given_up, &mut out);
            }
            if self.perform(out).await == Goes::Over {
                return;
            }
        }
    }

    /// The program runs, or could not be started.
    fn has_started(&mut self, started: Result<Program, Trouble>) -> Option<Input> {
        self.starting = None;
        let unwritten = std::mem::take(&mut self.unwritten);
        match started {
            Ok(program) => {
                let all = unwritten.into_iter().all(|line| program.write(line));
                self.program = Some(program);
                (!all).then_some(Input::Unwritten)
            }
            Err(trouble) => Some(Input::NotStarted(trouble)),
        }
    }

    /// Where it is being started it is not any more: nothing of it runs yet but the command that gives the login.
    fn give_up_starting(&mut self) -> Option<Input> {
        drop(self.starting.take()?);
        self.unwritten.clear();
        Some(Input::Exited(Exited {
            how: "it was not started".into(),
            stderr: String::new(),
        }))
    }

    fn input_of(&mut self, from: FromProgram) -> Input {
        match from {
            FromProgram::Line(event) => Input::Line(event),
            FromProgram::Exited { how, stderr } => {
                self.program = None;
                Input::Exited(Exited { how, stderr })
            }
        }
    }

    async fn perform(&mut self, out: Vec<Output>) -> Goes {
        let mut out = std::collections::VecDeque::from(out);
        while let Some(one) = out.pop_front() {
            let goes = match one {
                Output::Event(event) => self.tell(Heard::Event(event)).await,
                Output::Act(Act::Over) => Goes::Over,
                Output::Act(act) => {
                    if let Some(input) = self.act(act) {
                        let mut more = Vec::new();
                        self.session.step(self.clock.at(), input, &mut more);
                        out.extend(more);
                    }
                    Goes::On
                }
            };
            if goes == Goes::Over {
                return Goes::Over;
            }
        }
        self.tell_phase().await
    }

    async fn tell(&mut self, heard: Heard) -> Goes {
        match self.teller.send(heard).await {
            Ok(()) => Goes::On,
            Err(_) => Goes::Over,
        }
    }

    async fn tell_phase(&mut self) -> Goes {
        let phase = self.session.phase();
        if same(&self.told, &phase) {
            return Goes::On;
        }
        self.told = phase.clone();
        self.tell(Heard::Phase(phase)).await
    }

    /// Does it, or begins to; gives what came of it at once.
    fn act(&mut self, act: Act) -> Option<Input> {
        match (act, self.starting.is_some()) {
            (Act::Start(form), _) => {
                let start = start(
                    self.setup.clone(),
                    self.local.clone(),
                    self.tasks.clone(),
                    form,
                );
                self.starting = Some(Box::pin(start));
                None
            }
            (Act::Write(line), true) => {
                self.unwritten.push(line);
                None
            }
            (Act::EndInput | Act::Int | Act::Term | Act::Kill, true) => self.give_up_starting(),
            (act, _) => self.act_on_program(act),
        }
    }

    fn act_on_program(&mut self, act: Act) -> Option<Input> {
        let program = self.program.as_mut()?;
        match act {
            Act::Write(line) => return (!program.write(line)).then_some(Input::Unwritten),
            Act::EndInput => program.end_input(),
            Act::Int => program.interrupt(),
            Act::Term => program.terminate(),
            Act::Kill => program.kill(),
            Act::Start(_) | Act::Over => {}
        }
        None
    }
}

async fn start(
    setup: Setup,
    local: LocalExec,
    tasks: Tasks,
    form: Form,
) -> Result<Program, Trouble> {
    let program = login::program(&setup.settings, &setup.environment)?;
    let credentials = login::credentials(&setup.settings.login, &setup.environment, &local).await?;
    let rooms = Rooms::furnish(&setup.dir, &setup.mcp, &setup.prompt).map_err(|e| {
        Trouble::new(
            TroubleKind::Unusable,
            format!("{} can't be prepared: {e}", setup.dir.display()),
            "it is where the conversation's program keeps its files",
        )
    })?;
    let launch = Launch {
        arguments: launch::arguments(&setup.settings, &rooms, &setup.tools, &form),
        environment: launch::environment(&setup.settings, &setup.environment, &rooms, &credentials),
        folder: rooms.work,
        program,
    };
    Program::start(&launch, &tasks).map_err(|e| {
        Trouble::new(
            TroubleKind::Unusable,
            format!("{} could not be started: {e}", launch.program.display()),
            "`pilothouse doctor` tells which program is used",
        )
    })
}

async fn start_of(
    starting: &mut Option<BoxFuture<'static, Result<Program, Trouble>>>,
) -> Result<Program, Trouble> {
    match starting {
        Some(starting) => starting.await,
        None => std::future::pending().await,
    }
}

/// Whether a phase is the one told already: a sign of life alone is told once a second.
fn same(told: &Phase, now: &Phase) -> bool {
    match (told, now) {
        (
            Phase::Working { since, heard },
            Phase::Working {
                since: since_now,
                heard: heard_now,
            },
        ) => since == since_now && heard_now.since(*heard) < PULSE,
        _ => told == now,
    }
}

async fn pause(wait: Option<Age>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait.duration().max(Duration::from_millis(1))).await,
        None => std::future::pending().await,
    }
}

async fn next(program: &mut Option<Program>) -> FromProgram {
    match program {
        Some(program) => program.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::Ending;
    use crate::config::{Login, LoginKind};

    /// A conversation whose login takes until the test is over.
    fn slow_login(folder: &std::path::Path) -> Setup {
        let argv = ["sleep", "60"].map(str::to_owned).to_vec();
        Setup {
            settings: AssistantSettings {
                program: PathBuf::from("/bin/sh"),
                login: Login::Command(LoginKind::ApiKey, argv),
                ..AssistantSettings::default()
            },
            environment: std::iter::empty::<(&str, &str)>().collect(),
            mcp: McpServer {
                program: PathBuf::from("/bin/false"),
                args: Vec::new(),
                env: Vec::new(),
            },
            tools: Vec::new(),
            dir: folder.join("conversation"),
            prompt: String::new(),
            resume: None,
        }
    }

    async fn next(heard: &mut mpsc::Receiver<Heard>) -> Option<Heard> {
        // The command itself is given ten seconds.
        let next = tokio::time::timeout(Duration::from_secs(5), heard.recv());
        next.await.expect("it does not hear while it starts")
    }

    #[tokio::test]
    async fn stop_and_close_are_heard_while_the_login_is_fetched() {
        let (tasks, folder) = (Tasks::new(), tempfile::tempdir().unwrap());
        let setup = slow_login(folder.path());
        let (talk, mut heard) = Conversation::start(setup, &tasks, &Clock::system());
        talk.wish(Wish::Say("first".to_owned())).unwrap();
        let starts = |heard: &Heard| matches!(heard, Heard::Phase(Phase::Starting(_)));
        while !starts(&next(&mut heard).await.unwrap()) {}
        talk.wish(Wish::Interrupt).unwrap();
        let ending = loop {
            if let Heard::Event(EventKind::TurnEnded { ending, .. }) =
                next(&mut heard).await.unwrap()
            {
                break ending;
            }
        };
        assert_eq!(ending, Ending::Interrupted);
        talk.wish(Wish::Say("second".to_owned())).unwrap();
        while !starts(&next(&mut heard).await.unwrap()) {}
        talk.wish(Wish::Close).unwrap();
        while next(&mut heard).await.is_some() {}
        assert!(tasks.shutdown(Duration::from_secs(5)).await);
    }

    #[test]
    fn one_that_is_far_behind_is_told_from_one_that_is_over() {
        let (wishes, wished) = mpsc::channel(1);
        let talk = Conversation { wishes };
        talk.wish(Wish::Unqueue).unwrap();
        assert_eq!(talk.wish(Wish::Unqueue), Err(WishRefused::Full));
        drop(wished);
        assert_eq!(talk.wish(Wish::Unqueue), Err(WishRefused::Over));
    }
}
