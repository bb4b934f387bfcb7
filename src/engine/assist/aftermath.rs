//! What became of proposals whose console ended before it could tell (pure): the ledger has an intent from before each act, so
//! one that stands there was approved, whatever the conversation knows of it.

use crate::assistant::{Decided, Went};
use crate::domain::{ActId, ActOutcome, LedgerEntry, LedgerEvent, ProposalId, SessionId, Wall};
use crate::engine::policy::Proposed;

/// How a proposal of a console that is gone ended, as the ledger tells it. `None`: nothing was begun, for every act is written
/// down before.
pub(super) fn told_by_the_ledger(
    entries: &[LedgerEntry],
    (session, proposal): (SessionId, ProposalId),
    made: Wall,
) -> Option<Decided> {
    let words = Proposed { proposal, session }.words();
    // Another console may have had a proposal with this number in this conversation, before it was made.
    let intent = entries.iter().rev().find(|entry| {
        matches!(&entry.event, LedgerEvent::Intent(intent) if intent.proposed.as_ref() == Some(&words))
            && entry.wall >= made
    })?;
    let act = ActId(intent.number);
    let outcome = entries.iter().find_map(|entry| match &entry.event {
        LedgerEvent::Outcome {
            act: of, outcome, ..
        } if *of == act => Some(outcome),
        _ => None,
    });
    Some(match outcome {
        Some(ActOutcome::Done) => ended(act, Went::Done, "done"),
        Some(ActOutcome::Failed(why)) => ended(act, Went::Failed, why.as_str()),
        Some(ActOutcome::Unknown(why)) => ended(act, Went::Unknown, &format!("not known: {why}")),
        None => match Decided::abandoned(true) {
            Decided::Approved { outcome, went, .. } => Decided::Approved {
                act: Some(act),
                outcome,
                went,
            },
            other => other,
        },
    })
}

/// How one ended of which nothing is known here, and the ledger can't be read.
pub(super) fn untold(why: &str) -> Decided {
    let outcome = format!(
        "the console that showed it has ended, and whether it was approved is not known here, for the ledger can't be read: \
         {why}; look at `status` before anything is sent again"
    );
    Decided::Approved {
        act: None,
        outcome: outcome.into(),
        went: Went::Unknown,
    }
}

fn ended(act: ActId, went: Went, outcome: &str) -> Decided {
    Decided::Approved {
        act: Some(act),
        outcome: outcome.into(),
        went,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Intent;

    const OURS: (SessionId, ProposalId) = (SessionId(7), ProposalId(1));

    fn intent(number: u64, wall: i64, proposed: Option<&str>) -> LedgerEntry {
        LedgerEntry {
            number,
            wall: Wall(wall),
            event: LedgerEvent::Intent(Intent {
                who: "ada".into(),
                from: "console".into(),
                host: None,
                what: "restart it".into(),
                request: "POST /restart".into(),
                confirmed: "typed web".into(),
                proposed: proposed.map(Into::into),
                armed: None,
            }),
        }
    }

    fn outcome(number: u64, act: u64, outcome: ActOutcome) -> LedgerEntry {
        let (act, verification) = (ActId(act), None);
        LedgerEntry {
            number,
            wall: Wall(9_000),
            event: LedgerEvent::Outcome {
                act,
                outcome,
                verification,
            },
        }
    }

    #[test]
    fn proposals_by_rows() {
        const NAME: &str = "Claude, session 7, proposal 1";
        let told = |entries: &[LedgerEntry]| told_by_the_ledger(entries, OURS, Wall(1_000));
        let nothing: [&[LedgerEntry]; 4] = [
            &[],
            // A person's own act, another conversation's, and one from before it was made.
            &[intent(1, 2_000, None)],
            &[intent(1, 2_000, Some("Claude, session 8, proposal 1"))],
            &[intent(1, 999, Some(NAME)), outcome(2, 1, ActOutcome::Done)],
        ];
        for entries in nothing {
            assert_eq!(told(entries), None, "{entries:?}");
        }
        let rows = [
            (None, Went::Unknown, "nobody knows whether it happened"),
            (Some(ActOutcome::Done), Went::Done, "done"),
            (
                Some(ActOutcome::Failed("no such unit".into())),
                Went::Failed,
                "no such unit",
            ),
            (
                Some(ActOutcome::Unknown("lost".into())),
                Went::Unknown,
                "not known: lost",
            ),
        ];
        for (row, wanted, holds) in rows {
            let mut entries = vec![intent(3, 1_000, Some(NAME)), intent(4, 1_001, None)];
            entries.extend(row.map(|row| outcome(5, 3, row)));
            let Some(Decided::Approved { act, outcome, went }) = told(&entries) else {
                panic!("{entries:?}");
            };
            assert_eq!((act, went), (Some(ActId(3)), wanted));
            assert!(outcome.as_str().contains(holds), "{outcome}");
        }
    }
}
