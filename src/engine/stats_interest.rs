//! Which containers of a host somebody wants measured, and until when. Looking has to be renewed: a face that left is not
//! measured for. No async but for waiting until somebody looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::{At, ContainerId};

/// So long a look lasts.
const EXPIRY: Duration = Duration::from_secs(15);

/// Between two readings of one container that somebody looks at.
const ONE: Duration = Duration::from_secs(1);

/// Between two readings of all that run.
const ALL: Duration = Duration::from_secs(3);

/// What somebody looks at.
#[derive(Debug, Default)]
pub(super) struct StatsInterest {
    looks: Mutex<Looks>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Looks {
    /// Until when all that run are looked at, and when they are due.
    all: Option<Look>,
    /// The same of single ones.
    only: BTreeMap<ContainerId, Look>,
}

/// A look at something.
#[derive(Debug, Clone, Copy)]
struct Look {
    until: At,
    due: At,
}

/// What is to be measured now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// Nobody looks.
    Nobody,
    /// Nothing before this moment.
    At(At),
    /// All that run.
    All,
    /// These.
    Only(Vec<ContainerId>),
}

impl Look {
    /// Renewed; what is looked at anew is due at once.
    fn renew(known: Option<Self>, now: At) -> Self {
        Self {
            until: now.plus(EXPIRY),
            due: known.map_or(now, |look| look.due),
        }
    }
}

impl StatsInterest {
    /// Somebody looks at one container, or at all.
    pub(super) fn look(&self, only: Option<ContainerId>, now: At) {
        let mut looks = self.lock();
        match only {
            None => looks.all = Some(Look::renew(looks.all, now)),
            Some(id) => {
                let known = looks.only.get(&id).copied();
                looks.only.insert(id, Look::renew(known, now));
            }
        }
        drop(looks);
        self.news.notify_one();
    }

    /// Waits until somebody looks at something.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// What is to be measured now; it is due again after its time.
    pub(super) fn due(&self, now: At) -> Due {
        let mut looks = self.lock();
        looks.all = looks.all.filter(|look| look.until > now);
        looks.only.retain(|_, look| look.until > now);
        if let Some(all) = looks.all.as_mut().filter(|all| all.due <= now) {
            all.due = now.plus(ALL);
            // Who looks at all looks at each of them.
            for look in looks.only.values_mut() {
                look.due = now.plus(ONE);
            }
            return Due::All;
        }
        let due: Vec<ContainerId> = looks
            .only
            .iter_mut()
            .filter(|(_, look)| look.due <= now)
            .map(|(id, look)| {
                look.due = now.plus(ONE);
                id.clone()
            })
            .collect();
        if !due.is_empty() {
            return Due::Only(due);
        }
        let next = looks.all.iter().chain(looks.only.values());
        match next.map(|look| look.due.min(look.until)).min() {
            Some(next) => Due::At(next),
            None => Due::Nobody,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_is_due_in_its_time_and_no_longer_than_that() {
        let interest = StatsInterest::default();
        let (one, two) = (ContainerId::new("one"), ContainerId::new("two"));
        assert_eq!(interest.due(At(0)), Due::Nobody);
        interest.look(Some(one.clone()), At(100));
        assert_eq!(interest.due(At(100)), Due::Only(vec![one.clone()]));
        assert_eq!(interest.due(At(100)), Due::At(At(1100)));
        // Looking again does not make it due sooner.
        interest.look(Some(one.clone()), At(200));
        assert_eq!(interest.due(At(200)), Due::At(At(1100)));
        interest.look(Some(two.clone()), At(1100));
        assert_eq!(interest.due(At(1100)), Due::Only(vec![one, two]));
        interest.look(None, At(1200));
        assert_eq!(interest.due(At(1200)), Due::All);
        assert_eq!(interest.due(At(1200)), Due::At(At(2200)));
        // Nobody renews.
        assert!(matches!(interest.due(At(15_500)), Due::All));
        assert!(matches!(interest.due(At(16_199)), Due::At(_)));
        assert_eq!(interest.due(At(16_200)), Due::Nobody);
    }
}
