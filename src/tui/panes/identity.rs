//! The first line: who we are, whose fleet this is, what mode we are in, what the link costs, the time.

use ratatui::layout::Rect;

use super::Scene;
use crate::domain::BytesPerSecond;
use crate::engine::Link;
use crate::text::width;
use crate::tui::layout::selected;
use crate::tui::power_words::{armed_time, armed_words};
use crate::tui::theme::Role;
use crate::tui::ui::{ReplayUi, Ui};
use crate::tui::ui_breakglass::{Part, Shown};
use crate::tui::widgets::{Canvas, clock, rate};

/// Draws the line. Modes and the time come first; what the link and the screen cost is told where there is room left.
pub(in crate::tui) fn identity(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Scene { fleet, ui, .. } = scene;
    let hosts = match fleet.hosts.len() {
        0 => "no hosts".to_owned(),
        1 => "1 host".to_owned(),
        n => format!("{n} hosts"),
    };
    let name = ["pilothouse", &fleet.name, &hosts];
    let modes = modes(scene);
    let armed = armed(ui, area.width);
    let cells = |texts: &[String]| texts.iter().map(|text| width(text) + 2).sum::<usize>();
    let taken = name.iter().map(|text| width(text) + 3).sum::<usize>()
        + cells(&modes)
        + armed.as_ref().map_or(0, |words| width(words) + 2);

    let time = clock(fleet.wall, &ui.zone);
    let costs = [screen_words(ui), link_words(scene)];
    let room = usize::from(area.width).saturating_sub(taken + width(&time) + 2);
    let left_out = (0..costs.len())
        .find(|from| cells(costs.get(*from..).unwrap_or_default()) <= room)
        .unwrap_or(costs.len());
    let mut pen = canvas.pen(area);
    pen.skip(1);
    if area.width >= 34 {
        let mut end = Vec::new();
        for words in costs.iter().skip(left_out) {
            end.extend([(words.as_str(), Role::Dim), ("  ", Role::Dim)]);
        }
        end.extend([(time.as_str(), Role::Text), (" ", Role::Dim)]);
        pen.at_end(&end);
    }
    pen.put("pilothouse", Role::Accent);
    for words in name.into_iter().skip(1) {
        pen.put(" · ", Role::Faint).put(words, Role::Dim);
    }
    for mode in modes {
        pen.skip(2).put(&mode, Role::Mode);
    }
    if let Some(words) = armed {
        pen.skip(2).put(&words, Role::Armed);
    }
}

/// What is armed, and for how long. Loud: something dangerous is at hand. As long as the line has room for.
fn armed(ui: &Ui, room: u16) -> Option<String> {
    if room < 60 {
        return armed_time(&ui.power, ui.now).map(|time| format!(" ARMED {time} "));
    }
    armed_words(&ui.power, ui.now).map(|words| format!(" ARMED {words} "))
}

fn modes(scene: Scene<'_>) -> Vec<String> {
    let Scene { fleet, ui, .. } = scene;
    let modes = [
        fleet.read_only.then(|| "READ-ONLY".to_owned()),
        ui.paused
            .as_ref()
            .map(|held| format!("PAUSED {}", ui.now.since(held.at).words())),
        ui.replay.map(replay_words),
        (ui.waiting > 0).then(|| "WORKING".to_owned()),
        (!ui.mouse).then(|| "MOUSE OFF".to_owned()),
        talk_words(scene),
    ];
    let padded = |mode: String| format!(" {mode} ");
    modes.into_iter().flatten().map(padded).collect()
}

/// What goes on in the breakglass pane while it is out of sight: a proposal that waits is never missed.
fn talk_words(scene: Scene<'_>) -> Option<String> {
    let pane = &scene.ui.breakglass;
    match (scene.fleet.proposals.len(), pane.shown) {
        (0, Shown::Hidden) if pane.is_at_work() => Some("CLAUDE WORKS".to_owned()),
        (0, _) => None,
        (_, Shown::Focused) if pane.part == Part::Card => None,
        (1, _) => Some("1 PROPOSAL WAITS".to_owned()),
        (many, _) => Some(format!("{many} PROPOSALS WAIT")),
    }
}

/// How far the selected host is; as wide for each, so that its neighbours stand still.
fn link_words(scene: Scene<'_>) -> String {
    let words = match selected(scene.fleet, scene.ui) {
        Some(host) if host.link == Link::Local => "this machine".to_owned(),
        Some(host) => host.round_trip.map_or_else(String::new, |trip| {
            let ms = trip.as_secs_f64() * 1000.0;
            if ms < 10.0 {
                format!("link {ms:.1} ms")
            } else {
                format!("link {ms:.0} ms")
            }
        }),
        None => String::new(),
    };
    format!("{words:>12}")
}

/// What our own screen costs the terminal: on a thin line that counts as much as the hosts do.
fn screen_words(ui: &Ui) -> String {
    let cost = ui.cost.map(|cost| rate(BytesPerSecond(cost)));
    cost.map_or_else(|| " ".repeat(16), |cost| format!("screen {cost:>9}"))
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
