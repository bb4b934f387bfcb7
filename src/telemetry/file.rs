//! The log's file: for its owner's eyes only, bounded in size, one line per event, without a single control character.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::text::SafeText;

/// Size at which the log begins anew; the one before is kept beside it as `….1`.
pub(super) const LARGEST: u64 = 4 * 1024 * 1024;

/// A log that never grows beyond its bound.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    largest: u64,
}

impl LogFile {
    /// Opens the log, and its folder where there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::bounded(path, LARGEST)
    }

    fn bounded(path: &Path, largest: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let file = append(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            size,
            largest,
        })
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        fs::rename(&self.path, before)?;
        self.file = append(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        // A link in the place of the log could lead the writer anywhere.
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

/// Each write is one event, as the subscriber hands it over.
impl Write for LogFile {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = one_line(event);
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.size > 0 && self.size.saturating_add(length) > self.largest {
            self.begin_anew()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.size = self.size.saturating_add(length);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An event as one line: a host name or an error from afar must not forge a second one, nor speak to the terminal that
/// shows the log (CVE-2025-58160, CVE-2009-4487).
fn one_line(event: &[u8]) -> String {
    format!("{}\n", SafeText::from_bytes(event))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_private_bounded_and_keeps_one_predecessor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/pilothouse.log");
        let mut log = LogFile::bounded(&path, 100).unwrap();
        for n in 0..50 {
            log.write_all(format!("event {n}\n").as_bytes()).unwrap();
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        for name in names {
            assert!(fs::metadata(name).unwrap().len() <= 100);
        }
        assert!(fs::read_to_string(&path).unwrap().ends_with("event 49\n"));
    }

    #[test]
    fn it_goes_on_where_it_ended_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        LogFile::open(&path).unwrap().write_all(b"one\n").unwrap();
        LogFile::open(&path).unwrap().write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(LogFile::open(&link).is_err());
    }

    #[test]
    fn an_event_is_one_line_without_control_characters() {
        assert_eq!(
            one_line("host \u{1b}[2J said\nlie\r\u{202e}é\n".as_bytes()),
            "host ␛ said␊lie␊‹U+202E›é\n"
        );
    }
}
