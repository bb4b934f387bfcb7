//! The byte stream to one hop: TCP to the first address that answers, a channel through the hop before, or a
//! ProxyCommand.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use russh::ChannelOpenFailure;
use russh::client::Handle;
use tokio::io::BufReader;
use tokio::net::{TcpStream, lookup_host};

use super::context::{Proxy, Transport};
use super::error::{SshError, SshErrorKind};
use super::handler::Gatekeeper;
use super::target::SshTarget;
use super::tokens;
use super::wire::QuickTcp;
use crate::domain::Rung;

/// A head start for each address over the next (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses that are tried at most.
const ADDRESSES: usize = 8;
/// The driver reads lengths and packets apart; this halves its system calls.
const READ_BUFFER: usize = 128 * 1024;

type Stream = Pin<Box<dyn Transport>>;

/// What leads to one hop.
pub(super) struct Opening<'a> {
    pub(super) hop: &'a SshTarget,
    pub(super) through: Option<&'a Handle<Gatekeeper>>,
    pub(super) proxy: Option<&'a dyn Proxy>,
}

/// Opens the way; `resolved` is called once the name needs no further look-up.
pub(super) async fn open(opening: Opening<'_>, resolved: impl Fn()) -> Result<Stream, SshError> {
    let Opening {
        hop,
        through,
        proxy,
    } = opening;
    if let Some(through) = through {
        resolved();
        return through_jump(hop, through).await;
    }
    if let Some(command) = &hop.proxy_command {
        resolved();
        return through_command(hop, command, proxy).await;
    }
    let addresses = look_up(hop).await?;
    resolved();
    let stream = race(hop, addresses).await?;
    Ok(Box::pin(BufReader::with_capacity(
        READ_BUFFER,
        QuickTcp::new(stream),
    )))
}

async fn through_jump(hop: &SshTarget, jump: &Handle<Gatekeeper>) -> Result<Stream, SshError> {
    let opened = jump
        .channel_open_direct_tcpip(
            hop.endpoint.host.as_str(),
            u32::from(hop.endpoint.port.get()),
            "127.0.0.1",
            0,
        )
        .await;
    // Nothing else lives on the jump's connection, so this stream may hold it up while the hop behind is busy.
    let unreachable = |why: &str| {
        SshError::new(
            SshErrorKind::Unreachable,
            Rung::Tcp,
            format!("the jump host {why} {}", hop.endpoint),
        )
    };
    match opened {
        Ok(channel) => Ok(Box::pin(BufReader::with_capacity(
            READ_BUFFER,
            channel.into_stream(),
        ))),
        Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => {
            Err(unreachable("does not allow connections to")
                .with_hint("its sshd_config may forbid it: AllowTcpForwarding, PermitOpen"))
        }
        Err(russh::Error::ChannelOpenFailure(_)) => Err(unreachable("can't reach")),
        Err(error) => Err(unreachable("is gone on the way to").with_source(error)),
    }
}

async fn through_command(
    hop: &SshTarget,
    command: &str,
    proxy: Option<&dyn Proxy>,
) -> Result<Stream, SshError> {
    let failed = |what: String| SshError::new(SshErrorKind::Unreachable, Rung::Tcp, what);
    let Some(proxy) = proxy else {
        return Err(failed("a ProxyCommand can't be run here".into()));
    };
    let line = tokens::proxy_line(command, hop)
        .map_err(|error| failed("the ProxyCommand can't be used".into()).with_source(error))?;
    proxy.open(&line).await.map_err(|error| {
        failed(format!("the ProxyCommand of {} did not start", hop.alias)).with_source(error)
    })
}

async fn look_up(hop: &SshTarget) -> Result<Vec<SocketAddr>, SshError> {
    let host = hop.endpoint.host.as_str();
    let unknown = |what: String| {
        SshError::new(SshErrorKind::Name, Rung::Resolve, what)
            .with_hint("check the spelling, or name the address in the configuration")
    };
    let found = lookup_host((host, hop.endpoint.port.get()))
        .await
        .map_err(|error| unknown(format!("the name {host} has no address")).with_source(error))?;
    let addresses = interleave(found.collect());
    if addresses.is_empty() {
        return Err(unknown(format!("the name {host} has no address")));
    }
    Ok(addresses)
}

/// Families in turn, beginning with that of the first address (RFC 8305 §4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|a| a.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed.truncate(ADDRESSES);
    mixed
}

/// The first address that answers; each starts a little after the one before, or at once when that one failed.
async fn race(hop: &SshTarget, addresses: Vec<SocketAddr>) -> Result<TcpStream, SshError> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut last = None;
    running.extend(waiting.next().map(TcpStream::connect));
    loop {
        tokio::select! {
            biased;
            Some(tried) = running.next() => match tried {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last = Some(error);
                    running.extend(waiting.next().map(TcpStream::connect));
                }
            },
            () = tokio::time::sleep(HEAD_START), if waiting.len() > 0 => {
                running.extend(waiting.next().map(TcpStream::connect));
            }
            else => break,
        }
    }
    Err(tcp_error(
        hop,
        last.unwrap_or_else(|| io::ErrorKind::NotFound.into()),
    ))
}

fn tcp_error(hop: &SshTarget, error: io::Error) -> SshError {
    let at = &hop.endpoint;
    let (what, hint) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            format!("{at} refuses the connection"),
            "the machine is there, its sshd is not: systemctl status ssh",
        ),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => (
            format!("there is no way to {at}"),
            "is it on, and is the network (or VPN) between here and there?",
        ),
        io::ErrorKind::TimedOut => (
            format!("{at} does not answer"),
            "is it on, and is the network between here and there?",
        ),
        _ => {
            let what = format!("no connection to {at}");
            return SshError::new(SshErrorKind::Unreachable, Rung::Tcp, what)
                .with_hint("look at the network between here and there")
                .with_source(error);
        }
    };
    SshError::new(SshErrorKind::Unreachable, Rung::Tcp, what).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(
            interleave(parse(&["[::1]:22", "[::2]:22", "1.1.1.1:22", "[::3]:22"])),
            parse(&["[::1]:22", "1.1.1.1:22", "[::2]:22", "[::3]:22"])
        );
    }
}
