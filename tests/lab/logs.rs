//! Logs of real parts: a container, a file, a unit and the kernel's ring of a lab host, in the console and on the command
//! line; sessions that are cut and a container engine that is restarted lose and double no line.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use pilothouse::clock::Clock;
use serde_json::{Value, json};

use crate::console::Console;
use crate::lab::Lab;

/// Longest wait for a line; only a failing test waits it out.
const LONG: Duration = Duration::from_mins(1);

/// Numbers its lines, 20 at a time, from the moment that it is told to; fewer when it is started again.
const COUNT: &str = "[ -e /tmp/again ] && last=500 || last=6000; : >/tmp/again; \
    trap go=1 USR1; while [ -z \"$go\" ]; do sleep 0.1; done; i=0; \
    while [ $i -lt $last ]; do i=$((i+1)); echo box $i; [ $((i % 20)) != 0 ] || sleep 0.1; done; \
    echo box over; exec sleep 600";

/// A container of a test's own; removed with it.
struct Container<'a> {
    lab: &'a Lab,
    name: &'static str,
}

impl<'a> Container<'a> {
    fn run(lab: &'a Lab, name: &'static str, script: &str, more: &Value) -> Self {
        lab.engine("DELETE", &format!("/containers/{name}?force=1"), "");
        let ground = lab.setting("LAB_GROUND");
        let mut settings = json!({
            "Image": "pilothouse/busybox",
            "Cmd": ["/bin/sh", "-c", script],
            "StopSignal": "KILL",
            "Env": ["PATH=/bin", format!("PILOTHOUSE_LAB_GROUND={ground}")],
            "HostConfig": {"NetworkMode": "none"},
        });
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        let path = format!("/containers/create?name={name}");
        lab.engine("POST", &path, &settings.to_string());
        let container = Self { lab, name };
        container.post("start");
        container
    }

    fn post(&self, order: &str) {
        let path = format!("/containers/{}/{order}", self.name);
        self.lab.engine("POST", &path, "");
    }

    /// Everything that it ever said, as its engine has it.
    fn said(&self) -> Vec<String> {
        let path = format!("/containers/{}/logs?stdout=1", self.name);
        let framed = self.lab.engine("GET", &path, "");
        let mut rest = framed.as_slice();
        let mut text = Vec::new();
        while let Some((head, more)) = rest.split_at_checked(8) {
            let size = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
            text.extend(&more[..size]);
            rest = &more[size..];
        }
        let text = String::from_utf8(text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn remove(&self) {
        let path = format!("/containers/{}?force=1", self.name);
        self.lab.engine("DELETE", &path, "");
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.remove();
        }
    }
}

/// A file that grows, where the lab's logins can read it.
struct Growing {
    folder: tempfile::TempDir,
    file: File,
    written: usize,
}

impl Growing {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let file = open(&folder.path().join("log"));
        Self {
            folder,
            file,
            written: 0,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn source(&self, host: &str) -> String {
        format!("{host}/file:{}", self.path().display())
    }

    fn write(&mut self, lines: usize) {
        for _ in 0..lines {
            self.written += 1;
            writeln!(self.file, "file {}", self.written).unwrap();
        }
    }

    /// It is gone.
    fn vanish(&mut self) {
        fs::remove_file(self.path()).unwrap();
    }

    /// There is one of its name again.
    fn come_back(&mut self) {
        self.file = open(&self.path());
    }
}

fn open(path: &PathBuf) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o644))
        .unwrap();
    file
}

/// One entry in the journal that the lab's journalctl plays.
pub(crate) fn journal(lab: &Lab, part: &str, milliseconds: i64, message: &str) {
    let entry = json!({
        "__CURSOR": part,
        "__REALTIME_TIMESTAMP": (milliseconds * 1000).to_string(),
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": part,
        "MESSAGE": message,
    });
    let path = format!("{}/journal/{part}.json", lab.setting("LAB_GROUND"));
    fs::write(path, format!("{entry}\n")).unwrap();
}

