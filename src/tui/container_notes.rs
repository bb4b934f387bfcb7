//! What has to be said below the table of containers (pure): engines that do not answer, changes seen after a gap.

use super::container_rows::{gaps, scope};
use super::theme::Role;
use super::ui::{Screen, Ui};
use crate::engine::{DaemonState, Fleet, GapChange, Host};

/// The lines, the most important first.
pub(super) fn notes(fleet: &Fleet, ui: &Ui) -> Vec<(String, Role)> {
    let fleet_wide = ui.screen == Screen::Containers;
    let mut notes = Vec::new();
    let mut without = Vec::new();
    for host in scope(fleet, ui) {
        let name = if fleet_wide {
            format!("{}: ", host.id)
        } else {
            String::new()
        };
        match &host.containers.daemon {
            DaemonState::Lost { why, hint, since } => {
                let ago = fleet.at.since(*since).words();
                let mend = hint.as_ref().map(|hint| format!(" · {hint}"));
                let mend = mend.unwrap_or_default();
                notes.push((
                    format!("✖ {name}not answering for {ago}: {why}{mend}"),
                    Role::Bad,
                ));
            }
            DaemonState::Absent { .. } if fleet_wide => without.push(host.id.as_str()),
            _ => {}
        }
        if let Some(words) = gap_words(host, fleet) {
            notes.push((format!("≈ {name}seen after a gap: {words}"), Role::Warn));
        }
    }
    if !without.is_empty() {
        let words = format!("  no container engine on {}", without.join(", "));
        notes.push((words, Role::Dim));
    }
    notes
}

/// Changes that nobody saw happen, newest first.
fn gap_words(host: &Host, fleet: &Fleet) -> Option<String> {
    const SAID: usize = 4;
    let changes: Vec<&GapChange> = gaps(host, fleet).collect();
    let said = changes
        .iter()
        .rev()
        .take(SAID)
        .map(|change| change_words(change));
    let words: Vec<String> = said.collect();
    let more = changes.len().saturating_sub(SAID);
    match (words.is_empty(), more) {
        (true, _) => None,
        (_, 0) => Some(words.join(", ")),
        (_, more) => Some(format!("{} and {more} more", words.join(", "))),
    }
}

/// `web is exited, was running`.
pub(super) fn change_words(change: &GapChange) -> String {
    let name = &change.name;
    match (change.was, change.is) {
        (None, Some(is)) => format!("{name} is new and {}", is.word()),
        (_, None) => format!("{name} is gone"),
        (Some(was), Some(is)) if was == is => format!("{name} was started anew"),
        (Some(was), Some(is)) => format!("{name} is {}, was {}", is.word(), was.word()),
    }
}
