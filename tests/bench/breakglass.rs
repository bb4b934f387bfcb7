//! Measures the breakglass pane of the real program in a terminal: how soon a streamed word is on the screen, and what a flood from the
//! `claude` program costs in memory and key presses. Is that program itself, when it is called as `stand-in SOCKET`: it prints what the
//! stopwatch tells it to.
//!
//! `bench-breakglass CONFIG PROGRAM` prints `name=figure` lines; `CONFIG` names hosts, and gets an assistant.
#![expect(
    clippy::print_stdout,
    reason = "a program that prints its measurements"
)]

#[path = "terminal.rs"]
#[allow(
    dead_code,
    clippy::allow_attributes,
    reason = "the other stopwatch looks at more of it"
)]
mod terminal;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZeroU16;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use terminal::{PATIENCE, Sorted, Terminal, cpu_seconds, memory_mib, milliseconds, now};

/// The tools that the program has to offer, and no other.
const TOOLS: [&str; 6] = [
    "fleet",
    "host_facts",
    "read_logs",
    "metrics",
    "run",
    "propose",
];

/// First words that are timed.
const FIRST_WORDS: usize = 40;
/// Keys that are pressed in the flood.
const KEYS: usize = 200;
/// Deltas of the flood.
const DELTAS: usize = 100_000;
const MIB: usize = 1024 * 1024;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["stand-in", socket, rest @ ..] => stand_in(Path::new(socket), rest),
        [config, program] => measure(Path::new(config), program),
        _ => bail!("bench-breakglass CONFIG PROGRAM"),
    }
}

/// Where a stand-in writes.
#[derive(Clone, Copy)]
enum Stream {
    Output = b'o' as isize,
    Errors = b'e' as isize,
}

/// Plays the `claude` program: what comes from the console goes to the stopwatch, and what the stopwatch says is printed.
fn stand_in(socket: &Path, words: &[&str]) -> Result<()> {
    if words.contains(&"--version") {
        println!("2.1.197 (Claude Code)");
        return Ok(());
    }
    let mut from = UnixStream::connect(socket)?;
    let mut to = from.try_clone()?;
    std::thread::spawn(move || -> std::io::Result<u64> {
        let copied = std::io::copy(&mut std::io::stdin(), &mut to);
        // Its input ended: so does it.
        to.shutdown(std::net::Shutdown::Both)?;
        copied
    });
    let mut head = [0; 5];
    let mut bytes = Vec::new();
    while from.read_exact(&mut head).is_ok() {
        let [stream, size @ ..] = head;
        bytes.resize(usize::try_from(u32::from_be_bytes(size))?, 0);
        from.read_exact(&mut bytes)?;
        if stream == Stream::Errors as u8 {
            std::io::stderr().write_all(&bytes)?;
        } else {
            let mut out = std::io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The stopwatch's end of a stand-in.
struct StandIn {
    to: UnixStream,
    from: BufReader<UnixStream>,
    messages: usize,
}

impl StandIn {
    fn accept(listener: &UnixListener) -> Result<Self> {
        let (to, _) = listener.accept()?;
        let from = BufReader::new(to.try_clone()?);
        Ok(Self {
            to,
            from,
            messages: 0,
        })
    }

    /// Waits until the console has asked a question.
    fn asked(&mut self) -> Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.from.read_line(&mut line)? == 0 {
                bail!("the console has ended the program");
            }
            let value: Value = serde_json::from_str(&line)?;
            if value.get("type") == Some(&json!("user")) {
                return Ok(());
            }
        }
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<()> {
        let size = u32::try_from(bytes.len())?;
        let head = [&[stream as u8], size.to_be_bytes().as_slice()].concat();
        self.to.write_all(&head)?;
        self.to.write_all(bytes)?;
        Ok(())
    }

    fn print(&mut self, event: &Value) -> Result<()> {
        self.write(Stream::Output, format!("{event}\n").as_bytes())
    }

    fn init(&mut self) -> Result<()> {
        let tools: Vec<String> = TOOLS
            .iter()
            .map(|tool| format!("mcp__pilothouse__{tool}"))
            .collect();
        self.print(&json!({
            "type": "system", "subtype": "init", "session_id": SESSION, "model": "stand-in-1", "cwd": "/",
            "tools": tools, "mcp_servers": [{"name": "pilothouse", "status": "connected"}],
            "permissionMode": "default", "apiKeySource": "ANTHROPIC_API_KEY", "claude_code_version": "2.1.197",
        }))
    }

    /// Begins a message with one text in it.
    fn begin(&mut self) -> Result<()> {
        self.messages += 1;
        let message = format!("msg_{}", self.messages);
        self.stream(&json!({"type": "message_start", "message": {
            "id": message, "type": "message", "role": "assistant", "model": "stand-in-1", "content": [],
            "stop_reason": null, "usage": {"input_tokens": 10, "output_tokens": 1}}}))?;
        self.stream(&json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}))
    }

    fn stream(&mut self, event: &Value) -> Result<()> {
        let event = stream_event(event);
        self.print(&event)
    }

    fn delta(&mut self, text: &str) -> Result<()> {
        self.stream(&delta(text))
    }

    /// Ends the message with its whole text.
    fn end(&mut self, text: &str) -> Result<()> {
        let message = format!("msg_{}", self.messages);
        self.print(&json!({"type": "assistant", "session_id": SESSION, "parent_tool_use_id": null, "message": {
            "id": message, "type": "message", "role": "assistant", "model": "stand-in-1",
            "content": [{"type": "text", "text": text}], "stop_reason": null, "usage": {"input_tokens": 10, "output_tokens": 9}}}))?;
        self.stream(&json!({"type": "content_block_stop", "index": 0}))?;
        self.stream(&json!({"type": "message_stop"}))
    }

    fn result(&mut self) -> Result<()> {
        self.print(&json!({
            "type": "result", "subtype": "success", "is_error": false, "duration_ms": 1000, "duration_api_ms": 900, "num_turns": 1,
            "result": "", "session_id": SESSION, "total_cost_usd": 0.01, "usage": {"input_tokens": 10, "output_tokens": 9},
            "modelUsage": {}, "permission_denials": [],
        }))
    }
}

