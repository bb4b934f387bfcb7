//! Every configuration file of the fixtures, valid and invalid: what becomes of it, and everything that is said about it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pilothouse::config::{
    ArmingSettings, AssistantSettings, Environment, Flags, Resolved, Source, resolve,
};
use pilothouse::domain::{ActClass, HostId, PowerMethod};
use proptest::prelude::*;

fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/fixtures/config")
        .join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn read(file: &Path) -> Resolved {
    let source = Source {
        file: PathBuf::from("/etc/fleet").join(file.file_name().unwrap()),
        text: fs::read_to_string(file).unwrap(),
    };
    resolve(
        Some(&source),
        &Environment::default(),
        &Flags::default(),
        Some(Path::new("/home/ops")),
    )
    .unwrap()
}

fn problems(resolved: &Resolved) -> String {
    let mut text = String::new();
    for problem in &resolved.config.problems {
        let line = problem.line.map_or("-".into(), |line| line.to_string());
        let _ = writeln!(text, "{line}: {}", problem.what);
        if let Some(hint) = &problem.hint {
            let _ = writeln!(text, "    {hint}");
        }
    }
    text
}

#[test]
fn a_valid_file_has_no_problem_and_one_meaning() {
    for file in files("valid") {
        let resolved = read(&file);
        assert_eq!(problems(&resolved), "", "{}", file.display());
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        insta::assert_debug_snapshot!(
            format!("valid_{name}"),
            (
                &resolved.config.fleet,
                &resolved.config.settings,
                &resolved.config.hosts,
                &resolved.origins
            )
        );
    }
}

#[test]
fn the_wait_for_a_restart_can_be_set_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("restart.yaml");
    let rows = [
        ("30s", 30, true),
        ("15m", 900, true),
        ("29s", 300, false),
        ("31m", 300, false),
    ];
    for (text, seconds, is_good) in rows {
        fs::write(&file, format!("arming:\n  restart: {text}\n")).unwrap();
        let resolved = read(&file);
        let restart = resolved.config.settings.arming.restart;
        assert_eq!(restart.as_secs(), seconds, "{text}");
        let told = problems(&resolved);
        assert_eq!(told.is_empty(), is_good, "{text}: {told}");
    }
}

#[test]
fn an_invalid_file_tells_every_problem_and_keeps_the_rest() {
    for file in files("invalid") {
        let resolved = read(&file);
        let mut text = problems(&resolved);
        assert!(!text.is_empty(), "{} was taken as it is", file.display());
        assert!(
            !text.contains("secret-token"),
            "a problem shows the webhook"
        );
        let hosts: Vec<&str> = resolved
            .config
            .hosts
            .iter()
            .map(|host| host.id.as_str())
            .collect();
        let _ = write!(
            text,
            "kept: hosts {hosts:?}, read_only {}, mouse {}",
            resolved.config.settings.read_only, resolved.config.settings.mouse
        );
        for host in &resolved.config.hosts {
            if let Some(power) = &host.power {
                let power = serde_json::to_string(power).unwrap();
                let _ = write!(text, "\nswitch of {}: {power}", host.id);
            }
        }
        let settings = &resolved.config.settings;
        if settings.arming != ArmingSettings::default() {
            let _ = write!(text, "\n{:?}", settings.arming);
        }
        if settings.assistant != AssistantSettings::default() {
            let _ = write!(text, "\n{:?}", settings.assistant);
        }
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        insta::assert_snapshot!(format!("invalid_{name}"), text);
    }
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let source = Source {
        file: "/etc/fleet.yaml".into(),
        text: "theme: light\nperiod: 5s\nread_only: true\nmouse: false\n".into(),
    };
    let environment: Environment = [
        ("PILOTHOUSE_THEME", "mono"),
        ("PILOTHOUSE_PERIOD", "3s"),
        ("PILOTHOUSE_READ_ONLY", "0"),
        ("PILOTHOUSE_MOUSE", ""),
    ]
    .into_iter()
    .collect();
    let flags = Flags {
        theme: Some("dark".into()),
        ..Flags::default()
    };
    let resolved = resolve(Some(&source), &environment, &flags, None).unwrap();
    let origins = &resolved.origins;
    let settings = &resolved.config.settings;
    assert_eq!(settings.theme.as_deref(), Some("dark"));
    assert_eq!(settings.period.as_secs(), 3);
    assert!(!settings.read_only);
    assert!(!settings.mouse);
    let from = [
        origins.theme,
        origins.period,
        origins.read_only,
        origins.mouse,
        origins.fleet,
    ]
    .map(|origin| origin.to_string());
    assert_eq!(
        from,
        [
            "--theme",
            "PILOTHOUSE_PERIOD",
            "PILOTHOUSE_READ_ONLY",
            "line 4",
            "default"
        ]
    );
}

