//! The small hub of the lab, for one test.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

pub(super) struct Hub {
    pub(super) folder: tempfile::TempDir,
    pub(super) address: String,
    child: Child,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    /// With a repository `ann/m` of two small files and a large one of this many bytes.
    pub(super) fn with(size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("ann/m");
        fs::create_dir_all(repo.join("sub")).unwrap();
        fs::write(repo.join("config.json"), r#"{"num_hidden_layers":2}"#).unwrap();
        fs::write(repo.join("sub/a b+c.txt"), "words").unwrap();
        let content: Vec<u8> = (0..size).map(|n| (n * 7919 % 251) as u8).collect();
        fs::write(repo.join("model.safetensors"), content).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/bin/hub");
        let mut child = Command::new("python3")
            .arg(program)
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let port = first.strip_prefix("port ").unwrap();
        let address = format!("http://127.0.0.1:{port}");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                notes.lock().unwrap().push(line);
            }
        });
        Self {
            folder,
            address,
            child,
            heard,
        }
    }

    fn switch_file(&self) -> PathBuf {
        self.folder.path().join("ann/m.switch")
    }

    pub(super) fn switch(&self, words: &str) {
        fs::write(self.switch_file(), words).unwrap();
    }

    pub(super) fn behave(&self) {
        let _none = fs::remove_file(self.switch_file());
    }

    /// The requests for the large file, `RANGE CODE` each.
    pub(super) fn large(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let large = heard
            .iter()
            .filter(|line| line.contains("model.safetensors "));
        large
            .map(|line| line.splitn(3, ' ').nth(2).unwrap().to_owned())
            .collect()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
