//! What stands in for the assistant's far sides: `mcp TOOL…` offers tools that give a fixed answer, `play SCENE …` is a `claude`
//! that says what a scene wants, however wrong.
#![expect(
    clippy::unused_self,
    reason = "the acts of the play read alike, whether they remember anything or not"
)]
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a harness that can't go on should stop, loudly; it plays the far side and has its own clock and processes"
)]

use std::io::{BufRead as _, StdinLock, Write as _};
use std::process::{Command, exit};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("mcp") => mcp(&words[1..]),
        Some("play") => Stage::new(&words[1], &words[2], &words[3..]).play(),
        _ => panic!("mcp TOOL… or play SCENE FOLDER …"),
    }
}

/// A tool server whose tools answer "spark-1 is well".
fn mcp(tools: &[String]) {
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if request.get("id").is_none() {
            continue;
        }
        let result = match request["method"].as_str().unwrap() {
            "initialize" => json!({
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "pilothouse", "version": "1"},
            }),
            "tools/list" => json!({"tools": tools.iter().map(|name| json!({
                "name": name, "description": name,
                "inputSchema": {"type": "object", "properties": {}},
            })).collect::<Vec<_>>()}),
            "tools/call" => json!({"content": [{"type": "text", "text": "spark-1 is well"}]}),
            _ => json!({}),
        };
        println!(
            "{}",
            json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
        );
    }
}

struct Stage {
    scene: String,
    folder: String,
    session: String,
    resumed: bool,
    tools: Vec<String>,
    stdin: StdinLock<'static>,
}

impl Stage {
    fn new(scene: &str, folder: &str, words: &[String]) -> Self {
        let after = |flag: &str| {
            let at = words.iter().position(|word| word == flag)?;
            words.get(at + 1).cloned()
        };
        let resumed = after("--resume");
        Self {
            scene: scene.to_owned(),
            folder: folder.to_owned(),
            resumed: resumed.is_some(),
            session: resumed.or_else(|| after("--session-id")).unwrap(),
            tools: after("--allowedTools")
                .unwrap()
                .split(',')
                .map(str::to_owned)
                .collect(),
            stdin: std::io::stdin().lock(),
        }
    }

    fn play(mut self) {
        self.note("started", &std::process::id().to_string());
        match self.scene.as_str() {
            "mute" => forever(),
            "exit-before" => {
                eprintln!("\nerror: unknown option '--verbose'");
                exit(1)
            }
            "wrong-form" => self.wrong_form(),
            "garbage" => loop {
                Self::raw(b"this is no JSON\n{\"a\": \n[]\n\x00\xff\n");
                sleep(Duration::from_millis(5));
            },
            _ => {}
        }
        while let Some(line) = self.heard() {
            let asked: Value = serde_json::from_str(&line).expect("a line that is no JSON");
            if asked["type"] == "user" {
                self.turn(asked["message"]["content"].as_str().unwrap());
            }
        }
    }

    /// Creating is refused because the conversation exists, or resuming because it does not.
    fn wrong_form(&mut self) {
        let create = !self.resumed;
        let mark = format!("{}/exists", self.folder);
        let exists = std::fs::exists(&mark).unwrap();
        if create && exists {
            eprintln!("Error: Session ID {} is already in use.", self.session);
            exit(1);
        }
        if !create && !exists {
            let text = format!("No conversation found with session ID: {}", self.session);
            eprintln!("{text}");
            Self::say(
                &json!({"type": "result", "subtype": "error_during_execution",
                "is_error": true, "num_turns": 0, "session_id": self.session, "errors": [text]}),
            );
            exit(1);
        }
    }

    fn turn(&mut self, text: &str) {
        match self.scene.as_str() {
            "init" => return self.altered(),
            "exit-asked" => exit(7),
            _ => self.init(),
        }
        Self::raw(b"");
        match self.scene.as_str() {
            "echo" | "wrong-form" => Self::answer("m1", &[text]),
            "deltas" => Self::deltas(100_000),
            "endless" => self.endless(),
            "huge" => Self::huge(10 * 1024 * 1024),
            "huger" => Self::huge(100 * 1024 * 1024),
            "flood" => Self::flood(),
            "no-result" => {
                Self::begin("m1");
                Self::delta("half an ans");
                exit(3)
            }
            "silent" => forever(),
            "busy" => self.busy(),
            "stubborn" => stubborn(),
            "brood" => self.brood(),
            "late" => self.late(),
            "truncated" => Self::truncated(),
            "bad-bytes" => Self::bad_bytes(),
            "interleaved" => Self::interleaved(),
            "abandoned" => Self::abandoned(),
            "asks" => self.asks(),
            "twice" => {
                Self::answer("m1", &["one"]);
                self.result(&json!({}));
            }
            "stamps" => Self::stamps(),
            "environment" => self.environment(),
            scene => panic!("no scene {scene}"),
        }
        self.result(&json!({}));
    }

