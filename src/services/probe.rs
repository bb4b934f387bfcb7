//! Looks at a service (hands): the quick look at its container, unit, port or page, and the real request. What was found is told
//! as an outcome; what it means for the service is folded elsewhere.

use std::sync::Arc;
use std::time::Duration;

use super::probe_deep::deep;
use super::state::{Depth, ProbeOutcome, Probed};
use crate::clock::Clock;
use crate::docker::{Docker, DockerErrorKind};
use crate::domain::{
    Container, ContainerHealth, ContainerId, ContainerState, DeepProbe, Endpoint, Managed,
    ServiceSpec, ShallowProbe,
};
use crate::exec::{Exec, Exit, Output, RunLimits};
use crate::reach::{Http, HttpAnswer, HttpAsk, HttpError, HttpErrorKind, models};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;

/// Longest quick look.
const QUICK: Duration = Duration::from_secs(5);

/// How long what has just started may not answer yet, in milliseconds.
const COMES_UP: i64 = 10 * 60 * 1000;

/// Looks at the services of one host.
pub struct Prober {
    exec: Arc<dyn Exec>,
    http: Http,
    clock: Clock,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// How it stands.
    pub probed: Probed,
    /// The model it has loaded, where it tells. `None`: it was not asked.
    pub model: Option<SafeText>,
}

impl Prober {
    /// Services as this host sees them.
    pub fn new(exec: Arc<dyn Exec>, clock: Clock) -> Self {
        let http = Http::new(Arc::clone(&exec));
        Self { exec, http, clock }
    }

    /// Looks. A service without a real request is looked at quickly instead.
    pub async fn probe(&self, docker: Option<&Docker>, spec: &ServiceSpec, depth: Depth) -> Look {
        let began = self.clock.at();
        let asked = spec.deep.zip(endpoint(spec));
        let (outcome, model) = match (depth, asked) {
            (Depth::Deep, Some((probe, endpoint))) => deep(&self.http, probe, &endpoint).await,
            _ => self.shallow(docker, spec).await,
        };
        let at = self.clock.at();
        let took = at.since(began).duration();
        let probed = Probed { at, took, outcome };
        Look { probed, model }
    }

    async fn shallow(
        &self,
        docker: Option<&Docker>,
        spec: &ServiceSpec,
    ) -> (ProbeOutcome, Option<SafeText>) {
        let outcome = match &spec.shallow {
            ShallowProbe::Container => self.contained(docker, spec).await,
            ShallowProbe::Unit => self.unit(spec).await,
            ShallowProbe::Http { endpoint, .. } if spec.deep == Some(DeepProbe::Completion) => {
                return self.engine(docker, spec, endpoint).await;
            }
            ShallowProbe::Http { endpoint, path } => self.page(docker, spec, endpoint, path).await,
            ShallowProbe::Tcp(endpoint) => match self.http.listens(endpoint, QUICK).await {
                Ok(()) => ProbeOutcome::Good(format!("{endpoint} listens").into()),
                Err(error) => self.unanswered(docker, spec, error).await,
            },
            ShallowProbe::Command(words) => self.command(words).await,
        };
        (outcome, None)
    }

    /// An engine that completes text: nothing loaded is no failure.
    async fn engine(
        &self,
        docker: Option<&Docker>,
        spec: &ServiceSpec,
        endpoint: &Endpoint,
    ) -> (ProbeOutcome, Option<SafeText>) {
        match models(&self.http, endpoint).await {
            Ok(listed) => match listed.first() {
                None => (ProbeOutcome::Idle("no model is loaded".into()), None),
                Some(first) => {
                    let model = SafeText::new(&first.id);
                    (ProbeOutcome::Good(model.clone()), Some(model))
                }
            },
            Err(crate::reach::Unanswered::Http(error)) => {
                (self.unanswered(docker, spec, error).await, None)
            }
            Err(other) if other.words().to_ascii_lowercase().contains("loading model") => {
                (ProbeOutcome::Starting("loads its model".into()), None)
            }
            Err(other) => (ProbeOutcome::Bad(other.words().into()), None),
        }
    }

