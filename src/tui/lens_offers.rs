//! What the source picker lists (pure): what each host offers, host by host, narrowed by a few letters.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::ui_lens::{LensUi, Offers};
use crate::domain::{ContainerState, HostId};
use crate::engine::{Fleet, Host, Link, SourceAddress, SourceOffer, SourceSpec};

/// One source that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRow {
    /// Its address.
    pub address: SourceAddress,
    /// What kind of source it is, in a word.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub detail: String,
    /// Why it can't be read, with the mend.
    pub refused: Option<String>,
    /// Whether it is the first one of its host in the list.
    pub heads: bool,
}

/// The sources that match, host by host in the order of the fleet.
pub fn rows(lens: &LensUi, fleet: &Fleet, search: &str) -> Vec<OfferRow> {
    let mut matches = matcher(search);
    let mut rows: Vec<OfferRow> = Vec::new();
    for host in &fleet.hosts {
        let offers = offers(lens, host);
        let begin = rows.len();
        let of_host = offers
            .into_iter()
            .map(|offer| row(Some(host.id.clone()), offer))
            .chain(unlisted(lens, Some(&host.id)))
            .filter(|row| matches(row));
        for row in of_host {
            // What is looked at and offered too is one source.
            if rows
                .iter()
                .skip(begin)
                .all(|known| known.address != row.address)
            {
                rows.push(row);
            }
        }
        if let Some(first) = rows.get_mut(begin) {
            first.heads = true;
        }
    }
    let begin = rows.len();
    let here = ours(lens).filter(|row| matches(row));
    rows.extend(here);
    if let Some(first) = rows.get_mut(begin) {
        first.heads = true;
    }
    rows
}

/// The sources of one host that match.
pub fn of_one(lens: &LensUi, host: &Host, search: &str) -> Vec<OfferRow> {
    let mut matches = matcher(search);
    let id = &host.id;
    offers(lens, host)
        .into_iter()
        .map(|offer| row(Some(id.clone()), offer))
        .filter(|row| matches(row))
        .collect()
}

/// Hosts that are still asked, and those that could not tell, with why.
pub fn unanswered(lens: &LensUi) -> (Vec<&HostId>, Vec<(&HostId, &str)>) {
    let asked = lens.offers.iter().filter(|(_, of)| *of == Offers::Asked);
    let failed = lens.offers.iter().filter_map(|(host, of)| match of {
        Offers::Failed(refusal) => Some((host, refusal.why.as_str())),
        _ => None,
    });
    (asked.map(|(host, _)| host).collect(), failed.collect())
}

/// The sources that say most of a host: its running containers, and its kernel.
pub fn of_host(host: &Host) -> Vec<SourceAddress> {
    running(host)
        .map(|name| SourceSpec::Container(name.to_owned()))
        .chain([SourceSpec::Kernel])
        .map(|spec| SourceAddress {
            host: Some(host.id.clone()),
            spec,
        })
        .collect()
}

fn running(host: &Host) -> impl Iterator<Item = &str> {
    host.containers
        .list
        .iter()
        .filter(|container| container.state == ContainerState::Running)
        .map(|container| container.name.as_str())
}

/// Whether a host can be asked for its sources now.
pub fn can_be_asked(host: &Host) -> bool {
    matches!(host.link, Link::Local | Link::Up { .. })
}

/// What a host offers; until it has answered, what is known of it anyway.
fn offers(lens: &LensUi, host: &Host) -> Vec<SourceOffer> {
    let told = lens.offers.iter().find(|(id, _)| *id == host.id);
    if let Some((_, Offers::Known(offers))) = told {
        return offers.clone();
    }
    let plain = |spec, detail: &str| SourceOffer {
        spec,
        detail: detail.into(),
        refused: None,
    };
    let mut known: Vec<SourceOffer> = host
        .containers
        .list
        .iter()
        .map(|container| {
            let name = container.name.to_string();
            plain(SourceSpec::Container(name), container.state.word())
        })
        .collect();
    if can_be_asked(host) {
        known.push(plain(SourceSpec::Kernel, ""));
    }
    known
}

/// Sources of a host that are looked at, though nobody offered them.
fn unlisted(lens: &LensUi, host: Option<&HostId>) -> impl Iterator<Item = OfferRow> {
    lens.sources
        .iter()
        .filter(move |address| address.host.as_ref() == host)
        .map(|address| {
            let offer = SourceOffer {
                spec: address.spec.clone(),
                detail: "shown".into(),
                refused: None,
            };
            row(address.host.clone(), offer)
        })
}

/// What belongs to no host: our own actions, and what was named without one.
fn ours(lens: &LensUi) -> impl Iterator<Item = OfferRow> {
    let actions = SourceOffer {
        spec: SourceSpec::Actions,
        detail: "what was done from here".into(),
        refused: None,
    };
    let named = unlisted(lens, None).filter(|row| row.address.spec != SourceSpec::Actions);
    std::iter::once(row(None, actions)).chain(named)
}

fn row(host: Option<HostId>, offer: SourceOffer) -> OfferRow {
    let (kind, name) = words(&offer.spec);
    OfferRow {
        kind,
        name,
        detail: offer.detail.to_string(),
        refused: offer.refused.map(|(why, hint)| match hint {
            Some(hint) => format!("{why} · {hint}"),
            None => why.to_string(),
        }),
        address: SourceAddress {
            host,
            spec: offer.spec,
        },
        heads: false,
    }
}

/// The kind of a source and its name.
pub fn words(spec: &SourceSpec) -> (&'static str, String) {
    match spec {
        SourceSpec::Container(name) => ("container", name.clone()),
        SourceSpec::Unit(name) => ("unit", name.clone()),
        SourceSpec::File(path) => ("file", path.as_str().to_owned()),
        SourceSpec::Kernel => ("kernel", "ring".to_owned()),
        SourceSpec::Actions => ("actions", "ledger".to_owned()),
    }
}

fn matcher(search: &str) -> impl FnMut(&OfferRow) -> bool {
    let pattern = Pattern::new(
        search,
        CaseMatching::Ignore,
        Normalization::Smart,
        AtomKind::Fuzzy,
    );
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    move |row| {
        let text = format!("{} {}", row.address, row.detail);
        let haystack = Utf32Str::new(&text, &mut buffer);
        pattern.score(haystack, &mut matcher).is_some()
    }
}
