//! Foreign text at its worst, as lines of a file and of a container, in the lens of the real program: nothing of it but clean
//! text and the colours that it may have reaches the terminal, byte by byte.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::console::{COLUMNS, Console, ROWS};
use crate::dockerd::Dockerd;

#[path = "../../src/text/vectors.rs"]
mod vectors;

/// Where the terminal has no row and no column: whoever goes there is not us.
const NOWHERE: &str = "\x1b[99;199H";

/// The lens begins with so many lines of each source.
const TAIL: usize = 500;

/// Lines for a source: whether each must show the sign of a sequence that was taken out, and its bytes.
fn cases() -> Vec<(bool, Vec<u8>)> {
    let mut cases = Vec::new();
    let sequences = || vectors::SEQUENCES.iter().chain([&NOWHERE]);
    for sequence in sequences() {
        cases.push((true, sequence.as_bytes().to_vec()));
    }
    let zalgo = format!("e{}", "\u{301}".repeat(60));
    let texts = vectors::CHARACTERS.iter().map(|text| text.as_bytes());
    for bytes in texts.chain(vectors::BYTES.iter().copied()) {
        cases.push((false, bytes.to_vec()));
    }
    cases.push((false, zalgo.into_bytes()));
    cases.push((false, "日".repeat(100).into_bytes()));
    // Every control of C1, as text and as a byte.
    for byte in 0x80..=0x9f_u8 {
        cases.push((false, char::from(byte).to_string().into_bytes()));
        cases.push((false, vec![byte]));
    }
    // Each sequence, cut short.
    for sequence in sequences() {
        let bytes = sequence.as_bytes();
        for end in 1..bytes.len() {
            cases.push((false, bytes[..end].to_vec()));
        }
    }
    // The less case: a sequence within one; and either end of a string.
    cases.push((false, b"\x1b]0;a\x1b]8;;file:///\x07b\x1b\\".to_vec()));
    cases.push((false, b"\x1b]8;;http://a\x07b\x1b]8;;\x1b\\".to_vec()));
    cases
}

/// Puts a case into a line that can be found again.
fn line(number: usize, bytes: &[u8]) -> Vec<u8> {
    [format!("case-{number:04} ").as_bytes(), bytes, b" end\n"].concat()
}

/// The first thing in a console's output that is not ours: anything but text, colours, places on the screen and frames.
fn tripwire(raw: &[u8]) -> Option<String> {
    let text = match str::from_utf8(raw) {
        Ok(text) => text,
        Err(error) => return Some(format!("no UTF-8 at {}", error.valid_up_to())),
    };
    // The cursor is hidden at the beginning of a frame, and shown at its end where a person types.
    let (mut in_frame, mut begins) = (false, false);
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        let here = &rest[at..];
        let found = || Some(format!("{:?}", here.chars().take(24).collect::<String>()));
        let Some(sequence) = here.strip_prefix("\x1b[") else {
            return found();
        };
        let Some(end) = sequence.find(|c: char| !c.is_ascii_digit() && !";:?".contains(c)) else {
            return found();
        };
        let (parameters, last) = (&sequence[..end], sequence[end..].chars().next());
        let ours = match (parameters, last) {
            ("?2026", Some('h')) => !std::mem::replace(&mut in_frame, true),
            ("?2026", Some('l')) => std::mem::replace(&mut in_frame, false),
            ("?25", Some('l')) => begins && at == 0,
            ("?25", Some('h')) => in_frame && sequence[end + 1..].starts_with("\x1b[?2026l"),
            (_, Some('m')) => !parameters.contains('?'),
            (_, Some('H')) => is_on_screen(parameters),
            _ => false,
        };
        if !ours {
            return found();
        }
        begins = (parameters, last) == ("?2026", Some('h'));
        rest = &sequence[end + 1..];
    }
    None
}

fn is_on_screen(parameters: &str) -> bool {
    let place = parameters.split_once(';');
    let place = place.map(|(row, column)| (row.parse::<u16>(), column.parse::<u16>()));
    matches!(place, Some((Ok(1..=ROWS), Ok(1..=COLUMNS))))
}

