//! A real Docker Engine, reached as a host's engine is reached: locally, through a real sshd, and where that forbids sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::docker::{ContainerChange, Docker, DockerError, DockerErrorKind, Events};
use pilothouse::domain::{ContainerAct, ContainerId, ContainerState, DaemonFlavour};
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RemoteExec, RunLimits,
};
use pilothouse::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use pilothouse::ssh::connect;
use pilothouse::tasks::Tasks;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::dockerd::{Dockerd, IMAGE};
use crate::sshd::{Person, Sshd, chmod, context};

const LONG: Duration = Duration::from_secs(20);

/// A host with a `DOCKER_HOST` of its own.
struct Named(Arc<dyn Exec>, ShellWord);

#[async_trait]
impl Exec for Named {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let name = EnvName::new("DOCKER_HOST").unwrap();
        let named = command.clone().env(name, self.1.clone());
        self.0.run(&named, limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.0.stream(command).await
    }

    async fn pipe(&self, command: &ShellCommand) -> Result<BoxedIo, ExecError> {
        self.0.pipe(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, what: Bytes) -> Result<(), ExecError> {
        self.0.upload(path, mode, what).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.0.connect(socket).await
    }
}

/// This machine.
pub(crate) struct Here;

impl Here {
    /// With a `DOCKER_HOST` that is this socket.
    pub(crate) fn at(socket: &Path, tasks: &Tasks) -> Arc<dyn Exec> {
        let named = ShellWord::new(format!("unix://{}", socket.display())).unwrap();
        Arc::new(Named(Arc::new(LocalExec::new(tasks.clone())), named))
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

#[tokio::test]
async fn acts_are_done_refused_and_told() {
    let (daemon, tasks) = (Dockerd::start(), Tasks::new());
    let docker = found(Here::at(&daemon.socket(), &tasks), &tasks)
        .await
        .unwrap();
    let id = ContainerId::new(daemon.create("acted", "exec sleep 600", &json!({})));
    let state = async || docker.container(&id).await.unwrap().state;
    let mut events = docker.events(None).await.unwrap();
    let killed = ContainerState::Exited(137);
    let died = ContainerChange::Died { code: 137 };
    for (act, change, after) in [
        (
            ContainerAct::Start,
            ContainerChange::Started,
            ContainerState::Running,
        ),
        (
            ContainerAct::Pause,
            ContainerChange::Paused,
            ContainerState::Paused,
        ),
        (
            ContainerAct::Unpause,
            ContainerChange::Unpaused,
            ContainerState::Running,
        ),
        (ContainerAct::Stop, died, killed),
        // What is so already is no failure.
        (ContainerAct::Stop, ContainerChange::Stopped, killed),
        (
            ContainerAct::Start,
            ContainerChange::Started,
            ContainerState::Running,
        ),
        (
            ContainerAct::Restart,
            ContainerChange::Restarted,
            ContainerState::Running,
        ),
        (ContainerAct::Kill, died, killed),
    ] {
        docker.act(&id, act).await.unwrap();
        happens(&mut events, &id, change).await;
        assert_eq!(state().await, after, "{act:?}");
    }
    docker.act(&id, ContainerAct::Start).await.unwrap();
    let refused = docker.act(&id, ContainerAct::Remove).await.unwrap_err();
    assert_eq!(refused.kind, DockerErrorKind::Conflict, "{refused}");
    assert_eq!(refused.hint.as_deref(), Some("stop it first"));
    docker.act(&id, ContainerAct::Kill).await.unwrap();
    docker.act(&id, ContainerAct::Remove).await.unwrap();
    happens(&mut events, &id, ContainerChange::Removed).await;
    let gone = docker.act(&id, ContainerAct::Start).await.unwrap_err();
    assert_eq!(gone.kind, DockerErrorKind::NotFound, "{gone}");
    assert!(tasks.shutdown(LONG).await);
}

#[tokio::test]
async fn what_a_container_takes_and_runs() {
    let (daemon, tasks) = (Dockerd::start(), Tasks::new());
    let docker = found(Here::at(&daemon.socket(), &tasks), &tasks)
        .await
        .unwrap();
    let limited = json!({"HostConfig": {"NetworkMode": "none", "Memory": 64 << 20}});
    let busy = "dd if=/dev/zero of=/tmp/x bs=1M count=4; while :; do :; done";
    let id = ContainerId::new(daemon.run_with("busy", busy, &limited));
    let mut stream = docker.stats_stream(&id).await.unwrap();
    let first = timeout(LONG, stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(first.cpu.value().is_none(), "one reading tells no rate");
    let before = docker.stats(&id).await.unwrap();
    let second = timeout(LONG, stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let after = docker.stats(&id).await.unwrap();
    for stats in [second, after.since(Some(&before))] {
        let cpu = stats.cpu.value().unwrap().0;
        assert!(cpu > 1.0 && cpu <= 100.0, "{cpu}");
        assert_eq!(stats.limit.value().unwrap().0, 64 << 20);
        let memory = stats.memory.value().unwrap().0;
        assert!(memory > 0 && memory <= 64 << 20, "{memory}");
        assert_eq!(stats.pids.value(), Some(&1));
    }
    let top = docker.top(&id).await.unwrap();
    let command = top.titles.iter().position(|t| t.as_str() == "CMD").unwrap();
    assert!(top.rows[0][command].as_str().contains("while :"), "{top:?}");
    docker.act(&id, ContainerAct::Kill).await.unwrap();
    let ended = docker.stats(&id).await.unwrap().since(Some(&after));
    assert_eq!(ended.cpu.missing().unwrap().words(), "it does not run");
    assert!(docker.top(&id).await.is_err());
    assert!(tasks.shutdown(LONG).await);
}

/// Reads until this text has come.
async fn until(io: &mut BoxedIo, wanted: &str) -> String {
    let mut heard = Vec::new();
    let reading = async {
        let mut chunk = [0; 1024];
        loop {
            let read = io.read(&mut chunk).await.unwrap();
            heard.extend_from_slice(&chunk[..read]);
            let text = String::from_utf8_lossy(&heard).into_owned();
            assert!(read > 0 || text.contains(wanted), "{text}");
            if text.contains(wanted) {
                return text;
            }
        }
    };
    let done = timeout(LONG, reading).await;
    done.unwrap_or_else(|_| panic!("no {wanted:?} in {:?}", String::from_utf8_lossy(&heard)))
}

/// A shell in this container takes words, sizes and its end.
async fn shell_works(docker: &Docker, id: &ContainerId) {
    let mut terminal = docker
        .terminal(id, &[], "xterm-256color", (101, 33))
        .await
        .unwrap();
    let io = &mut terminal.io;
    io.write_all(b"echo $TERM; stty size\r").await.unwrap();
    let said = until(io, "33 101").await;
    assert!(said.contains("xterm-256color"), "{said}");
    terminal.control.resize(77, 22).await.unwrap();
    io.write_all(b"stty size\r").await.unwrap();
    until(io, "22 77").await;
    assert_eq!(terminal.control.exit_code().await.unwrap(), None);
    io.write_all(b"exit 7\r").await.unwrap();
    let mut rest = Vec::new();
    timeout(LONG, io.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    let ended = async {
        loop {
            if let Some(code) = terminal.control.exit_code().await.unwrap() {
                return code;
            }
        }
    };
    assert_eq!(timeout(LONG, ended).await.unwrap(), 7);
    // A late word about its size is no failure.
    terminal.control.resize(80, 24).await.unwrap();
}

#[tokio::test]
async fn a_terminal_inside_a_container() {
    let (daemon, tasks) = (Dockerd::start(), Tasks::new());
    let docker = found(Here::at(&daemon.socket(), &tasks), &tasks)
        .await
        .unwrap();
    let id = ContainerId::new(daemon.run("shelled", "exec sleep 600"));
    shell_works(&docker, &id).await;
    docker.act(&id, ContainerAct::Kill).await.unwrap();
    let refused = docker
        .terminal(&id, &[], "xterm", (80, 24))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, DockerErrorKind::Conflict, "{refused}");
    assert!(refused.hint.unwrap().contains("start it first"));
    assert!(tasks.shutdown(LONG).await);
}

#[tokio::test]
async fn a_prune_takes_what_was_agreed_to_and_nothing_else() {
    let (daemon, tasks) = (Dockerd::start(), Tasks::new());
    let docker = found(Here::at(&daemon.socket(), &tasks), &tasks)
        .await
        .unwrap();
    daemon.run("stays", "exec sleep 600");
    let created = daemon.create("created", "true", &json!({}));
    let wrote = daemon.run("wrote", "dd if=/dev/zero of=/big bs=1M count=3");
    let revived = daemon.create("revived", "exec sleep 600", &json!({}));
    daemon.post(&format!("/containers/{wrote}/wait"));
    let preview = docker.prune_preview().await.unwrap();
    let names = |what: &pilothouse::domain::PrunePreview| {
        let mut names: Vec<_> = what.containers.iter().map(|(_, n)| n.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&preview), ["created", "revived", "wrote"]);
    assert!(preview.bytes.0 >= 3 << 20, "{:?}", preview.bytes);
    assert_eq!(preview.images, [], "the only image has a name");
    // Between the agreement and the act: one runs again, one is gone, one more has ended.
    daemon.post(&format!("/containers/{revived}/start"));
    docker
        .act(&ContainerId::new(created), ContainerAct::Remove)
        .await
        .unwrap();
    daemon.create("later", "true", &json!({}));
    let taken = docker.prune(&preview).await.unwrap();
    assert_eq!(names(&taken), ["wrote"]);
    let mut left: Vec<_> = docker
        .list()
        .await
        .unwrap()
        .iter()
        .map(|c| c.name.to_string())
        .collect();
    left.sort();
    assert_eq!(left, ["later", "revived", "stays"]);
    let images = docker.images().await.unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].names[0].as_str(), format!("{IMAGE}:latest"));
    assert!(tasks.shutdown(LONG).await);
}

/// A host behind a real sshd with these lines in its configuration, and this `DOCKER_HOST`.
async fn far(daemon: &Dockerd, more: &str) -> (Sshd, RemoteExec) {
    let socket = daemon.socket();
    let sshd = Sshd::with(&format!(
        "SetEnv DOCKER_HOST=unix://{} PATH={{}}/bin:/usr/bin:/bin\n{more}",
        socket.display()
    ));
    let session = connect(&sshd.target(), &context(), Person::silent()).await;
    let exec = RemoteExec::new(session.unwrap());
    (sshd, exec)
}

/// What every way to a daemon must carry: short answers, long answers at once, events, a terminal.
async fn everything_works(daemon: &Dockerd, docker: &Docker) {
    let mut events = docker.events(None).await.unwrap();
    let id = ContainerId::new(daemon.run("far", "exec sleep 600"));
    happens(&mut events, &id, ContainerChange::Started).await;
    let (list, detail, stats, images) = tokio::join!(
        docker.list(),
        docker.inspect(&id),
        docker.stats(&id),
        docker.images()
    );
    assert_eq!(list.unwrap().len(), 1);
    assert_eq!(detail.unwrap().container.id, id);
    assert!(stats.unwrap().since(None).memory.value().is_some());
    assert_eq!(images.unwrap().len(), 1);
    shell_works(docker, &id).await;
    docker.act(&id, ContainerAct::Kill).await.unwrap();
    happens(&mut events, &id, ContainerChange::Died { code: 137 }).await;
}

#[tokio::test]
async fn through_ssh_over_its_socket() {
    let daemon = Dockerd::start();
    let (_sshd, exec) = far(&daemon, "").await;
    let tasks = exec.session().tasks().clone();
    let docker = found(Arc::new(exec), &tasks).await.unwrap();
    everything_works(&daemon, &docker).await;
    assert!(format!("{docker:?}").contains("Socket"));
    quick(&daemon, &docker).await;
}

/// The middle of some lengths of time: one slow moment of a busy machine is nobody's fault.
fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The figures that a console lives on, as seen through SSH.
async fn quick(daemon: &Dockerd, docker: &Docker) {
    let clock = pilothouse::clock::Clock::system();
    for n in 0..60 {
        let labels = json!({"Labels": {"com.docker.compose.project": "many", "n": n.to_string()}});
        daemon.create(&format!("many-{n}"), "true", &labels);
    }
    let (mut calls, mut lists, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    let mut events = docker.events(None).await.unwrap();
    for n in 0..15 {
        let before = clock.at();
        docker.ping().await.unwrap();
        let pinged = clock.at();
        assert_eq!(docker.list().await.unwrap().len(), 61);
        let listed = clock.at();
        let id = ContainerId::new(
            daemon.get(&format!("/containers/many-{n}/json"))["Id"]
                .as_str()
                .unwrap(),
        );
        let renamed = clock.at();
        daemon.post(&format!("/containers/{id}/rename?name=new-{n}"));
        happens(&mut events, &id, ContainerChange::Renamed).await;
        calls.push(pinged.since(before).duration());
        lists.push(listed.since(pinged).duration());
        changes.push(clock.at().since(renamed).duration());
    }
    let (call, list, change) = (middle(calls), middle(lists), middle(changes));
    assert!(call < Duration::from_millis(50), "{call:?}");
    assert!(list < Duration::from_millis(500), "{list:?}");
    assert!(change < Duration::from_millis(200), "{change:?}");
}

/// The `docker` that this sshd's logins find: a way to the socket, and nothing else.
fn stub_docker(sshd: &Sshd) {
    std::fs::create_dir(sshd.path("bin")).unwrap();
    let script = "#!/bin/sh\n[ \"$*\" = 'system dial-stdio' ] || exit 1\nexec socat - \"UNIX-CONNECT:${DOCKER_HOST#unix://}\"\n";
    std::fs::write(sshd.path("bin/docker"), script).unwrap();
    chmod(&sshd.path("bin/docker"), 0o755);
}

#[tokio::test]
async fn through_ssh_where_sockets_are_forbidden() {
    let daemon = Dockerd::start();
    let (sshd, exec) = far(&daemon, "AllowStreamLocalForwarding no").await;
    let (exec, tasks): (Arc<dyn Exec>, _) =
        (Arc::new(exec.clone()), exec.session().tasks().clone());
    // Whether this machine has a docker program of its own is not what is tried here.
    if !std::path::Path::new("/usr/bin/docker").exists() {
        let refused = found(Arc::clone(&exec), &tasks).await.unwrap_err();
        assert_eq!(refused.kind, DockerErrorKind::Forbidden, "{refused}");
        assert!(refused.hint.unwrap().contains("AllowStreamLocalForwarding"));
    }
    stub_docker(&sshd);
    let docker = found(exec, &tasks).await.unwrap();
    assert!(format!("{docker:?}").contains("Program"));
    everything_works(&daemon, &docker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_restarted_is_found_again() {
    let (mut daemon, tasks) = (Dockerd::start(), Tasks::new());
    let exec = Here::at(&daemon.socket(), &tasks);
    let docker = found(Arc::clone(&exec), &tasks).await.unwrap();
    let id = ContainerId::new(daemon.run("before", "exec sleep 600"));
    assert_eq!(
        docker.list().await.unwrap()[0].state,
        ContainerState::Running
    );
    let mut events = docker.events(None).await.unwrap();
    let ended = async { while events.next().await.is_ok() {} };
    tokio::task::block_in_place(|| daemon.end());
    timeout(LONG, ended).await.unwrap();
    let kind = docker.list().await.unwrap_err().kind;
    assert_eq!(kind, DockerErrorKind::Silent);
    assert!(found(Arc::clone(&exec), &tasks).await.is_err());
    tokio::task::block_in_place(|| daemon.restart());
    // The same client finds it again as well: nothing of it was tied to the old one.
    let list = docker.list().await.unwrap();
    assert_eq!(
        (&list[0].id, list[0].state),
        (&id, ContainerState::Exited(137))
    );
    assert!(tasks.shutdown(LONG).await);
}

/// This machine as somebody else sees it.
struct Stranger(LocalExec);

#[async_trait]
impl Exec for Stranger {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let mut as_nobody = ShellCommand::new("setpriv")
            .arg("--reuid=65534")
            .arg("--regid=65534")
            .arg("--clear-groups");
        for word in command.argv() {
            as_nobody = as_nobody.word(ShellWord::new(word).unwrap());
        }
        self.0.run(&as_nobody, limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.0.stream(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, what: Bytes) -> Result<(), ExecError> {
        self.0.upload(path, mode, what).await
    }

    async fn connect(&self, _: &HostSocket) -> Result<BoxedIo, ExecError> {
        panic!("a socket that is kept from us is not even tried")
    }
}

#[tokio::test]
async fn a_socket_that_is_kept_from_us_comes_with_the_mend() {
    let (daemon, tasks) = (Dockerd::start(), Tasks::new());
    chmod(daemon.socket().parent().unwrap(), 0o755);
    let named = ShellWord::new(format!("unix://{}", daemon.socket().display())).unwrap();
    let exec = Named(Arc::new(Stranger(LocalExec::new(tasks.clone()))), named);
    let refused = found(Arc::new(exec), &tasks).await.unwrap_err();
    assert_eq!(refused.kind, DockerErrorKind::NoPermission);
    assert!(refused.what.ends_with("docker.sock"), "{refused}");
    assert!(
        refused
            .hint
            .unwrap()
            .contains("sudo usermod -aG docker USER")
    );
    // Nobody is there any more: what was left says so.
    let (left, socket) = (tempfile::tempdir().unwrap(), "left.sock");
    drop(std::os::unix::net::UnixListener::bind(left.path().join(socket)).unwrap());
    let silent = found(Here::at(&left.path().join(socket), &tasks), &tasks)
        .await
        .unwrap_err();
    assert_eq!(silent.kind, DockerErrorKind::Silent, "{silent}");
    assert!(silent.hint.unwrap().contains("systemctl start docker"));
    let absent = found(Here::at(&left.path().join("none"), &tasks), &tasks)
        .await
        .unwrap_err();
    assert_eq!(absent.kind, DockerErrorKind::Absent, "{absent}");
    assert!(tasks.shutdown(LONG).await);
}
