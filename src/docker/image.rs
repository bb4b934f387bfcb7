//! An image of an engine, from what its list says (pure).

use serde::Deserialize;

use super::bounded::Few;
use crate::domain::{Bytes, Wall};
use crate::text::SafeText;

/// Most images that are taken from one engine.
const IMAGES: usize = 20_000;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its identity, `sha256:…`.
    pub id: SafeText,
    /// The names that point to it; none: nothing does.
    pub names: Vec<SafeText>,
    /// With all layers beneath it.
    pub size: Bytes,
    /// When it was made.
    pub created: Wall,
}

/// The answer to `GET /images/json`.
pub(super) type Listed = Few<Summary, IMAGES>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Summary {
    id: String,
    repo_tags: Few<String, 256>,
    repo_digests: Few<String, 256>,
    size: i64,
    created: i64,
}

impl From<Summary> for Image {
    fn from(listed: Summary) -> Self {
        // An image that was pulled by its digest has no tag, and is named all the same.
        let named = |name: &String| !name.contains("<none>");
        let tags = listed.repo_tags.0.iter().filter(|name| named(name));
        let digests = listed.repo_digests.0.iter().filter(|name| named(name));
        let mut names: Vec<_> = tags.map(|name| SafeText::new(name)).collect();
        if names.is_empty() {
            names = digests.map(|name| SafeText::new(name)).collect();
        }
        Self {
            id: listed.id.into(),
            names,
            size: Bytes(listed.size.try_into().unwrap_or_default()),
            created: Wall(listed.created.saturating_mul(1000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_rows() {
        for (tags, digests, names) in [
            (r#"["a:1","b:2"]"#, "null", &["a:1", "b:2"][..]),
            (r#"["<none>:<none>"]"#, r#"["<none>@<none>"]"#, &[]),
            ("null", "null", &[]),
            ("[]", r#"["a@sha256:1"]"#, &["a@sha256:1"]),
        ] {
            let json = format!(
                r#"{{"Id":"sha256:1","RepoTags":{tags},"RepoDigests":{digests},"Size":-1,"Created":1}}"#
            );
            let image = Image::from(serde_json::from_str::<Summary>(&json).unwrap());
            let found: Vec<_> = image.names.iter().map(SafeText::as_str).collect();
            assert_eq!(found, names, "{json}");
            assert_eq!((image.size, image.created), (Bytes(0), Wall(1000)));
        }
    }
}