    fn init(&self) {
        Self::say(&self.init_event());
    }

    fn init_event(&self) -> Value {
        json!({"cwd": "/", "session_id": self.session, "tools": self.tools,
            "mcp_servers": [{"name": "pilothouse", "status": "connected"}],
            "model": "stand-in", "permissionMode": "default", "plugins": [],
            "claude_code_version": "0.0.1", "subtype": "init", "type": "system"})
    }

    /// The first event is not what it should be: `alteration.json` is merged into it, a null takes a key away. Then it tells
    /// how long it lives on.
    fn altered(&self) {
        let text = std::fs::read_to_string(format!("{}/alteration.json", self.folder)).unwrap();
        let change: Value = serde_json::from_str(&text).unwrap();
        let mut init = self.init_event();
        for (key, value) in change.as_object().unwrap() {
            if value.is_null() {
                init.as_object_mut().unwrap().remove(key);
            } else {
                init[key] = value.clone();
            }
        }
        Self::say(&init);
        let since = Instant::now();
        loop {
            self.note("lived", &since.elapsed().as_millis().to_string());
            sleep(Duration::from_millis(2));
        }
    }

    fn begin(message: &str) {
        Self::event(&json!({"type": "message_start", "message": {"id": message,
            "usage": {"input_tokens": 7, "cache_read_input_tokens": 3}}}));
        Self::event(&json!({"type": "content_block_start", "index": 0,
            "content_block": {"type": "text", "text": ""}}));
    }

