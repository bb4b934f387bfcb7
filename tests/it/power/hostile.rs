//! A hypervisor that lies, floods, stutters and never ends: the answer is bounded in time and memory, and never "done" where
//! that can't be known.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::clock::Clock;
use pilothouse::domain::PowerVerb;
use pilothouse::exec::{
    BoxedIo, Exec, ExecError, HostSocket, LineStream, LocalExec, Output, RunLimits,
};
use pilothouse::power::{Carried, CarryLimits, Dial, carry, carry_fixed, look};
use pilothouse::shell::{RemotePath, ShellCommand, ShellWord};
use pilothouse::tasks::Tasks;

/// Bytes of the longest words that may come of an answer, and of all of its words.
const WORDS: usize = 10_000;
const REPORT: usize = 1 << 20;

/// What memory may grow by.
const MEMORY: u64 = 64 << 20;

/// Answers each verb with a script.
#[derive(Clone)]
struct Hostile {
    script: ShellWord,
    local: Arc<LocalExec>,
}

impl Hostile {
    fn new(folder: &tempfile::TempDir, cycle: &str, status: &str) -> Self {
        let path = folder.path().join("hypervisor");
        let script = format!(
            "hi() {{ echo 'pilothouse-power 1'; echo target 102; }}\n\
             drip() {{ while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; printf '%s' \"$1\"; done; }}\n\
             case $1 in\ncycle)\n{cycle}\n;;\n*)\n{status}\n;;\nesac\n"
        );
        fs::write(&path, script).unwrap();
        Self {
            script: ShellWord::new(path.to_str().unwrap()).unwrap(),
            local: Arc::new(LocalExec::new(Tasks::new())),
        }
    }
}

#[async_trait]
impl Dial for Hostile {
    async fn dial(&self) -> Result<Arc<dyn Exec>, ExecError> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Exec for Hostile {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let verb = ShellWord::new(command.render()).unwrap();
        let script = ShellCommand::new("sh").word(self.script.clone()).word(verb);
        self.local.run(&script, limits).await
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.local.stream(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, content: Bytes) -> Result<(), ExecError> {
        self.local.upload(path, mode, content).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.local.connect(socket).await
    }
}

fn limits() -> CarryLimits {
    CarryLimits {
        answer: Duration::from_secs(1),
        pace: Duration::from_millis(5),
        search: Duration::from_millis(50),
        whole: Duration::from_millis(1500),
        ..CarryLimits::default()
    }
}

/// The most memory that this process has ever held.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() << 10
}

fn assert_is_clean(name: &str, words: &str) {
    assert!(words.len() <= WORDS, "{name}: {} bytes", words.len());
    assert!(!words.chars().any(char::is_control), "{name}: {words:?}");
}

/// Sends a cycle; what became of it, and every word that was seen on the way.
async fn send(name: &str, cycle: &str, status: &str) -> Carried {
    let folder = tempfile::tempdir().unwrap();
    let hostile = Hostile::new(&folder, cycle, status);
    let (clock, before) = (Clock::system(), most_memory());
    let mut seen = Vec::new();
    let mut see = |words: pilothouse::text::SafeText| seen.push(words);
    let carried = carry(&hostile, PowerVerb::Cycle, &limits(), &clock, &mut see).await;
    assert!(clock.at().0 < 20_000, "{name}: {} ms", clock.at().0);
    let grown = most_memory() - before;
    assert!(grown < MEMORY, "{name}: {grown} bytes more");
    for words in &seen {
        assert_is_clean(name, words.as_str());
    }
    let report = look(&hostile, PowerVerb::Status, &limits()).await;
    let lines = report.map(|report| report.lines).unwrap_or_default();
    assert!(lines.iter().map(|line| line.as_str().len()).sum::<usize>() < REPORT);
    for line in &lines {
        assert_is_clean(name, line.as_str());
    }
    carried
}

/// Sends a cycle to a liar: nobody can tell what became of it, and why is said.
async fn unknown(name: &str, (cycle, status): (&str, &str), says: &str) {
    let carried = send(name, cycle, status).await;
    let Carried::Unknown { why, .. } = carried else {
        panic!("{name}: {carried:?}");
    };
    assert_is_clean(name, why.as_str());
    assert!(why.as_str().contains(says), "{name}: {why}");
}

const BEGUN: &str = "hi; echo begun 5; echo end 0";
const IDLE: &str = "hi; echo state running; echo end 0";

