//! The hypervisor under the simulated machines: an SSH server whose key can do nothing but the six power verbs, each login
//! name for the machine of that name. It answers as the script of `pilothouse power install` does.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, MethodKind, MethodSet, server};
use tokio::net::{TcpListener, TcpStream};

use crate::domain::{Port, PowerVerb};
use crate::tasks::Tasks;

use super::DemoError;
use super::keys::fresh_key;
use super::node::Node;

/// Exit statuses of the real script.
const REJECTED: u32 = 2;
const BUSY: u32 = 3;

/// How often the cable of a machine follows its power.
const PACE: Duration = Duration::from_millis(100);

/// A running hypervisor.
#[derive(Debug)]
pub(super) struct Hypervisor {
    port: Port,
    host_key: PublicKey,
}

/// What every connection needs.
struct Board {
    nodes: Vec<Arc<Node>>,
    key: PublicKey,
    tasks: Tasks,
}

impl Hypervisor {
    /// Serves the power of these machines to whoever has this key.
    pub(super) async fn start(
        tasks: &Tasks,
        nodes: Vec<Arc<Node>>,
        key: PublicKey,
    ) -> Result<Self, DemoError> {
        let refused = |source| DemoError::Listen {
            host: "the hypervisor".into(),
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(refused)?;
        let port = Port::try_from(listener.local_addr().map_err(refused)?.port())?;
        let own_key = fresh_key()?;
        let host_key = own_key.public_key().clone();
        let board = Arc::new(Board {
            nodes,
            key,
            tasks: tasks.clone(),
        });
        tasks.spawn(serve(board, config(own_key), listener));
        Ok(Self { port, host_key })
    }

    pub(super) fn port(&self) -> Port {
        self.port
    }

    pub(super) fn host_key(&self) -> &PublicKey {
        &self.host_key
    }
}

fn config(key: PrivateKey) -> Arc<server::Config> {
    Arc::new(server::Config {
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        inactivity_timeout: None,
        nodelay: true,
        ..server::Config::default()
    })
}

async fn serve(board: Arc<Board>, config: Arc<server::Config>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                let session = connection(Arc::clone(&board), Arc::clone(&config), tcp);
                board.tasks.spawn(session);
            }
            // Out of file descriptors, most likely: the next one may find one.
            Err(_) => tokio::time::sleep(PACE).await,
        }
    }
}

async fn connection(board: Arc<Board>, config: Arc<server::Config>, tcp: TcpStream) {
    let caller = Caller { board, node: None };
    if let Ok(session) = server::run_stream(config, tcp, caller).await
        && let Err(error) = session.await
    {
        tracing::debug!(%error, "connection to the demo's hypervisor ended");
    }
}

/// One connection.
struct Caller {
    board: Arc<Board>,
    /// The machine that this login is for.
    node: Option<Arc<Node>>,
}

impl Caller {
    fn admits(&mut self, user: &str, key: &PublicKey) -> Auth {
        let node = self.board.nodes.iter().find(|node| node.name() == user);
        match node {
            Some(node) if key.key_data() == self.board.key.key_data() => {
                self.node = Some(Arc::clone(node));
                Auth::Accept
            }
            _ => Auth::reject(),
        }
    }

    /// What the forced command says to these words.
    fn answer(&self, sent: &str) -> (String, u32) {
        let Some(node) = &self.node else {
            return (String::new(), REJECTED);
        };
        let mut said = format!("pilothouse-power 1\ntarget {}\n", node.name());
        let status = match sent.parse::<PowerVerb>() {
            Err(_) => {
                said += "refused not one of: status forensics start stop reset cycle\n";
                REJECTED
            }
            Ok(verb) if verb.changes() => match node.switch(verb) {
                Ok(id) => {
                    said = format!("{said}begun {id}\n{}", told(node));
                    self.board.tasks.spawn(carry_out(Arc::clone(node)));
                    0
                }
                Err(other) => {
                    said = format!("{said}busy {other}\n{}", told(node));
                    BUSY
                }
            },
            Ok(verb) => {
                let state = if node.is_on() { "running" } else { "stopped" };
                said = format!("{said}{}state {state}\n", told(node));
                if verb == PowerVerb::Forensics {
                    said += &evidence(node);
                }
                0
            }
        };
        (format!("{said}end {status}\n"), status)
    }
}

fn told(node: &Node) -> String {
    node.operations()
        .iter()
        .fold(String::new(), |said, row| said + "operation " + row + "\n")
}

fn evidence(node: &Node) -> String {
    let status = if node.is_on() { "running" } else { "stopped" };
    let agent = if node.answers() {
        ""
    } else {
        "line QEMU guest agent is not running\nline (exit 255)\n"
    };
    format!(
        "line == status\nline status: {status}\nline == monitor: info status\nline VM status: {status}\n\
         line == guest agent\n{agent}line end of evidence\n"
    )
}

/// The cable of a machine follows its power until nothing more comes of what was done.
async fn carry_out(node: Arc<Node>) {
    let mut pace = tokio::time::interval(PACE);
    loop {
        pace.tick().await;
        if node.follow_power() {
            return;
        }
    }
}

/// Restarts a machine that asked for it itself.
pub(super) async fn restart(node: Arc<Node>) {
    node.restart();
    carry_out(node).await;
}

impl Handler for Caller {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admits(user, offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admits(user, key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // What is sent to a verb is not read.
        drop(channel);
        reply.accept().await;
        Ok(())
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.exec_request(channel, b"", session).await
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let (said, status) = self.answer(&String::from_utf8_lossy(data));
        session.data(channel, said)?;
        session.exit_status_request(channel, status)?;
        session.eof(channel)?;
        session.close(channel)
    }
}
