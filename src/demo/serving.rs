//! The ports of a simulated machine's containers: as much of the engines' and services' HTTP as the console asks for. One service has
//! wedged before the demo began, and works again once somebody restarts its container.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use russh::Channel;
use russh::server::Msg;
use serde_json::json;

use super::boxes::{Container, State};
use super::node::Node;
use super::voices::Voice;
use super::work::Work;

/// The container that has wedged.
const WEDGED: &str = "whisper";

/// What answers on a port of a machine.
pub(super) struct Port {
    container: Container,
    /// The model that it has loaded.
    model: Option<String>,
}

/// What answers on this port now: a container that runs and publishes it.
pub(super) fn port(node: &Node, number: u32) -> Option<Port> {
    let boxes = node.boxes();
    let container = boxes.all().find(|container| {
        let outside = container.kind.port.map(|(_, outside)| u32::from(outside));
        container.state == State::Running && outside == Some(number)
    });
    let container = container?.clone();
    drop(boxes);
    let name = container.kind.name;
    let world = node.world();
    let mut works = world.works.iter();
    let work = works.find(|work| work.kind.container == Some(name));
    // An engine listens once it has loaded.
    if container.kind.voice == Voice::Vllm && !work.is_some_and(Work::is_loaded) {
        return None;
    }
    let model = work.and_then(|work| {
        let mut words = work.kind.command.split(' ');
        words.find(|word| matches!(*word, "--model" | "--model-path"))?;
        words.next().map(str::to_owned)
    });
    Some(Port { container, model })
}

/// Serves one connection until it is closed, or nobody listens on the port any more.
pub(super) async fn serve(node: Arc<Node>, number: u32, channel: Channel<Msg>) {
    let stream = TokioIo::new(channel.into_stream());
    let service = service_fn(|request: Request<Incoming>| {
        let port = port(&node, number).ok_or(io::ErrorKind::ConnectionReset);
        let answer = port.map(|port| answer(&node, &port, &request));
        async move { answer.map_err(io::Error::from) }
    });
    if let Err(error) = http1::Builder::new()
        .serve_connection(stream, service)
        .await
    {
        tracing::debug!(%error, "a connection to a service of the demo ended");
    }
}

fn answer(node: &Node, port: &Port, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let model = port.model.as_deref().unwrap_or(port.container.kind.name);
    match (port.container.kind.voice, request.uri().path()) {
        (_, "/health" | "/healthz") => say(StatusCode::OK, ""),
        (_, "/v1/models") => {
            let listed = json!({"object": "list", "data": [
                {"id": model, "object": "model", "owned_by": owner(port), "max_model_len": 131_072}
            ]});
            say(StatusCode::OK, &listed.to_string())
        }
        (Voice::Vllm, "/metrics") => say(StatusCode::OK, &metrics(node, port, model)),
        (Voice::Vllm, "/v1/completions" | "/v1/chat/completions") => {
            say(StatusCode::OK, r#"{"choices":[{"index":0,"text":" a"}]}"#)
        }
        (Voice::Speech, "/v1/audio/transcriptions") if is_wedged(node, port) => say(
            StatusCode::INTERNAL_SERVER_ERROR,
            r#"{"detail":"CUDA failure 999: unknown error ; cudaErrorUnknown"}"#,
        ),
        (Voice::Speech, "/v1/audio/transcriptions") => say(StatusCode::OK, r#"{"text":"Hello."}"#),
        _ => say(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn owner(port: &Port) -> &'static str {
    if port.container.kind.image.contains("vllm") {
        "vllm"
    } else {
        "demo"
    }
}

/// It failed before the demo began, and nobody has restarted it since.
fn is_wedged(node: &Node, port: &Port) -> bool {
    port.container.kind.name == WEDGED && port.container.started < node.began()
}

fn say(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    response
}

/// vLLM's page of numbers: counters that grow, and requests that come and go.
fn metrics(node: &Node, port: &Port, model: &str) -> String {
    let seconds = (node.wall().0 - port.container.started.0).max(0) as f64 / 1000.0;
    // Each engine has a size of its own.
    let size = 1.0 + (model.len() % 5) as f64 / 3.0;
    let wave = (seconds / 23.0).sin() + (seconds / 7.1).sin() / 2.0;
    let running = (4.0 * size + 3.0 * wave).max(0.0).round();
    let waiting = (wave * 2.0 - 1.6).max(0.0).round();
    let cache = (0.34 + 0.1 * wave).clamp(0.02, 0.97);
    // The wave, summed up: what grew at every moment as the wave stood then.
    let grown = seconds * 1.9 - 23.0 * 0.5 * (seconds / 23.0).cos();
    let (prompt, out) = ((grown * 410.0 * size) as u64, (grown * 96.0 * size) as u64);
    let requests = (grown * 0.7) as u64;
    let name = format!("model_name=\"{model}\"");
    let mut page = format!(
        "vllm:num_requests_running{{{name}}} {running}\nvllm:num_requests_waiting{{{name}}} {waiting}\n\
         vllm:kv_cache_usage_perc{{{name}}} {cache:.4}\nvllm:prompt_tokens_total{{{name}}} {prompt}\n\
         vllm:generation_tokens_total{{{name}}} {out}\n"
    );
    let first = [
        (0.1, 0.21),
        (0.25, 0.62),
        (0.5, 0.9),
        (1.0, 0.97),
        (2.5, 1.0),
    ];
    let next = [
        (0.01, 0.18),
        (0.025, 0.7),
        (0.05, 0.95),
        (0.1, 1.0),
        (0.2, 1.0),
    ];
    page += &buckets("vllm:time_to_first_token_seconds", &name, &first, requests);
    page += &buckets("vllm:inter_token_latency_seconds", &name, &next, out);
    page
}

fn buckets(series: &str, name: &str, shares: &[(f64, f64)], count: u64) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (bound, share) in shares {
        let there = (count as f64 * share) as u64;
        let _ = writeln!(text, "{series}_bucket{{{name},le=\"{bound}\"}} {there}");
    }
    let _ = writeln!(text, "{series}_bucket{{{name},le=\"+Inf\"}} {count}");
    let _ = writeln!(text, "{series}_count{{{name}}} {count}");
    text
}
