//! Carries a confirmed change of models out: a job is begun on its host and goes on there without us, a reservation is taken, weights
//! are deleted and looked for again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::fetch;
use super::look::refresh;
use super::stakes::{ModelsChange, foreign};
use super::swapping::{Swapping, at_work};
use crate::domain::{HostId, Secret};
use crate::engine::carry::Carried;
use crate::engine::command::{Refusal, Reply};
use crate::engine::host_actor::Shared;
use crate::engine::models_state::ModelsMsg;
use crate::engine::msg::HostMsg;
use crate::exec::Exec;
use crate::jobs::{JobError, JobErrorKind, JobId, JobState, Jobs};
use crate::models::{
    LockError, LockOrder, LockOutcome, LockState, WorkId, fresh_token, order_lock, swap_job,
};
use crate::text::SafeText;

/// The name of this machine.
const MACHINE: &str = "/proc/sys/kernel/hostname";

/// The longest name of whoever begins a swap.
const LONGEST_NAME: usize = 60;

/// Carries a change out.
pub(in crate::engine) async fn carry(change: ModelsChange, shared: Arc<Shared>) -> Carried {
    match change {
        ModelsChange::Swap { swapping, token } => swap(*swapping, token, &shared).await,
        ModelsChange::Cancel { host, work } => cancel(&host, &work, &shared).await,
        ModelsChange::Lock { head, order } => lock(&head, order, &shared).await,
        ModelsChange::Download(download) => fetch::download(download, &shared).await,
        ModelsChange::Remove { repo, hosts } => {
            let removals = hosts.iter().map(|host| fetch::remove(&repo, host, &shared));
            fetch::together(join_all(removals).await)
        }
    }
}

pub(super) fn exec(shared: &Shared, host: &HostId) -> Result<Arc<dyn Exec>, Refusal> {
    shared.links.exec(host).ok_or_else(|| Refusal {
        why: format!("{host} is not connected"),
        hint: None,
    })
}

pub(super) fn failed(refusal: Refusal) -> Carried {
    Carried::unverified(Reply::Failed(refusal))
}

/// A job that is at work now.
pub(super) fn begun(host: &HostId, work: WorkId) -> Carried {
    let verification = format!(
        "begun as the job {} on {host}, which goes on there by itself; its end is an entry of its own",
        work.0
    );
    Carried {
        reply: Reply::Working {
            host: host.clone(),
            work,
        },
        verification: Some(verification.into()),
    }
}

/// Has the works of a host looked at: something began or ended there.
pub(super) fn look(shared: &Shared, host: &HostId) {
    if let Some(link) = shared.links.link(host) {
        link.works.now();
    }
}

async fn swap(swapping: Swapping, token: Option<Secret<String>>, shared: &Shared) -> Carried {
    let head = swapping.head().clone();
    let exec = match exec(shared, &head) {
        Ok(exec) => exec,
        Err(refusal) => return failed(refusal),
    };
    let mut plan = swapping.plan();
    plan.by = who(shared).await;
    plan.token = match token {
        Some(token) => Some(token),
        None => shared.models.tokens.of(&head).await,
    };
    let spec = match swap_job(&plan) {
        Ok(spec) => spec,
        Err(error) => {
            return failed(Refusal {
                why: error.to_string(),
                hint: Some("look at the recipe".into()),
            });
        }
    };
    let (jobs, id) = (Jobs::new(exec), JobId::fresh());
    let mut outcome = jobs.begin(&id, &spec).await;
    if matches!(&outcome, Err(error) if error.kind == JobErrorKind::Host) {
        // The same name begins nothing twice: asking again tells whether it was begun.
        outcome = jobs.begin(&id, &spec).await;
    }
    look(shared, &head);
    match outcome {
        Ok(begun_job) => begun(&head, WorkId(begun_job.id.as_str().to_owned())),
        Err(error) => Carried::unverified(
            match &error.kind {
                JobErrorKind::Held(_) => busy(&head, shared).await,
                _ => None,
            }
            .unwrap_or_else(|| not_begun(&error)),
        ),
    }
}

/// Whose swap is at work on a head where another one was begun a moment before.
async fn busy(head: &HostId, shared: &Shared) -> Option<Reply> {
    refresh(Some(head.clone()), shared).await;
    let fleet = Arc::clone(&shared.handle.fleet().borrow());
    let host = fleet.host(head)?;
    at_work(host).map(Reply::Refused)
}

pub(in crate::engine) fn not_begun(error: &JobError) -> Reply {
    let beneath = std::error::Error::source(error).map(|source| format!(": {source}"));
    let refusal = Refusal {
        why: format!("{error}{}", beneath.unwrap_or_default()),
        hint: error.hint.clone(),
    };
    match &error.kind {
        JobErrorKind::Held(_) => Reply::Refused(Refusal {
            hint: Some("wait for its end, or cancel it".into()),
            ..refusal
        }),
        JobErrorKind::Host => Reply::Unknown(refusal),
        _ => Reply::Failed(refusal),
    }
}

