//! HTTP to one container engine: connections over the host's [`Exec`], kept while they may be used again; every wait has a
//! limit and every answer a largest size.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::error::{DockerError, DockerErrorKind};
use crate::exec::{BoxedIo, Exec, ExecError, ExecErrorKind, HostSocket};
use crate::shell::ShellCommand;
use crate::tasks::Tasks;
use crate::text::SafeText;

/// Longest wait for an answer that an engine in good health gives at once.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// Largest answer about one thing.
pub(super) const SMALL: usize = 4 * 1024 * 1024;

/// Largest answer that is a list of everything.
pub(super) const LARGE: usize = 32 * 1024 * 1024;

/// Most bytes kept of what an engine says about its failure.
const COMPLAINT: usize = 64 * 1024;

/// Bytes read ahead on one connection; an answer's head must fit.
const AHEAD: usize = 256 * 1024;

/// How a connection to the engine is opened.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// To its socket.
    Socket(HostSocket),
    /// Through a program whose input and output are a connection.
    Program(ShellCommand),
}

impl Route {
    /// Questions at a time. A program takes one of the ten places that an sshd gives to commands.
    fn width(&self) -> usize {
        match self {
            Self::Socket(_) => 8,
            Self::Program(_) => 2,
        }
    }
}

type Sender = SendRequest<Full<Bytes>>;

/// The connections to one engine.
pub(super) struct Wire {
    exec: Arc<dyn Exec>,
    tasks: Tasks,
    route: Route,
    /// Connections between two requests.
    idle: Mutex<Vec<Sender>>,
    places: Semaphore,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query, escaped.
    pub(super) path: String,
    pub(super) body: Bytes,
    /// Longest wait for the whole answer.
    pub(super) limit: Duration,
    /// Largest answer, in bytes.
    pub(super) most: usize,
    /// Whether the connection itself is asked for.
    pub(super) upgrade: bool,
}

impl Call {
    /// A question about one thing.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: Bytes::new(),
            limit: SOON,
            most: SMALL,
            upgrade: false,
        }
    }

    /// An order.
    pub(super) fn post(path: impl Into<String>, limit: Duration) -> Self {
        Self {
            method: Method::POST,
            limit,
            ..Self::get(path)
        }
    }

    /// Whether it may be sent again when nobody knows what became of it.
    fn is_harmless(&self) -> bool {
        self.method == Method::GET
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, DockerError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::HOST, "docker")
            .header(header::CONTENT_TYPE, "application/json");
        if self.upgrade {
            request = request
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "tcp");
        }
        request.body(Full::new(self.body.clone())).map_err(|error| {
            DockerError::new(DockerErrorKind::Protocol, "no request can be made of this")
                .source(error)
        })
    }
}

/// An answer that goes on.
#[derive(Debug)]
pub(super) struct Chunks(Incoming);

impl Wire {
    pub(super) fn new(exec: Arc<dyn Exec>, tasks: Tasks, route: Route) -> Self {
        let places = Semaphore::new(route.width());
        Self {
            exec,
            tasks,
            route,
            idle: Mutex::default(),
            places,
        }
    }

    /// How connections are opened.
    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// Asks and reads the whole answer, a refusal made into an error.
    pub(super) async fn call(&self, call: &Call) -> Result<Bytes, DockerError> {
        let work = async {
            // An order may take as long as its container needs: it takes no place from the questions.
            let _place = if call.is_harmless() {
                Some(self.places.acquire().await)
            } else {
                None
            };
            let (response, sender) = self.send(call).await?;
            let (head, body) = response.into_parts();
            let failed = !(head.status.is_success() || head.status == StatusCode::NOT_MODIFIED);
            let most = if failed { COMPLAINT } else { call.most };
            let body = collect(body, most).await?;
            self.put_back(sender);
            if failed {
                return Err(complaint(head.status, &body));
            }
            Ok(body)
        };
        timeout(call.limit, work)
            .await
            .unwrap_or_else(|_| Err(too_slow(call)))
    }

