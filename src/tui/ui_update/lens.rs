//! Opening logs: which sources the selected thing has, and the wish for a lens over them.

use super::effect::{Scene, UiEffect};
use super::screens;
use crate::domain::Severity;
use crate::engine::{Command, LogBegin, SourceAddress, SourceSpec};
use crate::tui::ui::{Screen, Ui};

/// Lines of each source that are asked for at first.
const TAIL: u32 = 1_000;

/// Asks for a lens over these sources, and goes to its screen.
pub(super) fn open(ui: &mut Ui, sources: Vec<SourceAddress>) -> Vec<UiEffect> {
    if sources.is_empty() {
        ui.say(Severity::Info, "nothing here has a log", None);
        return Vec::new();
    }
    screens::go(ui, Screen::Logs);
    vec![UiEffect::Ask(Command::OpenLens {
        sources,
        begin: LogBegin::Tail(TAIL),
    })]
}

/// Opens what the selected thing has: of a host its kernel's ring.
pub(super) fn open_selected(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let host = ui
        .selected
        .clone()
        .filter(|id| scene.fleet.host(id).is_some());
    let sources = host.map(|host| SourceAddress {
        host: Some(host),
        spec: SourceSpec::Kernel,
    });
    open(ui, sources.into_iter().collect())
}
