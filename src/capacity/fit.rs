//! On which GPUs something fits (pure): the single one that fits best, else the fewest that do together; a refusal says what is free,
//! who holds the rest and what would fit.

use crate::domain::{GpuId, Mib};

/// One GPU, or the unified memory of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Which.
    pub id: GpuId,
    /// Its name for people: `gpu 0`.
    pub name: String,
    /// All of its memory.
    pub total: Mib,
    /// What is free now.
    pub free: Mib,
    /// Who holds the rest.
    pub holders: Vec<Claim>,
}

/// Memory that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who: a container or a process.
    pub who: String,
    /// How much.
    pub holds: Mib,
    /// It is given back before: this is what is stopped.
    pub leaves: bool,
}

impl Room {
    /// What is free once those that leave have left.
    pub fn will_be_free(&self) -> Mib {
        let leaving: Mib = self
            .holders
            .iter()
            .filter(|claim| claim.leaves)
            .map(|claim| claim.holds)
            .sum();
        (self.free + leaving).min(self.total)
    }
}

/// Where something fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The GPUs, in their own order.
    pub rooms: Vec<GpuId>,
    /// What stays free on the fullest of them.
    pub spare: Mib,
    /// The reasoning.
    pub why: String,
}

/// Why something fits nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFit {
    /// What is wanted and what is free.
    pub why: String,
    /// Who holds the rest, the largest first.
    pub holders: Vec<Claim>,
    /// What would make it fit.
    pub mend: String,
}

/// Where `need` fits: on one GPU the fullest that still has it, so that large rooms stay large; else split over as few as do. With
/// `split` given, over exactly so many, each holding `need`.
pub fn fit(need: Mib, split: Option<u16>, rooms: &[Room]) -> Result<Fit, NoFit> {
    if let Some(count) = split.filter(|count| *count > 1) {
        return over_exactly(need, usize::from(count), rooms);
    }
    let best = rooms
        .iter()
        .filter(|room| room.will_be_free() >= need)
        .min_by_key(|room| room.will_be_free());
    if let Some(room) = best {
        return Ok(Fit {
            rooms: vec![room.id.clone()],
            spare: room.will_be_free() - need,
            why: format!("{need} of {} free on {}", room.will_be_free(), room.name),
        });
    }
    if split.is_some() {
        return Err(refusal(need, 1, rooms));
    }
    (2..=rooms.len())
        .find_map(|count| {
            let each = Mib(need.0.div_ceil(u64::try_from(count).unwrap_or(u64::MAX)));
            over_exactly(each, count, rooms).ok()
        })
        .ok_or_else(|| refusal(need, 1, rooms))
}

/// The `count` GPUs that are fullest and still have `each`.
fn over_exactly(each: Mib, count: usize, rooms: &[Room]) -> Result<Fit, NoFit> {
    let mut fitting: Vec<(usize, &Room)> = rooms
        .iter()
        .enumerate()
        .filter(|(_, room)| room.will_be_free() >= each)
        .collect();
    if fitting.len() < count {
        return Err(refusal(each, count, rooms));
    }
    fitting.sort_by_key(|(_, room)| room.will_be_free());
    fitting.truncate(count);
    let spare = fitting
        .first()
        .map_or(Mib(0), |(_, room)| room.will_be_free() - each);
    fitting.sort_by_key(|(place, _)| *place);
    let names: Vec<&str> = fitting.iter().map(|(_, room)| room.name.as_str()).collect();
    Ok(Fit {
        rooms: fitting.iter().map(|(_, room)| room.id.clone()).collect(),
        spare,
        why: format!("{each} on each of {}", names.join(", ")),
    })
}

fn refusal(each: Mib, count: usize, rooms: &[Room]) -> NoFit {
    let free: Vec<String> = rooms
        .iter()
        .map(|room| {
            format!(
                "{} has {} of {}",
                room.name,
                room.will_be_free(),
                room.total
            )
        })
        .collect();
    let wanted = match count {
        1 => format!("{each} is needed on one GPU"),
        _ => format!("{each} is needed on each of {count} GPUs"),
    };
    let why = match free.as_slice() {
        [] => format!("{wanted}, and there is none"),
        _ => format!("{wanted}; free: {}", free.join(", ")),
    };
    let mut holders: Vec<Claim> = rooms
        .iter()
        .flat_map(|room| room.holders.iter().filter(|claim| !claim.leaves).cloned())
        .collect();
    holders.sort_by_key(|claim| std::cmp::Reverse(claim.holds));
    NoFit {
        why,
        mend: mend(each, count, rooms, &holders),
        holders,
    }
}

