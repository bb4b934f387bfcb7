//! Every configuration file of the fixtures, valid and invalid: what becomes of it, and everything that is said about it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pilothouse::config::{Environment, Flags, Resolved, Source, resolve};

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
