//! A swap, line by line (pure): its phases with their times, who began it, its last words, and how it ended.

use std::sync::Arc;
use std::time::Duration;

use super::action::Action;
use super::model_lines::{Line, Look, blank, head, text, wrapped};
use super::model_places;
use super::model_rows::{ModelRow, place_name};
use super::model_words::{ago, took};
use super::theme::Role;
use super::widgets::clock;
use crate::domain::Place;
use crate::engine::{Fleet, PhaseState, SwapEnd, SwapPhaseRow, SwapReport};
use crate::text::SafeText;

/// Cells of a phase's sign and name.
const PHASE: usize = 9;

/// Cells of the time of a phase.
const TIMES: usize = 9;

/// The same with what it took before.
const TIMES_EXPECTED: usize = 19;

/// Lines of the log that the timeline shows.
const LOG: usize = 8;

/// The swap that concerns a model: at its place, else the newest that brought or replaced it.
pub(super) fn of<'a>(row: &ModelRow, fleet: &'a Fleet) -> Option<&'a Arc<SwapReport>> {
    if let Some(place) = &row.place {
        return at(fleet, place);
    }
    let swaps = fleet
        .hosts
        .iter()
        .filter_map(|host| host.models.swap.as_ref());
    let mine = swaps.filter(|swap| {
        swap.model.as_ref() == Some(&row.key) || swap.before.as_ref() == Some(&row.key)
    });
    mine.max_by_key(|swap| swap.began)
}

/// The swap of a place.
pub(super) fn at<'a>(fleet: &'a Fleet, place: &Place) -> Option<&'a Arc<SwapReport>> {
    fleet.host(place.head())?.models.swap.as_ref()
}

/// The lines of the tab.
pub(super) fn lines(row: &ModelRow, look: Look<'_>) -> Vec<Line> {
    let fleet = look.fleet;
    match of(row, fleet) {
        Some(swap) => report(swap, look),
        None => {
            let mut lines = vec![text("no swap is known that brought it", Role::Dim)];
            let places = model_places::places(fleet, row);
            if let Some(place) = places.first() {
                let words = format!("it could be served on {}", place_name(place));
                lines.push(text(words, Role::Dim));
            }
            lines
        }
    }
}

/// A swap in full.
fn report(swap: &SwapReport, look: Look<'_>) -> Vec<Line> {
    let Look {
        ui, fleet, cells, ..
    } = look;
    let what = match (&swap.model, &swap.before) {
        (Some(model), Some(before)) => format!("{before} → {model}"),
        (Some(model), None) => format!("→ {model}"),
        (None, Some(before)) => format!("{before} is stopped"),
        (None, None) => "what is served is stopped".into(),
    };
    let began = format!(
        "on {} · by {} · {}, {} ago",
        place_name(&swap.place),
        swap.by,
        clock(swap.began, &ui.zone),
        ago(swap.began, fleet.wall).words()
    );
    let mut lines = wrapped(&what, Role::Title, cells);
    lines.extend(wrapped(&began, Role::Dim, cells));
    lines.push(blank());
    let expects = |phase: &SwapPhaseRow| phase.expected.is_some();
    let times = if swap.phases.iter().any(expects) {
        TIMES_EXPECTED
    } else {
        TIMES
    };
    for phase in &swap.phases {
        lines.extend(of_phase(phase, fleet, (times, cells)));
    }
    lines.push(total(swap, fleet));
    if let Some(end) = &swap.end {
        lines.push(blank());
        lines.extend(ended(swap, end, look));
    }
    if !swap.log.is_empty() {
        lines.push(blank());
        lines.push(head("last lines", ""));
        let skip = swap.log.len().saturating_sub(LOG);
        for line in swap.log.iter().skip(skip) {
            lines.push(text(line.as_str(), Role::Dim));
        }
    }
    lines
}

fn of_phase(
    phase: &SwapPhaseRow,
    fleet: &Fleet,
    (width_of_times, cells): (usize, usize),
) -> Vec<Line> {
    let expected = phase.expected.map(|length| format!("of ~{}", took(length)));
    let (glyph, role, time, words) = match &phase.state {
        PhaseState::Waiting => ("·", Role::Faint, None, ""),
        PhaseState::Running { since, words } => {
            let elapsed = ago(*since, fleet.wall).duration();
            ("◌", Role::Busy, Some(elapsed), words.as_str())
        }
        PhaseState::Done { took, words } => ("✓", Role::Ok, Some(*took), words.as_str()),
        PhaseState::Failed { why } => ("✗", Role::Bad, None, why.as_str()),
        PhaseState::Skipped { why } => ("–", Role::Dim, None, why.as_str()),
    };
    let time = time.map_or_else(String::new, took);
    let times = match (&phase.state, expected) {
        (PhaseState::Waiting | PhaseState::Running { .. }, Some(expected)) => {
            format!("{time:>7} {expected}")
        }
        _ => format!("{time:>7}"),
    };
    let lead = PHASE + width_of_times;
    let mut rows = wrapped(words, Role::Text, cells.saturating_sub(lead).max(12));
    for (place, row) in rows.iter_mut().enumerate() {
        if place > 0 {
            row.insert(0, (" ".repeat(lead), Role::Dim));
            continue;
        }
        let name = phase.phase.word();
        let sign = [
            (format!("{glyph} "), role),
            (format!("{name:<width$}", width = PHASE - 2), Role::Title),
            (format!("{times:<width_of_times$}"), Role::Text),
        ];
        row.splice(0..0, sign);
    }
    rows
}

