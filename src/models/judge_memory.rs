//! Whether a model fits into the memory of one host (pure), with the reasoning: by measured peaks of earlier loads, else by the
//! engine's share, else by an estimate.

use super::facts::{AppFact, HostFacts};
use super::judge::{HostLook, PreflightInput, fail, pass, warn};
use super::launch_llama::Uses;
use super::{EngineKind, Finding, ModelConfig, launch_print, measured};
use crate::capacity::{
    Basis, Ceiling, Claim, Estimate, KvCache, Measured, Need, Room, estimate, fit,
};
use crate::domain::{Bytes, GpuId, Mib};

/// What vLLM takes of each GPU where nobody says (`--gpu-memory-utilization`).
const DEFAULT_PERCENT: u8 = 90;

/// Of a host's unified memory: above this the host itself is at risk (shared reference: 0.85 to 0.87 is usual on GB10).
const RISKY_PERCENT: u8 = 90;

pub(super) fn memory(
    input: &PreflightInput<'_>,
    look: &HostLook<'_>,
    facts: &HostFacts,
    uses: Uses,
) -> Finding {
    let rooms = rooms(input, facts, uses);
    let Some(largest) = rooms.iter().map(|room| room.total).max() else {
        return Finding::Unknown("neither GPUs nor the memory of the host could be read".into());
    };
    let need = need(input, look, facts, largest);
    let Some(known) = estimate(&need) else {
        return Finding::Unknown(
            "neither the size of the weights nor an earlier load is known".into(),
        );
    };
    let hosts = u16::try_from(input.hosts.len()).unwrap_or(u16::MAX).max(1);
    let split = input.recipe.tensor_parallel.max(1).div_ceil(hosts);
    // A measurement is of the whole host.
    let split = if known.basis == Basis::Measured {
        None
    } else {
        Some(split)
    };
    match fit(known.each, split, &rooms) {
        Ok(place) => fitting(input, facts, &known, &place.why),
        Err(no) => {
            let why = format!("{}; {}", known.why, no.why);
            let weights_fit = need.weights.is_some_and(|Bytes(size)| {
                Mib::from_bytes(size / u64::from(need.split.max(1))) < largest
            });
            if known.basis == Basis::Estimated && weights_fit {
                return warn(why, &no.mend);
            }
            fail(why, &no.mend)
        }
    }
}

fn fitting(
    input: &PreflightInput<'_>,
    facts: &HostFacts,
    known: &Estimate,
    place: &str,
) -> Finding {
    let why = format!("{}; {place}", known.why);
    if known.wants.is_some() {
        return warn(
            why,
            "give it a larger share, or a shorter context; engines share and compress caches in ways that no estimate knows",
        );
    }
    let unified = facts.gpus.iter().all(|gpu| gpu.memory.is_none());
    if unified && percent(input).is_some_and(|percent| percent > RISKY_PERCENT) {
        return warn(
            format!("{why}; more than {RISKY_PERCENT} % of unified memory puts the host at risk"),
            "take a smaller share: 85 is usual",
        );
    }
    pass(why)
}

fn percent(input: &PreflightInput<'_>) -> Option<u8> {
    match input.recipe.engine {
        EngineKind::Vllm { .. } | EngineKind::SparkLauncher { .. } => {
            Some(input.recipe.gpu_percent.unwrap_or(DEFAULT_PERCENT))
        }
        _ => None,
    }
}

fn need(input: &PreflightInput<'_>, look: &HostLook<'_>, facts: &HostFacts, largest: Mib) -> Need {
    let recipe = input.recipe;
    let there = look.weights.as_ref().ok().copied().flatten();
    let config = there.and_then(|weights| weights.config.as_ref());
    let print = launch_print(&input.launch.command);
    Need {
        weights: there.map(|weights| weights.size).or(recipe
            .size
            .map(|mib| Bytes(mib.0.saturating_mul(1024 * 1024)))),
        kv: config.and_then(|config| cache(config, recipe.context, &input.launch.engine)),
        split: recipe.tensor_parallel.max(1),
        ceiling: percent(input).map(|percent| Ceiling {
            percent,
            of: largest,
        }),
        measured: measured(&facts.history, &input.launch.model, &print)
            .map(|(peak, loads)| Measured { peak, loads }),
    }
}

fn cache(config: &ModelConfig, context: Option<u64>, engine: &[String]) -> Option<KvCache> {
    let small = engine.iter().any(|word| {
        word.strip_prefix("--kv-cache-dtype")
            .is_some_and(|rest| rest.trim_start_matches('=').starts_with("fp8"))
    }) || engine
        .windows(2)
        .any(|pair| matches!(pair, [flag, value] if flag == "--kv-cache-dtype" && value.starts_with("fp8")));
    Some(KvCache {
        layers: config.layers?,
        heads: config.kv_heads?,
        head_dim: config.head_dim?,
        value_bytes: if small { 1 } else { 2 },
        tokens: context.or(config.context)?,
    })
}

/// The GPUs with memory of their own, else the host's memory as one room; for what leaves the GPUs alone it is always that.
fn rooms(input: &PreflightInput<'_>, facts: &HostFacts, uses: Uses) -> Vec<Room> {
    let claims = |of: &dyn Fn(&AppFact) -> bool| -> Vec<Claim> {
        facts
            .apps
            .iter()
            .filter(|app| of(app))
            .map(|app| Claim {
                who: app
                    .container
                    .clone()
                    .unwrap_or_else(|| app.name.to_string()),
                holds: app.holds,
                leaves: app
                    .container
                    .as_ref()
                    .is_some_and(|name| input.stopped.contains(name)),
            })
            .collect()
    };
    let own: Vec<Room> = facts
        .gpus
        .iter()
        .filter(|_| uses != Uses::Cpu)
        .filter_map(|gpu| {
            let (total, free) = gpu.memory?;
            Some(Room {
                id: GpuId::new(gpu.uuid.as_str()),
                name: format!("gpu {}", gpu.index),
                total,
                free,
                holders: claims(&|app| app.gpu == gpu.uuid),
            })
        })
        .collect();
    if !own.is_empty() {
        return own;
    }
    // Cards with memory of their own hold nothing of the host's.
    let shared = !facts.gpus.is_empty() && facts.gpus.iter().all(|gpu| gpu.memory.is_none());
    let of_host = facts.memory.map(|(total, free)| Room {
        id: GpuId::new("unified"),
        name: if shared {
            "the unified memory".to_owned()
        } else {
            "the memory of the host".to_owned()
        },
        total,
        free,
        holders: claims(&|_| shared),
    });
    of_host.into_iter().collect()
}
