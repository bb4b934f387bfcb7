//! Conversations with a stand-in for the `claude` program that does whatever a program can do wrong.
#![expect(
    clippy::disallowed_methods,
    reason = "a test is the world around the program: it has no ground floor beneath it"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pilothouse::assistant::{
    Ending, EventKind, Fold, Heard, Phase, SessionEvent, Setup, TroubleKind, Wish, WishRefused,
};
use pilothouse::config::{Environment, Login, LoginKind};
use pilothouse::domain::{SessionId, Wall};
use serde_json::{Value, json};

use crate::assistant::{Talk, harness, setup};

/// A conversation whose program plays a scene.
struct Scene {
    talk: Talk,
    folder: tempfile::TempDir,
}

fn scene_setup(scene: &str, folder: &Path) -> Setup {
    let program = folder.join("claude");
    let script = format!(
        "#!/bin/sh\nexec {} play {scene} {} \"$@\"\n",
        harness().display(),
        folder.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    setup(program, folder)
}

impl Scene {
    fn start(scene: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            talk: Talk::start(scene_setup(scene, folder.path())),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn note(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Asks, and waits for the end of the turn.
    async fn ask(&mut self) -> Ending {
        self.talk.say("go");
        self.talk.turn().await
    }

    async fn draft(&mut self) {
        self.talk
            .until("draft", |event| matches!(event, EventKind::Draft { .. }))
            .await;
    }

    /// Closes it: the program and everything that it started is gone.
    async fn close(mut self) {
        self.talk.close().await;
        assert!(!lives(&self.note("started")));
        let ends = self
            .talk
            .events
            .iter()
            .filter(|event| matches!(event, EventKind::TurnEnded { .. }))
            .count();
        let begins = self
            .talk
            .events
            .iter()
            .filter(|event| matches!(event, EventKind::Asked { queued: false, .. }))
            .count();
        assert!(ends >= begins, "each turn ends: {:#?}", self.talk);
    }
}

/// Whether a process is there, dead ones that nobody buried included.
fn lives(pid: &str) -> bool {
    std::fs::exists(format!("/proc/{}", pid.trim())).unwrap()
}

/// How nice a process is to the others.
fn nice(pid: &str) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(16).unwrap().parse().unwrap()
}

#[tokio::test]
async fn streams_that_are_wrong_end_their_turn_and_nothing_else() {
    for (scene, texts) in [
        ("huge", vec!["after it"]),
        ("huger", vec!["after it"]),
        ("flood", vec!["after it"]),
        ("bad-bytes", vec!["a\u{fffd}b‹U+202E›"]),
        ("interleaved", vec!["hm", "one two"]),
        ("abandoned", vec!["the whole answer"]),
        ("twice", vec!["one"]),
    ] {
        let mut play = Scene::start(scene);
        assert_eq!(play.ask().await, Ending::Done, "{scene}");
        assert_eq!(play.talk.texts(), texts, "{scene}");
        assert_eq!(play.talk.troubles(), [], "{scene}");
        play.close().await;
    }
}

#[tokio::test]
async fn a_given_up_draft_is_dropped() {
    let mut play = Scene::start("abandoned");
    assert_eq!(play.ask().await, Ending::Done);
    let mut fold = Fold::new(SessionId(1));
    for (number, kind) in (1..).zip(&play.talk.events) {
        let kind = kind.clone();
        let wall = Wall(0);
        fold.apply(&SessionEvent { number, wall, kind });
    }
    let shown = format!("{:?}", fold.view().entries);
    assert!(!shown.contains("half an ans"), "{shown}");
    play.close().await;
}

#[tokio::test]
async fn programs_that_end_are_told_by_how_they_ended() {
    for (scene, kind, words, texts) in [
        (
            "no-result",
            TroubleKind::Died,
            "exit 3",
            vec!["half an ans"],
        ),
        ("truncated", TroubleKind::Died, "exit 0", vec![]),
        ("exit-asked", TroubleKind::Unusable, "exit 7", vec![]),
        (
            "exit-before",
            TroubleKind::Unusable,
            "unknown option",
            vec![],
        ),
    ] {
        let mut play = Scene::start(scene);
        let ending = play.ask().await;
        let Ending::Died(said) = &ending else {
            panic!("{scene}: {ending:?}");
        };
        assert!(said.as_str().contains(words), "{scene}: {said}");
        assert_eq!(play.talk.troubles(), [kind], "{scene}");
        assert_eq!(play.talk.texts(), texts, "{scene}");
        // A new question tries again.
        assert!(matches!(play.ask().await, Ending::Died(_)), "{scene}");
        play.close().await;
    }
}

#[tokio::test]
async fn an_interrupt_reaches_the_program_in_its_envelope_and_the_queue_goes_on() {
    let mut play = Scene::start("busy");
    play.talk.say("first");
    play.draft().await;
    play.talk.say("second");
    play.talk.say("third");
    play.talk.with.wish(Wish::Interrupt).unwrap();
    play.talk.with.wish(Wish::Interrupt).unwrap();
    assert_eq!(play.talk.turn().await, Ending::Interrupted);
    let request: Value = serde_json::from_str(&play.note("control")).unwrap();
    assert_eq!(request["request"]["subtype"], "interrupt");
    assert_eq!(play.talk.turn().await, Ending::Done);
    assert_eq!(play.talk.turn().await, Ending::Done);
    assert_eq!(play.talk.texts(), ["thinking about it", "second", "third"]);
    play.close().await;
}

#[tokio::test]
async fn questions_that_wait_can_be_taken_back() {
    let mut play = Scene::start("busy");
    play.talk.say("first");
    play.draft().await;
    play.talk.say("second");
    play.talk.say("third");
    play.talk.with.wish(Wish::Unqueue).unwrap();
    play.talk.with.wish(Wish::Interrupt).unwrap();
    assert_eq!(play.talk.turn().await, Ending::Interrupted);
    let unqueued = play
        .talk
        .events
        .iter()
        .filter(|event| **event == EventKind::Unqueued)
        .count();
    assert_eq!(unqueued, 2);
    play.close().await;
}

#[tokio::test]
async fn closing_in_the_midst_of_a_turn_stops_it_first() {
    let mut play = Scene::start("busy");
    play.talk.say("first");
    play.draft().await;
    play.talk.with.wish(Wish::Close).unwrap();
    assert_eq!(play.talk.turn().await, Ending::Interrupted);
    let begun = Instant::now();
    while play.talk.heard.recv().await.is_some() {}
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(!lives(&play.note("started")));
    assert_eq!(play.talk.with.wish(Wish::Interrupt), Err(WishRefused::Over));
}

#[tokio::test]
async fn what_hears_no_signal_and_whatever_it_started_is_killed_and_buried() {
    let mut play = Scene::start("brood");
    play.talk.say("go");
    play.talk
        .until("text", |event| matches!(event, EventKind::Text { .. }))
        .await;
    let brood = [play.note("a"), play.note("b"), play.note("started")];
    assert!(brood.iter().all(|pid| lives(pid)));
    // None of them is as urgent as the console.
    let ours = nice("self");
    assert_eq!(
        brood.each_ref().map(|pid| nice(pid)),
        [(ours + 10).min(19); 3]
    );
    let begun = Instant::now();
    play.talk.with.wish(Wish::Interrupt).unwrap();
    assert_eq!(play.talk.turn().await, Ending::Interrupted);
    // The whole ladder: an interrupt, SIGINT, SIGTERM, SIGKILL.
    assert!(begun.elapsed() > Duration::from_secs(10));
    assert!(begun.elapsed() < Duration::from_secs(20));
    for pid in brood {
        assert!(!lives(&pid), "{pid}");
    }
    play.close().await;
}

#[tokio::test]
async fn what_falls_with_its_tasks_leaves_nothing_behind() {
    let mut play = Scene::start("brood");
    play.talk.say("go");
    play.talk
        .until("text", |event| matches!(event, EventKind::Text { .. }))
        .await;
    let brood = [play.note("a"), play.note("b"), play.note("started")];
    assert!(play.talk.tasks.shutdown(Duration::from_secs(2)).await);
    while play.talk.heard.recv().await.is_some() {}
    let begun = Instant::now();
    while brood.iter().any(|pid| lives(pid)) {
        assert!(begun.elapsed() < Duration::from_secs(2), "{brood:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_turn_that_nobody_asked_for_ends_as_well() {
    let mut play = Scene::start("late");
    assert_eq!(play.ask().await, Ending::Done);
    assert_eq!(play.talk.turn().await, Ending::Done);
    assert_eq!(play.talk.texts(), ["first", "nobody asked"]);
    play.close().await;
}

#[tokio::test]
async fn a_stream_without_an_end_is_held_to_the_limit_of_a_turn() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = scene_setup("endless", folder.path());
    setup.settings.limit = Duration::from_secs(1);
    let mut talk = Talk::start(setup);
    talk.say("go");
    assert_eq!(talk.turn().await, Ending::TimedOut);
    talk.close().await;
}

#[tokio::test]
async fn tools_that_are_not_ours_are_refused_and_shown() {
    let mut play = Scene::start("asks");
    assert_eq!(play.ask().await, Ending::Done);
    let answer = |name: &str| -> Value { serde_json::from_str(&play.note(name)).unwrap() };
    assert_eq!(answer("r1")["response"]["response"]["behavior"], "deny");
    assert_eq!(answer("r2")["response"]["response"]["behavior"], "allow");
    assert_eq!(
        answer("r2")["response"]["response"]["updatedInput"]["command"],
        "rm -rf /"
    );
    assert_eq!(answer("r3")["response"]["subtype"], "error");
    let denied: Vec<String> = play
        .talk
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::Denied { tool, .. } => Some(tool.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(denied, ["Bash", "Write"]);
    play.close().await;
}

#[tokio::test]
async fn the_form_of_start_follows_the_evidence() {
    // Resumed, though nothing is there.
    let folder = tempfile::tempdir().unwrap();
    let name = "11111111-2222-4333-8444-555555555555";
    let mut lost = scene_setup("wrong-form", folder.path());
    lost.resume = Some(name.to_owned());
    let mut talk = Talk::start(lost);
    talk.say("hello");
    assert_eq!(talk.turn().await, Ending::Done);
    assert_eq!(talk.texts(), ["hello"]);
    talk.close().await;
    // Created, though it exists.
    std::fs::write(folder.path().join("exists"), "").unwrap();
    let mut talk = Talk::start(scene_setup("wrong-form", folder.path()));
    talk.say("hello");
    assert_eq!(talk.turn().await, Ending::Done);
    assert_eq!(talk.troubles(), []);
    talk.close().await;
}

#[tokio::test]
async fn a_program_that_offers_anything_else_is_killed_within_100_ms() {
    let ours = ["mcp__pilothouse__fleet", "mcp__pilothouse__read_logs"];
    let with = |tool: &str| json!({"tools": [ours[0], ours[1], tool]});
    let server = |name: &str, status: &str| json!({"name": name, "status": status});
    let alterations = [
        with("Bash"),
        with("Read"),
        with("mcp__pilothouse__run"),
        with("mcp__other__fleet"),
        with("mcp__pilothouse__"),
        with("fleet"),
        with("MCP__PILOTHOUSE__FLEET"),
        with("mcp__pilothouse__fleet "),
        with("mcp__pilothouse__fleet"),
        json!({"tools": []}),
        json!({"tools": [ours[0]]}),
        json!({"tools": null}),
        json!({"tools": "mcp__pilothouse__fleet"}),
        json!({"tools": [ours[0], ours[1], 7]}),
        json!({"mcp_servers": []}),
        json!({"mcp_servers": null}),
        json!({"mcp_servers": [server("pilothouse", "failed")]}),
        json!({"mcp_servers": [server("pilothouse", "pending")]}),
        json!({"mcp_servers": [server("pilothouse", "connected"), server("other", "connected")]}),
        json!({"mcp_servers": [server("elsewhere", "connected")]}),
        json!({"permissionMode": "bypassPermissions"}),
        json!({"permissionMode": "acceptEdits"}),
        json!({"plugins": [{"name": "helper", "path": "/x"}]}),
        json!({"session_id": null}),
    ];
    for alteration in alterations {
        let mut play = Scene::start("init");
        std::fs::write(play.path("alteration.json"), alteration.to_string()).unwrap();
        let ending = play.ask().await;
        assert!(
            matches!(ending, Ending::Failed(_)),
            "{alteration}: {ending:?}"
        );
        assert_eq!(
            play.talk.troubles(),
            [TroubleKind::WrongTools],
            "{alteration}"
        );
        play.talk.close().await;
        assert!(!lives(&play.note("started")), "{alteration}");
        // It may have been ended before it could note anything.
        let lived = std::fs::read_to_string(play.path("lived")).unwrap_or_else(|_| "0".to_owned());
        let lived: u64 = lived.parse().unwrap();
        assert!(lived <= 100, "{alteration}: it lived {lived} ms");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_or_not_to_be_run_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no-program");
    std::fs::write(&file, "text").unwrap();
    for program in [
        folder.path().join("nowhere"),
        file,
        "claude-that-nobody-has".into(),
    ] {
        let mut talk = Talk::start(setup(program, folder.path()));
        talk.say("hello");
        assert!(matches!(talk.turn().await, Ending::Failed(_)));
        assert_eq!(talk.troubles(), [TroubleKind::Missing]);
        assert!(matches!(last_phase(&mut talk).await, Phase::Dead(_)));
        talk.close().await;
    }
    // It is there and is no program.
    let odd = folder.path().join("odd");
    std::fs::write(&odd, "\x7fELF").unwrap();
    std::fs::set_permissions(&odd, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut talk = Talk::start(setup(odd, folder.path()));
    talk.say("hello");
    assert!(matches!(talk.turn().await, Ending::Failed(_)));
    assert_eq!(talk.troubles(), [TroubleKind::Unusable]);
    talk.close().await;
}

async fn last_phase(talk: &mut Talk) -> Phase {
    match talk.heard.recv().await {
        Some(Heard::Phase(phase)) => phase,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn logins_that_can_not_be_used_are_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Login::File(LoginKind::ApiKey, path)
    };
    let command = |script: &str| {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        Login::Command(LoginKind::OauthToken, argv)
    };
    for (login, words) in [
        (Login::Environment, "neither ANTHROPIC_API_KEY"),
        (file("open", "sk-1", 0o640), "mode 640"),
        (file("world", "sk-1", 0o604), "mode 604"),
        (file("empty", " \n", 0o600), "empty login"),
        (file("two", "sk-1\nsk-2\n", 0o600), "more than a login"),
        (
            Login::File(LoginKind::ApiKey, "/nowhere".into()),
            "can't be read",
        ),
        (command("echo sk-canary; exit 3"), "exit 3"),
        (command("true"), "empty login"),
    ] {
        let mut setup = scene_setup("echo", folder.path());
        setup.settings.login = login;
        setup.environment = Environment::default();
        let mut talk = Talk::start(setup);
        talk.say("hello");
        let ending = talk.turn().await;
        let Ending::Failed(said) = &ending else {
            panic!("{ending:?}");
        };
        assert!(said.as_str().contains(words), "{said}");
        assert_eq!(talk.troubles(), [TroubleKind::LoggedOut]);
        assert!(!format!("{talk:?}").contains("sk-"), "{talk:?}");
        talk.close().await;
        assert!(!folder.path().join("started").exists());
    }
}

#[tokio::test]
async fn the_program_gets_its_login_and_nothing_else_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = scene_setup("environment", folder.path());
    let argv = ["printf", "oauth-canary"].map(str::to_owned).to_vec();
    setup.settings.login = Login::Command(LoginKind::OauthToken, argv);
    setup.settings.model = Some("sonnet".to_owned());
    setup.mcp.env = vec![(
        "TOKEN".to_owned(),
        pilothouse::domain::Secret::new("token-canary".to_owned()),
    )];
    let mut talk = Talk::start(setup.clone());
    talk.say("the question canary");
    assert_eq!(talk.turn().await, Ending::Done);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let environment = read("environment");
    assert!(environment.contains("CLAUDE_CODE_OAUTH_TOKEN=oauth-canary"));
    for absent in [
        "canary-of-ours",
        "sk-canary",
        "token-canary",
        "TERM=",
        "CLAUDECODE",
    ] {
        assert!(!environment.contains(absent), "{absent}: {environment}");
    }
    assert!(!read("words").contains("canary"), "{}", read("words"));
    assert!(read("stands").starts_with(setup.dir.to_str().unwrap()));
    for (name, mode) in [
        ("", 0o700),
        ("work", 0o700),
        ("home", 0o700),
        ("mcp.json", 0o600),
    ] {
        let meta = std::fs::metadata(setup.dir.join(name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{name}");
    }
    talk.close().await;
}

#[tokio::test]
async fn questions_that_can_not_be_asked_are_refused() {
    let mut play = Scene::start("echo");
    let say = |text: String| play.talk.with.wish(Wish::Say(text));
    assert_eq!(say(" \n".to_owned()), Err(WishRefused::Empty));
    assert_eq!(say("x".repeat(100_001)), Err(WishRefused::TooLong));
    let long = "a line of a question\n".repeat(4000);
    play.talk.say(&long);
    assert_eq!(play.talk.turn().await, Ending::Done);
    assert_eq!(play.talk.texts(), [long.trim_end()]);
    play.close().await;
}

#[tokio::test]
async fn a_piece_is_told_within_30_ms_after_it_was_printed() {
    let mut play = Scene::start("stamps");
    play.talk.say("go");
    let mut late = Vec::new();
    loop {
        match play.talk.heard.recv().await.unwrap() {
            Heard::Event(EventKind::Draft { delta, .. }) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                let now = i128::try_from(now.as_micros()).unwrap();
                for stamp in delta.lines() {
                    late.push(now - stamp.parse::<i128>().unwrap());
                }
            }
            Heard::Event(EventKind::TurnEnded { .. }) => break,
            _ => {}
        }
    }
    assert_eq!(late.len(), 200);
    late.sort_unstable();
    // The machine may be busy with other tests: nine of ten are in time.
    assert!(late[180] <= 30_000, "{late:?}");
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_hundred_thousand_pieces_and_huge_lines_take_little_memory() {
    let before = peak();
    let mut fold = Fold::new(SessionId(1));
    let (mut number, mut pieces) = (0, 0);
    for scene in ["deltas", "huge", "huger", "flood"] {
        let mut play = Scene::start(scene);
        play.talk.say("go");
        let mut over = false;
        while !over {
            let heard = play.talk.heard.recv().await.unwrap();
            if let Heard::Event(kind) = heard {
                over = matches!(kind, EventKind::TurnEnded { .. });
                if let EventKind::Draft { delta, .. } = &kind {
                    pieces += delta.lines().count();
                }
                number += 1;
                let wall = Wall(0);
                fold.apply(&SessionEvent { number, wall, kind });
                if number % 500 == 0 {
                    fold.view();
                }
            }
        }
        play.talk.close().await;
    }
    // Those that came together were told together.
    assert!(
        pieces >= 100_000 && number < pieces as u64,
        "{pieces} in {number}"
    );
    let shown = format!("{:?}", fold.view().entries.last());
    assert!(shown.contains("Turn"), "{shown}");
    // Other tests grow the same process where each has none of its own.
    if std::env::var_os("NEXTEST").is_some() {
        let grown = peak() - before;
        assert!(grown <= 64 * 1024, "{grown} KiB more");
    }
}
