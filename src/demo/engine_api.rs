//! The container engine of a simulated machine: as much of its HTTP as the console asks for, over a channel of the SSH
//! server. What there is comes from `boxes`, what is printed from `voices`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use russh::Channel;
use russh::server::Msg;
use serde_json::{Value, json};

use super::boxes::{Container, Refused, State};
use super::engine_json as words;
use super::node::Node;
use super::voices::Spoken;
use crate::domain::{ContainerAct, Wall};

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(150);

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Serves one connection to the engine until it is closed.
pub(super) async fn serve(node: Arc<Node>, channel: Channel<Msg>) {
    let io = TokioIo::new(channel.into_stream());
    let service = service_fn(move |request| {
        let node = Arc::clone(&node);
        async move { Ok::<_, Infallible>(answer(&node, &request)) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(io, service).await {
        tracing::debug!(%error, "a connection to the demo's engine ended");
    }
}

fn answer(node: &Arc<Node>, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/');
    // Clients may put the version first: `/v1.47/_ping`.
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.first().is_some_and(|first| first.starts_with("v1.")) {
        parts.remove(0);
    }
    let query = Query(request.uri().query().unwrap_or_default());
    match (request.method(), parts.as_slice()) {
        (&Method::GET | &Method::HEAD, ["_ping"]) => text(StatusCode::OK, "OK"),
        (&Method::GET, ["version"]) => said(&words::version()),
        (&Method::GET, ["info"]) => said(&words::info(node)),
        (&Method::GET, ["images", "json"]) => said(&json!([])),
        (&Method::GET, ["events"]) => events(node),
        (&Method::GET, ["containers", "json"]) => said(&list(node, query.is("all"))),
        (&Method::GET, ["containers", id, what]) => look(node, id, what, &query),
        (&Method::POST, ["containers", "prune"]) => said(&prune(node)),
        (&Method::POST, ["images", "prune"]) => {
            said(&json!({"ImagesDeleted": null, "SpaceReclaimed": 0}))
        }
        (&Method::POST, ["containers", _, "exec"]) => refused(
            StatusCode::NOT_IMPLEMENTED,
            "this container is simulated: it has no shell",
        ),
        (&Method::POST, ["containers", id, verb]) => match verb_of(verb) {
            Some(act) => acted(node, id, act),
            None => unknown_page(),
        },
        (&Method::DELETE, ["containers", id]) => acted(node, id, ContainerAct::Remove),
        _ => unknown_page(),
    }
}

fn verb_of(word: &str) -> Option<ContainerAct> {
    Some(match word {
        "start" => ContainerAct::Start,
        "stop" => ContainerAct::Stop,
        "restart" => ContainerAct::Restart,
        "kill" => ContainerAct::Kill,
        "pause" => ContainerAct::Pause,
        "unpause" => ContainerAct::Unpause,
        _ => return None,
    })
}

fn list(node: &Node, all: bool) -> Value {
    let now = node.wall();
    let boxes = node.boxes();
    boxes
        .all()
        .filter(|container| all || !matches!(container.state, State::Exited(..)))
        .map(|container| words::row(container, now))
        .collect()
}

fn look(node: &Arc<Node>, id: &str, what: &str, query: &Query<'_>) -> Response<Body> {
    let now = node.wall();
    let Some(container) = node.boxes().find(id).cloned() else {
        return no_such(id);
    };
    match what {
        "json" => said(&words::inspect(&container, now)),
        "top" => said(&words::top(node, &container)),
        "stats" => stats(node, container, query.value("stream") != Some("false")),
        "logs" => logs(node, &container, query),
        _ => unknown_page(),
    }
}

fn acted(node: &Node, id: &str, act: ContainerAct) -> Response<Body> {
    let now = node.wall();
    let Some(container) = node.boxes().find(id).cloned() else {
        return no_such(id);
    };
    let outcome = node.boxes().act(id, act, now);
    match outcome {
        Ok(events) => {
            node.follow_container(&container, act);
            let container = node.boxes().find(id).cloned().unwrap_or(container);
            for event in events {
                node.tell(words::event(&container, event, now));
            }
            empty(StatusCode::NO_CONTENT)
        }
        Err(Refused::Unknown) => no_such(id),
        Err(Refused::Already) => empty(StatusCode::NOT_MODIFIED),
        Err(Refused::Conflict(why)) => refused(StatusCode::CONFLICT, &why),
    }
}

fn prune(node: &Node) -> Value {
    let ended: Vec<Container> = {
        let boxes = node.boxes();
        let ended = boxes.all().filter(|c| matches!(c.state, State::Exited(..)));
        ended.cloned().collect()
    };
    for container in &ended {
        acted(node, &container.id, ContainerAct::Remove);
    }
    let ids: Vec<&str> = ended
        .iter()
        .map(|container| container.id.as_str())
        .collect();
    json!({"ContainersDeleted": ids, "SpaceReclaimed": ids.len() * 48_000_000})
}

/// Events from now on, as JSON lines. One that falls behind misses some: then the stream ends and the client lists anew.
fn events(node: &Node) -> Response<Body> {
    let heard = stream::unfold(node.listen(), |mut told| async move {
        let event = told.recv().await.ok()?;
        Some((Bytes::from(format!("{event}\n")), told))
    });
    streamed("application/json", heard)
}

fn stats(node: &Arc<Node>, container: Container, on: bool) -> Response<Body> {
    if !on {
        return said(&words::stats(node, &container));
    }
    let beats = stream::unfold(
        (Arc::clone(node), container),
        |(node, container)| async move {
            let bytes = Bytes::from(format!("{}\n", words::stats(&node, &container)));
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((bytes, (node, container)))
        },
    );
    streamed("application/json", beats)
}

fn logs(node: &Arc<Node>, container: &Container, query: &Query<'_>) -> Response<Body> {
    let asked = Asked {
        out: query.is("stdout"),
        err: query.is("stderr"),
        stamps: query.is("timestamps"),
    };
    let now = nanos(node.wall());
    let since = query
        .nanos("since")
        .unwrap_or(i64::MIN)
        .max(nanos(container.created));
    let until = query
        .nanos("until")
        .filter(|until| *until > 0)
        .unwrap_or(now)
        .min(now);
    let voice = container.kind.voice;
    let end = until.min(ending(container));
    // A container that has run for weeks has said too much to say it all again.
    let count = query
        .value("tail")
        .and_then(|tail| tail.parse().ok())
        .unwrap_or(20_000);
    let past: Vec<u8> = voice
        .last(since, end, count)
        .iter()
        .flat_map(|line| asked.frame(line))
        .collect();
    let past = stream::once(async move { Bytes::from(past) });
    let kind = "application/vnd.docker.raw-stream";
    if !query.is("follow") {
        return streamed(kind, past);
    }
    let state = (Arc::clone(node), container.id.clone(), end);
    let live = stream::unfold(state, move |(node, id, told)| async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = nanos(node.wall());
            let container = node.boxes().find(&id).cloned()?;
            let end = now.min(ending(&container));
            let lines: Vec<u8> = match container.state {
                State::Paused => Vec::new(),
                _ => voice
                    .between(told, end)
                    .flat_map(|line| asked.frame(&line))
                    .collect(),
            };
            match container.state {
                State::Exited(..) if lines.is_empty() => return None,
                _ if lines.is_empty() => {}
                _ => return Some((Bytes::from(lines), (node, id, end))),
            }
        }
    });
    streamed(kind, past.chain(live))
}

/// The last moment at which it can have said anything.
fn ending(container: &Container) -> i64 {
    match container.state {
        State::Exited(_, at) => nanos(at),
        State::Running | State::Paused => i64::MAX,
    }
}

fn nanos(wall: Wall) -> i64 {
    wall.0.saturating_mul(1_000_000)
}

/// What of a log was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    out: bool,
    err: bool,
    stamps: bool,
}

