//! Waiting until every host has said what it runs, or why it can't.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::domain::HealthWord;
use crate::engine::{DaemonState, Fleet, Handle, Host, Outcome, Verdict};

/// After this the fleet is taken as it is: a dial, and the search for an engine behind it.
const LIMIT: Duration = Duration::from_secs(20);

/// The fleet as soon as every host has told of its containers, or why it does not; or late, as it is then.
pub(super) async fn settled(handle: &Handle) -> Arc<Fleet> {
    let mut fleet = handle.fleet();
    let all = fleet.wait_for(|fleet| fleet.hosts.iter().all(|host| is_settled(fleet, host)));
    if let Ok(Ok(settled)) = timeout(LIMIT, all).await {
        return Arc::clone(&settled);
    }
    Arc::clone(&handle.fleet().borrow())
}

/// Whether there is something to say of a host's containers: the list, or what stands in the way.
fn is_settled(fleet: &Fleet, host: &Host) -> bool {
    match host.containers.daemon {
        DaemonState::Unknown => {
            is_down(host) || fleet.questions.iter().any(|asked| asked.host == host.id)
        }
        _ => true,
    }
}

fn is_down(host: &Host) -> bool {
    matches!(
        host.ladder.verdict(),
        Verdict::Down { .. } | Verdict::Wedged { .. }
    )
}

/// Whether a host can't be reached.
pub(super) fn is_unreachable(host: &Host) -> bool {
    matches!(host.containers.daemon, DaemonState::Unknown)
        && (is_down(host)
            || matches!(
                host.word,
                HealthWord::Connecting | HealthWord::Asking | HealthWord::Down | HealthWord::Wedged
            ))
}

/// Why a host can't be reached, and the mend.
pub(super) fn unreachable(host: &Host) -> Option<(String, Option<String>)> {
    match host.ladder.verdict() {
        Verdict::Down { rung, .. } | Verdict::Wedged { rung, .. } => {
            let Outcome::Failed { why, hint, .. } = host.ladder.outcome(rung) else {
                return None;
            };
            let why = format!("unreachable ({}): {why}", rung.word());
            Some((why, hint.as_ref().map(ToString::to_string)))
        }
        _ if host.word == HealthWord::Asking => Some((
            "it asks something that only a person can answer".into(),
            Some(format!("open it with `pilothouse {}`", host.id)),
        )),
        _ => None,
    }
}
