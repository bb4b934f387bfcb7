//! The menu as JSON (pure). The shape is a promise to scripts: fields are added, never renamed; a value that is missing is `null`.

use serde::Serialize;

use super::menu::{Entry, entries};
use super::words::{engine, mode, moment};
use crate::cli::session::{is_away, why_away};
use crate::domain::{HostId, Metric};
use crate::engine::{
    Completeness, Fleet, Host, Latency, LockState, ModelSource, Recipe, Served, ServedBy,
    ServedState, Weights,
};

/// The menu of a fleet.
#[derive(Debug, Serialize)]
pub(super) struct MenuShot {
    time: Option<String>,
    hosts: Vec<HostShot>,
    models: Vec<ModelShot>,
}

#[derive(Debug, Serialize)]
struct HostShot {
    name: String,
    /// `read`, `failed`, `unread` or `unreachable`.
    state: &'static str,
    why: Option<String>,
    hint: Option<String>,
    cache: Option<String>,
    free_bytes: Option<u64>,
    troubles: Vec<String>,
    lock: Option<LockShot>,
}

/// A reservation.
#[derive(Debug, Serialize)]
pub(super) struct LockShot {
    holder: String,
    note: String,
    since: Option<String>,
    until: Option<String>,
    seconds_left: u64,
    ours: bool,
}

/// One model.
#[derive(Debug, Serialize)]
pub(super) struct ModelShot {
    key: Option<String>,
    name: Option<String>,
    repo: Option<String>,
    local_path: Option<String>,
    engine: Option<&'static str>,
    mode: Option<&'static str>,
    recipe_bytes: Option<u64>,
    note: Option<String>,
    weights: Vec<WeightsShot>,
    served: Vec<ServedShot>,
}

#[derive(Debug, Serialize)]
struct WeightsShot {
    host: String,
    path: String,
    bytes: u64,
    files: u32,
    complete: bool,
    missing: Option<String>,
    changed: Option<String>,
}

