//! Which folders of a person's own are models (pure): those with a `config.json` or a `.gguf` file, one or two levels below a
//! folder that the config names, or that folder itself.

use std::collections::{BTreeMap, BTreeSet};

use super::ModelSource;
use crate::shell::RemotePath;

/// What was seen below one folder: by the path of a folder relative to it, the lines that are its fingerprint.
#[derive(Debug, Default)]
pub(super) struct Seen {
    folders: BTreeMap<String, String>,
    with_config: BTreeSet<String>,
    with_gguf: BTreeSet<String>,
}

impl Seen {
    /// `MTIME CTIME INODE SIZE NAME`, the name beginning with `./` and, of a folder, ending with `/`.
    pub(super) fn take(&mut self, line: &str) {
        let name = line.splitn(5, ' ').nth(4);
        let Some(path) = name.and_then(|name| name.strip_prefix("./")) else {
            return;
        };
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        if folder.split('/').any(|part| part == ".." || part == ".") {
            return;
        }
        match file {
            "" => {}
            "config.json" => {
                self.with_config.insert(folder.to_owned());
            }
            _ if file.rsplit_once('.').is_some_and(|(_, end)| end == "gguf") => {
                self.with_gguf.insert(folder.to_owned());
            }
            _ => return,
        }
        let print = self.folders.entry(folder.to_owned()).or_default();
        print.push_str(line);
        print.push('\n');
    }

    fn is_model(&self, folder: &str) -> bool {
        self.with_config.contains(folder) || self.with_gguf.contains(folder)
    }

    /// A model's own folders are none; but a folder of models may hold loose files of such beside them.
    fn is_inside_a_model(&self, folder: &str) -> bool {
        if self.with_config.contains("") {
            return true;
        }
        let (above, _) = folder.rsplit_once('/').unwrap_or_default();
        !above.is_empty() && self.is_model(above)
    }
}

/// The models at or below this folder, each with its fingerprint.
pub(super) fn models(at: &RemotePath, seen: &Seen) -> Vec<(ModelSource, String)> {
    let is_wanted = |folder: &str| {
        // A hub's cache that is named as a folder of models: its repositories are found as such.
        seen.is_model(folder)
            && !folder.starts_with("models--")
            && (folder.is_empty() || !seen.is_inside_a_model(folder))
    };
    let named = |folder: &str| match folder {
        "" => Some(at.clone()),
        _ => RemotePath::new(format!("{}/{folder}", at.as_str().trim_end_matches('/'))).ok(),
    };
    seen.folders
        .iter()
        .filter(|(folder, _)| is_wanted(folder))
        .filter_map(|(folder, print)| Some((ModelSource::Local(named(folder)?), print.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Vec<String> {
        let mut seen = Seen::default();
        for name in names {
            seen.take(&format!("1 2 3 4 {name}"));
        }
        let at = RemotePath::new("/srv/models/").unwrap();
        let models = models(&at, &seen);
        let name = |source: &ModelSource| match source {
            ModelSource::Local(path) => path.as_str().to_owned(),
            ModelSource::Repo(repo) => repo.to_string(),
        };
        models.iter().map(|(source, _)| name(source)).collect()
    }

    #[test]
    fn a_folder_with_a_config_or_a_gguf_is_a_model_by_rows() {
        let rows: [(&[&str], &[&str]); 7] = [
            (&["./", "./a/", "./a/config.json"], &["/srv/models/a"]),
            (&["./b c/x y.gguf"], &["/srv/models/b c"]),
            (
                &["./org/", "./org/name/config.json"],
                &["/srv/models/org/name"],
            ),
            // Parts of a model are none.
            (
                &["./a/config.json", "./a/text_encoder/config.json"],
                &["/srv/models/a"],
            ),
            (&["./config.json", "./x/config.json"], &["/srv/models/"]),
            (
                &["./loose.gguf", "./x/config.json"],
                &["/srv/models/", "/srv/models/x"],
            ),
            (
                &[
                    "./../etc/config.json",
                    "/etc/config.json",
                    "./empty/",
                    "./models--a--b/config.json",
                ],
                &[],
            ),
        ];
        for (names, expected) in rows {
            assert_eq!(found(names), expected, "{names:?}");
        }
    }
}