/// Who begins it, as other consoles show it: `ann@desk`.
async fn who(shared: &Shared) -> String {
    let machine = tokio::fs::read_to_string(MACHINE).await;
    let machine = machine.unwrap_or_else(|_| "a console".to_owned());
    let plain = |text: &str| -> String {
        let kept = SafeText::new(text.trim()).to_string();
        kept.chars().take(LONGEST_NAME).collect()
    };
    format!("{}@{}", plain(shared.models.who.as_str()), plain(&machine))
}

async fn cancel(host: &HostId, work: &WorkId, shared: &Shared) -> Carried {
    let exec = match exec(shared, host) {
        Ok(exec) => exec,
        Err(refusal) => return failed(refusal),
    };
    let id = match JobId::new(&work.0) {
        Ok(id) => id,
        Err(error) => return Carried::unverified(not_begun(&error)),
    };
    let outcome = Jobs::new(exec).cancel(&id).await;
    look(shared, host);
    match outcome {
        Ok(JobState::Running) => Carried::unverified(Reply::Unknown(Refusal {
            why: "it was asked to end, and has not ended yet".into(),
            hint: Some("look at it again in a moment".into()),
        })),
        Ok(state) => Carried {
            reply: Reply::Done,
            verification: Some(ended(state).into()),
        },
        Err(error) => Carried::unverified(not_begun(&error)),
    }
}

fn ended(state: JobState) -> String {
    match state {
        JobState::Cancelled => "its job was cancelled".to_owned(),
        JobState::Ended(status) => format!("its job had ended by itself with status {status}"),
        JobState::Expired => "its job had taken too long and was ended".to_owned(),
        JobState::Lost => "its runner was gone already".to_owned(),
        JobState::Running => "it is at work".to_owned(),
    }
}

async fn lock(head: &HostId, order: LockOrder, shared: &Shared) -> Carried {
    let exec = match exec(shared, head) {
        Ok(exec) => exec,
        Err(refusal) => return failed(refusal),
    };
    let kept = shared.models.tokens.of(head).await;
    let order = match with_token(order, kept) {
        Ok(order) => order,
        Err(error) => return failed(lock_refusal(&error)),
    };
    let outcome = order_lock(exec.as_ref(), None, &order).await;
    look(shared, head);
    match outcome {
        Ok(LockOutcome::Held(state)) => taken(head, order, state, shared).await,
        Ok(LockOutcome::Free) => {
            shared.models.tokens.forget(head).await;
            show(head, None, shared).await;
            Carried {
                reply: Reply::Lock {
                    state: None,
                    token: None,
                },
                verification: Some("nobody holds it now".into()),
            }
        }
        Ok(LockOutcome::Refused(state)) => {
            Carried::unverified(Reply::Refused(foreign(head.as_str(), &state, state.left)))
        }
        Err(error) => Carried::unverified(match &error {
            LockError::Host(_) => Reply::Unknown(lock_refusal(&error)),
            _ => Reply::Failed(lock_refusal(&error)),
        }),
    }
}

/// The order with the token that this console keeps, or a new one.
fn with_token(order: LockOrder, kept: Option<Secret<String>>) -> Result<LockOrder, LockError> {
    Ok(match order {
        LockOrder::Take {
            holder,
            ttl,
            note,
            token,
        } => LockOrder::Take {
            holder,
            ttl,
            note,
            token: Some(match token.or(kept) {
                Some(token) => token,
                None => fresh_token()?,
            }),
        },
        LockOrder::Release { token } => LockOrder::Release {
            token: token.or(kept),
        },
        LockOrder::Break => LockOrder::Break,
    })
}

async fn taken(head: &HostId, order: LockOrder, state: LockState, shared: &Shared) -> Carried {
    let LockOrder::Take { token, holder, .. } = order else {
        return failed(Refusal {
            why: format!("{head} is still reserved by {}", state.holder),
            hint: None,
        });
    };
    let mut verification = format!("held by {holder}");
    if let Some(token) = &token
        && let Err(error) = shared.models.tokens.keep(head, token).await
    {
        use std::fmt::Write as _;
        // Writing to a String can't fail.
        let _ = write!(
            verification,
            "; its token is kept for this session only: {error}"
        );
    }
    let state = LockState {
        ours: true,
        ..state
    };
    show(head, Some(state.clone()), shared).await;
    Carried {
        reply: Reply::Lock {
            state: Some(state),
            token,
        },
        verification: Some(verification.into()),
    }
}

/// The next change is judged by what the host has just said, and not by the look before.
async fn show(head: &HostId, state: Option<LockState>, shared: &Shared) {
    let msg = HostMsg::Models(ModelsMsg::Lock(state));
    shared.lanes.host(head, msg).await;
}

fn lock_refusal(error: &LockError) -> Refusal {
    let beneath = std::error::Error::source(error).map(|source| format!(": {source}"));
    Refusal {
        why: format!("{error}{}", beneath.unwrap_or_default()),
        hint: error.hint().map(str::to_owned),
    }
}

/// A console waits so long for a deletion.
pub(super) const DELETION: Duration = Duration::from_mins(10);
