//! The power card of a host as lines (pure): its switch, who is served, what is armed; the six verbs, or the steps of an act.

use super::action::Action;
use super::keymap::Keymap;
use super::power_words::{
    abort_words, at_work, count_down, countdown, does, in_short, in_window, report_words, seconds,
    served,
};
use super::theme::Role;
use super::ui::Ui;
use super::ui_power::CardFace;
use super::ui_tables::Awaited;
use super::widgets::wrap;
use crate::domain::{
    ActClass, ActOutcome, Age, HostAddress, HostId, HostSpec, PowerMethod, PowerSpec, PowerVerb,
};
use crate::engine::{Fleet, PowerAct, PowerStep, StepKind, StepState};

/// Cells of the labels at the left.
const LABEL: usize = 10;

/// Cells of a step's glyph and name.
const STEP: usize = 17;

/// Cells that a step's time takes at the right.
const TIME: usize = 14;

/// One line: pieces from the left, pieces at the right edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CardLine {
    /// From the left.
    pub(super) left: Vec<(String, Role)>,
    /// At the right edge.
    pub(super) right: Vec<(String, Role)>,
    /// The verb that this line offers.
    pub(super) verb: Option<PowerVerb>,
}

impl CardLine {
    fn of(left: Vec<(String, Role)>) -> Self {
        Self {
            left,
            ..Self::default()
        }
    }

    fn text(text: impl Into<String>, role: Role) -> Self {
        Self::of(vec![(text.into(), role)])
    }

    fn labelled(label: &str, mut pieces: Vec<(String, Role)>) -> Self {
        pieces.insert(0, (format!("{label:<LABEL$}"), Role::Dim));
        Self::of(pieces)
    }
}

/// What is drawn of a card.
#[derive(Debug, Clone, Copy)]
pub(super) struct Card<'a> {
    /// The host.
    pub(super) host: &'a HostId,
    /// Which side is seen.
    pub(super) face: CardFace,
    /// The chosen verb, by number.
    pub(super) selected: usize,
    /// The keys.
    pub(super) keymap: &'a Keymap,
}

/// The lines of a card of so many cells.
pub(super) fn lines(card: Card<'_>, ui: &Ui, fleet: &Fleet, cells: usize) -> Vec<CardLine> {
    let act = ui.power.act(card.host);
    match (card.face, act) {
        (CardFace::Plan, Some(act)) => plan(card, act, ui, cells),
        _ => verbs(card, act, ui, fleet, cells),
    }
}

fn verbs(
    card: Card<'_>,
    act: Option<&PowerAct>,
    ui: &Ui,
    fleet: &Fleet,
    cells: usize,
) -> Vec<CardLine> {
    let host = fleet.host(card.host);
    let mut lines = Vec::new();
    let power = host.and_then(|host| host.spec.power.as_ref());
    lines.push(CardLine::labelled("switch", way(power)));
    lines.push(CardLine::labelled("state", state(card.host, ui)));
    if let Some(act) = act {
        lines.push(CardLine::labelled("last", last(act, ui)));
    }
    lines.push(CardLine::labelled("armed", armed(card, ui)));
    if let Some(host) = host {
        for (place, words) in served(host).into_iter().enumerate() {
            let label = if place == 0 { "serves" } else { "" };
            lines.push(CardLine::labelled(label, vec![(words, Role::Text)]));
        }
    }
    lines.push(CardLine::default());
    for (place, verb) in PowerVerb::ALL.into_iter().enumerate() {
        let chosen = place == card.selected;
        let mut line = CardLine::of(vec![
            (if chosen { "› " } else { "  " }.into(), Role::Accent),
            (format!("{:<11}", verb.word()), Role::Title),
            (in_short(verb).into(), Role::Text),
        ]);
        line.verb = Some(verb);
        if let Some(why) = missing(power, verb) {
            line.left.pop();
            line.left.push((why.into(), Role::Forbidden));
        }
        lines.push(line);
    }
    lines.push(CardLine::default());
    if let Some(verb) = PowerVerb::ALL.get(card.selected) {
        let rows = wrap(does(*verb), cells);
        lines.extend(rows.into_iter().map(|row| CardLine::text(row, Role::Dim)));
    }
    lines
}

