//! Carries a confirmed change of a service out: a request to the container engine, a command of systemd, or a job of its host; then
//! looks at it.

use std::sync::Arc;
use std::time::Duration;

use super::stakes::ServiceChange;
use crate::config::SecretSource;
use crate::domain::{HostId, InstallImage, Secret, ServiceAct, ServiceSpec};
use crate::engine::carry::Carried;
use crate::engine::carry_container;
use crate::engine::command::{Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::engine::models::read_secret;
use crate::engine::remote;
use crate::exec::{Exec, LocalExec, RunLimits};
use crate::jobs::{JobErrorKind, JobId, JobSpec, Jobs};
use crate::models::WorkId;
use crate::services::{
    Depth, NoWay, ServiceOrder, StageError, context, install, overlays, reapply, send,
};
use crate::shell::RemotePath;
use crate::text::SafeText;

/// What systemd may take to start or stop something.
const UNIT: RunLimits = RunLimits {
    timeout: Duration::from_mins(2),
    output: 16 * 1024,
};

/// The key of NVIDIA's registry, in the person's own environment.
const NGC_KEY: &str = "NGC_API_KEY";

/// Carries a change out.
pub(in crate::engine) async fn carry(change: ServiceChange, shared: Arc<Shared>) -> Carried {
    let ServiceChange { spec, act, order } = change;
    let carried = ordered(&spec, order, &shared).await;
    if act != ServiceAct::Stop
        && let Some(link) = shared.links.link(&spec.host)
        && let Some(looking) = link.looking_at(&spec.name)
    {
        let looked = Arc::clone(&shared);
        looked.tasks.spawn(async move {
            looking.look(Depth::Shallow).await;
        });
    }
    carried
}

async fn ordered(spec: &ServiceSpec, order: ServiceOrder, shared: &Shared) -> Carried {
    let host = &spec.host;
    let Some(exec) = shared.links.exec(host) else {
        return failed(format!("{host} is not connected"), None);
    };
    match order {
        ServiceOrder::Container { name, act } => match shared.links.docker(host) {
            Ok(docker) => {
                let id = crate::domain::ContainerId::new(name.as_str());
                carry_container::act(&docker, &id, &SafeText::from(name), act).await
            }
            Err(refusal) => Carried::unverified(Reply::Failed(refusal)),
        },
        ServiceOrder::Command(command) => {
            let carried = remote::ran(exec.run(&command, UNIT).await);
            quiet(carried)
        }
        ServiceOrder::Job(job) => begin(host, exec, &job, shared).await,
        ServiceOrder::Reapply => match reapplied(spec, exec.as_ref()).await {
            Ok(job) => begin(host, exec, &job, shared).await,
            Err(carried) => carried,
        },
        ServiceOrder::Install => match installed(spec, exec.as_ref(), shared).await {
            Ok(job) => begin(host, exec, &job, shared).await,
            Err(carried) => carried,
        },
    }
}

/// A command that says nothing when all is well answers with that, and with its complaint otherwise.
fn quiet(carried: Carried) -> Carried {
    match &carried.reply {
        Reply::Ran { exit: Some(0), .. } => Carried {
            reply: Reply::Done,
            ..carried
        },
        Reply::Ran { lines, .. } => {
            let said = lines.last().map(ToString::to_string);
            Carried {
                reply: Reply::Failed(Refusal {
                    why: said
                        .unwrap_or_else(|| "systemd could not do it, and did not say why".into()),
                    hint: Some("look at the journal of the unit".into()),
                }),
                ..carried
            }
        }
        _ => carried,
    }
}

async fn reapplied(spec: &ServiceSpec, exec: &dyn Exec) -> Result<JobSpec, Carried> {
    let files = overlays(spec).await.map_err(|error| unsent(&error))?;
    let folder = send(exec, None, files)
        .await
        .map_err(|error| unsent(&error))?;
    reapply(spec, &folder).map_err(|no| no_way(&no))
}

/// From where the config says, else from the person's own environment.
async fn ngc_key(shared: &Shared) -> Result<Secret<String>, Carried> {
    let usual = SecretSource::Variable(NGC_KEY.to_owned());
    let named = shared.models.ngc_key();
    let here = LocalExec::new(shared.tasks.clone());
    let read = read_secret(named.unwrap_or(&usual), &here).await;
    read.map_err(|refusal| {
        let hint = refusal.hint.filter(|_| named.is_some());
        let usual =
            format!("say where it is to be had as `ngc_key` under `models`, or set {NGC_KEY}");
        failed(
            format!("the key of NVIDIA's registry is not known: {}", refusal.why),
            Some(&hint.unwrap_or(usual)),
        )
    })
}

async fn installed(
    spec: &ServiceSpec,
    exec: &dyn Exec,
    shared: &Shared,
) -> Result<JobSpec, Carried> {
    let image = spec.install.as_ref().map(|install| &install.image);
    let folder: Option<RemotePath> = match image {
        Some(InstallImage::Built { context: from, .. }) => {
            let files = context(from).await.map_err(|error| unsent(&error))?;
            Some(
                send(exec, None, files)
                    .await
                    .map_err(|error| unsent(&error))?,
            )
        }
        _ => None,
    };
    let key = match image {
        Some(InstallImage::Nim(_)) => Some(ngc_key(shared).await?),
        _ => None,
    };
    install(spec, folder.as_ref(), key).map_err(|no| no_way(&no))
}

async fn begin(host: &HostId, exec: Arc<dyn Exec>, job: &JobSpec, shared: &Shared) -> Carried {
    let (jobs, id) = (Jobs::new(exec), JobId::fresh());
    let mut outcome = jobs.begin(&id, job).await;
    if matches!(&outcome, Err(error) if error.kind == JobErrorKind::Host) {
        // The same name begins nothing twice: asking again tells whether it was begun.
        outcome = jobs.begin(&id, job).await;
    }
    if let Some(link) = shared.links.link(host) {
        link.works.now();
    }
    match outcome {
        Ok(begun) => Carried {
            reply: Reply::Working {
                host: host.clone(),
                work: WorkId(begun.id.as_str().to_owned()),
            },
            verification: Some(format!("begun as the job {} on {host}", begun.id).into()),
        },
        Err(error) => Carried::unverified(crate::engine::models::not_begun(&error)),
    }
}

fn unsent(error: &StageError) -> Carried {
    let beneath = std::error::Error::source(error).map(|source| format!(": {source}"));
    failed(format!("{error}{}", beneath.unwrap_or_default()), None)
}

fn no_way(no: &NoWay) -> Carried {
    failed(no.what.clone(), no.hint)
}

fn failed(why: String, hint: Option<&str>) -> Carried {
    Carried::unverified(Reply::Failed(Refusal {
        why,
        hint: hint.map(str::to_owned),
    }))
}
