//! Conversations with the real `claude` program, whose API is a script on loopback.
#![expect(
    clippy::disallowed_methods,
    reason = "a test is the world around the program: it has no ground floor beneath it"
)]

use std::path::PathBuf;
use std::time::Duration;

use pilothouse::assistant::{
    Conversation, Ending, EventKind, Heard, McpServer, Phase, Setup, TroubleKind, Wish,
    system_prompt,
};
use pilothouse::clock::Clock;
use pilothouse::config::{AssistantSettings, Environment};
use pilothouse::tasks::Tasks;
use serde_json::json;
use tokio::sync::mpsc;

use crate::messages_api::{MessagesApi, Reply};

/// Nothing in these tests takes so long.
const LIMIT: Duration = Duration::from_mins(1);

/// The examples beside this test's own binary.
pub(crate) fn harness() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.push("examples/assistant_harness");
    assert!(path.exists(), "cargo build --examples");
    path
}

/// The real program: `PILOTHOUSE_TEST_CLAUDE`, or where `tests/run` puts it.
pub(crate) fn claude() -> PathBuf {
    let named = Environment::of_process().path("PILOTHOUSE_TEST_CLAUDE");
    let path = named.unwrap_or_else(|| {
        let mut target = harness();
        assert!(target.pop() && target.pop() && target.pop());
        target.join("tools/claude/node_modules/.bin/claude")
    });
    assert!(
        path.exists(),
        "{} is missing: `tests/run` installs it, or name one in PILOTHOUSE_TEST_CLAUDE",
        path.display()
    );
    path
}

/// A conversation and what it tells.
pub(crate) struct Talk {
    pub(crate) with: Conversation,
    pub(crate) heard: mpsc::Receiver<Heard>,
    /// Every event so far, drafts of one text in one.
    pub(crate) events: Vec<EventKind>,
    pub(crate) phases: Vec<Phase>,
    pub(crate) tasks: Tasks,
}

/// What a conversation with this program needs; its API is nowhere.
pub(crate) fn setup(program: PathBuf, folder: &std::path::Path) -> Setup {
    Setup {
        settings: AssistantSettings {
            program,
            base_url: Some("http://127.0.0.1:9".to_owned()),
            ..AssistantSettings::default()
        },
        environment: [
            ("PATH", std::env::var("PATH").unwrap()),
            ("ANTHROPIC_API_KEY", "sk-canary-0123456789".to_owned()),
            ("SECRET_OF_OURS", "canary-of-ours".to_owned()),
        ]
        .into_iter()
        .collect(),
        mcp: McpServer {
            program: harness(),
            args: ["mcp", "fleet", "read_logs"].map(str::to_owned).to_vec(),
            env: Vec::new(),
        },
        tools: ["fleet", "read_logs"].map(str::to_owned).to_vec(),
        dir: folder.join("conversation"),
        prompt: system_prompt().to_owned(),
        resume: None,
    }
}

impl Talk {
    pub(crate) fn start(setup: Setup) -> Self {
        let tasks = Tasks::new();
        let (talk, heard) = Conversation::start(setup, &tasks, &Clock::system());
        Self {
            with: talk,
            heard,
            events: Vec::new(),
            phases: Vec::new(),
            tasks,
        }
    }

    /// With the real program and this API.
    pub(crate) fn real(api: &MessagesApi, folder: &std::path::Path) -> Self {
        let mut setup = setup(claude(), folder);
        setup.settings.base_url = Some(api.url());
        Self::start(setup)
    }

    pub(crate) fn say(&self, text: &str) {
        self.with.wish(Wish::Say(text.to_owned())).unwrap();
    }

