//! What the runner of jobs says on a simulated machine (pure): of the works that were there before the demo began, and of those that
//! a person begins.

use super::fetched::{Fetch, deletion, likely_size};
use super::keeps::Keeper;
use super::orders::{Beat, Deed, Order, Orders, What};
use super::swapped::{Found, Swap};
use super::weights;
use crate::domain::Wall;

/// What is fetched when the demo begins.
const FETCHED: &str = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4";

/// The machine that fetches it.
const FETCHER: &str = "spark-1";

/// The machine that was swapped.
const SWAPPED: &str = "spark-2";

/// Bytes of it.
const TOTAL: u64 = 183 * (1 << 30) / 10;

/// What was there when the demo began.
const BEFORE: u64 = 6 << 30;

/// Bytes of it in a second.
const RATE: u64 = 71_000_000;

/// Seconds before the demo at which the swap began.
const SWAP_AGO: i64 = 5_140;

const SWAP_LOG: &str = "pilothouse: lock: done in 0.0 s. free\n\
    pilothouse: stop: done in 7.4 s. 41.2 GiB came back\n\
    pilothouse: launch: done in 2.1 s. vllm_node runs\n\
    Loading safetensors checkpoint shards: 100% Completed | 15/15 [03:08<00:00, 12.53s/it]\n\
    INFO:     Application startup complete.\n\
    pilothouse: load: done in 251.8 s. 15 of 15 shards\n\
    pilothouse: ready: done in 1.9 s. it answers";

/// What was begun before the demo, on the machine of this name.
pub(super) fn past(name: &str, started: Wall) -> Orders {
    let mut orders = Orders::default();
    if name == FETCHER {
        let fetch = Fetch {
            rate: RATE,
            ..Fetch::new(FETCHED, TOTAL, BEFORE)
        };
        let label = format!("download {FETCHED}");
        let beats = fetch.beats(&[]);
        let mut order = Order::new(
            "weights-00000000demo0001",
            "weights-demo",
            &label,
            started,
            beats,
        );
        order.fetch = Some(fetch);
        orders.add(order);
    }
    if name == SWAPPED {
        let begun = Wall(started.0 - SWAP_AGO * 1000);
        let label = format!("swap {SWAPPED} to gpt-oss-120b");
        let beats = last_swap(begun.0 / 1000);
        orders.add(Order::new(
            "job-00000000demo0002",
            "models-swap",
            &label,
            begun,
            beats,
        ));
        orders.served = Some("gpt-oss-120b".into());
        orders.history.push(format!(
            "{} - 3 742 213 25180 190 102260 102260 gpt-oss-120b",
            begun.0 / 1000 + 263
        ));
    }
    orders
}

fn last_swap(begun: i64) -> Vec<Beat> {
    let after = 263_000;
    let mark = |key, value: &str| Beat {
        at: after,
        what: What::Mark(key, value.to_owned()),
    };
    // Each phase: when it began, and how long it took in hundredths of a second.
    let phases = [
        ("lock", 0, 3, "free"),
        ("stop", 0, 742, "41.2 GiB came back"),
        ("launch", 7, 213, "vllm_node runs"),
        ("load", 9, 25_180, "15 of 15 shards"),
        ("ready", 261, 190, "it answers"),
    ];
    let mut beats = vec![
        mark("swap", SWAPPED),
        mark("model", "gpt-oss-120b"),
        mark("before", "qwen3.6-35b-fp8"),
        mark("by", "maria@atelier"),
    ];
    beats.extend(phases.iter().map(|(phase, since, took, words)| {
        mark(phase, &format!("done {} {took} {words}", begun + since))
    }));
    beats.extend(SWAP_LOG.lines().map(|line| Beat {
        at: after,
        what: What::Line(line.to_owned()),
    }));
    beats.push(mark("end", "served"));
    beats
}

/// What the runner says, and what is to be done for it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) said: String,
    /// The work that begins.
    pub(super) begun: Option<String>,
    /// What happens at once.
    pub(super) deeds: Vec<Deed>,
}