/// How long all of it takes, and took the last times.
fn total(swap: &SwapReport, fleet: &Fleet) -> Line {
    let spent: Duration = swap
        .phases
        .iter()
        .map(|phase| match &phase.state {
            PhaseState::Done { took, .. } => *took,
            PhaseState::Running { since, .. } => ago(*since, fleet.wall).duration(),
            _ => Duration::ZERO,
        })
        .sum();
    let all: Option<Duration> = swap.phases.iter().map(|phase| phase.expected).sum();
    let spent = took(spent);
    let words = match (all, &swap.end) {
        (Some(all), None) => format!("{spent:>7} of ~{}", took(all)),
        _ => format!("{spent:>7}"),
    };
    vec![
        (format!("{:<PHASE$}", "  all"), Role::Dim),
        (words, Role::Dim),
    ]
}

fn ended(swap: &SwapReport, end: &SwapEnd, look: Look<'_>) -> Vec<Line> {
    let cells = look.cells;
    let (words, role, hint, offers) = match end {
        SwapEnd::Served => ("✓ it answers".to_owned(), Role::Ok, None, false),
        SwapEnd::Stopped => ("✓ nothing is served".to_owned(), Role::Ok, None, true),
        SwapEnd::Failed { phase, why, hint } => (
            // The row of the phase has said it already.
            if swap.phases.iter().any(|row| says(row, why)) {
                format!("✗ failed at {}", phase.word())
            } else {
                format!("✗ failed at {}: {why}", phase.word())
            },
            Role::Bad,
            hint.as_ref(),
            true,
        ),
        SwapEnd::Cancelled { phase } => (
            format!("– cancelled at {}", phase.word()),
            Role::Warn,
            None,
            true,
        ),
        SwapEnd::Lost => (
            "? its runner is gone without an outcome".to_owned(),
            Role::Bad,
            None,
            true,
        ),
    };
    let mut lines = wrapped(&words, role, cells);
    if let Some(hint) = hint {
        lines.extend(wrapped(&format!("→ {hint}"), Role::Dim, cells));
    }
    if let Some(before) = swap.before.as_ref().filter(|_| offers) {
        let key = (look.key)(Action::Rollback);
        lines.push(vec![
            (key, Role::Key),
            (format!(" serves {before} again"), Role::Accent),
        ]);
        lines.push(text("the log is kept on the host", Role::Dim));
    }
    lines
}

fn says(row: &SwapPhaseRow, wanted: &SafeText) -> bool {
    matches!(&row.state, PhaseState::Failed { why } if why == wanted)
}

/// The lines of the Log tab: what the job wrote last, and where all of it is.
pub(super) fn log(row: &ModelRow, look: Look<'_>) -> Vec<Line> {
    let (fleet, cells) = (look.fleet, look.cells);
    let mut lines = match source(row, fleet) {
        Some((host, container)) => {
            let key = (look.key)(Action::OpenLogs);
            let words = format!(" follows the container {container} on {host}");
            vec![vec![(key, Role::Key), (words, Role::Accent)]]
        }
        None => wrapped(
            "it runs nowhere: there is no log to follow",
            Role::Dim,
            cells,
        ),
    };
    if let Some(swap) = of(row, fleet).filter(|swap| !swap.log.is_empty()) {
        lines.push(blank());
        lines.push(head("last lines of its swap", ""));
        for line in &swap.log {
            lines.extend(wrapped(line.as_str(), Role::Text, cells));
        }
    }
    lines
}

/// The container whose log tells of a model, and its host.
pub(super) fn source(row: &ModelRow, fleet: &Fleet) -> Option<(crate::domain::HostId, String)> {
    if let Some((host, served)) = &row.served {
        return Some((host.clone(), served.name.to_string()));
    }
    let swap = of(row, fleet).filter(|swap| swap.model.as_ref() == Some(&row.key))?;
    let recipe = row.recipe.as_ref()?;
    Some((swap.place.head().clone(), recipe.container.clone()))
}