    /// Waits for an event; the drafts before it are joined.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&EventKind) -> bool) -> EventKind {
        loop {
            let next = tokio::time::timeout(LIMIT, self.heard.recv());
            let heard = next
                .await
                .unwrap_or_else(|_| panic!("no {what}: {self:#?}"));
            match heard.unwrap_or_else(|| panic!("over without {what}: {self:#?}")) {
                Heard::Phase(phase) => self.phases.push(phase),
                Heard::Event(event) => {
                    self.keep(event.clone());
                    if is(&event) {
                        return event;
                    }
                }
            }
        }
    }

    fn keep(&mut self, event: EventKind) {
        if let EventKind::Draft { block, delta, .. } = &event
            && let Some(EventKind::Draft {
                block: last,
                delta: all,
                ..
            }) = self.events.last_mut()
            && last == block
        {
            return all.push_str(delta);
        }
        self.events.push(event);
    }

    /// Waits for the end of a turn.
    pub(crate) async fn turn(&mut self) -> Ending {
        let is = |event: &EventKind| matches!(event, EventKind::TurnEnded { .. });
        match self.until("end of a turn", is).await {
            EventKind::TurnEnded { ending, .. } => ending,
            other => panic!("{other:?}"),
        }
    }

    /// Closes it and waits until nothing is left.
    pub(crate) async fn close(&mut self) {
        self.with.wish(Wish::Close).unwrap();
        let rest = async { while self.heard.recv().await.is_some() {} };
        tokio::time::timeout(LIMIT, rest).await.unwrap();
        assert!(self.tasks.shutdown(LIMIT).await);
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                EventKind::Text { lines, .. } => Some(
                    lines
                        .iter()
                        .map(pilothouse::text::SafeText::as_str)
                        .collect::<Vec<_>>()
                        .join("\n"),
                ),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn troubles(&self) -> Vec<TroubleKind> {
        self.events
            .iter()
            .filter_map(|event| match event {
                EventKind::Trouble { kind, .. } => Some(*kind),
                _ => None,
            })
            .collect()
    }
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talk")
            .field("events", &self.events)
            .field("phases", &self.phases)
            .finish_non_exhaustive()
    }
}

