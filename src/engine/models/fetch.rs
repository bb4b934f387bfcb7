//! Weights that come and go: a download is begun and goes on by itself; a deletion is waited for, and the disk looked at again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::carry::{DELETION, begun, exec, failed, look};
use super::secrets;
use crate::domain::{Bytes, HostId, Mib, RepoId};
use crate::engine::carry::Carried;
use crate::engine::command::{Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::exec::LocalExec;
use crate::jobs::{Job, JobId, JobState, Jobs};
use crate::models::{
    DownloadOrder, ModelSource, Peer, WeightsError, WeightsErrorKind, WeightsScan, WorkState,
    download as begin_download, freed, is_in_use, remove as begin_remove, work_state,
};

/// Between two looks at a deletion.
const PACE: Duration = Duration::from_millis(300);

/// Weights that are to be fetched.
#[derive(Debug)]
pub(in crate::engine) struct Download {
    pub(super) repo: RepoId,
    pub(super) host: HostId,
    pub(super) peers: Vec<Peer>,
}

/// Begins a download on the head of a place; its peers are copied to by the same job.
pub(super) async fn download(wanted: Download, shared: &Shared) -> Carried {
    let exec = match exec(shared, &wanted.host) {
        Ok(exec) => exec,
        Err(refusal) => return failed(refusal),
    };
    let settings = &shared.models.settings;
    let token = match &settings.hub_token {
        None => None,
        Some(source) => {
            let here = LocalExec::new(shared.tasks.clone());
            match secrets::read(source, &here).await {
                Ok(token) => Some(token),
                Err(refusal) => return failed(refusal),
            }
        }
    };
    let order = DownloadOrder {
        hub: settings.hub.clone(),
        token,
        peers: wanted.peers,
        ..DownloadOrder::new(wanted.repo)
    };
    let outcome = begin_download(&Jobs::new(exec), &order).await;
    look(shared, &wanted.host);
    match outcome {
        Ok(work) => begun(&wanted.host, work),
        Err(error) => Carried::unverified(refused(&error)),
    }
}

fn refused(error: &WeightsError) -> Reply {
    let beneath = std::error::Error::source(error).map(|source| format!(": {source}"));
    let refusal = Refusal {
        why: format!("{error}{}", beneath.unwrap_or_default()),
        hint: error.hint.clone(),
    };
    match error.kind {
        WeightsErrorKind::Host => Reply::Unknown(refusal),
        WeightsErrorKind::Refused => Reply::Refused(refusal),
        _ => Reply::Failed(refusal),
    }
}

/// What became of a deletion on one host.
pub(super) struct Removed {
    host: HostId,
    outcome: Result<Option<Bytes>, Reply>,
}

/// Deletes on one host, waits for the end, and looks whether they are gone.
pub(super) async fn remove(repo: &RepoId, host: &HostId, shared: &Shared) -> Removed {
    let outcome = removed(repo, host, shared).await;
    if let Some(link) = shared.links.link(host) {
        link.disk.now();
    }
    Removed {
        host: host.clone(),
        outcome,
    }
}

async fn removed(repo: &RepoId, host: &HostId, shared: &Shared) -> Result<Option<Bytes>, Reply> {
    let exec = exec(shared, host).map_err(Reply::Failed)?;
    let jobs = Jobs::new(Arc::clone(&exec));
    let work = begin_remove(&jobs, repo).await.map_err(|e| refused(&e))?;
    let id = JobId::new(&work.0).map_err(|error| {
        Reply::Failed(Refusal {
            why: error.to_string(),
            hint: None,
        })
    })?;
    let job = ended(&jobs, &id).await?;
    match work_state(&job) {
        WorkState::Done => {}
        WorkState::Failed { why, hint } => {
            let refusal = Refusal {
                why: why.to_string(),
                hint: hint.map(|hint| hint.to_string()),
            };
            return Err(if is_in_use(&job) {
                Reply::Refused(refusal)
            } else {
                Reply::Failed(refusal)
            });
        }
        state => {
            return Err(Reply::Failed(Refusal {
                why: format!("the deletion did not come to its end: {state:?}"),
                hint: Some("look at the disk again".into()),
            }));
        }
    }
    let found = WeightsScan::new(Vec::new()).look(exec.as_ref()).await;
    let source = ModelSource::Repo(repo.clone());
    match found {
        Ok(report) if report.of(&source).is_none() => Ok(freed(&job)),
        Ok(_) => Err(Reply::Failed(Refusal {
            why: "they were deleted, and are there again".into(),
            hint: Some("something fetches them at the same time".into()),
        })),
        Err(error) => Err(Reply::Unknown(Refusal {
            why: format!("they were deleted, and the disk could not be looked at: {error}"),
            hint: error.hint,
        })),
    }
}

/// Waits for the end of a job.
async fn ended(jobs: &Jobs, id: &JobId) -> Result<Job, Reply> {
    let looks = async {
        loop {
            match jobs.look(id).await {
                Ok(job) if job.state != JobState::Running => return Ok(job),
                Ok(_) => sleep(PACE).await,
                Err(error) => {
                    return Err(Reply::Unknown(Refusal {
                        why: format!("how the deletion went could not be seen: {error}"),
                        hint: error.hint,
                    }));
                }
            }
        }
    };
    timeout(DELETION, looks).await.unwrap_or_else(|_| {
        Err(Reply::Unknown(Refusal {
            why: "the deletion takes long, and goes on by itself".into(),
            hint: Some("look at the disk later".into()),
        }))
    })
}

/// One answer for all hosts: the worst, with every host told.
pub(super) fn together(all: Vec<Removed>) -> Carried {
    let mut told = Vec::new();
    let mut worst: Option<Reply> = None;
    for Removed { host, outcome } in all {
        match outcome {
            Ok(Some(bytes)) => told.push(format!(
                "{host}: gone, {} came free",
                Mib::from_bytes(bytes.0)
            )),
            Ok(None) => told.push(format!("{host}: gone")),
            Err(reply) => {
                let (why, hint) = words(&reply);
                told.push(format!("{host}: {why}"));
                let refusal = Refusal {
                    why: format!("{host}: {why}"),
                    hint,
                };
                let reply = match reply {
                    Reply::Refused(_) => Reply::Refused(refusal),
                    Reply::Failed(_) => Reply::Failed(refusal),
                    _ => Reply::Unknown(refusal),
                };
                if worst.as_ref().map(gravity) < Some(gravity(&reply)) {
                    worst = Some(reply);
                }
            }
        }
    }
    Carried {
        reply: worst.unwrap_or(Reply::Done),
        verification: Some(told.join("; ").into()),
    }
}

/// What was refused left everything as it was; what failed may have left a half; of what is unknown nobody knows.
fn gravity(reply: &Reply) -> u8 {
    match reply {
        Reply::Refused(_) => 0,
        Reply::Failed(_) => 1,
        _ => 2,
    }
}

fn words(reply: &Reply) -> (String, Option<String>) {
    match reply {
        Reply::Failed(refusal) | Reply::Refused(refusal) | Reply::Unknown(refusal) => {
            (refusal.why.clone(), refusal.hint.clone())
        }
        other => (format!("{other:?}"), None),
    }
}
