//! Dialling: the name, TCP (or a jump, or a ProxyCommand), the key exchange with the host key checked, the login; hop by
//! hop, each step with its own words when it fails.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, Handle};
use russh::{Preferred, SshId, cipher};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ask::{Ask, Step};
use super::context::{Place, SshContext, TURN};
use super::error::{SshError, SshErrorKind};
use super::greeting::{Greeting, Heard};
use super::handler::{Ending, Gatekeeper, KeyStop};
use super::host_key::{OfferedKey, algorithms};
use super::known_hosts::KnownHosts;
use super::login::Login;
use super::session::{Connection, Lane, Session};
use super::target::SshTarget;
use super::transport::{self, Opening};
use super::trust;
use super::wire::Wire;
use crate::domain::Rung;
use crate::text::SafeText;

/// Keep-alives without an answer after which a connection is given up.
const KEEP_ALIVES: usize = 3;
/// Messages of one channel that may wait for its draining task.
const CHANNEL_BUFFER: usize = 64;

/// Waits before a server (often the one jump host of many) that has too many logins under way is tried again.
const CROWD: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_millis(2500),
];

/// Connects, checks every host key on the way, and logs in.
///
/// `ask` hears the target's steps, answers what only a person can, and is kept for the bulk connection. A dropped
/// future hangs up and takes its question back.
pub async fn connect(
    target: &SshTarget,
    context: &SshContext,
    ask: Arc<dyn Ask>,
) -> Result<Session, SshError> {
    let control = dial(target, context, &ask, Lane::Control).await?;
    Ok(Session::new(target.clone(), context.clone(), ask, control))
}

/// Why a chain of hops did not come about.
enum Stop {
    Failed(SshError),
    /// This hop's key is unknown: a person is asked with the line hung up, and then it is dialled again.
    UnknownKey {
        hop: Box<SshTarget>,
        key: OfferedKey,
    },
}

impl From<SshError> for Stop {
    fn from(error: SshError) -> Self {
        Self::Failed(error)
    }
}

pub(super) async fn dial(
    target: &SshTarget,
    context: &SshContext,
    ask: &Arc<dyn Ask>,
    lane: Lane,
) -> Result<Connection, SshError> {
    let mut asked: Vec<Vec<u8>> = Vec::new();
    let mut crowd = CROWD.iter();
    loop {
        let place = context.place().await;
        let dialler = Dialler {
            target,
            context,
            ask,
            lane,
            place: &place,
        };
        let outcome = tokio::select! {
            outcome = Box::pin(dialler.chain()) => outcome,
            never = give_way(&place) => match never {},
        };
        let (hop, key) = match outcome {
            Ok(connection) => return Ok(connection),
            Err(Stop::Failed(error)) => match crowd.next() {
                Some(pause) if error.kind() == SshErrorKind::Crowded => {
                    drop(place);
                    let scatter = fastrand::u64(..500);
                    tokio::time::sleep(*pause + Duration::from_millis(scatter)).await;
                    continue;
                }
                _ => return Err(error),
            },
            Err(Stop::UnknownKey { hop, key }) => (hop, key),
        };
        place.give_away();
        if asked.contains(&key.blob) {
            return Err(not_remembered(&hop));
        }
        trust::decide(&hop, &key, context, ask).await?;
        asked.push(key.blob);
    }
}

/// Gives the place away when its turn is over; the handshake goes on without.
async fn give_way(place: &Place) -> Infallible {
    tokio::time::sleep(TURN).await;
    place.give_away();
    std::future::pending().await
}

fn not_remembered(hop: &SshTarget) -> SshError {
    SshError::new(
        SshErrorKind::KnownHosts,
        Rung::Banner,
        format!("the trusted key of {} is not found again", hop.endpoint),
    )
    .with_hint("look at the host's known_hosts file")
}

struct Dialler<'a> {
    target: &'a SshTarget,
    context: &'a SshContext,
    ask: &'a Arc<dyn Ask>,
    lane: Lane,
    place: &'a Place,
}

/// One open hop.
struct Hop {
    handle: Handle<Gatekeeper>,
    ended: watch::Receiver<Option<Ending>>,
}

