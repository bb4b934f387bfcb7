//! What a model does (pure): served, on its way, at rest on a disk, or nowhere.

use std::sync::Arc;

use crate::domain::{Bytes, BytesPerSecond, Cluster, HostId};
use crate::engine::{
    Completeness, HostModels, Mode, ModelSource, OnHost, PhaseState, Recipe, ServedState, SwapEnd,
    SwapPhase, SwapReport, WorkKind, WorkReport, WorkState,
};
use crate::text::SafeText;

/// What a model does.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelState {
    /// It answers.
    Serving,
    /// It does not answer as it should.
    Failing(SafeText),
    /// It comes: this phase of a swap, and what is seen of it.
    Coming(SwapPhase, SafeText),
    /// It is stopped for another one.
    Going,
    /// The swap to it failed in this phase.
    SwapFailed(SwapPhase, SafeText),
    /// Its weights are fetched.
    Downloading(Progress),
    /// They are copied to another host.
    Copying(Progress),
    /// Fetching or copying them failed.
    FetchFailed(SafeText),
    /// On disk, whole, with a recipe.
    Ready,
    /// On disk, and something is missing.
    Partial(SafeText),
    /// On disk, whole, and nobody has said how it is launched.
    NeedsSetUp,
    /// On no disk.
    NotOnDisk,
}

/// How far a fetch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where.
    pub host: HostId,
    /// Bytes that are there.
    pub done: Bytes,
    /// Bytes in all.
    pub total: Option<Bytes>,
    /// Bytes per second.
    pub rate: Option<BytesPerSecond>,
    /// What it does now.
    pub words: SafeText,
}

impl ModelState {
    /// The place in the order of states.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Serving | Self::Failing(_) => 0,
            Self::Coming(..) | Self::Going => 1,
            Self::SwapFailed(..) => 2,
            Self::Downloading(_) | Self::Copying(_) | Self::FetchFailed(_) => 3,
            Self::Ready => 4,
            Self::Partial(_) => 5,
            Self::NeedsSetUp => 6,
            Self::NotOnDisk => 7,
        }
    }

    /// Whether it tells how something ended rather than what is.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::SwapFailed(..) | Self::FetchFailed(_))
    }
}

/// What the state of an engine means.
pub(super) fn of_served(state: &ServedState) -> ModelState {
    match state {
        ServedState::Ready | ServedState::Idle => ModelState::Serving,
        ServedState::Loading { words } => ModelState::Coming(SwapPhase::Load, words.clone()),
        ServedState::Failing { why } => ModelState::Failing(why.clone()),
    }
}

/// What a swap says of the model that comes and of the one that goes.
pub(super) fn of_swap(swap: &SwapReport) -> (Option<ModelState>, Option<ModelState>) {
    match &swap.end {
        Some(SwapEnd::Failed { phase, why, .. }) => {
            (Some(ModelState::SwapFailed(*phase, why.clone())), None)
        }
        Some(SwapEnd::Lost) => {
            let phase = running(swap).map_or(SwapPhase::Lock, |(phase, _)| phase);
            let why = "its runner is gone without an outcome".into();
            (Some(ModelState::SwapFailed(phase, why)), None)
        }
        Some(_) => (None, None),
        None => {
            let (phase, words) = running(swap).unwrap_or((SwapPhase::Lock, SafeText::default()));
            let goes = phase <= SwapPhase::Stop && swap.before != swap.model;
            (
                Some(ModelState::Coming(phase, words)),
                goes.then_some(ModelState::Going),
            )
        }
    }
}

/// The phase that is at work; where none is, the next one.
pub(super) fn running(swap: &SwapReport) -> Option<(SwapPhase, SafeText)> {
    let at_work = swap.phases.iter().find_map(|row| match &row.state {
        PhaseState::Running { words, .. } => Some((row.phase, words.clone())),
        _ => None,
    });
    let next = || {
        let waits = |state: &PhaseState| *state == PhaseState::Waiting;
        let next = swap.phases.iter().find(|row| waits(&row.state))?;
        Some((next.phase, SafeText::default()))
    };
    at_work.or_else(next)
}

