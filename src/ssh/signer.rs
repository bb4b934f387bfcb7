//! Signing for a login: by the agent, with a word to the person when a finger is wanted, or with a key file that is
//! unlocked only now that the server has said it would take it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::Signature;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, HashAlg, PrivateKey};

use super::ask::Ask;
use super::context::Place;
use super::error::SshError;
use super::identity::{Agent, Signs};
use super::keyring::Keyring;
use crate::domain::Telling;
use crate::text::SafeText;

/// How long an agent may take: it may want a finger, or a click.
const AGENT_SIGNS: Duration = Duration::from_mins(1);

/// Who signs for one candidate.
pub(super) struct Hand<'a> {
    pub(super) signs: Signs,
    pub(super) agent: &'a mut Option<Agent>,
    pub(super) keyring: &'a Keyring,
    pub(super) ask: &'a dyn Ask,
    pub(super) place: &'a Place,
    /// Raised while a person or the agent is waited for.
    pub(super) busy: &'a AtomicBool,
}

/// Why there is no signature.
#[derive(Debug)]
pub(super) enum SignStop {
    /// The connection is gone.
    Gone,
    /// This candidate can't; the next one may.
    Skip(String),
    /// The login ends here.
    Stop(SshError),
}

impl From<russh::SendError> for SignStop {
    fn from(_: russh::SendError) -> Self {
        Self::Gone
    }
}

impl Signer for Hand<'_> {
    type Error = SignStop;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, SignStop> {
        self.busy.store(true, Ordering::Release);
        let signed = self.sign(key, hash, to_sign).await;
        self.busy.store(false, Ordering::Release);
        signed
    }
}

impl Hand<'_> {
    async fn sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, SignStop> {
        match &self.signs {
            Signs::File(file) => {
                let private = self
                    .keyring
                    .unlock(file, self.ask, self.place)
                    .await
                    .map_err(SignStop::Stop)?;
                sign_here(&private, hash, to_sign)
            }
            Signs::Agent { comment } => {
                if is_security_key(key) {
                    self.place.give_away();
                    self.ask.tell(Telling::TouchKey {
                        key: SafeText::new(comment),
                    });
                }
                let Some(agent) = self.agent.as_mut() else {
                    return Err(SignStop::Skip("the agent is gone".into()));
                };
                match tokio::time::timeout(AGENT_SIGNS, agent.sign_request(key, hash, to_sign))
                    .await
                {
                    Ok(Ok(signed)) => Ok(signed),
                    Ok(Err(error)) => Err(SignStop::Skip(error.to_string())),
                    Err(_) => {
                        // Its late answer would be taken for that of the next request.
                        *self.agent = None;
                        Err(SignStop::Skip("the agent did not sign in time".into()))
                    }
                }
            }
        }
    }
}

fn is_security_key(key: &AgentIdentity) -> bool {
    matches!(
        key.public_key().algorithm(),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256
    )
}

/// Appends the signature to what was signed, which is the form the library wants.
fn sign_here(
    key: &PrivateKey,
    hash: Option<HashAlg>,
    mut to_sign: Vec<u8>,
) -> Result<Vec<u8>, SignStop> {
    let skip = |error: &dyn std::fmt::Display| SignStop::Skip(error.to_string());
    let signature: Signature = match key.key_data() {
        KeypairData::Rsa(pair) => (pair, hash).try_sign(&to_sign),
        KeypairData::SkEd25519(_) | KeypairData::SkEcdsaSha2NistP256(_) => {
            return Err(SignStop::Skip(
                "a security key signs through the agent only (ssh-add it)".into(),
            ));
        }
        _ => key.try_sign(&to_sign),
    }
    .map_err(|error| skip(&error))?;
    let bytes = Vec::<u8>::try_from(signature).map_err(|error| skip(&error))?;
    let length = u32::try_from(bytes.len()).map_err(|error| skip(&error))?;
    to_sign.extend_from_slice(&length.to_be_bytes());
    to_sign.extend_from_slice(&bytes);
    Ok(to_sign)
}
