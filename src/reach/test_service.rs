//! A service on a real socket of this machine, for tests: what it answers stands in the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Http, HttpAsk, HttpErrorKind};
use crate::domain::{Endpoint, Port};
use crate::exec::{Exec, LocalExec};
use crate::tasks::Tasks;

/// A service, and the way to it.
pub(crate) struct Service {
    pub(crate) endpoint: Endpoint,
    pub(crate) http: Http,
    pub(crate) exec: Arc<dyn Exec>,
    opened: Arc<AtomicUsize>,
    tasks: Tasks,
}

impl Service {
    /// Hands every connection to `answer`.
    pub(crate) async fn new<F: Future<Output = ()> + Send + 'static>(
        answer: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = local(listener.local_addr().unwrap().port());
        let tasks = Tasks::new();
        let opened = Arc::new(AtomicUsize::new(0));
        let (family, count) = (tasks.clone(), Arc::clone(&opened));
        tasks.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                family.spawn(answer(socket));
            }
        });
        let exec: Arc<dyn Exec> = Arc::new(LocalExec::new(tasks.clone()));
        Self {
            endpoint,
            http: Http::new(Arc::clone(&exec)),
            exec,
            opened,
            tasks,
        }
    }

    /// Answers each request with what `answer` makes of it: its head and its body.
    pub(crate) async fn by(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::new(move |mut socket| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(request) = heard(&mut socket).await {
                    if socket.write_all(&answer(&request)).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Answers every request on a connection with these bytes.
    pub(crate) async fn says(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Vec<u8> = bytes.into();
        Self::by(move |_| bytes.clone()).await
    }

    pub(crate) fn get(&self, path: &str) -> HttpAsk {
        HttpAsk::get(&self.endpoint, path)
    }

    pub(crate) async fn kind(&self, ask: &HttpAsk) -> HttpErrorKind {
        self.http.ask(ask).await.unwrap_err().kind
    }

    /// Connections that were opened.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    pub(crate) async fn end(self) {
        assert!(self.tasks.shutdown(Duration::from_secs(5)).await);
    }
}

/// A port of this machine.
pub(crate) fn local(port: u16) -> Endpoint {
    Endpoint::local(Port::try_from(port).unwrap()).unwrap()
}

/// A port on which nothing listens.
pub(crate) async fn nobody() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    local(listener.local_addr().unwrap().port())
}

/// One request, head and body; what is not text in it is replaced.
pub(crate) async fn heard(socket: &mut TcpStream) -> Option<String> {
    let mut all = Vec::new();
    loop {
        if let Some(head) = memchr::memmem::find(&all, b"\r\n\r\n") {
            let length = String::from_utf8_lossy(&all[..head])
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned))
                .map_or(0, |length| length.parse().unwrap());
            if all.len() - head - 4 >= length {
                return Some(String::from_utf8_lossy(&all).into_owned());
            }
        }
        let mut some = [0; 4096];
        match socket.read(&mut some).await {
            Ok(count @ 1..) => all.extend_from_slice(&some[..count]),
            _ => return None,
        }
    }
}

/// A whole answer.
pub(crate) fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into()
}
