//! The assistant's tools over the real binary: the protocol on standard input and output, the socket behind it, and who is
//! let in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use pilothouse::assistant::{
    Broker, BrokerEvent, McpServer, PendingCall, SOCKET_VARIABLE, TOKEN_VARIABLE, TOOLS,
    ToolAnswer, ToolCall, pinned,
};
use pilothouse::config::Environment;
use pilothouse::domain::Secret;
use pilothouse::tasks::Tasks;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);

/// The program's end of a served child.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts the child as the program would.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the program from outside"
    )]
    fn start(server: &McpServer) -> Self {
        let mut child = Command::new(&server.program)
            .args(&server.args)
            .env_clear()
            .envs(
                server
                    .env
                    .iter()
                    .map(|(name, value)| (name, value.expose())),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.say_raw(&format!("{message}\n")).await;
    }

    async fn say_raw(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).await.unwrap();
        input.flush().await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Value {
        let line = within(self.output.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.say(&request(id, method, params)).await;
        self.hear().await
    }

    /// Hangs up, and tells how the child ended and what it wrote to standard error.
    pub(crate) async fn end(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let output = within(self.child.wait_with_output()).await.unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(crate) fn call(id: u64, tool: &str, arguments: &Value) -> Value {
    request(
        id,
        "tools/call",
        &json!({"name": tool, "arguments": arguments}),
    )
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it took too long")
}

pub(crate) struct Console {
    broker: Broker,
    events: mpsc::Receiver<BrokerEvent>,
    tasks: Tasks,
    base: tempfile::TempDir,
}

impl Console {
    pub(crate) fn open() -> Self {
        let base = tempfile::Builder::new()
            .prefix("ph")
            .tempdir_in("/tmp")
            .unwrap();
        let tasks = Tasks::new();
        let (broker, events) = Broker::open(&tasks, base.path()).unwrap();
        Self {
            broker,
            events,
            tasks,
            base,
        }
    }

    fn server(&self) -> McpServer {
        let own = env!("CARGO_BIN_EXE_pilothouse").into();
        self.broker.server(own).unwrap()
    }

    async fn event(&mut self) -> BrokerEvent {
        within(self.events.recv()).await.unwrap()
    }

    pub(crate) async fn joined(&mut self) -> Program {
        let program = Program::start(&self.server());
        assert!(matches!(self.event().await, BrokerEvent::Joined));
        program
    }

    pub(crate) async fn called(&mut self) -> PendingCall {
        match self.event().await {
            BrokerEvent::Called(call) => call,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_program_is_greeted_and_finds_our_tools_and_nothing_else() {
    let mut console = Console::open();
    let mut program = console.joined().await;
    for (wanted, given) in [("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")] {
        let greeting = program
            .ask(
                1,
                "initialize",
                &json!({"protocolVersion": wanted, "capabilities": {}, "clientInfo": {}}),
            )
            .await;
        assert_eq!(greeting["result"]["protocolVersion"], given);
        assert_eq!(greeting["result"]["serverInfo"]["name"], "pilothouse");
    }
    program
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        .await;
    let listed = program.ask(2, "tools/list", &json!({})).await;
    let listed = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = listed
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, TOOLS);
    for tool in listed {
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
    }
    assert_eq!(
        program.ask(3, "ping", &json!({})).await["result"],
        json!({})
    );
    let unknown = program.ask(4, "resources/list", &json!({})).await;
    assert_eq!(unknown["error"]["code"], -32601);
    let stranger = program
        .ask(5, "tools/call", &json!({"name": "Bash", "arguments": {}}))
        .await;
    assert_eq!(stranger["error"]["code"], -32602);
    program.say_raw("{half\n").await;
    assert_eq!(program.hear().await["error"]["code"], -32700);
    let (status, errors) = program.end().await;
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    assert!(matches!(console.event().await, BrokerEvent::Left));
    assert!(console.tasks.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn calls_are_answered_in_any_order() {
    let mut console = Console::open();
    let mut program = console.joined().await;
    program.say(&call(7, "fleet", &json!({}))).await;
    program
        .say(&call(8, "metrics", &json!({"host": "spark-1"})))
        .await;
    let (first, second) = (console.called().await, console.called().await);
    assert_eq!(
        ToolCall::parse(&first.tool, &first.input),
        Ok(ToolCall::Fleet)
    );
    assert_eq!(second.input, json!({"host": "spark-1"}));
    second.answer(ToolAnswer::error("no such host"));
    let heard = program.hear().await;
    assert_eq!(
        (&heard["id"], &heard["result"]["isError"]),
        (&json!(8), &json!(true))
    );
    first.answer(ToolAnswer::ok("one host"));
    let heard = program.hear().await;
    assert_eq!(heard["result"]["content"][0]["text"], "one host");
    assert_eq!(heard["result"]["isError"], false);
    program.end().await;
}

#[tokio::test]
async fn a_call_that_is_taken_back_or_left_alone_is_cancelled() {
    let mut console = Console::open();
    let mut program = console.joined().await;
    program.say(&call(1, "fleet", &json!({}))).await;
    program.say(&call(2, "fleet", &json!({}))).await;
    let (first, second) = (console.called().await, console.called().await);
    program
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}))
        .await;
    within(first.cancelled().cancelled()).await;
    first.answer(ToolAnswer::ok("too late"));
    assert!(!second.cancelled().is_cancelled());
    // Nobody answers it: it is answered all the same, and nothing came for the first.
    let left = second.cancelled();
    drop(second);
    let heard = program.hear().await;
    assert_eq!(
        (&heard["id"], &heard["result"]["isError"]),
        (&json!(2), &json!(true))
    );
    program.say(&call(3, "fleet", &json!({}))).await;
    let third = console.called().await;
    program.end().await;
    within(third.cancelled().cancelled()).await;
    assert!(!left.is_cancelled());
}

#[tokio::test]
async fn a_console_that_ends_is_told_to_the_model() {
    let mut console = Console::open();
    let mut program = console.joined().await;
    program.say(&call(1, "run", &json!({}))).await;
    let pending = console.called().await;
    let Console { broker, base, .. } = console;
    drop(broker);
    let heard = program.hear().await;
    assert_eq!(heard["result"]["isError"], true);
    assert!(pending.cancelled().is_cancelled());
    let (status, _) = program.end().await;
    assert_eq!(status, Some(0));
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn only_who_says_the_word_is_let_in() {
    let mut console = Console::open();
    let folder = std::fs::read_dir(console.base.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let mode = folder.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut other = console.server();
    other.env[1].1 = Secret::new("another word".to_owned());
    let (status, errors) = Program::start(&other).end().await;
    assert_eq!(status, Some(1));
    assert!(errors.contains("refused this connection"), "{errors}");
    // One that knows the word comes in after it, and a newer one takes its place.
    let mut first = console.joined().await;
    first.say(&call(1, "fleet", &json!({}))).await;
    let pending = console.called().await;
    let second = Program::start(&console.server());
    within(pending.cancelled().cancelled()).await;
    assert!(matches!(console.event().await, BrokerEvent::Left));
    assert!(matches!(console.event().await, BrokerEvent::Joined));
    first.end().await;
    second.end().await;
    assert!(matches!(console.event().await, BrokerEvent::Left));
    console.joined().await.end().await;
}

#[tokio::test]
async fn a_word_lets_one_child_in_and_a_newer_word_ends_an_older_one() {
    let mut console = Console::open();
    let (old, new) = (console.server(), console.server());
    let (status, errors) = Program::start(&old).end().await;
    assert_eq!(status, Some(1), "{errors}");
    let first = Program::start(&new);
    assert!(matches!(console.event().await, BrokerEvent::Joined));
    // Somebody who read it meanwhile.
    let (status, errors) = Program::start(&new).end().await;
    assert_eq!(status, Some(1));
    assert!(errors.contains("refused this connection"), "{errors}");
    let (status, errors) = first.end().await;
    assert_eq!(status, Some(0), "{errors}");
}

#[tokio::test]
async fn nothing_but_the_console_starts_it() {
    let console = Console::open();
    for missing in [SOCKET_VARIABLE, TOKEN_VARIABLE] {
        let mut server = console.server();
        server.env.retain(|(name, _)| name != missing);
        let (status, errors) = Program::start(&server).end().await;
        assert_eq!(status, Some(2), "{missing}");
        assert!(
            errors.contains(missing) && errors.contains("pilothouse ask"),
            "{errors}"
        );
    }
    let mut server = console.server();
    server.env[0].1 = Secret::new("/nowhere/s".to_owned());
    let (status, errors) = Program::start(&server).end().await;
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("the console does not answer on /nowhere/s"),
        "{errors}"
    );
}

#[tokio::test]
async fn a_line_without_end_ends_it_and_not_the_console() {
    let mut console = Console::open();
    let mut program = console.joined().await;
    let long = "x".repeat(600 * 1024);
    let mut input = program.input.take().unwrap();
    // It may hang up before all of it is written.
    let _ = input.write_all(long.as_bytes()).await;
    drop(input);
    let (status, errors) = program.end().await;
    assert_eq!(status, Some(1), "{errors}");
    assert!(matches!(console.event().await, BrokerEvent::Left));
    console.joined().await.end().await;
}

/// The real program: `PILOTHOUSE_TEST_CLAUDE`, or where `tests/run` puts it.
fn claude() -> PathBuf {
    let named = Environment::of_process().path("PILOTHOUSE_TEST_CLAUDE");
    let path = named.unwrap_or_else(|| {
        let binary = Path::new(env!("CARGO_BIN_EXE_pilothouse"));
        let target = binary.ancestors().nth(2).unwrap();
        target.join("tools/claude/node_modules/.bin/claude")
    });
    assert!(
        path.exists(),
        "{} is missing: `tests/run` installs it, or name one in PILOTHOUSE_TEST_CLAUDE",
        path.display()
    );
    path
}

/// Starts the real program with our server and nothing else, and gives its first event.
#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the program from outside"
)]
async fn first_event(claude: &Path, home: &Path, server: &McpServer) -> Value {
    let env: serde_json::Map<String, Value> = server
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.expose().as_str().into()))
        .collect();
    let config = json!({"mcpServers": {"pilothouse": {
        "type": "stdio", "command": server.program, "args": server.args, "env": env,
    }}});
    let file = home.join("mcp.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let mut child = Command::new(claude)
        .args([
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--tools",
            "",
            "--strict-mcp-config",
            "--setting-sources",
            "",
        ])
        .arg("--mcp-config")
        .arg(&file)
        .arg("--")
        .arg("hello")
        .env_clear()
        .env("PATH", Environment::of_process().get("PATH").unwrap())
        .env("HOME", home)
        .env("ANTHROPIC_API_KEY", "none")
        // Nothing listens there: the first event comes before the first request.
        .env("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = loop {
        let line = tokio::time::timeout(PATIENCE * 3, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["type"] == "system" && event["subtype"] == "init" {
            break event;
        }
    };
    child.kill().await.unwrap();
    first
}

#[tokio::test]
async fn the_real_program_finds_exactly_our_tools() {
    let mut console = Console::open();
    let home = tempfile::tempdir().unwrap();
    let init = first_event(&claude(), home.path(), &console.server()).await;
    assert!(matches!(console.event().await, BrokerEvent::Joined));
    let mut tools: Vec<&str> = init["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    let mut ours = pinned();
    tools.sort_unstable();
    ours.sort_unstable();
    assert_eq!(tools, ours);
    assert_eq!(
        init["mcp_servers"],
        json!([{"name": "pilothouse", "status": "connected"}])
    );
}
