//! The README says what the program says: its key table is the action table.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pilothouse::tui::action::{Group, table};
use pilothouse::tui::{Keymap, Place};

const BEGIN: &str =
    "<!-- keys: made from src/tui/action.rs; tests/it/readme.rs holds them equal -->\n";
const END: &str = "<!-- /keys -->";

#[test]
fn the_key_table_is_the_action_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("README.md has no key table");
    let (written, after) = rest
        .split_once(END)
        .expect("README.md's key table has no end");
    let wanted = keys();
    if std::env::vars().any(|(name, _)| name == "PILOTHOUSE_BLESS") {
        fs::write(&file, [before, BEGIN, &wanted, END, after].concat()).unwrap();
        return;
    }
    assert!(
        written == wanted,
        "README.md's key table is not the action table: PILOTHOUSE_BLESS=1 cargo test --test it readme\nwrites this:\n\n{wanted}"
    );
}

/// The host comes first: whoever copies a line must not be told that a runbook is no host.
#[test]
fn the_runbooks_that_it_names_are_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join("README.md")).unwrap();
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("pilothouse runbook "));
    let names: Vec<&str> = lines
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert!(!names.is_empty());
    for name in names {
        let file = here.join(format!("src/diagnose/runbooks/{name}.yaml"));
        assert!(file.is_file(), "no runbook is called {name}");
    }
}

/// Every act with its keys, section by section. Typing a line is as in any shell and left out.
fn keys() -> String {
    let keymap = Keymap::default();
    let mut text = String::from("| keys | name | what it does |\n|---|---|---|\n");
    for group in Group::ALL.into_iter().filter(|group| *group != Group::Type) {
        let _ = writeln!(text, "| **{}** | | |", group.title());
        for spec in table().iter().filter(|spec| spec.group == group) {
            let keys: Vec<String> = keymap
                .keys_of(spec.action)
                .iter()
                .map(|key| format!("`{}`", key.to_string().replace('|', "\\|")))
                .collect();
            let keys = if keys.is_empty() {
                format!("`:{}`", spec.name)
            } else {
                keys.join(" ")
            };
            let only = match spec.places {
                [place] if *place != Place::Replay => {
                    format!(" ({})", place.title().to_lowercase())
                }
                _ => String::new(),
            };
            let _ = writeln!(text, "| {keys} | `{}` | {}{only} |", spec.name, spec.help);
        }
    }
    text
}
