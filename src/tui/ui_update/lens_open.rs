//! Opening the log lens: on what is selected, at the second of an alert, on what was named; and what comes of it.

use std::sync::Arc;

use super::effect::{LensHand, Scene, UiEffect};
use super::{lens, screens};
use crate::domain::{At, HostId, LensId, Metric, Severity, Wall};
use crate::engine::{
    Alert, Command, Fleet, LensOrder, LensPicture, LogBegin, Reply, SourceAddress, SourceSpec,
    SourceState, Stamp,
};
use crate::tui::action::Place;
use crate::tui::lens_offers;
use crate::tui::ui::{LineEdit, Screen, Ui};
use crate::tui::ui_lens::{LensState, Offers};

/// Lines that each source begins with; more come on the way up.
const TAIL: u32 = 500;

/// How much before an alert its logs begin.
const BEFORE_ALERT: i64 = 300 * 1_000_000_000;

/// The lens as it was left; where there is none, the selected host's.
pub(super) fn last(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match ui.lens.state {
        LensState::Open(_) | LensState::Opening => {
            show(ui);
            Vec::new()
        }
        _ => of_selected_host(ui, scene),
    }
}

/// The logs of whatever is selected.
pub(super) fn selected(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    match container_of_process(ui, scene) {
        Some((host, name)) => container(ui, &host, &name),
        None => of_selected_host(ui, scene),
    }
}

/// The logs of one container.
pub(super) fn container(ui: &mut Ui, host: &HostId, name: &str) -> Vec<UiEffect> {
    let address = SourceAddress {
        host: Some(host.clone()),
        spec: SourceSpec::Container(name.to_owned()),
    };
    open(ui, vec![address], LogBegin::Tail(TAIL))
}

/// The logs of these sources.
pub(super) fn named(ui: &mut Ui, sources: Vec<SourceAddress>) -> Vec<UiEffect> {
    open(ui, sources, LogBegin::Tail(TAIL))
}

/// The logs of a host.
pub(super) fn host(ui: &mut Ui, fleet: &Fleet, id: &HostId) -> Vec<UiEffect> {
    let sources = fleet.host(id).map(|host| lens_offers::of_host(host));
    open(ui, sources.unwrap_or_default(), LogBegin::Tail(TAIL))
}

fn of_selected_host(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let fleet = Arc::clone(ui.shown(scene.fleet));
    match ui.selected.clone().filter(|id| fleet.host(id).is_some()) {
        Some(id) => host(ui, &fleet, &id),
        None => {
            show(ui);
            Vec::new()
        }
    }
}

fn container_of_process(ui: &Ui, scene: Scene<'_>) -> Option<(HostId, String)> {
    if ui.place() != Place::Processes {
        return None;
    }
    let host = ui.shown(scene.fleet).host(ui.selected.as_ref()?)?;
    let read = host.processes.as_ref()?;
    let pid = ui.processes.selected?;
    let process = read.value.iter().find(|process| process.pid == pid)?;
    match &process.container {
        Metric::Is(name) => Some((host.id.clone(), name.to_string())),
        Metric::Missing(_) => None,
    }
}

/// The logs of the selected host at the second of its newest alert; one that holds comes before one that is over.
pub(super) fn newest_alert(ui: &mut Ui, scene: Scene<'_>) -> Vec<UiEffect> {
    let of_host = |alert: &&Alert| Some(&alert.host) == ui.selected.as_ref();
    let newest = scene
        .fleet
        .alerts
        .iter()
        .filter(of_host)
        .max_by_key(|alert| (alert.until.is_none(), alert.since));
    match newest.cloned() {
        Some(alert) => at_alert(ui, scene.fleet, &alert),
        None => {
            ui.say(Severity::Info, "this host has had no alert", None);
            Vec::new()
        }
    }
}

/// The logs of an alert's host at the alert's second.
pub(super) fn at_alert(ui: &mut Ui, fleet: &Fleet, alert: &Alert) -> Vec<UiEffect> {
    let Some(host) = fleet.host(&alert.host) else {
        return Vec::new();
    };
    let at = stamp(fleet, alert.since);
    let begin = LogBegin::Since(Stamp(at.0.saturating_sub(BEFORE_ALERT)));
    let mut effects = open(ui, lens_offers::of_host(host), begin);
    ui.lens.goal = Some((at, 0));
    if ui.lens.id().is_some() {
        effects.extend(lens::order(ui, LensOrder::To(at)));
    }
    effects
}

