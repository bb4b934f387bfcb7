//! What the script that looks for weights answers, line by line (pure). Names in it are foreign.

use std::collections::BTreeMap;

use super::weights_config;
use super::weights_local::{self, Seen};
use super::{ModelConfig, ModelSource};
use crate::domain::{Bytes, RepoId, Wall};
use crate::shell::RemotePath;
use crate::text::SafeText;

/// One answer of the script.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// The host's clock.
    pub(super) now: Wall,
    pub(super) cache: Option<RemotePath>,
    pub(super) free: Option<Bytes>,
    /// What there is, each with the lines that change when something in it does.
    pub(super) prints: BTreeMap<ModelSource, String>,
    /// What was listed file by file.
    pub(super) listed: Vec<Listed>,
    pub(super) troubles: Vec<SafeText>,
}

/// An entry that was listed file by file.
#[derive(Debug, PartialEq)]
pub(super) struct Listed {
    pub(super) source: ModelSource,
    /// Of a cached repository: the commit of the snapshot in use.
    pub(super) revision: Option<String>,
    pub(super) files: Vec<File>,
    /// Links whose file is not there.
    pub(super) broken: Vec<String>,
    /// Files with a line end in their name.
    pub(super) odd: u32,
    /// Half-written files.
    pub(super) halves: u32,
    /// Files that are shorter than their own headers say.
    pub(super) short: u32,
    /// When the last of the half-written was written to.
    pub(super) half_changed: Wall,
    /// Each index with the shards that it names.
    pub(super) indexes: Vec<(String, Vec<String>)>,
    pub(super) config: Option<ModelConfig>,
    /// It holds more files than are listed.
    pub(super) many: bool,
}

#[derive(Debug, PartialEq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) changed: Wall,
    /// Device and inode: two names of one file are counted once.
    pub(super) inode: String,
}

impl Listed {
    fn new(source: ModelSource) -> Self {
        Self {
            source,
            revision: None,
            files: Vec::new(),
            broken: Vec::new(),
            odd: 0,
            halves: 0,
            short: 0,
            half_changed: Wall::default(),
            indexes: Vec::new(),
            config: None,
            many: false,
        }
    }

    fn take(&mut self, word: &str, rest: &str) {
        match word {
            "revision" => self.revision = Some(rest.to_owned()),
            "file" => self.files.extend(file(rest)),
            "broken" => self.broken.push(rest.to_owned()),
            "odd" => self.odd += 1,
            "short" => self.short += 1,
            "half" => {
                self.halves += 1;
                let changed = rest.split(' ').nth(1).and_then(seconds);
                self.half_changed = self.half_changed.max(changed.unwrap_or_default());
            }
            "index" => self.indexes.push((rest.to_owned(), Vec::new())),
            "shard" => {
                if let Some((_, shards)) = self.indexes.last_mut() {
                    shards.push(rest.trim_matches('"').to_owned());
                }
            }
            "config" => self.config = weights_config::read(rest),
            "many" => self.many = true,
            _ => {}
        }
    }
}

/// Reads an answer: what stands before its first line is a login's own words. `None`: it is not ours, or it broke off.
pub(super) fn read(all: &[u8], folders: &[RemotePath]) -> Option<Answer> {
    let mut answer = Answer::default();
    let mut lines = all.split(|byte| *byte == b'\n');
    lines.find(|line| *line == b"pilothouse-weights 1")?;
    let mut local: Vec<(usize, Seen)> = Vec::new();
    for line in lines {
        // A path that is no text can't be asked for again, and a lossy one would be another path.
        let Ok(text) = std::str::from_utf8(line) else {
            answer.trouble("a file name there is no text");
            continue;
        };
        if text == "end" {
            for (number, seen) in local {
                let models = folders
                    .get(number)
                    .map(|at| weights_local::models(at, &seen));
                answer.prints.extend(models.into_iter().flatten());
            }
            return Some(answer);
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "folder" => local.extend(rest.parse().map(|number| (number, Seen::default()))),
            "local" => {
                if let Some((_, seen)) = local.last_mut() {
                    seen.take(rest);
                }
            }
            "unreadable" => {
                let folder = rest
                    .parse()
                    .ok()
                    .and_then(|number: usize| folders.get(number));
                let name = folder.map_or("", RemotePath::as_str);
                answer.trouble(&format!("{name} can not be read"));
            }
            _ => answer.take(word, rest),
        }
    }
    None
}

impl Answer {
    fn trouble(&mut self, words: &str) {
        let words = SafeText::new(words);
        if !self.troubles.contains(&words) {
            self.troubles.push(words);
        }
    }

    fn take(&mut self, word: &str, rest: &str) {
        match word {
            "now" => self.now = seconds(rest).unwrap_or_default(),
            "free" => self.free = free(rest),
            "cache" => self.cache = RemotePath::new(rest).ok(),
            "trouble" => self.trouble(rest),
            "hub" => self.hub(rest),
            "model" => self.listed.extend(source(rest).map(Listed::new)),
            _ => {
                if let Some(listed) = self.listed.last_mut() {
                    listed.take(word, rest);
                }
            }
        }
    }

    /// `MTIME CTIME INODE SIZE NAME`, the name relative to the cache.
    fn hub(&mut self, line: &str) {
        let Some(path) = line.splitn(5, ' ').nth(4) else {
            return;
        };
        let folder = path.split('/').next().unwrap_or_default();
        if let Some(repo) = RepoId::from_folder(folder) {
            let print = self.prints.entry(ModelSource::Repo(repo)).or_default();
            print.push_str(line);
            print.push('\n');
        }
    }
}

/// The entry that was asked for, as it was named to the script.
fn source(name: &str) -> Option<ModelSource> {
    if name.starts_with('/') {
        return RemotePath::new(name).ok().map(ModelSource::Local);
    }
    RepoId::from_folder(name).map(ModelSource::Repo)
}

pub(super) fn seconds(text: &str) -> Option<Wall> {
    let seconds: i64 = text.parse().ok()?;
    Some(Wall(seconds.saturating_mul(1000)))
}

/// `MODE SIZE MTIME DEVICE.INODE NAME`; folders are no files.
fn file(rest: &str) -> Option<File> {
    const REGULAR: u32 = 0o100_000;
    let mut words = rest.splitn(5, ' ');
    let mode = u32::from_str_radix(words.next()?, 16).ok()?;
    let size = words.next()?.parse().ok()?;
    let changed = seconds(words.next()?)?;
    let inode = words.next()?.to_owned();
    let name = words.next()?.to_owned();
    (mode & 0o170_000 == REGULAR).then_some(File {
        name,
        size,
        changed,
        inode,
    })
}

/// The last line of `df -Pk`: the number before the share in use is what is free, in KiB. A device may have blanks in its name.
fn free(line: &str) -> Option<Bytes> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let shared = |word: &&str| {
        let share = word.strip_suffix('%');
        share.is_some_and(|share| share.parse::<u8>().is_ok())
    };
    let at = words.iter().position(shared)?;
    let kib: u64 = words.get(at.checked_sub(1)?)?.parse().ok()?;
    Some(Bytes(kib.saturating_mul(1024)))
}
