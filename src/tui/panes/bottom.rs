//! The last two lines: what happened and where we are; what keys do here, or the line being typed.

use ratatui::layout::{Position, Rect};

use super::Scene;
use super::breakglass::talk_hints;
use super::logs::hits as lens_hits;
use crate::domain::HealthWord;
use crate::engine::Alert;
use crate::text::width;
use crate::tui::action::{self, Action, Place};
use crate::tui::layout::selected;
use crate::tui::power_words::act_words;
use crate::tui::theme::Role;
use crate::tui::ui::{Focus, Layer, LineEdit, Screen, Ui};
use crate::tui::widgets::{Canvas, edit, grouped, severity_glyph};

/// Draws the line of events: the outcome of the last act, else the worst that holds; at its right the place.
pub(in crate::tui) fn event(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Scene { fleet, ui, .. } = scene;
    let mut pen = canvas.pen(area);
    pen.skip(1);
    let crumbs = crumbs(scene);
    let cells: usize = crumbs.iter().map(|(text, _)| width(text)).sum();
    if cells * 2 < usize::from(area.width) {
        let mut crumbs = crumbs;
        crumbs.push((" ", Role::Dim));
        pen.at_end(&crumbs);
    }
    if let Some(flash) = &ui.flash {
        let (glyph, role) = severity_glyph(flash.severity);
        pen.put(glyph, role).skip(1).put(&flash.text, role);
        if let Some(hint) = &flash.hint {
            pen.put(" · ", Role::Faint).put(hint, Role::Dim);
        }
        return;
    }
    if let Some((glyph, role, words)) = power_words(ui) {
        let key = scene.keymap.label(Action::Power);
        pen.put(glyph, role)
            .skip(1)
            .put(&words, role)
            .put(" · ", Role::Faint)
            .put(&key, Role::Key)
            .put(" shows it", Role::Dim);
        return;
    }
    let worst = fleet
        .alerts
        .iter()
        .filter(|alert| alert.until.is_none())
        .max_by_key(|alert| (alert.word, alert.since));
    if let Some(alert) = worst {
        pen.put("!", Role::Warn)
            .skip(1)
            .put(&alert_words(scene, alert), Role::Text);
    }
}

/// The power act that is under way; one of which nobody knows whether it happened, until somebody has looked at it.
fn power_words(ui: &Ui) -> Option<(&'static str, Role, String)> {
    if let Some(act) = ui.power.running() {
        let words = format!("{} {}", act.host, act_words(act, ui.now));
        return Some(("◌", Role::Warn, words));
    }
    let act = ui.power.unknown()?;
    let words = format!("{}: NOT KNOWN whether the {} happened", act.host, act.verb);
    Some(("?", Role::Bad, words))
}

/// `home › spark-2 › Containers`.
fn crumbs(scene: Scene<'_>) -> Vec<(&str, Role)> {
    let Scene { fleet, ui, .. } = scene;
    let mut places = Vec::new();
    match (ui.screen, selected(fleet, ui)) {
        (Screen::Hosts, Some(host)) => {
            places.push((host.id.as_str(), Role::Title));
            if ui.focus == Focus::Detail {
                places.push((ui.tab.title(), Role::Dim));
            }
        }
        (Screen::Hosts, None) => {}
        (screen, _) => places.push((screen.title(), Role::Title)),
    }
    if let Some(open) = &ui.containers.open {
        places.push((open.name.as_str(), Role::Title));
    }
    let mut crumbs = vec![(&*fleet.name, Role::Dim)];
    for place in places {
        crumbs.extend([(" › ", Role::Faint), place]);
    }
    crumbs
}

/// `spark-3 wedged 3m: tcp ok, ssh banner silent`.
fn alert_words(scene: Scene<'_>, alert: &Alert) -> String {
    let since = scene.fleet.at.since(alert.since).words();
    let word = if alert.word == HealthWord::Wedged {
        "wedged"
    } else {
        alert.word.word()
    };
    if alert.detail.is_empty() {
        format!("{} {word} {since}", alert.host)
    } else {
        format!("{} {word} {since}: {}", alert.host, alert.detail)
    }
}