/// The logs of these sources at a moment of the wall.
pub(super) fn at_moment(ui: &mut Ui, sources: Vec<SourceAddress>, at: Wall) -> Vec<UiEffect> {
    let at = Stamp(at.0.saturating_mul(1_000_000));
    let begin = LogBegin::Since(Stamp(at.0.saturating_sub(BEFORE_ALERT)));
    let mut effects = open(ui, sources, begin);
    ui.lens.goal = Some((at, 0));
    if ui.lens.id().is_some() {
        effects.extend(lens::order(ui, LensOrder::To(at)));
    }
    effects
}

/// When something happened, on the wall.
fn stamp(fleet: &Fleet, at: At) -> Stamp {
    let ago = i64::try_from(fleet.at.since(at).0).unwrap_or(i64::MAX);
    Stamp(fleet.wall.0.saturating_sub(ago).saturating_mul(1_000_000))
}

fn show(ui: &mut Ui) {
    screens::go(ui, Screen::Logs);
}

/// Opens a lens over these sources; where they are looked at already, it comes to the front as it was left.
fn open(ui: &mut Ui, sources: Vec<SourceAddress>, begin: LogBegin) -> Vec<UiEffect> {
    show(ui);
    let is_open = matches!(ui.lens.state, LensState::Open(_) | LensState::Opening);
    if is_open && ui.lens.sources == sources && matches!(begin, LogBegin::Tail(_)) {
        return Vec::new();
    }
    if sources.is_empty() {
        ui.lens.state = LensState::Closed;
        return Vec::new();
    }
    let lens = &mut ui.lens;
    lens.state = LensState::Opening;
    lens.sources.clone_from(&sources);
    lens.picture = Arc::default();
    lens.held = None;
    lens.goal = None;
    lens.search = LineEdit::default();
    lens.filter = LineEdit::default();
    lens.searched.clear();
    lens.filtered.clear();
    vec![UiEffect::Ask(Command::OpenLens { sources, begin })]
}

/// Takes the answer to a command about logs; `None`: it was about something else.
pub(super) fn reply(ui: &mut Ui, command: &Command, reply: &Reply) -> Option<Vec<UiEffect>> {
    match (command, reply) {
        (Command::OpenLens { sources, .. }, Reply::Lens(id)) => Some(opened(ui, sources, *id)),
        (Command::OpenLens { sources, .. }, answer) => {
            let refusal = refusal(answer)?;
            if *sources == ui.lens.sources && ui.lens.state == LensState::Opening {
                ui.lens.state = LensState::Refused(refusal.clone());
            }
            None
        }
        (Command::Sources { host }, answer) => {
            let offers = match answer {
                Reply::Sources(offers) => Offers::Known(offers.clone()),
                answer => Offers::Failed(refusal(answer)?.clone()),
            };
            ui.lens.offers.retain(|(of, _)| of != host);
            ui.lens.offers.push((host.clone(), offers));
            Some(Vec::new())
        }
        _ => None,
    }
}

fn refusal(reply: &Reply) -> Option<&crate::engine::Refusal> {
    match reply {
        Reply::Refused(refusal) | Reply::Failed(refusal) | Reply::Unknown(refusal) => Some(refusal),
        _ => None,
    }
}

/// An answer that came after the person had asked for other sources closes what it opened.
fn opened(ui: &mut Ui, sources: &[SourceAddress], id: LensId) -> Vec<UiEffect> {
    if ui.lens.state != LensState::Opening || ui.lens.sources != sources {
        return vec![UiEffect::Lens(LensHand::Close(id))];
    }
    ui.lens.state = LensState::Open(id);
    let mut effects = vec![UiEffect::Lens(LensHand::Take(id))];
    effects.extend(lens::tell(ui));
    effects
}

/// Takes a new picture. A moment that was asked for is tried again as long as lines come and sources are being opened.
pub fn pictured(ui: &mut Ui, picture: Arc<LensPicture>) -> Vec<UiEffect> {
    if ui.lens.id().is_none() {
        // Of the lens before: the one that was asked for is still being opened.
        return Vec::new();
    }
    let lines = picture.lines;
    let opening = |state: &SourceState| matches!(state, SourceState::Opening);
    let is_opening = picture.sources.iter().any(|of| opening(&of.state));
    ui.lens.picture = picture;
    let Some((at, tried)) = ui.lens.goal else {
        return Vec::new();
    };
    if lines == tried && is_opening || lines == 0 {
        return Vec::new();
    }
    ui.lens.goal = is_opening.then_some((at, lines));
    vec![UiEffect::Lens(LensHand::Order(LensOrder::To(at)))]
}

/// The lens has ended by itself.
pub fn ended(ui: &mut Ui) {
    if ui.lens.id().is_some() {
        ui.lens.state = LensState::Ended;
    }
}
