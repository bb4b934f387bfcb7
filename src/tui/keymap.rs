//! Which key does what where: the table's defaults, changed by the person's config. A clash is an error that names both.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use thiserror::Error;

use super::action::{self, Action, Place};
use crate::config::KeyBinding;

/// One key with its modifiers, in one spelling: shift stands apart only where the character does not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Keys that have a name instead of a character.
const NAMES: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
    ("minus", KeyCode::Char('-')),
];

impl Key {
    /// The key of an event.
    pub fn of(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }

    fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let mut modifiers =
            modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                // Terminals without the kitty protocol can't tell ctrl-P from ctrl-p.
                KeyCode::Char(if modifiers.contains(KeyModifiers::CONTROL) {
                    c.to_ascii_lowercase()
                } else {
                    c
                })
            }
            other => other,
        };
        Self { code, modifiers }
    }

    /// The character that this key types, if it types one.
    pub fn types(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() => Some(c),
            _ => None,
        }
    }
}

impl FromStr for Key {
    type Err = String;

    /// `g`, `G`, `ctrl-p`, `shift-tab`, `f1`, `space`; modifiers `ctrl-` (or `c-`), `alt-`, `shift-` in any order.
    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("`{text}` is no key");
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        while let Some((modifier, more)) = rest.split_once('-').filter(|(_, more)| !more.is_empty())
        {
            modifiers |= match modifier.to_ascii_lowercase().as_str() {
                "ctrl" | "control" | "c" => KeyModifiers::CONTROL,
                "alt" | "meta" | "m" => KeyModifiers::ALT,
                "shift" | "s" => KeyModifiers::SHIFT,
                _ => return Err(unknown()),
            };
            rest = more;
        }
        let mut characters = rest.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(c), None) if modifiers.contains(KeyModifiers::SHIFT) => {
                KeyCode::Char(c.to_ascii_uppercase())
            }
            (Some(c), None) => KeyCode::Char(c),
            _ => named(&rest.to_ascii_lowercase()).ok_or_else(unknown)?,
        };
        Ok(Self::new(code, modifiers))
    }
}

fn named(name: &str) -> Option<KeyCode> {
    if let Some(number) = name.strip_prefix('f').and_then(|n| n.parse().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    let name = match name {
        "escape" => "esc",
        "return" => "enter",
        "del" => "delete",
        "pgup" => "pageup",
        "pgdn" | "pgdown" => "pagedown",
        other => other,
    };
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, code)| *code)
}

impl fmt::Display for Key {
    /// As it is shown to a person: `Ctrl-P`, `S-Tab`, `F1`, `Space`, `g`, `G`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            text.push_str("Ctrl-");
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            text.push_str("Alt-");
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            text.push_str("S-");
        }
        match self.code {
            KeyCode::Char(' ') => text.push_str("Space"),
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                text.push(c.to_ascii_uppercase());
            }
            KeyCode::Char(c) => text.push(c),
            KeyCode::F(n) => text.extend([String::from("F"), n.to_string()]),
            KeyCode::Up => text.push('↑'),
            KeyCode::Down => text.push('↓'),
            KeyCode::Left => text.push('←'),
            KeyCode::Right => text.push('→'),
            KeyCode::PageUp => text.push_str("PgUp"),
            KeyCode::PageDown => text.push_str("PgDn"),
            code => text.push_str(title(code)),
        }
        f.pad(&text)
    }
}

fn title(code: KeyCode) -> &'static str {
    match code {
        KeyCode::Enter => "Enter",
        KeyCode::Esc => "Esc",
        KeyCode::Tab => "Tab",
        KeyCode::Backspace => "Backspace",
        KeyCode::Delete => "Del",
        KeyCode::Insert => "Ins",
        KeyCode::Home => "Home",
        KeyCode::End => "End",
        _ => "?",
    }
}

/// What is wrong with a remapped key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// No act has this name.
    #[error("no action is called `{name}`")]
    UnknownAction {
        /// As written.
        name: String,
        /// The nearest there is.
        nearest: Option<&'static str>,
    },
    /// No key is written like this.
    #[error("{0}")]
    UnknownKey(String),
    /// Two acts want one key at one place.
    #[error("`{key}` is wanted by `{first}` and by `{second}`")]
    Clash {
        /// The key.
        key: String,
        /// The act that has it.
        first: &'static str,
        /// The act that wants it too.
        second: &'static str,
    },
    /// A character that is needed for typing.
    #[error("`{key}` types a character, so `{action}` can't have it while a line is typed")]
    Types {
        /// The key.
        key: String,
        /// The act.
        action: &'static str,
    },
}

impl KeyFault {
    /// The mend.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownAction {
                nearest: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            Self::UnknownAction { nearest: None, .. } => "`?` in the console lists all".into(),
            Self::UnknownKey(_) => "write `g`, `ctrl-p`, `shift-tab`, `f1`, `space`".into(),
            Self::Clash { first, second, .. } => {
                format!("give `{first}` or `{second}` another key")
            }
            Self::Types { .. } => "use a key with ctrl or alt, or a named key".into(),
        }
    }
}

