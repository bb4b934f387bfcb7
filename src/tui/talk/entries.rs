//! One entry of a conversation as rows of text, folded or in full; and as text to copy.

use std::time::Duration;

use crate::domain::Wall;
use crate::engine::{
    CallState, CallView, Decided, Ending, Entry, EntryId, Origin, Proposal, StepResult, TurnView,
    Went,
};
use crate::text::SafeText;
use crate::tui::talk::words::{seconds, usage};
use crate::tui::theme::Role;
use crate::tui::widgets::{Break, Piece, TextRow, decimal_bytes, flow, markdown};

/// Rows of output that an unfolded call shows at most; `y` copies all.
const MOST_OUTPUT: usize = 400;

/// What an entry is known by.
pub(in crate::tui) fn id_of(entry: &Entry) -> EntryId {
    match entry {
        Entry::Asked { id, .. }
        | Entry::Said { id, .. }
        | Entry::Thought { id, .. }
        | Entry::UnderWay { id, .. }
        | Entry::Decided { id, .. }
        | Entry::Denied { id, .. }
        | Entry::Trouble { id, .. }
        | Entry::Runbook { id, .. }
        | Entry::Findings { id, .. } => *id,
        Entry::Call(call) => call.id,
        Entry::Turn(turn) => turn.id,
    }
}

