//! What is done with models: each act leads to a dialog, and from there to the engine's own question.

use std::sync::Arc;

use super::effect::{Scene, UiEffect};
use super::models::{self, check_if_due, chosen};
use crate::domain::{HostId, ModelKey, Place, Severity};
use crate::engine::{
    Command, Fleet, LockOrder, ModelSource, ModelsCommand, PlaceName, READ_ONLY_MEND, WorkState,
};
use crate::tui::action::{Action, nearest};
use crate::tui::action_places::MODELS;
use crate::tui::command_line::WorkOrder;
use crate::tui::model_forms;
use crate::tui::model_places;
use crate::tui::model_rows::{ModelRow, place_name};
use crate::tui::model_swap_lines;
use crate::tui::ui::{Layer, Screen, Ui};
use crate::tui::ui_models::ModelTab;
use crate::tui::ui_work::{Choice, ChooseUi, FormUi, SwapStop, SwapUi, Then, WorkLayer};

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    let is_mine = matches!(
        action,
        Action::Swap
            | Action::Stop
            | Action::Rollback
            | Action::Cancel
            | Action::Download
            | Action::Remove
            | Action::Reserve
            | Action::SetUp
    );
    if action == Action::Refresh {
        return Some(ask(ModelsCommand::Refresh(None)));
    }
    if !is_mine {
        return None;
    }
    // The engine would refuse it in the end: nobody should choose and confirm for nothing. A recipe changes no host.
    if scene.fleet.read_only && action != Action::SetUp {
        let mend = Some(READ_ONLY_MEND.to_owned());
        ui.say(Severity::Warning, "read-only: nothing is changed", mend);
        return Some(Vec::new());
    }
    if action == Action::Download {
        let repo = chosen(ui).and_then(|row| row.source.clone());
        download(ui, &fleet, repo.as_ref(), None);
        return Some(Vec::new());
    }
    let Some(row) = chosen(ui).cloned() else {
        ui.say(Severity::Info, "no model is chosen", None);
        return Some(Vec::new());
    };
    Some(match action {
        Action::Swap => swap(ui, scene, &row, None),
        Action::Stop => stop(ui, &row),
        Action::Rollback => rollback(ui, &fleet, &row),
        Action::Cancel => cancel(ui, &fleet, &row),
        Action::Remove => remove(ui, &row),
        Action::Reserve => reserve(ui, &fleet, &row),
        _ => set_up(ui, &fleet, &row),
    })
}

fn ask(command: ModelsCommand) -> Vec<UiEffect> {
    vec![UiEffect::Ask(Command::Models(command))]
}

fn says(ui: &mut Ui, text: impl Into<String>, hint: Option<&str>) -> Vec<UiEffect> {
    ui.say(Severity::Info, text, hint.map(str::to_owned));
    Vec::new()
}

fn open(ui: &mut Ui, layer: WorkLayer) {
    ui.layers.push(Layer::Work(layer));
}

/// Opens the dialog of a swap; what it would meet is looked at while it is open.
pub(super) fn swap(
    ui: &mut Ui,
    scene: Scene<'_>,
    row: &ModelRow,
    place: Option<&str>,
) -> Vec<UiEffect> {
    if row.recipe.is_none() {
        let hint = format!("{} sets it up", scene.keymap.label(Action::SetUp));
        return says(ui, format!("{} has no recipe yet", row.name), Some(&hint));
    }
    let places = model_places::places(scene.fleet, row);
    let places: Vec<PlaceName> = places.iter().map(place_name).collect();
    let wanted = place.and_then(|wanted| places.iter().position(|name| name == wanted));
    if places.is_empty() || place.is_some() && wanted.is_none() {
        let hint = if places.is_empty() {
            "its recipe names no host of this fleet".to_owned()
        } else {
            format!("there are: {}", places.join(", "))
        };
        return says(
            ui,
            format!("{} can't be served there", row.name),
            Some(&hint),
        );
    }
    open(
        ui,
        WorkLayer::Swap(SwapUi {
            model: row.key.clone(),
            places,
            place: wanted.unwrap_or(0),
            force: false,
            stop: SwapStop::No,
            scroll: 0,
        }),
    );
    check_if_due(ui, scene)
}

