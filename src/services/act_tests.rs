//! Acts as orders, and the scripts of their jobs run by this machine's shell against a stand-in for docker.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::{
    BuildContext, ContainerAct, HostId, Install, InstallImage, Managed, Mib, Overlay, Port, Secret,
    ServiceAct, ServiceName, ServicePreset, ServiceSpec,
};
use crate::exec::{Exec, LocalExec, RunLimits};
use crate::jobs::{Job, JobId, JobSpec, JobState, Jobs, Work};
use crate::reach::test_service::{Service as Server, answer, nobody};
use crate::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use crate::tasks::Tasks;

/// Plays docker: what it was asked is written down with the variables that matter, containers are folders.
const DOCKER: &str = r#"#!/bin/sh
root=${0%/*}
echo "$* [${NGC_API_KEY-}]" >>"$root/asked"
case $1 in
login) cat >"$root/key"; [ ! -f "$root/no-login" ] ;;
pull | build) [ ! -f "$root/no-image" ] ;;
inspect)
	for name; do :; done
	[ -d "$root/box/$name" ] || exit 1
	case $* in
	*Labels*) cat "$root/box/$name/label" ;;
	*State*) echo "running 0 0" ;;
	esac
	;;
run)
	shift
	while [ "$1" != --name ]; do shift; done
	mkdir -p "$root/box/$2" && echo it >"$root/box/$2/label"
	;;
rm) rm -rf "$root/box/$3" ;;
cp)
	case $2 in
	*:*) from=$root/box/${2%%:*}${2#*:} ;;
	*) from=$2 ;;
	esac
	case $3 in
	-) exec cat "$from" ;;
	*:*) to=$root/box/${3%%:*}${3#*:} ;;
	*) to=$3 ;;
	esac
	cp -p "$from" "$to"
	;;
compose) [ ! -f "$root/no-compose" ] ;;
esac
"#;

/// A host with a stand-in for docker.
struct Stand {
    folder: tempfile::TempDir,
    exec: Arc<dyn Exec>,
    jobs: Jobs,
    tasks: Tasks,
}

impl Stand {
    fn new() -> Self {
        let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
        let docker = folder.path().join("docker");
        fs::write(&docker, DOCKER).unwrap();
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        let exec: Arc<dyn Exec> = Arc::new(LocalExec::new(tasks.clone()));
        let base = RemotePath::new(folder.path().to_str().unwrap()).unwrap();
        let jobs = Jobs::at(Arc::clone(&exec), &base);
        Self {
            folder,
            exec,
            jobs,
            tasks,
        }
    }

    fn base(&self) -> RemotePath {
        RemotePath::new(self.path("").to_str().unwrap()).unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a job to its end with the stand-in before everything else; its end and its log.
    async fn done(&self, mut spec: JobSpec) -> (Job, String) {
        let Work::Script { text, .. } = &mut spec.work else {
            panic!("{spec:?}")
        };
        *text = format!("PATH={}:$PATH\n{text}", self.folder.path().display());
        let id = JobId::fresh();
        self.jobs.begin(&id, &spec).await.unwrap();
        let waits = async {
            loop {
                let job = self.jobs.look(&id).await.unwrap();
                if job.state != JobState::Running {
                    return job;
                }
            }
        };
        let job = tokio::time::timeout(Duration::from_mins(1), waits);
        let job = job.await.unwrap();
        let log = self.jobs.follow(&id, 0).await.unwrap().bytes;
        (job, String::from_utf8_lossy(&log).into_owned())
    }

    async fn sh(&self, script: &str, words: &[&Path]) {
        let mut command = ShellCommand::new("sh").arg("-ec");
        command = command.word(ShellWord::new(script).unwrap()).arg("sh");
        for word in words {
            command = command.word(ShellWord::new(word.to_str().unwrap()).unwrap());
        }
        let output = self.exec.run(&command, RunLimits::default()).await.unwrap();
        assert!(output.exit.is_success(), "{output:?}");
    }

    async fn end(self) {
        assert!(self.tasks.shutdown(Duration::from_secs(5)).await);
    }
}

fn end(job: &Job) -> &str {
    job.marks.get("end").map_or("", |mark| mark.value.as_str())
}

fn spec(managed: Managed) -> ServiceSpec {
    let (host, name) = (HostId::new("spark-2"), ServiceName::new("it"));
    ServicePreset::Embeddings.spec(host, name, None, managed)
}

fn boxed() -> ServiceSpec {
    spec(Managed::Container("box".into()))
}

fn installs(image: InstallImage, port: Port) -> ServiceSpec {
    ServiceSpec {
        port: Some(port),
        install: Some(Install {
            image,
            inside: Port::try_from(8000).unwrap(),
            volume: Some(("cache".into(), RemotePath::new("/opt/cache").unwrap())),
            env: BTreeMap::from([(EnvName::new("A").unwrap(), "x; $(reboot) 'y'".into())]),
            memory: Some(Mib(40 * 1024)),
            gpus: true,
            health: "/health".into(),
        }),
        ..boxed()
    }
}

#[test]
fn orders_by_rows() {
    let unit = spec(Managed::Unit("qdrant.service".into()));
    let git = spec(Managed::Git {
        folder: RemotePath::new("/srv/bot").unwrap(),
        container: "bot".into(),
    });
    let watched = spec(Managed::Watched);
    let container = |name: &str, act| {
        Ok(ServiceOrder::Container {
            name: name.into(),
            act,
        })
    };
    assert_eq!(
        order(&boxed(), ServiceAct::Restart),
        container("box", ContainerAct::Restart)
    );
    assert_eq!(
        order(&git, ServiceAct::Stop),
        container("bot", ContainerAct::Stop)
    );
    let Ok(ServiceOrder::Command(command)) = order(&unit, ServiceAct::Start) else {
        panic!()
    };
    assert!(
        command
            .render()
            .ends_with("pilothouse-unit start qdrant.service"),
        "{command}"
    );
    let Ok(ServiceOrder::Job(job)) = order(&git, ServiceAct::Update) else {
        panic!()
    };
    assert_eq!(
        (job.label.as_str(), job.lease.as_ref().unwrap().as_str()),
        ("update it", "service-it")
    );
    for (spec, act) in [
        (&boxed(), ServiceAct::Update),
        (&boxed(), ServiceAct::Reapply),
        (&boxed(), ServiceAct::Install),
        (&unit, ServiceAct::Install),
        (&git, ServiceAct::Install),
    ] {
        assert!(order(spec, act).is_err(), "{spec:?} {act:?}");
    }
    for act in ServiceAct::ALL {
        assert!(order(&watched, act).is_err(), "{act:?}");
    }
}

#[test]
fn names_are_no_options() {
    let port = Port::try_from(9000).unwrap();
    for bad in ["", "-v", "a b", "a;b", "$(x)", "a\nb", "é", "a'b"] {
        let pulled = installs(InstallImage::Pulled(bad.into()), port);
        assert!(install(&pulled, None, None).is_err(), "{bad:?}");
        let mut named = installs(InstallImage::Pulled("img".into()), port);
        named.managed = Managed::Container(bad.into());
        assert!(install(&named, None, None).is_err(), "{bad:?}");
    }
    let mut volume = installs(InstallImage::Pulled("img".into()), port);
    volume.install.as_mut().unwrap().volume =
        Some(("/:/host".into(), RemotePath::new("/x").unwrap()));
    assert!(install(&volume, None, None).is_err());
}

#[tokio::test]
async fn a_nim_is_installed_and_its_key_stays_nowhere() {
    let (stand, server) = (Stand::new(), Server::says(answer("200 OK", "ok")).await);
    let image = "nvcr.io/nim/nvidia/parakeet:1.0";
    let spec = installs(InstallImage::Nim(image.into()), server.endpoint.port);
    let key = || Some(Secret::new("nvapi-secret".to_owned()));
    let (job, log) = stand.done(install(&spec, None, key()).unwrap()).await;
    assert_eq!(
        (job.state, end(&job)),
        (JobState::Ended(0), &*format!("done {image}")),
        "{log}"
    );
    assert_eq!(stand.text("key"), "nvapi-secret");
    let asked = stand.text("asked");
    let port = server.endpoint.port;
    let expected = format!(
        "run --detach --name box --restart unless-stopped --label pilothouse.service=it --publish {port}:8000 \
         --env A=x; $(reboot) 'y' --env NGC_API_KEY --shm-size 16g --memory 40960m --memory-swap 40960m --gpus all \
         --volume cache:/opt/cache {image} [nvapi-secret]"
    );
    assert!(asked.contains(&expected), "{asked}");
    assert!(
        asked.contains("login --username $oauthtoken --password-stdin nvcr.io []"),
        "{asked}"
    );
    assert!(
        !log.contains("nvapi-secret") && !asked.replace("[nvapi-secret]", "").contains("nvapi"),
        "{log}"
    );
    // Once more: what was installed from here is replaced; what somebody else made is not.
    let (job, log) = stand.done(install(&spec, None, key()).unwrap()).await;
    assert_eq!(job.state, JobState::Ended(0), "{log}");
    fs::write(stand.path("box/box/label"), "").unwrap();
    let (job, _) = stand.done(install(&spec, None, key()).unwrap()).await;
    assert_eq!(
        end(&job),
        "failed begin: there is a container box that was not installed from here"
    );
    fs::write(stand.path("box/box/label"), "it\n").unwrap();
    fs::write(stand.path("no-login"), "").unwrap();
    let (job, _) = stand.done(install(&spec, None, key()).unwrap()).await;
    assert_eq!(end(&job), "failed login: nvcr.io does not take the key");
    let (job, _) = stand.done(install(&spec, None, None).unwrap()).await;
    assert_eq!(end(&job), "failed login: there is no key of NGC");
    server.end().await;
    stand.end().await;
}

#[tokio::test]
async fn an_image_is_built_from_what_was_sent() {
    let (stand, server) = (Stand::new(), Server::says(answer("200 OK", "ok")).await);
    let files = context(&BuildContext::Embeddings).await.unwrap();
    let base = stand.base();
    let folder = send(stand.exec.as_ref(), Some(&base), files).await.unwrap();
    let sent = Path::new(folder.as_str());
    let mut names: Vec<_> = fs::read_dir(sent)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["Dockerfile", "requirements.txt", "server.py"]);
    let server_py = fs::read_to_string(sent.join("server.py")).unwrap();
    assert_eq!(server_py, include_str!("embeddings/server.py"));
    let image = InstallImage::Built {
        name: "pilothouse/embeddings".into(),
        context: BuildContext::Embeddings,
    };
    let spec = installs(image, server.endpoint.port);
    assert!(install(&spec, None, None).is_err());
    let (job, log) = stand
        .done(install(&spec, Some(&folder), None).unwrap())
        .await;
    assert_eq!(job.state, JobState::Ended(0), "{log}");
    assert!(
        stand
            .text("asked")
            .contains("build --tag pilothouse/embeddings")
    );
    // What was sent is not left behind, and the phases were told.
    assert!(!sent.exists());
    let phases = "pilothouse: build\npilothouse: run\npilothouse: health\n";
    assert!(log.contains(phases), "{log}");
    server.end().await;
    stand.end().await;
}

#[tokio::test]
async fn a_container_that_ends_is_told_with_its_phase() {
    let stand = Stand::new();
    let spec = installs(InstallImage::Pulled("img".into()), nobody().await.port);
    let text = DOCKER.replace("running 0 0", "exited 1 0");
    fs::write(stand.path("docker"), text).unwrap();
    let (job, _) = stand.done(install(&spec, None, None).unwrap()).await;
    assert!(
        end(&job).starts_with("failed health: box is exited 1 0"),
        "{}",
        end(&job)
    );
    fs::write(stand.path("no-image"), "").unwrap();
    let (job, _) = stand.done(install(&spec, None, None).unwrap()).await;
    assert_eq!(end(&job), "failed pull: img can not be pulled");
    stand.end().await;
}

#[tokio::test]
async fn overlays_are_put_in_and_the_original_is_kept_once() {
    let stand = Stand::new();
    fs::create_dir_all(stand.path("box/box/app dir")).unwrap();
    fs::write(stand.path("box/box/app dir/a.py"), "original").unwrap();
    let mut spec = boxed();
    for (name, text) in [("a.py", "first"), ("b.py", "new")] {
        fs::write(stand.path(name), text).unwrap();
        spec.overlays.push(Overlay {
            from: stand.path(name),
            to: RemotePath::new(format!("/app dir/{name}")).unwrap(),
        });
    }
    let base = stand.base();
    for text in ["first", "second"] {
        fs::write(stand.path("a.py"), text).unwrap();
        let files = overlays(&spec).await.unwrap();
        let folder = send(stand.exec.as_ref(), Some(&base), files).await.unwrap();
        let (job, log) = stand.done(reapply(&spec, &folder).unwrap()).await;
        assert_eq!(end(&job), "done 2 files", "{log}");
        assert_eq!(stand.text("box/box/app dir/a.py"), text);
        let kept = stand.text("box/box/app dir/a.py.pilothouse-original");
        assert_eq!(kept, "original");
        assert!(!Path::new(folder.as_str()).exists());
    }
    assert_eq!(stand.text("box/box/app dir/b.py"), "new");
    assert_eq!(stand.text("asked").matches("restart box").count(), 2);
    let gone = ServiceSpec {
        managed: Managed::Container("gone".into()),
        ..spec
    };
    let sent = send(stand.exec.as_ref(), Some(&base), Vec::new()).await;
    let (job, _) = stand.done(reapply(&gone, &sent.unwrap()).unwrap()).await;
    assert_eq!(end(&job), "failed begin: there is no container gone");
    stand.end().await;
}

/// A checkout that is one commit behind its remote.
async fn checkout() -> (Stand, impl Fn() -> JobSpec) {
    let stand = Stand::new();
    let (remote, here) = (stand.path("remote"), stand.path("here"));
    let make = r#"export GIT_CONFIG_GLOBAL=/dev/null
git init -q -b main "$1" && cd "$1"
git config user.email a@b && git config user.name a
echo one >file && echo .env >.gitignore && git add -A && git commit -qm one
git clone -q "$1" "$2"
echo two >file && echo new >new && git add -A && git commit -qm two
cd "$2" && git config user.email a@b && git config user.name a && echo secret >.env"#;
    stand.sh(make, &[&remote, &here]).await;
    let git = spec(Managed::Git {
        folder: RemotePath::new(here.to_str().unwrap()).unwrap(),
        container: "bot".into(),
    });
    let job = move || match order(&git, ServiceAct::Update) {
        Ok(ServiceOrder::Job(job)) => *job,
        other => panic!("{other:?}"),
    };
    (stand, job)
}

#[tokio::test]
async fn a_checkout_is_brought_to_its_remote() {
    let (stand, job) = checkout().await;
    let (done, log) = stand.done(job()).await;
    assert!(end(&done).starts_with("done "), "{log}");
    assert_eq!(stand.text("here/file"), "two\n");
    // What git ignores stays.
    assert_eq!(stand.text("here/.env"), "secret\n");
    assert!(stand.text("asked").contains("compose up --build --detach"));
    fs::write(stand.path("no-compose"), "").unwrap();
    let (failed, _) = stand.done(job()).await;
    assert!(
        end(&failed).starts_with("failed up: compose"),
        "{}",
        end(&failed)
    );
    stand.end().await;
}

#[tokio::test]
async fn what_somebody_did_in_a_checkout_is_never_thrown_away() {
    let rows = [
        (
            "echo mine >file",
            "failed begin: files were changed there and not committed:  M file",
            "mine\n",
        ),
        (
            "echo mine >file && git commit -qam mine",
            "failed forward: main has commits that origin/main does not have: 1",
            "mine\n",
        ),
        (
            "echo mine >new",
            "failed forward: it can not be brought to origin/main: ",
            "one\n",
        ),
        (
            "mv ../remote ../elsewhere",
            "failed fetch: the remote of origin/main can not be fetched: ",
            "one\n",
        ),
        (
            "git checkout -q --detach",
            "failed begin: no branch is checked out there",
            "one\n",
        ),
        (
            "git branch -q --unset-upstream",
            "failed begin: the branch main follows no branch of a remote",
            "one\n",
        ),
    ];
    for (change, told, file) in rows {
        let (stand, job) = checkout().await;
        let script = format!("cd \"$1\" && {change}");
        stand.sh(&script, &[&stand.path("here")]).await;
        let (failed, log) = stand.done(job()).await;
        assert!(end(&failed).starts_with(told), "{change}: {log}");
        assert_eq!(stand.text("here/file"), file, "{change}");
        let asked = fs::read_to_string(stand.path("asked")).unwrap_or_default();
        assert!(!asked.contains("compose up"), "{change}: {asked}");
        stand.end().await;
    }
}
