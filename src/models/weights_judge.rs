//! Whether every file of some weights is there, and how big they are (pure): by what the file system shows of them.

use std::collections::{BTreeMap, BTreeSet};

use super::weights_wire::Listed;
use super::{Completeness, ModelSource, Weights};
use crate::domain::{Bytes, Wall};
use crate::shell::RemotePath;
use crate::text::SafeText;

/// Endings of files that hold weights.
const ENDINGS: [&str; 8] = [
    ".safetensors",
    ".gguf",
    ".bin",
    ".pt",
    ".pth",
    ".npz",
    ".onnx",
    ".nemo",
];

/// Files of these endings that hold none.
const NO_WEIGHTS: [&str; 4] = [
    "training_args.bin",
    "optimizer.bin",
    "optimizer.pt",
    "scheduler.pt",
];

/// The index that counts where there are several.
const INDEXES: [&str; 2] = [
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
];

/// What was listed, as a report has it. `None`: it is gone, or was never more than an empty folder.
pub(super) fn weigh(listed: &Listed, cache: Option<&RemotePath>) -> Option<Weights> {
    let path = match &listed.source {
        ModelSource::Local(path) => path.clone(),
        ModelSource::Repo(repo) => {
            let folder = format!(
                "{}/{}",
                cache?.as_str().trim_end_matches('/'),
                repo.folder()
            );
            let path = match &listed.revision {
                Some(revision) => format!("{folder}/snapshots/{revision}"),
                None => folder,
            };
            RemotePath::new(path).ok()?
        }
    };
    if listed.files.is_empty()
        && listed.broken.is_empty()
        && listed.halves == 0
        && listed.revision.is_none()
    {
        return None;
    }
    // Two names of one file, also by a folder that is linked into itself, are one.
    let files: BTreeMap<&str, u64> = listed
        .files
        .iter()
        .map(|file| (file.inode.as_str(), file.size))
        .collect();
    let size = files
        .values()
        .fold(0_u64, |sum, size| sum.saturating_add(*size));
    let changed = listed.files.iter().map(|file| file.changed).max();
    Some(Weights {
        source: listed.source.clone(),
        path,
        size: Bytes(size),
        files: u32::try_from(files.len())
            .unwrap_or(u32::MAX)
            .saturating_add(listed.odd),
        changed: changed.unwrap_or(Wall(0)).max(listed.half_changed),
        completeness: judge(listed),
        config: listed.config.clone(),
    })
}

fn judge(listed: &Listed) -> Completeness {
    let mut missing = Vec::new();
    let sizes: BTreeMap<&str, u64> = listed
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.size))
        .collect();
    if listed.many {
        missing.push("too many files to be looked at".to_owned());
    }
    if listed.halves > 0 {
        missing.push(format!("{} half-downloaded", files(listed.halves.into())));
    }
    if listed.short > 0 {
        missing.push(format!("{} cut short", files(listed.short.into())));
    }
    let shards = missing_shards(listed, &sizes);
    let broken = listed.broken.len();
    if broken > 0 {
        missing.push(format!("{} missing", files(broken as u64)));
    } else if let Some((gone, all)) = shards {
        missing.push(format!("{gone} of {all} shards missing"));
    }
    let weights = sizes.iter().filter(|(name, _)| holds_weights(name));
    let (mut any, mut empty) = (false, 0_u64);
    for (_, size) in weights {
        any = true;
        empty += u64::from(*size == 0);
    }
    if empty > 0 {
        missing.push(format!("{} empty", files(empty)));
    }
    if !any && missing.is_empty() {
        missing.push("no file of weights among them".to_owned());
    }
    if missing.is_empty() {
        return Completeness::Complete;
    }
    Completeness::Partial(SafeText::new(&missing.join(", ")))
}

fn files(count: u64) -> String {
    match count {
        1 => "1 file".to_owned(),
        _ => format!("{count} files"),
    }
}

fn holds_weights(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    ENDINGS.iter().any(|ending| file.ends_with(ending)) && !NO_WEIGHTS.contains(&file)
}

/// How many of how many shards are missing: by the index, and by the names of the shards themselves.
fn missing_shards(listed: &Listed, sizes: &BTreeMap<&str, u64>) -> Option<(usize, usize)> {
    let named = INDEXES
        .iter()
        .find_map(|wanted| listed.indexes.iter().find(|(name, _)| name == wanted))
        .or_else(|| listed.indexes.first());
    if let Some((_, shards)) = named
        && !shards.is_empty()
    {
        let gone = shards
            .iter()
            .filter(|shard| !sizes.contains_key(shard.as_str()));
        let gone = gone.count();
        return (gone > 0).then_some((gone, shards.len()));
    }
    let mut series: BTreeMap<(&str, usize, &str), BTreeSet<usize>> = BTreeMap::new();
    for name in sizes.keys().filter(|name| holds_weights(name)) {
        if let Some((begin, number, of, end)) = numbered(name) {
            series.entry((begin, of, end)).or_default().insert(number);
        }
    }
    let (mut gone, mut all) = (0, 0);
    for ((_, of, _), have) in series {
        all += of;
        gone += of.saturating_sub(have.len());
    }
    (gone > 0).then_some((gone, all))
}

/// `model-00003-of-00016.safetensors` in its parts. A series of more than 9999 is none.
fn numbered(name: &str) -> Option<(&str, usize, usize, &str)> {
    let (head, tail) = name.split_once("-of-")?;
    let (begin, number) = head.rsplit_once('-')?;
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    let (of, end) = tail.split_at_checked(digits)?;
    let (number, of): (usize, usize) = (number.parse().ok()?, of.parse().ok()?);
    ((1..=of).contains(&number) && of < 10_000).then_some((begin, number, of, end))
}