/// Tells of each repository that is being fetched, or could not be.
pub(super) fn fetched(models: &HostModels, mut tell: impl FnMut(&ModelSource)) {
    for report in models.work.iter().filter(|report| is_fetch(report)) {
        let ended = matches!(report.state, WorkState::Done | WorkState::Cancelled);
        if let (false, Ok(repo)) = (ended, report.subject.as_str().parse()) {
            tell(&ModelSource::Repo(repo));
        }
    }
}

fn is_fetch(report: &WorkReport) -> bool {
    matches!(report.kind, WorkKind::Download | WorkKind::Copy { .. })
}

/// What the long work on any host says of these weights: what is at work, else the newest that failed.
pub(super) fn of_work<'a>(
    source: Option<&ModelSource>,
    hosts: impl Iterator<Item = (&'a HostId, &'a HostModels)>,
) -> Option<ModelState> {
    let Some(ModelSource::Repo(repo)) = source else {
        return None;
    };
    let mut mine: Vec<(&HostId, &WorkReport)> = hosts
        .flat_map(|(host, models)| models.work.iter().map(move |report| (host, report)))
        .filter(|(_, report)| is_fetch(report) && report.subject.as_str() == repo.as_str())
        .collect();
    mine.sort_by_key(|(_, report)| std::cmp::Reverse(report.began));
    let at_work = mine.iter().find_map(|(host, report)| match &report.state {
        WorkState::Running {
            words,
            done,
            total,
            rate,
        } => {
            let progress = Progress {
                host: (*host).clone(),
                done: *done,
                total: *total,
                rate: *rate,
                words: words.clone(),
            };
            Some(match report.kind {
                WorkKind::Copy { .. } => ModelState::Copying(progress),
                _ => ModelState::Downloading(progress),
            })
        }
        _ => None,
    });
    let failed = || match &mine.first()?.1.state {
        WorkState::Failed { why, .. } => Some(ModelState::FetchFailed(why.clone())),
        WorkState::Lost => Some(ModelState::FetchFailed(
            "its runner is gone without an outcome".into(),
        )),
        _ => None,
    };
    at_work.or_else(failed)
}

/// What weights that nobody touches are: a model over a cluster needs them on every node of one.
pub(super) fn at_rest(
    recipe: Option<&Recipe>,
    on: &[OnHost],
    clusters: &[Arc<Cluster>],
) -> ModelState {
    if on.is_empty() {
        return ModelState::NotOnDisk;
    }
    if let Some(partial) = best(on) {
        return ModelState::Partial(partial);
    }
    let Some(recipe) = recipe else {
        return ModelState::NeedsSetUp;
    };
    if recipe.mode != Mode::Cluster {
        return ModelState::Ready;
    }
    let nodes = |cluster: &Arc<Cluster>| {
        let nodes = std::iter::once(&cluster.head).chain(&cluster.workers);
        let whole = |host: &HostId| on.iter().any(|on| on.host == *host && is_whole(on));
        let (have, all) = nodes.fold((0, 0), |(have, all), node| {
            (have + usize::from(whole(&node.host)), all + 1)
        });
        (have, all)
    };
    let fullest = clusters
        .iter()
        .map(nodes)
        .max_by_key(|(have, all)| (have == all, *have));
    match fullest {
        Some((have, all)) if have < all => {
            ModelState::Partial(SafeText::new(&format!("{have} of {all} hosts")))
        }
        _ => ModelState::Ready,
    }
}

/// Whether every file is there.
pub(super) fn is_whole(on: &OnHost) -> bool {
    on.completeness == Completeness::Complete
}

/// What is missing everywhere; `None`: some host has all of it.
fn best(on: &[OnHost]) -> Option<SafeText> {
    if on.iter().any(is_whole) {
        return None;
    }
    on.iter().find_map(|on| match &on.completeness {
        Completeness::Partial(what) => Some(what.clone()),
        Completeness::Complete => None,
    })
}
