//! What a swap would meet, line by line (pure): each check with its verdict, its host, its reasoning and its mend.

use super::model_lines::{Line, blank, head, text, wrapped};
use super::model_places;
use super::model_rows::{ModelRow, place_name};
use super::theme::Role;
use super::ui::Ui;
use super::ui_models::Check;
use super::ui_tables::Awaited;
use super::widgets::age_words;
use crate::domain::ModelKey;
use crate::engine::{Finding, Fleet, Preflight, PreflightVerdict};
use crate::text::SafeText;

/// Cells of a check's sign and name.
const CHECK: usize = 12;

/// Cells of its host.
const HOST: usize = 10;

/// The lines of the tab.
pub(super) fn lines(row: &ModelRow, ui: &Ui, fleet: &Fleet, cells: usize) -> Vec<Line> {
    if row.recipe.is_none() {
        let words = "nothing can be checked before it has a recipe: set it up first";
        return wrapped(words, Role::Dim, cells);
    }
    let wanted = row
        .place
        .clone()
        .or_else(|| model_places::places(fleet, row).into_iter().next());
    let Some(place) = wanted else {
        return wrapped("no place could serve it", Role::Warn, cells);
    };
    let place = place_name(&place);
    match of(ui, &row.key, &place) {
        Some(check) => checked(check, fleet, cells),
        None => vec![text(format!("looking at {place} …"), Role::Dim)],
    }
}

/// What was last checked of this model at this place.
pub(super) fn of<'a>(ui: &'a Ui, model: &ModelKey, place: &str) -> Option<&'a Check> {
    let check = ui.models.check.as_ref();
    check.filter(|check| check.model == *model && check.place == place)
}

/// A check as lines.
pub(super) fn checked(check: &Check, fleet: &Fleet, cells: usize) -> Vec<Line> {
    match &check.found {
        Awaited::Waiting => vec![text(format!("looking at {} …", check.place), Role::Dim)],
        Awaited::Failed(refusal) => {
            let mut lines = wrapped(&refusal.why, Role::Warn, cells);
            if let Some(hint) = &refusal.hint {
                lines.extend(wrapped(hint, Role::Dim, cells));
            }
            lines
        }
        Awaited::Got((at, preflight)) => {
            let age = age_words(fleet.at.since(*at));
            let mut lines = vec![verdict_line(preflight, &check.place, &age), blank()];
            lines.extend(found(preflight, cells));
            lines
        }
    }
}

fn verdict_line(preflight: &Preflight, place: &str, age: &str) -> Line {
    let (glyph, role, words) = if preflight.passes() {
        ("✓", Role::Ok, "nothing stands against it")
    } else {
        ("✗", Role::Bad, "it will not work")
    };
    vec![
        (format!("{glyph} {words}"), role),
        (format!(" on {place}"), Role::Text),
        (format!("  {age}"), Role::Dim),
    ]
}

/// Every verdict, then who is served now.
pub(super) fn found(preflight: &Preflight, cells: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = preflight
        .verdicts
        .iter()
        .flat_map(|verdict| of_verdict(verdict, cells))
        .collect();
    if !preflight.users.is_empty() {
        lines.push(blank());
        lines.push(head("served there now", ""));
        for user in &preflight.users {
            lines.extend(wrapped(user.as_str(), Role::Text, cells));
        }
    }
    lines
}

fn of_verdict(verdict: &PreflightVerdict, cells: usize) -> Vec<Line> {
    let none = None;
    let (glyph, role, why, hint): (_, _, &SafeText, &Option<SafeText>) = match &verdict.finding {
        Finding::Pass(why) => ("✓", Role::Ok, why, &none),
        Finding::Warn { why, hint } => ("!", Role::Warn, why, hint),
        Finding::Fail { why, hint } => ("✗", Role::Bad, why, hint),
        Finding::Unknown(why) => ("?", Role::Warn, why, &none),
    };
    let lead = CHECK + HOST;
    let room = cells.saturating_sub(lead).max(12);
    let mut rows = wrapped(why.as_str(), Role::Text, room);
    if let Some(hint) = hint {
        rows.extend(wrapped(&format!("→ {hint}"), Role::Dim, room));
    }
    let name = verdict.check.word();
    let host = crate::text::cut(verdict.host.as_str(), HOST - 1).to_string();
    for (place, row) in rows.iter_mut().enumerate() {
        if place > 0 {
            row.insert(0, (" ".repeat(lead), Role::Dim));
            continue;
        }
        let sign = [
            (format!("{glyph} "), role),
            (format!("{name:<width$}", width = CHECK - 2), Role::Title),
            (format!("{host:<HOST$}"), Role::Dim),
        ];
        row.splice(0..0, sign);
    }
    rows
}
