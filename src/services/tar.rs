//! A small archive of plain files (pure), for what is sent to a host as one stream.

use thiserror::Error;

/// The most bytes of an archive.
pub(super) const MOST: usize = 64 * 1024 * 1024;

/// Bytes of a block.
const BLOCK: usize = 512;

/// Why files can't be put into one archive.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidArchive {
    /// A name that is not relative, climbs out, or is longer than its field.
    #[error("{0:?} can't be the name of a file that is sent")]
    Name(String),
    /// All of them together.
    #[error("the files that are to be sent are larger than 64 MiB together")]
    TooBig,
}

/// A file to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its way from the folder.
    pub name: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// Whether it may be run.
    pub runs: bool,
}

/// Packs files as `tar` reads them. They belong to whoever unpacks them.
pub(super) fn tar(files: &[Packed]) -> Result<Vec<u8>, InvalidArchive> {
    let mut archive = Vec::new();
    for file in files {
        archive.extend_from_slice(&header(file)?);
        archive.extend_from_slice(&file.content);
        let whole = archive.len().next_multiple_of(BLOCK);
        archive.resize(whole, 0);
        if archive.len() > MOST {
            return Err(InvalidArchive::TooBig);
        }
    }
    // Two empty blocks are its end.
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Ok(archive)
}

fn header(file: &Packed) -> Result<[u8; BLOCK], InvalidArchive> {
    let name = file.name.as_str();
    let steps = || name.split('/');
    let fits = (1..=100).contains(&name.len())
        && !name.contains('\0')
        && steps().all(|step| !matches!(step, "" | "." | ".."));
    if !fits {
        return Err(InvalidArchive::Name(name.to_owned()));
    }
    let mut head = [0; BLOCK];
    let size = format!("{:011o}", file.content.len());
    let mode: &[u8] = if file.runs { b"0000755" } else { b"0000644" };
    let fields: [(usize, &[u8]); 9] = [
        (0, name.as_bytes()),
        (100, mode),
        (108, b"0000000"),
        (116, b"0000000"),
        (124, size.as_bytes()),
        (136, b"00000000000"),
        (148, b"        "),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ];
    for (from, value) in fields {
        if let Some(field) = head.get_mut(from..from + value.len()) {
            field.copy_from_slice(value);
        }
    }
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(field) = head.get_mut(148..156) {
        field.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(name: &str, size: usize) -> Packed {
        Packed {
            name: name.to_owned(),
            content: vec![0; size],
            runs: false,
        }
    }

    #[test]
    fn names_stay_inside() {
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../b",
            "a//b",
            "./a",
            "a\0b",
            &"x".repeat(101),
        ] {
            assert!(tar(&[packed(name, 0)]).is_err(), "{name:?}");
        }
        assert_eq!(tar(&[]).unwrap().len(), 1024);
        let big = tar(&[packed("a", MOST + 1)]);
        assert_eq!(big, Err(InvalidArchive::TooBig));
    }
}
