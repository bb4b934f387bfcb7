//! What is wrong with the host, why, what mends it, when it was last seen.

use ratatui::layout::Rect;

use super::super::Scene;
use super::plan::Row;
use crate::domain::{At, HealthWord, Rung};
use crate::engine::{Host, Link, Outcome};
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, age_words, glyph, role_of, state_words, wrap};

/// Cells of the label at the left.
const LABEL: u16 = 7;

/// Cells for a text beside its label, in a box of this inside.
pub(super) fn room(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(2 + LABEL))
}

/// The first failing rung's reason, and its mend; empty where no rung fails.
pub(super) fn texts(host: &Host) -> (String, String) {
    for rung in Rung::ALL {
        if let Outcome::Failed { why, hint, .. } = host.ladder.outcome(rung) {
            let mend = hint.as_ref().map(ToString::to_string);
            return (format!("{}: {why}", rung.word()), mend.unwrap_or_default());
        }
    }
    (String::new(), String::new())
}

fn line_of(text: &str, line: Rect, of: usize) -> &str {
    let cells = usize::from(line.width.saturating_sub(LABEL));
    wrap(text, cells).get(of).copied().unwrap_or_default()
}

/// Draws one of the rows.
pub(super) fn draw(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, host: &Host, row: Row) {
    let now = scene.fleet.at;
    let mut pen = canvas.pen(line);
    match row {
        Row::Verdict => {
            let role = role_of(host.word);
            pen.put(glyph(host.word), role)
                .skip(1)
                .put(&verdict(host, now), role);
            pen.put(" · ", Role::Faint)
                .put(&next(scene, host), Role::Dim);
        }
        Row::Why(of) => {
            let (why, _) = texts(host);
            pen.left(if of == 0 { "why" } else { "" }, LABEL, Role::Dim)
                .put(line_of(&why, line, of), Role::Text);
        }
        Row::Mend(of) => {
            let (_, mend) = texts(host);
            pen.left(if of == 0 { "mend" } else { "" }, LABEL, Role::Dim)
                .put(line_of(&mend, line, of), Role::Title);
        }
        Row::Seen => {
            let words = match host.seen {
                Some(_)
                    if host.machine.is_none()
                        && matches!(host.link, Link::Up { .. } | Link::Local) =>
                {
                    "just now; the first reading is on its way".to_owned()
                }
                // It may take a connection still when it gives no values any more.
                Some(seen) => {
                    let values = host.machine.as_ref().map_or_else(String::new, |read| {
                        let old = age_words(now.since(read.at));
                        format!("; the values below are {old}")
                    });
                    format!("last seen {} ago{values}", now.since(seen).words())
                }
                None => "never seen in this session".to_owned(),
            };
            pen.left("seen", LABEL, Role::Dim).put(&words, Role::Dim);
        }
        Row::Condition => {
            if let Some(read) = &host.gpus {
                let role = if host.word == HealthWord::Driver {
                    Role::Bad
                } else {
                    Role::Dim
                };
                pen.left("gpu", LABEL, Role::Dim)
                    .put(&read.value.condition.words(), role);
            }
        }
        _ => {}
    }
}

/// The state; what the next rows say in full is not said here, cut short.
fn verdict(host: &Host, now: At) -> String {
    if texts(host).0.is_empty() {
        state_words(host, now)
    } else {
        format!("{} {}", host.word.word(), now.since(host.since).words())
    }
}

/// What happens next by itself, or what the person can do.
fn next(scene: Scene<'_>, host: &Host) -> String {
    let now = scene.fleet.at;
    match &host.link {
        Link::Local => "this machine".to_owned(),
        Link::Dialing { attempt, since } => {
            let words = format!("dialling for {}", now.since(*since).words());
            if *attempt > 1 {
                format!("{words}, attempt {attempt}")
            } else {
                words
            }
        }
        Link::Up { .. } => "the link is up".to_owned(),
        Link::Waiting { until, .. } => {
            format!("dialled again in {}", until.since(now).words())
        }
        Link::Held { .. } => "waits for you".to_owned(),
    }
}
