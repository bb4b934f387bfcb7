//! What people are told: kept in the fleet, newest last, and sent to whoever listens.

use std::sync::Arc;

use crate::engine::{Effect, Fleet, Notice};

/// Notices kept for a face that opens the list later.
const KEPT: usize = 200;

/// Tells people something.
pub(super) fn tell(fleet: &mut Fleet, notice: Notice, effects: &mut Vec<Effect>) {
    let notices = Arc::make_mut(&mut fleet.notices);
    while notices.len() >= KEPT {
        notices.pop_front();
    }
    notices.push_back(notice.clone());
    effects.push(Effect::Notify(notice));
}

/// Tells people something, unless they were told the same and it is still in the list.
pub(super) fn tell_once(fleet: &mut Fleet, notice: Notice, effects: &mut Vec<Effect>) {
    let told = |old: &Notice| old.host == notice.host && old.sentence == notice.sentence;
    if !fleet.notices.iter().any(told) {
        tell(fleet, notice, effects);
    }
}