impl Asked {
    /// A line in the engine's multiplexed form: stream, three zeros, length, text.
    fn frame(self, line: &Spoken) -> Vec<u8> {
        if !(if line.error { self.err } else { self.out }) {
            return Vec::new();
        }
        let stamp = if self.stamps {
            words::rfc3339(line.nanos) + " "
        } else {
            String::new()
        };
        let text = format!("{stamp}{}\n", line.text);
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
        let head = [if line.error { 2 } else { 1 }, 0, 0, 0];
        [head.as_slice(), &length, text.as_bytes()].concat()
    }
}

/// The query of a request; nothing in it is escaped, save what is not asked for here.
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn value(&self, key: &str) -> Option<&'a str> {
        self.0
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    fn is(&self, key: &str) -> bool {
        matches!(self.value(key), Some("1" | "true"))
    }

    /// `1795295051` or `1795295051.123456789`, in nanoseconds.
    fn nanos(&self, key: &str) -> Option<i64> {
        let (whole, part) = match self.value(key)?.split_once('.') {
            Some((whole, part)) => (whole, format!("{part:0<9.9}")),
            None => (self.value(key)?, "0".to_owned()),
        };
        let seconds: i64 = whole.parse().ok()?;
        Some(seconds.checked_mul(1_000_000_000)? + part.parse::<i64>().ok()?)
    }
}

fn said(value: &Value) -> Response<Body> {
    respond(StatusCode::OK, "application/json", value.to_string())
}

fn text(status: StatusCode, words: &str) -> Response<Body> {
    respond(status, "text/plain; charset=utf-8", words.to_owned())
}

fn refused(status: StatusCode, why: &str) -> Response<Body> {
    respond(
        status,
        "application/json",
        json!({ "message": why }).to_string(),
    )
}

fn no_such(id: &str) -> Response<Body> {
    refused(StatusCode::NOT_FOUND, &format!("No such container: {id}"))
}

fn unknown_page() -> Response<Body> {
    refused(StatusCode::NOT_FOUND, "page not found")
}

fn empty(status: StatusCode) -> Response<Body> {
    respond(status, "text/plain", String::new())
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    dressed(status, kind, Full::new(Bytes::from(body)).boxed_unsync())
}

fn streamed(
    kind: &'static str,
    chunks: impl Stream<Item = Bytes> + Send + 'static,
) -> Response<Body> {
    let frames = chunks.map(|bytes| Ok(Frame::data(bytes)));
    dressed(StatusCode::OK, kind, StreamBody::new(frames).boxed_unsync())
}

fn dressed(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", kind),
        ("api-version", words::API),
        ("docker-experimental", "false"),
        ("ostype", "linux"),
        ("server", "Docker/28.3.3 (linux)"),
    ] {
        headers.insert(name, hyper::header::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_by_rows() {
        let query = Query("stdout=1&stderr=true&since=12.5&until=7&tail=20");
        assert!(query.is("stdout") && query.is("stderr") && !query.is("follow"));
        assert_eq!(query.nanos("since"), Some(12_500_000_000));
        assert_eq!(query.nanos("until"), Some(7_000_000_000));
        assert_eq!(query.value("tail"), Some("20"));
        assert_eq!(query.nanos("tail").map(|n| n / 1_000_000_000), Some(20));
    }
}