/// The command line, with a state of its own.
fn pilothouse(lab: &Lab, folder: &tempfile::TempDir, words: &[&str]) -> Command {
    let mut command = lab.command(env!("CARGO_BIN_EXE_pilothouse"));
    command
        .args(["--config", lab.setting("LAB_CONFIG")])
        .args(words)
        .env("XDG_STATE_HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .stdin(Stdio::null());
    command
}

/// `pilothouse logs -f --json` over some sources, and what it has printed.
struct Following {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Following {
    fn open(lab: &Lab, sources: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut words = vec!["logs", "-f", "--json", "-n", "100000"];
        words.extend(sources.iter().map(String::as_str));
        let mut child = pilothouse(lab, &folder, &words)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
            _folder: folder,
        }
    }

    /// Reads until so many lines begin like this, and does something at each one.
    fn until(&mut self, prefix: &str, count: usize, mut at_each: impl FnMut()) {
        while self.only(prefix).len() < count {
            let Ok(line) = self.lines.recv_timeout(LONG) else {
                let heard = self.only(prefix).len();
                panic!("only {heard} of {count} lines that begin with {prefix:?}");
            };
            let line: Value = serde_json::from_str(&line).unwrap();
            let text = line["text"].as_str().unwrap().to_owned();
            if text.starts_with(prefix) {
                at_each();
            }
            self.heard.push(text);
        }
    }

    fn only(&self, prefix: &str) -> Vec<String> {
        let lines = self.heard.iter().filter(|line| line.starts_with(prefix));
        lines.cloned().collect()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A console that watches one host, which is up.
fn console(lab: &Lab, host: &str) -> Console {
    let words = ["--config", lab.setting("LAB_CONFIG"), host];
    let agent = ("SSH_AUTH_SOCK", lab.setting("SSH_AUTH_SOCK"));
    let mut console = Console::open(&words, &[agent]);
    console.shows("● ok");
    console
}

fn numbers(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{prefix}{n}")).collect()
}

/// What stands in the lens, saved to a file.
fn saved(console: &mut Console) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved");
    console.line(':', &format!("save raw {}", path.display()));
    console.until("the lens is saved", |_| path.exists());
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn beginning(lines: &[String], prefix: &str) -> Vec<String> {
    let lines = lines.iter().filter(|line| line.starts_with(prefix));
    lines.cloned().collect()
}

/// The rows of the lens: their times and what follows them.
fn rows(screen: &str) -> Vec<(&str, &str)> {
    let rows = screen.lines().filter_map(|line| {
        let (time, rest) = line.strip_prefix("│ ")?.split_at_checked(12)?;
        let is_time = time.split(':').count() == 3 && time.contains('.');
        is_time.then_some((time, rest))
    });
    rows.collect()
}

#[test]
fn a_container_a_file_a_unit_and_the_kernel_ring_are_one_log() {
    let lab = Lab::open();
    let _alone = lab.alone();
    let script = "trap go=1 USR1; echo early; while [ -z \"$go\" ]; do sleep 0.1; done; echo late; exec sleep 600";
    let container = Container::run(&lab, "merged", script, &json!({}));
    let now = Clock::system().wall().0;
    let xid = "NVRM: Xid (PCI:0000:02:00): 79, pid=1234, GPU has fallen off the bus.";
    journal(&lab, "vllm.service", now, "engine core has started");
    journal(&lab, "kernel", now + 1, xid);
    let mut growing = Growing::new();
    let then = jiff::Timestamp::from_millisecond(now + 2).unwrap();
    writeln!(growing.file, "{then} the file speaks").unwrap();
    container.post("kill?signal=USR1");
    let sources = [
        "h200/container:merged".to_owned(),
        "h200/unit:vllm.service".to_owned(),
        "h200/kernel".to_owned(),
        growing.source("h200"),
    ];
    let mut console = console(&lab, "h200");
    console.lens(&sources);
    let order = [
        "early",
        "engine core has started",
        "GPU has fallen off the bus",
        "the file speaks",
        "late",
    ];
    let screen = console.until("five lines of four sources", |text| {
        order.iter().all(|words| text.contains(words))
    });
    let rows = rows(&screen);
    let places = order.map(|words| rows.iter().position(|(_, row)| row.contains(words)));
    assert!(places.is_sorted() && places[0].is_some(), "{screen}");
    let times: Vec<_> = rows.iter().map(|(time, _)| *time).collect();
    assert!(times.is_sorted(), "{screen}");

    growing.write(3);
    console.shows("file 3");
    console.line('/', "file");
    // Three numbered lines, and the one that speaks.
    console.until("the hits are counted", |text| {
        text.contains("4 hits / file") || text.contains("of 4 / file")
    });
    console.line('&', "fallen");
    let screen = console.shows("1 of 8 & fallen");
    assert!(screen.contains("GPU has fallen off"), "{screen}");
    assert!(!screen.contains("engine core"), "{screen}");
    assert!(screen.contains("it is gone until"), "explained: {screen}");
    console.leave();
}

#[test]
fn lines_of_a_host_whose_clock_is_ahead_stand_where_they_belong() {
    let lab = Lab::open();
    let (mut here, mut ahead) = (Growing::new(), Growing::new());
    let now = Clock::system().wall().0;
    let line = |seconds: i64, words: &str| {
        let then = jiff::Timestamp::from_millisecond(now + seconds * 1000).unwrap();
        format!("{then} {words}\n")
    };
    let text = line(-20, "first") + &line(0, "third");
    here.file.write_all(text.as_bytes()).unwrap();
    // The clock of this one is 90 seconds ahead.
    let text = line(-10 + 90, "second");
    ahead.file.write_all(text.as_bytes()).unwrap();
    let words = ["--config", lab.setting("LAB_CONFIG"), "h200", "mig"];
    let agent = ("SSH_AUTH_SOCK", lab.setting("SSH_AUTH_SOCK"));
    let mut console = Console::open(&words, &[agent]);
    console.shows("mig ● ok");
    console.lens(&[here.source("h200"), ahead.source("mig")]);
    let order = ["first", "second", "third"];
    let screen = console.until("three lines", |text| {
        order.iter().all(|words| text.contains(words)) && text.contains("s ahead")
    });
    let rows = rows(&screen);
    let places = order.map(|words| rows.iter().position(|(_, row)| row.contains(words)));
    assert!(places.is_sorted() && places[0].is_some(), "{screen}");
    console.leave();
}

#[test]
fn cut_sessions_and_a_restarted_engine_lose_and_double_no_line() {
    let lab = Lab::open();
    let _alone = lab.alone();
    let container = Container::run(&lab, "counted", COUNT, &json!({}));
    let mut growing = Growing::new();
    let sources = [
        "boxes/container:counted".to_owned(),
        growing.source("boxes"),
    ];
    let mut console = console(&lab, "boxes");
    console.lens(&sources);
    let mut following = Following::open(&lab, &sources);
    growing.write(1);
    following.until("file ", 1, || ());
    console.shows("file 1");

    // So that the lens shows how far it is while the container floods it.
    console.line('&', "file");

    // The numbers run while sessions are cut, and while nobody hears them.
    container.post("kill?signal=USR1");
    for round in 1..=2 {
        following.until("box ", round * 400, || growing.write(1));
        lab.host("drop", "boxes");
        // Only new sessions bring these.
        growing.write(200);
        following.until("file ", growing.written, || ());
        console.shows(&format!("file {}", growing.written));
    }

    // The engine ends in the middle of it, and the container with it; then both are there again.
    lab.host("kill", "docker");
    growing.write(100);
    lab.host("start", "docker");
    container.post("start");
    for name in ["colours", "json", "stderr"] {
        lab.engine("POST", &format!("/containers/{name}/start"), "");
    }
    container.post("kill?signal=USR1");
    following.until("box over", 1, || ());
    following.until("file ", growing.written, || ());

    let truth = container.said();
    let before = truth.len() - 501;
    assert!((800..6000).contains(&before), "{before} lines before");
    let mut wanted = [numbers("box ", before), numbers("box ", 500)].concat();
    wanted.push("box over".to_owned());
    assert!(truth == wanted, "the engine itself has kept every line");
    assert!(following.only("box ") == truth, "container, command line");
    let files = numbers("file ", growing.written);
    assert!(following.only("file ") == files, "file, command line");

    console.line('&', "");
    console.shows("box over");
    let file = format!("file {}", growing.written);
    let kept = saved(&mut console);
    assert!(kept.contains(&file), "{file} is not in the lens");
    assert!(beginning(&kept, "box ") == truth, "container, lens");
    assert!(beginning(&kept, "file ") == files, "file, lens");
    // Two cuts for each source. The restart is told as the end of the container where its engine still said so, else as one
    // more gap: an engine that is ended may be gone before its container is.
    let gaps = beginning(&kept, "gap ");
    assert!(gaps.len() >= 4, "{gaps:?}");
    let ends = beginning(&kept, "stopped, exit ");
    assert!(
        !ends.is_empty() || gaps.len() > 4,
        "the restart is not told: {gaps:?}"
    );
    // Gaps stand between the lines, whatever is filtered.
    console.line('&', "nothing says this");
    console.until("gaps", |text| {
        text.contains("& nothing says this") && text.contains("gap ")
    });
    console.leave();
}

#[test]
fn a_removed_container_and_a_vanished_file_are_told_and_a_file_comes_back() {
    let lab = Lab::open();
    let _alone = lab.alone();
    let container = Container::run(&lab, "removed", "echo here; exec sleep 600", &json!({}));
    let mut growing = Growing::new();
    growing.write(2);
    let sources = [
        "boxes/container:removed".to_owned(),
        growing.source("boxes"),
    ];
    let mut console = console(&lab, "boxes");
    console.lens(&sources);
    console.until("both", |text| {
        text.contains("here") && text.contains("file 2")
    });
    container.remove();
    console.shows("ended: ");
    growing.write(1);
    console.shows("file 3");
    growing.vanish();
    growing.come_back();
    growing.write(1);
    console.shows("file 4");
    let kept = saved(&mut console);
    assert_eq!(beginning(&kept, "file "), numbers("file ", 4));
    console.leave();
}

#[test]
fn a_log_that_nobody_keeps_and_sources_that_are_not_there_are_errors_in_words() {
    let lab = Lab::open();
    let _alone = lab.alone();
    let none = json!({"HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}}});
    let _mute = Container::run(&lab, "mute", "echo unheard; exec sleep 600", &none);
    let folder = tempfile::tempdir().unwrap();
    for (source, words) in [
        ("boxes/container:mute", "none"),
        ("boxes/container:nobody", "nobody"),
        ("boxes/file:/nonexistent/log", "/nonexistent/log"),
    ] {
        let ran = pilothouse(&lab, &folder, &["logs", source])
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{source}: {err}");
        assert!(err.contains(words), "{source}: {err}");
        assert!(ran.stdout.is_empty(), "{source}");
    }
}