/// Draws the line of hints. Where a line is typed instead, tells where its caret is.
pub(in crate::tui) fn hints(
    canvas: &mut Canvas<'_>,
    area: Rect,
    scene: Scene<'_>,
) -> Option<Position> {
    let ui = scene.ui;
    if let Some(Layer::CommandLine { line, .. }) = ui.layers.last() {
        return Some(typed(
            canvas,
            area,
            ":",
            line,
            "Tab completes · Enter runs · Esc leaves",
        ));
    }
    if let Some(Layer::Text { search, .. }) = ui.layers.last()
        && search.active
    {
        let help = "Enter keeps the search · n N walk through the hits";
        return Some(typed(canvas, area, "/", search, help));
    }
    if let Some((sign, line, help)) = lens_line(area, scene) {
        return Some(typed(canvas, area, sign, line, &help));
    }
    if ui.list_filter.active {
        return Some(typed(
            canvas,
            area,
            "/",
            &ui.list_filter,
            "name, tag or state · !word leaves out",
        ));
    }
    if ui.ledger.filter.active {
        return Some(typed(
            canvas,
            area,
            "/",
            &ui.ledger.filter,
            "host, person, words or outcome · !word leaves out",
        ));
    }
    if ui.containers.filter.active {
        return Some(typed(
            canvas,
            area,
            "/",
            &ui.containers.filter,
            "name, image, state, project, owner, port or host",
        ));
    }
    if ui.models.filter.active {
        let help = "name, repository, state or place · !word leaves out";
        return Some(typed(canvas, area, "/", &ui.models.filter, help));
    }
    if ui.services.filter.active {
        let help = "name, host, state or model · !word leaves out";
        return Some(typed(canvas, area, "/", &ui.services.filter, help));
    }
    if ui.sources.filter.active {
        let help = "a few letters of its kind, name or detail";
        return Some(typed(canvas, area, "/", &ui.sources.filter, help));
    }
    if ui.processes.filter.active {
        return Some(typed(
            canvas,
            area,
            "/",
            &ui.processes.filter,
            "user, command, container or pid",
        ));
    }
    footer(canvas, area, scene);
    None
}

/// The line of the log lens that is being typed, with what comes of it so far.
fn lens_line(area: Rect, scene: Scene<'_>) -> Option<(&'static str, &LineEdit, String)> {
    let lens = &scene.ui.lens;
    let picture = lens.shown();
    let (sign, line, found, how) = if lens.search.active {
        let found = picture.search.as_ref().filter(|of| !of.pattern.is_empty());
        let words = found.map(|of| of.error.clone().unwrap_or_else(|| lens_hits(of)));
        (
            "/",
            &lens.search,
            words,
            "a regular expression · Enter keeps · Esc clears",
        )
    } else if lens.filter.active {
        let (shown, all) = (grouped(picture.shown), grouped(picture.lines));
        let error = picture.filter.as_ref().and_then(|of| of.error.clone());
        let words = Some(error.unwrap_or_else(|| format!("{shown} of {all}")));
        (
            "&",
            &lens.filter,
            words,
            "words !without level>=warn host:NAME since:10m",
        )
    } else {
        return None;
    };
    let long = match &found {
        Some(found) => format!("{found} · {how}"),
        None => how.to_owned(),
    };
    // What was found matters more than how to write it.
    let fits = usize::from(area.width) > width(&long) + width(&line.text) + 12;
    let help = if fits {
        long
    } else {
        found.unwrap_or_default()
    };
    Some((sign, line, help))
}

fn typed(canvas: &mut Canvas<'_>, area: Rect, sign: &str, line: &LineEdit, help: &str) -> Position {
    let mut pen = canvas.pen(area);
    pen.skip(1);
    if usize::from(area.width) > width(help) + width(&line.text) + 8 {
        pen.at_end(&[(help, Role::Dim), (" ", Role::Dim)]);
    }
    pen.put(sign, Role::Key);
    let room = pen.room();
    edit(&mut pen, line, room, false)
}

/// Acts that are refused when every change is.
const CHANGES: [Action; 10] = [
    Action::Shell,
    Action::Stop,
    Action::Restart,
    Action::Arm,
    Action::Swap,
    Action::Rollback,
    Action::Cancel,
    Action::Download,
    Action::Remove,
    Action::Reserve,
];

/// Acts that mean something without any host.
const WITHOUT_HOSTS: [Action; 2] = [Action::CommandLine, Action::Help];

