//! What can be done beside typing: questions that are asked often, runbooks, the power switch, the ladder of the host. The
//! same rows stand in an empty conversation and under trouble, because acting never depends on Claude.

use crate::domain::{HostId, PowerVerb, Rung};
use crate::engine::{
    AssistantCheck, Entry, EntryId, Fleet, Host, Outcome, Phase, Refusal, RunbookSummary,
    TroubleKind,
};
use crate::text::{SafeText, cut};
use crate::tui::theme::Role;
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{BreakglassUi, Known, TalkState};
use crate::tui::widgets::{Break, Piece, TextRow, flow, state_words};

/// A question that is asked often: its name, and the question; `{}` stands for the host.
pub(in crate::tui) struct Preset {
    /// Two words.
    pub(in crate::tui) name: &'static str,
    /// The question.
    question: &'static str,
}

impl Preset {
    /// The question about this host.
    pub(in crate::tui) fn about(&self, host: &str) -> String {
        self.question.replace("{}", host)
    }
}

/// The questions.
pub(in crate::tui) const PRESETS: [Preset; 5] = [
    Preset {
        name: "triage",
        question: "What is wrong with {}? Look at its state, its newest errors and what runs on it, and say what you would do first.",
    },
    Preset {
        name: "memory",
        question: "Is {} short of memory? Say which processes and containers hold it, whether the kernel killed any, and what would free it.",
    },
    Preset {
        name: "disk",
        question: "Is a disk of {} full, read-only or failing? Say what fills it and what can safely go.",
    },
    Preset {
        name: "failed services",
        question: "Which services and containers of {} have failed or keep restarting? Say why, from their logs.",
    },
    Preset {
        name: "is it wedged?",
        question: "Is {} wedged? Tell from the ladder, the kernel log and the hypervisor whether it will come back by itself, and if not, which power verb fits.",
    },
];

/// Something that a row does when it is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Do {
    /// Ask this.
    Ask(String),
    /// Run a runbook on a host.
    Runbook(HostId, String),
    /// Use the power switch of a host.
    Power(HostId, PowerVerb),
    /// Show the ladder of a host.
    Ladder(HostId),
    /// Look again whether Claude can be had.
    Check,
}

/// A row below the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct TailRow {
    /// Its text.
    pub(in crate::tui) row: TextRow,
    /// Which offer it is the first row of.
    pub(in crate::tui) offer: Option<usize>,
}

/// One thing that can be done.
struct Offer {
    does: Do,
    name: String,
    what: String,
}

/// What can be done here, in the order in which it is shown.
pub(in crate::tui) fn offers(ui: &Ui, fleet: &Fleet) -> Vec<Do> {
    let all = sections(ui, fleet).into_iter();
    all.flat_map(|(_, offers)| offers)
        .map(|offer| offer.does)
        .collect()
}

/// The rows below the conversation; none where it goes its way.
pub(in crate::tui) fn tail(ui: &Ui, fleet: &Fleet, cells: usize) -> Vec<TailRow> {
    if !is_wanted(&ui.breakglass) {
        return Vec::new();
    }
    let mut rows = Rows {
        cells: cells.max(1),
        rows: Vec::new(),
    };
    if !ui.breakglass.transcript.entries.is_empty() {
        rows.push(vec![TextRow::default()], None);
    }
    had(&mut rows, &ui.breakglass);
    let is_begun = !ui.breakglass.transcript.entries.is_empty();
    let mut number = 0;
    for (title, offers) in sections(ui, fleet) {
        if offers.is_empty() {
            continue;
        }
        if rows.rows.len() > 1 {
            rows.blank();
        }
        rows.text(&[Piece::new(title, Role::Dim)], None);
        let widest = offers.iter().map(|offer| offer.name.chars().count()).max();
        let widest = widest.unwrap_or(0).min(18);
        for offer in offers {
            rows.offer(&offer, widest, number);
            number += 1;
        }
    }
    if let Some(host) = host(ui, fleet)
        && (!is_begun || in_trouble(&ui.breakglass))
    {
        rows.blank();
        let ladder = ladder(host, fleet, rows.cells);
        rows.push(ladder, None);
    }
    rows.rows
}

/// In an empty conversation, and wherever Claude can't be had.
fn is_wanted(pane: &BreakglassUi) -> bool {
    matches!(pane.state, TalkState::Refused(_))
        || pane.transcript.entries.is_empty()
        || in_trouble(pane)
        || !can_ask(pane) && is_over(pane)
}

