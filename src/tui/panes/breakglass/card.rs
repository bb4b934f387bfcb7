//! The proposal that waits, in a box of its own: what, where, the exact command, why, what it is based on, for how long.

use ratatui::layout::{Position, Rect};

use crate::domain::{ActClass, HostId};
use crate::engine::{Command, Fleet, PendingProposal};
use crate::text::SafeText;
use crate::tui::action::{Action, Place};
use crate::tui::layout::split_rows;
use crate::tui::panes::Scene;
use crate::tui::talk::left;
use crate::tui::theme::Role;
use crate::tui::ui::Ui;
use crate::tui::ui_breakglass::{BreakglassUi, CardStop, Part};
use crate::tui::widgets::{
    Borders, Break, Canvas, Piece, TextRow, clock, edit, flow, frame, row_of,
};

/// The proposal that the card shows: the oldest of this conversation, else the oldest of any.
pub(in crate::tui) fn shown<'a>(
    pane: &BreakglassUi,
    fleet: &'a Fleet,
) -> Option<&'a PendingProposal> {
    let mine = fleet
        .proposals
        .iter()
        .find(|of| Some(of.session) == pane.session());
    mine.or_else(|| fleet.proposals.first())
}

/// Rows that the card wants in a pane of this width; 0: there is none.
pub(super) fn height(ui: &Ui, fleet: &Fleet, width: u16) -> u16 {
    let Some(pending) = shown(&ui.breakglass, fleet) else {
        return 0;
    };
    let told = told(pending, usize::from(width.saturating_sub(4)));
    let below = usize::from(fields(pending, fleet));
    let rows = told.length(pending) + below + 2;
    u16::try_from(rows).unwrap_or(u16::MAX)
}

/// The two fields, and above them what has to be armed first.
fn fields(pending: &PendingProposal, fleet: &Fleet) -> u16 {
    2 + u16::from(unarmed(pending, fleet).is_some())
}

/// The part of the card that scrolls: its rows, and the cells of each.
pub(in crate::tui) fn room(area: Rect, ui: &Ui, fleet: &Fleet) -> (usize, usize) {
    let Some(pending) = shown(&ui.breakglass, fleet) else {
        return (0, 0);
    };
    let [upper, _] = parts(area, pending, fleet);
    (usize::from(upper.height), usize::from(upper.width))
}

/// What is told and scrolls, and below it the fields, which are never the ones that are cut.
fn parts(area: Rect, pending: &PendingProposal, fleet: &Fleet) -> [Rect; 2] {
    if area.height < 2 {
        return [Rect::default(); 2];
    }
    let framed = Borders::of(area).inner;
    let inner = Rect::new(
        framed.x + 1,
        framed.y,
        framed.width.saturating_sub(2),
        framed.height,
    );
    let fields = fields(pending, fleet).min(inner.height);
    split_rows(inner, inner.height - fields)
}

/// What the card tells of a proposal before its evidence.
pub(in crate::tui) struct Told {
    rows: Vec<TextRow>,
    /// Rows up to the last one of what is done: nobody approves what they could not read.
    pub(in crate::tui) act: usize,
}

impl Told {
    /// The row of the first evidence.
    pub(in crate::tui) fn evidence(&self) -> usize {
        self.rows.len()
    }

    /// What the rows say.
    #[cfg(test)]
    pub(in crate::tui) fn text(&self) -> Vec<String> {
        self.rows.iter().map(TextRow::text).collect()
    }

    /// Rows, evidence included.
    pub(in crate::tui) fn length(&self, pending: &PendingProposal) -> usize {
        self.rows.len() + pending.proposal.evidence.len()
    }
}

