//! The real ways to a host: over SSH with what `ssh -G` says of it, or this machine without SSH. Both end in a sampler.

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

/// Dials real hosts.
pub struct Dialer {
    context: SshContext,
    defaults: Defaults,
    here: Arc<LocalExec>,
    period: Duration,
}

impl Dialer {
    /// A dialler whose connections and processes end with `tasks`. `period` is the time between two beats.
    pub fn new(tasks: Tasks, clock: Clock, defaults: Defaults, period: Duration) -> Self {
        let here = Arc::new(LocalExec::new(tasks.clone()));
        let proxy = ProxyCommands(Arc::clone(&here));
        Self {
            context: SshContext::new(tasks, clock).with_proxy(Arc::new(proxy)),
            defaults,
            here,
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
        let sampler = Sampler::start_here(self.here.as_ref(), &self.settings(spec)).await;
        Ok(Connected {
            watch: Box::new(Here(sampler.map_err(|error| unsampled(&error))?)),
            exec: self.here.clone(),
            user: Some(self.defaults.user.to_string()),
        })
    }

    async fn there(
        &self,
        spec: &HostSpec,
        way: &SshSpec,
        ask: Arc<dyn Ask>,
    ) -> Result<Connected, ConnectError> {
        let target = self.resolve(way).await?;
        let session = ssh::connect(&target, &self.context, ask)
            .await
            .map_err(|error| unconnected(&error))?;
        let exec = RemoteExec::new(session.clone());
        let sampler = Sampler::start(&exec, &self.settings(spec))
            .await
            .map_err(|error| unsampled(&error))?;
        Ok(Connected {
            watch: Box::new(There { sampler, session }),
            exec: Arc::new(exec),
            user: Some(target.user.to_string()),
        })
    }

    /// Asks ssh about each destination on the way, as often as the way turns out to be longer. Asked anew at each dial:
    /// the person may have mended their configuration meanwhile.
    async fn resolve(&self, way: &SshSpec) -> Result<SshTarget, ConnectError> {
        let mut answers: Vec<(SshSpec, Answered)> = Vec::new();
        loop {
            let answered = |asked: &SshSpec| {
                let found = answers.iter().find(|(of, _)| of == asked);
                found.map_or(Answered::NotYet, |(_, answer)| answer.clone())
            };
            match ssh::resolve(way, &self.defaults, &answered) {
                Ok(target) => return Ok(target),
                Err(ResolveError::NotYet(asked)) => {
                    let answer = self.query(&asked).await;
                    answers.push((*asked, answer));
                }
                Err(error) => return Err(misdescribed(&error)),
            }
        }
    }

    async fn query(&self, asked: &SshSpec) -> Answered {
        let command = openssh::query(&asked.host, asked.user.as_ref(), asked.port);
        match self.here.run(&command, RunLimits::default()).await {
            Ok(output) if output.exit.is_success() => {
                Answered::Config(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Ok(output) => {
                let said = crate::text::SafeText::from_bytes(&output.stderr);
                tracing::warn!(host = %asked.host, %said, "ssh -G failed");
                Answered::Nothing
            }
            Err(error) => {
                tracing::info!(%error, "ssh was not asked");
                Answered::Nothing
            }
        }
    }
}

#[async_trait]
impl Connect for Dialer {
    async fn connect(&self, spec: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        match &spec.address {
            HostAddress::Local => self.here(spec).await,
            HostAddress::Ssh(way) => self.there(spec, way, ask).await,
        }
    }
}

/// This machine's readings.
struct Here(Sampler);

#[async_trait]
impl Watch for Here {
    async fn beat(&mut self, at: At) -> Result<Beat, Lost> {
        beat(&mut self.0, at).await
    }
}

/// Another machine's readings.
struct There {
    sampler: Sampler,
    session: Session,
}

#[async_trait]
impl Watch for There {
    async fn beat(&mut self, at: At) -> Result<Beat, Lost> {
        tokio::select! {
            beat = beat(&mut self.sampler, at) => beat,
            error = self.session.closed() => Err(lost(&error)),
        }
    }

    async fn gone(&mut self) -> Lost {
        lost(&self.session.closed().await)
    }
}

async fn beat(sampler: &mut Sampler, at: At) -> Result<Beat, Lost> {
    let beat = sampler.beat(at).await.map_err(|error| Lost {
        silent: matches!(error, SamplerError::Silent(_)),
        what: words(&error),
        hint: error.hint(),
    })?;
    Ok(Beat {
        sample: beat.sample,
        round_trip: beat.round_trip,
    })
}

fn lost(error: &SshError) -> Lost {
    Lost {
        silent: false,
        what: error.to_string(),
        hint: error.hint().map(str::to_owned),
    }
}

fn unconnected(error: &SshError) -> ConnectError {
    ConnectError {
        rung: error.rung(),
        silent: error.silent(),
        what: error.to_string(),
        hint: error.hint().map(str::to_owned),
        is_final: error.is_final(),
    }
}

fn unsampled(error: &SamplerError) -> ConnectError {
    ConnectError {
        rung: Rung::Command,
        silent: matches!(error, SamplerError::Silent(_)),
        what: words(error),
        hint: error.hint(),
        is_final: false,
    }
}

fn misdescribed(error: &ResolveError) -> ConnectError {
    ConnectError {
        rung: Rung::Resolve,
        silent: false,
        what: words(error),
        hint: Some("look at this host in the config, and at `ssh -G` of it".into()),
        is_final: true,
    }
}

/// An error and what lies beneath it, as one sentence.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut beneath = error.source();
    while let Some(error) = beneath {
        words = format!("{words}: {error}");
        beneath = error.source();
    }
    words
}

/// Starts the person's own `ProxyCommand`s.
struct ProxyCommands(Arc<LocalExec>);

#[async_trait]
impl Proxy for ProxyCommands {
    async fn open(&self, command_line: &str) -> io::Result<Pin<Box<dyn Transport>>> {
        match self.0.proxy(command_line) {
            Ok(stream) => Ok(Box::pin(stream)),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