/// What a dialog wants to know of a swap.
pub(super) fn wanted_check(ui: &Ui) -> Option<(ModelKey, PlaceName)> {
    match ui.layers.last() {
        Some(Layer::Work(WorkLayer::Swap(swap))) => {
            Some((swap.model.clone(), swap.place()?.clone()))
        }
        _ => None,
    }
}

/// Asked first, or not: the engine's own question follows.
fn stop(ui: &mut Ui, row: &ModelRow) -> Vec<UiEffect> {
    let Some(place) = row.place.as_ref().map(place_name) else {
        return says(ui, format!("{} is not served anywhere", row.name), None);
    };
    let of = |force| {
        Then::Ask(Command::Models(ModelsCommand::Stop {
            place: place.clone(),
            force,
        }))
    };
    let choice = |word: &str, words: &str, force| Choice {
        word: word.into(),
        words: words.into(),
        then: of(force),
    };
    let rows = vec![
        choice("stop", "ask it to end, and end it after its grace", false),
        choice("force", "end it now; what it works on is lost", true),
    ];
    choose(ui, "Stop a model", format!("{} on {place}", row.name), rows)
}

fn choose(ui: &mut Ui, title: &'static str, about: String, rows: Vec<Choice>) -> Vec<UiEffect> {
    open(
        ui,
        WorkLayer::Choose(ChooseUi {
            title,
            about,
            rows,
            selected: 0,
        }),
    );
    Vec::new()
}

/// The place that a row is about: where it is served, else that of the last swap that concerned it.
fn place_of(row: &ModelRow, fleet: &Fleet) -> Option<Place> {
    let swap = || model_swap_lines::of(row, fleet).map(|swap| swap.place.clone());
    let likely = || model_places::places(fleet, row).into_iter().next();
    row.place.clone().or_else(swap).or_else(likely)
}

fn rollback(ui: &mut Ui, fleet: &Fleet, row: &ModelRow) -> Vec<UiEffect> {
    let place = place_of(row, fleet);
    let swap = place
        .as_ref()
        .and_then(|place| model_swap_lines::at(fleet, place));
    match (place, swap.and_then(|swap| swap.before.as_ref())) {
        (Some(place), Some(_)) => ask(ModelsCommand::Rollback(place_name(&place))),
        _ => says(
            ui,
            "nothing is known to have been served there before",
            None,
        ),
    }
}

/// What is at work and concerns a model: its swap, its downloads and copies.
fn cancel(ui: &mut Ui, fleet: &Fleet, row: &ModelRow) -> Vec<UiEffect> {
    let mut rows = Vec::new();
    let end = |host: &HostId, work: &crate::engine::WorkId| {
        Then::Ask(Command::Models(ModelsCommand::Cancel {
            host: host.clone(),
            work: work.clone(),
        }))
    };
    let swap = model_swap_lines::of(row, fleet).filter(|swap| swap.end.is_none());
    if let Some(swap) = swap {
        rows.push(Choice {
            word: "swap".into(),
            words: format!(
                "on {}; it may leave nothing served",
                place_name(&swap.place)
            ),
            then: end(swap.place.head(), &swap.work),
        });
    }
    let source = row.source.as_ref().map(crate::tui::model_rows::source_name);
    for host in &fleet.hosts {
        for work in host.models.work.iter() {
            let mine = Some(work.subject.as_str()) == source;
            if mine && matches!(work.state, WorkState::Running { .. }) {
                rows.push(Choice {
                    word: "fetch".into(),
                    words: format!("on {}; what is there stays for the next try", host.id),
                    then: end(&host.id, &work.work),
                });
            }
        }
    }
    match rows.len() {
        0 => says(ui, format!("nothing is at work for {}", row.name), None),
        _ => choose(ui, "Cancel", row.name.to_string(), rows),
    }
}

fn remove(ui: &mut Ui, row: &ModelRow) -> Vec<UiEffect> {
    match &row.source {
        Some(ModelSource::Repo(repo)) if !row.on.is_empty() => ask(ModelsCommand::Remove {
            repo: repo.clone(),
            hosts: Vec::new(),
        }),
        Some(ModelSource::Local(_)) => {
            let hint = Some("delete its folder by hand, where you made it");
            says(ui, "a folder of your own is never deleted from here", hint)
        }
        _ => says(ui, format!("{} is on no disk", row.name), None),
    }
}

/// What can be done with the reservation of a place, as it stands.
fn reserve(ui: &mut Ui, fleet: &Fleet, row: &ModelRow) -> Vec<UiEffect> {
    let Some(place) = place_of(row, fleet) else {
        return says(ui, "no place could serve it", None);
    };
    reserve_place(ui, fleet, &place)
}