/// Action, command, what else is done, reason, in rows of so many cells.
pub(in crate::tui) fn told(pending: &PendingProposal, cells: usize) -> Told {
    let proposal = &pending.proposal;
    // The command stands below, in full: it is not told twice.
    let what = proposal.what.as_str();
    let what = what
        .strip_suffix(proposal.command.as_str())
        .map_or(what, |what| what.trim_end_matches([':', ' ']));
    let mut rows = flow(
        &[Piece::new(SafeText::new(what), Role::Title)],
        Break::Words,
        cells,
        (&[], &[]),
    );
    let dollar = [Piece::new("$ ", Role::Dim)];
    let blank = [Piece::new("  ", Role::Dim)];
    let command = [Piece::new(proposal.command.clone(), Role::Code)];
    rows.extend(flow(&command, Break::Anywhere, cells, (&dollar, &blank)));
    for note in &proposal.notes {
        let note = [Piece::new(note.clone(), Role::Warn)];
        let dot = [Piece::new("· ", Role::Dim)];
        rows.extend(flow(&note, Break::Words, cells, (&dot, &blank)));
    }
    let act = rows.len();
    if !proposal.why.is_empty() {
        let why = [
            Piece::new("why: ", Role::Dim),
            Piece::new(proposal.why.clone(), Role::Text),
        ];
        rows.extend(flow(&why, Break::Words, cells, (&[], &[])));
    }
    Told { rows, act }
}

/// Draws it; tells where the caret or the chosen row is, where it has the keys.
pub(super) fn card(canvas: &mut Canvas<'_>, scene: Scene<'_>) -> Option<Position> {
    let area = scene.layout.talk.card;
    let pane = &scene.ui.breakglass;
    let pending = shown(pane, scene.fleet)?;
    if area.height == 0 {
        return None;
    }
    let focused = pane.part == Part::Card && pane.has_keys();
    let role = if focused { Role::Danger } else { Role::Border };
    let borders = frame(canvas, area, role);
    title(canvas, borders.top, scene, pending);
    let [upper, lower] = parts(area, pending, scene.fleet);
    let told = told(pending, usize::from(upper.width));
    let first = pane.card.first;
    for (down, row) in (0..upper.height).zip(told.rows.iter().skip(first)) {
        row.draw(&mut canvas.row(upper, down));
    }
    let chosen = evidences(canvas, upper, scene, (pending, told.evidence()), focused);
    let below = told
        .length(pending)
        .saturating_sub(first + usize::from(upper.height));
    foot(canvas, borders.bottom, scene, (first, below));
    let caret = draw_fields(canvas, lower, scene, pending, focused);
    focused.then(|| caret.or(chosen)).flatten()
}

fn title(canvas: &mut Canvas<'_>, top: Rect, scene: Scene<'_>, pending: &PendingProposal) {
    let open = left(pending.expires, scene.fleet.at);
    let end = format!(" open for {open} ");
    let mut pen = canvas.pen(top);
    pen.at_end(&[(&end, Role::Warn)]);
    pen.put(" proposed", Role::Title);
    if let Some(host) = &pending.proposal.host {
        pen.put(&format!(" for {host}"), Role::Title);
    }
    let others = scene.fleet.proposals.len().saturating_sub(1);
    if others > 0 {
        pen.put(&format!(" · {others} more after it"), Role::Dim);
    }
    pen.put(" ", Role::Dim);
}

/// How much of it is beyond an edge, and the keys that show it.
fn foot(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>, (above, below): (usize, usize)) {
    let mut pen = canvas.pen(area);
    let key = |action| scene.keymap.label_at(Place::Text, action);
    if below > 0 {
        let words = format!(" {below} more below ▾ {} ", key(Action::PageDown));
        pen.at_end(&[(&words, Role::Warn)]);
    }
    if above > 0 {
        let words = format!(" {above} more above ▴ {} ", key(Action::PageUp));
        pen.put(&words, Role::Dim);
    }
}

