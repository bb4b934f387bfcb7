//! Opening what a proposal is based on: a log at its second, or the host whose metric it is.

use super::{open, transcript};
use crate::domain::Severity;
use crate::engine::{Evidence, SourceAddress};
use crate::tui::ui::{Tab, Ui};
use crate::tui::ui_update::effect::{Scene, UiEffect};
use crate::tui::ui_update::lens_open;

pub(super) fn show(ui: &mut Ui, scene: Scene<'_>, evidence: &Evidence) -> Vec<UiEffect> {
    let source = evidence.source.as_str().parse::<SourceAddress>();
    if let (Ok(address), Some(at)) = (source, evidence.at) {
        let host = address.host.clone().or_else(|| evidence.host.clone());
        open::step_aside(ui);
        let address = SourceAddress { host, ..address };
        return lens_open::at_moment(ui, vec![address], at);
    }
    let known = evidence
        .host
        .clone()
        .filter(|id| scene.fleet.host(id).is_some());
    match known {
        Some(host) => {
            transcript::show_host(ui, host, Tab::Meters);
            let text = format!("{} · {}", evidence.source, evidence.what);
            ui.say(Severity::Info, text, None);
        }
        None => ui.say(
            Severity::Warning,
            "this can't be opened: it names no log and no host of this fleet",
            None,
        ),
    }
    Vec::new()
}
