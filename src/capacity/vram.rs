//! How much memory a model needs (pure): measured peaks of earlier loads, else weights, KV cache and overhead, each with its
//! reasoning in words.

use crate::domain::{Bytes, Mib};

/// CUDA context, compiled graphs and activations of a serving engine, at least. vLLM's own profile runs show 1.5 to 3 GiB for
/// models of 7 to 120 billion parameters; the larger share is in proportion to the weights.
const OVERHEAD: Mib = Mib(2048);

/// Hundredths of the weights that activations and graphs take on top.
const OVERHEAD_PERCENT: u64 = 5;

/// What one GPU, or the unified memory of one host, has to hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Need {
    /// Size of the weights on disk, all of them.
    pub weights: Option<Bytes>,
    /// What the KV cache is made of.
    pub kv: Option<KvCache>,
    /// GPUs that the weights and the cache are split over.
    pub split: u16,
    /// The share of each GPU's memory that the engine takes whatever it needs (`--gpu-memory-utilization`), in hundredths.
    pub ceiling: Option<Ceiling>,
    /// What earlier loads of this very launch held on one host.
    pub measured: Option<Measured>,
}

/// What the KV cache of one model is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvCache {
    /// Layers with a cache.
    pub layers: u32,
    /// KV heads.
    pub heads: u32,
    /// Size of one head.
    pub head_dim: u32,
    /// Bytes of one value: 2, or 1 with an fp8 cache.
    pub value_bytes: u8,
    /// Tokens that have to fit: the longest context.
    pub tokens: u64,
}

impl KvCache {
    /// Bytes of one token: keys and values of every layer.
    pub fn per_token(self) -> u64 {
        2 * u64::from(self.layers)
            * u64::from(self.heads)
            * u64::from(self.head_dim)
            * u64::from(self.value_bytes)
    }

    /// Bytes of the whole cache.
    pub fn bytes(self) -> u64 {
        self.per_token().saturating_mul(self.tokens)
    }
}

/// What an engine takes of a GPU whatever it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// In hundredths of its memory.
    pub percent: u8,
    /// Its memory.
    pub of: Mib,
}

/// What earlier loads held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The most.
    pub peak: Mib,
    /// Loads that were measured.
    pub loads: usize,
}

/// What is known about a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Memory of each GPU (or host with unified memory) that it is split over.
    pub each: Mib,
    /// Where that comes from.
    pub basis: Basis,
    /// The reasoning, one sentence.
    pub why: String,
    /// What its weights and its cache want on each, where the engine's share is smaller than that.
    pub wants: Option<Mib>,
}

/// Where a figure comes from, the surer first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Earlier loads of this very launch.
    Measured,
    /// The share that the engine was told to take.
    Share,
    /// Weights, cache and overhead.
    Estimated,
}

/// How much each GPU has to hold. `None`: nothing is known at all.
pub fn estimate(need: &Need) -> Option<Estimate> {
    let split = u64::from(need.split.max(1));
    let parts = parts(need, split);
    if let Some(measured) = need.measured {
        let loads = match measured.loads {
            1 => "the last load".to_owned(),
            n => format!("the most of the last {n} loads"),
        };
        return Some(Estimate {
            each: measured.peak,
            basis: Basis::Measured,
            why: format!("{} measured: {loads} of this very launch", measured.peak),
            wants: None,
        });
    }
    match (need.ceiling, parts) {
        (Some(ceiling), parts) => Some(by_share(ceiling, parts)),
        (None, Some(parts)) => Some(Estimate {
            each: parts.total,
            basis: Basis::Estimated,
            why: parts.why,
            wants: None,
        }),
        (None, None) => None,
    }
}

struct Parts {
    total: Mib,
    why: String,
}

/// Rounded up: what is estimated has to fit.
fn mib(bytes: u64) -> Mib {
    Mib(bytes.div_ceil(1024 * 1024))
}

fn parts(need: &Need, split: u64) -> Option<Parts> {
    let weights = mib(need.weights?.0.div_ceil(split));
    let cache = need.kv.map(|kv| {
        // A head is never cut in two: with fewer KV heads than GPUs each has all of one.
        let over = split.min(u64::from(kv.heads.max(1)));
        mib(kv.bytes().div_ceil(over))
    });
    let overhead = OVERHEAD + Mib(weights.0 * OVERHEAD_PERCENT / 100);
    let total = weights + cache.unwrap_or(Mib(0)) + overhead;
    let cache_words = match (need.kv, cache) {
        (Some(kv), Some(cache)) => {
            format!("{cache} KV cache for {} tokens", kv.tokens)
        }
        _ => "a KV cache that is not known".to_owned(),
    };
    let each = if split > 1 {
        format!(" on each of {split} GPUs")
    } else {
        String::new()
    };
    Some(Parts {
        total,
        why: format!(
            "{total} estimated{each}: {weights} weights, {cache_words}, {overhead} overhead"
        ),
    })
}

