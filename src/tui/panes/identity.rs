//! The first line: who we are, whose fleet this is, what mode we are in, what the link costs, the time.

use ratatui::layout::Rect;

use super::Scene;
use crate::tui::layout::selected;
use crate::tui::theme::Role;
use crate::tui::ui::ReplayUi;
use crate::tui::widgets::{Canvas, clock};

/// Draws the line.
pub(in crate::tui) fn identity(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Scene { fleet, ui, .. } = scene;
    let time = clock(fleet.wall, &ui.zone);
    let link = link_words(scene);
    let mut pen = canvas.pen(area);
    pen.skip(1);
    let end = [
        (link.as_str(), Role::Dim),
        ("   ", Role::Dim),
        (time.as_str(), Role::Text),
        (" ", Role::Dim),
    ];
    if area.width >= 60 {
        pen.at_end(&end);
    } else if area.width >= 34 {
        pen.at_end(end.get(2..).unwrap_or_default());
    }
    pen.put("pilothouse", Role::Accent);
    let hosts = match fleet.hosts.len() {
        0 => "no hosts".to_owned(),
        1 => "1 host".to_owned(),
        n => format!("{n} hosts"),
    };
    for words in [&*fleet.name, hosts.as_str()] {
        pen.put(" · ", Role::Faint).put(words, Role::Dim);
    }
    let modes = [
        fleet.read_only.then(|| "READ-ONLY".to_owned()),
        ui.paused
            .as_ref()
            .map(|held| format!("PAUSED {}", ui.now.since(held.at).words())),
        ui.replay.map(replay_words),
        (ui.waiting > 0).then(|| "WORKING".to_owned()),
        (!ui.mouse).then(|| "MOUSE OFF".to_owned()),
    ];
    for mode in modes.into_iter().flatten() {
        pen.skip(2).put(&format!(" {mode} "), Role::Mode);
    }
}

fn link_words(scene: Scene<'_>) -> String {
    let trip = selected(scene.fleet, scene.ui).and_then(|host| host.round_trip);
    trip.map_or_else(String::new, |trip| {
        let ms = trip.as_secs_f64() * 1000.0;
        if ms < 10.0 {
            format!("link {ms:.1} ms")
        } else {
            format!("link {ms:.0} ms")
        }
    })
}

fn replay_words(replay: ReplayUi) -> String {
    let place = format!(
        "REPLAY {} of {}",
        minutes(replay.at.0),
        minutes(replay.end.0)
    );
    if replay.speed > 0.0 {
        format!("{place} ×{}", replay.speed)
    } else {
        format!("{place} held")
    }
}

fn minutes(ms: u64) -> String {
    format!("{}:{:02}", ms / 60_000, ms / 1000 % 60)
}