#[test]
fn a_bad_variable_is_told_and_a_bad_safeguard_protects() {
    let environment: Environment = [
        ("PILOTHOUSE_READ_ONLY", "maybe"),
        ("PILOTHOUSE_READONLY", "1"),
        ("PILOTHOUSE_PERIOD", "soon"),
        ("PILOTHOUSE_MOUSE", "cat"),
        ("PILOTHOUSE_SOMETHING_ELSE", "x"),
    ]
    .into_iter()
    .collect();
    let resolved = resolve(None, &environment, &Flags::default(), None).unwrap();
    assert!(resolved.config.settings.read_only);
    insta::assert_snapshot!("environment", problems(&resolved));
}

#[test]
fn hosts_come_from_arguments_else_the_file_else_this_machine() {
    let source = Source {
        file: "/etc/fleet.yaml".into(),
        text: "hosts:\n  - name: spark-1\n    user: ops\n  - spark-2\n".into(),
    };
    let names = |source: Option<&Source>, hosts: &[&str]| {
        let flags = Flags {
            hosts: hosts.iter().map(ToString::to_string).collect(),
            ..Flags::default()
        };
        resolve(source, &Environment::default(), &flags, None).map(|resolved| {
            resolved
                .config
                .hosts
                .iter()
                .map(|host| host.id.to_string())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(names(None, &[]).unwrap(), ["local"]);
    assert_eq!(names(Some(&source), &[]).unwrap(), ["spark-1", "spark-2"]);
    assert_eq!(
        names(
            Some(&source),
            &["root@box:2222", "spark-1", "local", "spark-1"]
        )
        .unwrap(),
        ["box:2222", "spark-1", "local"]
    );
    let why = names(Some(&source), &["spark-1", "-oProxyCommand=x"]).unwrap_err();
    assert_eq!(why.to_string(), "`-oProxyCommand=x` is no host");
}

/// A text of the fixtures with parts taken out, doubled, and put in that mean something to YAML or to us.
fn damaged() -> impl Strategy<Value = String> {
    let texts: Vec<String> = ["valid", "invalid"]
        .iter()
        .flat_map(|kind| files(kind))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let piece = prop::sample::select(vec![
        ":",
        "- ",
        "\n",
        "  ",
        "\t",
        "#",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        "&a",
        "*a",
        "<<: *a",
        "!!int ",
        "|",
        ">",
        "---\n",
        "...",
        "null",
        "~",
        "true",
        "0x7f",
        "1e999",
        ".nan",
        "\u{feff}",
        "\u{85}",
        "\0",
        "é",
        "hosts:\n",
        "read_only: maybe\n",
        "jump: spark-1\n",
        "port: 0\n",
        "period: 1d\n",
        "keys: {quit: [q, q]}\n",
        "power: {host: a@b, identity: k}\n",
        "wake: aa:bb:cc:dd:ee:ff\n",
        "verbs: {status: [x]}\n",
        "needed: [all]\n",
        "login: own\n",
    ]);
    let edit = (
        any::<prop::sample::Index>(),
        0..20_usize,
        prop::option::of(piece),
    );
    (
        prop::sample::select(texts),
        prop::collection::vec(edit, 1..5),
    )
        .prop_map(|(text, edits)| {
            let mut text: Vec<char> = text.chars().collect();
            for (place, gone, piece) in edits {
                let start = place.index(text.len() + 1);
                let end = (start + gone).min(text.len());
                text.splice(start..end, piece.unwrap_or_default().chars());
            }
            text.into_iter().collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_damage_stops_the_reader_and_what_it_keeps_holds(text in damaged()) {
        let lines = text.lines().count().max(1) as u64;
        let source = Source { file: "/etc/fleet/config.yaml".into(), text };
        let resolved = resolve(Some(&source), &Environment::default(), &Flags::default(), None).unwrap();
        let config = &resolved.config;
        for problem in &config.problems {
            prop_assert!(!problem.what.is_empty());
            prop_assert!(problem.line.is_none_or(|line| (1..=lines + 1).contains(&line)), "{problem:?}");
        }
        let mut names: Vec<&str> = config.hosts.iter().map(|host| host.id.as_str()).collect();
        prop_assert!(!names.is_empty());
        prop_assert!(names.iter().all(|name| !name.is_empty()));
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        prop_assert_eq!(names.len(), all, "every host has a name of its own");
        prop_assert_eq!(resolved.origins.hosts.len(), all);
        prop_assert!((200..=3_600_000).contains(&config.settings.period.as_millis()));
        let arming = &config.settings.arming;
        prop_assert!(arming.needed.contains(&ActClass::Power) && (1..=720).contains(&arming.minutes));
        prop_assert!(arming.window.as_secs() >= 1 && arming.idle.as_secs() >= 30);
        let spec = |id: &HostId| config.hosts.iter().any(|host| host.id == *id);
        prop_assert!(config.settings.ledger_sink.as_ref().is_none_or(spec));
        for power in config.hosts.iter().filter_map(|host| host.power.as_ref()) {
            prop_assert!(power.method.is_some() || power.wake.is_some());
            if let Some(PowerMethod::Command { on, verbs }) = &power.method {
                prop_assert!(on.as_ref().is_none_or(spec));
                prop_assert!(!verbs.is_empty() && verbs.values().all(|words| !words.is_empty()));
            }
        }
    }
}
