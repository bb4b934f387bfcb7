//! The real ways to a host: this machine, and SSH as the person's own ssh would go. What is dialled here, how often and
//! when, the engine decides.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::connect::{Beat, Connect, ConnectError, Connected, Lost, Watch};
use crate::clock::Clock;
use crate::domain::{At, HostAddress, HostSpec, Rung, SshSpec};
use crate::exec::{Exec, LocalExec, RemoteExec, RunLimits};
use crate::machine::{Sampler, SamplerError, SamplerSettings};
use crate::ssh::{
    self, Answered, Ask, Defaults, Proxy, ResolveError, Session, SshContext, SshError, SshTarget,
    Transport, openssh,
};
use crate::tasks::Tasks;

/// Destinations that one dial may ask `ssh` about; its chain of hops is bounded below this.
const QUERIES: usize = 32;

/// The ways to real hosts.
pub struct Ways {
    here: LocalExec,
    context: SshContext,
    person: Defaults,
    period: Duration,
}

impl Ways {
    /// Ways for this person; hosts are read once a `period`. What runs for them ends at the latest with `tasks`.
    pub fn new(tasks: &Tasks, clock: &Clock, person: Defaults, period: Duration) -> Self {
        let here = LocalExec::new(tasks.clone());
        let proxy = Arc::new(ProxyCommand(here.clone()));
        Self {
            context: SshContext::new(tasks.clone(), clock.clone()).with_proxy(proxy),
            here,
            person,
            period,
        }
    }

    fn settings(&self, spec: &HostSpec) -> SamplerSettings {
        SamplerSettings {
            period: self.period,
            gpu: spec.gpu,
        }
    }

    async fn here(&self, spec: &HostSpec) -> Result<Connected, ConnectError> {
        let sampler = Sampler::start_here(&self.here, &self.settings(spec)).await?;
        Ok(Connected {
            watch: Box::new(sampler),
            exec: Arc::new(self.here.clone()),
            user: Some(self.person.user.to_string()),
        })
    }

    async fn there(
        &self,
        spec: &HostSpec,
        way: &SshSpec,
        ask: Arc<dyn Ask>,
    ) -> Result<Connected, ConnectError> {
        let target = self.target(way).await?;
        let session = ssh::connect(&target, &self.context, ask).await?;
        let exec = RemoteExec::new(session.clone());
        let sampler = Sampler::start(&exec, &self.settings(spec)).await?;
        Ok(Connected {
            watch: Box::new(There { sampler, session }),
            exec: Arc::new(exec),
            user: Some(target.user.to_string()),
        })
    }

