//! Acts on the table of services: walking, filtering, looking into one, and what is done to it.

use std::sync::Arc;

use super::effect::{Copied, Room, Scene, UiEffect};
use super::fit::{follow, moved};
use super::lens_open;
use crate::domain::{Managed, ServiceAct, Severity};
use crate::engine::{
    Command, Depth, Fleet, READ_ONLY_MEND, Service, ServiceWord, SourceAddress, SourceSpec,
};
use crate::tui::action::Action;
use crate::tui::service_rows;
use crate::tui::ui::{Layer, Screen, Tab, Ui};
use crate::tui::ui_models::ServiceRef;
use crate::tui::ui_tables::Chosen;
use crate::tui::ui_work::{Choice, ChooseUi, Then, WorkLayer};

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    match action {
        Action::Filter => {
            let filter = &mut ui.services.filter;
            filter.active = true;
            filter.cursor = filter.text.len();
        }
        Action::NextHit => {
            walk(ui, scene.room, Action::Down);
        }
        Action::PreviousHit => {
            walk(ui, scene.room, Action::Up);
        }
        Action::Open
        | Action::Describe
        | Action::Stop
        | Action::Restart
        | Action::Probe
        | Action::Copy
        | Action::OpenLogs => return Some(on_chosen(ui, scene, action)),
        action => return walk(ui, scene.room, action).then(Vec::new),
    }
    Some(Vec::new())
}

fn on_chosen(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    let Chosen::One(of) = ui.services.chosen.clone() else {
        ui.say(Severity::Info, "no service is chosen", None);
        return Vec::new();
    };
    match action {
        Action::Open | Action::Describe => {
            let card = WorkLayer::Service { of, scroll: 0 };
            ui.layers.push(Layer::Work(card));
            Vec::new()
        }
        action => on(ui, scene, &of, action).unwrap_or_default(),
    }
}

/// What can be done to a service, as a choice.
pub(super) fn acts(ui: &mut Ui, scene: Scene<'_>, of: &ServiceRef) -> Vec<UiEffect> {
    on(ui, scene, of, Action::Stop).unwrap_or_default()
}

fn on(ui: &mut Ui, scene: Scene<'_>, of: &ServiceRef, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let service = service_rows::find(&fleet, of)?;
    let name = of.name.to_string();
    Some(match action {
        Action::Copy => vec![UiEffect::Copy(Copied {
            what: format!("the name of {name}"),
            text: name,
        })],
        Action::OpenLogs => match logs_of(service, of) {
            Some(source) => lens_open::named(ui, vec![source]),
            None => {
                let text = format!("{name} is only watched: nothing is known of its log");
                ui.say(Severity::Info, text, None);
                Vec::new()
            }
        },
        Action::Probe => vec![UiEffect::Ask(probe(of, deepest(service)))],
        // The engine would refuse it in the end: nobody should choose and confirm for nothing.
        _ if scene.fleet.read_only => {
            let mend = Some(READ_ONLY_MEND.to_owned());
            ui.say(Severity::Warning, "read-only: nothing is changed", mend);
            Vec::new()
        }
        Action::Restart => vec![UiEffect::Ask(command(of, ServiceAct::Restart))],
        Action::Stop => choose(ui, service, of),
        _ => return None,
    })
}

fn deepest(service: &Service) -> Depth {
    match service.spec.deep {
        Some(_) => Depth::Deep,
        None => Depth::Shallow,
    }
}

fn probe(of: &ServiceRef, depth: Depth) -> Command {
    Command::Probe {
        host: of.host.clone(),
        service: of.name.clone(),
        depth,
    }
}

fn command(of: &ServiceRef, act: ServiceAct) -> Command {
    Command::Service {
        host: of.host.clone(),
        service: of.name.clone(),
        act,
    }
}

fn logs_of(service: &Service, of: &ServiceRef) -> Option<SourceAddress> {
    let spec = match &service.spec.managed {
        Managed::Container(name)
        | Managed::Git {
            container: name, ..
        } => SourceSpec::Container(name.clone()),
        Managed::Unit(unit) => SourceSpec::Unit(unit.clone()),
        Managed::Watched => return None,
    };
    Some(SourceAddress {
        host: Some(of.host.clone()),
        spec,
    })
}

