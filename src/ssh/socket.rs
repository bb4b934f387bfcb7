//! A socket on the host as a byte stream. What is read too slowly fills a bounded ring; a full ring closes the socket,
//! because bytes can't be left out and nobody else on the connection may wait.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::DropGuard;

use super::channel::{Drained, End, Sink, Source};
use crate::text::SafeText;

/// A socket on the host. Dropping it closes the socket there.
pub struct HostStream {
    ring: Arc<Ring>,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    _hang_up: DropGuard,
}

/// Bytes on their way to the reader.
#[derive(Debug)]
pub(super) struct Ring {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Bytes>,
    held: usize,
    flow: Flow,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    /// The far side has sent all; it may still read.
    HalfClosed,
    Closed,
    /// The reader was too slow.
    Overrun,
}

impl Ring {
    /// A ring that holds at most this many bytes.
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            capacity,
        })
    }

    /// The end that the draining task fills.
    pub(super) fn sink(self: &Arc<Self>) -> RingSink {
        RingSink(Arc::clone(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if state.flow == Flow::Overrun {
            return Poll::Ready(Err(io::Error::other(
                "the answer came faster than it was read",
            )));
        }
        let Some(front) = state.queue.front_mut() else {
            if state.flow == Flow::Open {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            return Poll::Ready(Ok(()));
        };
        let taken = front.len().min(buf.remaining());
        buf.put_slice(&front.split_to(taken));
        if !front.has_remaining() {
            state.queue.pop_front();
        }
        state.held -= taken;
        Poll::Ready(Ok(()))
    }

    /// Whether writing is pointless; else the writer is woken when it becomes so.
    fn poll_closed(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state();
        let closed = matches!(state.flow, Flow::Closed | Flow::Overrun);
        if !closed {
            state.writer = Some(cx.waker().clone());
        }
        closed
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.state();
            change(&mut state);
            let writer = match state.flow {
                Flow::Closed | Flow::Overrun => state.writer.take(),
                Flow::Open | Flow::HalfClosed => None,
            };
            [state.reader.take(), writer]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// Fills a ring.
pub(super) struct RingSink(Arc<Ring>);

impl Sink for RingSink {
    fn data(&mut self, from: Source, bytes: Bytes) {
        // A socket has no standard error; what a command writes there is no part of its stream.
        if from == Source::Err {
            let said = SafeText::from_bytes(&bytes);
            return tracing::info!(%said, "a command whose output is a byte stream");
        }
        let capacity = self.0.capacity;
        self.0.change(|state| {
            if state.flow == Flow::Overrun {
                return;
            }
            if state.held + bytes.len() > capacity {
                state.flow = Flow::Overrun;
                state.queue.clear();
                state.held = 0;
                return;
            }
            state.held += bytes.len();
            state.queue.push_back(bytes);
        });
    }

    fn eof(&mut self) {
        self.0.change(|state| {
            if state.flow == Flow::Open {
                state.flow = Flow::HalfClosed;
            }
        });
    }

    async fn end(self, _ending: End) {
        self.close();
    }
}

impl RingSink {
    fn close(&self) {
        self.0.change(|state| {
            if state.flow != Flow::Overrun {
                state.flow = Flow::Closed;
            }
        });
    }
}

/// The draining task may be dropped with the whole program's tasks; a reader must not wait for it then.
impl Drop for RingSink {
    fn drop(&mut self) {
        self.close();
    }
}

impl HostStream {
    pub(super) fn new(ring: Arc<Ring>, drained: Drained) -> Self {
        Self {
            ring,
            writer: Box::pin(drained.write.make_writer()),
            _hang_up: drained.hang_up,
        }
    }
}

impl AsyncRead for HostStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.ring.poll_read(cx, buf)
    }
}

impl AsyncWrite for HostStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.ring.poll_closed(cx) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.writer.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_shutdown(cx)
    }
}

impl std::fmt::Debug for HostStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostStream").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn read(ring: &Ring, most: usize) -> io::Result<Vec<u8>> {
        let mut space = vec![0; most];
        let mut buf = ReadBuf::new(&mut space);
        poll_fn(|cx| ring.poll_read(cx, &mut buf)).await?;
        Ok(buf.filled().to_vec())
    }

    #[tokio::test]
    async fn bytes_come_in_order_and_then_the_end() {
        let ring = Ring::new(100);
        let mut sink = ring.sink();
        sink.data(Source::Out, Bytes::from_static(b"hello "));
        sink.data(Source::Err, Bytes::from_static(b"a warning"));
        sink.data(Source::Out, Bytes::from_static(b"host"));
        assert_eq!(read(&ring, 4).await.unwrap(), b"hell");
        assert_eq!(read(&ring, 99).await.unwrap(), b"o ");
        assert_eq!(read(&ring, 99).await.unwrap(), b"host");
        drop(sink);
        assert_eq!(read(&ring, 99).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_full_ring_is_an_error_and_holds_nothing() {
        let ring = Ring::new(8);
        let mut sink = ring.sink();
        sink.data(Source::Out, Bytes::from_static(b"12345678"));
        sink.data(Source::Out, Bytes::from_static(b"9"));
        assert!(read(&ring, 99).await.is_err());
        assert_eq!(ring.state().held, 0);
        sink.end(End::Unknown).await;
        assert!(
            read(&ring, 99).await.is_err(),
            "an overrun is no orderly end"
        );
    }
}