/// A fault and the line of the config that it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// Line in the file, where known.
    pub line: Option<u64>,
    /// What is wrong.
    pub fault: KeyFault,
}

/// Which key does what where.
#[derive(Debug, Clone)]
pub struct Keymap {
    keys: Vec<(Action, Vec<Key>)>,
    lookup: HashMap<(Place, Key), Action>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::build(&[]).0
    }
}

impl Keymap {
    /// The table's keys, changed by these bindings. A binding that is wrong changes nothing and is told of, so that a typo
    /// leaves every other key as it was.
    pub fn build(bindings: &[KeyBinding]) -> (Self, Vec<KeyProblem>) {
        let mut keys = defaults();
        let mut problems = Vec::new();
        let mut changed = Vec::new();
        for binding in bindings {
            match parse(binding) {
                Ok((action, wanted)) => {
                    if let Some((_, keys)) = keys.iter_mut().find(|(of, _)| *of == action) {
                        *keys = wanted;
                        changed.push((action, binding.line));
                    }
                }
                Err(fault) => problems.push(KeyProblem {
                    line: binding.line,
                    fault,
                }),
            }
        }
        while let Some((fault, culprit)) = first_clash(&keys, &changed) {
            let line = changed
                .iter()
                .find(|(action, _)| *action == culprit)
                .and_then(|(_, line)| *line);
            problems.push(KeyProblem { line, fault });
            restore(&mut keys, culprit);
            changed.retain(|(action, _)| *action != culprit);
        }
        let mut lookup = HashMap::new();
        for (action, keys) in &keys {
            for place in places(*action) {
                lookup.extend(keys.iter().map(|key| ((*place, *key), *action)));
            }
        }
        (Self { keys, lookup }, problems)
    }

    /// What this key does at this place.
    pub fn action(&self, place: Place, key: Key) -> Option<Action> {
        if types_at(place) && key.types().is_some() {
            return None;
        }
        self.lookup.get(&(place, key)).copied()
    }

    /// The keys of an act, first the one to show.
    pub fn keys_of(&self, action: Action) -> &[Key] {
        self.keys
            .iter()
            .find(|(of, _)| *of == action)
            .map_or(&[], |(_, keys)| keys.as_slice())
    }

    /// The key to show for an act in a hint at this place; empty where it has none there. Where letters are typed, a letter
    /// is none.
    pub fn label_at(&self, place: Place, action: Action) -> String {
        let key = self.keys_at(place, action).next();
        key.map(|key| key.to_string()).unwrap_or_default()
    }

    /// The keys of an act that do it at this place, first the one to show.
    pub fn keys_at(&self, place: Place, action: Action) -> impl Iterator<Item = Key> {
        let keys = self.keys_of(action).iter().copied();
        keys.filter(move |key| !types_at(place) || key.types().is_none())
    }

    /// The key to show for an act in a hint; empty where it has none.
    pub fn label(&self, action: Action) -> String {
        self.keys_of(action)
            .first()
            .map(Key::to_string)
            .unwrap_or_default()
    }
}

fn types_at(place: Place) -> bool {
    matches!(place, Place::Text | Place::Composer)
}

fn places(action: Action) -> &'static [Place] {
    action.spec().map_or(&[], |spec| spec.places)
}

fn default_keys(keys: &[&str]) -> Vec<Key> {
    keys.iter().filter_map(|key| key.parse().ok()).collect()
}

fn defaults() -> Vec<(Action, Vec<Key>)> {
    action::table()
        .iter()
        .map(|spec| (spec.action, default_keys(spec.keys)))
        .collect()
}

fn restore(keys: &mut [(Action, Vec<Key>)], action: Action) {
    let default = default_keys(action.spec().map_or(&[], |spec| spec.keys));
    if let Some((_, keys)) = keys.iter_mut().find(|(of, _)| *of == action) {
        *keys = default;
    }
}

fn parse(binding: &KeyBinding) -> Result<(Action, Vec<Key>), KeyFault> {
    let action = Action::named(&binding.action).ok_or_else(|| KeyFault::UnknownAction {
        name: binding.action.clone(),
        nearest: action::nearest(
            &binding.action,
            action::table().iter().map(|spec| spec.name),
        ),
    })?;
    let keys = binding
        .keys
        .iter()
        .map(|key| key.parse().map_err(KeyFault::UnknownKey))
        .collect::<Result<Vec<Key>, _>>()?;
    let only_text = places(action)
        .iter()
        .all(|place| matches!(place, Place::Text | Place::Composer));
    match keys.iter().find(|key| only_text && key.types().is_some()) {
        Some(key) => Err(KeyFault::Types {
            key: key.to_string(),
            action: action.name(),
        }),
        None => Ok((action, keys)),
    }
}

