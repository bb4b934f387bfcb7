//! How far an engine is with loading, from the lines of its log (pure).

use crate::text::SafeText;

/// Most characters of a line that are shown.
const SHOWN: usize = 200;

/// What the log of an engine says of its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// It says nothing of it.
    Nothing,
    /// It loads.
    Loads(SafeText),
    /// It is about to answer.
    Started,
    /// It failed, in its own words.
    Failed(SafeText),
}

/// Steps that have no number, by what vLLM and llama.cpp write.
const STEPS: [(&str, &str); 13] = [
    ("initializing a v1 llm engine", "begins"),
    ("initializing an llm engine", "begins"),
    ("starting to load model", "loads the weights"),
    ("loading weights took", "weights are loaded"),
    ("model loading took", "weights are loaded"),
    ("torch.compile", "compiles"),
    ("dynamo bytecode transform", "compiles"),
    ("kv cache size", "sets up the cache"),
    ("gpu blocks", "sets up the cache"),
    ("llama_model_loader:", "loads the weights"),
    ("load_tensors:", "loads the weights"),
    ("warming up the model", "warms up"),
    ("waiting for application startup", "starts its server"),
];

/// What says that it is about to answer.
const STARTED: [&str; 3] = [
    "application startup complete",
    "server is listening on",
    "all slots are idle",
];

/// What says that it will not answer.
const FAILED: [&str; 9] = [
    "engine core initialization failed",
    "enginecore failed to start",
    "out of memory",
    "outofmemoryerror",
    "no available memory for the cache blocks",
    "less than desired gpu memory utilization",
    "error loading model",
    "failed to load model",
    "exiting due to model loading error",
];

/// What the lines say, oldest first: the last of them that says anything counts, but a failure counts more than what comes after
/// it, until a new start.
pub fn loading<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Loading {
    let mut found = Loading::Nothing;
    for line in lines {
        let text = String::from_utf8_lossy(line);
        // Progress is drawn over itself: what stands is the last of it.
        let line = text.rsplit('\r').find(|part| !part.trim().is_empty());
        let Some(said) = line.map(says) else { continue };
        let failed = matches!(found, Loading::Failed(_));
        match said {
            Loading::Nothing => {}
            Loading::Failed(_) if failed => {}
            Loading::Loads(ref words) if failed && words.as_str() != "begins" => {}
            said => found = said,
        }
    }
    found
}

fn says(line: &str) -> Loading {
    let lower = line.to_ascii_lowercase();
    let holds = |words: &&str| lower.contains(*words);
    if FAILED.iter().any(holds) {
        let shown: String = line.trim().chars().take(SHOWN).collect();
        return Loading::Failed(shown.into());
    }
    if STARTED.iter().any(holds) {
        return Loading::Started;
    }
    if let Some((done, all)) = steps(&lower) {
        let words = if lower.contains("shard") || lower.contains("checkpoint") {
            format!("shard {done} of {all}")
        } else if lower.contains("capturing cuda graph") {
            format!("CUDA graph {done} of {all}")
        } else if lower.contains("loading") {
            format!("part {done} of {all}")
        } else {
            return Loading::Nothing;
        };
        return Loading::Loads(words.into());
    }
    let step = STEPS.iter().find(|(words, _)| holds(words));
    step.map_or(Loading::Nothing, |(_, words)| {
        Loading::Loads((*words).into())
    })
}

/// `…| 12/16 […` : the numbers of a drawn bar.
fn steps(line: &str) -> Option<(u32, u32)> {
    let (_, bar) = line.rsplit_once('|')?;
    let (done, rest) = bar.trim_start().split_once('/')?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (done, all) = (done.parse().ok()?, rest.get(..digits)?.parse().ok()?);
    (done <= all).then_some((done, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> String {
        match loading(lines.iter().map(|line| line.as_bytes())) {
            Loading::Nothing => "-".into(),
            Loading::Started => "started".into(),
            Loading::Loads(words) => words.to_string(),
            Loading::Failed(words) => format!("failed: {words}"),
        }
    }

    #[test]
    fn lines_by_rows() {
        for (line, expected) in [
            ("", "-"),
            (
                "INFO 05-23 10:00:00 [api_server.py:1] vLLM API server version 0.11.0",
                "-",
            ),
            (
                "\rLoading safetensors checkpoint shards:  75% Completed | 12/16 [00:30<00:10,  2.53s/it]\r",
                "shard 12 of 16",
            ),
            (
                "(EngineCore_DP0 pid=95) Loading safetensors checkpoint shards: 6% Completed | 1/16 [00:00<?]\rLoading safetensors checkpoint shards: 12% Completed | 2/16 [00:01<?]",
                "shard 2 of 16",
            ),
            (
                "Loading safetensors using Fastsafetensor loader:  50% Completed | 1/2 [00:09<00:09]",
                "part 1 of 2",
            ),
            (
                "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  48%|████▊     | 32/67 [00:02<00:02]",
                "CUDA graph 32 of 67",
            ),
            (
                "INFO [gpu_model_runner.py:2602] Starting to load model org/m...",
                "loads the weights",
            ),
            (
                "INFO [kv_cache_utils.py:1087] GPU KV cache size: 1,036,288 tokens",
                "sets up the cache",
            ),
            (
                "load_tensors: offloading 32 repeating layers to GPU",
                "loads the weights",
            ),
            ("INFO:     Application startup complete.", "started"),
            (
                "main: server is listening on http://127.0.0.1:8080 - starting the main loop",
                "started",
            ),
            (
                "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate\u{1b}[31m 2.00 GiB",
                "failed: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
            ),
            ("downloads |  3/4", "-"),
            ("| 9/4 shards", "-"),
            ("shards | 99999999999999/1", "-"),
        ] {
            assert_eq!(of(&[line]), expected, "{line}");
        }
    }

    #[test]
    fn a_failure_stays_until_it_begins_anew() {
        let oom = "RuntimeError: CUDA out of memory";
        let core = "RuntimeError: Engine core initialization failed. See root cause above.";
        let begins = "Initializing a V1 LLM engine (v0.11.0) with config: …";
        let shards = "Loading safetensors checkpoint shards: 25% Completed | 4/16 [00:01<?]";
        let told = format!("failed: {oom}");
        assert_eq!(of(&[shards, oom, core]), told);
        assert_eq!(of(&[shards, oom, shards]), told);
        assert_eq!(of(&[oom, begins, shards]), "shard 4 of 16");
        assert_eq!(of(&[shards, "nothing"]), "shard 4 of 16");
    }
}
