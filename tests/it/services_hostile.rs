//! Every hostile value in every field of a service and of the configuration around it: refused with its line, or carried as data
//! into the commands, the scripts of jobs and the requests that come of it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::clock::Clock;
use pilothouse::config::{Environment, Flags, Source, resolve};
use pilothouse::domain::{
    BuildContext, DeepProbe, HostId, Install, InstallImage, Managed, Mib, Overlay, Port, Secret,
    ServiceAct, ServiceName, ServiceSpec, ShallowProbe,
};
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, ExecErrorKind, Exit, HostSocket, LineStream, Output, RunLimits,
};
use pilothouse::jobs::{JobSpec, Work};
use pilothouse::services::{Depth, Prober, ServiceOrder, claim, install, order, reapply};
use pilothouse::shell::{EnvName, RemotePath, ShellCommand, ShellWord};
use serde_json::{Value, json};

use crate::swap::nasty::{Aviary, SHARP, nasty, told, with_each};

/// A host that keeps what it is asked to run, and has nothing to say.
#[derive(Default)]
struct Deaf(Mutex<Vec<ShellCommand>>);

#[async_trait]
impl Exec for Deaf {
    async fn run(&self, command: &ShellCommand, _: RunLimits) -> Result<Output, ExecError> {
        self.0.lock().unwrap().push(command.clone());
        Ok(Output {
            exit: Exit::Status(0),
            stdout: Bytes::new(),
            stderr: Bytes::new(),
            dropped: 0,
        })
    }

    async fn stream(&self, _: &ShellCommand) -> Result<LineStream, ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "no streams here"))
    }

    async fn upload(&self, _: &RemotePath, _: u32, _: Bytes) -> Result<(), ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "no files here"))
    }

    async fn connect(&self, _: &HostSocket) -> Result<BoxedIo, ExecError> {
        Err(ExecError::new(ExecErrorKind::NotFound, "no sockets here"))
    }
}

fn port(number: u16) -> Port {
    Port::try_from(number).unwrap()
}

/// A service in which every field says something: one that is added later has to be named here.
fn full(managed: Managed, shallow: ShallowProbe, image: InstallImage) -> ServiceSpec {
    ServiceSpec {
        host: HostId::new("spark-1"),
        name: ServiceName::new("it"),
        managed,
        shallow,
        deep: Some(DeepProbe::Embedding),
        port: Some(port(8000)),
        hidden: false,
        heals: true,
        overlays: vec![Overlay {
            from: PathBuf::from("/here/fix.py"),
            to: RemotePath::new("/app/fix.py").unwrap(),
        }],
        install: Some(Install {
            image,
            inside: port(80),
            volume: Some(("cache".into(), RemotePath::new("/data").unwrap())),
            env: BTreeMap::from([(EnvName::new("LEVEL").unwrap(), "info".to_owned())]),
            memory: Some(Mib(512)),
            gpus: true,
            health: "/health".into(),
        }),
    }
}

fn every_kind() -> Vec<ServiceSpec> {
    let container = || Managed::Container("it".into());
    let git = Managed::Git {
        folder: RemotePath::new("/srv/it").unwrap(),
        container: "it".into(),
    };
    let built = InstallImage::Built {
        name: "it:1".into(),
        context: BuildContext::Embeddings,
    };
    let command = ShallowProbe::Command(vec!["true".into(), "word".into()]);
    vec![
        full(container(), ShallowProbe::Container, built),
        full(
            container(),
            command,
            InstallImage::Nim("nvcr.io/it:1".into()),
        ),
        full(
            Managed::Unit("it.service".into()),
            ShallowProbe::Unit,
            InstallImage::Pulled("it:1".into()),
        ),
        full(
            git,
            ShallowProbe::Container,
            InstallImage::Pulled("it:1".into()),
        ),
    ]
}

/// The script of a job, with its words.
fn job(aviary: &mut Aviary, told: &str, job: &JobSpec) {
    let Work::Script { text, arguments } = &job.work else {
        panic!("{told}: {job:?}");
    };
    let text = ShellWord::new(format!("mark() {{ :; }}\n{text}")).unwrap();
    let command = ShellCommand::new("sh").arg("-c").word(text).arg("job");
    aviary.run(
        told,
        &arguments.iter().cloned().fold(command, ShellCommand::word),
    );
}

