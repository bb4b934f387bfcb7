//! The way to a host's power switch: its own login, dialled anew for each verb, a fixed command, or a magic packet.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::stakes::no_switch;
use super::voice::{SwitchVoice, tell};
use crate::domain::{HostId, HostSpec, PowerMethod, PowerSpec, PowerVerb, WakeOnLan};
use crate::engine::command::{Refusal, Reply};
use crate::engine::connect::ConnectError;
use crate::engine::host_actor::Shared;
use crate::engine::msg::PowerMsg;
use crate::exec::{Exec, ExecError, ExecErrorKind, LocalExec};
use crate::power::{
    self, Carried, CarryLimits, Dial, MachineState, OperationState, PowerError, PowerReport,
    carry_fixed, look_fixed,
};
use crate::text::SafeText;

/// How a sentence begins that says that a switch can't be reached.
pub const NO_SWITCH: &str = "the power switch can't be reached";

/// How long a fixed command may take.
const FIXED: Duration = Duration::from_secs(30);

/// How long a connection to a switch may take. The way bounds itself; this leaves a person time for its question.
const DIAL: Duration = Duration::from_secs(90);

/// The switch of one host.
pub(super) struct Switch {
    host: HostId,
    spec: PowerSpec,
    shared: Arc<Shared>,
}

impl Switch {
    /// The switch that is configured for a host.
    pub(super) fn of(host: &HostId, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let fleet = shared.handle.fleet();
        let fleet = fleet.borrow();
        let known = fleet.host(host).ok_or_else(|| Refusal {
            why: format!("no host is named {host}"),
            hint: None,
        })?;
        let spec = known.spec.power.clone().ok_or_else(|| no_switch(host))?;
        Ok(Self {
            host: host.clone(),
            spec,
            shared: Arc::clone(shared),
        })
    }

    /// Whether it can be asked this.
    pub(super) fn knows(&self, verb: PowerVerb) -> bool {
        match &self.spec.method {
            Some(PowerMethod::ForcedCommand(_)) => true,
            Some(PowerMethod::Command { verbs, .. }) => verbs.contains_key(&verb),
            None => false,
        }
    }

    /// Sends a verb that only looks.
    pub(super) async fn look(&self, verb: PowerVerb) -> Result<PowerReport, Refusal> {
        let seen = match &self.spec.method {
            Some(PowerMethod::ForcedCommand(login)) => {
                power::look(&self.dial(login), verb, &limits()).await
            }
            Some(PowerMethod::Command { on, verbs }) => {
                let Some(argv) = verbs.get(&verb) else {
                    return Err(self.ignorant(verb));
                };
                let exec = self.place(on.as_ref()).await.map_err(|error| Refusal {
                    why: error.to_string(),
                    hint: error.hint,
                })?;
                look_fixed(exec.as_ref(), argv, FIXED).await
            }
            None => return Err(self.ignorant(verb)),
        };
        seen.map_err(|error| refusal(&error))
    }

    /// Sends a verb that changes something, once, and follows it to its end.
    pub(super) async fn send(
        &self,
        verb: PowerVerb,
        seen: &mut (dyn FnMut(SafeText) + Send),
    ) -> Carried {
        match (&self.spec.method, &self.spec.wake) {
            (Some(PowerMethod::ForcedCommand(login)), _) => {
                let clock = self.shared.lanes.clock();
                power::carry(&self.dial(login), verb, &limits(), clock, seen).await
            }
            (Some(PowerMethod::Command { on, verbs }), _) if verbs.contains_key(&verb) => {
                let argv = verbs.get(&verb).map(Vec::as_slice).unwrap_or_default();
                match self.place(on.as_ref()).await {
                    Ok(exec) => carry_fixed(exec.as_ref(), verb, argv, FIXED).await,
                    Err(error) => failed(error.to_string(), error.hint),
                }
            }
            (_, Some(way)) if verb == PowerVerb::Start => wake(way).await,
            _ => {
                let Refusal { why, hint } = self.ignorant(verb);
                failed(why, hint)
            }
        }
    }

