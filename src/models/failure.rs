//! What mends a swap that failed (pure): the words of engines and of our own script, by patterns that were seen in the field.

use super::SwapPhase;
use crate::text::SafeText;

/// A pattern in lower case, and the mend.
const MENDS: &[(&[&str], &str)] = &[
    (
        &["reserved by"],
        "wait for its end, or ask its holder; the reservation can be broken",
    ),
    (
        &[
            "is taken by",
            "address already in use",
            "port is already allocated",
        ],
        "stop what holds the port, or give the recipe another one",
    ),
    (
        &[
            "out of memory",
            "outofmemory",
            "want of memory",
            "no available memory for the cache blocks",
            "larger than the available kv cache memory",
            "less than desired gpu memory utilization",
            "larger than the maximum number of tokens that can be stored in kv cache",
        ],
        "give it less: a shorter context (--max-model-len), another share of the memory (--gpu-memory-utilization), a smaller model; \
         if memory did not come back after the stop, restart the host",
    ),
    (
        &[
            "unrecognized arguments",
            "unrecognised arguments",
            "invalid choice",
            "error: argument",
        ],
        "this build of the engine does not know a flag of the recipe: take it out, or take another image",
    ),
    (&["no space left on device"], "free some disk on that host"),
    (
        &[
            "gated repo",
            "401 client error",
            "is not a local folder",
            "repository not found",
            "does not appear to have a file named",
        ],
        "the weights are not there in full: download them, and look at whether the repository is gated",
    ),
    (
        &[
            "permission denied while trying to connect to the docker daemon",
            "docker daemon socket",
        ],
        "put the login into the group docker on that host",
    ),
    (
        &[
            "docker does not answer",
            "cannot connect to the docker daemon",
        ],
        "look at the docker service of that host",
    ),
    (
        &[
            "unable to find image",
            "pull access denied",
            "manifest unknown",
        ],
        "pull or build the image on that host first",
    ),
    (
        &[
            "could not select device driver",
            "no nvidia driver",
            "nvidia-container-cli",
            "no cuda gpus are available",
        ],
        "look at the driver and at NVIDIA's container toolkit on that host",
    ),
    (
        &[
            "does not answer any more",
            "nccl",
            "connection closed by peer",
            "ray",
            "heartbeat",
        ],
        "look at the other nodes and the fast network between them",
    ),
    (
        &["no console asked"],
        "keep a console connected, or install curl on that host",
    ),
    (
        &["it was not loaded within", "it was not started within"],
        "look at its log: it may only be slow, and is left running",
    ),
    (
        &["can not be stopped"],
        "stop it with force; if the kernel holds its processes, restart the host",
    ),
    (
        &["can not be written"],
        "look at the disk and at who owns ~/.pilothouse there",
    ),
];

/// What a person can do about a swap that failed so.
pub(super) fn mend(phase: SwapPhase, why: &str, log: &[SafeText]) -> Option<&'static str> {
    let why = why.to_lowercase();
    let in_why = MENDS
        .iter()
        .find(|(patterns, _)| patterns.iter().any(|pattern| has(&why, pattern)));
    if let Some((_, mend)) = in_why {
        return Some(mend);
    }
    if !matches!(
        phase,
        SwapPhase::Launch | SwapPhase::Load | SwapPhase::Ready
    ) {
        return None;
    }
    // The engine's own words, newest first: the first trouble that is known is nearest to the end.
    let tail = log
        .iter()
        .rev()
        .take(60)
        .map(|line| line.as_str().to_lowercase());
    for line in tail {
        let found = MENDS
            .iter()
            .skip(1)
            .take(9)
            .find(|(patterns, _)| patterns.iter().any(|pattern| has(&line, pattern)));
        if let Some((_, mend)) = found {
            return Some(mend);
        }
    }
    None
}

/// Short patterns are words of their own: `ray` is not in `array`.
fn has(text: &str, pattern: &str) -> bool {
    if pattern.len() > 4 {
        return text.contains(pattern);
    }
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| word == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mend_fits_the_words_by_rows() {
        let rows: [(SwapPhase, &str, &[&str], &str); 7] = [
            (
                SwapPhase::Lock,
                "reserved by bob for another 20 s",
                &[],
                "broken",
            ),
            (
                SwapPhase::Launch,
                "port 8000 is taken by python3, process 12",
                &[],
                "another one",
            ),
            (
                SwapPhase::Load,
                "its container ended with status 1",
                &[
                    "torch.OutOfMemoryError: CUDA out of memory.",
                    "  File \"x.py\"",
                ],
                "give it less",
            ),
            (
                SwapPhase::Load,
                "its container ended with status 137, killed for want of memory",
                &[],
                "give it less",
            ),
            (
                SwapPhase::Load,
                "its container ended with status 2: vllm: error: unrecognized arguments: --foo",
                &[],
                "take it out",
            ),
            (
                SwapPhase::Load,
                "it ended",
                &["RayChannelError: ray died"],
                "",
            ),
            (
                SwapPhase::Stop,
                "vllm can not be stopped: x",
                &["out of memory"],
                "with force",
            ),
        ];
        for (phase, why, log, wanted) in rows {
            let log: Vec<_> = log.iter().map(|line| SafeText::from(*line)).collect();
            let said = mend(phase, why, &log).unwrap_or_default();
            assert!(said.contains(wanted), "{why}: {said}");
        }
        assert_eq!(mend(SwapPhase::Load, "an array", &[]), None);
    }
}