/// The same for a place.
pub(super) fn reserve_place(ui: &mut Ui, fleet: &Fleet, place: &Place) -> Vec<UiEffect> {
    let name = place_name(place);
    let lock = |order| {
        Then::Ask(Command::Models(ModelsCommand::Lock {
            place: name.clone(),
            order,
        }))
    };
    let choice = |word: &str, words: &str, then| Choice {
        word: word.into(),
        words: words.into(),
        then,
    };
    let held = crate::tui::model_lines::reservation(fleet, place);
    let form = || Then::Form(model_forms::reserve(&name));
    let release = || lock(LockOrder::Release { token: None });
    let rows = match held.as_ref().map(|held| held.value.ours) {
        None => vec![choice("reserve", "keep others from swapping there", form())],
        Some(true) => vec![
            choice("hold", "keep it longer", form()),
            choice("release", "give it back", release()),
        ],
        Some(false) => vec![choice(
            "break",
            "take it from whoever holds it; they are not told",
            lock(LockOrder::Break),
        )],
    };
    choose(ui, "Reservation", name.clone(), rows)
}

fn set_up(ui: &mut Ui, fleet: &Fleet, row: &ModelRow) -> Vec<UiEffect> {
    match model_forms::set_up(fleet, row) {
        Ok(form) => {
            open(ui, WorkLayer::Form(form));
            Vec::new()
        }
        Err(why) => says(ui, why, None),
    }
}

/// Opens the form that fetches weights.
pub(super) fn download(
    ui: &mut Ui,
    fleet: &Fleet,
    source: Option<&ModelSource>,
    place: Option<&str>,
) {
    let repo = match source {
        Some(ModelSource::Repo(repo)) => repo.as_str(),
        _ => "",
    };
    let form: FormUi = model_forms::download(fleet, repo, place);
    open(ui, WorkLayer::Form(form));
}

/// Does what a line about models or services says.
pub(super) fn obey(ui: &mut Ui, scene: Scene<'_>, order: WorkOrder) -> Vec<UiEffect> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    match order {
        WorkOrder::Ask(command) => ask(command),
        WorkOrder::Download(repo, place) => {
            let source = repo.parse().ok().map(ModelSource::Repo);
            download(ui, &fleet, source.as_ref(), place.as_deref());
            Vec::new()
        }
        WorkOrder::Reserve(place) => reserve_place(ui, &fleet, &place),
        WorkOrder::Service(of, None) => {
            let card = WorkLayer::Service { of, scroll: 0 };
            ui.layers.push(Layer::Work(card));
            Vec::new()
        }
        WorkOrder::Service(of, Some(act)) => vec![UiEffect::Ask(Command::Service {
            host: of.host,
            service: of.name,
            act,
        })],
        WorkOrder::Swap(name, place) => match named(ui, &fleet, &name) {
            Some(row) => swap(ui, scene, &row, place.as_deref()),
            None => Vec::new(),
        },
        WorkOrder::Preflight(name) => match named(ui, &fleet, &name) {
            Some(_) => models::show_tab(ui, scene, ModelTab::Preflight),
            None => Vec::new(),
        },
    }
}

/// Goes to a model by its key.
fn named(ui: &mut Ui, fleet: &Fleet, name: &str) -> Option<ModelRow> {
    models::go(ui, fleet, Some(&ModelKey::new(name)));
    let row = chosen(ui).filter(|row| row.key.as_str() == name).cloned();
    if row.is_none() {
        let keys = fleet.catalog.recipes.keys().map(ModelKey::as_str);
        let hint = nearest(name, keys).map(|near| format!("did you mean `{near}`?"));
        says(ui, format!("no model is called `{name}`"), hint.as_deref());
    }
    row
}

/// Whether this is an act on models, and none is in view.
pub(super) fn is_meant_elsewhere(ui: &Ui, action: Action) -> bool {
    let about_models = action
        .spec()
        .is_some_and(|spec| spec.places.iter().all(|place| MODELS.contains(place)));
    about_models && ui.screen != Screen::Models
}

/// Goes to the models, and does it there.
pub(super) fn elsewhere(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    models::go(ui, &fleet, None);
    models::fit(ui, &fleet, scene.room);
    models::act(ui, scene, action)
}