/// The engine takes its share, whatever it needs; what it needs has to fit into that.
fn by_share(ceiling: Ceiling, parts: Option<Parts>) -> Estimate {
    let percent = u64::from(ceiling.percent.min(100));
    let each = Mib(ceiling.of.0.saturating_mul(percent) / 100);
    let share = format!("{each}: the engine takes {percent} % of {}", ceiling.of);
    let (why, wants) = match parts {
        Some(parts) if parts.total > each => (
            format!("{share}, and wants {}", parts.why),
            Some(parts.total),
        ),
        Some(parts) => (format!("{share}, and needs of it {}", parts.why), None),
        None => (share, None),
    };
    Estimate {
        each,
        basis: Basis::Share,
        why,
        wants,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    fn llama_70b() -> Need {
        Need {
            weights: Some(Bytes(132 * GIB)),
            kv: Some(KvCache {
                layers: 80,
                heads: 8,
                head_dim: 128,
                value_bytes: 2,
                tokens: 8192,
            }),
            split: 2,
            ceiling: None,
            measured: None,
        }
    }

    #[test]
    fn an_estimate_says_what_it_is_made_of() {
        // 320 KiB a token is the figure that is published for this model.
        assert_eq!(llama_70b().kv.unwrap().per_token(), 320 * 1024);
        let known = estimate(&llama_70b()).unwrap();
        assert_eq!(known.basis, Basis::Estimated);
        assert_eq!(known.each, Mib(67_584 + 1280 + 2048 + 3379));
        assert_eq!(
            known.why,
            "73 GiB estimated on each of 2 GPUs: 66 GiB weights, 1.2 GiB KV cache for 8192 tokens, 5.3 GiB overhead"
        );
    }

    #[test]
    fn what_was_measured_counts_for_more_and_a_share_is_taken_whole() {
        let share = Need {
            ceiling: Some(Ceiling {
                percent: 70,
                of: Mib(122 * 1024),
            }),
            ..llama_70b()
        };
        let known = estimate(&share).unwrap();
        assert_eq!((known.basis, known.each), (Basis::Share, Mib(87_449)));
        assert_eq!(known.wants, None);
        let tight = Need {
            ceiling: Some(Ceiling {
                percent: 40,
                of: Mib(122 * 1024),
            }),
            ..llama_70b()
        };
        assert!(estimate(&tight).unwrap().wants.is_some());
        let measured = Need {
            measured: Some(Measured {
                peak: Mib(91 * 1024),
                loads: 3,
            }),
            ..share
        };
        let known = estimate(&measured).unwrap();
        assert_eq!((known.basis, known.each), (Basis::Measured, Mib(91 * 1024)));
        assert_eq!(estimate(&Need::default()), None);
    }

    proptest! {
        #[test]
        fn more_weights_never_need_less_and_a_wider_split_never_more(
            weights in 1..400u64, more in 0..100u64, split in 1..16u16, wider in 0..16u16,
            layers in 1..200u32, heads in 1..128u32, tokens in 0..2_000_000u64,
        ) {
            let need = |gib: u64, split: u16| Need {
                weights: Some(Bytes(gib * GIB)),
                kv: Some(KvCache { layers, heads, head_dim: 128, value_bytes: 2, tokens }),
                split,
                ..Need::default()
            };
            let each = |need: &Need| estimate(need).unwrap().each;
            prop_assert!(each(&need(weights + more, split)) >= each(&need(weights, split)));
            prop_assert!(each(&need(weights, split + wider)) <= each(&need(weights, split)));
            // All GPUs together hold at least the weights.
            prop_assert!(each(&need(weights, split)).0 * u64::from(split) >= weights * 1024);
        }

        #[test]
        fn no_value_overflows(weights in any::<u64>(), layers in any::<u32>(), tokens in any::<u64>(), percent in any::<u8>()) {
            let need = Need {
                weights: Some(Bytes(weights)),
                kv: Some(KvCache { layers: layers % 10_000, heads: 1000, head_dim: 1000, value_bytes: 4, tokens }),
                split: 0,
                ceiling: (percent % 2 == 0).then_some(Ceiling { percent, of: Mib(u64::MAX) }),
                measured: None,
            };
            prop_assert!(estimate(&need).is_some());
        }
    }
}