#[tokio::test]
async fn what_it_says_of_other_operations_is_not_ours() {
    let told = |lines: &str| format!("hi; printf '{lines}'; echo state running; echo end 0");
    for (name, status, says) in [
        ("another name", told("operation 4 cycle 0 done\\n"), "no longer knows"),
        ("an old one", told("operation 5 cycle 90000 done\\n"), "older than this cycle"),
        ("a look", told("operation 5 status 0 done\\n"), "is no cycle but a status"),
        ("a stop", told("operation 5 stop 0 done\\n"), "is no cycle but a stop"),
        (
            "both",
            told("operation 5 cycle 0 done\\noperation 5 cycle 0 failed no\\n"),
            "two things",
        ),
        ("evidence", told("line operation 5 cycle 0 done\\n"), "no longer knows"),
        (
            "a line within a line",
            told("line a\\roperation 5 cycle 0 done\\n"),
            "no longer knows",
        ),
        ("a name of a kind", told("operation 5\\000 cycle 0 done\\n"), "no longer knows"),
        ("a word of a kind", told("operation 5 cycle 0 done\\r \\n"), "no longer knows"),
        (
            "before its name",
            "echo operation 5 cycle 0 done; hi; echo end 0".into(),
            "no longer knows",
        ),
        (
            "after its end",
            "hi; echo end 0; echo operation 5 cycle 0 done".into(),
            "no longer knows",
        ),
        ("without an end", "hi; echo operation 5 cycle 0 done".into(), "no end of it"),
        ("not ours", "echo operation 5 cycle 0 done; echo end 0".into(), "no end of it"),
        (
            "a line without an end",
            "hi; printf 'operation 5 cycle 0 done'; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end 0".into(),
            "no end of it",
        ),
    ] {
        unknown(name, (BEGUN, &status), says).await;
    }
    let twice = "hi; echo begun 5; echo begun 6; echo end 0";
    let status = told("operation 6 cycle 0 done\\n");
    unknown("begun twice", (twice, &status), "no longer knows").await;
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_no_answer() {
    for (name, cycle, says) in [
        ("nothing begun", "hi; echo end 0", "not what was begun"),
        ("killed", "hi; kill -9 $$", "the answer"),
        ("broke off", "hi; exit 4", "broke off"),
        (
            "says nothing",
            "exit 0",
            "nothing that pilothouse-power says",
        ),
        (
            "begun in a line without an end",
            "hi; echo begun 5$(head -c 100000 /dev/zero | tr '\\0' 5); echo end 0",
            "no longer knows",
        ),
        (
            "no text",
            "hi; printf 'begun \\377\\376\\033[31m5\\n'; echo end 0",
            "no longer knows",
        ),
    ] {
        unknown(name, (cycle, IDLE), says).await;
    }
}

#[tokio::test]
async fn a_flood_and_an_answer_without_end_end_in_time_and_in_bounds() {
    let flood = "yes 'line of evidence: operation 5 cycle 0 done' | head -c 100000000";
    let one_line = "head -c 100000000 /dev/zero | tr '\\0' x";
    for (name, cycle, status) in [
        ("a flood first", format!("{flood}; exit 1"), IDLE),
        ("one long line first", format!("{one_line}; exit 1"), IDLE),
        (
            "a flood after its name",
            format!("hi; {flood}; echo end 0"),
            IDLE,
        ),
        ("without an end", "hi; exec yes 'line x'".into(), IDLE),
        ("byte by byte", "hi; drip x".into(), IDLE),
        ("silent", "hi; while :; do :; done".into(), IDLE),
        (
            "complains",
            format!("hi; {flood} >&2; exec yes no >&2"),
            IDLE,
        ),
    ] {
        unknown(name, (&cycle, status), "the far side knows of no new cycle").await;
    }
    for (name, status) in [
        (
            "status floods",
            format!("hi; {flood}; echo operation 5 cycle 0 done; echo end 0"),
        ),
        (
            "status without an end",
            "hi; exec yes 'operation 4 cycle 0 done'".into(),
        ),
        (
            "status byte by byte",
            "hi; drip 'operation 5 cycle 0 done '".into(),
        ),
    ] {
        unknown(name, (BEGUN, &status), "no end of it").await;
    }
}

#[tokio::test]
async fn words_that_it_fails_with_are_clean_and_short() {
    let long = "$(head -c 100000 /dev/zero | tr '\\0' x)";
    let status = format!(
        "hi; printf 'operation 5 cycle 0 failed \\033]0;title\\007\\033[2J\\377 %s\\n' {long}; echo end 0"
    );
    for (cycle, status) in [
        (BEGUN.to_owned(), status),
        (format!("hi; echo refused {long}; echo end 4"), IDLE.into()),
        (format!("hi; echo busy {long}; echo end 3"), IDLE.into()),
        (format!("echo {long}; echo {long} >&2; exit 1"), IDLE.into()),
    ] {
        let carried = send(&cycle, &cycle, &status).await;
        let Carried::Failed { why, .. } = carried else {
            panic!("{cycle}: {carried:?}");
        };
        assert_is_clean(&cycle, why.as_str());
    }
}

/// What stands before the wrapper's own words may be anything.
#[tokio::test]
async fn a_fixed_command_whose_answer_is_not_understood_is_unknown() {
    let argv = ["cycle".to_owned()];
    for (answer, says) in [
        ("echo Welcome; echo ended 0", "nobody can tell"),
        ("echo no mail; echo ended 0", "nobody can tell"),
        ("echo ended 0 or so", "nobody can tell"),
        ("printf 'ended 0\\r\\n'", "nobody can tell"),
        ("echo ended; exit 3", "nobody can tell"),
        ("exit 137", "nobody can tell"),
        (
            "head -c 100000000 /dev/zero | tr '\\0' x",
            "nobody can tell",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let hostile = Hostile::new(&folder, "", answer);
        let before = most_memory();
        let limit = Duration::from_secs(1);
        let carried = tokio::time::timeout(
            Duration::from_secs(30),
            carry_fixed(&hostile, PowerVerb::Cycle, &argv, limit),
        );
        let carried = carried.await.unwrap();
        let Carried::Unknown { why, .. } = carried else {
            panic!("{answer}: {carried:?}");
        };
        assert!(why.as_str().contains(says), "{answer}: {why}");
        assert_is_clean(answer, why.as_str());
        assert!(most_memory() - before < MEMORY, "{answer}");
    }
}
