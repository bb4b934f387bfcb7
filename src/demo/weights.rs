//! The weights on a simulated machine's disk (pure), told as the console's own script tells them.

use std::fmt::Write as _;

use super::fetched::Fetch;
use super::keeps::Keeper;
use super::orders::{Order, Orders};
use crate::domain::{RepoId, Wall};

const GIB: u64 = 1 << 30;
const DAY: i64 = 86_400;

/// Where the hub's cache is.
const CACHE: &str = "/home/demo/.cache/huggingface/hub";

/// The commit of every snapshot here.
const COMMIT: &str = "4f1c2a9be07d35586c1e9f0a7b3d2c4e5f607182";

/// Weights of one model.
struct Kept {
    repo: &'static str,
    /// Tenths of a GiB.
    size: u64,
    shards: u64,
    /// Days since it was fetched.
    age: i64,
    config: &'static str,
}

const fn kept(repo: &'static str, size: u64, shards: u64, age: i64, config: &'static str) -> Kept {
    Kept {
        repo,
        size,
        shards,
        age,
        config,
    }
}

const GPT_OSS: &str = r#"{"architectures":["GptOssForCausalLM"],"max_position_embeddings":131072,"num_hidden_layers":36,"num_attention_heads":64,"num_key_value_heads":8,"head_dim":64,"torch_dtype":"bfloat16","quantization_config":{"quant_method":"mxfp4"}}"#;
const QWEN: &str = r#"{"architectures":["Qwen3MoeForCausalLM"],"max_position_embeddings":262144,"num_hidden_layers":48,"num_attention_heads":32,"num_key_value_heads":4,"head_dim":128,"torch_dtype":"bfloat16","quantization_config":{"quant_method":"fp8"}}"#;
const LLAMA: &str = r#"{"architectures":["LlamaForCausalLM"],"max_position_embeddings":131072,"num_hidden_layers":80,"num_attention_heads":64,"num_key_value_heads":8,"head_dim":128,"torch_dtype":"bfloat16"}"#;
const GEMMA: &str = r#"{"architectures":["Gemma4ForConditionalGeneration"],"max_position_embeddings":131072,"num_hidden_layers":30,"num_attention_heads":16,"num_key_value_heads":8,"head_dim":256,"torch_dtype":"bfloat16"}"#;

/// By a tag of the machine.
const ON: &[(&str, &[Kept])] = &[
    (
        "spark",
        &[
            kept("openai/gpt-oss-20b", 128, 3, 61, GPT_OSS),
            kept("openai/gpt-oss-120b", 608, 15, 58, GPT_OSS),
            kept("Qwen/Qwen3.6-35B-A3B-FP8", 351, 8, 22, QWEN),
            kept("google/gemma-4-26B-A4B-it", 489, 11, 9, GEMMA),
        ],
    ),
    (
        "h200",
        &[
            kept("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", 2210, 48, 97, QWEN),
            kept("meta-llama/Llama-3.3-70B-Instruct", 1314, 30, 190, LLAMA),
            kept("openai/gpt-oss-120b", 608, 15, 80, GPT_OSS),
        ],
    ),
];

/// The answer to a question with these words: how many folders, these, and then the entries that are to be listed.
pub(super) fn listed(keeper: &Keeper<'_>, orders: &Orders, words: &[&str]) -> String {
    let mut text = format!("pilothouse-weights 1\nnow {}\n", keeper.seconds());
    if let Some(disk) = keeper.profile.disks.last() {
        let free = disk.total_kb.saturating_sub(disk.used_kb);
        let share = disk.used_kb * 100 / disk.total_kb.max(1);
        let _ = writeln!(
            text,
            "free {} {} {} {free} {share}% {}",
            disk.device, disk.total_kb, disk.used_kb, disk.mount
        );
    }
    let all = on(keeper, orders);
    if !all.is_empty() {
        let _ = writeln!(text, "cache {CACHE}");
    }
    for (place, one) in all.iter().enumerate() {
        let changed = one.changed;
        let _ = writeln!(
            text,
            "hub {changed} {changed} {} 4096 {}",
            9000 + place,
            one.folder
        );
    }
    for folder in words {
        if let Some(one) = all.iter().find(|one| one.folder == *folder) {
            one.list(&mut text);
        }
    }
    text + "end\n"
}

/// How large these weights are, where some machine of the demo has them.
pub(super) fn known_size(repo: &str) -> Option<u64> {
    let mut all = ON.iter().flat_map(|(_, all)| all.iter());
    let kept = all.find(|kept| kept.repo == repo)?;
    Some(kept.size * GIB / 10)
}