#[derive(Debug, Serialize)]
struct ServedShot {
    host: String,
    name: String,
    by: &'static str,
    port: u16,
    state: &'static str,
    words: Option<String>,
    watched_only: bool,
    model: Option<String>,
    since: Option<String>,
    restarts: u32,
    context: Option<u64>,
    requests_running: Option<u64>,
    requests_waiting: Option<u64>,
    tokens_in_per_second: Option<f64>,
    tokens_out_per_second: Option<f64>,
    kv_cache_percent: Option<f32>,
    first_token_ms: Option<LatencyShot>,
    next_token_ms: Option<LatencyShot>,
    memory_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct LatencyShot {
    p50: f64,
    p95: f64,
}

impl MenuShot {
    /// The menu; with `all` also the recipes whose weights are nowhere.
    pub(super) fn of(fleet: &Fleet, all: bool) -> Self {
        Self {
            time: moment(fleet.wall),
            hosts: fleet.hosts.iter().map(|one| host(fleet, one)).collect(),
            models: entries(fleet)
                .iter()
                .filter(|entry| all || entry.is_there())
                .map(ModelShot::of)
                .collect(),
        }
    }
}

impl ModelShot {
    /// One entry of the menu.
    pub(super) fn of(entry: &Entry<'_>) -> Self {
        let recipe = entry.recipe.as_deref();
        let (repo, local_path) = match &entry.source {
            Some(ModelSource::Repo(repo)) => (Some(repo.to_string()), None),
            Some(ModelSource::Local(path)) => (None, Some(path.as_str().to_owned())),
            None => (None, None),
        };
        Self {
            key: recipe.map(|recipe| recipe.key.to_string()),
            name: recipe.map(|recipe| recipe.name.clone()),
            repo,
            local_path,
            engine: recipe.map(|recipe| engine(&recipe.engine)),
            mode: recipe.map(|recipe| mode(recipe.mode)),
            recipe_bytes: recipe.and_then(recipe_bytes),
            note: recipe.and_then(|recipe| recipe.note.clone()),
            weights: entry.weights.iter().map(weights).collect(),
            served: entry.served.iter().map(served).collect(),
        }
    }
}

impl LockShot {
    /// A reservation.
    pub(super) fn of(lock: &LockState) -> Self {
        Self {
            holder: lock.holder.to_string(),
            note: lock.note.to_string(),
            since: moment(lock.since),
            until: moment(lock.until),
            seconds_left: lock.left.as_secs(),
            ours: lock.ours,
        }
    }
}

fn recipe_bytes(recipe: &Recipe) -> Option<u64> {
    recipe.size.map(|size| size.0.saturating_mul(1 << 20))
}

fn host(fleet: &Fleet, host: &Host) -> HostShot {
    let models = &host.models;
    let report = models.weights.as_ref().map(|timed| &timed.value);
    let away = is_away(fleet, host).then(|| why_away(fleet, host));
    let (state, why, hint) = match (report, &models.trouble, away) {
        (Some(_), ..) => ("read", None, None),
        (None, _, Some(away)) => ("unreachable", Some(away.why), away.hint),
        (None, Some(trouble), None) => ("failed", Some(trouble.value.to_string()), None),
        (None, None, None) => ("unread", None, None),
    };
    HostShot {
        name: host.id.to_string(),
        state,
        why,
        hint,
        cache: report
            .and_then(|report| report.cache.as_ref())
            .map(|path| path.as_str().to_owned()),
        free_bytes: report.and_then(|report| report.free).map(|bytes| bytes.0),
        troubles: report
            .iter()
            .flat_map(|report| &report.troubles)
            .map(ToString::to_string)
            .collect(),
        lock: models
            .lock
            .as_ref()
            .and_then(|timed| timed.value.as_ref())
            .map(LockShot::of),
    }
}

fn weights((host, weights): &(&HostId, &Weights)) -> WeightsShot {
    let missing = match &weights.completeness {
        Completeness::Complete => None,
        Completeness::Partial(missing) => Some(missing.to_string()),
    };
    WeightsShot {
        host: host.to_string(),
        path: weights.path.as_str().to_owned(),
        bytes: weights.size.0,
        files: weights.files,
        complete: missing.is_none(),
        missing,
        changed: moment(weights.changed),
    }
}

fn served((host, served): &(&HostId, &Served)) -> ServedShot {
    let (state, words) = match &served.state {
        ServedState::Idle => ("idle", None),
        ServedState::Loading { words } => ("loading", Some(words.to_string())),
        ServedState::Ready => ("ready", None),
        ServedState::Failing { why } => ("failing", Some(why.to_string())),
    };
    ServedShot {
        host: host.to_string(),
        name: served.name.to_string(),
        by: by(served.by),
        port: served.port.get(),
        state,
        words,
        watched_only: served.watched_only,
        model: served.model.as_ref().map(ToString::to_string),
        since: served.since.and_then(moment),
        restarts: served.restarts,
        context: served.context.value().copied(),
        requests_running: served.running.value().copied(),
        requests_waiting: served.waiting.value().copied(),
        tokens_in_per_second: served.tokens_in.value().copied(),
        tokens_out_per_second: served.tokens_out.value().copied(),
        kv_cache_percent: served.kv_cache.value().map(|share| share.0),
        first_token_ms: latency(&served.first_token),
        next_token_ms: latency(&served.next_token),
        memory_bytes: served.memory.value().map(|bytes| bytes.0),
    }
}

fn latency(latency: &Metric<Latency>) -> Option<LatencyShot> {
    latency.value().map(|latency| LatencyShot {
        p50: latency.p50_ms,
        p95: latency.p95_ms,
    })
}

fn by(by: ServedBy) -> &'static str {
    match by {
        ServedBy::Vllm => "vllm",
        ServedBy::LlamaCpp => "llama.cpp",
        ServedBy::OpenAi => "openai",
    }
}