fn evidences(
    canvas: &mut Canvas<'_>,
    area: Rect,
    scene: Scene<'_>,
    (pending, above): (&PendingProposal, usize),
    focused: bool,
) -> Option<Position> {
    let mut chosen = None;
    let first = scene.ui.breakglass.card.first;
    for (place, of) in pending.proposal.evidence.iter().enumerate() {
        let Some(down) = (above + place).checked_sub(first) else {
            continue;
        };
        let Some(down) = u16::try_from(down).ok().filter(|down| *down < area.height) else {
            break;
        };
        let line = Rect::new(area.x, area.y + down, area.width, 1);
        let mut pen = canvas.pen(line);
        let at = of.at.map(|at| clock(at, &scene.ui.zone));
        pen.put("↗ ", Role::Accent);
        pen.at_end(&[(at.as_deref().unwrap_or_default(), Role::Dim)]);
        pen.put(of.what.as_str(), Role::Text)
            .put("  ", Role::Dim)
            .put(of.source.as_str(), Role::Dim);
        if focused && scene.ui.breakglass.card.stop == CardStop::Evidence(place) {
            canvas.paint(line, Role::Selected);
            chosen = Some(Position::new(line.x, line.y));
        }
    }
    chosen
}

/// The two fields: the word that approves, the reason of a refusal. Neither is pressed by a letter or by Enter alone.
fn draw_fields(
    canvas: &mut Canvas<'_>,
    area: Rect,
    scene: Scene<'_>,
    pending: &PendingProposal,
    focused: bool,
) -> Option<Position> {
    let card = &scene.ui.breakglass.card;
    let word = &pending.proposal.word;
    let mut caret = None;
    let approve = format!("type {word}, then Enter");
    let fields = [
        (CardStop::Word, "approve", &card.word, approve.as_str()),
        (
            CardStop::Refuse,
            "refuse",
            &card.reason,
            "Enter; a reason may stand here",
        ),
    ];
    let above = area.height.saturating_sub(fields.len() as u16);
    if above > 0 {
        draw_unarmed(canvas, row_of(area, 0), scene, pending);
    }
    for (down, (stop, label, line, empty)) in (above..).zip(fields) {
        let here = focused && card.stop == stop;
        let role = if here { Role::Title } else { Role::Dim };
        let mut pen = canvas.row(area, down);
        pen.put(if here { "› " } else { "  " }, Role::Accent)
            .left(label, 9, role);
        let start = Position::new(pen.column(), pen.line());
        if stop == CardStop::Word && !line.text.is_empty() {
            pen.at_end(&[(word.as_str(), Role::Faint)]);
        }
        if line.text.is_empty() {
            pen.put(empty, Role::Faint);
            caret = caret.or(here.then_some(start));
        } else if here {
            let room = pen.room();
            caret = Some(edit(&mut pen, line, room, false));
        } else {
            pen.put(&line.text, Role::Text);
        }
    }
    caret
}

/// What has to be armed first, with the key that does it from here.
fn draw_unarmed(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, pending: &PendingProposal) {
    let Some((_, class)) = unarmed(pending, scene.fleet) else {
        return;
    };
    let key = scene.keymap.label_at(Place::Text, Action::Arm);
    let mut pen = canvas.pen(line);
    pen.at_end(&[(&key, Role::Key), (" arms it", Role::Dim)]);
    pen.put(&format!("▲ not armed for {class}"), Role::Warn);
}

/// What has to be armed before this can be approved; nothing where it is, or need not be.
pub(in crate::tui) fn unarmed(
    pending: &PendingProposal,
    fleet: &Fleet,
) -> Option<(HostId, ActClass)> {
    let host = pending.proposal.host.as_ref()?;
    let class = match &pending.command {
        Command::Power { verb, .. } if !verb.changes() => return None,
        Command::Power { .. } => ActClass::Power,
        _ => ActClass::Restart,
    };
    let is_free = !fleet.needs_arming(class) || fleet.armed(host, class).is_some();
    (!is_free).then(|| (host.clone(), class))
}
