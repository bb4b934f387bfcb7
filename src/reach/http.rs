//! One HTTP/1.1 question to a service of a host, asked from the host itself: every wait has a limit and every answer a largest
//! size. Plain HTTP only; a status that tells of a failure is an answer like any other.

use std::collections::BTreeMap;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::http_ask::HttpAsk;
use super::http_error::{HttpError, HttpErrorKind};
use crate::domain::Endpoint;
use crate::exec::{BoxedIo, Exec, ExecError, ExecErrorKind, HostSocket};
use crate::text::SafeText;

/// Bytes read ahead on one connection; an answer's head must fit.
const AHEAD: usize = 64 * 1024;

/// Most headers of an answer.
const HEADERS: usize = 100;

/// Most places of which a connection is kept.
const KEPT: usize = 32;

/// What a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Its status: 200, 404, 500 …
    pub status: u16,
    /// What it says its body is.
    pub content_type: SafeText,
    /// Its body, whole.
    pub body: Bytes,
}

impl HttpAnswer {
    /// Whether it tells of success.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The HTTP services of one host. A connection is kept for the next question to the same place; nothing runs between two.
pub struct Http {
    exec: Arc<dyn Exec>,
    idle: Mutex<BTreeMap<Endpoint, Line>>,
}

/// An open connection: whoever waits for an answer also moves its bytes.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended: only then does the sender hear of it.
    connection: Moving,
}

type Moving = Option<Pin<Box<Connection<TokioIo<BoxedIo>, Full<Bytes>>>>>;

impl Http {
    /// Services as this host sees them.
    pub fn new(exec: Arc<dyn Exec>) -> Self {
        Self {
            exec,
            idle: Mutex::default(),
        }
    }

    /// Asks and reads the whole answer. Dropping it ends the question.
    pub async fn ask(&self, ask: &HttpAsk) -> Result<HttpAnswer, HttpError> {
        timeout(ask.limit, self.exchange(ask))
            .await
            .unwrap_or_else(|_| Err(too_slow(ask.limit)))
    }

    /// Whether something takes a connection there.
    pub async fn listens(&self, to: &Endpoint, limit: Duration) -> Result<(), HttpError> {
        timeout(limit, self.dial(to))
            .await
            .unwrap_or_else(|_| Err(too_slow(limit)))
            .map(drop)
    }

    async fn exchange(&self, ask: &HttpAsk) -> Result<HttpAnswer, HttpError> {
        let (mut line, response) = self.send(ask).await?;
        let (head, body) = response.into_parts();
        let content_type = head.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.map_or_else(SafeText::default, |value| {
            SafeText::from_bytes(value.as_bytes())
        });
        let body = line.driven(collect(body, ask.most)).await?;
        self.keep(&ask.endpoint, line);
        Ok(HttpAnswer {
            status: head.status.as_u16(),
            content_type,
            body,
        })
    }

    async fn send(&self, ask: &HttpAsk) -> Result<(Line, Response<Incoming>), HttpError> {
        // What changes something goes over a connection of its own: on one that was closed meanwhile nobody knows whether it
        // was heard.
        if ask.method == Method::GET
            && let Some(mut line) = self.kept(&ask.endpoint)
            && line.is_open().await
            && let Ok(response) = line.send(request(ask)?).await
        {
            return Ok((line, response));
        }
        let io = TokioIo::new(self.dial(&ask.endpoint).await?);
        let (sender, connection) = Builder::new()
            .max_buf_size(AHEAD)
            .max_headers(HEADERS)
            .handshake(io)
            .await
            .map_err(broken)?;
        let mut line = Line {
            sender,
            connection: Some(Box::pin(connection)),
        };
        let response = line.send(request(ask)?).await.map_err(broken)?;
        Ok((line, response))
    }

    async fn dial(&self, to: &Endpoint) -> Result<BoxedIo, HttpError> {
        let socket = HostSocket::Tcp {
            host: to.host.clone(),
            port: to.port,
        };
        let io = self.exec.connect(&socket).await;
        io.map_err(|error| unreached(to, error))
    }

    fn kept(&self, place: &Endpoint) -> Option<Line> {
        self.idle().remove(place)
    }

