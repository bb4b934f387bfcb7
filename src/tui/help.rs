//! The help (pure): the keys of a pane, made from the live keymap, searchable.

use super::action::{self, ActionSpec, Group, Place};
use super::keymap::Keymap;
use super::rows::Filter;

/// A line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpLine {
    /// A heading.
    Section(&'static str),
    /// An act.
    Act {
        /// Its keys, the first one first; empty where it has none.
        keys: String,
        /// Its name on the `:` line and in the config.
        name: &'static str,
        /// What it does.
        help: &'static str,
        /// Where it applies, when it is not here: only searches find those.
        elsewhere: Option<&'static str>,
    },
}

/// The help for a place; with something searched for, all acts that match, wherever they apply.
pub fn lines(place: Place, search: &str, keymap: &Keymap, replaying: bool) -> Vec<HelpLine> {
    let filter = Filter::new(search);
    let mut lines = Vec::new();
    for group in Group::ALL {
        let acts: Vec<HelpLine> = action::table()
            .iter()
            .filter(|spec| spec.group == group)
            .filter_map(|spec| line(spec, place, &filter, keymap, replaying))
            .collect();
        if !acts.is_empty() {
            lines.push(HelpLine::Section(group.title()));
            lines.extend(acts);
        }
    }
    lines
}

fn line(
    spec: &ActionSpec,
    place: Place,
    filter: &Filter,
    keymap: &Keymap,
    replaying: bool,
) -> Option<HelpLine> {
    let here = spec.places.contains(&place) || (replaying && spec.places.contains(&Place::Replay));
    let typed = if here {
        place
    } else {
        spec.places.first().copied().unwrap_or(place)
    };
    let keys: Vec<String> = keymap
        .keys_at(typed, spec.action)
        .map(|key| key.to_string())
        .collect();
    let keys = keys.join(" ");
    let wanted = if *filter == Filter::default() {
        here
    } else {
        filter.matches([spec.name, spec.help, keys.as_str()])
    };
    let elsewhere = match spec.places.first() {
        Some(first) if !here => Some(first.title()),
        _ => None,
    };
    wanted.then_some(HelpLine::Act {
        keys,
        name: spec.name,
        help: spec.help,
        elsewhere,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(lines: &[HelpLine]) -> Vec<&str> {
        lines
            .iter()
            .filter_map(|line| match line {
                HelpLine::Act { name, .. } => Some(*name),
                HelpLine::Section(_) => None,
            })
            .collect()
    }

    #[test]
    fn it_is_about_this_place_and_searches_all() {
        let keymap = Keymap::default();
        let list = lines(Place::List, "", &keymap, false);
        assert!(names(&list).contains(&"mark"));
        assert!(!names(&list).contains(&"stop"));
        let found = lines(Place::List, "signal", &keymap, false);
        assert_eq!(names(&found), ["stop"]);
        assert!(matches!(
            &found[1],
            HelpLine::Act { elsewhere: Some("Processes"), keys, .. } if keys == "x"
        ));
        assert_eq!(lines(Place::List, "xyzzy", &keymap, false), []);
        assert!(names(&lines(Place::List, "", &keymap, true)).contains(&"faster"));
    }
}
