//! The layer that chooses which log sources are shown.

use super::effect::{Scene, UiEffect};
use super::fit::moved;
use super::{layers, lens_open};
use crate::domain::Severity;
use crate::engine::{Command, SourceAddress};
use crate::tui::action::Action;
use crate::tui::lens_offers;
use crate::tui::ui::{Layer, LineEdit, Ui};
use crate::tui::ui_lens::{Offers, SourcePicker};

/// Opens the picker and asks every host that can be asked what it has.
pub(super) fn open(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    ui.layers.push(Layer::Sources(SourcePicker {
        search: LineEdit::typing(""),
        selected: 0,
        ticked: ui.lens.sources.clone(),
    }));
    let mut effects = Vec::new();
    for host in &scene.fleet.hosts {
        if !lens_offers::can_be_asked(host) {
            continue;
        }
        let known = ui.lens.offers.iter().any(|(id, _)| *id == host.id);
        if !known {
            ui.lens.offers.push((host.id.clone(), Offers::Asked));
        }
        effects.push(UiEffect::Ask(Command::Sources {
            host: host.id.clone(),
        }));
    }
    effects
}

/// Does an act of the picker.
pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    let Some(Layer::Sources(picker)) = ui.layers.last_mut() else {
        return Vec::new();
    };
    let rows = lens_offers::rows(&ui.lens, scene.fleet, &picker.search.text);
    if action == Action::Submit {
        let under = rows.get(picker.selected);
        let mut chosen = picker.ticked.clone();
        // Who ticks nothing means the row under the cursor.
        if chosen.is_empty() {
            chosen.extend(
                under
                    .filter(|row| row.refused.is_none())
                    .map(|row| row.address.clone()),
            );
        }
        return apply(ui, chosen);
    }
    if let Some(to) = moved(layers::walk(action), picker.selected, rows.len(), 10) {
        picker.selected = to;
    }
    Vec::new()
}

/// Ticks the source under the cursor, or takes its tick away. True where the picker has the keys.
pub(super) fn toggle(ui: &mut Ui, scene: Scene<'_>) -> bool {
    let Some(Layer::Sources(picker)) = ui.layers.last_mut() else {
        return false;
    };
    let rows = lens_offers::rows(&ui.lens, scene.fleet, &picker.search.text);
    let Some(row) = rows.get(picker.selected) else {
        return true;
    };
    let place = picker.ticked.iter().position(|of| *of == row.address);
    match (place, &row.refused) {
        (Some(place), _) => {
            picker.ticked.remove(place);
        }
        (None, None) => picker.ticked.push(row.address.clone()),
        (None, Some(why)) => {
            let text = format!("{} can't be read: {why}", row.address);
            ui.say(Severity::Warning, text, None);
            return true;
        }
    }
    picker.selected = (picker.selected + 1).min(rows.len().saturating_sub(1));
    true
}

fn apply(ui: &mut Ui, chosen: Vec<SourceAddress>) -> Vec<UiEffect> {
    ui.layers.pop();
    if chosen.is_empty() {
        ui.say(Severity::Info, "no source was chosen", None);
        return Vec::new();
    }
    match ui.lens.id() {
        Some(lens) if chosen != ui.lens.sources => {
            ui.lens.sources.clone_from(&chosen);
            vec![UiEffect::Ask(Command::SetSources {
                lens,
                sources: chosen,
            })]
        }
        Some(_) => Vec::new(),
        None => lens_open::named(ui, chosen),
    }
}