const SESSION: &str = "5a1decd4-d02b-4e75-8ea3-d0702889cdd3";

fn stream_event(event: &Value) -> Value {
    json!({"type": "stream_event", "session_id": SESSION, "parent_tool_use_id": null, "event": event})
}

fn delta(text: &str) -> Value {
    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
}

fn measure(config: &Path, program: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket)?;
    let config = with_assistant(config, folder.path(), &socket)?;
    let command = [program, "--config", &config].map(str::to_owned);
    let (rows, columns) = (NonZeroU16::new(40), NonZeroU16::new(160));
    let (rows, columns) = rows.zip(columns).context("a size")?;
    let mut terminal = Terminal::start(&command, rows, columns)?;
    terminal.first_frame("help")?;
    terminal.watch(Duration::from_secs(8))?;
    let pid = terminal.pid()?;
    let idle = memory_mib(pid, "VmRSS:")?;
    println!("idle_rss_mib={idle:.2}");
    terminal.press("bhello\r")?;
    let mut program = StandIn::accept(&listener)?;
    program.asked()?;
    program.init()?;
    let words = Sorted::of(first_words(&mut terminal, &mut program)?);
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("worst", 1.0)] {
        let figure = words.at(quantile).context("no words")?;
        println!("first_word_{name}_ms={figure:.2}");
    }
    program.result()?;
    terminal.watch(Duration::from_secs(1))?;
    terminal.press("more\r")?;
    program.asked()?;
    let (busy, begun) = (cpu_seconds(pid)?, now());
    let keys = Sorted::of(flood(&mut terminal, program)?);
    let share = (cpu_seconds(pid)? - busy) / (milliseconds(now() - begun) / 1000.0);
    println!("flood_cpu_percent={:.1}", share * 100.0);
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("worst", 1.0)] {
        let figure = keys.at(quantile).context("no keys")?;
        println!("flood_key_{name}_ms={figure:.2}");
    }
    let most = memory_mib(pid, "VmHWM:")?;
    println!("flood_rss_above_idle_mib={:.2}", most - idle);
    terminal.quit()
}

/// The configuration, and in it the stand-in as the program; its path.
fn with_assistant(config: &Path, folder: &Path, socket: &Path) -> Result<String> {
    let ourselves = std::env::current_exe()?;
    let script = folder.join("claude");
    let call = format!(
        "#!/bin/sh\nexec '{}' stand-in '{}' \"$@\"\n",
        ourselves.display(),
        socket.display()
    );
    fs::write(&script, call)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let login = folder.join("key");
    fs::write(&login, "not-a-real-key")?;
    fs::set_permissions(&login, fs::Permissions::from_mode(0o600))?;
    let text = format!(
        "{}assistant:\n  program: {}\n  login:\n    api_key_file: {}\n",
        fs::read_to_string(config)?,
        script.display(),
        login.display()
    );
    let path = folder.join("config.yaml");
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

/// Milliseconds from the first word of a message leaving for the program to its frame on the screen.
fn first_words(terminal: &mut Terminal, program: &mut StandIn) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(FIRST_WORDS);
    for turn in 0..FIRST_WORDS {
        // At moments that keep step with nothing.
        terminal.watch(Duration::from_millis(fastrand::u64(60..240)))?;
        program.begin()?;
        terminal.watch(Duration::from_millis(fastrand::u64(20..90)))?;
        let word = format!("word{turn:03}");
        let sent = now();
        program.delta(&word)?;
        let seen = terminal
            .until(sent + PATIENCE, |screen| screen.contents().contains(&word))?
            .with_context(|| {
                let screen = terminal.parser.screen().contents();
                format!("{word} is not on the screen:\n{screen}")
            })?;
        times.push(milliseconds(seen - sent));
        program.end(&format!("{word} and nothing more\n"))?;
    }
    Ok(times)
}

/// Ten megabytes in one event, two of standard errors, and a hundred thousand deltas as fast as they are taken, while somebody types.
fn flood(terminal: &mut Terminal, mut program: StandIn) -> Result<Vec<f64>> {
    let flood = std::thread::spawn(move || -> Result<StandIn> {
        program.begin()?;
        program.end(&"x".repeat(10 * MIB))?;
        for _ in 0..2 * MIB / 64 {
            let line = format!("{:-<63}\n", "a line of standard errors ");
            program.write(Stream::Errors, line.as_bytes())?;
        }
        program.begin()?;
        let mut whole = String::new();
        for turn in 0..DELTAS {
            let text = if turn % 12 == 11 {
                "end\n"
            } else {
                "**more** of `it` "
            };
            program.delta(text)?;
            whole.push_str(text);
        }
        program.end(&whole)?;
        program.result()?;
        Ok(program)
    });
    let mut keys = Vec::with_capacity(KEYS);
    while !flood.is_finished() || keys.len() < KEYS {
        keys.push(terminal.press_key(b"y")?);
        if keys.len() % 40 == 0 {
            // Not a longer and longer draft.
            terminal.press("\u{15}")?;
        }
        terminal.watch(Duration::from_millis(fastrand::u64(15..60)))?;
    }
    match flood.join() {
        Ok(done) => drop(done?),
        Err(_) => bail!("the flood has failed"),
    }
    Ok(keys)
}
