//! What a server may do to us: show a host key before anything else, a bounded banner, and end the connection. Whatever
//! channel it tries to open towards us is refused.

use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{self, ChannelOpenHandle, DisconnectReason, Msg};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelOpenFailure, Error, cipher};
use tokio::sync::watch;

use super::ask::Ask;
use super::context::HostKeyDesk;
use super::host_key::{Decision, OfferedKey, decide_certificate, decide_key};
use super::known_hosts::{KnownHosts, LookupName};
use crate::clock::Clock;
use crate::domain::Telling;
use crate::text::SafeText;

/// Longest banner shown, in bytes, all of one login together.
const BANNER: usize = 4 * 1024;

/// Why a connection ended.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// No answer to any keep-alive.
    Silent,
    /// In these words.
    Broken(String),
}

/// Why the host key was not accepted.
#[derive(Debug)]
pub(super) enum KeyStop {
    Ask(OfferedKey),
    Refuse(super::error::SshError),
}

/// One per connection.
pub(super) struct Gatekeeper {
    pub(super) known: KnownHosts,
    pub(super) name: LookupName,
    pub(super) desk: Arc<HostKeyDesk>,
    pub(super) clock: Clock,
    pub(super) ask: Arc<dyn Ask>,
    pub(super) stop: Arc<Mutex<Option<KeyStop>>>,
    pub(super) ended: watch::Sender<Option<Ending>>,
    pub(super) banner_left: usize,
}

impl Gatekeeper {
    pub(super) const BANNER: usize = BANNER;

    fn decide(&self, offered: &PublicKeyOrCertificate) -> Decision {
        match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                decide_key(&self.known, &self.name, key)
            }
            PublicKeyOrCertificate::Certificate(certificate) => {
                let now = u64::try_from(self.clock.wall().0 / 1000).unwrap_or_default();
                decide_certificate(&self.known, &self.name, certificate, now)
            }
        }
    }
}

impl client::Handler for Gatekeeper {
    type Error = Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let stop = match self.decide(offered) {
            Decision::Accept => return Ok(true),
            Decision::Ask(key) if self.desk.trusts(self.name.as_str(), &key.blob) => {
                return Ok(true);
            }
            Decision::Ask(key) => KeyStop::Ask(key),
            Decision::Refuse(error) => KeyStop::Refuse(error),
        };
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        Ok(false)
    }

    /// Terrapin (CVE-2023-48795): without strict key exchange ChaCha20-Poly1305 can be cut at its beginning unseen.
    async fn kex_done(
        &mut self,
        _shared_secret: Option<&[u8]>,
        names: &russh::Names,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        if names.cipher == cipher::CHACHA20_POLY1305 && !names.strict_kex() {
            return Err(Error::InvalidConfig(
                "the server offers ChaCha20-Poly1305 without strict key exchange only".into(),
            ));
        }
        Ok(())
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut client::Session) -> Result<(), Error> {
        let mut shown: String = banner.chars().take(self.banner_left).collect();
        shown.truncate(shown.trim_end().len());
        self.banner_left = self.banner_left.saturating_sub(banner.len());
        if !shown.is_empty() {
            self.ask.tell(Telling::Banner(SafeText::new(&shown)));
        }
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Error>) -> Result<(), Error> {
        self.ended.send_replace(Some(match reason {
            DisconnectReason::ReceivedDisconnect(info) => Ending::Broken(format!(
                "the server ended the connection: {}",
                SafeText::new(&info.message.chars().take(200).collect::<String>())
            )),
            DisconnectReason::Error(Error::KeepaliveTimeout) => Ending::Silent,
            DisconnectReason::Error(error) => Ending::Broken(broken(&error)),
        }));
        Ok(())
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        refuse(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        refuse(reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        refuse(reply).await
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        refuse(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Error> {
        refuse(reply).await
    }
}

async fn refuse(reply: ChannelOpenHandle) -> Result<(), Error> {
    reply
        .reject(ChannelOpenFailure::AdministrativelyProhibited)
        .await;
    Ok(())
}

/// What broke, without the library's names for it.
fn broken(error: &Error) -> String {
    match error {
        Error::Disconnect | Error::HUP => "the connection was closed".into(),
        Error::IO(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection was closed".into()
        }
        Error::IO(error) => format!("the connection broke: {error}"),
        other => format!("the connection broke: {other}"),
    }
}
