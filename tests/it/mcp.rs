//! The assistant's tools over the real binary: the protocol on standard input and output, the socket behind it, and who is
//! let in.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pilothouse::assistant::{Broker, BrokerEvent, PendingCall, TOOLS, ToolAnswer, ToolCall};
use pilothouse::tasks::Tasks;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);

/// The program's end of a served child.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts the child as the configuration file says.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the program from outside"
    )]
    fn start(config: &Path) -> Self {
        let text = std::fs::read_to_string(config).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        let server = &config["mcpServers"]["pilothouse"];
        let variables = server["env"].as_object().unwrap();
        let mut child = Command::new(server["command"].as_str().unwrap())
            .args(
                server["args"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|a| a.as_str().unwrap()),
            )
            .env_clear()
            .envs(
                variables
                    .iter()
                    .map(|(name, value)| (name, value.as_str().unwrap())),
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

    async fn say(&mut self, message: &Value) {
        self.say_raw(&format!("{message}\n")).await;
    }

    async fn say_raw(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).await.unwrap();
        input.flush().await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = within(self.output.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.say(&request(id, method, params)).await;
        self.hear().await
    }

    /// Hangs up, and tells how the child ended and what it wrote to standard error.
    async fn end(mut self) -> (Option<i32>, String) {
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

fn call(id: u64, tool: &str, arguments: &Value) -> Value {
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

struct Console {
    broker: Broker,
    events: mpsc::Receiver<BrokerEvent>,
    tasks: Tasks,
    _base: tempfile::TempDir,
}

impl Console {
    fn open() -> Self {
        let base = tempfile::Builder::new()
            .prefix("ph")
            .tempdir_in("/tmp")
            .unwrap();
        let tasks = Tasks::new();
        let program = Path::new(env!("CARGO_BIN_EXE_pilothouse"));
        let (broker, events) = Broker::open(&tasks, base.path(), program).unwrap();
        Self {
            broker,
            events,
            tasks,
            _base: base,
        }
    }

    async fn event(&mut self) -> BrokerEvent {
        within(self.events.recv()).await.unwrap()
    }

    async fn joined(&mut self) -> Program {
        let program = Program::start(&self.broker.config_file());
        assert!(matches!(self.event().await, BrokerEvent::Joined));
        program
    }

    async fn called(&mut self) -> PendingCall {
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