/// The runner's answer.
pub(super) fn answer(
    keeper: &Keeper<'_>,
    orders: &mut Orders,
    (verb, words): (&str, &[&str]),
    input: &str,
) -> Answer {
    let mut answer = Answer::default();
    let said = match (verb, words) {
        ("follow", [id, from, ..]) => {
            let said = orders.follow(id, from.parse().unwrap_or(0), keeper.now);
            answer.said = format!("pilothouse-jobs 1\n{said}");
            return answer;
        }
        ("begin", [id, key, _, label, _, _, _, rest @ ..]) => {
            match begin(keeper, orders, (id, key, label), rest, input) {
                Ok(said) => {
                    answer.begun = Some((*id).to_owned());
                    said
                }
                Err(said) => said,
            }
        }
        _ => {
            let (said, deeds) = orders.answer(verb, words, keeper.now);
            answer.deeds = deeds;
            said
        }
    };
    answer.said = format!("pilothouse-jobs 1\n{said}end\n");
    answer
}

/// Begins a work; an error where there is one already, or it can't be played.
fn begin(
    keeper: &Keeper<'_>,
    orders: &mut Orders,
    (id, key, label): (&str, &str, &str),
    words: &[&str],
    input: &str,
) -> Result<String, String> {
    if let Some(holder) = orders.holder(key, keeper.now) {
        return Err(format!("held {} {}\n", holder.id, holder.label));
    }
    if orders.find(id).is_some() {
        return Err("begun 0\n".into());
    }
    let now = keeper.now;
    let order = match (key, words) {
        ("models-swap", words) => {
            let swap = Swap::read(words);
            let token = input.lines().next().unwrap_or_default();
            let found = found(keeper, orders, &swap, token);
            let (beats, launches) = swap.beats(&found, now);
            let mut order = Order::new(id, key, label, now, beats);
            order.launches = launches;
            order
        }
        (_, ["fetch", repo, _, _, _, _, peers @ ..]) => {
            let there = weights::bytes(keeper, orders, repo);
            let total = weights::known_size(repo).unwrap_or_else(|| likely_size(repo));
            let fetch = Fetch::new(repo, total, there.unwrap_or(0));
            let beats = fetch.beats(&pairs(peers));
            let mut order = Order::new(id, key, label, now, beats);
            order.fetch = Some(fetch);
            order
        }
        (_, ["copy", repo, _, _, _, _, peers @ ..]) => {
            let there = weights::bytes(keeper, orders, repo).unwrap_or(0);
            let beats = Fetch::new(repo, there, there).beats(&pairs(peers));
            Order::new(id, key, label, now, beats)
        }
        (_, [repo]) if label.starts_with("delete ") => {
            let beats = deletion(repo, weights::bytes(keeper, orders, repo));
            Order::new(id, key, label, now, beats)
        }
        _ => {
            let why =
                "this machine is simulated: only swaps, downloads and deletions are played on it";
            return Err(format!("refused {why}\n"));
        }
    };
    orders.add(order);
    Ok("begun 1\n".into())
}

fn pairs(words: &[&str]) -> Vec<(String, String)> {
    let pair = |pair: &[&str]| {
        let [name, address] = pair else { return None };
        let address = address.rsplit('@').next().unwrap_or(address);
        Some(((*name).to_owned(), address.to_owned()))
    };
    words.chunks_exact(2).filter_map(pair).collect()
}

fn found(keeper: &Keeper<'_>, orders: &Orders, swap: &Swap, token: &str) -> Found {
    let repo = swap.repo();
    let reserved = orders.reservation.as_ref();
    Found {
        running: keeper.holds(),
        before: orders.served.clone(),
        shards: repo.and_then(|repo| weights::shards(keeper, orders, &repo)),
        gpu: keeper.gpu(),
        reserved: reserved.and_then(|held| held.refuses(token, keeper.now)),
    }
}
