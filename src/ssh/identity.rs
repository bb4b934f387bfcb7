//! What we can show to a server, in OpenSSH's order: certificates, the agent's keys that the configuration names, the
//! agent's other keys, key files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::AgentSessionBinding;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::{Certificate, PublicKey};
use tokio::net::UnixStream;

use super::error::SshError;
use super::keyring::{KeyFile, read_bounded, with_suffix};
use super::target::SshTarget;

/// An agent that does not list its keys in this time is left alone.
const AGENT_LIST: Duration = Duration::from_secs(5);

/// The agent's end of its socket.
pub(super) type Agent = AgentClient<UnixStream>;

/// One thing to show to the server.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) what: Shown,
    pub(super) signer: Signs,
}

/// What the server sees.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    Key(PublicKey),
    Certificate(Box<Certificate>),
    /// The public half shows only once the file is unlocked.
    Hidden,
}

/// Who signs for it.
#[derive(Debug, Clone)]
pub(super) enum Signs {
    Agent {
        /// The agent's own name for the key.
        comment: String,
    },
    File(KeyFile),
}

/// All candidates in order, the agent if it answered, and what could not be used.
pub(super) struct Identities {
    pub(super) candidates: Vec<Candidate>,
    pub(super) agent: Option<Agent>,
    /// Key files that can't be used, and the agent's silence; named when nothing else lets us in.
    pub(super) complaints: Vec<SshError>,
    /// How many keys the agent has that nobody named.
    pub(super) unnamed: usize,
}

impl Identities {
    /// Reads the target's key files and asks its agent.
    pub(super) async fn gather(target: &SshTarget, binding: Option<&AgentSessionBinding>) -> Self {
        let mut complaints = Vec::new();
        let mut files = Vec::new();
        for path in &target.identities {
            match KeyFile::read(path) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => {}
                Err(complaint) => complaints.push(complaint),
            }
        }
        let (agent, held) = match &target.agent {
            Some(socket) => open_agent(socket, binding).await,
            None => (None, Vec::new()),
        };
        let certificates = read_certificates(target, &mut complaints);
        let (candidates, unnamed) = order(target, files, &held, certificates);
        Self {
            candidates,
            agent,
            complaints,
            unnamed,
        }
    }
}

/// Connects to the agent, binds it to this session (so that it can hold keys to their destinations) and lists its keys.
async fn open_agent(
    socket: &Path,
    binding: Option<&AgentSessionBinding>,
) -> (Option<Agent>, Vec<AgentIdentity>) {
    let opened = tokio::time::timeout(AGENT_LIST, async {
        let mut agent = AgentClient::connect_uds(socket).await?;
        if let Some(binding) = binding
            && let Err(error) = agent.bind_session(binding, false).await
        {
            // Agents older than OpenSSH 8.9 know no binding.
            tracing::debug!(%error, "binding the agent to the session");
        }
        let held = agent.request_identities().await?;
        Ok::<_, russh::keys::Error>((agent, held))
    })
    .await;
    match opened {
        Ok(Ok((agent, held))) => (Some(agent), held),
        Ok(Err(error)) => {
            tracing::info!(socket = %socket.display(), %error, "the ssh agent can't be used");
            (None, Vec::new())
        }
        Err(_) => {
            tracing::info!(socket = %socket.display(), "the ssh agent does not answer");
            (None, Vec::new())
        }
    }
}

/// Certificates the configuration names, and those beside the key files.
fn read_certificates(target: &SshTarget, complaints: &mut Vec<SshError>) -> Vec<Certificate> {
    let named = target.certificates.iter().map(|path| (path.clone(), true));
    let beside = target
        .identities
        .iter()
        .map(|path| (certificate_beside(path), false));
    let mut found: Vec<Certificate> = Vec::new();
    for (path, wanted) in named.chain(beside) {
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(error) => {
                if wanted {
                    tracing::info!(file = %path.display(), %error, "reading a certificate");
                }
                continue;
            }
        };
        match Certificate::from_openssh(text.trim_end()) {
            Ok(certificate) if certificate.cert_type() == CertType::User => {
                if !found.contains(&certificate) {
                    found.push(certificate);
                }
            }
            Ok(_) => complaints.push(super::login::no_user_certificate(&path)),
            Err(error) => complaints.push(super::login::bad_certificate(&path).with_source(error)),
        }
    }
    found
}