    fn keep(&self, place: &Endpoint, line: Line) {
        let mut idle = self.idle();
        if idle.len() >= KEPT {
            idle.clear();
        }
        idle.insert(place.clone(), line);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, BTreeMap<Endpoint, Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl Line {
    /// Whether it can take one more question.
    async fn is_open(&mut self) -> bool {
        let Self { sender, connection } = self;
        driven(connection, sender.ready()).await.is_ok()
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let Self { sender, connection } = self;
        driven(connection, sender.send_request(request)).await
    }

    async fn driven<T>(&mut self, work: impl Future<Output = T>) -> T {
        driven(&mut self.connection, work).await
    }
}

/// Does the work while the connection moves its bytes. Once that ended, the work hears of it by itself.
async fn driven<T>(moving: &mut Moving, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| {
        let end = moving.as_mut().map(|one| one.as_mut().poll(context));
        if let Some(Poll::Ready(end)) = end {
            *moving = None;
            if let Err(error) = end {
                tracing::debug!(%error, "a connection to a service ended");
            }
        }
        work.as_mut().poll(context)
    })
    .await
}

fn request(ask: &HttpAsk) -> Result<Request<Full<Bytes>>, HttpError> {
    if !ask.path.starts_with('/') {
        return Err(not_a_path(&ask.path));
    }
    let mut request = Request::builder()
        .method(ask.method.clone())
        .uri(&ask.path)
        .header(header::HOST, ask.endpoint.to_string())
        .header(header::USER_AGENT, "pilothouse");
    if let Some(content_type) = &ask.content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    if let Some(key) = &ask.key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", key.expose()));
    }
    request.body(Full::new(ask.body.clone())).map_err(|error| {
        HttpError::new(HttpErrorKind::Request, "no request can be made of this").source(error)
    })
}

async fn collect(mut body: Incoming, most: usize) -> Result<Bytes, HttpError> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers are no part of it.
        let Ok(bytes) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        if all.len() + bytes.len() > most {
            let what = format!("the answer is larger than {} KiB", most / 1024);
            return Err(HttpError::new(HttpErrorKind::TooBig, what));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.into())
}

fn not_a_path(path: &str) -> HttpError {
    let lower = path.to_ascii_lowercase();
    if lower.starts_with("https:") {
        return HttpError::new(HttpErrorKind::Request, "https is not spoken here")
            .hint("give the port on which the service answers plain http on its own host");
    }
    let what = format!(
        "{:?} is no path: it begins with /",
        SafeText::new(path).as_str()
    );
    HttpError::new(HttpErrorKind::Request, what)
}

fn too_slow(limit: Duration) -> HttpError {
    let what = format!("it did not answer within {} s", limit.as_secs_f32());
    HttpError::new(HttpErrorKind::Timeout, what)
}

fn unreached(to: &Endpoint, error: ExecError) -> HttpError {
    let refused = error
        .source
        .as_ref()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::ConnectionRefused);
    let (kind, what) = match error.kind {
        ExecErrorKind::NotFound => (HttpErrorKind::Refused, format!("nothing listens on {to}")),
        ExecErrorKind::Refused if refused => {
            (HttpErrorKind::Refused, format!("nothing listens on {to}"))
        }
        ExecErrorKind::Refused => (HttpErrorKind::Forbidden, error.what.clone()),
        ExecErrorKind::Timeout => (HttpErrorKind::Timeout, error.what.clone()),
        ExecErrorKind::Protocol => (HttpErrorKind::Lost, error.what.clone()),
        ExecErrorKind::Unreachable | ExecErrorKind::Lost => {
            (HttpErrorKind::Host, "the host can't be reached".to_owned())
        }
    };
    let told = HttpError::new(kind, what);
    match error.hint.clone() {
        Some(hint) => told.hint(hint),
        None => told,
    }
    .source(error)
}

/// The connection broke, or what came over it is no HTTP.
fn broken(error: hyper::Error) -> HttpError {
    if error.is_parse() || error.is_parse_too_large() {
        let what = "what answers speaks no plain http";
        return HttpError::new(HttpErrorKind::NotHttp, what)
            .hint("is this the right port? https is not spoken here")
            .source(error);
    }
    let what = "the connection ended before the answer did";
    HttpError::new(HttpErrorKind::Lost, what).source(error)
}