impl Dialler<'_> {
    async fn chain(&self) -> Result<Connection, Stop> {
        let cut = self.context.tasks.token().child_token();
        let guard = cut.clone().drop_guard();
        let mut hops: Vec<Handle<Gatekeeper>> = Vec::new();
        for jump in &self.target.jumps {
            let hop = self
                .hop(jump, hops.last(), &cut)
                .await
                .map_err(|stop| match stop {
                    Stop::Failed(error) => Stop::Failed(error.behind_jump(jump.alias.as_str())),
                    unknown @ Stop::UnknownKey { .. } => unknown,
                })?;
            hops.push(hop.handle);
        }
        let last = self.hop(self.target, hops.last(), &cut).await?;
        hops.push(last.handle);
        Connection::new(hops, last.ended, guard).ok_or_else(|| Stop::Failed(super::login::gone()))
    }

    async fn hop(
        &self,
        hop: &SshTarget,
        through: Option<&Handle<Gatekeeper>>,
        cut: &CancellationToken,
    ) -> Result<Hop, Stop> {
        let (stage, greeting) = (Stage::default(), Arc::new(Greeting::default()));
        let limit = hop.connect_timeout;
        let opening = async {
            let opening = Opening {
                hop,
                through,
                proxy: self.context.proxy.as_deref(),
            };
            let stream =
                transport::open(opening, || self.step(hop, &stage, Step::Resolved)).await?;
            self.step(hop, &stage, Step::Connected);
            let wire = Wire::new(stream, Arc::clone(&greeting), cut.clone());
            self.greet(hop, wire, &greeting).await
        };
        let mut open = match tokio::time::timeout(limit, opening).await {
            Ok(greeted) => greeted?,
            Err(_) => return Err(stage.timeout(hop, limit, greeting.heard()).into()),
        };
        self.step(hop, &stage, Step::Greeted);
        let login = Login {
            handle: &mut open.handle,
            target: hop,
            context: self.context,
            ask: self.ask.as_ref(),
            place: self.place,
        };
        login.run().await?;
        self.step(hop, &stage, Step::LoggedIn);
        Ok(open)
    }

    /// Tells the listener a step of the target; the steps of its jumps and of the bulk connection are nobody's news.
    fn step(&self, hop: &SshTarget, stage: &Stage, step: Step) {
        stage.reached(step);
        if std::ptr::eq(hop, self.target) && self.lane == Lane::Control {
            self.ask.step(step);
        }
    }

    /// Banner, key exchange and host key; nothing of a login is sent before the key is accepted.
    async fn greet(&self, hop: &SshTarget, wire: Wire, greeting: &Greeting) -> Result<Hop, Stop> {
        let known = trust::known_hosts(hop);
        let config = Arc::new(config(hop, self.lane, &known));
        let stop = Arc::new(Mutex::new(None));
        let (ended, watching) = watch::channel(None);
        let gatekeeper = Gatekeeper {
            known,
            name: trust::lookup_name(hop),
            desk: Arc::clone(&self.context.host_keys),
            clock: self.context.clock.clone(),
            ask: Arc::clone(self.ask),
            stop: Arc::clone(&stop),
            ended,
            banner_left: Gatekeeper::BANNER,
        };
        match client::connect_stream(config, wire, gatekeeper).await {
            Ok(handle) => Ok(Hop {
                handle,
                ended: watching,
            }),
            Err(error) => {
                let stopped = stop.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(match stopped {
                    Some(KeyStop::Refuse(error)) => Stop::Failed(error),
                    Some(KeyStop::Ask(key)) => Stop::UnknownKey {
                        hop: Box::new(hop.clone()),
                        key,
                    },
                    None => Stop::Failed(greeting_error(hop, error, greeting.heard())),
                })
            }
        }
    }
}

/// How far one hop has come, for the words of a timeout.
#[derive(Debug, Default)]
struct Stage(AtomicU8);

impl Stage {
    fn reached(&self, step: Step) {
        self.0.store(step as u8 + 1, Ordering::Release);
    }

