//! What a folder is (pure): looked at in its root alone, in one order, with the reason in words. What `pilothouse.yaml` or a person says
//! counts for more, and is for whoever asks.

use std::sync::LazyLock;

use regex::Regex;
use thiserror::Error;

use super::listing::{Entry, Listing};
use crate::domain::{AppKind, Framework, Port, TreePath};

/// The names of a compose file, in the order in which compose itself takes them.
pub(super) const COMPOSE: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// Other files whose text is read.
pub(super) const NAMED: [&str; 5] = [
    "Dockerfile",
    "pyproject.toml",
    "requirements.txt",
    ".python-version",
    "pilothouse.yaml",
];

/// Names of a Python file that is meant to be run, the likeliest first.
const ENTRIES: [&str; 5] = [
    "app.py",
    "main.py",
    "streamlit_app.py",
    "server.py",
    "run.py",
];

/// What a folder was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// What runs it.
    pub kind: AppKind,
    /// Why that, in one sentence.
    pub why: String,
    /// The port on which it says it listens, where it says so.
    pub port: Option<Port>,
    /// The version of Python that it asks for, as it says it: `3.11`, `>=3.10,<3.13`.
    pub python: Option<String>,
    /// What else it could have been taken for.
    pub instead: Vec<AppKind>,
}

/// Why a folder is nothing that can be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Undetected {
    /// No file.
    #[error("there is nothing in it")]
    Empty,
    /// None of what is known.
    #[error("its root has no compose file, no Dockerfile and no Python file; there is {0}")]
    Nothing(String),
    /// More than one, and none is likelier.
    #[error("it has several Python files and none of them is named as one that is run: {0}")]
    Several(String),
}

impl Undetected {
    /// What helps.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "deploy the folder that holds the app",
            Self::Nothing(_) => {
                "deploy the folder that holds the app's own files, or say `kind` and `entry` in its pilothouse.yaml"
            }
            Self::Several(_) => "say which with --entry FILE, or as `entry` in its pilothouse.yaml",
        }
    }
}

/// Tells what a folder is. Its only folder at the top counts as the folder.
pub fn detect(listing: &Listing) -> Result<Detected, Undetected> {
    if listing.0.is_empty() {
        return Err(Undetected::Empty);
    }
    let compose = COMPOSE.iter().find_map(|name| listing.get(name));
    let dockerfile = listing.get("Dockerfile");
    let python = python(listing);
    let of_python = python.as_ref().ok().map(|(kind, _)| kind.clone());
    if let Some((path, _)) = compose {
        let also = dockerfile.map(|(path, _)| AppKind::Dockerfile(path.clone()));
        return Ok(Detected {
            kind: AppKind::Compose(path.clone()),
            why: format!("its root has {path}"),
            port: None,
            python: None,
            instead: also.into_iter().chain(of_python).collect(),
        });
    }
    if let Some((path, entry)) = dockerfile {
        return Ok(Detected {
            kind: AppKind::Dockerfile(path.clone()),
            why: format!("its root has a {path}"),
            port: entry.text.as_deref().and_then(exposed),
            python: None,
            instead: of_python.into_iter().collect(),
        });
    }
    let (kind, why) = python?;
    Ok(Detected {
        kind,
        why,
        port: None,
        python: python_version(listing),
        instead: Vec::new(),
    })
}

/// The Python file that is run, and why that one.
fn python(listing: &Listing) -> Result<(AppKind, String), Undetected> {
    let files: Vec<(&TreePath, &Entry)> = listing
        .root()
        .filter(|(path, _)| path.extension() == Some("py"))
        .collect();
    let named = ENTRIES
        .iter()
        .find_map(|name| files.iter().find(|(path, _)| path.as_str() == *name));
    let serving: Vec<_> = files
        .iter()
        .filter(|(_, entry)| framework(entry) != Framework::Script)
        .collect();
    let (path, entry, why) = match (files.as_slice(), named, serving.as_slice()) {
        ([], _, _) => return Err(Undetected::Nothing(names(listing.root()))),
        (_, Some((path, entry)), _) => (path, entry, "is named as a file that is run"),
        ([(path, entry)], _, _) => (path, entry, "is its only Python file"),
        (_, _, [(path, entry)]) => (path, entry, "is its only Python file that serves something"),
        _ => return Err(Undetected::Several(names(files.iter().copied()))),
    };
    let framework = framework(entry);
    let what = match &framework {
        Framework::Gradio => "and imports gradio".to_owned(),
        Framework::Streamlit => "and imports streamlit".to_owned(),
        Framework::FastApi(name) => format!("and makes the FastAPI application `{name}`"),
        Framework::Script => "and imports no web framework that is known".to_owned(),
    };
    let kind = AppKind::Python {
        framework,
        entry: (*path).clone(),
    };
    Ok((kind, format!("{path} {why} {what}")))
}

/// At most eight names.
fn names<'a>(files: impl Iterator<Item = (&'a TreePath, &'a Entry)>) -> String {
    let names: Vec<&str> = files.map(|(path, _)| path.as_str()).collect();
    match names.as_slice() {
        [] => "no file at all, only folders".to_owned(),
        [first @ .., _] if first.len() >= 8 => {
            let shown: Vec<&str> = names.iter().take(8).copied().collect();
            format!("{} and {} more", shown.join(", "), names.len() - 8)
        }
        _ => names.join(", "),
    }
}

