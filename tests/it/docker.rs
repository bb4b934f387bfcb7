//! A real Docker Engine, reached as a host's engine is reached: locally, through a real sshd, and where that forbids sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::docker::{ContainerChange, Docker, DockerError, Events};
use pilothouse::domain::{ContainerId, ContainerState, DaemonFlavour};
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RunLimits,
};
use pilothouse::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;
use tokio::time::timeout;

use crate::dockerd::{Dockerd, IMAGE};

const LONG: Duration = Duration::from_secs(20);

/// This machine, with a `DOCKER_HOST` of its own.
pub(crate) struct Here {
    local: LocalExec,
    docker_host: String,
}

impl Here {
    pub(crate) fn at(socket: &Path, tasks: &Tasks) -> Arc<dyn Exec> {
        Arc::new(Self {
            local: LocalExec::new(tasks.clone()),
            docker_host: format!("unix://{}", socket.display()),
        })
    }

    fn named(&self, command: &ShellCommand) -> ShellCommand {
        let name = EnvName::new("DOCKER_HOST").unwrap();
        let value = ShellWord::new(self.docker_host.as_str()).unwrap();
        command.clone().env(name, value)
    }
}

#[async_trait]
impl Exec for Here {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        self.local.run(&self.named(command), limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.local.stream(command).await
    }

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        self.local.pipe(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, what: Bytes) -> Result<(), ExecError> {
        self.local.upload(path, mode, what).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.local.connect(socket).await
    }
}

async fn found(exec: Arc<dyn Exec>, tasks: &Tasks) -> Result<Docker, DockerError> {
    timeout(LONG, Docker::find(exec, tasks)).await.unwrap()
}

/// The next event of this container that is this change.
async fn happens(events: &mut Events, id: &ContainerId, change: ContainerChange) {
    let seen = async {
        loop {
            let event = events.next().await.unwrap();
            if event.id == *id && event.change == change {
                return;
            }
        }
    };
    timeout(LONG, seen).await.unwrap();
}

#[tokio::test]
async fn a_daemon_is_found_and_tells_what_runs() {
    let (daemon, tasks) = (Dockerd::start(), Tasks::new());
    let docker = found(Here::at(&daemon.socket(), &tasks), &tasks)
        .await
        .unwrap();
    let told = docker.daemon();
    assert_eq!(told.flavour, DaemonFlavour::Docker);
    assert_eq!(told.socket.as_str(), daemon.socket().to_str().unwrap());
    assert!(!told.rootless && !told.version.is_empty() && told.api.as_str() >= "1.41");
    docker.ping().await.unwrap();
    assert_eq!(docker.list().await.unwrap(), []);

    let mut events = docker.events(None).await.unwrap();
    let id = ContainerId::new(daemon.run("one", "exec sleep 600"));
    happens(&mut events, &id, ContainerChange::Started).await;
    let list = docker.list().await.unwrap();
    assert_eq!(list.len(), 1);
    let row = &list[0];
    assert_eq!((row.name.as_str(), row.image.as_str()), ("one", IMAGE));
    assert_eq!((&row.id, row.state), (&id, ContainerState::Running));
    let whole = docker.container(&id).await.unwrap();
    assert!(whole.started.is_some() && whole.finished.is_none());
    assert_eq!(whole.restarts.value(), Some(&0));
    assert_eq!(whole.created.0 / 1000, row.created.0 / 1000);
    let detail = docker.inspect(&ContainerId::new("one")).await.unwrap();
    assert_eq!(detail.container, whole);
    assert_eq!(detail.log_driver.as_str(), "json-file");

    daemon.post(&format!("/containers/{id}/kill"));
    happens(&mut events, &id, ContainerChange::Died { code: 137 }).await;
    let row = docker.container(&id).await.unwrap();
    assert_eq!(row.state, ContainerState::Exited(137));
    assert!(row.finished.is_some());
    assert!(tasks.shutdown(LONG).await);
}
