//! The container daemon of a simulated machine (pure): as much of its HTTP as a liveness probe asks for.

/// Longest request head that is read.
const LONGEST_HEAD: usize = 16 * 1024;

/// One connection to the daemon.
#[derive(Debug, Default)]
pub(super) struct Daemon {
    pending: Vec<u8>,
}

impl Daemon {
    /// Takes bytes of a client and answers every request in them; requests with a body are not known here.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut answers = String::new();
        while let Some(end) = self.pending.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = self.pending.split_off(end + 4);
            let head = std::mem::replace(&mut self.pending, rest);
            answers += &answer(&String::from_utf8_lossy(&head));
        }
        if self.pending.len() > LONGEST_HEAD {
            self.pending.clear();
        }
        answers
    }
}

fn answer(head: &str) -> String {
    let mut words = head.split_ascii_whitespace();
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let (status, kind, body) = match method {
        // Clients may put the version first: `/v1.47/_ping`.
        Some("GET") if path.ends_with("/_ping") => ("200 OK", "text/plain; charset=utf-8", "OK"),
        _ => (
            "404 Not Found",
            "application/json",
            "{\"message\":\"page not found\"}",
        ),
    };
    format!(
        "HTTP/1.1 {status}\r\nApi-Version: 1.51\r\nServer: Docker/28.3.3 (linux)\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_answered_however_it_is_cut() {
        let mut daemon = Daemon::default();
        assert_eq!(daemon.hear(b"GET /_ping HTTP/1.1\r\nHost: d"), "");
        let answer = daemon.hear(b"ocker\r\n\r\nGET /v1.47/_ping HTTP/1.1\r\n\r\n");
        assert_eq!(answer.matches("200 OK").count(), 2, "{answer}");
        assert!(answer.ends_with("\r\n\r\nOK"));
        assert!(
            daemon
                .hear(b"GET /containers/json HTTP/1.1\r\n\r\n")
                .starts_with("HTTP/1.1 404 ")
        );
    }
}