    fn delta(text: &str) {
        Self::event(&json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": text}}));
    }

    fn block(message: &str, text: &str) {
        Self::say(&json!({"type": "assistant", "message": {"id": message,
            "content": [{"type": "text", "text": text}]}, "parent_tool_use_id": null}));
    }

    fn answer(message: &str, deltas: &[&str]) {
        Self::begin(message);
        for delta in deltas {
            Self::delta(delta);
        }
        Self::block(message, &deltas.concat());
        Self::event(&json!({"type": "content_block_stop", "index": 0}));
        Self::event(&json!({"type": "message_stop"}));
    }

    fn result(&self, more: &Value) {
        let mut result = json!({"subtype": "success", "is_error": false, "num_turns": 1,
            "session_id": self.session, "total_cost_usd": 0.25, "terminal_reason": "completed",
            "modelUsage": {"stand-in": {"inputTokens": 7, "outputTokens": 2,
                "cacheReadInputTokens": 3, "contextWindow": 1000}},
            "result": "as above", "type": "result"});
        for (key, value) in more.as_object().unwrap() {
            result[key] = value.clone();
        }
        Self::say(&result);
    }

    fn deltas(count: usize) {
        Self::begin("m1");
        let mut text = String::new();
        for n in 0..count {
            let delta = format!("{n}\n");
            Self::delta(&delta);
            text.push_str(&delta);
        }
        Self::block("m1", &text);
    }

    /// Pieces that say when they were written, in microseconds.
    fn stamps() {
        Self::begin("m1");
        for _ in 0..200 {
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap();
            Self::delta(&format!("{}\n", now.as_micros()));
            sleep(Duration::from_millis(3));
        }
        Self::block("m1", "done");
    }

    /// Says what it was given.
    fn environment(&self) {
        let mut all: Vec<String> = std::env::vars()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        all.sort();
        self.note("environment", &all.join("\n"));
        let words: Vec<String> = std::env::args().collect();
        self.note("words", &words.join("\n"));
        let folder = std::env::current_dir().unwrap();
        self.note("stands", folder.to_str().unwrap());
        Self::answer("m1", &["noted"]);
    }

    fn endless(&mut self) {
        Self::begin("m1");
        loop {
            Self::delta("and so on ");
        }
    }

    /// A line of so many bytes, written without ever holding it.
    fn huge(bytes: usize) {
        Self::raw(br#"{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":""#);
        let chunk = vec![b'x'; 64 * 1024];
        for _ in 0..bytes / chunk.len() {
            Self::raw(&chunk);
        }
        Self::raw(b"\"}]}}\n");
        Self::answer("m1", &["after it"]);
    }

    fn flood() {
        Self::begin("m1");
        let line = "warning: nothing to see here, move along please\n";
        for _ in 0..2 * 1024 * 1024 / line.len() {
            eprint!("{line}");
        }
        eprintln!("the last line");
        Self::block("m1", "after it");
    }

    /// Works until it is interrupted, then tells a result.
    fn busy(&mut self) {
        Self::begin("m1");
        Self::delta("thinking about it");
        loop {
            let line = self.heard().unwrap();
            let request: Value = serde_json::from_str(&line).unwrap();
            self.note("control", &line);
            if request["type"] == "control_request" && request["request"]["subtype"] == "interrupt"
            {
                Self::say(&json!({"type": "control_response", "response": {
                    "subtype": "success", "request_id": request["request_id"]}}));
                self.result(
                    &json!({"subtype": "error_during_execution", "is_error": true,
                    "terminal_reason": "aborted_streaming"}),
                );
                return self.play_on();
            }
        }
    }

    fn play_on(&mut self) {
        "echo".clone_into(&mut self.scene);
        while let Some(line) = self.heard() {
            let asked: Value = serde_json::from_str(&line).unwrap();
            if asked["type"] == "user" {
                self.turn(asked["message"]["content"].as_str().unwrap());
            }
        }
        exit(0);
    }

    /// Starts processes that hear no polite signal, in sessions of their own, one without our environment; they hold the
    /// output open.
    fn brood(&self) {
        for (name, prefix) in [("a", "setsid"), ("b", "env -i setsid")] {
            let script = format!(
                "{prefix} sh -c 'trap \"\" TERM INT HUP; echo $$ > {}/{name}.part; mv {}/{name}.part {}/{name}; while :; do sleep 1; done' &",
                self.folder, self.folder, self.folder
            );
            let status = Command::new("sh").args(["-c", &script]).status().unwrap();
            assert!(status.success());
        }
        for name in ["a", "b"] {
            while !std::fs::exists(format!("{}/{name}", self.folder)).unwrap() {
                sleep(Duration::from_millis(2));
            }
        }
        Self::answer("m1", &["started them"]);
        stubborn();
    }

    fn late(&self) {
        Self::answer("m1", &["first"]);
        self.result(&json!({}));
        self.init();
        Self::answer("m2", &["nobody asked"]);
    }

    fn truncated() {
        Self::begin("m1");
        Self::raw(b"{\"type\":\"stream_event\",\"event\":{\"type\":\"content_blo");
        exit(0);
    }

    fn bad_bytes() {
        Self::begin("m1");
        Self::raw(b"\xff\xfe\x00\n\n   \nnull\n[1,2]\n{}\n{\"type\":7}\n");
        Self::raw(b"{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"content\":[{\"type\":\"text\",\"text\":\"a\xff\\u001b[31mb\xe2\x80\xae\"}]}}\n");
        Self::raw(format!("{}\n", "[".repeat(100_000)).as_bytes());
        Self::say(&json!({"type": "system", "subtype": "init_of_next_year", "x": [1]}));
        Self::say(&json!({"type": "a_type_of_next_year"}));
    }

    fn interleaved() {
        Self::begin("m1");
        let both = json!({"type": "keep_alive"}).to_string();
        Self::raw(format!("{both}{both}\n").as_bytes());
        Self::delta("one ");
        Self::event(&json!({"type": "content_block_start", "index": 1,
            "content_block": {"type": "thinking", "thinking": ""}}));
        Self::event(&json!({"type": "content_block_delta", "index": 1,
            "delta": {"type": "thinking_delta", "thinking": "hm"}}));
        Self::delta("two");
        Self::say(&json!({"type": "assistant", "message": {"id": "m1",
            "content": [{"type": "thinking", "thinking": "hm"}]}}));
        Self::block("m1", "one two");
    }

    fn abandoned() {
        Self::begin("m1");
        Self::delta("half an ans");
        Self::block("m2", "the whole answer");
    }

    fn asks(&mut self) {
        for (id, tool) in [("r1", "Bash"), ("r2", self.tools[0].clone().as_str())] {
            Self::say(
                &json!({"type": "control_request", "request_id": id, "request": {
                "subtype": "can_use_tool", "tool_name": tool, "tool_use_id": format!("t-{id}"),
                "input": {"command": "rm -rf /"}}}),
            );
            let line = self.heard().unwrap();
            self.note(id, &line);
        }
        Self::say(&json!({"type": "control_request", "request_id": "r3",
            "request": {"subtype": "a_wish_of_next_year"}}));
        let line = self.heard().unwrap();
        self.note("r3", &line);
        self.result(&json!({"permission_denials": [
            {"tool_name": "Bash", "tool_use_id": "t-r1", "tool_input": {}},
            {"tool_name": "Write", "tool_use_id": "t-x", "tool_input": {}}]}));
    }

    fn event(event: &Value) {
        Self::say(&json!({"event": event, "parent_tool_use_id": null, "type": "stream_event"}));
    }

    fn say(value: &Value) {
        Self::raw(format!("{value}\n").as_bytes());
    }

    fn raw(bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            exit(141);
        }
    }

    fn heard(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.stdin.read_line(&mut line).unwrap() > 0).then_some(line)
    }

    /// Left for the test, whole or not at all.
    fn note(&self, name: &str, text: &str) {
        let part = format!("{}/{name}.part", self.folder);
        std::fs::write(&part, text).unwrap();
        std::fs::rename(&part, format!("{}/{name}", self.folder)).unwrap();
    }
}

/// Hears no polite signal.
fn stubborn() -> ! {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).unwrap();
    }
    forever()
}

fn forever() -> ! {
    loop {
        sleep(Duration::from_hours(1));
    }
}
