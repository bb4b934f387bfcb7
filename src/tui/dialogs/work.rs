//! The dialogs about models and services: a swap with what it would meet, a choice of acts, a form, a service and its past.

use ratatui::layout::{Position, Rect};

use super::layers::{from_foot, from_head, surface};
use crate::text::width;
use crate::tui::action::{Action, Place};
use crate::tui::model_check_lines;
use crate::tui::model_forms::left_out;
use crate::tui::model_lines::Line;
use crate::tui::panes::Scene;
use crate::tui::service_rows;
use crate::tui::service_words::{
    counts, deep_words, event, event_words, found, latency_and_age, restarts, run_by, state,
};
use crate::tui::theme::Role;
use crate::tui::ui_models::ServiceRef;
use crate::tui::ui_work::{ChooseUi, FormKind, FormUi, SwapStop, SwapUi, WorkLayer};
use crate::tui::widgets::{Canvas, Pen, clock, edit, more_rows, row_of};

/// Cells of the labels of a form.
const LABEL: u16 = 12;

/// Rows of a service above its past.
pub(super) const CARD_HEAD: u16 = 7;

/// Draws the dialog; tells where the caret is, if something is typed.
pub(super) fn work(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    layer: &WorkLayer,
) -> Option<Position> {
    match layer {
        WorkLayer::Swap(swap) => {
            swap_dialog(canvas, (area, rows), scene, swap);
            None
        }
        WorkLayer::Choose(choose) => {
            chooser(canvas, (area, rows), scene, choose);
            None
        }
        WorkLayer::Form(form) => form_dialog(canvas, (area, rows), scene, form),
        WorkLayer::Service { of, scroll } => {
            service(canvas, (area, rows), scene, (of, *scroll));
            None
        }
    }
}

fn swap_dialog(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    swap: &SwapUi,
) {
    let title = format!("Swap to {}", swap.model);
    let borders = surface(canvas, area, &title, Role::Danger);
    let place = swap.place().map_or("–", String::as_str);
    let mut pen = canvas.pen(from_head(area, 0));
    let at_place = swap.stop == SwapStop::Place;
    pen.put("on     ", Role::Dim)
        .put(&bracketed(place, at_place), stop_role(at_place));
    if swap.places.len() > 1 {
        let words = format!("   {} of {} places, ", swap.place + 1, swap.places.len());
        pen.put(&words, Role::Dim)
            .put(&key(scene, Action::Mark), Role::Key)
            .put(" takes the next", Role::Dim);
    }
    let lines = check_lines(scene, swap, usize::from(rows.width));
    let height = usize::from(rows.height);
    let scroll = swap.scroll.min(lines.len().saturating_sub(height));
    draw_lines(canvas, rows, lines.iter().skip(scroll));
    let below = lines.len().saturating_sub(scroll + height);
    if below > 0 {
        let words = more_rows(below);
        canvas.pen(borders.bottom).at_end(&[(&words, Role::Dim)]);
    }
    let at_force = swap.stop == SwapStop::Force;
    let tick = if swap.force { "[x] force" } else { "[ ] force" };
    canvas
        .pen(from_foot(area, 2))
        .put(&bracketed(tick, at_force), stop_role(at_force))
        .put(" although a check says that it will not work", Role::Dim);
    let mut pen = canvas.pen(from_foot(area, 0));
    for (stop, words) in [(SwapStop::No, "No"), (SwapStop::Yes, "Swap…")] {
        let focused = swap.stop == stop;
        if focused {
            pen.put(&format!("[ {words} ]"), Role::ButtonFocus);
        } else {
            pen.put(&format!("  {words}  "), Role::Button);
        }
        pen.skip(2);
    }
    pen.at_end(&[
        (&key(scene, Action::NextPane), Role::Key),
        (" goes on  ", Role::Dim),
        (&key(scene, Action::Copy), Role::Key),
        (" copies the command", Role::Dim),
    ]);
}

/// The key of an act in a dialog.
fn key(scene: Scene<'_>, action: Action) -> String {
    scene.keymap.label_at(Place::Dialog, action)
}

/// The keys of a dialog, with what each does.
fn hints(pen: &mut Pen<'_>, hints: &[(String, &str)]) {
    for (key, words) in hints.iter().filter(|(key, _)| !key.is_empty()) {
        pen.put(key, Role::Key)
            .skip(1)
            .put(words, Role::Dim)
            .skip(3);
    }
}

