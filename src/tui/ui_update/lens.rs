//! Acts on the log lens: most become orders to it, the others change how its picture is shown.

use super::effect::{LensHand, Scene, TextTo, UiEffect};
use super::{layers, lens_open, lens_picker, lens_words, screens};
use crate::domain::Severity;
use crate::engine::{LensOrder, LensPicture, LensRow, RowKind, TextForm, TextScope};
use crate::tui::action::{Action, Place};
use crate::tui::ui::{Layer, LineEdit, Screen, Ui};
use crate::tui::ui_lens::{LensState, LongLines};

/// Cells that one step to the side moves.
const SIDE: u16 = 16;

/// Does an act that is about logs, or that means something of its own on their screen; `None`: it is for somebody else.
pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    if action == Action::AlertLogs {
        return Some(lens_open::newest_alert(ui, scene));
    }
    if ui.screen != Screen::Logs {
        return is_ours(action).then(|| elsewhere(ui, scene, action));
    }
    if ui.lens.is_typing() {
        if matches!(action, Action::Submit | Action::Complete) {
            ui.lens.search.active = false;
            ui.lens.filter.active = false;
        }
        return Some(Vec::new());
    }
    if let Some(wanted) = movement(action, ui.lens.shown(), scene.room.lens) {
        return Some(order(ui, wanted));
    }
    if let Some(wanted) = ordered(action, ui.lens.shown()) {
        return Some(order(ui, wanted));
    }
    here(ui, scene, action)
}

/// Whether an act is about the lens alone.
fn is_ours(action: Action) -> bool {
    action
        .spec()
        .is_some_and(|spec| spec.places == [Place::Logs])
}

/// An act of the lens from the palette or the `:` line of another screen: the lens comes to the front first.
fn elsewhere(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    let mut effects = lens_open::last(ui, scene);
    effects.extend(act(ui, scene, action).unwrap_or_default());
    effects
}

fn movement(action: Action, picture: &LensPicture, room: usize) -> Option<LensOrder> {
    let page = i64::try_from(room.max(2)).unwrap_or(i64::MAX) - 1;
    Some(match action {
        Action::Up => LensOrder::Move(-1),
        Action::Down => LensOrder::Move(1),
        Action::HalfUp => LensOrder::Move(-(page + 1) / 2),
        Action::HalfDown => LensOrder::Move((page + 1) / 2),
        Action::PageUp => LensOrder::Move(-page),
        Action::PageDown => LensOrder::Move(page),
        Action::Top => LensOrder::Top,
        // Going up by one is what stops it.
        Action::Follow if picture.following => LensOrder::Move(-1),
        Action::Bottom | Action::Follow => LensOrder::Bottom,
        _ => return None,
    })
}

fn ordered(action: Action, picture: &LensPicture) -> Option<LensOrder> {
    Some(match action {
        Action::NextHit => LensOrder::NextHit,
        Action::PreviousHit => LensOrder::PreviousHit,
        Action::NextError => LensOrder::NextError,
        Action::PreviousError => LensOrder::PreviousError,
        Action::NextMark => LensOrder::NextMark,
        Action::PreviousMark => LensOrder::PreviousMark,
        Action::Mark => LensOrder::Mark,
        Action::Raw => LensOrder::Raw(!picture.raw),
        Action::Fold => LensOrder::Fold(!picture.fold),
        Action::ClearLines => LensOrder::Clear,
        _ => return None,
    })
}

/// Acts that change how the picture is shown, or have more than one order.
fn here(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    match action {
        Action::Filter => start_typing(&mut ui.lens.search),
        Action::Sift => start_typing(&mut ui.lens.filter),
        Action::Wrap => {
            ui.lens.long = match ui.lens.long {
                LongLines::Cut(_) => LongLines::Wrap,
                LongLines::Wrap => LongLines::Cut(0),
            };
        }
        Action::SideLeft => to_the_side(ui, |side| side.saturating_sub(SIDE)),
        Action::SideRight => to_the_side(ui, |side| side.saturating_add(SIDE)),
        Action::Pause => pause(ui, scene),
        Action::ChooseSources => return Some(lens_picker::open(ui, scene)),
        Action::HideSource => return Some(hide(ui)),
        Action::ShowSources => return Some(show_all(ui)),
        Action::Copy => return Some(copy(ui, TextForm::Raw)),
        Action::CopyPretty => return Some(copy(ui, TextForm::Pretty)),
        Action::Save => ask_where(ui, scene),
        Action::Open | Action::Describe => describe(ui),
        _ => return None,
    }
    Some(Vec::new())
}

fn start_typing(line: &mut LineEdit) {
    line.active = true;
    line.cursor = line.text.len();
}

fn to_the_side(ui: &mut Ui, change: fn(u16) -> u16) {
    ui.lens.long = match ui.lens.long {
        LongLines::Cut(side) => LongLines::Cut(change(side)),
        LongLines::Wrap => {
            ui.say(Severity::Info, "lines go on below; w cuts them", None);
            LongLines::Wrap
        }
    };
}

fn pause(ui: &mut Ui, scene: Scene<'_>) {
    if ui.paused.take().is_some() {
        ui.lens.held = None;
    } else {
        ui.paused = Some(std::sync::Arc::clone(scene.fleet));
        ui.lens.held = Some(std::sync::Arc::clone(&ui.lens.picture));
    }
}