/// The first pair of acts that want one key at one place, and the changed one of the two, which has to give way.
fn first_clash(
    keys: &[(Action, Vec<Key>)],
    changed: &[(Action, Option<u64>)],
) -> Option<(KeyFault, Action)> {
    let is_changed = |action: Action| changed.iter().any(|(of, _)| *of == action);
    for (index, (first, first_keys)) in keys.iter().enumerate() {
        for (second, second_keys) in keys.iter().skip(index + 1) {
            let meet = places(*first).iter().any(|p| places(*second).contains(p));
            let shared = first_keys.iter().find(|key| second_keys.contains(key));
            if let (true, Some(key)) = (meet, shared) {
                let culprit = if is_changed(*second) { *second } else { *first };
                let fault = KeyFault::Clash {
                    key: key.to_string(),
                    first: first.name(),
                    second: second.name(),
                };
                // Two defaults can't clash (a test holds that); without a culprit there would be no end.
                return is_changed(culprit).then_some((fault, culprit));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    fn bind(action: &str, keys: &[&str]) -> KeyBinding {
        KeyBinding {
            action: action.into(),
            keys: keys.iter().map(|k| (*k).to_owned()).collect(),
            line: Some(7),
        }
    }

    #[test]
    fn keys_are_read_and_shown() {
        for (written, shown) in [
            ("g", "g"),
            ("G", "G"),
            ("shift-g", "G"),
            ("ctrl-p", "Ctrl-P"),
            ("c-P", "Ctrl-P"),
            ("shift-tab", "S-Tab"),
            ("f1", "F1"),
            ("space", "Space"),
            ("-", "-"),
            ("ctrl--", "Ctrl--"),
            ("alt-backspace", "Alt-Backspace"),
            ("pgup", "PgUp"),
            ("é", "é"),
        ] {
            assert_eq!(key(written).to_string(), shown, "{written}");
        }
        for wrong in ["", "ctrl-", "hyper-x", "f25", "gg", "ctrl-nope"] {
            assert!(wrong.parse::<Key>().is_err(), "{wrong}");
        }
        let back_tab = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(Key::of(back_tab), key("shift-tab"));
        let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(Key::of(shifted), key("G"));
    }

    #[test]
    fn the_defaults_all_parse_and_never_clash() {
        for spec in action::table() {
            for written in spec.keys {
                let key = key(written);
                for place in spec.places {
                    let is_typed = matches!(place, Place::Text | Place::Composer);
                    if is_typed && key.types().is_some() {
                        continue;
                    }
                    assert_eq!(
                        Keymap::default().action(*place, key),
                        Some(spec.action),
                        "{} at {place:?}",
                        spec.name
                    );
                }
            }
        }
        assert!(first_clash(&defaults(), &[]).is_none());
    }

    #[test]
    fn a_remapped_key_moves_and_its_old_key_is_free() {
        let (map, problems) = Keymap::build(&[bind("pause", &["K", "ctrl-s"])]);
        assert_eq!(problems, []);
        assert_eq!(map.action(Place::List, key("K")), Some(Action::Pause));
        assert_eq!(map.action(Place::List, key("ctrl-s")), Some(Action::Pause));
        assert_eq!(map.action(Place::List, key("p")), None);
        assert_eq!(map.label(Action::Pause), "K");
    }

    #[test]
    fn two_acts_may_swap_their_keys() {
        let (map, problems) = Keymap::build(&[bind("pause", &["z"]), bind("zoom", &["p"])]);
        assert_eq!(problems, []);
        assert_eq!(map.action(Place::List, key("z")), Some(Action::Pause));
    }

    #[test]
    fn wrong_bindings_change_nothing_and_say_why() {
        let (map, problems) = Keymap::build(&[
            bind("pause", &["z"]),
            bind("zom", &["Z"]),
            bind("span", &["hyper-x"]),
            bind("submit", &["x"]),
        ]);
        let told: Vec<String> = problems
            .iter()
            .map(|p| format!("{}; {}", p.fault, p.fault.hint()))
            .collect();
        assert_eq!(
            told,
            [
                "no action is called `zom`; did you mean `zoom`?",
                "`hyper-x` is no key; write `g`, `ctrl-p`, `shift-tab`, `f1`, `space`",
                "`x` types a character, so `submit` can't have it while a line is typed; \
                 use a key with ctrl or alt, or a named key",
                "`z` is wanted by `zoom` and by `pause`; give `zoom` or `pause` another key",
            ]
        );
        assert_eq!(map.action(Place::List, key("z")), Some(Action::Zoom));
        assert_eq!(map.action(Place::List, key("p")), Some(Action::Pause));
    }

    #[test]
    fn a_letter_never_acts_while_a_line_is_typed() {
        let map = Keymap::default();
        for c in ' '..='~' {
            let key = Key::new(KeyCode::Char(c), KeyModifiers::NONE);
            assert_eq!(map.action(Place::Text, key), None, "{c}");
            assert_eq!(map.action(Place::Composer, key), None, "{c}");
        }
        assert_eq!(map.action(Place::Text, key("f1")), Some(Action::Help));
    }
}