/// `id_ed25519` → `id_ed25519-cert.pub`; for `id_ed25519.pub` the same.
fn certificate_beside(path: &Path) -> PathBuf {
    let base = match path.extension() {
        Some(extension) if extension == "pub" => path.with_extension(""),
        _ => path.to_path_buf(),
    };
    with_suffix(&base, "-cert.pub")
}

/// Puts everything in OpenSSH's order (`pubkey_prepare`), each key once. Also counts the agent's unnamed keys.
fn order(
    target: &SshTarget,
    files: Vec<KeyFile>,
    held: &[AgentIdentity],
    certificates: Vec<Certificate>,
) -> (Vec<Candidate>, usize) {
    let in_agent = |key: &PublicKey| {
        held.iter().find_map(|identity| match identity {
            AgentIdentity::PublicKey { key: k, comment } if k.key_data() == key.key_data() => {
                Some(comment.clone())
            }
            _ => None,
        })
    };
    let signer = |key: &PublicKey| -> Option<Signs> {
        if let Some(comment) = in_agent(key) {
            return Some(Signs::Agent { comment });
        }
        files
            .iter()
            .find(|f| {
                f.is_private()
                    && f.public
                        .as_ref()
                        .is_some_and(|p| p.key_data() == key.key_data())
            })
            .map(|f| Signs::File(f.clone()))
    };
    let mut candidates: Vec<Candidate> = Vec::new();
    for certificate in certificates {
        let key = PublicKey::new(certificate.public_key().clone(), "");
        if let Some(signer) = signer(&key) {
            candidates.push(Candidate {
                what: Shown::Certificate(Box::new(certificate)),
                signer,
            });
        }
    }
    for file in &files {
        if let Some(public) = &file.public
            && let Some(comment) = in_agent(public)
        {
            candidates.push(Candidate {
                what: Shown::Key(public.clone()),
                signer: Signs::Agent { comment },
            });
        }
    }
    let named = candidates.len();
    if !target.identities_only {
        candidates.extend(unnamed(held, &files));
    }
    let unnamed = candidates.len() - named;
    candidates.extend(from_files(files, held));
    (candidates, unnamed)
}

fn unnamed<'a>(
    held: &'a [AgentIdentity],
    files: &'a [KeyFile],
) -> impl Iterator<Item = Candidate> + 'a {
    held.iter().filter_map(|identity| match identity {
        AgentIdentity::Certificate {
            certificate,
            comment,
        } => Some(Candidate {
            what: Shown::Certificate(Box::new(certificate.clone())),
            signer: Signs::Agent {
                comment: comment.clone(),
            },
        }),
        AgentIdentity::PublicKey { key, comment } => {
            let is_named = files
                .iter()
                .filter_map(|f| f.public.as_ref())
                .any(|p| p.key_data() == key.key_data());
            (!is_named).then(|| Candidate {
                what: Shown::Key(key.clone()),
                signer: Signs::Agent {
                    comment: comment.clone(),
                },
            })
        }
    })
}

fn from_files(files: Vec<KeyFile>, held: &[AgentIdentity]) -> impl Iterator<Item = Candidate> {
    files.into_iter().filter_map(move |file| {
        let in_agent = file.public.as_ref().is_some_and(|p| {
            held.iter()
                .any(|identity| identity.public_key().key_data() == p.key_data())
        });
        if in_agent || !file.is_private() {
            return None;
        }
        let what = match &file.public {
            Some(public) => Shown::Key(public.clone()),
            None => Shown::Hidden,
        };
        Some(Candidate {
            what,
            signer: Signs::File(file),
        })
    })
}
