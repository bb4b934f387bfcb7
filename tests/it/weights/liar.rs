//! A hub that says what a test wants it to say, byte by byte: too little, too much, something else, somewhere else.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use ring::digest::{SHA256, digest};

/// The commit of its one revision.
pub(super) const COMMIT: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// What it is asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    /// The first byte that is wanted.
    pub(super) from: Option<usize>,
    /// Whether the token came along.
    pub(super) token: bool,
}

/// What it says.
pub(super) struct Said {
    pub(super) status: &'static str,
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
    /// After the body: the same again and again, or nothing for ever.
    pub(super) then: Then,
}

pub(super) enum Then {
    HangUp,
    Silence,
    More,
}

impl Said {
    pub(super) fn new(status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: format!("Content-Length: {}\r\n", body.len()),
            body,
            then: Then::HangUp,
        }
    }

    pub(super) fn moved(to: &str) -> Self {
        let mut said = Self::new("302 Found", "");
        let _fits = write!(said.headers, "Location: {to}\r\n");
        said
    }

    /// The rest of a file, as a hub that knows ranges gives it.
    pub(super) fn part(content: &[u8], asked: &Asked) -> Self {
        match asked.from {
            Some(from) if from >= content.len() => Self::new("416 Range Not Satisfiable", ""),
            Some(from) => {
                let mut said = Self::new("206 Partial Content", &content[from..]);
                let (last, all) = (content.len() - 1, content.len());
                let _fits = write!(said.headers, "Content-Range: bytes {from}-{last}/{all}\r\n");
                said
            }
            None => Self::new("200 OK", content),
        }
    }
}

/// What it tells of a repository with these files.
pub(super) fn listing(files: &[(&str, &[u8])]) -> Said {
    let siblings: Vec<_> = files
        .iter()
        .map(|(name, content)| {
            let hash = digest(&SHA256, content);
            let hex = hash.as_ref().iter().fold(String::new(), |mut hex, byte| {
                let _fits = write!(hex, "{byte:02x}");
                hex
            });
            serde_json::json!({"rfilename": name, "size": content.len(), "blobId": "0".repeat(40),
                "lfs": {"sha256": hex, "size": content.len()}})
        })
        .collect();
    let said = serde_json::json!({"id": "ann/m", "sha": COMMIT, "siblings": siblings});
    Said::new("200 OK", said.to_string())
}

/// The hub; its threads end with the test.
pub(super) struct Liar {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<Asked>>>,
}

impl Liar {
    pub(super) fn new(says: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (says, heard) = (Arc::new(says), Arc::new(Mutex::new(Vec::new())));
        let notes = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (says, notes) = (Arc::clone(&says), Arc::clone(&notes));
                thread::spawn(move || {
                    if let Some(asked) = read(&stream) {
                        notes.lock().unwrap().push(asked.clone());
                        let _gone = answer(stream, &says(&asked));
                    }
                });
            }
        });
        Self { port, heard }
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn heard(&self) -> Vec<Asked> {
        self.heard.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut asked = Asked {
        path: first.split(' ').nth(1)?.to_owned(),
        from: None,
        token: false,
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            asked.from = range.trim_end_matches('-').parse().ok();
        }
        asked.token |= line.starts_with("authorization:");
    }
    Some(asked)
}

fn answer(mut stream: TcpStream, said: &Said) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {}\r\n{}Connection: close\r\n\r\n",
        said.status, said.headers
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&said.body)?;
    match said.then {
        Then::HangUp => Ok(()),
        Then::More => loop {
            stream.write_all(&said.body)?;
        },
        Then::Silence => {
            // Until whoever asked is gone.
            let mut nothing = Vec::new();
            std::io::Read::read_to_end(&mut stream, &mut nothing).map(drop)
        }
    }
}
