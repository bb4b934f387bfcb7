//! What names a model: the key of its recipe, its repository or its folder. Whatever else is known of it is the trade's.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The longest name of a repository. The hub's own bound is 96 for each half.
const LONGEST: usize = 193;

/// A repository on the hub, `ORGANISATION/NAME`: letters, digits, `-`, `_` and `.`, neither half beginning with `.` or `-`, none
/// with `--` or `..` in it, as the hub has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoId(Arc<str>);

/// Not the name of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not the name of a repository: ORGANISATION/NAME in letters, digits, -, _ and .")]
pub struct InvalidRepo(String);

impl RepoId {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that the hub's cache keeps it in: `models--ORGANISATION--NAME`.
    pub fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }

    /// The repository whose folder in a cache this is.
    pub fn from_folder(folder: &str) -> Option<Self> {
        let (organisation, name) = folder.strip_prefix("models--")?.split_once("--")?;
        format!("{organisation}/{name}").parse().ok()
    }
}

impl FromStr for RepoId {
    type Err = InvalidRepo;

    fn from_str(text: &str) -> Result<Self, InvalidRepo> {
        let fits = |half: &str| {
            !half.is_empty()
                && !half.starts_with(['.', '-'])
                && !half.ends_with(['.', '-'])
                && !half.contains("--")
                && !half.contains("..")
                && half
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((organisation, name))
                if text.len() <= LONGEST && fits(organisation) && fits(name) =>
            {
                Ok(Self(text.into()))
            }
            _ => Err(InvalidRepo(text.chars().take(LONGEST).collect())),
        }
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for RepoId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RepoId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_two_plain_halves() {
        for good in [
            "Qwen/Qwen3.6-35B-A3B-FP8",
            "openai/gpt-oss-120b",
            "a/b",
            "a_b/c.d",
        ] {
            let repo: RepoId = good.parse().unwrap();
            assert_eq!(repo.as_str(), good);
            assert_eq!(RepoId::from_folder(&repo.folder()), Some(repo));
        }
        for bad in [
            "", "a", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a/.b", "-a/b", "a b/c", "a/b;id",
            "a/$(id)", "a/b\n", "a--b/c", "ä/b", "a/b..c", "a/b.",
        ] {
            assert!(bad.parse::<RepoId>().is_err(), "{bad:?}");
        }
        assert!(format!("a/{}", "b".repeat(200)).parse::<RepoId>().is_err());
        assert_eq!(RepoId::from_folder("datasets--a--b"), None);
    }
}
