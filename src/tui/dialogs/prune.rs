//! What a prune would take: names, sizes, and what comes back. The engine asks for the host's name before anything goes.

use ratatui::layout::Rect;

use super::layers::{buttons, from_foot, from_head, surface};
use crate::tui::theme::Role;
use crate::tui::ui::Dialog;
use crate::tui::widgets::{Canvas, bytes, row_of};

/// How many rows the list has.
pub(super) fn length(dialog: &Dialog) -> usize {
    match dialog {
        Dialog::Prune { preview, .. } => preview.containers.len() + preview.images.len(),
        _ => 0,
    }
}

/// Draws the preview.
pub(super) fn prune(canvas: &mut Canvas<'_>, (area, rows): (Rect, Rect), dialog: &Dialog) {
    let Dialog::Prune {
        host,
        preview,
        scroll,
        button,
    } = dialog
    else {
        return;
    };
    surface(canvas, area, "Prune", Role::Danger);
    canvas
        .pen(from_head(area, 0))
        .put(bytes(preview.bytes).as_str(), Role::Title)
        .put(" come back on ", Role::Text)
        .put(host.as_str(), Role::Title);
    let containers = match preview.containers.len() {
        1 => "1 container that has ended".to_owned(),
        many => format!("{many} containers that have ended"),
    };
    let images = match preview.images.len() {
        1 => "1 image that nothing uses".to_owned(),
        many => format!("{many} images that nothing uses"),
    };
    let words = format!("{containers}, {images}");
    canvas.pen(from_head(area, 1)).put(&words, Role::Dim);
    let containers = preview.containers.iter().map(|(id, name)| {
        let id = id.as_str().get(..12).unwrap_or_default().to_owned();
        ("container", name.as_str(), id)
    });
    let images = preview
        .images
        .iter()
        .map(|(name, size)| ("image", name.as_str(), bytes(*size)));
    let shown = containers.chain(images).skip(*scroll);
    for (place, (kind, name, beside)) in (0..rows.height).zip(shown) {
        let mut pen = canvas.pen(row_of(rows, place));
        pen.at_end(&[(&beside, Role::Dim)]);
        pen.left(kind, 11, Role::Dim).put(name, Role::Text);
    }
    let foot = from_foot(area, 0);
    let last = (scroll + usize::from(rows.height)).min(length(dialog));
    if length(dialog) > usize::from(rows.height) {
        let words = format!("{}–{last} of {}", scroll + 1, length(dialog));
        canvas.pen(foot).at_end(&[(&words, Role::Dim)]);
    }
    buttons(canvas, foot, ("No", "Go on to the question"), Some(*button));
}