    /// Asks, and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, DockerError> {
        parse(&self.call(call).await?)
    }

    /// Asks for an answer that goes on; only its beginning is waited for under the call's limit.
    pub(super) async fn open(&self, call: &Call) -> Result<Chunks, DockerError> {
        let (response, _) = self.begin(call).await?;
        Ok(Chunks(response.into_body()))
    }

    /// Asks for the connection itself, as bytes in both directions.
    pub(super) async fn hijack(&self, call: &Call) -> Result<BoxedIo, DockerError> {
        let call = Call {
            upgrade: true,
            ..call.clone()
        };
        let (response, _) = self.begin(&call).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let what = "the engine does not hand over the connection";
            return Err(DockerError::new(DockerErrorKind::Protocol, what));
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(lost)?;
        Ok(Box::pin(TokioIo::new(upgraded)))
    }

    async fn begin(&self, call: &Call) -> Result<(Response<Incoming>, Sender), DockerError> {
        let work = async {
            let (response, sender) = self.send(call).await?;
            let status = response.status();
            if status.is_client_error() || status.is_server_error() {
                let body = collect(response.into_body(), COMPLAINT).await?;
                self.put_back(sender);
                return Err(complaint(status, &body));
            }
            Ok((response, sender))
        };
        timeout(call.limit, work)
            .await
            .unwrap_or_else(|_| Err(too_slow(call)))
    }

    /// Sends a request, over a connection that is open if there is one.
    async fn send(&self, call: &Call) -> Result<(Response<Incoming>, Sender), DockerError> {
        while let Some(mut sender) = self.take_idle() {
            // One that the engine has closed meanwhile is found here, or by the request itself.
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(call.request()?).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => {
                    let unsent = error.take_message().is_some();
                    if !unsent && !call.is_harmless() {
                        return Err(lost(error.into_error()));
                    }
                }
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(call.request()?).await;
        response.map(|r| (r, sender)).map_err(lost)
    }

    /// A connection to the engine that nothing was said on yet.
    pub(super) async fn dial(&self) -> Result<BoxedIo, DockerError> {
        let io = match &self.route {
            Route::Socket(socket) => self.exec.connect(socket).await,
            Route::Program(program) => self.exec.pipe(program).await,
        };
        io.map_err(unreached)
    }

    async fn connect(&self) -> Result<Sender, DockerError> {
        let io = TokioIo::new(self.dial().await?);
        let handshake = Builder::new().max_buf_size(AHEAD).handshake(io).await;
        let (sender, connection) = handshake.map_err(lost)?;
        self.tasks.spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to a container engine ended");
            }
        });
        Ok(sender)
    }

    fn take_idle(&self) -> Option<Sender> {
        self.idle().pop()
    }

    /// Keeps a connection for the next request.
    fn put_back(&self, sender: Sender) {
        let mut idle = self.idle();
        idle.retain(|sender| !sender.is_closed());
        if idle.len() < self.route.width() / 2 && !sender.is_closed() {
            idle.push(sender);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Sender>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunks {
    /// The next bytes; `None` where the answer has ended in order. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, DockerError>> {
        loop {
            match self.0.frame().await? {
                Ok(frame) => {
                    // Trailers are no part of it.
                    if let Ok(bytes) = frame.into_data() {
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => return Some(Err(lost(error))),
            }
        }
    }
}

async fn collect(body: Incoming, most: usize) -> Result<Bytes, DockerError> {
    let mut chunks = Chunks(body);
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        if all.len() + chunk.len() > most {
            let what = format!("the engine's answer is larger than {} KiB", most / 1024);
            return Err(DockerError::new(DockerErrorKind::Protocol, what));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}

/// Reads an answer.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DockerError> {
    serde_json::from_slice(body).map_err(|error| {
        let what = "the engine's answer could not be read";
        DockerError::new(DockerErrorKind::Protocol, what).source(error)
    })
}

/// Escapes one part of a path, or one value of a query.
pub(super) fn escape(part: &str) -> String {
    use std::fmt::Write as _;

    let mut escaped = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// What the engine says when it refuses.
#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    message: String,
}

fn complaint(status: StatusCode, body: &[u8]) -> DockerError {
    let said = match serde_json::from_slice::<Complaint>(body) {
        Ok(complaint) => SafeText::new(cut(complaint.message.trim())),
        Err(_) => SafeText::new(cut(String::from_utf8_lossy(body).trim())),
    };
    let what = if said.is_empty() {
        format!("the engine answers {status}")
    } else {
        said.to_string()
    };
    let kind = match status {
        StatusCode::NOT_FOUND => DockerErrorKind::NotFound,
        StatusCode::CONFLICT => DockerErrorKind::Conflict,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => DockerErrorKind::NoPermission,
        _ => DockerErrorKind::Failed,
    };
    DockerError::new(kind, what)
}

/// A complaint is a sentence or two.
fn cut(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(600)
        .map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

fn too_slow(call: &Call) -> DockerError {
    let seconds = call.limit.as_secs();
    if call.is_harmless() {
        DockerError::new(
            DockerErrorKind::Timeout,
            format!("the engine took longer than {seconds} s to answer"),
        )
        .hint("is the host overloaded? else restart the daemon: sudo systemctl restart docker")
    } else {
        DockerError::new(
            DockerErrorKind::Timeout,
            format!("the engine was not done after {seconds} s: it may still do it"),
        )
        .hint("look at the container before trying again")
    }
}

/// The connection could not be opened.
fn unreached(error: ExecError) -> DockerError {
    let (kind, what) = match error.kind {
        ExecErrorKind::Unreachable | ExecErrorKind::Lost => (
            DockerErrorKind::Lost,
            "the host can't be reached".to_owned(),
        ),
        ExecErrorKind::Timeout => (DockerErrorKind::Timeout, error.what.clone()),
        ExecErrorKind::Protocol => (DockerErrorKind::Protocol, error.what.clone()),
        ExecErrorKind::Refused | ExecErrorKind::NotFound => {
            (DockerErrorKind::Silent, error.what.clone())
        }
    };
    DockerError::new(kind, what)
        .hint("is the daemon running? sudo systemctl start docker")
        .source(error)
}

/// The connection broke, or what came over it is no HTTP.
fn lost(error: hyper::Error) -> DockerError {
    let (kind, what) = if error.is_parse() || error.is_user() {
        (DockerErrorKind::Protocol, "what answers speaks no HTTP")
    } else {
        (
            DockerErrorKind::Lost,
            "the connection to the container engine ended meanwhile",
        )
    };
    DockerError::new(kind, what).source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{UnixListener, UnixStream};

    use super::*;
    use crate::exec::LocalExec;
    use crate::shell::RemotePath;

    /// A wire to a socket whose connections are played by `play`, and how many there were.
    fn wire<F: Future<Output = ()> + Send + 'static>(
        play: fn(UnixStream) -> F,
    ) -> (Wire, Arc<AtomicUsize>, Tasks, tempfile::TempDir) {
        let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
        let path = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (count, family) = (Arc::new(AtomicUsize::new(0)), tasks.clone());
        let counted = Arc::clone(&count);
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                family.spawn(play(stream));
            }
        });
        let socket = HostSocket::Unix(RemotePath::new(path.to_str().unwrap()).unwrap());
        let exec = Arc::new(LocalExec::new(tasks.clone()));
        let wire = Wire::new(exec, tasks.clone(), Route::Socket(socket));
        (wire, count, tasks, folder)
    }

    /// Reads one request; false when there is none any more.
    async fn asked(stream: &mut UnixStream) -> bool {
        let mut request = [0; 4096];
        stream.read(&mut request).await.is_ok_and(|read| read > 0)
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

    #[tokio::test]
    async fn a_connection_is_used_again_and_a_closed_one_is_not_missed() {
        let (wire, count, tasks, _folder) = wire(|mut stream| async move {
            // Two answers, then it hangs up without a word.
            for _ in 0..2 {
                if asked(&mut stream).await {
                    stream.write_all(OK).await.unwrap();
                }
            }
        });
        for _ in 0..6 {
            assert_eq!(wire.call(&Call::get("/x")).await.unwrap(), "{}");
        }
        assert_eq!(count.load(Ordering::Relaxed), 3);
        assert!(tasks.shutdown(SOON).await);
    }

    #[tokio::test]
    async fn an_order_is_not_given_twice() {
        let (wire, count, tasks, _folder) = wire(|mut stream| async move {
            // The order is read, and then nobody knows.
            asked(&mut stream).await;
        });
        let error = wire.call(&Call::post("/x", SOON)).await.unwrap_err();
        assert_eq!(error.kind, DockerErrorKind::Lost);
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(tasks.shutdown(SOON).await);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_a_slow_drip_end_in_time_and_in_words() {
        let (wire, _, tasks, _folder) = wire(|mut stream| async move {
            asked(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
            if stream.write_all(head).await.is_err() {
                return;
            }
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let error = wire.call(&Call::get("/x")).await.unwrap_err();
        assert_eq!(error.kind, DockerErrorKind::Timeout);
        assert!(error.what.contains("longer than 10 s") && error.hint.is_some());
        let error = wire.call(&Call::post("/x", SOON)).await.unwrap_err();
        assert!(error.what.contains("it may still do it"), "{error}");
        assert!(tasks.shutdown(SOON).await);
    }

    #[test]
    fn names_are_no_paths() {
        assert_eq!(escape("web-1_a.b~"), "web-1_a.b~");
        assert_eq!(escape("../x?a=1&b c#é"), "..%2Fx%3Fa%3D1%26b%20c%23%C3%A9");
    }

    #[test]
    fn complaints_by_rows() {
        use DockerErrorKind as Kind;
        let rows: [(u16, &[u8], Kind, &str); 5] = [
            (
                404,
                b"{\"message\":\"No such container: x\"}\n",
                Kind::NotFound,
                "No such container: x",
            ),
            (
                409,
                b"{\"message\":\"\x1b[31mrunning\"}",
                Kind::Conflict,
                "\u{1b}",
            ),
            (
                500,
                b"",
                Kind::Failed,
                "the engine answers 500 Internal Server Error",
            ),
            (
                403,
                b"denied\x07 by plugin",
                Kind::NoPermission,
                "denied\u{2407} by plugin",
            ),
            (
                500,
                b"{\"message\":\"a\\u001b]0;t\\u0007b\"}",
                Kind::Failed,
                "a\u{241b}b",
            ),
        ];
        for (status, body, kind, what) in rows {
            let error = complaint(StatusCode::from_u16(status).unwrap(), body);
            assert_eq!(error.kind, kind);
            if what != "\u{1b}" {
                assert_eq!(error.what, what);
            }
            assert!(!error.what.contains('\u{1b}'), "{}", error.what);
        }
        let long = "x".repeat(10_000);
        assert_eq!(
            complaint(StatusCode::BAD_GATEWAY, long.as_bytes())
                .what
                .len(),
            600
        );
    }
}