#[test]
fn the_tripwire_sees_whatever_is_not_ours() {
    let ours = "\x1b[?2026h\x1b[?25l\x1b[3;4H\x1b[38;2;1;2;3;1mtext│␛\x1b[0m\x1b[?2026l";
    assert_eq!(tripwire(ours.as_bytes()), None);
    let sequences = vectors::SEQUENCES.iter().chain([&NOWHERE]);
    // This one is a place on the screen; that it was taken out is told by its sign.
    for sequence in sequences.filter(|sequence| **sequence != "\x1b[10;10H") {
        let leaked = ours.replace("text", &format!("te{sequence}xt"));
        assert!(tripwire(leaked.as_bytes()).is_some(), "{sequence:?}");
    }
    assert!(tripwire(b"\x9b2J").is_some());
    assert!(tripwire(b"a\rb").is_some());
}

/// The rows of the screen that hold a case: what stands there.
fn seen(console: &Console, seen: &mut BTreeMap<usize, String>) {
    for row in console.screen().contents().lines() {
        let Some((_, rest)) = row.split_once("case-") else {
            continue;
        };
        if let Some(number) = rest.get(..4).and_then(|digits| digits.parse().ok()) {
            seen.insert(number, row.to_owned());
        }
    }
}

/// The lens on one source, scrolled from its end to its beginning.
fn show(source: &str, environment: &[(&str, &str)], cases: &[(bool, Vec<u8>)]) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    fs::write(&config, "hosts:\n  - name: here\n    local: true\n").unwrap();
    let mut console = Console::open(&["--config", config.to_str().unwrap()], environment);
    console.shows("● ok");
    console.lens(&[source.to_owned()]);
    console.shows(&format!("case-{:04}", cases.len() - 1));
    let before = modes(&console);
    let from = console.raw.len();
    let mut all = BTreeMap::new();
    seen(&console, &mut all);
    let mut first = cases.len();
    while all.len() < cases.len() {
        console.press("\u{1b}[5~");
        console.until("an older page", |text| {
            text.find("case-").is_some_and(|at| {
                let digits = text.get(at + 5..at + 9);
                digits.is_some_and(|digits| digits.parse().is_ok_and(|n: usize| n < first))
            })
        });
        seen(&console, &mut all);
        first = *all.keys().next().unwrap();
    }
    assert_eq!(tripwire(&console.raw[from..]), None);
    assert_eq!(modes(&console), before);
    for ((number, row), (is_taken_out, bytes)) in all.iter().zip(cases) {
        let told = format!("case {number}: {:?}: {row}", bytes.escape_ascii());
        assert!(row.starts_with('│') && row.ends_with('│'), "{told}");
        assert!(!is_taken_out || row.contains('␛'), "{told}");
    }
    console.leave();
}

/// What a sequence could have turned on or off.
fn modes(console: &Console) -> String {
    let screen = console.screen();
    format!(
        "{} {} {} {:?} {:?} {} {}",
        screen.alternate_screen(),
        screen.hide_cursor(),
        screen.bracketed_paste(),
        screen.mouse_protocol_mode(),
        screen.mouse_protocol_encoding(),
        screen.application_cursor(),
        screen.application_keypad(),
    )
}

#[test]
fn no_line_of_a_file_does_anything_to_the_terminal() {
    let cases = cases();
    assert!(cases.len() >= 400, "only {} cases", cases.len());
    for (part, cases) in cases.chunks(TAIL / 2).enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let lines = cases.iter().enumerate();
        let lines: Vec<u8> = lines.flat_map(|(n, (_, bytes))| line(n, bytes)).collect();
        fs::write(&path, lines).unwrap();
        assert!(!cases.is_empty(), "part {part}");
        show(&format!("here/file:{}", path.display()), &[], cases);
    }
}

#[test]
fn no_line_of_a_container_does_anything_to_the_terminal() {
    let cases = cases();
    let cases = &cases[..TAIL / 2];
    let daemon = Dockerd::start();
    let folder = tempfile::tempdir().unwrap();
    let lines = cases.iter().enumerate();
    let lines: Vec<u8> = lines.flat_map(|(n, (_, bytes))| line(n, bytes)).collect();
    fs::write(folder.path().join("log"), lines).unwrap();
    let data = format!("{}:/data:ro", folder.path().display());
    let more = json!({"HostConfig": {"NetworkMode": "none", "Binds": [data]}});
    daemon.run_with("hostile", "cat /data/log; exec sleep 600", &more);
    let host = format!("unix://{}", daemon.socket().display());
    show(
        "here/container:hostile",
        &[("DOCKER_HOST", host.as_str())],
        cases,
    );
}
