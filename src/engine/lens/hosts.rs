//! Log sources as the engine's hands reach them: through the links of the hosts, or on this machine.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::actions::Actions;
use super::lenses::Lenses;
use super::sources::{Again, Shut, Sources};
use crate::clock::Clock;
use crate::config::LogSettings;
use crate::docker::{self, Docker, DockerError, DockerErrorKind};
use crate::domain::HostId;
use crate::engine::Fleet;
use crate::engine::links::Links;
use crate::engine::opened::Opened;
use crate::exec::{Exec, LocalExec};
use crate::follow::{self, Follow, FollowError, FollowErrorKind, SourceAddress, SourceSpec, Start};
use crate::tasks::Tasks;

/// The lenses of an engine.
pub(in crate::engine) fn lenses(
    links: &Arc<Links>,
    fleet: &watch::Receiver<Arc<Fleet>>,
    opened: &Opened,
    (clock, tasks): (&Clock, &Tasks),
    settings: LogSettings,
) -> Lenses {
    let sources = HostSources {
        links: Arc::clone(links),
        fleet: fleet.clone(),
        here: Arc::new(LocalExec::new(tasks.clone())),
        tasks: tasks.clone(),
    };
    let (clock, tasks) = (clock.clone(), tasks.clone());
    Lenses::new(Arc::new(sources), clock, tasks, settings, opened.clone())
}

/// The sources of all hosts.
struct HostSources {
    links: Arc<Links>,
    fleet: watch::Receiver<Arc<Fleet>>,
    here: Arc<dyn Exec>,
    tasks: Tasks,
}

impl HostSources {
    fn exec(&self, host: Option<&HostId>) -> Result<Arc<dyn Exec>, Shut> {
        let Some(host) = host else {
            return Ok(Arc::clone(&self.here));
        };
        self.links.exec(host).ok_or_else(|| Shut {
            why: format!("{host} is not connected").into(),
            hint: None,
            again: Again::Soon,
        })
    }

    /// The container engine of a host: the one that its link has found, else one that is looked for now.
    async fn docker(
        &self,
        host: Option<&HostId>,
        exec: Arc<dyn Exec>,
    ) -> Result<Docker, DockerError> {
        match host.map(|host| self.links.docker(host)) {
            Some(Ok(docker)) => Ok(docker),
            _ => Docker::find(exec, &self.tasks).await,
        }
    }
}

#[async_trait]
impl Sources for HostSources {
    async fn open(&self, address: &SourceAddress, start: Start) -> Result<Box<dyn Follow>, Shut> {
        if address.spec == SourceSpec::Actions {
            return Ok(Box::new(Actions::new(self.fleet.clone(), start)));
        }
        let exec = self.exec(address.host.as_ref())?;
        match &address.spec {
            SourceSpec::Container(name) => {
                let docker = self.docker(address.host.as_ref(), exec).await?;
                Ok(docker::follow(&docker, name, start).await?)
            }
            spec => Ok(follow::open(exec, spec, start).await?),
        }
    }

    fn knows(&self, host: Option<&HostId>) -> bool {
        host.is_none_or(|host| self.fleet.borrow().host(host).is_some())
    }

    fn connected(&self, host: Option<&HostId>) -> bool {
        host.is_none_or(|host| self.links.exec(host).is_some())
    }

    async fn connects(&self, host: Option<&HostId>) {
        if let Some(host) = host {
            self.links.connected(host).await;
        }
    }

    async fn clock_offset(&self, host: Option<&HostId>) -> Option<i64> {
        let exec = self.links.exec(host?)?;
        // A host that can't be asked now says so itself when its source is opened.
        follow::clock_offset(&exec).await.ok().flatten()
    }
}

impl From<FollowError> for Shut {
    fn from(error: FollowError) -> Self {
        let again = match error.kind {
            _ if error.may_pass() => Again::Soon,
            FollowErrorKind::Absent => Again::IfItWasThere,
            _ => Again::Never,
        };
        Self {
            why: error.to_string().into(),
            hint: error.hint.map(Into::into),
            again,
        }
    }
}

impl From<DockerError> for Shut {
    fn from(error: DockerError) -> Self {
        let again = match error.kind {
            DockerErrorKind::Silent | DockerErrorKind::Lost | DockerErrorKind::Timeout => {
                Again::Soon
            }
            // An engine that ends takes its socket with it.
            DockerErrorKind::Absent => Again::IfItWasThere,
            _ => Again::Never,
        };
        Self {
            why: error.to_string().into(),
            hint: error.hint.map(Into::into),
            again,
        }
    }
}