/// Whether what was asked for has come to its end.
fn is_over(pane: &BreakglassUi) -> bool {
    let last = pane.transcript.entries.last().map(AsRef::as_ref);
    matches!(last, Some(Entry::Findings { .. } | Entry::Turn(_)))
}

/// Whether the newest that was said is that Claude can't be had.
fn in_trouble(pane: &BreakglassUi) -> bool {
    trouble(pane).is_some() || matches!(pane.transcript.phase, Phase::Dead(_))
}

/// Why Claude can't be had, where that is the newest that was said.
pub(in crate::tui) fn trouble(pane: &BreakglassUi) -> Option<(EntryId, &SafeText)> {
    let newest = pane.transcript.entries.iter().rev();
    let mut newest = newest
        .map(AsRef::as_ref)
        .take_while(|entry| matches!(entry, Entry::Trouble { .. } | Entry::Turn(_)));
    newest.find_map(|entry| match entry {
        Entry::Trouble { id, sentence, .. } => Some((*id, sentence)),
        _ => None,
    })
}

/// Whether asking makes sense: nothing says that nobody is there to be asked.
fn can_ask(pane: &BreakglassUi) -> bool {
    let lacks = |kind: TroubleKind| {
        !matches!(
            kind,
            TroubleKind::Silent | TroubleKind::Died | TroubleKind::Offline
        )
    };
    let lacking =
        pane.transcript.entries.last().is_some_and(
            |entry| matches!(entry.as_ref(), Entry::Trouble { kind, .. } if lacks(*kind)),
        );
    let had = match &pane.check {
        Known::Is(check) => check.program.is_ok() && check.login.is_ok(),
        _ => true,
    };
    had && !lacking && !matches!(pane.state, TalkState::Refused(_))
}

fn host<'a>(ui: &Ui, fleet: &'a Fleet) -> Option<&'a Host> {
    let id = ui.selected.as_ref()?;
    fleet.host(id).map(AsRef::as_ref)
}

fn sections(ui: &Ui, fleet: &Fleet) -> Vec<(String, Vec<Offer>)> {
    let pane = &ui.breakglass;
    if !is_wanted(pane) {
        return Vec::new();
    }
    let mut sections = Vec::new();
    let host = host(ui, fleet);
    let name = host.map_or("the fleet", |host| host.id.as_str());
    if can_ask(pane) && pane.transcript.entries.is_empty() {
        let asks = PRESETS.iter().map(|preset| Offer {
            does: Do::Ask(preset.about(name)),
            name: preset.name.to_owned(),
            what: String::new(),
        });
        sections.push((format!("ask about {name}"), asks.collect()));
    }
    let mut without = Vec::new();
    if let Some(host) = host {
        if let Known::Is(runbooks) = &pane.runbooks {
            without.extend(runbooks.iter().map(|of| runbook(host, of)));
        }
        without.push(Offer {
            does: Do::Ladder(host.id.clone()),
            name: "ladder".to_owned(),
            what: "how far this host is reached, rung by rung".to_owned(),
        });
        without.extend(power(host));
    }
    if matches!(pane.check, Known::Is(_) | Known::Failed(_)) && !can_ask(pane) {
        without.push(Offer {
            does: Do::Check,
            name: "look again".to_owned(),
            what: "whether Claude can be had by now".to_owned(),
        });
    }
    sections.push((format!("without Claude, on {name}"), without));
    sections
}

fn runbook(host: &Host, of: &RunbookSummary) -> Offer {
    Offer {
        does: Do::Runbook(host.id.clone(), of.name.clone()),
        name: of.name.clone(),
        what: format!("{} · {} steps", of.what, of.steps.len()),
    }
}

/// The power switch: what looks, and what is asked for when nothing else helps. The engine asks before it does anything.
fn power(host: &Host) -> Vec<Offer> {
    let Some(spec) = &host.spec.power else {
        return Vec::new();
    };
    let offer = |verb: PowerVerb, what: &str| Offer {
        does: Do::Power(host.id.clone(), verb),
        name: format!("power {verb}"),
        what: what.to_owned(),
    };
    if spec.method.is_none() {
        return vec![offer(PowerVerb::Start, "wake it from the network")];
    }
    vec![
        offer(PowerVerb::Status, "what its power switch says"),
        offer(
            PowerVerb::Cycle,
            "it restarts, or its power is cut; the plan is shown first",
        ),
    ]
}