    async fn page(
        &self,
        docker: Option<&Docker>,
        spec: &ServiceSpec,
        endpoint: &Endpoint,
        path: &str,
    ) -> ProbeOutcome {
        let ask = HttpAsk::get(endpoint, path).within(QUICK);
        match self.http.ask(&ask).await {
            Ok(answer) => paged(path, &answer),
            Err(error) => self.unanswered(docker, spec, error).await,
        }
    }

    /// What it means that nobody answers: where nothing listens, whoever runs it knows more.
    async fn unanswered(
        &self,
        docker: Option<&Docker>,
        spec: &ServiceSpec,
        error: HttpError,
    ) -> ProbeOutcome {
        if error.kind != HttpErrorKind::Refused {
            return ProbeOutcome::Bad(error.what.into());
        }
        let idle = spec.deep == Some(DeepProbe::Completion);
        let gone = match &spec.managed {
            Managed::Unit(_) => self.unit(spec).await,
            Managed::Container(_) | Managed::Git { .. } if docker.is_some() => {
                self.contained(docker, spec).await
            }
            _ => ProbeOutcome::Absent(error.what.as_str().into()),
        };
        match gone {
            ProbeOutcome::Good(_) | ProbeOutcome::Absent(_) if idle => {
                ProbeOutcome::Idle("no model is loaded".into())
            }
            // It runs, and its port does not answer.
            ProbeOutcome::Good(words) => {
                ProbeOutcome::Bad(format!("{words}, and {}", error.what).into())
            }
            told => told,
        }
    }

    /// Its container, as its engine tells. One that has just started and whose port is looked at comes up.
    async fn contained(&self, docker: Option<&Docker>, spec: &ServiceSpec) -> ProbeOutcome {
        let (Managed::Container(name)
        | Managed::Git {
            container: name, ..
        }) = &spec.managed
        else {
            return ProbeOutcome::Bad("no container is named for it".into());
        };
        let Some(docker) = docker else {
            return ProbeOutcome::Bad("the container engine can't be asked".into());
        };
        match docker.container(&ContainerId::new(name.as_str())).await {
            Ok(container) => {
                let quiet = !matches!(spec.shallow, ShallowProbe::Container);
                self.container_stands(&container, quiet)
            }
            Err(error) if error.kind == DockerErrorKind::NotFound => {
                ProbeOutcome::Absent(format!("there is no container {name}").into())
            }
            Err(error) => ProbeOutcome::Bad(error.what.into()),
        }
    }

    fn container_stands(&self, container: &Container, quiet: bool) -> ProbeOutcome {
        let name = &container.name;
        let age = |since: crate::domain::Wall| self.clock.wall().0.saturating_sub(since.0);
        match (container.state, container.health) {
            (ContainerState::Running, Some(ContainerHealth::Starting)) => {
                ProbeOutcome::Starting("its health check has not decided yet".into())
            }
            (ContainerState::Running, Some(ContainerHealth::Unhealthy)) => {
                ProbeOutcome::Bad("its own health check fails".into())
            }
            (ContainerState::Running, _)
                if quiet && container.started.is_some_and(|since| age(since) < COMES_UP) =>
            {
                ProbeOutcome::Starting(format!("{name} runs, its port does not answer yet").into())
            }
            (ContainerState::Running, _) => ProbeOutcome::Good(format!("{name} runs").into()),
            (ContainerState::Restarting, _) => {
                ProbeOutcome::Bad(format!("{name} is started again and again").into())
            }
            (ContainerState::Paused, _) => ProbeOutcome::Bad(format!("{name} is paused").into()),
            (ContainerState::Exited(code), _) => {
                ProbeOutcome::Absent(format!("{name} ended with {code}").into())
            }
            (state, _) => ProbeOutcome::Absent(format!("{name} is {}", state.word()).into()),
        }
    }

