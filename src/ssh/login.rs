//! Getting in: what we have is shown in OpenSSH's order, and a person is asked only for what a server would take.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::HashAlg;
use russh::{MethodKind, MethodSet};

use super::ask::Ask;
use super::context::{Place, SshContext};
use super::error::{SshError, SshErrorKind};
use super::handler::Gatekeeper;
use super::identity::{Agent, Candidate, Identities, Shown, Signs};
use super::prompts;
use super::signer::{Hand, SignStop};
use super::target::SshTarget;
use crate::domain::Rung;

/// How long a server may think about one request; PAM modules take seconds. A login that hangs is told within 15 s.
const SERVER_THINKS: Duration = Duration::from_secs(10);
/// Keys shown at most: sshd ends the connection after `MaxAuthTries`, 6 by default.
const OFFERS: usize = 6;

/// One login in the making.
pub(super) struct Login<'a> {
    pub(super) handle: &'a mut Handle<Gatekeeper>,
    pub(super) target: &'a SshTarget,
    pub(super) context: &'a SshContext,
    pub(super) ask: &'a dyn Ask,
    pub(super) place: &'a Place,
}

/// What the server said to one try.
pub(super) enum Reply {
    In,
    /// It goes on with these methods.
    More(MethodSet),
}

impl From<AuthResult> for Reply {
    fn from(result: AuthResult) -> Self {
        match result {
            AuthResult::Success => Self::In,
            AuthResult::Failure {
                remaining_methods, ..
            } => Self::More(remaining_methods),
        }
    }
}

impl Login<'_> {
    /// Tries everything until the server lets us in.
    pub(super) async fn run(mut self) -> Result<(), SshError> {
        let mut identities =
            Identities::gather(self.target, self.handle.agent_session_binding()).await;
        let methods = match self.show_keys(&mut identities).await? {
            Reply::In => return Ok(()),
            Reply::More(methods) => methods,
        };
        match prompts::answer(&mut self, methods.clone()).await? {
            Reply::In => Ok(()),
            Reply::More(_) => Err(self.refused(&methods, identities)),
        }
    }

    async fn show_keys(&mut self, identities: &mut Identities) -> Result<Reply, SshError> {
        let mut methods = None;
        let candidates = std::mem::take(&mut identities.candidates);
        identities.candidates.clone_from(&candidates);
        for candidate in candidates.into_iter().take(OFFERS) {
            match self.show(candidate, &mut identities.agent).await? {
                Some(Reply::More(left)) => {
                    self.still_there(identities)?;
                    let go_on = left.contains(&MethodKind::PublicKey);
                    methods = Some(left);
                    if !go_on {
                        break;
                    }
                }
                Some(Reply::In) => return Ok(Reply::In),
                None => {}
            }
        }
        match methods {
            Some(methods) => Ok(Reply::More(methods)),
            // Nothing was shown: `none` asks the server what it would take.
            None => {
                let user = self.target.user.to_string();
                let idle = AtomicBool::new(false);
                let asked = patient(self.handle.authenticate_none(user), &idle).await?;
                Ok(asked.map_err(|error| lost(&error))?.into())
            }
        }
    }

    /// Shows one candidate. `None`: it could not sign, the next one may.
    async fn show(
        &mut self,
        candidate: Candidate,
        agent: &mut Option<Agent>,
    ) -> Result<Option<Reply>, SshError> {
        let Candidate { what, signer } = candidate;
        let what = match (what, &signer) {
            (Shown::Hidden, Signs::File(file)) => {
                let key = self
                    .context
                    .keyring
                    .unlock(file, self.ask, self.place)
                    .await?;
                Shown::Key(key.public_key().clone())
            }
            (what, _) => what,
        };
        let busy = AtomicBool::new(false);
        let mut hand = Hand {
            signs: signer,
            agent,
            keyring: &self.context.keyring,
            ask: self.ask,
            place: self.place,
            busy: &busy,
        };
        let user = self.target.user.to_string();
        let shown = match what {
            Shown::Key(key) => {
                let hash = rsa_hash(self.handle, key.algorithm().is_rsa()).await?;
                let trying = self
                    .handle
                    .authenticate_publickey_with(user, key, hash, &mut hand);
                patient(trying, &busy).await?
            }
            Shown::Certificate(certificate) => {
                let hash = rsa_hash(self.handle, certificate.algorithm().is_rsa()).await?;
                let trying =
                    self.handle
                        .authenticate_certificate_with(user, *certificate, hash, &mut hand);
                patient(trying, &busy).await?
            }
            Shown::Hidden => return Ok(None),
        };
        match shown {
            Ok(result) => Ok(Some(result.into())),
            Err(SignStop::Skip(why)) => {
                tracing::info!(host = %self.target.alias, why, "a key could not sign");
                Ok(None)
            }
            Err(SignStop::Stop(error)) => Err(error),
            Err(SignStop::Gone) => Err(gone()),
        }
    }

    /// An sshd that has seen too many keys ends the connection.
    fn still_there(&self, identities: &Identities) -> Result<(), SshError> {
        if !self.handle.is_closed() {
            return Ok(());
        }
        let error = SshError::new(
            SshErrorKind::Login,
            Rung::Login,
            format!(
                "{} ended the connection while we showed it our keys",
                self.target.endpoint
            ),
        );
        Err(if identities.unnamed > 1 {
            error.with_hint(format!(
                "the agent holds {} keys; name the right one as the host's identity",
                identities.unnamed
            ))
        } else {
            error.with_hint("its log says why (journalctl -u ssh)")
        })
    }

    fn refused(&self, methods: &MethodSet, identities: Identities) -> SshError {
        let SshTarget { user, endpoint, .. } = self.target;
        let shown = identities.candidates.len();
        let what = match shown {
            0 => format!("{endpoint} wants a login for {user} and we have no key to show"),
            1 => format!("{endpoint} does not take our key for {user}"),
            n => format!("{endpoint} takes none of our {n} keys for {user}"),
        };
        let error = SshError::new(SshErrorKind::Login, Rung::Login, what);
        if let Some(complaint) = identities.complaints.into_iter().next() {
            let hint = match complaint.hint() {
                Some(hint) => format!("{complaint}: {hint}"),
                None => complaint.to_string(),
            };
            return error.with_hint(hint);
        }
        let offers: Vec<&str> = methods.iter().map(Into::into).collect();
        error.with_hint(format!(
            "it takes: {}; to add a key: ssh-copy-id -p {} {user}@{}",
            offers.join(", "),
            endpoint.port,
            endpoint.host
        ))
    }
}