/// A call on one row: what is live of it is drawn when it is drawn.
pub(in crate::tui) struct Chip {
    /// Its glyph and look.
    pub(in crate::tui) glyph: (&'static str, Role),
    /// The tool, where, what exactly.
    pub(in crate::tui) pieces: Vec<Piece>,
    /// Exit and time, against the right edge.
    pub(in crate::tui) end: (String, Role),
}

/// A call as a chip; `now` tells how long it runs.
pub(in crate::tui) fn chip(call: &CallView, now: Wall) -> Chip {
    let mut pieces = vec![Piece::new(call.tool.clone(), Role::Title)];
    if let Some(host) = &call.host {
        pieces.push(Piece::new(format!(" {host}"), Role::Dim));
    }
    if !call.what.is_empty() {
        pieces.push(Piece::new("  ", Role::Dim));
        pieces.push(Piece::new(call.what.clone(), Role::Code));
    }
    let (glyph, end) = match &call.state {
        CallState::Running(since) => {
            let ran = now.0.saturating_sub(since.0).max(0).cast_unsigned();
            let ran = Duration::from_millis(ran);
            (spinner(now), (seconds(ran), Role::Busy))
        }
        CallState::Ended(result) => ended(result),
    };
    Chip { glyph, pieces, end }
}

/// It turns four times a second, as often as the screen is drawn for data.
pub(in crate::tui) fn spinner(now: Wall) -> (&'static str, Role) {
    const TURNS: [&str; 4] = ["◐", "◓", "◑", "◒"];
    let at = (now.0 / 250).rem_euclid(4);
    let glyph = usize::try_from(at).ok().and_then(|at| TURNS.get(at));
    (glyph.copied().unwrap_or("◐"), Role::Busy)
}

fn ended(result: &StepResult) -> ((&'static str, Role), (String, Role)) {
    let took = seconds(result.took);
    match (&result.failed, result.exit) {
        (Some(_), exit) => {
            let exit = exit.map_or_else(|| "failed".to_owned(), |exit| format!("exit {exit}"));
            (("✖", Role::Bad), (format!("{exit} · {took}"), Role::Bad))
        }
        (None, Some(0) | None) => (("✓", Role::Ok), (took, Role::Dim)),
        (None, Some(exit)) => (
            ("▲", Role::Warn),
            (format!("exit {exit} · {took}"), Role::Warn),
        ),
    }
}

/// An entry in rows of so many cells.
pub(in crate::tui) fn rows(entry: &Entry, unfolded: bool, cells: usize) -> Vec<TextRow> {
    match entry {
        Entry::Asked { lines, .. } => plain(lines, Role::Title, cells),
        // Said in segments elsewhere: this is for what is short.
        Entry::Said { lines, .. } => markdown(&joined(lines), cells),
        // In full it is made in pieces elsewhere.
        Entry::Thought { draft, took, .. } => vec![thought_head(*draft, *took, unfolded)],
        Entry::Call(call) => call_rows(call, unfolded, cells),
        Entry::UnderWay { proposal, .. } => {
            let pieces = [
                Piece::new("approved, under way: ", Role::Busy),
                Piece::new(proposal.what.clone(), Role::Text),
            ];
            let mut rows = flow(&pieces, Break::Words, cells, (&[], &[]));
            if unfolded {
                rows.extend(proposed(proposal, cells));
            }
            rows
        }
        Entry::Decided {
            proposal, decided, ..
        } => decided_rows(proposal, decided, unfolded, cells),
        Entry::Denied { tool, why, .. } => {
            let pieces = [
                Piece::new("refused by the program: ", Role::Warn),
                Piece::new(tool.clone(), Role::Title),
                Piece::new(format!(" · {why}"), Role::Dim),
            ];
            flow(&pieces, Break::Words, cells, (&[], &[]))
        }
        Entry::Trouble { sentence, hint, .. } => {
            let mut rows = words(sentence.clone(), Role::Bad, cells);
            if let Some(hint) = hint {
                rows.extend(marked("→ ", hint.clone(), Role::Text, cells));
            }
            rows
        }
        Entry::Runbook {
            host, name, steps, ..
        } => {
            let pieces = [
                Piece::new("runbook ", Role::Dim),
                Piece::new(name.clone(), Role::Title),
                Piece::new(format!(" on {host} · {steps} steps"), Role::Dim),
            ];
            flow(&pieces, Break::Words, cells, (&[], &[]))
        }
        Entry::Findings { lines, .. } => lines
            .iter()
            .flat_map(|line| marked("• ", line.clone(), Role::Text, cells))
            .collect(),
        Entry::Turn(turn) => turn_rows(turn, cells),
    }
}

pub(super) fn joined(lines: &[SafeText]) -> String {
    lines
        .iter()
        .map(SafeText::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

fn words(text: impl Into<SafeText>, role: Role, cells: usize) -> Vec<TextRow> {
    flow(&[Piece::new(text, role)], Break::Words, cells, (&[], &[]))
}

fn marked(mark: &str, text: SafeText, role: Role, cells: usize) -> Vec<TextRow> {
    let blank = " ".repeat(mark.chars().count());
    flow(
        &[Piece::new(text, role)],
        Break::Words,
        cells,
        (
            &[Piece::new(mark, Role::Dim)],
            &[Piece::new(blank, Role::Dim)],
        ),
    )
}

/// Lines as they are, wrapped.
pub(super) fn plain(lines: &[SafeText], role: Role, cells: usize) -> Vec<TextRow> {
    lines
        .iter()
        .flat_map(|line| words(line.clone(), role, cells))
        .collect()
}

/// What stands above a thought, folded or not.
pub(super) fn thought_head(draft: bool, took: Duration, unfolded: bool) -> TextRow {
    let what = match took.as_millis() {
        _ if draft => "thinking".to_owned(),
        0 => "thought".to_owned(),
        _ => format!("thought for {}", seconds(took)),
    };
    let how = if unfolded { "folds" } else { "opens" };
    TextRow::of(format!("{what} · Enter {how}"), Role::Dim)
}

fn call_rows(call: &CallView, unfolded: bool, cells: usize) -> Vec<TextRow> {
    // The head is drawn live; here it is what a search finds.
    let head = chip(call, Wall::default());
    let mut rows = vec![TextRow(head.pieces)];
    if !unfolded {
        if let CallState::Ended(StepResult {
            failed: Some(why), ..
        }) = &call.state
        {
            rows.extend(marked("└ ", why.clone(), Role::Text, cells));
        }
        return rows;
    }
    let of = match call.origin {
        Origin::Assistant => "asked by Claude",
        Origin::Runbook => "a step of a runbook",
    };
    if !call.what.is_empty() {
        rows.extend(labelled_lines("what", &call.what, Role::Code, cells));
    }
    if let Some(exact) = &call.exact {
        rows.extend(labelled_lines("run", exact, Role::Code, cells));
    }
    if let Some(why) = &call.why {
        rows.extend(labelled("why", why, Role::Text, cells));
    }
    rows.extend(labelled("by", &SafeText::new(of), Role::Dim, cells));
    match &call.state {
        CallState::Running(_) => rows.push(TextRow::of("  it still runs", Role::Dim)),
        CallState::Ended(result) => rows.extend(output(result, cells)),
    }
    rows
}

/// A text whose line ends were made visible, line by line again.
fn labelled_lines(label: &str, text: &SafeText, role: Role, cells: usize) -> Vec<TextRow> {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    let lines = text.as_str().split('␊');
    labels
        .zip(lines)
        .flat_map(|(label, line)| labelled(label, &SafeText::new(line), role, cells))
        .collect()
}

fn labelled(label: &str, text: &SafeText, role: Role, cells: usize) -> Vec<TextRow> {
    let first = Piece::new(format!("  {label:<5}"), Role::Dim);
    let rest = Piece::new(" ".repeat(7), Role::Dim);
    flow(
        &[Piece::new(text.clone(), role)],
        Break::Words,
        cells,
        (&[first], &[rest]),
    )
}

fn output(result: &StepResult, cells: usize) -> Vec<TextRow> {
    let bar = [Piece::new("  │ ", Role::Faint)];
    let mut rows = Vec::new();
    for line in &result.lines {
        if rows.len() >= MOST_OUTPUT {
            rows.push(TextRow::of("  … the rest is in what y copies", Role::Dim));
            break;
        }
        let piece = Piece::new(line.clone(), Role::Text);
        rows.extend(flow(&[piece], Break::Anywhere, cells, (&bar, &bar)));
    }
    if result.lines.is_empty() && result.failed.is_none() {
        rows.push(TextRow::of("  it printed nothing", Role::Dim));
    }
    if result.cut > 0 {
        let cut = decimal_bytes(result.cut);
        rows.push(TextRow::of(format!("  … {cut} were left out"), Role::Dim));
    }
    let why = result.failed.as_ref();
    if let Some(why) = why.filter(|why| result.lines.last() != Some(why)) {
        rows.extend(labelled("why", why, Role::Bad, cells));
    }
    rows
}

fn decided_rows(
    proposal: &Proposal,
    decided: &Decided,
    unfolded: bool,
    cells: usize,
) -> Vec<TextRow> {
    let (word, role, more) = match decided {
        Decided::Approved {
            outcome, went, act, ..
        } => {
            let role = match went {
                Went::Done => Role::Ok,
                Went::Unknown => Role::Warn,
                Went::Failed | Went::Ended { .. } => Role::Bad,
            };
            let act = act.map_or_else(String::new, |act| format!(" · action {}", act.0));
            ("approved", role, format!("{outcome}{act}"))
        }
        Decided::Refused { why } => (
            "refused",
            Role::Warn,
            why.as_ref().map_or_else(String::new, ToString::to_string),
        ),
        Decided::Shut { why } => ("the door stayed shut", Role::Warn, why.to_string()),
        Decided::Expired => ("nobody decided in time", Role::Warn, String::new()),
        Decided::Withdrawn => (
            "withdrawn",
            Role::Dim,
            "the conversation ended before".to_owned(),
        ),
    };
    let mut pieces = vec![
        Piece::new(format!("{word}: "), role),
        Piece::new(proposal.what.clone(), Role::Text),
    ];
    if !more.is_empty() {
        pieces.push(Piece::new(format!(" · {more}"), Role::Dim));
    }
    let mut rows = flow(&pieces, Break::Words, cells, (&[], &[]));
    if unfolded {
        rows.extend(proposed(proposal, cells));
    }
    rows
}

/// What was proposed, in full.
fn proposed(proposal: &Proposal, cells: usize) -> Vec<TextRow> {
    let mut rows = labelled_lines("run", &proposal.command, Role::Code, cells);
    for note in &proposal.notes {
        rows.extend(labelled("", note, Role::Text, cells));
    }
    rows.extend(labelled("why", &proposal.why, Role::Text, cells));
    for of in &proposal.evidence {
        rows.extend(labelled("seen", &of.what, Role::Dim, cells));
    }
    rows
}

/// How a turn ended and what it took; on more rows where one has no room for both.
fn turn_rows(turn: &TurnView, cells: usize) -> Vec<TextRow> {
    let (word, role) = match &turn.ending {
        Ending::Done => ("done".to_owned(), Role::Dim),
        Ending::Failed(why) => (format!("failed: {why}"), Role::Bad),
        Ending::Interrupted => ("stopped by you".to_owned(), Role::Warn),
        Ending::Died(why) => (format!("the program ended: {why}"), Role::Bad),
        Ending::TimedOut => ("stopped: it took too long".to_owned(), Role::Bad),
    };
    let mut pieces = vec![Piece::new(word, role)];
    let usage = usage(&turn.usage);
    if !usage.is_empty() {
        pieces.push(Piece::new(format!(" · {usage}"), Role::Dim));
    }
    let taken: usize = pieces.iter().map(Piece::cells).sum();
    if taken > cells {
        return flow(&pieces, Break::Words, cells, (&[], &[]));
    }
    let rule = cells.saturating_sub(taken + 1);
    if rule > 0 {
        pieces.push(Piece::new(format!(" {}", "─".repeat(rule)), Role::Faint));
    }
    vec![TextRow(pieces)]
}

/// An entry as text to copy, and what to call it.
pub(in crate::tui) fn copy_of(entry: &Entry) -> (&'static str, String) {
    match entry {
        Entry::Asked { lines, .. } => ("the question", joined(lines)),
        Entry::Said { lines, .. } => ("the answer", joined(lines)),
        Entry::Thought { lines, .. } => ("the thought", joined(lines)),
        Entry::Findings { lines, .. } => ("the findings", joined(lines)),
        Entry::Call(call) => ("the call", call_text(call)),
        Entry::UnderWay { proposal, .. } | Entry::Decided { proposal, .. } => {
            ("the command", proposal.command.to_string())
        }
        other => {
            let rows: Vec<String> = rows(other, true, 200).iter().map(TextRow::text).collect();
            ("the lines", rows.join("\n"))
        }
    }
}

fn call_text(call: &CallView) -> String {
    let host = call
        .host
        .as_ref()
        .map_or_else(String::new, |host| format!(" {host}"));
    let what = call.exact.as_ref().unwrap_or(&call.what);
    let mut lines = vec![format!("{}{host}: {what}", call.tool)];
    if let CallState::Ended(result) = &call.state {
        lines.extend(result.lines.iter().map(ToString::to_string));
        if let Some(exit) = result.exit {
            lines.push(format!("exit {exit}"));
        }
        lines.extend(result.failed.iter().map(ToString::to_string));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::HostId;
    use crate::engine::CallId;

    #[test]
    fn a_chip_says_what_is_asked_and_opens_to_the_exact_command() {
        let call = CallView {
            id: EntryId(1),
            call: CallId("1".into()),
            origin: Origin::Assistant,
            tool: "host_facts".into(),
            host: Some(HostId::new("spark-1")),
            what: "failed units".into(),
            exact: Some("sh -c '\nif a; then\nb'".into()),
            why: None,
            state: CallState::Running(Wall(0)),
        };
        let chip = chip(&call, Wall(0));
        let head: String = chip
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        assert_eq!(head, "host_facts spark-1  failed units");
        let rows: Vec<String> = call_rows(&call, true, 60)
            .iter()
            .map(TextRow::text)
            .collect();
        assert_eq!(
            rows.get(1..5).unwrap(),
            [
                "  what failed units",
                "  run  sh -c '",
                "       if a; then",
                "       b'"
            ]
        );
        let copied = copy_of(&Entry::Call(call)).1;
        assert!(copied.starts_with("host_facts spark-1: sh -c"), "{copied}");
    }

    #[test]
    fn what_a_turn_took_is_told_in_a_narrow_pane_as_well() {
        let turn = Entry::Turn(TurnView {
            id: EntryId(1),
            ending: Ending::Failed("the budget of $0.50 is used up".into()),
            usage: crate::engine::Usage {
                cost: 0.0412,
                turns: 3,
                ..Default::default()
            },
        });
        for cells in [24, 44, 90] {
            let rows = rows(&turn, false, cells);
            let text: Vec<String> = rows.iter().map(TextRow::text).collect();
            let all = text.join(" ");
            assert!(all.contains("$0.041"), "{cells}: {text:?}");
            let widest = text.iter().map(|row| row.chars().count()).max();
            assert!(widest <= Some(cells), "{cells}: {text:?}");
        }
    }
}
