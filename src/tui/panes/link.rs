//! The Link tab: how far we get rung by rung, the connection, ups and downs, alerts of this host.

use std::time::Duration;

use ratatui::layout::Rect;

use super::Scene;
use crate::domain::{At, HealthChange, HostAddress, Rung};
use crate::engine::{Alert, Fleet, Host, Link, Outcome};
use crate::text::SafeText;
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, clock, glyph, role_of, row_of, rule, wrap};

/// One row of the tab.
enum Row<'a> {
    Blank,
    Section(&'static str),
    Way,
    State,
    Rung(Rung),
    /// A line of why a rung fails or of its mend; only the first has a label.
    Text(&'static str, &'a str, Role),
    Change(&'a HealthChange),
    Alert(&'a Alert),
    Nothing(&'static str),
}

/// How many rows there are.
pub(super) fn length(fleet: &Fleet, host: &Host, cells: u16) -> usize {
    plan(fleet, host, cells).len()
}

fn plan<'a>(fleet: &'a Fleet, host: &'a Host, cells: u16) -> Vec<Row<'a>> {
    let mut rows = vec![Row::Section("connection"), Row::Way, Row::State, Row::Blank];
    rows.push(Row::Section("ladder"));
    for rung in Rung::ALL {
        rows.push(Row::Rung(rung));
        if let Outcome::Failed { why, hint, .. } = host.ladder.outcome(rung) {
            let mend = hint.as_ref().map(SafeText::as_str);
            rows.extend(text("why", why.as_str(), cells, Role::Text));
            rows.extend(
                mend.into_iter()
                    .flat_map(|mend| text("mend", mend, cells, Role::Title)),
            );
        }
    }
    rows.extend([Row::Blank, Row::Section("ups and downs")]);
    if host.changes.is_empty() {
        rows.push(Row::Nothing("none seen yet"));
    }
    rows.extend(host.changes.iter().rev().map(Row::Change));
    rows.extend([Row::Blank, Row::Section("alerts")]);
    let before = rows.len();
    rows.extend(
        fleet
            .alerts
            .iter()
            .rev()
            .filter(|alert| alert.host == host.id)
            .map(Row::Alert),
    );
    if rows.len() == before {
        rows.push(Row::Nothing("none"));
    }
    rows
}

fn text<'a>(
    label: &'static str,
    text: &'a str,
    cells: u16,
    role: Role,
) -> impl Iterator<Item = Row<'a>> {
    let lines = wrap(text, usize::from(cells.saturating_sub(10)));
    let label = std::iter::once(label).chain(std::iter::repeat(""));
    label
        .zip(lines)
        .map(move |(label, line)| Row::Text(label, line, role))
}

/// Draws the tab from a row on.
pub(super) fn link(
    canvas: &mut Canvas<'_>,
    area: Rect,
    scene: Scene<'_>,
    host: &Host,
    scroll: usize,
) {
    let rows = plan(scene.fleet, host, area.width);
    for (place, row) in (0..area.height).zip(rows.into_iter().skip(scroll)) {
        draw(canvas, row_of(area, place), scene, host, &row);
    }
}

fn draw(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, host: &Host, row: &Row<'_>) {
    let now = scene.fleet.at;
    match row {
        Row::Blank => {}
        Row::Section(title) => {
            rule(canvas, line, &format!(" {title}"), &[]);
        }
        Row::Way => {
            canvas
                .pen(line)
                .skip(1)
                .left("reached by", 12, Role::Dim)
                .put(&way(host), Role::Text);
        }
        Row::State => {
            let (words, role) = state(&host.link, now);
            let trip = host.round_trip.map(trip_words).unwrap_or_default();
            canvas
                .pen(line)
                .skip(1)
                .left("link", 12, Role::Dim)
                .put(&words, role)
                .put(&trip, Role::Dim);
        }
        Row::Rung(rung) => draw_rung(canvas, line, host, *rung, now),
        Row::Text(label, text, role) => {
            canvas
                .pen(line)
                .skip(3)
                .left(label, 6, Role::Dim)
                .put(text, *role);
        }
        Row::Change(change) => draw_change(canvas, line, scene, change),
        Row::Alert(alert) => draw_alert(canvas, line, alert, now),
        Row::Nothing(words) => {
            canvas.pen(line).skip(1).put(words, Role::Dim);
        }
    }
}

fn way(host: &Host) -> String {
    match &host.spec.address {
        HostAddress::Local => "this machine, without ssh".to_owned(),
        HostAddress::Ssh(spec) => {
            let user = spec
                .user
                .as_ref()
                .map_or_else(String::new, |user| format!("{}@", user.as_str()));
            let port = spec
                .port
                .map_or_else(String::new, |port| format!(" port {port}"));
            let jumps: Vec<&str> = spec.jump.iter().map(|jump| jump.host.as_str()).collect();
            let through = if jumps.is_empty() {
                String::new()
            } else {
                format!(" through {}", jumps.join(", "))
            };
            format!("ssh {user}{}{port}{through}", spec.host.as_str())
        }
    }
}

fn state(link: &Link, now: At) -> (String, Role) {
    match link {
        Link::Local => ("nothing to dial".to_owned(), Role::Ok),
        Link::Dialing { attempt: 1, since } => (
            format!("dialling for {}", now.since(*since).words()),
            Role::Busy,
        ),
        Link::Dialing { attempt, since } => (
            format!(
                "dialling for {}, attempt {attempt}",
                now.since(*since).words()
            ),
            Role::Busy,
        ),
        Link::Up { since } => (format!("up for {}", now.since(*since).words()), Role::Ok),
        Link::Waiting { until, why } => (
            format!("dialled again in {}: {why}", until.since(now).words()),
            Role::Bad,
        ),
        Link::Held { why } => (format!("waits for you: {why}"), Role::Bad),
    }
}

fn trip_words(trip: Duration) -> String {
    format!(" · round trip {:.1} ms", trip.as_secs_f64() * 1000.0)
}

fn draw_rung(canvas: &mut Canvas<'_>, line: Rect, host: &Host, rung: Rung, now: At) {
    let mut pen = canvas.pen(line);
    pen.skip(1);
    match host.ladder.outcome(rung) {
        Outcome::Untried => {
            pen.put("·", Role::Faint)
                .skip(1)
                .left(rung.word(), 12, Role::Dim)
                .put("not tried", Role::Faint);
        }
        Outcome::Holds { since } => {
            pen.put("✓", Role::Ok)
                .skip(1)
                .left(rung.word(), 12, Role::Text)
                .put(
                    &format!("holds for {}", now.since(*since).words()),
                    Role::Dim,
                );
        }
        Outcome::Failed { since, silent, .. } => {
            let silence = if *silent { "silent" } else { "fails" };
            let since = now.since(*since).words();
            pen.put("✖", Role::Bad)
                .skip(1)
                .left(rung.word(), 12, Role::Bad)
                .put(&format!("{silence} for {since}"), Role::Bad);
        }
    }
}

fn draw_change(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, change: &HealthChange) {
    let role = role_of(change.word);
    let ago = scene.fleet.wall.0.saturating_sub(change.wall.0);
    // Within a day the time of day says it all; before, how long ago.
    let when = if ago < 86_400_000 {
        clock(change.wall, &scene.ui.zone)
    } else {
        format!("{}d ago", ago / 86_400_000)
    };
    let mut pen = canvas.pen(line);
    pen.skip(1)
        .left(&when, 9, Role::Dim)
        .skip(1)
        .put(glyph(change.word), role)
        .skip(1)
        .put(change.word.word(), role);
    if let Some(rung) = change.rung {
        pen.put(&format!(" at {}", rung.word()), Role::Text);
    }
    // The rung is named once.
    let detail = change.detail.as_str();
    let detail = change
        .rung
        .and_then(|rung| detail.strip_prefix(rung.word()))
        .map_or(detail, |rest| rest.trim_start_matches([':', ' ']));
    if !detail.is_empty() {
        pen.put(": ", Role::Dim).put(detail, Role::Dim);
    }
}

fn draw_alert(canvas: &mut Canvas<'_>, line: Rect, alert: &Alert, now: At) {
    let (role, when) = match alert.until {
        None => (
            role_of(alert.word),
            format!("for {}", now.since(alert.since).words()),
        ),
        Some(until) => (
            Role::Stale,
            format!("until {} ago", now.since(until).words()),
        ),
    };
    canvas
        .pen(line)
        .skip(1)
        .put(glyph(alert.word), role)
        .skip(1)
        .left(alert.word.word(), 11, role)
        .put(&when, Role::Dim)
        .put(if alert.detail.is_empty() { "" } else { ": " }, Role::Dim)
        .put(alert.detail.as_str(), Role::Text);
}
