//! Where a key goes: to the line being typed, the top layer, the recording, or the pane that has the focus.

use super::body;
use super::breakglass;
use super::containers;
use super::dialogs;
use super::effect::{Input, ReplayOrder, Scene, UiEffect};
use super::fit;
use super::layers;
use super::lens;
use super::lens_picker;
use super::models;
use super::mouse;
use super::power;
use super::questions;
use super::sources;
use crate::domain::{Age, Severity};
use crate::tui::action::{Action, Place};
use crate::tui::keymap::Key;
use crate::tui::ui::{Dialog, Flash, Layer, LineEdit, Ui};

/// How long a flash stays.
const FLASH: Age = Age(6_000);
/// How long the first Ctrl-C or `q` waits for the second.
const SECOND: Age = Age(3_000);

/// Changes the looks by one input. Selections and scrolls are valid afterwards, for the rows that the scene tells.
pub fn update(ui: &mut Ui, scene: Scene<'_>, input: Input) -> Vec<UiEffect> {
    power::refresh(ui, scene.fleet);
    let by_hand = matches!(input, Input::Key(_) | Input::Mouse(..) | Input::Paste(_));
    let mut effects = match input {
        Input::Key(key) => {
            ui.last_key = ui.now;
            press(ui, scene, key)
        }
        Input::Act(action) => act(ui, scene, action),
        Input::Mouse(kind, spot) => {
            ui.last_key = ui.now;
            mouse::update(ui, scene, kind, &spot)
        }
        Input::Paste(text) => {
            ui.last_key = ui.now;
            if !breakglass::paste(ui, &text) {
                match typed_line(ui) {
                    Some(line) => line.insert(&text),
                    None => ui.say(Severity::Info, "nothing here takes a paste", None),
                }
            }
            layers::retyped(ui, scene);
            Vec::new()
        }
        Input::Tick => {
            if ui
                .flash
                .as_ref()
                .is_some_and(|f| ui.now.since(f.at) >= FLASH)
            {
                ui.flash = None;
            }
            let mut effects = questions::settle(ui, scene);
            effects.extend(containers::watch(ui, scene));
            effects.extend(models::watch(ui, scene));
            effects.extend(sources::discover(ui, scene));
            effects
        }
        Input::Fleet => questions::settle(ui, scene),
        Input::Talk(picture) => {
            breakglass::pictured(ui, picture);
            Vec::new()
        }
        Input::Quote(lines) => breakglass::quoted(ui, scene, &lines),
    };
    if by_hand {
        effects.extend(power::present(ui));
    }
    effects.extend(lens::tell(ui));
    fit::fit(ui, scene);
    effects
}

fn press(ui: &mut Ui, scene: Scene<'_>, key: Key) -> Vec<UiEffect> {
    let place = ui.place();
    if place == Place::Composer
        && let Some(c) = key.types()
    {
        breakglass::typed(ui, c);
        return Vec::new();
    }
    if place == Place::Text
        && let Some(c) = key.types()
    {
        // Names of sources have no blanks: the key ticks.
        if c == ' ' && lens_picker::toggle(ui, scene) {
            return Vec::new();
        }
        layers::accept_completion(ui, scene);
        if let Some(line) = typed_line(ui) {
            line.insert(c.encode_utf8(&mut [0; 4]));
        }
        layers::retyped(ui, scene);
        return Vec::new();
    }
    let replaying = ui.replay.is_some() && ui.layers.is_empty() && place != Place::Text;
    let steered = replaying.then(|| scene.keymap.action(Place::Replay, key));
    match steered
        .flatten()
        .or_else(|| scene.keymap.action(place, key))
    {
        Some(action) => act(ui, scene, action),
        None => Vec::new(),
    }
}

