//! A simulated power switch: it speaks as `pilothouse-power` does, takes each verb or loses its answer, and keeps what it took.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::PowerVerb;
use crate::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, HostSocket, LineStream, Output, RunLimits,
};
use crate::shell::{RemotePath, ShellCommand};

/// Looks after which an operation is done.
const LOOKS: u32 = 2;

/// How a simulated switch behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimPower {
    /// It takes verbs and carries them out.
    Works,
    /// It can't be dialled.
    Away,
    /// A dial of it never ends.
    Hangs,
    /// It carries verbs out, and the connection ends before its answer.
    LosesAnswers,
    /// The connection ends before the verb is read.
    LosesVerbs,
    /// It carries one verb out, loses the answer, and is away from then on.
    Dies,
    /// It takes verbs, and they fail there.
    Fails,
}

/// A simulated switch; cheap to clone.
#[derive(Debug, Clone)]
pub struct SimSwitch(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    mood: SimPower,
    on: bool,
    taken: Vec<PowerVerb>,
    operation: Option<Operation>,
}

#[derive(Debug)]
struct Operation {
    number: usize,
    verb: PowerVerb,
    looks: u32,
}

/// What happens to the machine behind the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happens {
    /// Nothing.
    Nothing,
    /// It has no power now.
    Off,
    /// It has just been started.
    On,
}

impl Default for SimSwitch {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            mood: SimPower::Works,
            on: true,
            taken: Vec::new(),
            operation: None,
        })))
    }
}

impl SimSwitch {
    /// Makes it behave so from now on.
    pub fn set(&self, mood: SimPower) {
        self.lock().mood = mood;
    }

    /// Every verb that it read, looks included.
    pub fn taken(&self) -> Vec<PowerVerb> {
        self.lock().taken.clone()
    }

    /// Whether a dial of it never ends.
    pub(super) fn hangs(&self) -> bool {
        self.lock().mood == SimPower::Hangs
    }

    /// Whether a dial reaches it.
    pub(super) fn answers(&self) -> bool {
        self.lock().mood != SimPower::Away
    }

    /// Reads a verb. Gives its answer (`None`: it is lost) and what happens to the machine.
    pub(super) fn read(&self, word: &str) -> (Option<String>, Happens) {
        let mut state = self.lock();
        let Ok(verb) = word.parse::<PowerVerb>() else {
            return (
                Some(answer(&state, "refused no such verb\n", 2)),
                Happens::Nothing,
            );
        };
        if state.mood == SimPower::LosesVerbs && verb.changes() {
            return (None, Happens::Nothing);
        }
        state.taken.push(verb);
        if !verb.changes() {
            let happens = state.look();
            let more = match verb {
                PowerVerb::Forensics => "line uptime 3 days\nline no process hangs\n",
                _ => "",
            };
            return (Some(answer(&state, more, 0)), happens);
        }
        if state.at_work().is_some() {
            let number = state.operation.as_ref().map_or(0, |o| o.number);
            let busy = format!("busy op-{number}\n");
            return (Some(answer(&state, &busy, 3)), Happens::Nothing);
        }
        state.begin(verb)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn at_work(&self) -> Option<&Operation> {
        self.operation.as_ref().filter(|o| o.looks < LOOKS)
    }

    fn begin(&mut self, verb: PowerVerb) -> (Option<String>, Happens) {
        let number = self.operation.as_ref().map_or(1, |o| o.number + 1);
        self.operation = Some(Operation {
            number,
            verb,
            looks: 0,
        });
        let mood = self.mood;
        if mood == SimPower::Dies {
            self.mood = SimPower::Away;
        }
        let happens = if mood == SimPower::Fails || verb == PowerVerb::Start {
            Happens::Nothing
        } else {
            self.on = false;
            Happens::Off
        };
        let lost = matches!(mood, SimPower::LosesAnswers | SimPower::Dies);
        let text = answer(self, &format!("begun op-{number}\n"), 0);
        ((!lost).then_some(text), happens)
    }

    /// Operations go on while somebody looks.
    fn look(&mut self) -> Happens {
        let failing = self.mood == SimPower::Fails;
        let Some(operation) = self.operation.as_mut().filter(|o| o.looks < LOOKS) else {
            return Happens::Nothing;
        };
        operation.looks += 1;
        if operation.looks < LOOKS || failing || operation.verb == PowerVerb::Stop {
            return Happens::Nothing;
        }
        self.on = true;
        Happens::On
    }
}

fn answer(state: &State, more: &str, end: u32) -> String {
    let power = if state.on { "running" } else { "stopped" };
    let operation = state.operation.as_ref().map_or_else(String::new, |o| {
        let how = match (o.looks < LOOKS, state.mood) {
            (true, _) => "running at work",
            (false, SimPower::Fails) => "failed qm said no",
            (false, _) => "done",
        };
        format!("operation op-{} {} 0 {how}\n", o.number, o.verb)
    });
    format!("pilothouse-power 1\ntarget sim\nstate {power}\n{operation}{more}end {end}\n")
}

/// One connection to a switch, and what it does to the machine behind it.
pub(super) struct SwitchExec {
    pub(super) switch: SimSwitch,
    pub(super) happens: Box<dyn Fn(Happens) + Send + Sync>,
}

#[async_trait]
impl Exec for SwitchExec {
    async fn run(&self, command: &ShellCommand, _: RunLimits) -> Result<Output, ExecError> {
        let (answer, happens) = self.switch.read(&command.render());
        (self.happens)(happens);
        let Some(answer) = answer else {
            return Err(ExecError::new(
                ExecErrorKind::Lost,
                "the connection was reset",
            ));
        };
        Ok(Output {
            exit: Exit::Status(0),
            stdout: Bytes::from(answer),
            stderr: Bytes::new(),
            dropped: 0,
        })
    }

    async fn stream(&self, _: &ShellCommand) -> Result<LineStream, ExecError> {
        Err(nothing())
    }

    async fn upload(&self, _: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        Err(nothing())
    }

    async fn connect(&self, _: &HostSocket) -> Result<BoxedIo, ExecError> {
        Err(nothing())
    }
}

fn nothing() -> ExecError {
    ExecError::new(ExecErrorKind::Refused, "a power switch takes six words")
}
