//! One row below the conversation: what Claude does now, for how long, and how it is stopped.

use super::transcript::trouble_above;
use crate::domain::{At, Wall};
use crate::engine::Phase;
use crate::text::SafeText;
use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::power_words::{act_words, can_be_called_off};
use crate::tui::talk::{left, seconds};
use crate::tui::theme::Role;
use crate::tui::ui_breakglass::{Part, TalkState, TalkView};
use crate::tui::widgets::Canvas;

/// Milliseconds of silence that are worth words.
const SILENT: u64 = 10_000;

/// Draws the row.
pub(super) fn status(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let pane = &scene.ui.breakglass;
    let mut pen = canvas.pen(scene.layout.talk.status);
    if let TalkView::From { seen, .. } = pane.view
        && pane.transcript.number > seen
    {
        let key = scene.keymap.label(Action::Bottom);
        pen.at_end(&[("▾ new below ", Role::Accent), (&key, Role::Key)]);
    }
    if let Some((what, since)) = carried(scene) {
        let ran = u64::try_from(scene.fleet.wall.0 - since.0).unwrap_or_default();
        let ran = seconds(std::time::Duration::from_millis(ran));
        // How it may be stopped comes before what it is, for that stands in the conversation as well.
        pen.put(turn(scene.fleet.at), Role::Busy)
            .skip(1)
            .put(&format!("under way {ran}"), Role::Busy)
            .put(" · can't be called off · ", Role::Dim)
            .put(what.as_str(), Role::Busy);
        return;
    }
    let (glyph, role, words) = phase(scene);
    if words.is_empty() {
        return;
    }
    pen.put(glyph, role).skip(1).put(&words, role);
    // Stopping Claude calls off nothing that was approved: here it would read as if it did.
    let is_carried =
        matches!(pane.transcript.phase, Phase::Waiting(_)) && !scene.ui.awaits(scene.fleet);
    let switched = scene.ui.switched();
    if switched.is_some_and(can_be_called_off)
        || switched.is_none() && stoppable(&pane.transcript.phase) && !is_carried
    {
        let stop = if pane.part == Part::Transcript {
            Action::Stop
        } else {
            Action::Interrupt
        };
        let key = scene.keymap.label(stop);
        pen.put(" · ", Role::Faint).put(&key, Role::Key).put(
            if switched.is_some() {
                " aborts it"
            } else {
                " stops"
            },
            Role::Dim,
        );
    }
}

fn stoppable(phase: &Phase) -> bool {
    matches!(
        phase,
        Phase::Starting(_) | Phase::Working { .. } | Phase::Retrying { .. } | Phase::Waiting(_)
    )
}

/// What was approved and is being carried out, while Claude does nothing else: what it is, and since when. A power act that can
/// be called off is told elsewhere, by its steps.
pub(super) fn carried(scene: Scene<'_>) -> Option<(&SafeText, Wall)> {
    let pane = &scene.ui.breakglass;
    if pane.state == TalkState::Opening || scene.ui.switched().is_some() {
        return None;
    }
    let is_quiet = match &pane.transcript.phase {
        Phase::Asleep | Phase::Idle | Phase::Dead(_) => true,
        Phase::Waiting(_) => !scene.ui.awaits(scene.fleet),
        Phase::Starting(_)
        | Phase::Working { .. }
        | Phase::Retrying { .. }
        | Phase::Stopping(_) => false,
    };
    let (proposal, wall) = scene.ui.carried().filter(|_| is_quiet)?;
    Some((&proposal.what, wall))
}

fn phase(scene: Scene<'_>) -> (&'static str, Role, String) {
    let now = scene.fleet.at;
    let since = |at: At| {
        let ran = std::time::Duration::from_millis(now.since(at).0);
        seconds(ran)
    };
    let pane = &scene.ui.breakglass;
    if pane.state == TalkState::Opening {
        return ("◌", Role::Busy, "opening a conversation".to_owned());
    }
    if let Some(act) = scene.ui.switched() {
        let words = format!("{} {}", act.host, act_words(act, now));
        return (turn(now), Role::Busy, words);
    }
    match &pane.transcript.phase {
        Phase::Asleep | Phase::Idle => match trouble_above(scene) {
            Some(sentence) => ("✖", Role::Bad, sentence.to_string()),
            None => ("", Role::Dim, String::new()),
        },
        Phase::Starting(at) => ("◌", Role::Busy, format!("starting Claude, {}", since(*at))),
        Phase::Working { since: at, heard } => {
            let silent = now.since(*heard).0;
            let words = if silent >= SILENT {
                let silent = silent / 1000;
                format!("working {}, silent for {silent} s", since(*at))
            } else {
                format!("working {}", since(*at))
            };
            let role = if silent >= 3 * SILENT {
                Role::Warn
            } else {
                Role::Busy
            };
            (turn(now), role, words)
        }
        Phase::Retrying {
            attempt,
            of,
            due,
            why,
        } => (
            "▲",
            Role::Warn,
            format!("{why}: try {attempt} of {of} in {}", left(*due, now)),
        ),
        // Decided, and not yet done: it is no longer the person who is waited for.
        Phase::Waiting(_) if !scene.ui.awaits(scene.fleet) => {
            (turn(now), Role::Busy, "does what was approved".to_owned())
        }
        Phase::Waiting(at) if pane.transcript.elsewhere.is_some() => {
            let words = format!("waits for a person at that console, {}", since(*at));
            ("?", Role::Warn, words)
        }
        Phase::Waiting(at) => ("?", Role::Warn, format!("waits for you, {}", since(*at))),
        Phase::Stopping(at) => ("◌", Role::Warn, format!("stopping, {}", since(*at))),
        Phase::Dead(why) => ("✖", Role::Bad, why.to_string()),
    }
}

/// It turns as the fleet's clock goes on.
fn turn(now: At) -> &'static str {
    const TURNS: [&str; 4] = ["◐", "◓", "◑", "◒"];
    let at = usize::try_from(now.0 / 250 % 4).unwrap_or(0);
    TURNS.get(at).copied().unwrap_or("◐")
}
