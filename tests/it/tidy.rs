//! The house rules as a test: floors, file and function length, module docs, front doors.
//! The table below is the law; a room that is missing in it fails as well.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, its floor, and the rooms of its own floor that it may see beside every floor below that `sees` allows.
struct Room {
    name: &'static str,
    floor: u8,
    beside: &'static [&'static str],
}

const fn room(name: &'static str, floor: u8, beside: &'static [&'static str]) -> Room {
    Room {
        name,
        floor,
        beside,
    }
}

/// Floor by floor. `machine` may see `gpu` because one script on a host speaks for both; `docker` gives sources of `follow`.
const ROOMS: &[Room] = &[
    room("domain", 0, &["text", "shell"]),
    room("shell", 0, &[]),
    room("text", 0, &[]),
    room("clock", 1, &[]),
    room("tasks", 1, &[]),
    room("config", 1, &["clock", "tasks"]),
    room("ssh", 1, &["clock", "tasks"]),
    room("exec", 1, &["clock", "tasks", "ssh"]),
    room("store", 1, &["clock", "tasks"]),
    room("telemetry", 1, &["clock", "tasks"]),
    room("gpu", 2, &[]),
    room("machine", 2, &["gpu"]),
    room("reach", 2, &[]),
    room("follow", 2, &[]),
    room("docker", 2, &["follow"]),
    room("jobs", 2, &[]),
    room("capacity", 2, &[]),
    room("diagnose", 2, &[]),
    room("logs", 3, &[]),
    room("models", 3, &[]),
    room("services", 3, &[]),
    room("apps", 3, &[]),
    room("power", 3, &[]),
    room("assistant", 3, &[]),
    room("engine", 4, &[]),
    room("tui", 5, &[]),
    room("cli", 5, &["tui", "demo", "mcp"]),
    room("mcp", 5, &[]),
    room("demo", 5, &[]),
];

/// Faces see the engine, the configuration and the words; never the ground or the machines.
/// `cli` starts the program, so it also winds the clock, opens the log and the store and picks the face.
const FACES_SEE: &[&str] = &["engine", "config", "domain", "shell", "text"];
const CLI_ALSO: &[&str] = &["clock", "tasks", "telemetry", "store", "exec", "ssh", "gpu"];
/// The demo is a world of its own: it plays the far side of SSH.
const DEMO_SEES: &[&str] = &[
    "config", "domain", "shell", "text", "clock", "tasks", "machine",
];

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 60;

#[test]
fn imports_only_go_down() {
    let mut faults = String::new();
    for file in sources() {
        let Some(here) = room_of(&file) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for target in imports(line) {
                if target == here.name || allowed(here, target) {
                    continue;
                }
                let _ = writeln!(
                    faults,
                    "{}:{}: {} (floor {}) may not see {target}",
                    file.display(),
                    number + 1,
                    here.name,
                    here.floor
                );
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn files_and_functions_stay_short() {
    let mut faults = String::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let production: Vec<&str> = text
            .lines()
            .take_while(|line| *line != "mod tests {")
            .collect();
        if production.len() > LONGEST_FILE {
            let _ = writeln!(faults, "{}: {} lines", file.display(), production.len());
        }
        for (start, length) in long_functions(&production) {
            let _ = writeln!(
                faults,
                "{}:{start}: a function of {length} lines",
                file.display()
            );
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut faults = String::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let docs = text.lines().take_while(|l| l.starts_with("//!")).count();
        let map = file.ends_with("src/lib.rs");
        if docs == 0 || (docs > 3 && !map) {
            let _ = writeln!(
                faults,
                "{}: opens with {docs} `//!` lines, one to three are wanted",
                file.display()
            );
        }
        if file.ends_with("mod.rs") && text.contains("\nfn ") {
            let _ = writeln!(faults, "{}: a front door holds no logic", file.display());
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn every_room_is_in_the_table() {
    for entry in fs::read_dir(source_root()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(
                ROOMS.iter().any(|room| room.name == name),
                "src/{name} has no floor in tests/it/tidy.rs"
            );
        }
    }
}

#[test]
fn the_map_names_every_room_on_its_floor() {
    let map = fs::read_to_string(source_root().join("lib.rs")).unwrap();
    for room in ROOMS.iter().filter(|room| room.name != "demo") {
        let row = format!("//! | {} ", room.floor);
        let rooms = map
            .lines()
            .find(|line| line.starts_with(&row))
            .and_then(|line| line.split('|').nth(2))
            .unwrap_or_default();
        assert!(
            rooms.contains(&format!("[`{}`]", room.name)),
            "src/lib.rs does not name {} on floor {}",
            room.name,
            room.floor
        );
    }
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![source_root()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn room_of(file: &Path) -> Option<&'static Room> {
    let inside = file.strip_prefix(source_root()).unwrap();
    let name = inside.components().next()?.as_os_str().to_str()?;
    ROOMS.iter().find(|room| room.name == name)
}

/// Rooms that a line of code names as `crate::room`. A list, `crate::{…}`, would hide them: it is told as a room that
/// nobody may see.
fn imports(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::")
        .skip(1)
        .map(|rest| {
            let end = rest
                .find(|c: char| !c.is_ascii_lowercase() && c != '_')
                .unwrap_or(rest.len());
            if rest.starts_with('{') {
                "{"
            } else {
                &rest[..end]
            }
        })
        .filter(|name| *name == "{" || ROOMS.iter().any(|room| room.name == *name))
        .collect()
}

fn allowed(here: &Room, target: &str) -> bool {
    let Some(there) = ROOMS.iter().find(|room| room.name == target) else {
        return false;
    };
    if here.beside.contains(&target) {
        return true;
    }
    if there.floor >= here.floor {
        return false;
    }
    match here.name {
        "tui" => FACES_SEE.contains(&target),
        "cli" => FACES_SEE.contains(&target) || CLI_ALSO.contains(&target),
        "demo" => DEMO_SEES.contains(&target),
        _ => true,
    }
}

/// Functions that are too long, as (first line, length). Counts from the signature to the brace that closes at its
/// indentation, which rustfmt guarantees.
fn long_functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let bare = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "]
            .iter()
            .fold(trimmed, |rest, word| {
                rest.strip_prefix(word).unwrap_or(rest)
            });
        if !bare.starts_with("fn ") || line.trim_end().ends_with(';') {
            continue;
        }
        let closing = format!("{}}}", &line[..line.len() - trimmed.len()]);
        let length = lines[start..]
            .iter()
            .position(|l| *l == closing)
            .map_or(1, |n| n + 1);
        if length > LONGEST_FUNCTION {
            found.push((start + 1, length));
        }
    }
    found
}