    fn dial(&self, login: &Arc<HostSpec>) -> SwitchDial {
        SwitchDial {
            host: self.host.clone(),
            login: Arc::clone(login),
            shared: Arc::clone(&self.shared),
        }
    }

    /// Where a fixed command is run: over the link that is open, else over a new one.
    async fn place(&self, on: Option<&HostId>) -> Result<Arc<dyn Exec>, ExecError> {
        let Some(on) = on else {
            return Ok(Arc::new(LocalExec::new(self.shared.tasks.clone())));
        };
        if let Some(exec) = self.shared.links.exec(on) {
            return Ok(exec);
        }
        let spec = {
            let fleet = self.shared.handle.fleet();
            let fleet = fleet.borrow();
            fleet.host(on).map(|host| Arc::clone(&host.spec))
        };
        match spec {
            Some(spec) => self.dial(&spec).dial().await,
            None => {
                let what = format!("no host is named {on}, where the power switch is");
                Err(ExecError::new(ExecErrorKind::NotFound, what))
            }
        }
    }

    fn ignorant(&self, verb: PowerVerb) -> Refusal {
        Refusal {
            why: format!("the power switch of {} knows no {verb}", self.host),
            hint: Some("name a command for it in the configuration".into()),
        }
    }
}

/// Looks, for whoever asked.
pub(in crate::engine) async fn look(host: HostId, verb: PowerVerb, shared: Arc<Shared>) -> Reply {
    let looked = match Switch::of(&host, &shared) {
        Ok(switch) => switch.look(verb).await,
        Err(refusal) => return Reply::Refused(refusal),
    };
    match looked {
        Ok(report) => {
            if verb == PowerVerb::Status && !is_at_work(&report) {
                tell(&shared, &host, PowerMsg::Looked).await;
            }
            Reply::Power(report)
        }
        Err(refusal) => Reply::Failed(refusal),
    }
}

/// Whether the far side is still at an operation.
pub(super) fn is_at_work(report: &PowerReport) -> bool {
    let operation = report.operation.as_ref();
    operation.is_some_and(|operation| matches!(operation.state, OperationState::Running(_)))
}

fn limits() -> CarryLimits {
    CarryLimits {
        dial: DIAL,
        ..CarryLimits::default()
    }
}

/// Nobody answers a magic packet: the ladder of the host will tell.
async fn wake(way: &WakeOnLan) -> Carried {
    match power::wake(way).await {
        Ok(()) => Carried::Done(PowerReport {
            state: MachineState::Unknown("a magic packet has no answer".into()),
            operation: None,
            lines: Vec::new(),
            target: None,
        }),
        Err(error) => failed(
            format!("the magic packet can't be sent: {error}"),
            Some("check the address it is sent to".into()),
        ),
    }
}

fn failed(why: String, hint: Option<String>) -> Carried {
    Carried::Failed {
        why: why.into(),
        hint: hint.map(Into::into),
    }
}

/// An error of the switch with everything beneath it.
fn refusal(error: &PowerError) -> Refusal {
    let mut why = error.to_string();
    let mut beneath = std::error::Error::source(error);
    while let Some(cause) = beneath {
        why = format!("{why}: {cause}");
        beneath = cause.source();
    }
    Refusal {
        why,
        hint: error.hint.clone(),
    }
}

/// The login that holds the power of a host.
struct SwitchDial {
    host: HostId,
    login: Arc<HostSpec>,
    shared: Arc<Shared>,
}

#[async_trait]
impl Dial for SwitchDial {
    async fn dial(&self) -> Result<Arc<dyn Exec>, ExecError> {
        let voice = Arc::new(SwitchVoice {
            host: self.host.clone(),
            switch: self.login.id.clone(),
            shared: Arc::clone(&self.shared),
        });
        let dialled = self.shared.connect.switch(&self.login, voice).await;
        dialled.map_err(unreachable)
    }
}

fn unreachable(error: ConnectError) -> ExecError {
    let ConnectError { what, hint, .. } = error;
    let error = ExecError::new(ExecErrorKind::Unreachable, what);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
