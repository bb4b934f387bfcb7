//! The cable between a TCP connection and a server: carries, stalls, delays or cuts, as its machine's faults say.

use std::time::Duration;

use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Line;

/// Bytes under way inside the cable.
pub(super) const CAPACITY: usize = 64 * 1024;

/// What a cable does beside carrying, fixed when the connection is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// Hold each packet back this long.
    pub delay: Duration,
    /// Cut after this many bytes from the server.
    pub drop_after: Option<u64>,
}

/// Carries both directions until one of them ends, the line is cut or the byte limit is reached.
pub(super) async fn carry(
    tcp: TcpStream,
    server: DuplexStream,
    line: watch::Receiver<Line>,
    habits: Habits,
) {
    let (tcp_in, tcp_out) = tcp.into_split();
    let (server_in, server_out): (ReadHalf<_>, WriteHalf<_>) = tokio::io::split(server);
    let up = Direction {
        line: line.clone(),
        delay: habits.delay,
        left: None,
    };
    let down = Direction {
        line,
        delay: habits.delay,
        left: habits.drop_after,
    };
    // An end is an end: a client that hangs up, a server that is done, a cut. Both sides then fall.
    tokio::select! {
        _ = up.run(tcp_in, server_out) => {}
        _ = down.run(server_in, tcp_out) => {}
    }
}

/// One direction of a cable.
struct Direction {
    line: watch::Receiver<Line>,
    delay: Duration,
    left: Option<u64>,
}

impl Direction {
    async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Option<()> {
        let mut buffer = vec![0_u8; 16 * 1024];
        loop {
            if *self
                .line
                .wait_for(|line| *line != Line::Silent)
                .await
                .ok()?
                == Line::Cut
            {
                return None;
            }
            let got = tokio::select! {
                biased;
                changed = self.line.changed() => { changed.ok()?; continue }
                got = from.read(&mut buffer) => got.ok().filter(|got| *got > 0)?,
            };
            if !self.delay.is_zero() {
                tokio::time::sleep(self.delay).await;
            }
            let allowed = self.allowance(got);
            to.write_all(buffer.get(..allowed)?).await.ok()?;
            to.flush().await.ok()?;
            if allowed < got {
                return None;
            }
        }
    }

    /// How many of these bytes may still pass.
    fn allowance(&mut self, got: usize) -> usize {
        let Some(left) = &mut self.left else {
            return got;
        };
        let allowed = usize::try_from(*left).unwrap_or(usize::MAX).min(got);
        *left -= allowed as u64;
        allowed
    }
}
