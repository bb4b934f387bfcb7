//! Where to go on in a file after a break, through every rotation that happened meanwhile. Pure.

use crate::text::SafeText;

/// A file as `stat` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sibling {
    pub(super) inode: u64,
    pub(super) size: u64,
    /// When it was last written to, in seconds of the host's clock.
    pub(super) written: i64,
    pub(super) regular: bool,
    pub(super) name: String,
}

/// Something to be read, from this byte on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) inode: u64,
    pub(super) offset: u64,
    pub(super) name: String,
}

/// What is read, and what can't be read any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Files that nothing is written to any more, the oldest first.
    pub(super) old: Vec<Step>,
    /// The file of this name; `None` while there is none.
    pub(super) present: Option<Step>,
    /// Why lines are missing before `old`.
    pub(super) missing: Option<SafeText>,
}

/// Ends of names that `tail` makes no sense of.
const COMPRESSED: [&str; 6] = [".gz", ".xz", ".zst", ".bz2", ".lz4", ".Z"];

/// What to read to go on at a place. Without one: the present file from its beginning.
pub(super) fn plan(files: &[Sibling], path: &str, place: Option<(u64, u64)>) -> Plan {
    let present = files.iter().find(|file| file.name == path && file.regular);
    let from = |file: &Sibling, offset| Step {
        inode: file.inode,
        offset,
        name: file.name.clone(),
    };
    let begin = present.map(|file| from(file, 0));
    let Some((inode, offset)) = place else {
        return Plan {
            present: begin,
            ..Plan::default()
        };
    };
    if let Some(file) = present.filter(|file| file.inode == inode) {
        return if file.size >= offset {
            Plan {
                present: Some(from(file, offset)),
                ..Plan::default()
            }
        } else {
            Plan {
                present: begin,
                missing: Some("the file was truncated meanwhile".into()),
                ..Plan::default()
            }
        };
    }
    let old = files
        .iter()
        .find(|file| file.inode == inode && file.regular);
    let Some(old) = old.filter(|file| file.size >= offset) else {
        return Plan {
            present: begin,
            missing: Some(
                "the file was rotated meanwhile, and the old one is gone or compressed".into(),
            ),
            ..Plan::default()
        };
    };
    let mut steps = vec![from(old, offset)];
    let (between, compressed) = rotated_since(files, old, present);
    steps.extend(between.into_iter().map(|file| from(file, 0)));
    Plan {
        old: steps,
        present: begin,
        missing: compressed.then(|| {
            "the file was rotated more than once meanwhile, and a part is compressed".into()
        }),
    }
}

/// Files that were begun and rotated away after `old`, in the order they were written; and whether some can't be read.
fn rotated_since<'a>(
    files: &'a [Sibling],
    old: &Sibling,
    present: Option<&Sibling>,
) -> (Vec<&'a Sibling>, bool) {
    let mut later: Vec<&Sibling> = files
        .iter()
        .filter(|file| file.regular && file.inode != old.inode)
        .filter(|file| present.is_none_or(|present| present.inode != file.inode))
        .filter(|file| file.written > old.written)
        .collect();
    later.sort_by_key(|file| (file.written, file.inode));
    later.dedup_by_key(|file| file.inode);
    let before = later.len();
    later.retain(|file| !is_compressed(&file.name));
    let compressed = later.len() < before;
    (later, compressed)
}

/// The file that was rotated away right before this one, for reading older lines.
pub(super) fn older<'a>(files: &'a [Sibling], path: &str, inode: u64) -> Option<&'a Sibling> {
    let written = |file: &Sibling| {
        // The present file is always the newest, whatever its clock says.
        if file.name == path {
            i64::MAX
        } else {
            file.written
        }
    };
    let this = files.iter().find(|file| file.inode == inode)?;
    files
        .iter()
        .filter(|file| file.regular && file.inode != inode && !is_compressed(&file.name))
        .filter(|file| written(file) < written(this))
        .max_by_key(|file| file.written)
}

fn is_compressed(name: &str) -> bool {
    COMPRESSED.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, inode: u64, size: u64, written: i64) -> Sibling {
        Sibling {
            inode,
            size,
            written,
            regular: true,
            name: format!("/l/{name}"),
        }
    }

    fn told(files: &[Sibling], place: Option<(u64, u64)>) -> String {
        let plan = plan(files, "/l/a", place);
        let step = |step: &Step| format!("{}@{}", step.name.trim_start_matches("/l/"), step.offset);
        let mut words: Vec<String> = plan.old.iter().map(step).collect();
        words.extend(plan.present.as_ref().map(|s| format!("*{}", step(s))));
        words.extend(plan.missing.map(|_| "missing".to_owned()));
        words.join(" ")
    }

    type Row<'a> = (&'a [Sibling], Option<(u64, u64)>, &'a str);

    #[test]
    fn plans_by_rows() {
        let now = file("a", 5, 100, 50);
        let one = file("a.1", 4, 80, 40);
        let two = file("a.2", 3, 80, 30);
        let zipped = file("a.2.gz", 9, 20, 30);
        let rows: &[Row<'_>] = &[
            (&[], None, ""),
            (std::slice::from_ref(&now), None, "*a@0"),
            (std::slice::from_ref(&now), Some((5, 100)), "*a@100"),
            (std::slice::from_ref(&now), Some((5, 101)), "*a@0 missing"),
            (&[now.clone(), one.clone()], Some((4, 60)), "a.1@60 *a@0"),
            (
                &[now.clone(), one.clone(), two.clone()],
                Some((3, 7)),
                "a.2@7 a.1@0 *a@0",
            ),
            (&[one.clone(), two.clone()], Some((3, 7)), "a.2@7 a.1@0"),
            (&[now.clone(), zipped.clone()], Some((3, 7)), "*a@0 missing"),
            (
                &[now.clone(), file("a.3", 2, 9, 20), zipped, one],
                Some((2, 9)),
                "a.3@9 a.1@0 *a@0 missing",
            ),
        ];
        for (files, place, wanted) in rows {
            assert_eq!(told(files, *place), *wanted, "{files:?} {place:?}");
        }
    }

    #[test]
    fn older_files_by_rows() {
        let files = [
            file("a", 5, 1, 10),
            file("a.1", 4, 1, 40),
            file("a.2", 3, 1, 30),
            file("a.0.gz", 2, 1, 35),
        ];
        let name = |inode| older(&files, "/l/a", inode).map(|file| file.name.as_str());
        assert_eq!(name(5), Some("/l/a.1"));
        assert_eq!(name(4), Some("/l/a.2"));
        assert_eq!(name(3), None);
        assert_eq!(name(77), None);
    }
}
