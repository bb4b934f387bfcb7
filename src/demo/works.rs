//! The long works of a simulated machine (pure), told as the runner of jobs tells them: one download while the demo runs, and a swap
//! that lies behind.

use super::keeps::Keeper;

/// What is fetched while the demo runs.
pub(super) const FETCHED: &str = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4";

/// The machine that fetches it.
const FETCHER: &str = "spark-1";

/// The machine that was swapped.
const SWAPPED: &str = "spark-2";

/// Bytes of it.
const TOTAL: u64 = 183 * (1 << 30) / 10;

/// What was there when the demo began.
const BEFORE: u64 = 6 << 30;

/// Bytes in a second.
const RATE: u64 = 71_000_000;

const FETCH: &str = "weights-00000000demo0001";
const SWAP: &str = "job-00000000demo0002";

/// Seconds before the demo at which the swap began.
const SWAP_AGO: i64 = 5_140;

const SWAP_LOG: &str = "pilothouse: lock: done in 0.0 s. free\n\
    pilothouse: stop: done in 7.4 s. 41.2 GiB came back\n\
    pilothouse: launch: done in 2.1 s. vllm_node runs\n\
    Loading safetensors checkpoint shards: 100% Completed | 15/15 [03:08<00:00, 12.53s/it]\n\
    INFO:     Application startup complete.\n\
    pilothouse: load: done in 251.8 s. 15 of 15 shards\n\
    pilothouse: ready: done in 1.9 s. it answers\n";

/// Bytes of the download that are there, and all of them; none on a machine that fetches nothing.
pub(super) fn fetched(keeper: &Keeper<'_>) -> Option<(u64, u64)> {
    let seconds = u64::try_from(keeper.age()).unwrap_or(0);
    let done = BEFORE
        .saturating_add(seconds.saturating_mul(RATE))
        .min(TOTAL);
    (keeper.name == FETCHER).then_some((done, TOTAL))
}

/// The runner's answer.
pub(super) fn answer(keeper: &Keeper<'_>, verb: &str, words: &[&str]) -> String {
    let all = [fetch(keeper), swap(keeper)];
    let jobs = || all.iter().flatten();
    let said = match (verb, words) {
        ("list", _) => jobs().map(|job| job.told.as_str()).collect(),
        ("look", [id, ..]) => match jobs().find(|job| job.id == *id) {
            Some(job) => job.told.clone(),
            None => format!("missing {id}\n"),
        },
        ("state", [id, ..]) => match jobs().find(|job| job.id == *id) {
            Some(job) => format!("state {}\n", job.state),
            None => format!("missing {id}\n"),
        },
        ("follow", [id, from, ..]) => {
            return match jobs().find(|job| job.id == *id) {
                Some(job) => job.follow(from.parse().unwrap_or(0)),
                None => format!("pilothouse-jobs 1\nmissing {id}\nend\n"),
            };
        }
        _ => "refused this machine is simulated: no work is begun or ended on it\n".to_owned(),
    };
    format!("pilothouse-jobs 1\n{said}end\n")
}

struct Job {
    id: &'static str,
    state: &'static str,
    /// As a list tells it.
    told: String,
    log: &'static str,
}

impl Job {
    fn follow(&self, from: usize) -> String {
        let lines = self.told.split_inclusive('\n');
        let marks: String = lines.filter(|line| line.starts_with("mark ")).collect();
        let end = self.log.len();
        let from = from.min(end);
        let part = self.log.get(from..).unwrap_or_default();
        format!(
            "pilothouse-jobs 1\nstate {}\nlog {from} {end}\n{marks}end\n\n{part}",
            self.state
        )
    }
}

fn fetch(keeper: &Keeper<'_>) -> Option<Job> {
    let (done, total) = fetched(keeper)?;
    let begun = keeper.started.0 / 1000 - 91;
    let now = keeper.seconds();
    let (state, rate) = if done < total {
        ("running", RATE)
    } else {
        ("ended 0", 0)
    };
    let end = if done < total {
        format!("mark step {begun} fetching\n")
    } else {
        format!("mark step {now} verifying\nmark end {now} done\n")
    };
    Some(Job {
        id: FETCH,
        state,
        told: format!(
            "job {FETCH} {begun} {state}\nlabel download {FETCHED}\nlease 1 weights-demo\nmark progress {now} {done} {total} {rate}\n{end}"
        ),
        log: "",
    })
}

fn swap(keeper: &Keeper<'_>) -> Option<Job> {
    let begun = keeper.started.0 / 1000 - SWAP_AGO;
    let mark = |key: &str, value: &str| format!("mark {key} {} {value}\n", begun + 263);
    // Each phase: when it began, and how long it took in hundredths of a second.
    let phases = [
        ("lock", 0, 3, "free"),
        ("stop", 0, 742, "41.2 GiB came back"),
        ("launch", 7, 213, "vllm_node runs"),
        ("load", 9, 25_180, "15 of 15 shards"),
        ("ready", 261, 190, "it answers"),
    ];
    let phases: String = phases
        .iter()
        .map(|(phase, after, took, words)| {
            mark(phase, &format!("done {} {took} {words}", begun + after))
        })
        .collect();
    let told = [
        format!(
            "job {SWAP} {begun} ended 0\nlabel swap {SWAPPED} to gpt-oss-120b\nlease 7 models-swap\n"
        ),
        mark("swap", SWAPPED),
        mark("model", "gpt-oss-120b"),
        mark("before", "qwen3.6-35b-a3b-fp8"),
        mark("by", "maria@atelier"),
        phases,
        mark("end", "served"),
    ];
    (keeper.name == SWAPPED).then(|| Job {
        id: SWAP,
        state: "ended 0",
        told: told.concat(),
        log: SWAP_LOG,
    })
}