/// Why this switch can't do this verb.
fn missing(power: Option<&PowerSpec>, verb: PowerVerb) -> Option<&'static str> {
    let Some(power) = power else {
        return Some("no power switch is set up");
    };
    match &power.method {
        _ if verb == PowerVerb::Start && power.wake.is_some() => None,
        Some(PowerMethod::ForcedCommand(_)) => None,
        Some(PowerMethod::Command { verbs, .. }) if verbs.contains_key(&verb) => None,
        Some(PowerMethod::Command { .. }) => Some("no command is set up for it"),
        None => Some("it can only be woken"),
    }
}

/// How verbs reach the switch.
fn way(power: Option<&PowerSpec>) -> Vec<(String, Role)> {
    let Some(power) = power else {
        let words = "none is set up: write `power` under this host; `pilothouse power install` prints the far side";
        return vec![(words.into(), Role::Warn)];
    };
    let method = match &power.method {
        Some(PowerMethod::ForcedCommand(host)) => {
            format!("{}, a login that can do nothing else", address(host))
        }
        Some(PowerMethod::Command { on, verbs }) => {
            let place = on
                .as_ref()
                .map_or_else(|| "this machine".to_owned(), ToString::to_string);
            let many = verbs.len();
            let of = if many == 1 { "command" } else { "commands" };
            format!("{many} fixed {of} run on {place}")
        }
        None => "wake-on-LAN only".to_owned(),
    };
    let mut words = vec![(method, Role::Text)];
    if let (Some(_), Some(wake)) = (&power.method, &power.wake) {
        words.push((format!(" · woken through {}", wake.to), Role::Dim));
    }
    words
}

fn address(host: &HostSpec) -> String {
    let HostAddress::Ssh(ssh) = &host.address else {
        return "this machine".to_owned();
    };
    let user = ssh.user.as_ref().map(|user| format!("{user}@"));
    let port = ssh.port.map(|port| format!(":{port}"));
    format!(
        "{}{}{}",
        user.unwrap_or_default(),
        ssh.host,
        port.unwrap_or_default()
    )
}

/// What the switch last said, and when.
fn state(host: &HostId, ui: &Ui) -> Vec<(String, Role)> {
    let Some(said) = ui.power.said(host) else {
        return vec![("not asked yet; status asks".into(), Role::Dim)];
    };
    let age = format!(" · {} ago", ui.now.since(said.at).words());
    match &said.answer {
        Awaited::Waiting => vec![(
            format!(
                "asking for {} … {}",
                said.verb,
                ui.now.since(said.at).words()
            ),
            Role::Busy,
        )],
        Awaited::Got(report) => vec![(report_words(report), Role::Title), (age, Role::Dim)],
        Awaited::Failed(refusal) => vec![(refusal.why.clone(), Role::Bad), (age, Role::Dim)],
    }
}

/// The last act, in one line.
fn last(act: &PowerAct, ui: &Ui) -> Vec<(String, Role)> {
    let mut words = match &act.ended {
        None => vec![(format!("{} is under way", act.verb), Role::Busy)],
        Some((at, outcome)) => {
            let (word, role) = outcome_word(outcome);
            let ago = format!("{} ago", ui.now.since(*at).words());
            vec![
                (format!("{} {word}", act.verb), role),
                (format!(" · {ago}"), Role::Dim),
            ]
        }
    };
    words.push((" · ".into(), Role::Faint));
    words.push(("tab".into(), Role::Key));
    words.push((" shows its steps".into(), Role::Dim));
    words
}

fn armed(card: Card<'_>, ui: &Ui) -> Vec<(String, Role)> {
    match ui.power.armed_for(card.host, ActClass::Power, ui.now) {
        Some(left) => vec![
            (format!("for power, {} left", countdown(left)), Role::Warn),
            (" · ".into(), Role::Faint),
            (card.keymap.label(Action::Disarm), Role::Key),
            (" disarms".into(), Role::Dim),
        ],
        None => vec![
            ("no".into(), Role::Text),
            (" · ".into(), Role::Faint),
            (card.keymap.label(Action::Arm), Role::Key),
            (
                " arms it for start, stop, reset and cycle".into(),
                Role::Dim,
            ),
        ],
    }
}

