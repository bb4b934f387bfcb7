//! What to do with containers: the acts that mean something to them now, the gentlest first.

use ratatui::layout::Rect;

use super::layers::{from_foot, from_head, surface};
use crate::domain::ContainerAct;
use crate::tui::theme::Role;
use crate::tui::ui::Dialog;
use crate::tui::widgets::{Canvas, row_of};

/// What an act does, in words.
fn words(act: ContainerAct) -> &'static str {
    match act {
        ContainerAct::Start => "run it",
        ContainerAct::Stop => "ask it to end, and end it after its grace",
        ContainerAct::Restart => "stop it, then start it",
        ContainerAct::Kill => "end it now; it can't clean up",
        ContainerAct::Pause => "freeze its processes; they keep their memory",
        ContainerAct::Unpause => "let its processes go on",
        ContainerAct::Remove => "remove it for good, with what was written inside",
    }
}

/// Draws the chooser.
pub(super) fn container(canvas: &mut Canvas<'_>, (area, rows): (Rect, Rect), dialog: &Dialog) {
    let Dialog::Container {
        targets,
        acts,
        selected,
    } = dialog
    else {
        return;
    };
    surface(canvas, area, "Act on containers", Role::BorderFocus);
    let names: Vec<&str> = targets.iter().map(|(_, c)| c.name.as_str()).collect();
    let mut hosts: Vec<&str> = targets.iter().map(|(of, _)| of.host.as_str()).collect();
    hosts.dedup();
    canvas
        .pen(from_head(area, 0))
        .put(&names.join(", "), Role::Title);
    let what = match names.len() {
        1 => "on ".to_owned(),
        many => format!("{many} containers on "),
    };
    canvas
        .pen(from_head(area, 1))
        .put(&what, Role::Dim)
        .put(&hosts.join(", "), Role::Dim);
    for (place, act) in (0..rows.height).zip(acts) {
        let line = row_of(rows, place);
        let chosen = usize::from(place) == *selected;
        canvas
            .pen(line)
            .put(if chosen { "›" } else { " " }, Role::Accent)
            .left(act.word(), 9, Role::Title)
            .put(words(*act), Role::Text);
        if chosen {
            canvas.paint(line, Role::Selected);
        }
    }
    canvas
        .pen(from_foot(area, 0))
        .put("enter", Role::Key)
        .put(" goes on   ", Role::Dim)
        .put("esc", Role::Key)
        .put(" leaves", Role::Dim);
}
