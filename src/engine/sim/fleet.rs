//! Simulated hosts behind the engine's own seam: each does what a test last told it to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

use super::machine::{SimGpu, SimMachine};
use super::switch::{Happens, SimSwitch, SwitchExec};
use crate::domain::{
    Answer, At, GpuSourceChoice, HostAddress, HostId, HostSpec, Mib, PowerMethod, PowerSpec,
    Question, Rung, SshSpec,
};
use crate::engine::{Beat, Connect, ConnectError, Connected, Lost, Watch};
use crate::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, HostSocket, LineStream, Output, RunLimits,
};
use crate::shell::{RemotePath, ShellCommand};
use crate::ssh::{Ask, Step};
use crate::tasks::Tasks;

/// How long a simulated dial waits for a silent host.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a simulated host behaves.
#[derive(Debug, Clone, PartialEq)]
pub enum SimLink {
    /// It answers.
    Up,
    /// It answers after this long, dials and beats alike.
    Slow(Duration),
    /// TCP is refused, and open links break.
    Refused,
    /// It takes TCP and then says nothing, nor on open links.
    Wedged,
    /// Its host key has changed: open links break and no dial helps.
    Changed,
    /// A dial asks this first; any answer but [`Answer::Refuse`] lets it in.
    Asks(Question),
}

/// The login of a host's power switch has the host's name with this behind it.
const SWITCH: &str = ".power";

/// A fleet of simulated hosts.
#[derive(Debug)]
pub struct SimFleet {
    hosts: HashMap<HostId, Arc<SimHost>>,
    specs: Vec<Arc<HostSpec>>,
}

/// One simulated host.
#[derive(Debug, Clone)]
struct SimHost {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    link: SimLink,
    machine: SimMachine,
    exit: Exit,
    commands: Vec<String>,
    dials: u32,
    reboots: bool,
    switch: SimSwitch,
}

impl SimFleet {
    /// So many hosts, `sim-001` and on, all up: GB10s and machines with eight cards in turn.
    pub fn new(seed: u64, count: usize) -> Arc<Self> {
        let mut fleet = Self {
            hosts: HashMap::new(),
            specs: Vec::new(),
        };
        for (number, seed) in (1..=count).zip(seed..) {
            let Some(spec) = spec(&format!("sim-{number:03}")) else {
                continue;
            };
            let machine = if number % 2 == 1 {
                SimMachine::new(seed, SimGpu::Gb10, 1)
            } else {
                let total = Mib(144_384);
                SimMachine::new(seed, SimGpu::Card { total }, 8)
            };
            let state = State {
                link: SimLink::Up,
                machine,
                exit: Exit::Status(0),
                commands: Vec::new(),
                dials: 0,
                reboots: false,
                switch: SimSwitch::default(),
            };
            let host = SimHost {
                state: Arc::new(Mutex::new(state)),
            };
            fleet.hosts.insert(spec.id.clone(), Arc::new(host));
            fleet.specs.push(Arc::new(spec));
        }
        Arc::new(fleet)
    }

    /// The hosts, for a configuration.
    pub fn specs(&self) -> Vec<Arc<HostSpec>> {
        self.specs.clone()
    }

    /// The same, each with its power switch.
    pub fn specs_with_power(&self) -> Vec<Arc<HostSpec>> {
        let with_power = |spec: &Arc<HostSpec>| {
            let mut host = HostSpec::clone(spec);
            let mut login = HostSpec::clone(spec);
            login.id = HostId::new(format!("{}{SWITCH}", spec.id));
            host.power = Some(PowerSpec {
                method: Some(PowerMethod::ForcedCommand(Arc::new(login))),
                wake: None,
            });
            Arc::new(host)
        };
        self.specs.iter().map(with_power).collect()
    }

    /// The power switch of a host; one that nobody has where there is no such host.
    pub fn switch(&self, host: &str) -> SimSwitch {
        self.with(host, |state| state.switch.clone())
            .unwrap_or_default()
    }

    /// Whether a host restarts when it is asked to.
    pub fn reboots(&self, host: &str, does: bool) {
        self.with(host, |state| state.reboots = does);
    }

    /// Makes a host behave so from now on.
    pub fn set(&self, host: &str, link: SimLink) {
        self.with(host, |state| state.link = link);
    }

    /// Changes a machine.
    pub fn turn(&self, host: &str, by: impl FnOnce(&mut SimMachine)) {
        self.with(host, |state| by(&mut state.machine));
    }

    /// What every command ends with from now on.
    pub fn exits(&self, host: &str, exit: Exit) {
        self.with(host, |state| state.exit = exit);
    }

    /// The commands that were run on a host.
    pub fn commands(&self, host: &str) -> Vec<String> {
        self.with(host, |state| state.commands.clone())
            .unwrap_or_default()
    }

    /// How often a host was dialled.
    pub fn dials(&self, host: &str) -> u32 {
        self.with(host, |state| state.dials).unwrap_or_default()
    }

    fn with<T>(&self, host: &str, by: impl FnOnce(&mut State) -> T) -> Option<T> {
        let host = self.hosts.get(&HostId::new(host))?;
        Some(host.with(by))
    }
}

fn spec(name: &str) -> Option<HostSpec> {
    Some(HostSpec {
        id: HostId::new(name),
        address: HostAddress::Ssh(SshSpec::new(name.parse().ok()?)),
        tags: Vec::new(),
        gpu: GpuSourceChoice::Auto,
        power: None,
    })
}

