//! Runbooks that mean harm: none runs anything, none takes time or memory, and each is named in words.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use pilothouse::clock::Clock;
use pilothouse::diagnose::{Runbook, runbooks};

/// A runbook with these steps.
fn steps(steps: &str) -> String {
    format!("name: x\nwhat: y\nsteps:\n{steps}")
}

/// Files that are refused, each with the line that is named.
fn hostile() -> Vec<(&'static str, String, Option<u64>)> {
    let bomb = {
        let mut text =
            String::from("a0: &a0 [disk, disk, disk, disk, disk, disk, disk, disk, disk]\n");
        for n in 1..10 {
            let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
            writeln!(text, "a{n}: &a{n} [{aliases}]").unwrap();
        }
        format!("{text}name: x\nwhat: y\nsteps: *a9\n")
    };
    let journal = |value: &str| steps(&format!("  - journal: {{unit: {value}}}\n"));
    vec![
        ("a bomb of aliases", bomb, None),
        (
            "a bomb in a step",
            steps("  - journal: &a {unit: &b [x, x, x]}\n  - *a\n  - [*b, *b, *b]\n"),
            Some(4),
        ),
        ("an alias of itself", steps("  - &a [*a]\n"), None),
        ("no such alias", steps("  - *nobody\n"), Some(4)),
        (
            "deep lists",
            steps(&format!(
                "  - {}{}\n",
                "[".repeat(20_000),
                "]".repeat(20_000)
            )),
            None,
        ),
        (
            "deep maps",
            steps(&format!("  - {}x\n", "{a: ".repeat(5_000))),
            None,
        ),
        (
            "an unknown field",
            steps("  - disk\nrun: rm -rf /\n"),
            Some(5),
        ),
        (
            "a field twice",
            format!("name: z\n{}", steps("  - disk\n")),
            Some(2),
        ),
        ("no such step", steps("  - rm -rf /\n"), Some(4)),
        ("a step with a path", steps("  - ../../bin/sh\n"), Some(4)),
        ("a shell", steps("  - sh: {command: id}\n"), Some(4)),
        (
            "an unknown argument",
            steps("  - disk: {command: id}\n"),
            Some(4),
        ),
        ("a substitution", journal("'$(touch mark)'"), Some(4)),
        ("backticks", journal("'`touch mark`'"), Some(4)),
        ("two commands", journal("'ssh; touch mark'"), Some(4)),
        ("two lines", journal("\"ssh\\ntouch mark\""), Some(4)),
        ("an end of a string", journal("\"ssh\\0\""), Some(4)),
        ("an option", journal("--rotate"), Some(4)),
        ("a long unit", journal(&"x".repeat(300)), Some(4)),
        (
            "a time",
            steps("  - journal: {since: '1h; touch mark'}\n"),
            Some(4),
        ),
        (
            "a file elsewhere",
            steps("  - log_file: {path: /var/log/../../etc/shadow}\n"),
            Some(4),
        ),
        (
            "a number that is none",
            steps("  - journal: {lines: '$(id)'}\n"),
            Some(4),
        ),
        (
            "too many lines",
            steps("  - journal: {lines: 999999999999999999999}\n"),
            Some(4),
        ),
        (
            "a name with a path",
            "name: ../../.ssh/x\nwhat: y\nsteps: [disk]\n".into(),
            Some(1),
        ),
        (
            "a name with a shell",
            "name: 'x$(id)'\nwhat: y\nsteps: [disk]\n".into(),
            Some(1),
        ),
        (
            "a name of two lines",
            "name: \"a\\nb\"\nwhat: y\nsteps: [disk]\n".into(),
            Some(1),
        ),
        (
            "a long name",
            format!("name: {}\nwhat: y\nsteps: [disk]\n", "x".repeat(60_000)),
            Some(1),
        ),
        (
            "a field with a long name",
            format!("{}: y\n{}", "\\e[2J".repeat(9000), steps("  - disk\n")),
            Some(1),
        ),
        (
            "a field that speaks to the terminal",
            format!("\"\\e[2J\\a\": y\n{}", steps("  - disk\n")),
            Some(1),
        ),
        ("many steps", steps(&"  - disk\n".repeat(33)), Some(4)),
        (
            "two documents",
            format!("{}---\n{}", steps("  - disk\n"), steps("  - sh\n")),
            None,
        ),
        (
            "a tag",
            steps("  - !!python/object/apply:os.system [touch mark]\n"),
            Some(4),
        ),
        ("no YAML", "\u{feff}%YAML 9.9\n---\n\t- x".into(), None),
    ]
}