/// Whether an act means anything to a service that is run like this and stands like this.
fn applies(act: ServiceAct, service: &Service) -> bool {
    let spec = &service.spec;
    let watched = spec.managed == Managed::Watched;
    match act {
        ServiceAct::Start => !watched && service.word == ServiceWord::Stopped,
        ServiceAct::Stop | ServiceAct::Restart => !watched,
        ServiceAct::Update => matches!(spec.managed, Managed::Git { .. }),
        ServiceAct::Reapply => !spec.overlays.is_empty(),
        ServiceAct::Install => spec.install.is_some(),
    }
}

fn words(act: ServiceAct) -> &'static str {
    match act {
        ServiceAct::Start => "run it",
        ServiceAct::Stop => "stop it; it stays stopped",
        ServiceAct::Restart => "stop it, then start it",
        ServiceAct::Update => "fetch its sources, and bring it up again",
        ServiceAct::Reapply => "put its files in again, and restart it",
        ServiceAct::Install => "install its container, or build its image",
    }
}

fn choose(ui: &mut Ui, service: &Service, of: &ServiceRef) -> Vec<UiEffect> {
    let acts = ServiceAct::ALL
        .into_iter()
        .filter(|act| applies(*act, service));
    let mut rows: Vec<Choice> = acts
        .map(|act| Choice {
            word: act.word().to_owned(),
            words: words(act).to_owned(),
            then: Then::Ask(command(of, act)),
        })
        .collect();
    for (depth, word, words) in [
        (Depth::Shallow, "look", "look at it now"),
        (Depth::Deep, "probe", "look at it now with a real request"),
    ] {
        if depth == Depth::Shallow || service.spec.deep.is_some() {
            rows.push(Choice {
                word: word.into(),
                words: words.into(),
                then: Then::Ask(probe(of, depth)),
            });
        }
    }
    ui.layers.push(Layer::Work(WorkLayer::Choose(ChooseUi {
        title: "Act on a service",
        about: format!("{} on {}", of.name, of.host),
        rows,
        selected: 0,
    })));
    Vec::new()
}

/// Moves the choice over the rows.
pub(super) fn walk(ui: &mut Ui, room: Room, action: Action) -> bool {
    let table = &ui.services;
    let at = match &table.chosen {
        Chosen::One(of) => table.rows.position(of),
        _ => None,
    };
    let length = table.rows.rows().len();
    let Some(to) = moved(action, at.unwrap_or(table.scroll), length, room.table) else {
        return false;
    };
    choose_row(ui, to);
    true
}

fn choose_row(ui: &mut Ui, row: usize) {
    if let Some(row) = ui.services.rows.rows().get(row) {
        ui.services.chosen = Chosen::One(row.of());
    }
}

/// Chooses a row by its place on the screen; tells whether it was chosen already.
pub(super) fn click(ui: &mut Ui, row: usize) -> bool {
    let at = ui.services.scroll + row;
    let rows = ui.services.rows.rows();
    let again = rows
        .get(at)
        .is_some_and(|row| ui.services.chosen == Chosen::One(row.of()));
    choose_row(ui, at);
    again
}

/// Rows that are up to date, a choice that exists, a scroll that shows it.
pub(super) fn fit(ui: &mut Ui, fleet: &Fleet, room: usize) {
    let is_shown =
        ui.screen == Screen::Services || (ui.screen == Screen::Hosts && ui.tab == Tab::Services);
    if !is_shown {
        return;
    }
    service_rows::refresh(ui, fleet);
    let table = &mut ui.services;
    let length = table.rows.rows().len();
    let at = match &table.chosen {
        Chosen::One(of) => table.rows.position(of),
        _ => None,
    };
    match (at, table.rows.rows().first()) {
        (Some(at), _) => table.scroll = follow(table.scroll, at, length, room),
        // Another host is looked at, or the filter hides it. Services don't come and go by themselves.
        (None, Some(first)) => {
            table.chosen = Chosen::One(first.of());
            table.scroll = 0;
        }
        // A key in an empty table would hit a service of another host.
        (None, None) => {
            table.chosen = Chosen::default();
            table.scroll = 0;
        }
    }
}