/// Bytes of these weights that are there.
pub(super) fn bytes(keeper: &Keeper<'_>, orders: &Orders, repo: &str) -> Option<u64> {
    let all = on(keeper, orders);
    let one = all.iter().find(|one| one.repo == repo)?;
    Some(one.half.unwrap_or(one.size))
}

/// How many shards these weights have, where they are whole.
pub(super) fn shards(keeper: &Keeper<'_>, orders: &Orders, repo: &str) -> Option<u64> {
    let all = on(keeper, orders);
    let one = all
        .iter()
        .find(|one| one.repo == repo && one.half.is_none())?;
    Some(one.shards)
}

/// Weights as they are there now.
struct There {
    repo: String,
    folder: String,
    size: u64,
    shards: u64,
    changed: i64,
    config: &'static str,
    /// Bytes that are there, while they are fetched.
    half: Option<u64>,
}

/// Those that were always there, those that came, and those on their way; without what was deleted since.
fn on(keeper: &Keeper<'_>, orders: &Orders) -> Vec<There> {
    let mut all: Vec<There> = Vec::new();
    let there = always(keeper)
        .chain(orders.given.iter().filter_map(|fetch| came(keeper, fetch)))
        .chain(orders.all().rev().filter_map(|order| comes(keeper, order)));
    for one in there {
        let gone = |(gone, at): &(String, Wall)| *gone == one.repo && at.0 / 1000 >= one.changed;
        let is_gone = orders.deleted.iter().any(gone);
        if !is_gone && !all.iter().any(|known| known.repo == one.repo) {
            all.push(one);
        }
    }
    all
}

fn always(keeper: &Keeper<'_>) -> impl Iterator<Item = There> {
    let began = keeper.started.0 / 1000;
    let known = ON.iter().find(|(tag, _)| keeper.profile.tags.contains(tag));
    let all = known.map_or(&[][..], |(_, all)| all).iter();
    all.filter_map(move |kept| {
        let repo: RepoId = kept.repo.parse().ok()?;
        Some(There {
            repo: kept.repo.to_owned(),
            folder: repo.folder(),
            size: kept.size * GIB / 10,
            shards: kept.shards,
            changed: began - kept.age * DAY,
            config: kept.config,
            half: None,
        })
    })
}

fn came(keeper: &Keeper<'_>, fetch: &Fetch) -> Option<There> {
    let repo: RepoId = fetch.repo.parse().ok()?;
    Some(There {
        repo: fetch.repo.clone(),
        folder: repo.folder(),
        size: fetch.total,
        shards: (fetch.total / (4 * GIB)).clamp(1, 48),
        changed: fetch.whole.unwrap_or(keeper.started).0 / 1000,
        config: QWEN,
        half: None,
    })
}

/// What a work has fetched up to now.
fn comes(keeper: &Keeper<'_>, order: &Order) -> Option<There> {
    let fetch = order.fetch.as_ref()?;
    let done = fetch.done(order.until(keeper.now));
    let last = order.beats.last().map_or(0, |beat| beat.at);
    let end = order.begun.0 + order.until(keeper.now).min(last);
    let changed = if order.runs(keeper.now) {
        keeper.now.0
    } else {
        end
    };
    Some(There {
        changed: changed / 1000,
        half: (done < fetch.total).then_some(done),
        ..came(keeper, fetch)?
    })
}

impl There {
    fn list(&self, text: &mut String) {
        let changed = self.changed;
        let _ = writeln!(text, "model {}", self.folder);
        let shard = (self.size / self.shards).max(1);
        let whole = match self.half {
            Some(done) => {
                let _ = writeln!(text, "half {} {changed}", done % shard);
                done / shard
            }
            None => self.shards,
        };
        let _ = writeln!(text, "revision {COMMIT}");
        let name = |number: u64| format!("model-{number:05}-of-{:05}.safetensors", self.shards);
        let _ = writeln!(text, "file 81a4 1482 {changed} 8.1 config.json");
        let _ = writeln!(text, "file 81a4 17210 {changed} 8.2 tokenizer.json");
        let _ = writeln!(
            text,
            "file 81a4 90211 {changed} 8.3 model.safetensors.index.json"
        );
        for number in 1..=whole {
            let _ = writeln!(
                text,
                "file 81a4 {shard} {changed} 8.{} {}",
                10 + number,
                name(number)
            );
        }
        let _ = writeln!(text, "index model.safetensors.index.json");
        for number in 1..=self.shards {
            let _ = writeln!(text, "shard \"{}\"", name(number));
        }
        let _ = writeln!(text, "config {}", self.config);
    }
}
