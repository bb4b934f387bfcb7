//! What is done when something below the conversation is chosen.

use super::{open, transcript};
use crate::tui::talk::{self, Do};
use crate::tui::ui::{Tab, Ui};
use crate::tui::ui_breakglass::Unsent;
use crate::tui::ui_update::effect::{Scene, UiEffect};
use crate::tui::ui_update::power;

/// Does what was chosen. What changes a host is asked about by the engine first.
pub(super) fn take(ui: &mut Ui, scene: Scene<'_>, number: usize) -> Vec<UiEffect> {
    let chosen = talk::offers(ui, ui.shown(scene.fleet))
        .into_iter()
        .nth(number);
    match chosen {
        Some(Do::Ask(text)) => {
            ui.breakglass.composer.keep(&text);
            open::send(ui, scene, Unsent::Say(text))
        }
        Some(Do::Runbook(host, name)) => open::send(ui, scene, Unsent::Runbook(host, name)),
        Some(Do::Power(host, verb)) => power::order(ui, host, Some(verb)),
        Some(Do::Ladder(host)) => {
            transcript::show_host(ui, host, Tab::Link);
            Vec::new()
        }
        Some(Do::Check) => open::check(ui),
        None => Vec::new(),
    }
}
