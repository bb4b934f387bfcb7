//! The byte stream under one SSH connection: it can be cut from outside, and it acknowledges small packets at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::context::Transport;
use super::greeting::Greeting;

/// Reads shorter than this are protocol turns, for which a delayed acknowledgement costs up to 40 ms; longer ones are
/// bulk, which acknowledges itself.
const PROTOCOL_TURN: usize = 2048;

/// A transport that ends when its token falls. The SSH driver is a task of its own that outlives a dropped handshake:
/// without this a silent server would hold it for ever.
pub(super) struct Wire {
    transport: Pin<Box<dyn Transport>>,
    greeting: Arc<Greeting>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Wire {
    pub(super) fn new(
        transport: Pin<Box<dyn Transport>>,
        greeting: Arc<Greeting>,
        cut: CancellationToken,
    ) -> Self {
        Self {
            transport,
            greeting,
            cut: Box::pin(cut.cancelled_owned()),
        }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "we hung up",
            )),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        let before = buf.filled().len();
        ready!(self.transport.as_mut().poll_read(cx, buf))?;
        self.greeting
            .hear(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        self.transport.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.as_mut().poll_flush(cx)
    }

    /// Never an error: the driver would return it instead of telling its handler why the connection ended.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Err(error) = ready!(self.transport.as_mut().poll_shutdown(cx)) {
            tracing::debug!(%error, "closing an ssh connection");
        }
        Poll::Ready(Ok(()))
    }
}

/// TCP without Nagle's delay and, where the system can, without delayed acknowledgements of protocol turns.
pub(super) struct QuickTcp(TcpStream);

impl QuickTcp {
    pub(super) fn new(stream: TcpStream) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let quick = Self(stream);
        quick.acknowledge_at_once();
        quick
    }

    #[cfg(target_os = "linux")]
    fn acknowledge_at_once(&self) {
        // A hint that the kernel forgets by itself; where it is refused, acknowledgements are merely later.
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.0, true);
    }

    #[cfg(not(target_os = "linux"))]
    fn acknowledge_at_once(&self) {}
}

impl AsyncRead for QuickTcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        if buf.filled().len() - before < PROTOCOL_TURN {
            self.acknowledge_at_once();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for QuickTcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