/// A pattern of this file. They are constants, and a test compiles each.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static FASTAPI: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?m)^([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?::[^=\n]*)?=[ \t]*(?:fastapi\.)?FastAPI\(")
});
static GRADIO: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?m)^[ \t]*(?:import|from)[ \t]+gradio\b"));
static STREAMLIT: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?m)^[ \t]*(?:import|from)[ \t]+streamlit\b"));
static EXPOSE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?mi)^[ \t]*EXPOSE[ \t]+([0-9]{1,5})(?:/tcp)?[ \t]*\r?$"));
static REQUIRES: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?m)^[ \t]*requires-python[ \t]*=[ \t]*["']([^"'\n]{1,80})["']"#));

/// What a Python file is served by. A Gradio interface that is mounted into a FastAPI application is that application.
fn framework(entry: &Entry) -> Framework {
    let text = entry.text.as_deref().unwrap_or_default();
    let has = |regex: &Option<Regex>| regex.as_ref().is_some_and(|regex| regex.is_match(text));
    let fastapi = FASTAPI
        .as_ref()
        .and_then(|regex| regex.captures(text)?.get(1));
    match fastapi {
        Some(name) => Framework::FastApi(name.as_str().to_owned()),
        None if has(&STREAMLIT) => Framework::Streamlit,
        None if has(&GRADIO) => Framework::Gradio,
        None => Framework::Script,
    }
}

/// The port that a Dockerfile exposes, if it exposes exactly one.
fn exposed(dockerfile: &str) -> Option<Port> {
    let mut found = EXPOSE.as_ref()?.captures_iter(dockerfile);
    let port = found.next()?.get(1)?.as_str().parse().ok()?;
    found.next().is_none().then_some(port)
}

fn python_version(listing: &Listing) -> Option<String> {
    let text = |name| {
        listing
            .get(name)
            .and_then(|(_, entry)| entry.text.as_deref())
    };
    let pinned = text(".python-version").and_then(|text| text.lines().next());
    let pinned = pinned
        .map(str::trim)
        .filter(|line| !line.is_empty() && line.len() <= 80);
    let asked = || {
        let found = REQUIRES.as_ref()?.captures(text("pyproject.toml")?)?;
        Some(found.get(1)?.as_str())
    };
    pinned.or_else(asked).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(files: &[(&str, &str)]) -> Listing {
        let entry = |(path, text): &(&str, &str)| {
            let entry = Entry {
                size: text.len() as u64,
                text: Some((*text).to_owned()),
                ..Entry::default()
            };
            (path.parse().unwrap(), entry)
        };
        Listing(files.iter().map(entry).collect())
    }

    fn told(files: &[(&str, &str)]) -> String {
        match detect(&listing(files)) {
            Ok(found) => format!("{}: {}", found.kind.word(), found.why),
            Err(why) => format!("none: {why}"),
        }
    }

    #[test]
    fn every_pattern_is_one() {
        for regex in [&FASTAPI, &GRADIO, &STREAMLIT, &EXPOSE, &REQUIRES] {
            assert!(regex.is_some());
        }
    }

    #[test]
    fn one_order_and_a_reason() {
        let gradio = ("app.py", "import gradio as gr\n");
        let rows: &[(&[(&str, &str)], &str)] = &[
            (&[], "none: there is nothing in it"),
            (
                &[gradio],
                "gradio: app.py is named as a file that is run and imports gradio",
            ),
            (
                &[gradio, ("Dockerfile", "FROM x\n")],
                "dockerfile: its root has a Dockerfile",
            ),
            (
                &[gradio, ("Dockerfile", ""), ("docker-compose.yml", "")],
                "compose: its root has docker-compose.yml",
            ),
            (
                &[("compose.yaml", ""), ("docker-compose.yml", "")],
                "compose: its root has compose.yaml",
            ),
            (
                &[("ui.py", "    from streamlit import x\n"), ("util.py", "")],
                "streamlit: ui.py is its only Python file that serves something and imports streamlit",
            ),
            (
                &[(
                    "api.py",
                    "import gradio\nweb: FastAPI = FastAPI(title='x')\n",
                )],
                "fastapi: api.py is its only Python file and makes the FastAPI application `web`",
            ),
            (
                &[("job.py", "# import gradio\nprint('gradio')\n")],
                "script: job.py is its only Python file and imports no web framework that is known",
            ),
            (
                &[("a.py", ""), ("b.py", "")],
                "none: it has several Python files and none of them is named as one that is run: a.py, b.py",
            ),
            (
                &[("README.md", ""), ("node_modules/x/Dockerfile", "")],
                "none: its root has no compose file, no Dockerfile and no Python file; there is README.md",
            ),
        ];
        for (files, expected) in rows {
            assert_eq!(told(files), *expected);
        }
    }

    #[test]
    fn what_a_folder_says_of_itself() {
        fn found(files: &[(&str, &str)]) -> Detected {
            detect(&listing(files)).unwrap()
        }
        let port = |text| found(&[("Dockerfile", text)]).port.map(Port::get);
        assert_eq!(port("FROM x\nEXPOSE 7860\n"), Some(7860));
        assert_eq!(port("expose 80/tcp\r\n"), Some(80));
        assert_eq!(port("EXPOSE 80\nEXPOSE 81\n"), None);
        assert_eq!(port("EXPOSE $PORT\n"), None);
        assert_eq!(port("EXPOSE 99999\n"), None);
        let python = |name, text| found(&[("app.py", ""), (name, text)]).python;
        assert_eq!(python(".python-version", "3.11\n"), Some("3.11".into()));
        assert_eq!(
            python(
                "pyproject.toml",
                "[project]\nrequires-python = \">=3.10,<3.13\"\n"
            ),
            Some(">=3.10,<3.13".into())
        );
        assert_eq!(python("requirements.txt", "gradio\n"), None);
        let both = found(&[("app.py", "import gradio\n"), ("Dockerfile", "")]);
        assert_eq!(both.instead.len(), 1);
    }
}