#[test]
fn each_is_refused_in_words_with_its_line() {
    let clock = Clock::system();
    for (name, text, line) in hostile() {
        let problems = Runbook::parse(&text, Some(Path::new("x.yaml"))).expect_err(name);
        for problem in &problems {
            let words = format!(
                "{}{}",
                problem.what,
                problem.hint.as_deref().unwrap_or_default()
            );
            assert!(!problem.what.is_empty(), "{name}");
            assert!(words.len() < 3000, "{name}: {} bytes", words.len());
            assert!(!words.chars().any(char::is_control), "{name}: {words:?}");
        }
        if line.is_some() {
            assert_eq!(problems[0].line, line, "{name}: {problems:?}");
        }
    }
    assert!(clock.at().0 < 10_000, "{} ms", clock.at().0);
}

/// A folder with files and things that are none; the names of those that must be told.
fn furnish(folder: &Path) -> Vec<String> {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let mut told = Vec::new();
    for (n, (_, text, _)) in hostile().into_iter().enumerate() {
        write(&format!("h{n}.yaml"), &text);
        told.push(format!("h{n}.yaml"));
    }
    write("big.yaml", &steps(&"# no end\n".repeat(1_200_000)));
    fs::write(folder.join("bytes.yaml"), b"name: \xff\xfe\n").unwrap();
    fs::create_dir(folder.join("folder.yaml")).unwrap();
    symlink("/dev/zero", folder.join("device.yaml")).unwrap();
    symlink("/etc/passwd", folder.join("elsewhere.yaml")).unwrap();
    symlink("nowhere", folder.join("dangling.yaml")).unwrap();
    symlink("loop.yaml", folder.join("loop.yaml")).unwrap();
    let pipe = folder.join("pipe.yaml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    write("same-1.yaml", "name: twice\nwhat: first\nsteps: [disk]\n");
    write(
        "same-2.yaml",
        "name: twice\nwhat: second\nsteps: [memory]\n",
    );
    for name in [
        "big",
        "bytes",
        "folder",
        "device",
        "elsewhere",
        "dangling",
        "loop",
        "pipe",
        "same-2",
    ] {
        told.push(format!("{name}.yaml"));
    }
    told
}

#[test]
fn a_folder_full_of_them_hides_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = furnish(folder.path());
    let clock = Clock::system();
    let (books, problems) = runbooks(Some(folder.path()));
    assert!(clock.at().0 < 10_000, "{} ms", clock.at().0);
    let names: Vec<&str> = books.iter().map(|book| book.name.as_str()).collect();
    assert_eq!(names, ["twice", "wedge", "memory", "disk", "services"]);
    assert_eq!(books[0].what, "first");
    for name in told {
        let path = folder.path().join(&name);
        let found = problems.iter().find(|p| p.file.as_deref() == Some(&path));
        assert!(found.is_some_and(|p| !p.what.is_empty()), "{name}");
    }
    // One of those who keep their configuration in one place.
    let dotfiles = tempfile::tempdir().unwrap();
    let own = tempfile::tempdir().unwrap();
    fs::write(dotfiles.path().join("mine"), steps("  - disk\n")).unwrap();
    symlink(dotfiles.path().join("mine"), own.path().join("mine.yaml")).unwrap();
    for n in 0..70 {
        let text = format!("name: n{n}\nwhat: y\nsteps: [disk]\n");
        fs::write(own.path().join(format!("n{n:02}.yaml")), text).unwrap();
    }
    let (books, problems) = runbooks(Some(own.path()));
    assert_eq!(books[0].name, "x");
    assert_eq!(books.len(), 64 + 4);
    assert!(problems[0].what.contains("71 files"), "{problems:?}");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts the program itself"
)]
fn the_list_of_the_program_names_them_and_nothing_was_run() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config/pilothouse");
    fs::create_dir_all(config.join("runbooks")).unwrap();
    fs::write(config.join("config.yaml"), "hosts:\n  - local\n").unwrap();
    let told = furnish(&config.join("runbooks"));
    let run = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .args(words)
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_STATE_HOME", home.path().join("state"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let list = run(&["runbook", "list"]);
    assert!(list.status.success());
    let (out, err) = (list.stdout, String::from_utf8(list.stderr).unwrap());
    assert!(String::from_utf8(out).unwrap().contains("twice"));
    for name in told {
        assert!(err.contains(&format!("{name}:")), "{name}: {err}");
    }
    assert!(
        err.lines()
            .all(|line| line.len() < 3000 && !line.chars().any(char::is_control))
    );
    for name in ["x", "../../.ssh/x", "sh", "$(touch mark)", "h0"] {
        let ran = run(&["runbook", "local", name]);
        assert_eq!(ran.status.code(), Some(2), "{name}");
    }
    let marks: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(!marks.iter().any(|name| name == "mark"), "{marks:?}");
}
