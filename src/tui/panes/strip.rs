//! The strip of hosts: each with glyph and word where they fit; else counts by state, then the worst by name.

use ratatui::layout::Rect;

use super::Scene;
use crate::domain::{At, HealthWord, HostId};
use crate::engine::{Fleet, Host};
use crate::text::width;
use crate::tui::power_words::act_words;
use crate::tui::theme::Role;
use crate::tui::ui::Ui;
use crate::tui::widgets::{Canvas, Pen, glyph, role_of, state_words};

/// Blank cells between two hosts.
const GAP: u16 = 3;

/// Names are cut to this in the strip: it is an overview.
const LONGEST_NAME: usize = 24;

/// Behind a host that is armed.
const ARMED: &str = " ⚑ armed";

/// One host in the strip.
struct Item<'a> {
    host: &'a Host,
    column: u16,
    words: String,
    /// A power act is under way.
    acting: bool,
    /// It is armed for something.
    armed: bool,
}

impl<'a> Item<'a> {
    fn new(host: &'a Host, column: u16, words: String, ui: &Ui) -> Self {
        let act = ui.power.act(&host.id).filter(|act| act.ended.is_none());
        Self {
            host,
            column,
            words: act.map_or(words, |act| act_words(act, ui.now)),
            acting: act.is_some(),
            armed: ui.power.is_armed(&host.id, ui.now),
        }
    }

    fn width(&self) -> u16 {
        let name = width(self.host.id.as_str()).min(LONGEST_NAME);
        let armed = if self.armed { width(ARMED) } else { 0 };
        u16::try_from(name + 3 + width(&self.words) + armed).unwrap_or(u16::MAX)
    }
}

/// Draws the strip.
pub(in crate::tui) fn strip(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let fleet = scene.fleet;
    let (counted, items) = place(fleet, scene.ui, area);
    let mut pen = canvas.pen(area);
    if counted {
        pen.skip(1);
        counts(&mut pen, fleet);
    }
    for item in items {
        pen.to(item.column);
        let chosen = scene.ui.selected.as_ref() == Some(&item.host.id);
        let name = crate::text::cut(item.host.id.as_str(), LONGEST_NAME);
        pen.put(&name, if chosen { Role::Title } else { Role::Dim });
        // What is being done to a host matters more than how it was before.
        if item.acting {
            pen.put(" ◌ ", Role::Busy).put(&item.words, Role::Warn);
        } else {
            state(&mut pen, item.host.word, &item.words);
        }
        if item.armed {
            pen.put(ARMED, Role::Warn);
        }
    }
}

/// The host at this column of the screen.
pub(in crate::tui) fn host_at(fleet: &Fleet, ui: &Ui, area: Rect, column: u16) -> Option<HostId> {
    let (_, items) = place(fleet, ui, area);
    items
        .iter()
        .find(|item| (item.column..item.column + item.width()).contains(&column))
        .map(|item| item.host.id.clone())
}

fn state(pen: &mut Pen<'_>, word: HealthWord, words: &str) {
    let role = role_of(word);
    pen.put(" ", Role::Text).put(glyph(word), role);
    // An `ok` that shouts would drown what is not.
    let role = if word == HealthWord::Ok {
        Role::Dim
    } else {
        role
    };
    pen.put(" ", role).put(words, role);
}

/// Where each host stands; the flag says that counts come first, because not all of them fit.
fn place<'a>(fleet: &'a Fleet, ui: &Ui, area: Rect) -> (bool, Vec<Item<'a>>) {
    let mut column = area.x + 1;
    let mut items = Vec::new();
    for host in &fleet.hosts {
        let item = Item::new(host, column, state_words(host, fleet.at), ui);
        let next = column.saturating_add(item.width());
        if next > area.right() {
            return (true, worst_first(fleet, ui, area));
        }
        items.push(item);
        column = next.saturating_add(GAP);
    }
    (false, items)
}

/// After the counts: hosts on which something is done or armed, then those that are not well, the worst first, as many as
/// fit.
fn worst_first<'a>(fleet: &'a Fleet, ui: &Ui, area: Rect) -> Vec<Item<'a>> {
    let mut sick: Vec<&Host> = fleet
        .hosts
        .iter()
        .map(std::convert::AsRef::as_ref)
        .filter(|host| host.word != HealthWord::Ok || is_handled(host, ui))
        .collect();
    sick.sort_by_key(|host| std::cmp::Reverse((is_handled(host, ui), host.word)));
    let counts: usize = tally(fleet)
        .map(|(word, n)| count_words(word, n).chars().count() + 2 + usize::from(GAP))
        .sum();
    let mut column = area.x + 1 + counts as u16 + 2;
    let mut items = Vec::new();
    for host in sick {
        let item = Item::new(host, column, short_words(host, fleet.at), ui);
        let next = column.saturating_add(item.width());
        if next > area.right() {
            break;
        }
        items.push(item);
        column = next.saturating_add(GAP);
    }
    items
}

/// Whether a person has their hands on it.
fn is_handled(host: &Host, ui: &Ui) -> bool {
    ui.power.is_armed(&host.id, ui.now)
        || ui
            .power
            .act(&host.id)
            .is_some_and(|act| act.ended.is_none())
}

/// Where room is short, the word and since when are worth more than the reason.
fn short_words(host: &Host, now: At) -> String {
    match host.word {
        HealthWord::Wedged | HealthWord::Down => {
            format!("{} {}", host.word.word(), now.since(host.since).words())
        }
        _ => state_words(host, now),
    }
}

/// How many hosts have each word, the worst first: what is cut at the right matters least.
fn tally(fleet: &Fleet) -> impl Iterator<Item = (HealthWord, usize)> + '_ {
    const WORDS: [HealthWord; 9] = [
        HealthWord::Wedged,
        HealthWord::Down,
        HealthWord::Driver,
        HealthWord::Tight,
        HealthWord::Hot,
        HealthWord::Stale,
        HealthWord::Asking,
        HealthWord::Connecting,
        HealthWord::Ok,
    ];
    WORDS
        .into_iter()
        .map(|word| {
            (
                word,
                fleet.hosts.iter().filter(|host| host.word == word).count(),
            )
        })
        .filter(|(_, n)| *n > 0)
}

fn count_words(word: HealthWord, n: usize) -> String {
    format!("{n} {}", word.word())
}

fn counts(pen: &mut Pen<'_>, fleet: &Fleet) {
    for (word, n) in tally(fleet) {
        let role = role_of(word);
        pen.put(glyph(word), role)
            .put(" ", role)
            .put(&count_words(word, n), role)
            .skip(GAP);
    }
    pen.put("│", Role::Faint);
}
