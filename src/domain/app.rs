//! What an app is (pure): its name, what runs it, and the words of its life. From a folder, its `pilothouse.yaml`, or what stands on a host.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::SafeText;

/// Longest name of an app: a label of DNS and a piece of a URL have room for it.
const LONGEST_NAME: usize = 40;

/// Longest path inside a folder: what Linux takes, less what stands before it on a host.
const LONGEST_PATH: usize = 1024;

/// The name of an app, unique on its host: `[a-z0-9-]`, 1 to 40, beginning and ending with a letter or digit. It stands in file
/// names, labels, URLs and the proxy's configuration, so that nothing of it can ever mean anything else there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppName(Arc<str>);

/// Why a text is no name of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an app's name is 1 to 40 of a-z, 0-9 and -, and begins and ends with a letter or a digit")]
pub struct InvalidAppName;

impl AppName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a folder or file would be called: `My App.py` gives `my-app`. `None` where nothing of it can stand in a name.
    pub fn suggest(from: &str) -> Option<Self> {
        let stem = match from.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => from,
        };
        let mut name = String::new();
        for letter in stem.chars().map(|letter| letter.to_ascii_lowercase()) {
            match letter {
                'a'..='z' | '0'..='9' => name.push(letter),
                _ if name.ends_with('-') => {}
                _ => name.push('-'),
            }
        }
        let name = name.trim_matches('-');
        let short: String = name.chars().take(LONGEST_NAME).collect();
        short.trim_matches('-').parse().ok()
    }
}

impl FromStr for AppName {
    type Err = InvalidAppName;

    fn from_str(text: &str) -> Result<Self, InvalidAppName> {
        let inner = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let ends = !text.starts_with('-') && !text.ends_with('-');
        if inner && ends && (1..=LONGEST_NAME).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAppName)
        }
    }
}

impl TryFrom<String> for AppName {
    type Error = InvalidAppName;

    fn try_from(text: String) -> Result<Self, InvalidAppName> {
        text.parse()
    }
}

impl From<AppName> for String {
    fn from(name: AppName) -> Self {
        name.0.to_string()
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The way from an app's folder to something in it: relative, `/` between its steps, never upwards, nothing that can't be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(Arc<str>);

/// Why a text is no way into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidTreePath {
    /// Nothing, or a step of nothing: `a//b`, `/a`, `a/`.
    #[error("it is empty, absolute, or has an empty step")]
    Empty,
    /// `.` or `..`.
    #[error("it has a step that is `.` or `..`")]
    Climbs,
    /// A character that can't be seen, or that turns text around.
    #[error("it holds a character that can't be seen")]
    Unseen,
    /// More than a host takes.
    #[error("it is longer than 1024 bytes, or one of its steps is longer than 255")]
    TooLong,
}

impl TreePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last step.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// What is behind the last dot of its last step: `py`. A name that begins with its only dot has none.
    pub fn extension(&self) -> Option<&str> {
        let (stem, extension) = self.name().rsplit_once('.')?;
        (!stem.is_empty()).then_some(extension)
    }

    /// What is before its last step; `None` at the top.
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }
}

impl FromStr for TreePath {
    type Err = InvalidTreePath;

    fn from_str(text: &str) -> Result<Self, InvalidTreePath> {
        if text.len() > LONGEST_PATH || text.split('/').any(|step| step.len() > 255) {
            return Err(InvalidTreePath::TooLong);
        }
        if text.split('/').any(str::is_empty) {
            return Err(InvalidTreePath::Empty);
        }
        if text.split('/').any(|step| matches!(step, "." | "..")) {
            return Err(InvalidTreePath::Climbs);
        }
        // What the sanitiser would change is what can't be seen.
        if SafeText::new(text).as_str() != text {
            return Err(InvalidTreePath::Unseen);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for TreePath {
    type Error = InvalidTreePath;

    fn try_from(text: String) -> Result<Self, InvalidTreePath> {
        text.parse()
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.0.to_string()
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What runs an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// A Python file in a virtual environment of its own.
    Python {
        /// What serves it.
        framework: Framework,
        /// The file that is run.
        entry: TreePath,
    },
    /// An image that is built on the host.
    Dockerfile(TreePath),
    /// A compose project, after it was scanned.
    Compose(TreePath),
    /// What `docker save` wrote.
    ImageArchive(TreePath),
    /// An image that the host has already. It is never pulled.
    Image(String),
}

impl AppKind {
    /// Its word in lists, and in `pilothouse.yaml`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Python { framework, .. } => framework.word(),
            Self::Dockerfile(_) => "dockerfile",
            Self::Compose(_) => "compose",
            Self::ImageArchive(_) => "image-archive",
            Self::Image(_) => "image",
        }
    }
}

/// What a Python file is served by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framework {
    /// It starts its own server; told where by `GRADIO_SERVER_PORT`.
    Gradio,
    /// `streamlit run`.
    Streamlit,
    /// `uvicorn MODULE:NAME`, the name of the application in the file.
    FastApi(String),
    /// It is just run; it listens at `PORT`, or nowhere.
    Script,
}

impl Framework {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Gradio => "gradio",
            Self::Streamlit => "streamlit",
            Self::FastApi(_) => "fastapi",
            Self::Script => "script",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_inert() {
        for good in ["a", "7", "my-app", "a--b", &"x".repeat(40)] {
            assert_eq!(good.parse::<AppName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "a b",
            "a/b",
            "..",
            "ä",
            "a\n",
            "a;id",
            "$(id)",
            "{",
            "a\0",
            &"x".repeat(41),
        ] {
            assert_eq!(bad.parse::<AppName>(), Err(InvalidAppName), "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_suggested_by_a_file() {
        for (from, name) in [
            ("My App.py", Some("my-app")),
            ("hello", Some("hello")),
            (".hidden", Some("hidden")),
            ("--a__b--.tar", Some("a-b")),
            ("v1.2 demo.zip", Some("v1-2-demo")),
            ("漢字", None),
            ("", None),
        ] {
            let suggested = AppName::suggest(from);
            assert_eq!(suggested.as_ref().map(AppName::as_str), name, "{from:?}");
        }
    }

    #[test]
    fn a_path_never_leaves_its_folder() {
        for good in ["a", "a/b.py", ".env", "-x", "a b/ü.txt"] {
            assert_eq!(good.parse::<TreePath>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/.",
            "a\nb",
            "a\0b",
            "a\u{1b}[31m",
            "a\u{202e}b",
            &"x".repeat(256),
            &"abc/".repeat(300),
        ] {
            assert!(bad.parse::<TreePath>().is_err(), "{bad:?}");
        }
        let path: TreePath = "a/b/c.py".parse().unwrap();
        assert_eq!((path.folder(), path.name()), (Some("a/b"), "c.py"));
        assert_eq!(path.extension(), Some("py"));
        assert_eq!(".py".parse::<TreePath>().unwrap().extension(), None);
    }

    proptest! {
        #[test]
        fn what_is_suggested_is_a_name(from in "\\PC{0,80}") {
            if let Some(name) = AppName::suggest(&from) {
                prop_assert!(name.as_str().parse::<AppName>().is_ok());
            }
        }
    }
}
