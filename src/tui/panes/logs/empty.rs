//! What the lens says when there is no line to show: what is the matter, and which key mends it.

use super::place::LensPlace;
use crate::engine::{LensPicture, SourceState};
use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui_lens::{LensState, LensUi};
use crate::tui::ui_update::lens_words;
use crate::tui::widgets::{Canvas, grouped, row_of, wrap};

type Lines = Vec<(String, Role)>;

/// Draws the words in the middle of the lines.
pub(super) fn empty(canvas: &mut Canvas<'_>, place: LensPlace, scene: Scene<'_>) {
    let lens = &scene.ui.lens;
    let lines = match &lens.state {
        LensState::Closed => closed(scene),
        LensState::Opening => opening(lens),
        LensState::Open(_) => open(scene, lens.shown()),
        LensState::Ended => vec![
            line("The logs have ended.", Role::Title),
            keyed(scene, Action::ChooseSources, "chooses sources"),
        ],
        LensState::Refused(refusal) => {
            let mut lines = vec![
                line("The logs could not be opened.", Role::Title),
                line(refusal.why.clone(), Role::Bad),
            ];
            lines.extend(refusal.hint.clone().map(|hint| line(hint, Role::Dim)));
            lines.push(keyed(scene, Action::ChooseSources, "chooses other sources"));
            lines
        }
    };
    let area = place.rows;
    let cells = usize::from(area.width).clamp(1, 72);
    let wrapped: Vec<(&str, Role)> = lines
        .iter()
        .flat_map(|(text, role)| wrap(text, cells).into_iter().map(|part| (part, *role)))
        .collect();
    let top = area.height.saturating_sub(wrapped.len() as u16) / 3;
    let left = area.width.saturating_sub(cells as u16) / 2;
    for (row, (text, role)) in (top..area.height).zip(wrapped) {
        canvas
            .pen(row_of(area, row))
            .skip(left.max(1))
            .put(text, role);
    }
}

fn line(text: impl Into<String>, role: Role) -> (String, Role) {
    (text.into(), role)
}

fn keyed(scene: Scene<'_>, action: Action, what: &str) -> (String, Role) {
    line(
        format!("{} {what}", scene.keymap.label(action)),
        Role::Accent,
    )
}

fn closed(scene: Scene<'_>) -> Lines {
    vec![
        line("No logs are open.", Role::Title),
        line("", Role::Dim),
        keyed(
            scene,
            Action::ChooseSources,
            "chooses sources: containers, units, files, the kernel",
        ),
        keyed(
            scene,
            Action::OpenLogs,
            "on a host, a process or a container opens its logs",
        ),
        keyed(
            scene,
            Action::AlertLogs,
            "on a host opens its logs at the second of its newest alert",
        ),
        line(
            format!(
                "{}logs HOST/container:NAME opens one by name",
                scene.keymap.label(Action::CommandLine)
            ),
            Role::Accent,
        ),
    ]
}

fn opening(lens: &LensUi) -> Lines {
    let names = lens
        .sources
        .iter()
        .map(|address| line(address.to_string(), Role::Text));
    let many = match lens.sources.len() {
        1 => "Opening the log of".to_owned(),
        many => format!("Opening {many} logs:"),
    };
    let mut lines = vec![line(many, Role::Busy)];
    lines.extend(names.take(12));
    lines
}

fn open(scene: Scene<'_>, picture: &LensPicture) -> Lines {
    let filter = picture.filter.as_ref().filter(|of| !of.text.is_empty());
    if let Some(filter) = filter.filter(|_| picture.lines > 0) {
        let title = if filter.done {
            "No line gets through the filter."
        } else {
            "No line has got through the filter so far."
        };
        return vec![
            line(title, Role::Title),
            line(
                format!("{} lines are hidden by", grouped(picture.lines)),
                Role::Dim,
            ),
            line(filter.text.clone(), Role::Hit),
            line("", Role::Dim),
            keyed(scene, Action::Close, "shows them again"),
        ];
    }
    if !picture.sources.is_empty() && picture.sources.iter().all(|of| of.hidden) {
        return vec![
            line("All sources are hidden.", Role::Title),
            keyed(scene, Action::ShowSources, "shows them again"),
        ];
    }
    let mut lines = vec![line("No line yet.", Role::Title), line("", Role::Dim)];
    for source in picture.sources.iter().take(12) {
        let name = lens_words::label(&source.label);
        let state =
            lens_words::state(&source.state).unwrap_or_else(|| "says nothing so far".to_owned());
        let role = match source.state {
            SourceState::Refused(..) => Role::Bad,
            SourceState::Waiting(_) => Role::Warn,
            SourceState::Opening => Role::Busy,
            _ => Role::Dim,
        };
        lines.push(line(format!("{name}  {state}"), role));
    }
    lines.push(line("", Role::Dim));
    lines.push(keyed(scene, Action::ChooseSources, "chooses other sources"));
    lines
}
