//! The mouse in the pane: a click gives a part the keys, the wheel moves the conversation. No click decides on anything.

use super::{card, open, transcript};
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{Part, Shown};
use crate::tui::ui_update::effect::{Scene, Spot, UiEffect};

/// Rows that one notch of the wheel moves.
const NOTCH: usize = 3;

/// Takes a click; `None`: it is on something else, which has the keys from now on.
pub(in crate::tui::ui_update) fn click(
    ui: &mut Ui,
    scene: Scene<'_>,
    spot: &Spot,
) -> Option<Vec<UiEffect>> {
    let effects = match spot {
        Spot::TalkRow(down) => transcript::click(ui, scene, *down),
        Spot::TalkCard => {
            ui.breakglass.part = Part::Card;
            Vec::new()
        }
        Spot::TalkDraft => {
            ui.breakglass.part = Part::Composer;
            Vec::new()
        }
        Spot::Talk => Vec::new(),
        Spot::Elsewhere => return None,
        _ => {
            if ui.breakglass.has_keys() {
                open::step_aside(ui);
            }
            return None;
        }
    };
    ui.breakglass.shown = Shown::Focused;
    Some(effects)
}

/// Moves the conversation, where the pointer is over it.
pub(in crate::tui::ui_update) fn wheel(
    ui: &mut Ui,
    scene: Scene<'_>,
    spot: &Spot,
    up: bool,
) -> bool {
    let over = matches!(
        spot,
        Spot::TalkRow(_) | Spot::TalkCard | Spot::TalkDraft | Spot::Talk
    );
    if over && ui.layers.is_empty() {
        match spot {
            Spot::TalkCard => card::scroll(ui, scene, |row| {
                if up {
                    row.saturating_sub(NOTCH)
                } else {
                    row + NOTCH
                }
            }),
            _ => transcript::wheel(ui, scene, up, NOTCH),
        }
    }
    over
}