pub(super) fn act(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Vec<UiEffect> {
    if let Some(effects) = everywhere(ui, scene, action) {
        return effects;
    }
    if let Some(order) = replay_order(action) {
        return vec![UiEffect::Replay(order)];
    }
    if let Some(line) = typed_line(ui)
        && line.edit(action)
    {
        layers::retyped(ui, scene);
        return Vec::new();
    }
    match ui.layers.last() {
        Some(Layer::Dialog(Dialog::Arm { .. } | Dialog::Power { .. })) => {
            power::act(ui, scene, action)
        }
        Some(Layer::Dialog(_)) => dialogs::act(ui, scene, action),
        Some(_) => layers::act(ui, scene, action),
        None => body::act(ui, scene, action),
    }
}

/// Acts that mean the same wherever the keys are.
fn everywhere(ui: &mut Ui, scene: Scene<'_>, action: Action) -> Option<Vec<UiEffect>> {
    Some(match action {
        Action::Redraw => vec![UiEffect::Redraw],
        Action::Suspend => vec![UiEffect::Suspend],
        Action::Interrupt => interrupt(ui, scene),
        Action::Close => close(ui, scene),
        Action::Help => {
            if !matches!(ui.layers.last(), Some(Layer::Help { .. })) {
                ui.layers.push(Layer::Help {
                    search: LineEdit::default(),
                    scroll: 0,
                });
            }
            Vec::new()
        }
        _ => return None,
    })
}

/// The first cancels and says how to quit, the second soon after quits. Work on hosts goes on.
fn interrupt(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    if is_second(ui) {
        return vec![UiEffect::Quit];
    }
    if let Some(effects) = breakglass::interrupt(ui, scene) {
        ui.interrupted = Some(ui.now);
        return effects;
    }
    let effects = if !ui.layers.is_empty() || ui.has_draft() {
        close(ui, scene)
    } else {
        Vec::new()
    };
    ui.interrupted = Some(ui.now);
    let key = scene.keymap.label(Action::Interrupt);
    ui.say(Severity::Info, format!("{key} again quits"), None);
    effects
}

/// Quits; while commands are unanswered, only at the second time.
pub(super) fn quit(ui: &mut Ui) -> Vec<UiEffect> {
    if ui.waiting == 0 || is_second(ui) {
        return vec![UiEffect::Quit];
    }
    ui.interrupted = Some(ui.now);
    let many = if ui.waiting == 1 {
        "command is"
    } else {
        "commands are"
    };
    let text = format!("{} {many} still running; once more quits", ui.waiting);
    ui.say(Severity::Warning, text, None);
    Vec::new()
}

fn is_second(ui: &Ui) -> bool {
    ui.interrupted.is_some_and(|at| ui.now.since(at) < SECOND)
}

/// Closes the top layer; else ends typing, clears a filter, unzooms, goes back to the list. Never quits.
pub(super) fn close(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match ui.layers.last_mut() {
        Some(Layer::Dialog(Dialog::Power { .. })) => return power::close(ui),
        Some(Layer::Dialog(_)) => return dialogs::close(ui, scene),
        Some(Layer::Help { search, .. } | Layer::Text { search, .. })
            if search.active || !search.text.is_empty() =>
        {
            *search = LineEdit::default();
        }
        Some(Layer::Sessions(list)) if list.forgetting.is_some() => list.forgetting = None,
        Some(_) => {
            ui.layers.pop();
        }
        None if ui.breakglass.has_keys() => return breakglass::close(ui),
        None => body::close(ui),
    }
    Vec::new()
}

fn replay_order(action: Action) -> Option<ReplayOrder> {
    Some(match action {
        Action::ReplayPause => ReplayOrder::Pause,
        Action::Slower => ReplayOrder::Slower,
        Action::Faster => ReplayOrder::Faster,
        Action::SeekBack => ReplayOrder::Back,
        Action::SeekForward => ReplayOrder::Forward,
        Action::SeekStart => ReplayOrder::Start,
        Action::SeekEnd => ReplayOrder::End,
        _ => return None,
    })
}

/// The line that keys go into.
pub(super) fn typed_line(ui: &mut Ui) -> Option<&mut LineEdit> {
    if ui.layers.is_empty() {
        if ui.breakglass.has_keys() && !ui.breakglass.search.active {
            return breakglass::typed_line(ui);
        }
        return ui.filters_mut().into_iter().find(|filter| filter.active);
    }
    ui.layers.last_mut().and_then(layers::typed_line)
}

impl Ui {
    /// Tells the person something for a few seconds.
    pub fn say(&mut self, severity: Severity, text: impl Into<String>, hint: Option<String>) {
        self.flash = Some(Flash {
            at: self.now,
            severity,
            text: text.into(),
            hint,
        });
    }
}
