//! What the console and its `pilothouse mcp` child say to each other over their socket: one JSON object per line, in both
//! directions, and a reader of bounded lines. Both ends are the same binary, so there is one version.

use std::io;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The variable in which the child is told where the socket is.
pub const SOCKET_VARIABLE: &str = "PILOTHOUSE_MCP_SOCKET";

/// The variable in which the child is told the word that it has to show.
pub const TOKEN_VARIABLE: &str = "PILOTHOUSE_MCP_TOKEN";

/// Longest line from the child: a call's input is far below this.
pub const LONGEST_CALL: usize = 512 * 1024;

/// Longest line to the child: an answer is capped far below this.
pub const LONGEST_ANSWER: usize = 2 * 1024 * 1024;

/// What the child says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChildFrame {
    /// First of all, once.
    Hello {
        /// The word that it was given.
        token: String,
    },
    /// The program calls a tool.
    Call {
        /// Its number on this connection.
        id: u64,
        /// The tool's own name.
        tool: String,
        /// The raw input.
        input: Value,
        /// How the program's own events name the call, where it says so.
        tool_use: Option<String>,
    },
    /// The program no longer wants the answer.
    Cancel {
        /// To which call.
        id: u64,
    },
}

/// What the console says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ConsoleFrame {
    /// The word was right.
    Welcome,
    /// The answer to a call.
    Answer {
        /// To which.
        id: u64,
        /// What it is.
        answer: ToolAnswer,
    },
}

/// What a tool gives back to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolAnswer {
    /// Its text.
    pub text: String,
    /// It is a refusal or a failure.
    pub is_error: bool,
}

impl ToolAnswer {
    /// An answer.
    pub fn ok(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: false,
        }
    }

    /// A refusal or failure, in words.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: true,
        }
    }
}

/// One frame as a line.
pub fn line(frame: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(frame)?;
    line.push(b'\n');
    Ok(line)
}

/// Lines of a stream, none longer than a bound.
#[derive(Debug)]
pub struct LineReader<R> {
    from: R,
    held: BytesMut,
    /// Bytes of `held` that are known to hold no line end.
    seen: usize,
    longest: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads from here, lines of at most so many bytes.
    pub fn new(from: R, longest: usize) -> Self {
        Self {
            from,
            held: BytesMut::new(),
            seen: 0,
            longest,
        }
    }

    /// The next line without its end; `None` at the end of the stream, where half a line is dropped. Cancel-safe. A line over
    /// the bound is an error, and the stream is of no more use.
    pub async fn next(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            let fresh = self.held.get(self.seen..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                let mut line = self.held.split_to(self.seen + at + 1);
                line.truncate(self.seen + at);
                self.seen = 0;
                return Ok(Some(line));
            }
            self.seen = self.held.len();
            if self.seen > self.longest {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a line is longer than {} KiB", self.longest / 1024),
                ));
            }
            if self.from.read_buf(&mut self.held).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_however_they_are_cut() {
        let (mut far, near) = tokio::io::duplex(7);
        let mut reader = LineReader::new(near, 100);
        let write = async {
            use tokio::io::AsyncWriteExt as _;
            for part in [&b"one\ntw"[..], b"o\n\nthree and more\nhalf"] {
                far.write_all(part).await.unwrap();
            }
            drop(far);
        };
        let read = async {
            let mut lines = Vec::new();
            while let Some(line) = reader.next().await.unwrap() {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
            }
            lines
        };
        let ((), lines) = tokio::join!(write, read);
        assert_eq!(lines, ["one", "two", "", "three and more"]);
    }

    #[tokio::test]
    async fn a_line_over_the_bound_ends_it() {
        let endless = tokio::io::repeat(b'x');
        let mut reader = LineReader::new(endless, 1000);
        let error = reader.next().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
