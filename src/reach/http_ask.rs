//! One question to an HTTP service, in words (pure).

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use serde_json::Value;

use crate::domain::{Endpoint, Secret};

/// Longest wait for an answer that a service in good health gives at once.
const SOON: Duration = Duration::from_secs(5);

/// Largest answer about one thing.
const SMALL: usize = 256 * 1024;

/// One question.
#[derive(Debug, Clone)]
pub struct HttpAsk {
    pub(super) method: Method,
    pub(super) endpoint: Endpoint,
    pub(super) path: String,
    pub(super) content_type: Option<String>,
    pub(super) key: Option<Secret<String>>,
    pub(super) body: Bytes,
    pub(super) limit: Duration,
    pub(super) most: usize,
}

/// One part of a form that is sent with files in it.
#[derive(Debug, Clone)]
pub struct HttpPart {
    /// The field.
    pub name: &'static str,
    /// The name of the file and what it is, where the part is one.
    pub file: Option<(&'static str, &'static str)>,
    /// What it holds.
    pub content: Bytes,
}

impl HttpAsk {
    /// A question about one thing: at most 5 s, at most 256 KiB.
    pub fn get(endpoint: &Endpoint, path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            endpoint: endpoint.clone(),
            path: path.into(),
            content_type: None,
            key: None,
            body: Bytes::new(),
            limit: SOON,
            most: SMALL,
        }
    }

    /// Hands over JSON.
    pub fn json(endpoint: &Endpoint, path: impl Into<String>, body: &Value) -> Self {
        Self {
            method: Method::POST,
            content_type: Some("application/json".into()),
            body: body.to_string().into(),
            ..Self::get(endpoint, path)
        }
    }

    /// Hands over a form with files in it.
    pub fn form(endpoint: &Endpoint, path: impl Into<String>, parts: &[HttpPart]) -> Self {
        let boundary = boundary(parts);
        let mut body = Vec::new();
        for part in parts {
            body.extend_from_slice(head(&boundary, part).as_bytes());
            body.extend_from_slice(&part.content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Self {
            method: Method::POST,
            content_type: Some(format!("multipart/form-data; boundary={boundary}")),
            body: body.into(),
            ..Self::get(endpoint, path)
        }
    }

    /// With this as the longest wait, from the connection to the last byte.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// With this as the largest body, in bytes.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// With the key that the service asks for.
    #[must_use]
    pub fn key(mut self, key: Option<Secret<String>>) -> Self {
        self.key = key;
        self
    }
}

fn head(boundary: &str, part: &HttpPart) -> String {
    let name = part.name;
    match part.file {
        None => {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n")
        }
        Some((file, what)) => format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
             Content-Type: {what}\r\n\r\n"
        ),
    }
}

/// A line that no part holds.
fn boundary(parts: &[HttpPart]) -> String {
    let mut number = 0_u32;
    loop {
        let line = format!("pilothouse-part-{number:08x}");
        let held = |part: &HttpPart| memchr::memmem::find(&part.content, line.as_bytes()).is_some();
        if !parts.iter().any(held) {
            return line;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Port;

    #[test]
    fn no_part_ends_the_form() {
        let endpoint = Endpoint {
            host: "127.0.0.1".parse().unwrap(),
            port: Port::SSH,
        };
        let part = |content: &'static str| HttpPart {
            name: "model",
            file: None,
            content: Bytes::from_static(content.as_bytes()),
        };
        let ask = HttpAsk::form(&endpoint, "/", &[part("--pilothouse-part-00000000--")]);
        assert_eq!(
            ask.content_type.unwrap(),
            "multipart/form-data; boundary=pilothouse-part-00000001"
        );
        assert_eq!(
            String::from_utf8(ask.body.to_vec()).unwrap(),
            "--pilothouse-part-00000001\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\
             --pilothouse-part-00000000--\r\n--pilothouse-part-00000001--\r\n"
        );
    }
}
