//! Posts JSON to an address, with `curl` of a machine (this one). Address, headers and body go in by standard input: they may hold
//! a token, and a process list is everybody's.

use bytes::Bytes;

use super::{Exec, ExecError, Exit, Fd, StreamEvent};
use crate::domain::Secret;
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// Hands the lines of its input to curl as a configuration; an empty line ends them, because the input stays open.
const CURL: &str = r#"while IFS= read -r line && [ -n "$line" ]; do printf '%s\n' "$line"; done |
curl --silent --show-error --fail --max-time 10 --config -"#;

/// What is posted.
#[derive(Debug, Clone)]
pub struct Post<'a> {
    /// The address; `http` or `https`.
    pub url: &'a Secret<String>,
    /// Headers beside that of JSON, as `Name: value`.
    pub headers: &'a [String],
    /// The body: JSON.
    pub body: &'a str,
}

/// Posts once; an answer other than 2xx is a failure, in curl's words.
pub async fn post(exec: &dyn Exec, post: &Post<'_>) -> Result<(), SafeText> {
    let config = config(post)?;
    let command = ShellCommand::new("sh").arg("-c").arg(CURL);
    let words = |error: ExecError| SafeText::from(error.to_string());
    let mut stream = exec.stream(&command).await.map_err(words)?;
    stream.send(Bytes::from(config)).await.map_err(words)?;
    let mut said = SafeText::from("curl said nothing");
    while let Some(event) = stream.next().await {
        match event {
            StreamEvent::Exit(exit) if exit.is_success() => return Ok(()),
            StreamEvent::Exit(Exit::Status(127)) => return Err("curl is not installed".into()),
            StreamEvent::Exit(_) => break,
            StreamEvent::Line {
                fd: Fd::Err, bytes, ..
            } => said = SafeText::from_bytes(&bytes),
            StreamEvent::Line { .. } | StreamEvent::Gap { .. } => {}
        }
    }
    Err(said)
}

/// curl's configuration for one call.
fn config(post: &Post<'_>) -> Result<String, SafeText> {
    if post.url.expose().chars().any(char::is_control) {
        return Err("its address holds a control character".into());
    }
    let headers = post.headers.iter().map(String::as_str);
    if headers
        .chain([post.body])
        .any(|text| text.contains(['\n', '\r', '\0']))
    {
        return Err("what is posted holds a line end".into());
    }
    let headers: Vec<String> = std::iter::once("Content-Type: application/json")
        .chain(post.headers.iter().map(String::as_str))
        .map(|header| format!("header = {}\n", quoted(header)))
        .collect();
    let headers = headers.concat();
    Ok(format!(
        "url = {}\nproto = \"=http,https\"\n{headers}data-raw = {}\n\n",
        quoted(post.url.expose()),
        quoted(post.body)
    ))
}

/// A value as curl reads it back (`man curl`, -K).
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_curl_is_told_by_rows() {
        let url = Secret::new("https://x.example/t?k=\"1\"".to_owned());
        let told = |headers: &[String], body: &str| {
            config(&Post {
                url: &url,
                headers,
                body,
            })
        };
        assert_eq!(
            told(&["X-A: b".into()], "{\"why\":\"it \\\"died\\\"\"}").unwrap(),
            "url = \"https://x.example/t?k=\\\"1\\\"\"\n\
             proto = \"=http,https\"\n\
             header = \"Content-Type: application/json\"\n\
             header = \"X-A: b\"\n\
             data-raw = \"{\\\"why\\\":\\\"it \\\\\\\"died\\\\\\\"\\\"}\"\n\n"
        );
        for (headers, body) in [
            (Vec::new(), "{}\noutput = y"),
            (vec!["X-A: b\r\nX-C: d".to_owned()], "{}"),
        ] {
            assert!(told(&headers, body).is_err(), "{headers:?} {body:?}");
        }
        let url = Secret::new("http://x\noutput=y".to_owned());
        let torn = Post {
            url: &url,
            headers: &[],
            body: "{}",
        };
        assert!(config(&torn).is_err());
    }
}
