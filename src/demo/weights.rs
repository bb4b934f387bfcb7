//! The weights on a simulated machine's disk (pure), told as the console's own script tells them.

use std::fmt::Write as _;

use super::keeps::Keeper;
use super::works::{FETCHED, fetched};
use crate::domain::RepoId;

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
pub(super) fn listed(keeper: &Keeper<'_>, words: &[&str]) -> String {
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
    let all = on(keeper);
    if !all.is_empty() {
        let _ = writeln!(text, "cache {CACHE}");
    }
    for (place, one) in all.iter().enumerate() {
        let changed = one.changed(keeper);
        let _ = writeln!(
            text,
            "hub {changed} {changed} {} 4096 {}",
            9000 + place,
            one.folder
        );
    }
    for folder in words {
        if let Some(one) = all.iter().find(|one| one.folder == *folder) {
            one.list(keeper, &mut text);
        }
    }
    text + "end\n"
}

/// Weights as they are there now.
struct There {
    folder: String,
    kept: &'static Kept,
    /// Bytes that are there, while they are fetched.
    half: Option<u64>,
}

/// What is fetched while the demo runs.
const COMING: Kept = kept(FETCHED, 183, 6, 0, QWEN);

fn on(keeper: &Keeper<'_>) -> Vec<There> {
    let known = ON.iter().find(|(tag, _)| keeper.profile.tags.contains(tag));
    let there = |kept: &'static Kept| {
        let repo: RepoId = kept.repo.parse().ok()?;
        Some(There {
            folder: repo.folder(),
            kept,
            half: None,
        })
    };
    let all = known.map_or(&[][..], |(_, all)| all);
    let mut all: Vec<There> = all.iter().filter_map(there).collect();
    if let Some((done, total)) = fetched(keeper)
        && let Some(coming) = there(&COMING)
    {
        all.push(There {
            half: (done < total).then_some(done),
            ..coming
        });
    }
    all
}

impl There {
    fn changed(&self, keeper: &Keeper<'_>) -> i64 {
        match self.half {
            Some(_) => keeper.seconds(),
            None => keeper.started.0 / 1000 - self.kept.age * DAY,
        }
    }

    fn list(&self, keeper: &Keeper<'_>, text: &mut String) {
        let kept = self.kept;
        let changed = self.changed(keeper);
        let _ = writeln!(text, "model {}", self.folder);
        let shard = kept.size * GIB / 10 / kept.shards;
        let whole = match self.half {
            Some(done) => {
                let _ = writeln!(text, "half {} {changed}", done % shard);
                done / shard
            }
            None => kept.shards,
        };
        let _ = writeln!(text, "revision {COMMIT}");
        let name = |number: u64| format!("model-{number:05}-of-{:05}.safetensors", kept.shards);
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
        for number in 1..=kept.shards {
            let _ = writeln!(text, "shard \"{}\"", name(number));
        }
        let _ = writeln!(text, "config {}", kept.config);
    }
}