/// Whether Claude can be had, with the reason and the mend where not.
fn had(rows: &mut Rows, pane: &BreakglassUi) {
    if let TalkState::Refused(refusal) = &pane.state {
        return rows.refusal("no conversation can be opened", refusal);
    }
    if !pane.transcript.entries.is_empty() {
        return;
    }
    match &pane.check {
        Known::Unasked | Known::Asked => rows.text(
            &[Piece::new(
                "◌ looking whether Claude can be had …",
                Role::Busy,
            )],
            None,
        ),
        Known::Failed(refusal) => {
            rows.refusal("it is not known whether Claude can be had", refusal);
        }
        Known::Is(check) => checked(rows, check),
    }
}

fn checked(rows: &mut Rows, check: &AssistantCheck) {
    match (&check.program, &check.login) {
        (Ok(program), Ok(login)) => {
            rows.text(&[Piece::new("● Claude can be asked", Role::Ok)], None);
            for words in [program, login] {
                rows.text(&[Piece::new(format!("  {words}"), Role::Dim)], None);
            }
        }
        (Err(refusal), _) | (_, Err(refusal)) => rows.refusal("Claude can't be asked", refusal),
    }
}

/// The ladder: the rungs that hold, the first that does not; no mark is parted from its rung.
fn ladder(host: &Host, fleet: &Fleet, cells: usize) -> Vec<TextRow> {
    let mut rows = vec![vec![
        Piece::new(format!("{} ", host.id), Role::Title),
        Piece::new(state_words(host, fleet.at), Role::Text),
    ]];
    let taken = |row: &[Piece]| row.iter().map(Piece::cells).sum::<usize>();
    for rung in Rung::ALL {
        let (glyph, role) = match host.ladder.outcome(rung) {
            Outcome::Holds { .. } => ("✓ ", Role::Ok),
            Outcome::Failed { .. } => ("✖ ", Role::Bad),
            Outcome::Untried => continue,
        };
        let pieces = [Piece::new(glyph, role), Piece::new(rung.word(), Role::Dim)];
        match rows.last_mut() {
            Some(row) if taken(row) + taken(&pieces) + 2 <= cells => {
                row.push(Piece::new("  ", Role::Dim));
                row.extend(pieces);
            }
            _ => rows.push(pieces.to_vec()),
        }
    }
    rows.into_iter().map(TextRow).collect()
}

struct Rows {
    cells: usize,
    rows: Vec<TailRow>,
}

impl Rows {
    fn blank(&mut self) {
        if !self.rows.is_empty() {
            self.rows.push(TailRow {
                row: TextRow::default(),
                offer: None,
            });
        }
    }

    fn text(&mut self, pieces: &[Piece], offer: Option<usize>) {
        let rows = flow(pieces, Break::Words, self.cells, (&[], &[]));
        self.push(rows, offer);
    }

    fn push(&mut self, rows: Vec<TextRow>, mut offer: Option<usize>) {
        for row in rows {
            self.rows.push(TailRow {
                row,
                offer: offer.take(),
            });
        }
    }

    fn offer(&mut self, offer: &Offer, widest: usize, number: usize) {
        let first = Piece::new(format!("  {:<widest$}", offer.name), Role::Key);
        let what = cut(&offer.what, self.cells.saturating_sub(first.cells() + 2));
        let what = Piece::new(format!("  {what}"), Role::Dim);
        // One row each: what a choice does is steady under the eye.
        self.push(vec![TextRow(vec![first, what])], Some(number));
    }

    fn refusal(&mut self, what: &str, refusal: &Refusal) {
        let pieces = [
            Piece::new(format!("✖ {what}: "), Role::Bad),
            Piece::new(refusal.why.clone(), Role::Text),
        ];
        self.text(&pieces, None);
        if let Some(hint) = &refusal.hint {
            let arrow = [Piece::new("→ ", Role::Dim)];
            let blank = [Piece::new("  ", Role::Dim)];
            let hint = [Piece::new(hint.clone(), Role::Text)];
            let rows = flow(&hint, Break::Words, self.cells, (&arrow, &blank));
            self.push(rows, None);
        }
    }
}