/// The least that has to go, or what would fit instead.
fn mend(each: Mib, count: usize, rooms: &[Room], holders: &[Claim]) -> String {
    let mut free: Vec<Mib> = rooms.iter().map(Room::will_be_free).collect();
    free.sort_unstable_by_key(|mib| std::cmp::Reverse(*mib));
    let most = free.get(count.saturating_sub(1)).copied().unwrap_or(Mib(0));
    let holds = |room: &Room| {
        let staying = room.holders.iter().filter(|claim| !claim.leaves);
        room.will_be_free() + staying.map(|claim| claim.holds).sum()
    };
    let emptied = rooms.iter().filter(|room| holds(room) >= each).count();
    match holders.first() {
        Some(first) if emptied >= count => format!(
            "{} holds {}: stop it, or take what fits into {most}",
            first.who, first.holds
        ),
        _ if rooms.len() < count => format!("{} more of them would be needed", count - rooms.len()),
        _ => format!("what fits is at most {most}: a shorter context or a smaller model"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room(index: usize, total: u64, free: u64, holders: &[(&str, u64, bool)]) -> Room {
        Room {
            id: GpuId::new(format!("index:{index}")),
            name: format!("gpu {index}"),
            total: Mib(total),
            free: Mib(free),
            holders: holders
                .iter()
                .map(|(who, holds, leaves)| Claim {
                    who: (*who).to_owned(),
                    holds: Mib(*holds),
                    leaves: *leaves,
                })
                .collect(),
        }
    }

    fn found(fit: Result<Fit, NoFit>) -> Vec<String> {
        fit.map(|fit| fit.rooms.iter().map(|id| id.as_str().to_owned()).collect())
            .unwrap_or_default()
    }

    #[test]
    fn the_fullest_that_fits_else_the_fewest() {
        let rooms = [
            room(0, 81_920, 80_000, &[]),
            room(1, 49_152, 40_000, &[]),
            room(2, 81_920, 30_000, &[("vllm", 50_000, false)]),
        ];
        assert_eq!(found(fit(Mib(35_000), None, &rooms)), ["index:1"]);
        assert_eq!(found(fit(Mib(60_000), None, &rooms)), ["index:0"]);
        assert_eq!(found(fit(Mib(80_000), Some(1), &rooms)), ["index:0"]);
        assert_eq!(
            found(fit(Mib(80_001), None, &rooms)),
            ["index:0", "index:1", "index:2"]
        );
        assert_eq!(found(fit(Mib(100_000), None, &rooms)), Vec::<String>::new());
        assert_eq!(
            found(fit(Mib(30_000), Some(2), &rooms)),
            ["index:1", "index:2"]
        );
        assert_eq!(
            found(fit(Mib(90_000), None, &rooms)),
            ["index:0", "index:1", "index:2"]
        );
    }

    #[test]
    fn what_leaves_counts_as_free_and_a_refusal_says_who_stays() {
        let rooms = [room(
            0,
            81_920,
            1_000,
            &[("vllm_node", 60_000, true), ("parakeet", 20_000, false)],
        )];
        assert_eq!(fit(Mib(60_500), None, &rooms).unwrap().spare, Mib(500));
        let no = fit(Mib(70_000), None, &rooms).unwrap_err();
        assert_eq!(
            no.why,
            "68 GiB is needed on one GPU; free: gpu 0 has 60 GiB of 80 GiB"
        );
        assert_eq!(no.holders.len(), 1);
        assert_eq!(
            no.mend,
            "parakeet holds 20 GiB: stop it, or take what fits into 60 GiB"
        );
        let never = fit(Mib(90_000), Some(1), &rooms).unwrap_err();
        assert!(never.mend.contains("smaller model"), "{}", never.mend);
        let few = fit(Mib(10), Some(4), &rooms).unwrap_err();
        assert_eq!(few.mend, "3 more of them would be needed");
    }

    fn rooms() -> impl Strategy<Value = Vec<Room>> {
        let one = (1..200_000u64, 0..100u64, 0..100u64);
        proptest::collection::vec(one, 0..8).prop_map(|all| {
            all.into_iter()
                .enumerate()
                .map(|(index, (total, used, leaving))| {
                    let used = total * used / 100;
                    let leaves = used * leaving / 100;
                    room(
                        index,
                        total,
                        total - used,
                        &[("a", leaves, true), ("b", used - leaves, false)],
                    )
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_given_really_fits_and_no_smaller_answer_was_there(rooms in rooms(), need in 1..600_000u64) {
            let free = |id: &GpuId| rooms.iter().find(|room| room.id == *id).unwrap().will_be_free();
            match fit(Mib(need), None, &rooms) {
                Ok(fit) => {
                    let count = fit.rooms.len() as u64;
                    let each = need.div_ceil(count);
                    prop_assert!(fit.rooms.iter().all(|id| free(id).0 >= each));
                    if count == 1 {
                        let taken = free(&fit.rooms[0]);
                        prop_assert!(rooms.iter().all(|room| room.will_be_free().0 < need || room.will_be_free() >= taken));
                    } else {
                        let less = need.div_ceil(count - 1);
                        prop_assert!((rooms.iter().filter(|room| room.will_be_free().0 >= less).count() as u64) < count - 1);
                    }
                }
                Err(no) => {
                    for count in 1..=rooms.len() as u64 {
                        let each = need.div_ceil(count);
                        prop_assert!((rooms.iter().filter(|room| room.will_be_free().0 >= each).count() as u64) < count);
                    }
                    prop_assert!(!no.mend.is_empty() && !no.why.is_empty());
                }
            }
        }
    }
}