    fn timeout(&self, hop: &SshTarget, limit: Duration, heard: Heard) -> SshError {
        let seconds = limit.as_secs_f32();
        let at = &hop.endpoint;
        let timeout = |rung, what| SshError::new(SshErrorKind::Timeout, rung, what);
        let wedged = |what| {
            timeout(Rung::Banner, what).with_hint("the machine may be wedged, or its sshd starved")
        };
        match self.0.load(Ordering::Acquire) {
            0 => timeout(
                Rung::Resolve,
                format!("the name {} was not resolved in {seconds} s", at.host),
            ),
            1 => timeout(Rung::Tcp, format!("{at} does not answer in {seconds} s"))
                .with_hint("is it on, and is the network between here and there?"),
            _ => match heard {
                Heard::Other(said) => no_ssh(hop, &said),
                Heard::Nothing => wedged(format!(
                    "{at} takes the connection and says nothing for {seconds} s"
                )),
                Heard::Version => wedged(format!(
                    "{at} greets and has not made its key exchange in {seconds} s"
                )),
            },
        }
    }
}

/// Something answers there, in other words than SSH's. An sshd that shuts us out says so in a line of its own.
fn no_ssh(hop: &SshTarget, said: &SafeText) -> SshError {
    let at = &hop.endpoint;
    let what = if said.is_empty() {
        format!("{at} does not speak SSH 2")
    } else {
        format!("{at} does not speak SSH 2, it says: {said}")
    };
    let (kind, hint) = match said.as_str() {
        "Not allowed at this time" => (
            SshErrorKind::Protocol,
            "its sshd shuts us out for a while after failed logins (PerSourcePenalties)",
        ),
        "Exceeded MaxStartups" => (
            SshErrorKind::Crowded,
            "its sshd has too many logins under way (MaxStartups)",
        ),
        _ => (SshErrorKind::Protocol, "is this the port of its sshd?"),
    };
    SshError::new(kind, Rung::Banner, what).with_hint(hint)
}

fn greeting_error(hop: &SshTarget, error: russh::Error, heard: Heard) -> SshError {
    use russh::Error as E;
    let at = &hop.endpoint;
    let protocol = |what: String| SshError::new(SshErrorKind::Protocol, Rung::Banner, what);
    match (&error, heard) {
        (_, Heard::Other(said)) => no_ssh(hop, &said),
        (E::Disconnect | E::HUP | E::IO(_), _) => SshError::new(
            SshErrorKind::Lost,
            Rung::Banner,
            format!("{at} closed the connection before its host key"),
        )
        .with_hint("its sshd may be starting, overloaded (MaxStartups) or refusing our address"),
        (E::Version, _) => no_ssh(hop, &SafeText::default()),
        (E::NoCommonAlgo { kind, theirs, .. }, _) => {
            let theirs: Vec<&str> = theirs.iter().map(String::as_str).take(8).collect();
            let theirs = SafeText::new(&theirs.join(", "));
            protocol(format!(
                "{at} has no {kind:?} algorithm that we trust (it has: {theirs})"
            ))
            .with_hint("a newer OpenSSH on the host is the mend")
        }
        (E::WrongServerSig, _) => protocol(format!("{at} did not prove that it owns its host key")),
        _ => protocol(format!("the key exchange with {at} failed"))
            .with_hint("is this the port of its sshd?")
            .with_source(error),
    }
}

/// Our side of the negotiation. What differs from the library's defaults: AES-GCM first (fastest, and safe without
/// strict key exchange), no SHA-1 `ssh-rsa`, no compression, keep-alives.
fn config(hop: &SshTarget, lane: Lane, known: &KnownHosts) -> client::Config {
    let keys = algorithms(known);
    let certificates = if known.has_authority() {
        keys.clone()
    } else {
        Vec::new()
    };
    client::Config {
        client_id: SshId::Standard(
            concat!("SSH-2.0-Pilothouse_", env!("CARGO_PKG_VERSION")).into(),
        ),
        window_size: lane.window(),
        channel_buffer_size: CHANNEL_BUFFER,
        preferred: Preferred {
            key: keys.into(),
            host_key_certificates: certificates.into(),
            cipher: (&[
                cipher::AES_256_GCM,
                cipher::AES_128_GCM,
                cipher::AES_256_CTR,
                cipher::AES_192_CTR,
                cipher::AES_128_CTR,
                cipher::CHACHA20_POLY1305,
            ])
                .into(),
            compression: (&[russh::compression::NONE]).into(),
            ..Preferred::DEFAULT
        },
        keepalive_interval: (!hop.keep_alive.is_zero()).then_some(hop.keep_alive),
        keepalive_max: KEEP_ALIVES,
        nodelay: true,
        ..client::Config::default()
    }
}