/// Whatever may be done with it, and each way to look at it.
fn exercise(
    runtime: &tokio::runtime::Runtime,
    aviary: &mut Aviary,
    told: &str,
    spec: &ServiceSpec,
) {
    let folder = RemotePath::new(aviary.path("sent").display().to_string()).unwrap();
    for act in ServiceAct::ALL {
        match order(spec, act) {
            Err(_) | Ok(ServiceOrder::Container { .. }) => {}
            Ok(ServiceOrder::Command(command)) => aviary.run(told, &command),
            Ok(ServiceOrder::Job(spec)) => job(aviary, told, &spec),
            Ok(ServiceOrder::Reapply) => {
                if let Ok(spec) = reapply(spec, &folder) {
                    job(aviary, told, &spec);
                }
            }
            Ok(ServiceOrder::Install) => {
                if let Ok(spec) = install(spec, Some(&folder), Some(Secret::new("key".into()))) {
                    job(aviary, told, &spec);
                }
            }
        }
    }
    let host = Arc::new(Deaf::default());
    runtime.block_on(async {
        let prober = Prober::new(Arc::clone(&host) as Arc<dyn Exec>, Clock::system());
        for depth in [Depth::Shallow, Depth::Deep] {
            prober.probe(None, spec, depth).await;
        }
        let base = RemotePath::new(aviary.path("base").display().to_string()).unwrap();
        let _deaf = claim(&*host, Some(&base), &spec.name).await;
    });
    for command in host.0.lock().unwrap().drain(..) {
        aviary.run(told, &command);
    }
}

fn aviary() -> Aviary {
    let aviary = Aviary::new();
    for quiet in ["chmod", "sleep", "flock"] {
        aviary.program(quiet, "#!/bin/sh\nexit 0\n");
    }
    aviary
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn no_value_of_a_service_is_more_than_data() {
    let (runtime, mut aviary) = (runtime(), aviary());
    for spec in every_kind() {
        exercise(&runtime, &mut aviary, "as it is", &spec);
        let sound = serde_json::to_value(&spec).unwrap();
        for value in SHARP {
            for (place, document) in with_each(&sound, value) {
                // Whoever hands a service over, as a console of another version would.
                let Ok(spec) = serde_json::from_value::<ServiceSpec>(document) else {
                    continue;
                };
                exercise(&runtime, &mut aviary, &told(&place, value), &spec);
            }
        }
    }
    assert_eq!(aviary.sings(100), [""; 0]);
}

/// A section of the configuration with each value in each of its places. The file that it comes from has every key that there is.
fn section(name: &str) {
    let file = "tests/it/fixtures/config/valid/full.yaml";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let all: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let hosts = json!([{"name": "spark-1"}, {"name": "spark-2"}, {"name": "here", "local": true}]);
    let (runtime, mut aviary) = (runtime(), aviary());
    let (mut accepted, mut seen) = (0, HashSet::new());
    // One entry at a time: the others would be read again and again.
    let entries = match &all[name] {
        Value::Array(entries) => entries.iter().map(|entry| json!([entry])).collect(),
        section => vec![section.clone()],
    };
    let cases = entries
        .iter()
        .flat_map(|entry| nasty().into_iter().map(move |value| (entry, value)));
    for (entry, value) in cases {
        for (place, document) in with_each(&json!({name: entry}), &value) {
            let told = told(&place, &value);
            let Some(services) = read(&json!({name: document[name], "hosts": hosts}), &told) else {
                continue;
            };
            accepted += 1;
            for spec in services {
                // Programs that a person names are meant to be run.
                if !place.contains("/probe/command/0") && seen.insert(format!("{spec:?}")) {
                    exercise(&runtime, &mut aviary, &told, &spec);
                }
            }
        }
    }
    assert!(accepted > 50, "only {accepted} values fit somewhere");
    assert_eq!(aviary.sings(0), [""; 0]);
}

/// The services of a configuration without a problem; each problem has a line, and words that a terminal can show.
fn read(document: &Value, told: &str) -> Option<Vec<Arc<ServiceSpec>>> {
    let source = Source {
        file: PathBuf::from("/etc/fleet/config.yaml"),
        text: document.to_string(),
    };
    let (environment, flags) = (Environment::default(), Flags::default());
    let home = Some(Path::new("/home/ops"));
    let read = resolve(Some(&source), &environment, &flags, home).unwrap();
    for problem in &read.config.problems {
        let mut words = [Some(&problem.what), problem.hint.as_ref()]
            .into_iter()
            .flatten();
        let seen = words.all(|text| !text.chars().any(char::is_control));
        assert!(seen && problem.line.is_some(), "{told} {problem:?}");
    }
    read.config
        .problems
        .is_empty()
        .then_some(read.config.settings.services)
}

#[test]
fn no_value_of_the_services_of_a_configuration_is_more_than_data() {
    section("services");
}

#[test]
fn no_value_of_the_models_of_a_configuration_is_more_than_data() {
    section("models");
}
