//! A disk of its own for a host, and a small one: only the host's commands see it, and it is gone with its keeper.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A disk of so many bytes at a folder.
pub(super) struct Tight {
    at: PathBuf,
    keeper: Child,
}

impl Tight {
    /// It is in a mount namespace that another process keeps; that one ends with its standard input, so with us.
    pub(super) fn new(bytes: usize, at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let mut keeper = Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-c"])
            .arg("mount -t tmpfs -o \"size=$1,mode=755\" tight \"$2\" && echo mounted && exec cat")
            .arg("keeper")
            .arg(bytes.to_string())
            .arg(at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is missing: install util-linux");
        let mut said = String::new();
        BufReader::new(keeper.stdout.as_mut().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said, "mounted\n", "no disk can be mounted here");
        let at = at.to_owned();
        Self { at, keeper }
    }

    /// What begins a command that sees it.
    pub(super) fn enter(&self) -> Vec<String> {
        let namespace = |kind: &str| format!("--{kind}=/proc/{}/ns/", self.keeper.id());
        let words = ["/usr/bin/nsenter", "--preserve-credentials", "--"];
        let mut words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        words.insert(1, namespace("user") + "user");
        words.insert(2, namespace("mount") + "mnt");
        words
    }

    /// A place on it as we see it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.keeper.id());
        let below = self.at.strip_prefix("/").unwrap();
        Path::new(&root).join(below).join(name)
    }

    /// Takes as much of it as there is, but so many bytes.
    pub(super) fn fill_but(&self, bytes: u64) {
        let file = fs::File::create(self.path("filler")).unwrap();
        let stat = rustix::fs::fstatvfs(&file).unwrap();
        let free = stat.f_bavail * stat.f_frsize;
        let length = free.saturating_sub(bytes);
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length).unwrap();
    }

    pub(super) fn make_room(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for Tight {
    fn drop(&mut self) {
        let _gone = self.keeper.kill();
        let _gone = self.keeper.wait();
    }
}
