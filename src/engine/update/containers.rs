//! What a host's container engine told: the list kept in order, and after a break what had changed meanwhile.

use std::sync::Arc;

use crate::domain::At;
use crate::engine::{Containers, ContainersMsg, DaemonState};

/// Folds what the container engine of one host told.
pub(super) fn update(known: &mut Containers, at: At, msg: ContainersMsg) {
    match msg {
        ContainersMsg::Listed { daemon, list } => {
            known.list = list.into_iter().map(Arc::new).collect();
            known.list.sort_by(|a, b| a.name.cmp(&b.name));
            known.daemon = DaemonState::Up { daemon, since: at };
        }
        ContainersMsg::Changed(_)
        | ContainersMsg::Gone(_)
        | ContainersMsg::Stats(_)
        | ContainersMsg::Absent { .. }
        | ContainersMsg::Lost { .. } => {}
    }
}
