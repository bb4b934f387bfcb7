//! The palette (pure): acts and hosts by a few letters, the best match first.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::action::{self, Action};
use crate::domain::HostId;
use crate::engine::Fleet;

/// Something the palette offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What choosing it does.
    pub target: Target,
    /// What is shown, and searched.
    pub text: String,
    /// Characters of the text that matched, by number, rising.
    pub hits: Vec<u32>,
}

/// What choosing a palette entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An act.
    Act(Action),
    /// Going to a host.
    Host(HostId),
}

/// The entries that match, best first; all, acts before hosts, while nothing is typed.
pub fn entries(search: &str, fleet: &Fleet) -> Vec<Entry> {
    let all = action::table()
        .iter()
        .filter(|spec| spec.action.is_verb())
        .map(|spec| {
            (
                Target::Act(spec.action),
                format!("{}: {}", spec.name, spec.help),
            )
        })
        .chain(fleet.hosts.iter().map(|host| {
            let text = format!("{}: go to this host ({})", host.id, host.word.word());
            (Target::Host(host.id.clone()), text)
        }));
    let pattern = Pattern::new(
        search,
        CaseMatching::Ignore,
        Normalization::Smart,
        AtomKind::Fuzzy,
    );
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, Entry)> = all
        .filter_map(|(target, text)| {
            let mut hits = Vec::new();
            let haystack = Utf32Str::new(&text, &mut buffer);
            let score = pattern.indices(haystack, &mut matcher, &mut hits)?;
            hits.sort_unstable();
            hits.dedup();
            Some((score, Entry { target, text, hits }))
        })
        .collect();
    // Stable: entries of one score stay in the table's order.
    found.sort_by_key(|found| std::cmp::Reverse(found.0));
    found.into_iter().map(|(_, entry)| entry).collect()
}