    async fn unit(&self, spec: &ServiceSpec) -> ProbeOutcome {
        let Managed::Unit(unit) = &spec.managed else {
            return ProbeOutcome::Bad("no unit is named for it".into());
        };
        let Ok(name) = ShellWord::new(unit.as_str()) else {
            return ProbeOutcome::Bad("its name holds NUL".into());
        };
        let command = ShellCommand::new("systemctl")
            .arg("show")
            .arg("--property=LoadState,ActiveState,SubState,Result")
            .arg("--")
            .word(name);
        match self.run(&command).await {
            Ok(output) => unit_stands(unit, &output),
            Err(outcome) => outcome,
        }
    }

    async fn command(&self, words: &[String]) -> ProbeOutcome {
        let words: Result<Vec<_>, _> = words.iter().map(ShellWord::new).collect();
        let mut words = words.unwrap_or_default().into_iter();
        let Some(program) = words.next() else {
            return ProbeOutcome::Bad("its command has no words, or NUL in them".into());
        };
        let command = words.fold(ShellCommand::from_word(program), ShellCommand::word);
        match self.run(&command).await {
            Ok(output) => command_stands(&output),
            Err(outcome) => outcome,
        }
    }

    async fn run(&self, command: &ShellCommand) -> Result<Output, ProbeOutcome> {
        let limits = RunLimits {
            timeout: QUICK,
            output: 16 * 1024,
        };
        let output = self.exec.run(command, limits).await;
        output.map_err(|error| ProbeOutcome::Bad(error.what.into()))
    }
}

/// Where its API is.
fn endpoint(spec: &ServiceSpec) -> Option<Endpoint> {
    match (&spec.shallow, spec.port) {
        (ShallowProbe::Http { endpoint, .. } | ShallowProbe::Tcp(endpoint), port) => {
            Some(Endpoint {
                host: endpoint.host.clone(),
                port: port.unwrap_or(endpoint.port),
            })
        }
        (_, Some(port)) => Endpoint::local(port),
        _ => None,
    }
}

fn paged(path: &str, answer: &HttpAnswer) -> ProbeOutcome {
    let words = format!("{path} answers {}", answer.status);
    let said = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    match answer.status {
        200..300 => ProbeOutcome::Good(words.into()),
        503 if said.contains("loading") || said.contains("starting") => {
            ProbeOutcome::Starting(words.into())
        }
        _ => ProbeOutcome::Bad(words.into()),
    }
}

fn unit_stands(unit: &str, output: &Output) -> ProbeOutcome {
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(load), Some(active)) = (value("LoadState"), value("ActiveState")) else {
        return ProbeOutcome::Bad(
            format!("systemd does not tell of it: {}", complaint(output)).into(),
        );
    };
    let sub = value("SubState").unwrap_or_default();
    let words: SafeText = format!("{unit} is {active} ({sub})").into();
    match (load, active) {
        ("not-found", _) => ProbeOutcome::Absent(format!("there is no unit {unit}").into()),
        (_, "active") => ProbeOutcome::Good(words),
        (_, "activating" | "reloading") => ProbeOutcome::Starting(words),
        (_, "inactive") => ProbeOutcome::Absent(words),
        _ => {
            let result = value("Result").unwrap_or_default();
            ProbeOutcome::Bad(format!("{unit} is {active}: {result}").into())
        }
    }
}

fn command_stands(output: &Output) -> ProbeOutcome {
    let said = complaint(output);
    match &output.exit {
        Exit::Status(0) if said.is_empty() => ProbeOutcome::Good("its command ends with 0".into()),
        Exit::Status(0) => ProbeOutcome::Good(said.into()),
        Exit::Status(code) => {
            ProbeOutcome::Bad(format!("its command ends with {code}: {said}").into())
        }
        other => ProbeOutcome::Bad(format!("its command ends with {other:?}: {said}").into()),
    }
}

/// The last line that says anything, short.
fn complaint(output: &Output) -> String {
    let all = [&output.stderr[..], &output.stdout[..]];
    let last = all.into_iter().find_map(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().rfind(|line| !line.trim().is_empty())?;
        Some(line.trim().chars().take(200).collect::<String>())
    });
    last.unwrap_or_default()
}