fn bracketed(words: &str, focused: bool) -> String {
    if focused {
        format!("‹{words}›")
    } else {
        format!(" {words} ")
    }
}

fn stop_role(focused: bool) -> Role {
    if focused {
        Role::ButtonFocus
    } else {
        Role::Title
    }
}

fn check_lines(scene: Scene<'_>, swap: &SwapUi, cells: usize) -> Vec<Line> {
    let place = swap.place().map_or("", String::as_str);
    match model_check_lines::of(scene.ui, &swap.model, place) {
        Some(check) => model_check_lines::checked(check, scene.fleet, cells),
        None => vec![vec![(format!("looking at {place} …"), Role::Dim)]],
    }
}

/// How many rows the dialog of a swap has to tell.
pub(in crate::tui) fn swap_length(
    ui: &crate::tui::ui::Ui,
    fleet: &crate::engine::Fleet,
    swap: &SwapUi,
    cells: usize,
) -> usize {
    let place = swap.place().map_or("", String::as_str);
    let check = model_check_lines::of(ui, &swap.model, place);
    check.map_or(1, |check| {
        model_check_lines::checked(check, fleet, cells).len()
    })
}

fn draw_lines<'a>(canvas: &mut Canvas<'_>, rows: Rect, lines: impl Iterator<Item = &'a Line>) {
    for (row, line) in (0..rows.height).zip(lines) {
        let mut pen = canvas.row(rows, row);
        for (words, role) in line {
            pen.put(words, *role);
        }
    }
}

fn chooser(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    choose: &ChooseUi,
) {
    surface(canvas, area, choose.title, Role::BorderFocus);
    canvas
        .pen(from_head(area, 0))
        .put(&choose.about, Role::Title);
    let widest = choose.rows.iter().map(|row| width(&row.word)).max();
    let cells = widest.unwrap_or(0) as u16 + 2;
    for (place, choice) in (0..rows.height).zip(&choose.rows) {
        let line = row_of(rows, place);
        let chosen = usize::from(place) == choose.selected;
        canvas
            .pen(line)
            .put(if chosen { "›" } else { " " }, Role::Accent)
            .left(&choice.word, cells, Role::Title)
            .put(&choice.words, Role::Text);
        if chosen {
            canvas.paint(line, Role::Selected);
        }
    }
    let keys = [
        (key(scene, Action::Open), "goes on"),
        (key(scene, Action::Close), "leaves"),
    ];
    hints(&mut canvas.pen(from_foot(area, 0)), &keys);
}

fn form_title(kind: &FormKind) -> String {
    match kind {
        FormKind::Download => "Download weights".into(),
        FormKind::Reserve(place) => format!("Reserve {place}"),
        FormKind::SetUp(..) => "How it is launched".into(),
    }
}

fn form_head(head: &mut Pen<'_>, kind: &FormKind) {
    match kind {
        FormKind::SetUp(recipe, host) => {
            let host = if host.as_str().is_empty() {
                String::new()
            } else {
                format!(" · inferred on {host}")
            };
            head.put(&left_out(recipe), Role::Dim).put(&host, Role::Dim);
        }
        FormKind::Download => {
            head.put("It goes on there without this console.", Role::Dim);
        }
        FormKind::Reserve(_) => {
            head.put("Nobody else swaps there until it is over.", Role::Dim);
        }
    }
}

fn form_dialog(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    form: &FormUi,
) -> Option<Position> {
    surface(canvas, area, &form_title(&form.kind), Role::BorderFocus);
    form_head(&mut canvas.pen(from_head(area, 0)), &form.kind);
    let mut caret = None;
    for (place, field) in form.fields.iter().enumerate() {
        let row = u16::try_from(place).unwrap_or(u16::MAX);
        let line = row_of(rows, row);
        if line.height == 0 {
            break;
        }
        let focused = place == form.focused;
        canvas.pen(line).left(field.label, LABEL, Role::Dim);
        let into = Rect {
            x: line.x + line.width.min(LABEL),
            width: line.width.saturating_sub(LABEL),
            ..line
        };
        let mut pen = canvas.pen(into);
        let room = pen.room();
        let at = edit(&mut pen, &field.line, room, false);
        let role = if focused {
            Role::Selected
        } else {
            Role::Button
        };
        canvas.paint(into, role);
        caret = focused.then_some(at).or(caret);
    }
    if let Some(field) = form.fields.get(form.focused) {
        canvas.pen(from_foot(area, 2)).put(field.help, Role::Text);
    }
    let last = form.focused + 1 >= form.fields.len();
    let key = |action| scene.keymap.label_at(Place::Text, action);
    let submit = if last { "goes on" } else { "next field" };
    let keys = [
        (key(Action::Submit), submit),
        (key(Action::Complete), "completes"),
        (key(Action::Close), "leaves"),
    ];
    hints(&mut canvas.pen(from_foot(area, 0)), &keys);
    caret
}