/// Gives the lens an order. A picture that is held can't be walked through: it goes on.
pub(super) fn order(ui: &mut Ui, order: LensOrder) -> Vec<UiEffect> {
    if ui.lens.held.take().is_some() {
        ui.paused = None;
        ui.say(
            Severity::Info,
            "goes on: a held picture can't be walked through",
            None,
        );
    }
    if ui.lens.id().is_none() {
        let text = match ui.lens.state {
            LensState::Opening => "the logs are being opened",
            _ => "no logs are open; o chooses sources",
        };
        ui.say(Severity::Info, text, None);
        return Vec::new();
    }
    // Whoever moves has seen enough of the moment that was asked for.
    if !matches!(order, LensOrder::To(_)) {
        ui.lens.goal = None;
    }
    vec![UiEffect::Lens(LensHand::Order(order))]
}

/// The row under the cursor.
pub(super) fn row(ui: &Ui) -> Option<&LensRow> {
    let picture = ui.lens.shown();
    picture.rows.get(picture.cursor?)
}

fn hide(ui: &mut Ui) -> Vec<UiEffect> {
    let Some(source) = row(ui).map(|row| row.source) else {
        ui.say(Severity::Info, "no line is under the cursor", None);
        return Vec::new();
    };
    let known = ui
        .lens
        .picture
        .sources
        .iter()
        .find(|of| of.number == source);
    let name = known.map_or_else(String::new, |of| lens_words::label(&of.label));
    ui.say(
        Severity::Info,
        format!("{name} is hidden; H shows it again"),
        None,
    );
    order(ui, LensOrder::Hide(source, true))
}

fn show_all(ui: &mut Ui) -> Vec<UiEffect> {
    let picture = std::sync::Arc::clone(&ui.lens.picture);
    let hidden = picture.sources.iter().filter(|of| of.hidden);
    let orders: Vec<LensOrder> = hidden.map(|of| LensOrder::Hide(of.number, false)).collect();
    if orders.is_empty() {
        ui.say(Severity::Info, "no source is hidden", None);
    }
    orders
        .into_iter()
        .flat_map(|wanted| order(ui, wanted))
        .collect()
}

fn copy(ui: &mut Ui, form: TextForm) -> Vec<UiEffect> {
    if ui.lens.picture.marks == 0 && row(ui).is_none_or(|row| row.kind != RowKind::Line) {
        ui.say(Severity::Info, "no line is under the cursor", None);
        return Vec::new();
    }
    text(ui, TextScope::Marked, form, TextTo::Clipboard)
}

/// Saves the shown lines to a file; without a path, to a new one in the state directory.
pub(super) fn save(ui: &mut Ui, path: Option<String>, form: TextForm) -> Vec<UiEffect> {
    text(ui, TextScope::Shown, form, TextTo::File(path))
}

fn text(ui: &mut Ui, scope: TextScope, form: TextForm, to: TextTo) -> Vec<UiEffect> {
    if ui.lens.id().is_none() {
        ui.say(Severity::Info, "no logs are open; o chooses sources", None);
        return Vec::new();
    }
    let what = match (scope, ui.lens.picture.marks) {
        (TextScope::Shown, _) => format!("{} lines", ui.lens.picture.shown),
        (_, 0) => "the line".to_owned(),
        (_, 1) => "the marked line".to_owned(),
        (_, many) => format!("{many} marked lines"),
    };
    vec![UiEffect::Lens(LensHand::Text {
        what,
        scope,
        form,
        to,
    })]
}

/// The `:` line opens with the verb and a name that fits.
fn ask_where(ui: &mut Ui, scene: Scene<'_>) {
    let name = lens_words::file_name(ui.lens.shown(), scene.fleet.wall, &ui.zone);
    ui.layers.push(Layer::CommandLine {
        line: LineEdit::typing(format!("save {name}")),
        completion: None,
        history: None,
    });
}

fn describe(ui: &mut Ui) {
    let Some(row) = row(ui).cloned() else {
        ui.say(Severity::Info, "no line is under the cursor", None);
        return;
    };
    let lines = lens_words::describe(&row, ui.lens.shown(), &ui.zone);
    layers::show(ui, "Line", lines);
}

/// Ends typing and the search, then the filter, then leaves; the lens goes on.
pub(super) fn close(ui: &mut Ui) {
    let lens = &mut ui.lens;
    if lens.filter.active {
        lens.filter = LineEdit::default();
    } else if lens.search.active || !lens.search.text.is_empty() {
        lens.search = LineEdit::default();
    } else if lens.filter.text.is_empty() {
        screens::leave(ui);
    } else {
        lens.filter = LineEdit::default();
    }
}

/// Tells the lens what its lines say by now.
pub(super) fn tell(ui: &mut Ui) -> Vec<UiEffect> {
    if ui.lens.id().is_none() {
        return Vec::new();
    }
    let mut effects = Vec::new();
    if ui.lens.search.text != ui.lens.searched {
        ui.lens.searched.clone_from(&ui.lens.search.text);
        let search = LensOrder::Search(ui.lens.searched.clone());
        effects.extend(order(ui, search));
    }
    if ui.lens.filter.text != ui.lens.filtered {
        ui.lens.filtered.clone_from(&ui.lens.filter.text);
        let filter = LensOrder::Filter(ui.lens.filtered.clone());
        effects.extend(order(ui, filter));
    }
    effects
}

/// Goes so many rows on from the one under the cursor, or back.
pub(super) fn go_to(ui: &mut Ui, shown: u64) -> Vec<UiEffect> {
    let picture = ui.lens.shown();
    let present = picture.above + picture.cursor.unwrap_or(0) as u64;
    let by = i64::try_from(shown).unwrap_or(i64::MAX) - i64::try_from(present).unwrap_or(0);
    order(ui, LensOrder::Move(by))
}
