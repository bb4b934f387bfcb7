//! Runbooks: lists of questions with a name, written in YAML. Those that are built in, and a person's own beside them, which
//! win over a built-in one of the same name. Parsing is pure; one function reads the folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_yaml::Spanned;

use super::catalogue::Question;
use crate::config::Problem;
use crate::text::{SafeText, cut};

/// Longest file that is read, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

/// Most questions of one runbook.
const MOST_STEPS: usize = 32;

/// Most files of a folder that are read.
const MOST_FILES: usize = 64;

/// Cells of a sentence about a runbook, and of what one says that it looks for.
const WORDS: usize = 300;

const BUILT_IN: [&str; 4] = [
    include_str!("runbooks/wedge.yaml"),
    include_str!("runbooks/memory.yaml"),
    include_str!("runbooks/disk.yaml"),
    include_str!("runbooks/services.yaml"),
];

/// Questions to be asked one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runbook {
    /// What it is started by.
    pub name: String,
    /// What it looks for, one line.
    pub what: String,
    /// Its questions.
    pub steps: Vec<Question>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: Spanned<String>,
    what: String,
    steps: Spanned<Vec<Spanned<Value>>>,
}

impl Runbook {
    /// Reads a runbook. Every problem is told at once, with its line.
    pub fn parse(text: &str, file: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let problem = |line: Option<u64>, what: &str, hint: &str| Problem {
            file: file.map(Path::to_owned),
            line,
            what: words(what),
            hint: (!hint.is_empty()).then(|| words(hint)),
        };
        let raw: Raw = serde_yaml::from_str(text).map_err(|error| {
            let line = error.location().map(|at| at.line()).filter(|n| *n > 0);
            let said = error.without_snippet().to_string();
            let said = said.lines().next().unwrap_or_default();
            vec![problem(line, said, "a runbook has name, what and steps")]
        })?;
        let mut problems = Vec::new();
        if !is_name(&raw.name.value) {
            problems.push(problem(
                Some(raw.name.referenced.line()),
                "the name of a runbook is made of small letters, digits and dashes",
                "",
            ));
        }
        let count = raw.steps.value.len();
        if !(1..=MOST_STEPS).contains(&count) {
            let what = format!("a runbook has 1 to {MOST_STEPS} steps, not {count}");
            problems.push(problem(Some(raw.steps.referenced.line()), &what, ""));
        }
        let mut steps = Vec::with_capacity(count.min(MOST_STEPS));
        for step in &raw.steps.value {
            match question(&step.value) {
                Ok(question) => steps.push(question),
                Err(what) => {
                    let hint = "a step is `- disk`, or `- journal: {unit: ssh.service, since: 1h}`";
                    problems.push(problem(Some(step.referenced.line()), &what, hint));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self {
                name: raw.name.value,
                what: words(raw.what.trim()),
                steps,
            })
        } else {
            Err(problems)
        }
    }
}

/// Foreign words as they may be shown, in one short line.
fn words(foreign: &str) -> String {
    cut(SafeText::new(foreign).as_str(), WORDS).into_owned()
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `disk`, or `journal: {since: 1h}`.
fn question(step: &Value) -> Result<Question, String> {
    let parsed = match step {
        Value::String(name) => Question::parse(name, &Value::Null),
        Value::Object(fields) => {
            let mut fields = fields.iter();
            match (fields.next(), fields.next()) {
                (Some((name, arguments)), None) => Question::parse(name, arguments),
                _ => return Err("a step is one question".into()),
            }
        }
        _ => return Err("a step is the name of a question".into()),
    };
    parsed.map_err(|invalid| invalid.what)
}

/// The runbooks that are built in.
pub fn built_in() -> Vec<Runbook> {
    // A test reads them all; one that could not be read would be missing there.
    BUILT_IN
        .iter()
        .filter_map(|text| Runbook::parse(text, None).ok())
        .collect()
}

/// Every runbook there is: a person's own of this folder first, by name, then those that are built in. What is wrong in the
/// folder is told beside them; a folder that is not there holds nothing.
pub fn runbooks(folder: Option<&Path>) -> (Vec<Runbook>, Vec<Problem>) {
    let (mut all, problems) = folder.map(own).unwrap_or_default();
    for book in built_in() {
        if !all.iter().any(|own| own.name == book.name) {
            all.push(book);
        }
    }
    (all, problems)
}

fn own(folder: &Path) -> (Vec<Runbook>, Vec<Problem>) {
    let mut books: Vec<Runbook> = Vec::new();
    let mut problems = Vec::new();
    let files = match files(folder) {
        Ok(mut files) => {
            if files.len() > MOST_FILES {
                problems.push(Problem {
                    what: format!(
                        "it holds {} files; only the first {MOST_FILES} by name are read",
                        files.len()
                    ),
                    ..whole(folder)
                });
                files.truncate(MOST_FILES);
            }
            files
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(unreadable(folder, &error));
            Vec::new()
        }
    };
    for file in files {
        match read(&file) {
            Ok(text) => match Runbook::parse(&text, Some(&file)) {
                Ok(book) if books.iter().any(|other| other.name == book.name) => {
                    problems.push(Problem {
                        what: format!("another file holds a runbook `{}` already", book.name),
                        ..whole(&file)
                    });
                }
                Ok(book) => books.push(book),
                Err(found) => problems.extend(found),
            },
            Err(error) => problems.push(unreadable(&file, &error)),
        }
    }
    (books, problems)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A link may lead to a file elsewhere, as those who keep their configuration in one place have them; but only to a file: a
/// pipe or a device may have no end.
fn read(file: &Path) -> io::Result<String> {
    let open = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(file)?;
    if !open.metadata()?.is_file() {
        let words = "it is no file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    let mut text = String::new();
    // It may grow meanwhile.
    open.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST_FILE {
        let words = format!("it is longer than {} KiB", LONGEST_FILE / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
    }
    Ok(text)
}

fn whole(file: &Path) -> Problem {
    Problem {
        file: Some(file.to_owned()),
        line: None,
        what: String::new(),
        hint: None,
    }
}

fn unreadable(file: &Path, error: &io::Error) -> Problem {
    Problem {
        what: format!("it can't be read: {error}"),
        ..whole(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ones_are_read() {
        let books = built_in();
        let names: Vec<&str> = books.iter().map(|book| book.name.as_str()).collect();
        assert_eq!(names, ["wedge", "memory", "disk", "services"]);
        let memory = &books[1];
        assert_eq!(memory.steps[2].words(), "15 processes by memory");
    }

    #[test]
    fn every_problem_is_told_with_its_line() {
        let text = "name: My Book\nwhat: x\nsteps:\n  - disk\n  - dsik\n  - journal: {lines: 0}\n  - [disk]\n  - disk: {}\n    memory: {}\n  - log_file: {path: /etc/shadow}\n";
        let problems = Runbook::parse(text, Some(Path::new("x.yaml"))).unwrap_err();
        let told: Vec<(Option<u64>, &str)> = problems
            .iter()
            .map(|problem| (problem.line, problem.what.as_str()))
            .collect();
        let lines: Vec<Option<u64>> = told.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 5, 6, 7, 8, 10].map(Some), "{told:?}");
        assert!(
            told[1].1.contains("no question is called \"dsik\""),
            "{told:?}"
        );
        assert!(told[2].1.contains("a number from 1 to 1000"), "{told:?}");
    }

    #[test]
    fn what_is_no_runbook_is_told() {
        for (text, line) in [
            ("", None),
            ("[", Some(1)),
            ("name: x\nwhat: y\n", None),
            ("name: x\nwhat: y\nsteps: []\n", Some(3)),
            (
                "name: x\nwhat: y\nsteps: [disk]\ncommand: rm -rf /\n",
                Some(4),
            ),
        ] {
            let problems = Runbook::parse(text, None).unwrap_err();
            assert_eq!(problems.len(), 1, "{text:?}: {problems:?}");
            if line.is_some() {
                assert_eq!(problems[0].line, line, "{text:?}: {problems:?}");
            }
        }
    }

    #[test]
    fn a_persons_own_win_and_a_broken_one_hides_none() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("a.yaml", "name: disk\nwhat: mine\nsteps: [disk]\n");
        write("b.yaml", "name: disk\nwhat: twice\nsteps: [disk]\n");
        write("c.yaml", "nonsense");
        write("d.txt", "nonsense");
        let (books, problems) = runbooks(Some(folder.path()));
        let names: Vec<&str> = books.iter().map(|book| book.name.as_str()).collect();
        assert_eq!(names, ["disk", "wedge", "memory", "services"]);
        assert_eq!(books[0].what, "mine");
        assert_eq!(problems.len(), 2, "{problems:?}");
        let (books, problems) = runbooks(Some(&folder.path().join("none")));
        assert_eq!((books.len(), problems.len()), (4, 0));
    }
}
