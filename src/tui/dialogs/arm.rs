//! What a host is armed for, and for how long: one class, some minutes, and what ends it.

use ratatui::layout::Rect;

use super::layers::{boxed, from_foot, from_head, middle, surface};
use crate::domain::{ActClass, Age};
use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::power_words::{CLASSES, countdown, lets_through};
use crate::tui::theme::Role;
use crate::tui::ui::Dialog;
use crate::tui::widgets::{Canvas, row_of, wrap};

/// Rows of what it is about.
const ABOUT: u16 = 3;

/// Where it stands, and its rows that can be chosen.
pub(super) fn place(screen: Rect) -> (Rect, Rect) {
    let rows = u16::try_from(CLASSES.len()).unwrap_or_default();
    boxed(middle(screen, 76, rows + ABOUT + 7), ABOUT + 1, 4)
}

/// Draws the chooser.
pub(super) fn arm(
    canvas: &mut Canvas<'_>,
    (area, rows): (Rect, Rect),
    scene: Scene<'_>,
    dialog: &Dialog,
) {
    let Dialog::Arm {
        host,
        selected,
        minutes,
    } = dialog
    else {
        return;
    };
    surface(canvas, area, &format!("Arm {host}"), Role::Danger);
    let idle = Age::from(scene.fleet.arming.idle).words();
    let about = format!(
        "Lets acts of one class through on this host. Each is still confirmed by itself. It ends when its time is over, \
         when nobody touches a key for {idle}, and with this console."
    );
    let room = usize::from(rows.width);
    for (row, line) in (0..ABOUT).zip(wrap(&about, room)) {
        canvas.pen(from_head(area, row)).put(line, Role::Dim);
    }
    for (place, class) in (0..rows.height).zip(CLASSES) {
        let line = row_of(rows, place);
        let chosen = usize::from(place) == *selected;
        let mut pen = canvas.pen(line);
        let now = match scene.ui.power.armed_for(host, class, scene.ui.now) {
            Some(left) => (format!("ARMED {}", countdown(left)), Role::Warn),
            None if !scene.fleet.needs_arming(class) => ("needs none".to_owned(), Role::Faint),
            None => (String::new(), Role::Dim),
        };
        pen.at_end(&[(&now.0, now.1)]);
        pen.put(if chosen { "› " } else { "  " }, Role::Accent)
            .left(class.word(), 9, title(scene, class))
            .put(lets_through(class), Role::Text);
        if chosen {
            canvas.paint(line, Role::Selected);
        }
    }
    let key = |action| scene.keymap.label(action);
    canvas
        .pen(from_foot(area, 2))
        .put("for ", Role::Text)
        .put(&length(*minutes), Role::Title)
        .skip(3)
        .put(&key(Action::Shorter), Role::Key)
        .skip(1)
        .put(&key(Action::Longer), Role::Key)
        .put(" change it", Role::Dim);
    canvas
        .pen(from_foot(area, 0))
        .put("Enter", Role::Key)
        .put(" arms it   ", Role::Dim)
        .put(&key(Action::Disarm), Role::Key)
        .put(" disarms the host   ", Role::Dim)
        .put("Esc", Role::Key)
        .put(" leave", Role::Dim);
}

fn title(scene: Scene<'_>, class: ActClass) -> Role {
    if scene.fleet.needs_arming(class) {
        Role::Title
    } else {
        Role::Dim
    }
}

/// `15 minutes`, `2 hours`.
fn length(minutes: u16) -> String {
    match (minutes, minutes % 60) {
        (1, _) => "1 minute".into(),
        (60, _) => "1 hour".into(),
        (120.., 0) => format!("{} hours", minutes / 60),
        _ => format!("{minutes} minutes"),
    }
}