fn footer(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let mut pen = canvas.pen(area);
    pen.skip(1);
    let place = scene.ui.place();
    if talk_hints::are_here(scene) {
        return talk_hints::hints(&mut pen, scene);
    }
    let replay = scene
        .ui
        .replay
        .is_some()
        .then(|| action::hints(Place::Replay))
        .into_iter()
        .flatten();
    let (help, mut others) = replay
        .chain(action::hints(place))
        .filter(|spec| is_of_use(scene, spec.action))
        .partition::<Vec<&action::ActionSpec>, _>(|spec| spec.action == Action::Help);
    others.sort_by_key(|spec| place_in_logs(place, spec.action));
    if matches!(
        place,
        Place::Containers | Place::Container | Place::Models | Place::Model | Place::Services
    ) {
        // What can be done to them is what people look for; how it looks, they find in the help.
        others.sort_by_key(|spec| match spec.group {
            _ if spec.action == Action::Open => 0,
            _ if matches!(place, Place::Models | Place::Model) => place_in_models(spec.action),
            action::Group::Act => 1,
            _ => 2,
        });
    }
    // The way to all the other keys is never the one that is cut.
    for spec in help {
        let key = scene.keymap.label(spec.action);
        pen.at_end(&[
            (&key, Role::Key),
            (" ", Role::Dim),
            (spec.hint, Role::Dim),
            (" ", Role::Dim),
        ]);
    }
    for spec in others {
        let key = scene.keymap.label(spec.action);
        let refused = scene.fleet.read_only && CHANGES.contains(&spec.action);
        let hint = hint_words(place, spec);
        let cells = width(&key) + 1 + width(hint);
        if key.is_empty() || cells > usize::from(pen.room()) {
            continue;
        }
        let (of_key, of_hint) = if refused {
            (Role::Forbidden, Role::Forbidden)
        } else {
            (Role::Key, Role::Dim)
        };
        pen.put(&key, of_key).skip(1).put(hint, of_hint).skip(3);
    }
}

/// The order of the hints on the screen of models: a narrow one has room for the first only.
fn place_in_models(action: Action) -> usize {
    const FIRST: [Action; 9] = [
        Action::Swap,
        Action::Preflight,
        Action::Stop,
        Action::Rollback,
        Action::Cancel,
        Action::Download,
        Action::OpenLogs,
        Action::Reserve,
        Action::SetUp,
    ];
    let first = FIRST.iter().position(|first| *first == action);
    1 + first.unwrap_or(FIRST.len())
}

/// The order of the hints on the screen of logs, where the general ones are the least needed.
fn place_in_logs(place: Place, action: Action) -> usize {
    const FIRST: [Action; 6] = [
        Action::Filter,
        Action::Sift,
        Action::Follow,
        Action::ChooseSources,
        Action::NextError,
        Action::Copy,
    ];
    let first = FIRST.iter().position(|first| *first == action);
    match place {
        Place::Logs => first.unwrap_or(FIRST.len()),
        _ => 0,
    }
}

/// A text is not narrowed, it is searched.
fn hint_words(place: Place, spec: &action::ActionSpec) -> &'static str {
    match (place, spec.action) {
        (Place::Reading | Place::Logs, Action::Filter) => "search",
        _ => spec.hint,
    }
}

/// The switch is named where there is one, and disarming where something is armed.
fn is_switch_of_use(scene: Scene<'_>, action: Action) -> bool {
    let has_switch = selected(scene.fleet, scene.ui).is_some_and(|host| host.spec.power.is_some());
    match action {
        Action::Disarm => !scene.ui.power.armed.is_empty(),
        _ => has_switch,
    }
}

fn is_of_use(scene: Scene<'_>, action: Action) -> bool {
    // There is nothing in a text to be opened.
    if action == Action::Open && scene.ui.place() == Place::Reading {
        return false;
    }
    // Opening a line of a log tells everything known of it.
    if action == Action::Describe && scene.ui.place() == Place::Logs {
        return false;
    }
    let in_table = matches!(
        scene.ui.place(),
        Place::Containers
            | Place::Container
            | Place::Models
            | Place::Model
            | Place::Services
            | Place::Sources
            | Place::Ledger
    );
    let types = scene.ui.place() == Place::Text;
    if types && matches!(action, Action::Zoom | Action::Arm) {
        // A line being typed is what it is about; the pane that has use of these names their keys itself.
        return false;
    }
    if in_table && matches!(action, Action::Zoom | Action::Pause | Action::Describe) {
        return false;
    }
    if action == Action::Questions {
        return !scene.fleet.questions.is_empty();
    }
    if scene.ui.place() == Place::Switch {
        // The card and the dialog name their keys themselves.
        return action == Action::Help;
    }
    if matches!(action, Action::Arm | Action::Power | Action::Disarm) {
        return is_switch_of_use(scene, action);
    }
    !scene.fleet.hosts.is_empty() || !scene.ui.layers.is_empty() || WITHOUT_HOSTS.contains(&action)
}
