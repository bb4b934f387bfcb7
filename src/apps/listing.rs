//! What lies in a folder that is to be deployed (pure): names, sizes, and the text of the few files that tell what it is.

use std::collections::BTreeMap;

use crate::domain::TreePath;

/// Most bytes of a file that are read to tell what it is.
pub const READ: usize = 256 * 1024;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Bytes.
    pub size: u64,
    /// Whether it may be run.
    pub runs: bool,
    /// Its text, where it is one of those that are read.
    pub text: Option<String>,
}

/// The files of a folder, after its ignore files had their say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing(pub BTreeMap<TreePath, Entry>);

impl Listing {
    /// Whether a file's text tells what its folder is: it is read before anything is decided.
    pub fn tells(path: &TreePath) -> bool {
        let name = path.name();
        super::detect::NAMED.contains(&name)
            || super::detect::COMPOSE.contains(&name)
            || path.extension() == Some("py")
    }

    /// The folder that counts: the only one at the top where nothing but it is there, as in an archive of a folder.
    pub fn top(&self) -> Option<&str> {
        let mut tops = self.0.keys().map(|path| path.as_str().split_once('/'));
        let (first, _) = tops.next()??;
        tops.all(|top| top.is_some_and(|(folder, _)| folder == first))
            .then_some(first)
    }

    /// Below its only folder, if it has only one.
    pub fn below_top(self) -> Self {
        let Some(top) = self.top().map(|top| format!("{top}/")) else {
            return self;
        };
        let files = self.0.into_iter().filter_map(|(path, entry)| {
            let below = path.as_str().strip_prefix(&top)?.parse().ok()?;
            Some((below, entry))
        });
        Self(files.collect())
    }

    /// The files directly in it.
    pub fn root(&self) -> impl Iterator<Item = (&TreePath, &Entry)> {
        self.0.iter().filter(|(path, _)| path.folder().is_none())
    }

    /// A file directly in it.
    pub fn get(&self, name: &str) -> Option<(&TreePath, &Entry)> {
        let path: TreePath = name.parse().ok()?;
        self.0.get_key_value(&path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paths: &[&str]) -> Listing {
        let entry = |path: &&str| (path.parse().unwrap(), Entry::default());
        Listing(paths.iter().map(entry).collect())
    }

    #[test]
    fn the_only_folder_at_the_top_is_the_folder() {
        assert_eq!(listing(&["a/x", "a/b/y"]).top(), Some("a"));
        assert_eq!(listing(&["a/x", "y"]).top(), None);
        assert_eq!(listing(&["a/x", "b/y"]).top(), None);
        assert_eq!(listing(&[]).top(), None);
        assert_eq!(
            listing(&["a/x", "a/b/y"]).below_top(),
            listing(&["x", "b/y"])
        );
        assert_eq!(listing(&["x", "a/y"]).below_top(), listing(&["x", "a/y"]));
    }
}