/// Waits for a server's reply, but not for ever. While a person or an agent is `busy`, the server is not to blame.
pub(super) async fn patient<T>(
    reply: impl Future<Output = T>,
    busy: &AtomicBool,
) -> Result<T, SshError> {
    let mut reply = std::pin::pin!(reply);
    loop {
        match tokio::time::timeout(SERVER_THINKS, reply.as_mut()).await {
            Ok(reply) => return Ok(reply),
            Err(_) if busy.load(Ordering::Acquire) => {}
            Err(_) => {
                return Err(SshError::new(
                    SshErrorKind::Timeout,
                    Rung::Login,
                    format!("no answer to our login in {} s", SERVER_THINKS.as_secs()),
                )
                .with_hint("it greets and does not decide: its PAM, its users' directory or a disk may hang"));
            }
        }
    }
}

/// SHA-2 for RSA, the strongest the server names; SHA-1 never.
async fn rsa_hash(handle: &Handle<Gatekeeper>, is_rsa: bool) -> Result<Option<HashAlg>, SshError> {
    if !is_rsa {
        return Ok(None);
    }
    let named = handle
        .best_supported_rsa_hash()
        .await
        .map_err(|error| lost(&error))?;
    Ok(Some(named.flatten().unwrap_or(HashAlg::Sha256)))
}

pub(super) fn lost(error: &russh::Error) -> SshError {
    tracing::debug!(%error, "during login");
    gone()
}

pub(super) fn gone() -> SshError {
    SshError::new(
        SshErrorKind::Lost,
        Rung::Login,
        "the connection was closed during login",
    )
}

pub(super) fn no_user_certificate(path: &Path) -> SshError {
    SshError::new(
        SshErrorKind::KeyFile,
        Rung::Login,
        format!("{} is no user certificate", path.display()),
    )
}

pub(super) fn bad_certificate(path: &Path) -> SshError {
    SshError::new(
        SshErrorKind::KeyFile,
        Rung::Login,
        format!("{} can't be read as a certificate", path.display()),
    )
}