impl State {
    fn power(&mut self, happens: Happens) {
        match happens {
            Happens::Nothing => {}
            Happens::Off => self.link = SimLink::Refused,
            Happens::On => {
                self.link = SimLink::Up;
                self.machine.uptime = 0;
            }
        }
    }
}

impl SimHost {
    fn with<T>(&self, by: impl FnOnce(&mut State) -> T) -> T {
        by(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Connect for SimFleet {
    async fn connect(&self, spec: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        let unknown = || fails(Rung::Resolve, "no such host", false);
        let host = Arc::clone(self.hosts.get(&spec.id).ok_or_else(unknown)?);
        let link = host.with(|state| {
            state.dials += 1;
            state.link.clone()
        });
        ask.step(Step::Resolved);
        match link {
            SimLink::Refused => return Err(fails(Rung::Tcp, "connection refused", false)),
            SimLink::Slow(wait) => sleep(wait).await,
            SimLink::Wedged => {
                ask.step(Step::Connected);
                sleep(PATIENCE).await;
                return Err(ConnectError {
                    silent: true,
                    ..fails(Rung::Banner, "no answer", false)
                });
            }
            SimLink::Changed => {
                ask.step(Step::Connected);
                return Err(fails(Rung::Banner, "the host key has changed", true));
            }
            SimLink::Asks(question) => {
                ask.step(Step::Connected);
                if ask.ask(question).await == Answer::Refuse {
                    return Err(fails(Rung::Login, "a person said no", true));
                }
            }
            SimLink::Up => {}
        }
        for step in [Step::Connected, Step::Greeted, Step::LoggedIn] {
            ask.step(step);
        }
        Ok(Connected {
            watch: Box::new(SimWatch(Arc::clone(&host))),
            exec: host,
            user: Some("ops".into()),
        })
    }

    async fn switch(
        &self,
        spec: &HostSpec,
        _: Arc<dyn Ask>,
    ) -> Result<Arc<dyn Exec>, ConnectError> {
        let unknown = || fails(Rung::Resolve, "no such switch", false);
        let name = spec.id.as_str().strip_suffix(SWITCH).ok_or_else(unknown)?;
        let host = self.hosts.get(&HostId::new(name)).ok_or_else(unknown)?;
        let switch = host.with(|state| state.switch.clone());
        if switch.hangs() {
            std::future::pending::<()>().await;
        }
        if !switch.answers() {
            return Err(fails(Rung::Tcp, "connection refused", false));
        }
        let host = Arc::clone(host);
        Ok(Arc::new(SwitchExec {
            switch,
            happens: Box::new(move |happens| host.with(|state| state.power(happens))),
        }))
    }
}

fn fails(rung: Rung, what: &str, is_final: bool) -> ConnectError {
    ConnectError {
        rung,
        silent: false,
        what: what.into(),
        hint: None,
        is_final,
    }
}

struct SimWatch(Arc<SimHost>);

#[async_trait]
impl Watch for SimWatch {
    async fn beat(&mut self, _: At) -> Result<Beat, Lost> {
        let mut round_trip = Duration::from_millis(2);
        match self.0.with(|state| state.link.clone()) {
            SimLink::Up | SimLink::Asks(_) => {}
            SimLink::Slow(wait) => {
                sleep(wait).await;
                round_trip = wait;
            }
            SimLink::Wedged => std::future::pending().await,
            SimLink::Refused | SimLink::Changed => {
                return Err(Lost {
                    silent: false,
                    what: "connection reset".into(),
                    hint: None,
                });
            }
        }
        Ok(Beat {
            sample: self.0.with(|state| state.machine.sample()),
            round_trip,
        })
    }
}

#[async_trait]
impl Exec for SimHost {
    async fn run(&self, command: &ShellCommand, _: RunLimits) -> Result<Output, ExecError> {
        let exit = self.with(|state| {
            let line = command.render();
            if state.reboots && line.contains("systemctl reboot") {
                state.machine.uptime = 0;
            }
            state.commands.push(line);
            state.exit.clone()
        });
        Ok(Output {
            exit,
            stdout: Bytes::new(),
            stderr: Bytes::new(),
            dropped: 0,
        })
    }

    async fn stream(&self, _: &ShellCommand) -> Result<LineStream, ExecError> {
        Err(nothing("no streams on a simulated host"))
    }

    /// Reads all of its input, and says how many lines it took.
    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let (host, line) = (self.clone(), command.render());
        Tasks::new().spawn(async move {
            let mut input = String::new();
            if far.read_to_string(&mut input).await.is_err() {
                return;
            }
            let answer = format!("taken {}\n", input.lines().count());
            host.with(|state| state.commands.push(format!("{line} < {input}")));
            drop(far.write_all(answer.as_bytes()).await);
        });
        Ok(Box::pin(near))
    }

    async fn upload(&self, _: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        Err(nothing("no files on a simulated host"))
    }

    async fn connect(&self, _: &HostSocket) -> Result<BoxedIo, ExecError> {
        Err(nothing("no sockets on a simulated host"))
    }
}

fn nothing(what: &str) -> ExecError {
    ExecError::new(ExecErrorKind::NotFound, what)
}
