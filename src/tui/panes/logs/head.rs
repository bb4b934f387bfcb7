//! What there is to say of the sources: in the title how many, in the line below each one with its colour and its state.

use ratatui::layout::Rect;

use crate::engine::{LensPicture, SourceState, SourceView};
use crate::text::width;
use crate::tui::theme::Role;
use crate::tui::ui_update::lens_words;
use crate::tui::widgets::{Canvas, Pen, grouped};

/// Writes how many sources there are and how many lines they gave.
pub(super) fn summary(pen: &mut Pen<'_>, picture: &LensPicture) {
    let hosts = {
        let mut names: Vec<&str> = picture
            .sources
            .iter()
            .map(|of| of.label.host.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    };
    let words = match (picture.sources.as_slice(), hosts) {
        ([], _) => return,
        ([one], _) => lens_words::label(&one.label),
        ([first, ..], 1) if !first.label.host.is_empty() => {
            format!("{} sources on {}", picture.sources.len(), first.label.host)
        }
        (many, 1) => format!("{} sources", many.len()),
        (many, hosts) => format!("{} sources on {hosts} hosts", many.len()),
    };
    pen.put(&words, Role::Text);
    let lines = match picture.lines {
        1 => "1 line".to_owned(),
        many => format!("{} lines", grouped(many)),
    };
    pen.put(" · ", Role::Faint).put(&lines, Role::Dim);
    // Nothing is lost silently: this stands before all that may be cut.
    if picture.fallen > 0 {
        let most = picture.memory.1 / (1024 * 1024);
        let fallen = format!("{} fell out of {most} MiB", grouped(picture.fallen));
        pen.put(" · ", Role::Faint).put(&fallen, Role::Warn);
    }
    let troubled = picture
        .sources
        .iter()
        .filter(|of| is_trouble(&of.state))
        .count();
    if troubled > 0 {
        pen.put(" · ", Role::Faint)
            .put(&format!("▲ {troubled} not followed"), Role::Warn);
    }
    pen.put(" ", Role::Dim);
}

fn is_trouble(state: &SourceState) -> bool {
    !matches!(state, SourceState::Following | SourceState::Opening)
}

/// Draws the line of sources: first what may still come, then what is followed, then what gives nothing more. The title
/// has said how many those are, the picker says why.
pub(super) fn head(canvas: &mut Canvas<'_>, area: Rect, picture: &LensPicture) {
    let theme = canvas.theme;
    let mut pen = canvas.pen(area);
    pen.skip(1);
    let mut sources: Vec<&SourceView> = picture.sources.iter().collect();
    sources.sort_by_key(|of| rank(&of.state));
    let mut left = sources.len();
    for source in sources {
        let name = lens_words::label(&source.label);
        // A name that would be cut says less than how many there are.
        let rest = format!("+{left} more");
        let is_first = left == picture.sources.len();
        let fits = usize::from(pen.room()) >= width(&name) + 6 + width(&rest);
        if !fits && !is_first && left > 1 {
            pen.put(&rest, Role::Dim);
            return;
        }
        let (glyph, role) = glyph(source);
        pen.put(glyph, role).skip(1);
        if source.hidden {
            pen.put(&name, Role::Stale);
        } else {
            pen.styled(&name, theme.source(source.number.0));
        }
        for words in particulars(source) {
            pen.put(" ", Role::Dim).put(&words, role_of(source));
        }
        pen.skip(2);
        left -= 1;
    }
}

fn rank(state: &SourceState) -> u8 {
    match state {
        SourceState::Waiting(_) => 0,
        SourceState::Opening | SourceState::Following => 1,
        SourceState::Ended(_) => 2,
        SourceState::Refused(..) => 3,
    }
}

fn glyph(source: &SourceView) -> (&'static str, Role) {
    let role = role_of(source);
    match &source.state {
        _ if source.hidden => ("○", Role::Stale),
        SourceState::Opening => ("◌", role),
        SourceState::Following => ("●", Role::Ok),
        SourceState::Waiting(_) => ("▲", role),
        SourceState::Ended(_) => ("■", role),
        SourceState::Refused(..) => ("✖", role),
    }
}

fn role_of(source: &SourceView) -> Role {
    match source.state {
        SourceState::Opening => Role::Busy,
        SourceState::Following | SourceState::Ended(_) | SourceState::Refused(..) => Role::Dim,
        SourceState::Waiting(_) => Role::Warn,
    }
}

fn particulars(source: &SourceView) -> Vec<String> {
    let hidden = source.hidden.then(|| "hidden".to_owned());
    hidden
        .into_iter()
        .chain(lens_words::state(&source.state))
        .chain(lens_words::skew(source))
        .collect()
}