#[tokio::test]
async fn an_answer_comes_as_drafts_then_whole_and_the_next_question_goes_on() {
    let api = MessagesApi::scripted(vec![
        Reply::text(&["# All", " is", " well\n", "- spark-1"]),
        Reply::text(&["Still well."]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::real(&api, folder.path());
    talk.say("is all well?");
    assert_eq!(talk.turn().await, Ending::Done);
    assert_eq!(talk.texts(), ["# All is well\n- spark-1"]);
    let draft = talk.events.iter().any(|event| {
        matches!(event, EventKind::Draft { delta, .. } if delta == "# All is well\n- spark-1")
    });
    assert!(draft, "{talk:#?}");
    talk.say("and now?");
    assert_eq!(talk.turn().await, Ending::Done);
    let asked = api.requests();
    assert_eq!(asked.len(), 2);
    assert!(
        asked[1].to_string().contains("is all well?"),
        "the context is kept"
    );
    assert!(asked[0]["system"].to_string().contains("Pilothouse"));
    let tools: Vec<&str> = asked[0]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        tools,
        ["mcp__pilothouse__fleet", "mcp__pilothouse__read_logs"]
    );
    talk.close().await;
}

#[tokio::test]
async fn a_tool_of_ours_runs_without_a_question() {
    let api = MessagesApi::scripted(vec![
        Reply::tool("fleet", json!({})),
        Reply::text(&["It is well."]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::real(&api, folder.path());
    talk.say("look");
    assert_eq!(talk.turn().await, Ending::Done);
    assert_eq!(talk.texts(), ["Looking.", "It is well."]);
    assert!(api.requests()[1].to_string().contains("spark-1 is well"));
    talk.close().await;
}

#[tokio::test]
async fn a_turn_is_stopped_in_its_midst_and_the_conversation_goes_on() {
    let api = MessagesApi::scripted(vec![
        Reply::Stall(vec!["Half an ans".to_owned()]),
        Reply::text(&["Whole."]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::real(&api, folder.path());
    talk.say("begin");
    talk.until("draft", |event| matches!(event, EventKind::Draft { .. }))
        .await;
    talk.say("this waits");
    talk.with.wish(Wish::Interrupt).unwrap();
    assert_eq!(talk.turn().await, Ending::Interrupted);
    assert_eq!(talk.texts(), ["Half an ans"], "what was read stays");
    assert_eq!(talk.turn().await, Ending::Done);
    assert_eq!(talk.texts(), ["Half an ans", "Whole."]);
    assert_eq!(talk.troubles(), []);
    let stopping = talk
        .phases
        .iter()
        .any(|phase| matches!(phase, Phase::Stopping(_)));
    assert!(stopping, "{talk:#?}");
    talk.close().await;
}

#[tokio::test]
async fn a_silent_api_can_be_stopped() {
    let api = MessagesApi::scripted(vec![Reply::Stall(Vec::new())]);
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::real(&api, folder.path());
    talk.say("anybody?");
    talk.until("beginning", |event| {
        matches!(event, EventKind::Began { .. })
    })
    .await;
    talk.with.wish(Wish::Interrupt).unwrap();
    assert_eq!(talk.turn().await, Ending::Interrupted);
    talk.close().await;
}

#[tokio::test]
async fn what_the_api_refuses_is_told_at_once_as_a_trouble_with_its_mend() {
    for (status, kind, trouble) in [
        (401, "authentication_error", TroubleKind::LoggedOut),
        (429, "rate_limit_error", TroubleKind::OverQuota),
        (529, "overloaded_error", TroubleKind::Offline),
    ] {
        let api = MessagesApi::scripted(vec![Reply::error(status, kind, "said by the API")]);
        let folder = tempfile::tempdir().unwrap();
        let mut talk = Talk::real(&api, folder.path());
        talk.say("hello");
        let ending = talk.turn().await;
        assert!(matches!(ending, Ending::Failed(_)), "{status}: {ending:?}");
        assert_eq!(talk.troubles(), [trouble], "{talk:#?}");
        assert_eq!(talk.texts(), [""; 0], "what failed is no answer");
        let retries = talk
            .events
            .iter()
            .filter(|event| matches!(event, EventKind::Retrying { of: 2, .. }))
            .count();
        assert_eq!(retries, 2, "{talk:#?}");
        talk.close().await;
    }
}

#[tokio::test]
async fn an_api_that_can_not_be_reached_is_told_with_the_first_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(setup(claude(), folder.path()));
    talk.say("hello");
    talk.until("trouble", |event| {
        matches!(
            event,
            EventKind::Trouble {
                kind: TroubleKind::Offline,
                ..
            }
        )
    })
    .await;
    let ended = talk
        .events
        .iter()
        .any(|event| matches!(event, EventKind::TurnEnded { .. }));
    assert!(!ended, "it is told before the last attempt: {talk:#?}");
    assert!(matches!(talk.turn().await, Ending::Failed(_)));
    assert_eq!(talk.troubles(), [TroubleKind::Offline]);
    talk.close().await;
}

#[tokio::test]
async fn a_conversation_goes_on_in_another_process_and_a_lost_one_begins_anew() {
    let api = MessagesApi::scripted(vec![Reply::text(&["Yes."])]);
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::real(&api, folder.path());
    talk.say("the first question");
    assert_eq!(talk.turn().await, Ending::Done);
    let name = program_session(&talk);
    talk.close().await;
    let mut again = setup(claude(), folder.path());
    again.settings.base_url = Some(api.url());
    again.resume = Some(name.clone());
    let mut talk = Talk::start(again.clone());
    talk.say("the second question");
    assert_eq!(talk.turn().await, Ending::Done);
    assert_eq!(program_session(&talk), name);
    let asked = api.requests();
    assert!(asked[1].to_string().contains("the first question"));
    talk.close().await;
    let other = tempfile::tempdir().unwrap();
    again.dir = other.path().join("lost");
    let mut talk = Talk::start(again);
    talk.say("the third question");
    assert_eq!(talk.turn().await, Ending::Done);
    assert_eq!(talk.troubles(), []);
    assert_eq!(program_session(&talk), name);
    assert!(!api.requests()[2].to_string().contains("the first question"));
    talk.close().await;
}

fn program_session(talk: &Talk) -> String {
    talk.events
        .iter()
        .find_map(|event| match event {
            EventKind::Began {
                program_session, ..
            } => Some(program_session.to_string()),
            _ => None,
        })
        .unwrap()
}

#[tokio::test]
async fn a_leading_slash_is_a_question_and_no_command() {
    let api = MessagesApi::scripted(vec![Reply::text(&["Asked."])]);
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::real(&api, folder.path());
    for question in ["/clear", "  /cost now", "--help", "-p"] {
        talk.say(question);
        assert_eq!(talk.turn().await, Ending::Done);
        let asked = api.requests();
        let last = asked.last().unwrap()["messages"].to_string();
        assert!(last.contains(question.trim_start()), "{question}: {last}");
    }
    assert_eq!(api.requests().len(), 4);
    talk.close().await;
}

#[tokio::test]
async fn a_model_that_calls_a_foreign_tool_gets_none() {
    let api = MessagesApi::answering(|_, number| match number {
        0 => Reply::Tool(
            "Now.".to_owned(),
            "Bash".to_owned(),
            json!({"command": "touch /tmp/pilothouse-was-here"}),
        ),
        _ => Reply::text(&["I can't."]),
    });
    let folder = tempfile::tempdir().unwrap();
    let mut talk = Talk::real(&api, folder.path());
    talk.say("do it");
    assert_eq!(talk.turn().await, Ending::Done);
    assert!(!std::fs::exists("/tmp/pilothouse-was-here").unwrap());
    assert!(
        api.requests()[1]
            .to_string()
            .contains("No such tool available")
    );
    talk.close().await;
}