fn outcome_word(outcome: &ActOutcome) -> (&'static str, Role) {
    match outcome {
        ActOutcome::Done => ("done", Role::Ok),
        ActOutcome::Failed(_) => ("FAILED", Role::Bad),
        ActOutcome::Unknown(_) => ("UNKNOWN", Role::Bad),
    }
}

fn plan(card: Card<'_>, act: &PowerAct, ui: &Ui, cells: usize) -> Vec<CardLine> {
    let mut lines = Vec::new();
    for step in &act.steps {
        lines.extend(step_lines(step, ui, cells));
    }
    lines.push(CardLine::default());
    match &act.ended {
        None => lines.extend(under_way(card, act, ui, cells)),
        Some((at, outcome)) => {
            let took = at.since(act.since).words();
            let (words, role) = match outcome {
                ActOutcome::Done => (format!("✓ {} done after {took}", act.verb), Role::Ok),
                ActOutcome::Failed(why) => (
                    format!("✖ {} failed after {took}: {why}", act.verb),
                    Role::Bad,
                ),
                ActOutcome::Unknown(why) => (
                    format!("? NOT KNOWN whether the {} happened: {why}", act.verb),
                    Role::Bad,
                ),
            };
            let rows = wrap(&words, cells);
            lines.extend(rows.into_iter().map(|row| CardLine::text(row, role)));
            if let ActOutcome::Unknown(_) = outcome {
                lines.push(CardLine::of(vec![
                    (
                        "Ask for its status before anything is sent again: ".into(),
                        Role::Text,
                    ),
                    ("enter".into(), Role::Key),
                    (" does.".into(), Role::Text),
                ]));
            }
        }
    }
    lines
}

/// When it leaves, and what aborting it now would mean.
fn under_way(card: Card<'_>, act: &PowerAct, ui: &Ui, cells: usize) -> Vec<CardLine> {
    let mut lines = Vec::new();
    if let (true, Some((_, Some(until)))) = (in_window(act), at_work(act)) {
        let left = seconds(until.since(ui.now));
        let words = format!("The {} leaves in {left}.", act.verb);
        lines.push(CardLine::text(words, Role::Warn));
    }
    let key = card.keymap.label(Action::Abort);
    let words = format!("{key} aborts: {}.", abort_words(act));
    let rows = wrap(&words, cells);
    lines.extend(rows.into_iter().map(|row| CardLine::text(row, Role::Dim)));
    lines
}

fn step_lines(step: &PowerStep, ui: &Ui, cells: usize) -> Vec<CardLine> {
    let (glyph, role, words, time) = match &step.state {
        StepState::Waiting => ("·", Role::Faint, String::new(), String::new()),
        StepState::Running {
            since,
            until,
            words,
        } => (
            "◌",
            Role::Busy,
            words.to_string(),
            count_down(
                step.kind,
                ui.now.since(*since),
                until.map(|u| u.since(ui.now)),
            ),
        ),
        StepState::Done { took, words } => {
            ("✓", Role::Ok, words.to_string(), Age::from(*took).words())
        }
        StepState::Skipped { why } => ("–", Role::Dim, format!("skipped: {why}"), String::new()),
        StepState::Failed { why } => ("✖", Role::Bad, why.to_string(), String::new()),
        StepState::Aborted => ("✖", Role::Warn, "aborted before it".into(), String::new()),
    };
    let name = match step.state {
        StepState::Waiting | StepState::Skipped { .. } => Role::Dim,
        _ => Role::Title,
    };
    let of_words = match step.state {
        StepState::Failed { .. } => Role::Bad,
        StepState::Skipped { .. } => Role::Dim,
        _ => Role::Text,
    };
    let of_time = if step.kind == StepKind::Window {
        Role::Warn
    } else {
        Role::Dim
    };
    let room = cells.saturating_sub(STEP + TIME).max(20);
    let mut rows = wrap(&words, room).into_iter();
    let mut first = CardLine::of(vec![
        (format!("{glyph} "), role),
        (format!("{:<15}", step.kind.word()), name),
        (rows.next().unwrap_or_default().to_owned(), of_words),
    ]);
    first.right = vec![(time, of_time)];
    std::iter::once(first)
        .chain(rows.map(|row| CardLine::text(format!("{:STEP$}{row}", ""), of_words)))
        .collect()
}
