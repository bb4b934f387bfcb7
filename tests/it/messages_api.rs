//! A Messages API on loopback that says what a script wants: the far side of the real `claude` program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// What one request is answered with.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A text, in these pieces.
    Text(Vec<String>),
    /// A call of a tool, after a text.
    Tool(String, String, Value),
    /// An HTTP error: status, type, message.
    Error(u16, String, String),
    /// Some pieces, then nothing more; without any, not even a status.
    Stall(Vec<String>),
}

impl Reply {
    /// A text in pieces.
    pub(crate) fn text(pieces: &[&str]) -> Self {
        Self::Text(pieces.iter().map(|piece| (*piece).to_owned()).collect())
    }

    /// A call of one of our tools.
    pub(crate) fn tool(name: &str, input: Value) -> Self {
        Self::Tool(
            "Looking.".to_owned(),
            format!("mcp__pilothouse__{name}"),
            input,
        )
    }

    /// An HTTP error.
    pub(crate) fn error(status: u16, kind: &str, message: &str) -> Self {
        Self::Error(status, kind.to_owned(), message.to_owned())
    }
}

type Script = Box<dyn FnMut(&Value, usize) -> Reply + Send>;

/// The API. Ends when it falls.
pub(crate) struct MessagesApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    script: Mutex<Script>,
    requests: Mutex<Vec<Value>>,
    open: Mutex<Vec<TcpStream>>,
    over: std::sync::atomic::AtomicBool,
}

impl MessagesApi {
    /// Answers one request after another with these, and every further one with the last.
    pub(crate) fn scripted(replies: Vec<Reply>) -> Self {
        Self::answering(move |_, number| replies[number.min(replies.len() - 1)].clone())
    }

    /// Asks for each answer: with the request's body and its number, from 0.
    pub(crate) fn answering(script: impl FnMut(&Value, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            requests: Mutex::default(),
            open: Mutex::default(),
            over: false.into(),
        });
        let address = listener.local_addr().unwrap();
        let to = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &to));
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// For `ANTHROPIC_BASE_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for MessagesApi {
    fn drop(&mut self) {
        use std::sync::atomic::Ordering::SeqCst;
        self.shared.over.store(true, SeqCst);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the one that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().unwrap();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut serving = Vec::new();
    for stream in listener.incoming() {
        if shared.over.load(std::sync::atomic::Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { break };
        shared
            .open
            .lock()
            .unwrap()
            .push(stream.try_clone().unwrap());
        let shared = Arc::clone(shared);
        serving.push(std::thread::spawn(move || {
            // The client may go at any moment: that is no fault of a test.
            let _ = serve(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        }));
    }
    for stream in shared.open.lock().unwrap().drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
    for one in serving {
        one.join().unwrap();
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut from = BufReader::new(stream);
    let mut to = stream;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let posted =
            line.starts_with("POST /v1/messages?") || line.starts_with("POST /v1/messages ");
        let mut length = 0;
        loop {
            let mut header = String::new();
            from.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        if !posted {
            to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
            continue;
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        let number = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(body.clone());
            requests.len() - 1
        };
        let reply = (shared.script.lock().unwrap())(&body, number);
        if !answer(to, &mut from, number, &reply)? {
            return Ok(());
        }
    }
}

/// Whether the connection goes on.
fn answer(
    mut to: &TcpStream,
    from: &mut impl std::io::Read,
    number: usize,
    reply: &Reply,
) -> std::io::Result<bool> {
    if let Reply::Error(status, kind, message) = reply {
        let body =
            json!({"type": "error", "error": {"type": kind, "message": message}}).to_string();
        let length = body.len();
        write!(
            to,
            "HTTP/1.1 {status} Error\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        return Ok(true);
    }
    if let Reply::Stall(pieces) = reply
        && pieces.is_empty()
    {
        hold(from)?;
        return Ok(false);
    }
    to.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
    )?;
    let mut event = |event: Value| {
        let name = event["type"].as_str().unwrap().to_owned();
        to.write_all(format!("event: {name}\ndata: {event}\n\n").as_bytes())
    };
    event(
        json!({"type": "message_start", "message": {"id": format!("msg_{number}"),
        "type": "message", "role": "assistant", "model": "scripted", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 20,
            "cache_creation_input_tokens": 0}}}),
    )?;
    let (pieces, tool) = match reply {
        Reply::Text(pieces) | Reply::Stall(pieces) => (pieces.clone(), None),
        Reply::Tool(text, name, input) => (vec![text.clone()], Some((name, input))),
        Reply::Error(..) => panic!("an error is no stream"),
    };
    event(json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}}))?;
    for piece in pieces {
        event(json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": piece}}))?;
    }
    if matches!(reply, Reply::Stall(_)) {
        hold(from)?;
        return Ok(false);
    }
    event(json!({"type": "content_block_stop", "index": 0}))?;
    if let Some((name, input)) = tool {
        event(
            json!({"type": "content_block_start", "index": 1, "content_block": {
            "type": "tool_use", "id": format!("toolu_{number}"), "name": name, "input": {}}}),
        )?;
        event(json!({"type": "content_block_delta", "index": 1, "delta": {
            "type": "input_json_delta", "partial_json": input.to_string()}}))?;
        event(json!({"type": "content_block_stop", "index": 1}))?;
    }
    let why = if tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    };
    event(
        json!({"type": "message_delta", "delta": {"stop_reason": why, "stop_sequence": null},
        "usage": {"output_tokens": 12}}),
    )?;
    event(json!({"type": "message_stop"}))?;
    Ok(false)
}

/// Says nothing until the client, or the end of the test, closes the connection.
fn hold(from: &mut impl std::io::Read) -> std::io::Result<()> {
    let mut rest = [0; 1024];
    while from.read(&mut rest)? > 0 {}
    Ok(())
}