fn service(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    (of, scroll): (&ServiceRef, usize),
) {
    let title = format!("{} on {}", of.name, of.host);
    let borders = surface(canvas, area, &title, Role::BorderFocus);
    let Some(service) = service_rows::find(scene.fleet, of) else {
        let words = "this service is no longer configured";
        canvas.pen(from_head(area, 0)).put(words, Role::Dim);
        return;
    };
    standing(canvas, area, scene, service);
    past(canvas, rows, scene, (service, scroll));
    let below = service
        .events
        .len()
        .saturating_sub(scroll + usize::from(rows.height));
    if below > 0 {
        let words = more_rows(below);
        canvas.pen(borders.bottom).at_end(&[(&words, Role::Dim)]);
    }
    let keys = [
        (key(scene, Action::Open), "acts…"),
        (key(scene, Action::Copy), "copies"),
        (key(scene, Action::Close), "leaves"),
    ];
    hints(&mut canvas.pen(from_foot(area, 0)), &keys);
}

/// How it stands, how it is run, what the last looks found.
fn standing(
    canvas: &mut Canvas<'_>,
    area: Rect,
    scene: Scene<'_>,
    service: &crate::engine::Service,
) {
    let now = scene.fleet.at;
    let (glyph, word, role) = state(service);
    let mut pen = canvas.pen(from_head(area, 0));
    pen.put(glyph, role).skip(1).put(word, role).put(
        &format!(" for {}", now.since(service.since).words()),
        Role::Dim,
    );
    if !service.detail.is_empty() {
        pen.put(": ", Role::Dim)
            .put(service.detail.as_str(), Role::Text);
    }
    let run = run_by(&service.spec.managed);
    let port = service.spec.port.map(|port| format!(" · port {port}"));
    let model = service.model.as_ref().map(|model| format!(" · {model}"));
    let facts = format!(
        "{run}{}{}",
        port.unwrap_or_default(),
        model.unwrap_or_default()
    );
    canvas
        .pen(from_head(area, 1))
        .left("run by", LABEL, Role::Dim)
        .put(&facts, Role::Text);
    let deep = service.spec.deep.map_or("none", deep_words);
    for (row, label, probed) in [(2, "looked at", &service.shallow), (3, deep, &service.deep)] {
        let mut pen = canvas.pen(from_head(area, row));
        pen.left(label, LABEL.max(width(label) as u16 + 1), Role::Dim);
        match probed {
            Some(probed) => {
                let (words, role) = found(probed);
                pen.put(words.as_str(), role)
                    .put(&format!("  {}", latency_and_age(probed, now)), Role::Dim);
            }
            None => {
                pen.put("not yet", Role::Dim);
            }
        }
    }
    let (words, role) = restarts(service);
    canvas
        .pen(from_head(area, 4))
        .left("restarts", LABEL, Role::Dim)
        .put(&words, role);
    canvas
        .pen(from_head(area, 5))
        .put(&counts(service.events.iter()), Role::Dim);
}

/// What happened to it, the newest first.
fn past(
    canvas: &mut Canvas<'_>,
    rows: Rect,
    scene: Scene<'_>,
    (service, scroll): (&crate::engine::Service, usize),
) {
    if service.events.is_empty() {
        canvas
            .row(rows, 0)
            .put("nothing has happened to it yet", Role::Dim);
    }
    for (row, of) in (0..rows.height).zip(service.events.iter().rev().skip(scroll)) {
        let (glyph, role) = event(of);
        let ago = crate::tui::model_words::ago(of.wall, scene.fleet.wall).words();
        canvas
            .row(rows, row)
            .left(&clock(of.wall, &scene.ui.zone), 9, Role::Dim)
            .left(&ago, 8, Role::Dim)
            .put(glyph, role)
            .skip(1)
            .put(&event_words(of), Role::Text);
    }
}