    /// Where a host is, with what `ssh -G` says of it and of every jump. Asked anew for each dial: the person may have
    /// mended the file meanwhile.
    async fn target(&self, way: &SshSpec) -> Result<SshTarget, ConnectError> {
        let mut answers: Vec<(SshSpec, Answered)> = Vec::new();
        loop {
            let answered = |spec: &SshSpec| {
                let known = answers.iter().find(|(of, _)| of == spec);
                known.map_or(Answered::NotYet, |(_, answer)| answer.clone())
            };
            match ssh::resolve(way, &self.person, &answered) {
                Err(ResolveError::NotYet(spec)) if answers.len() < QUERIES => {
                    let answer = self.query(&spec).await;
                    answers.push((*spec, answer));
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    async fn query(&self, spec: &SshSpec) -> Answered {
        let query = openssh::query(&spec.host, spec.user.as_ref(), spec.port);
        match self.here.run(&query, RunLimits::default()).await {
            Ok(output) if output.exit.is_success() => {
                Answered::Config(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Ok(output) => {
                let said = crate::text::SafeText::from_bytes(&output.stderr);
                tracing::warn!(host = %spec.host, %said, "ssh -G failed; only our own configuration counts");
                Answered::Nothing
            }
            Err(error) => {
                tracing::info!(host = %spec.host, %error, "no ssh to ask; only our own configuration counts");
                Answered::Nothing
            }
        }
    }
}

impl std::fmt::Debug for Ways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ways").finish_non_exhaustive()
    }
}

#[async_trait]
impl Connect for Ways {
    async fn connect(&self, spec: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        match &spec.address {
            HostAddress::Local => self.here(spec).await,
            HostAddress::Ssh(way) => self.there(spec, way, ask).await,
        }
    }

    async fn switch(
        &self,
        spec: &HostSpec,
        ask: Arc<dyn Ask>,
    ) -> Result<Arc<dyn Exec>, ConnectError> {
        let HostAddress::Ssh(way) = &spec.address else {
            return Ok(Arc::new(self.here.clone()));
        };
        let mut target = self.target(way).await?;
        // An agent may hold the key; what else it holds is nobody's business there.
        target.identities_only = target.identities_only || !way.identity.is_empty();
        let session = ssh::connect(&target, &self.context, ask).await;
        let session = session.map_err(|error| shut_out(error.into()))?;
        Ok(Arc::new(RemoteExec::new(session)))
    }
}

/// A switch that takes no key of ours. What mends it for a host would let its key do anything there.
fn shut_out(error: ConnectError) -> ConnectError {
    let copies = |hint: &String| hint.contains("ssh-copy-id");
    if !error.hint.as_ref().is_some_and(copies) {
        return error;
    }
    let hint = "put the line that `pilothouse power install` prints into authorized_keys there; its from= names this machine";
    ConnectError {
        hint: Some(hint.into()),
        ..error
    }
}

#[async_trait]
impl Watch for Sampler {
    async fn beat(&mut self, at: At) -> Result<Beat, Lost> {
        let beat = Sampler::beat(self, at).await?;
        Ok(Beat {
            sample: beat.sample,
            round_trip: beat.round_trip,
        })
    }
}

/// A sampler behind SSH. When both end, the session knows better why.
struct There {
    sampler: Sampler,
    session: Session,
}

#[async_trait]
impl Watch for There {
    async fn beat(&mut self, at: At) -> Result<Beat, Lost> {
        tokio::select! {
            biased;
            error = self.session.closed() => Err(error.into()),
            beat = Watch::beat(&mut self.sampler, at) => beat,
        }
    }

    async fn gone(&mut self) -> Lost {
        self.session.closed().await.into()
    }
}

impl From<SamplerError> for Lost {
    fn from(error: SamplerError) -> Self {
        Self {
            silent: error.silent(),
            what: with_cause(&error),
            hint: error.hint(),
        }
    }
}

impl From<SshError> for Lost {
    fn from(error: SshError) -> Self {
        Self {
            silent: false,
            what: with_cause(&error),
            hint: error.hint().map(str::to_owned),
        }
    }
}

impl From<SshError> for ConnectError {
    fn from(error: SshError) -> Self {
        Self {
            rung: error.rung(),
            silent: error.silent(),
            what: with_cause(&error),
            hint: error.hint().map(str::to_owned),
            is_final: error.is_final(),
        }
    }
}

impl From<ResolveError> for ConnectError {
    fn from(error: ResolveError) -> Self {
        Self {
            rung: Rung::Resolve,
            silent: false,
            what: with_cause(&error),
            hint: Some("look at the host in both configurations: ours and ssh's".into()),
            is_final: true,
        }
    }
}

impl From<SamplerError> for ConnectError {
    fn from(error: SamplerError) -> Self {
        Self {
            rung: Rung::Command,
            silent: error.silent(),
            what: with_cause(&error),
            hint: error.hint(),
            is_final: false,
        }
    }
}

/// An error in one sentence with what lies directly beneath it.
fn with_cause(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A `ProxyCommand` is a process of this machine.
struct ProxyCommand(LocalExec);

#[async_trait]
impl Proxy for ProxyCommand {
    async fn open(&self, command_line: &str) -> io::Result<Pin<Box<dyn Transport>>> {
        let io = self.0.proxy(command_line).map_err(io::Error::other)?;
        Ok(Box::pin(io))
    }
}
