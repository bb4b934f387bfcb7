//! Asking a person about an unknown host key, and writing the answer down. The connection that showed the key is closed
//! meanwhile: nothing of ours hangs half-open on a host while somebody thinks, and the key is checked again after.

use std::sync::Arc;

use super::ask::Ask;
use super::context::SshContext;
use super::error::{SshError, SshErrorKind};
use super::host_key::OfferedKey;
use super::known_hosts::{KnownHosts, LookupName, Verdict};
use super::known_hosts_file::{self, Written};
use super::target::SshTarget;
use crate::domain::{Answer, HostKeyFacts, Question, Rung};
use crate::text::SafeText;

/// The name a hop's key is looked up by.
pub(super) fn lookup_name(hop: &SshTarget) -> LookupName {
    LookupName::new(&hop.endpoint, hop.host_key_alias.as_ref())
}

/// What is written about a hop. Reads small files; on a slow disk this blocks one worker for a moment.
pub(super) fn known_hosts(hop: &SshTarget) -> KnownHosts {
    let mut texts = known_hosts_file::read(&hop.known_hosts);
    texts.extend(known_hosts_file::read(&hop.global_known_hosts));
    KnownHosts::parse(&texts, &lookup_name(hop))
}

/// Asks about a key that was offered by a hop. `Ok` means: dial again.
pub(super) async fn decide(
    hop: &SshTarget,
    key: &OfferedKey,
    context: &SshContext,
    ask: &Arc<dyn Ask>,
) -> Result<(), SshError> {
    let name = lookup_name(hop);
    if hop.refuse_unknown {
        return Err(unknown(&name, key));
    }
    // Many hosts may wait behind one jump whose key is new.
    let Some(turn) = context.host_keys.line.turn(name.as_str()).await else {
        return Err(refused(&name));
    };
    if known_hosts(hop).judge(&key.blob) != Verdict::Unknown
        || context.host_keys.trusts(name.as_str(), &key.blob)
    {
        return Ok(());
    }
    let file = hop.known_hosts.first();
    let question = Question::UnknownHostKey(HostKeyFacts {
        endpoint: hop.endpoint.clone(),
        algorithm: SafeText::new(&key.algorithm),
        fingerprint: SafeText::new(&key.fingerprint),
        file: file.map_or_else(SafeText::default, |f| {
            SafeText::new(&f.display().to_string())
        }),
    });
    if ask.ask(question).await != Answer::Trust {
        turn.refused();
        return Err(refused(&name));
    }
    let written = match file.cloned() {
        None => Written::Nowhere,
        Some(file) => write(file, name.clone(), key.blob.clone(), hop.hash_known_hosts).await?,
    };
    if written == Written::Nowhere {
        context.host_keys.trust(name.as_str(), &key.blob);
    }
    Ok(())
}

async fn write(
    file: std::path::PathBuf,
    name: LookupName,
    blob: Vec<u8>,
    hashed: bool,
) -> Result<Written, SshError> {
    let shown = file.display().to_string();
    let fault = |error: Box<dyn std::error::Error + Send + Sync>| {
        SshError::new(
            SshErrorKind::KnownHosts,
            Rung::Banner,
            format!("the key could not be written to {shown}"),
        )
        .with_hint(error.to_string())
        .with_source(error)
    };
    tokio::task::spawn_blocking(move || known_hosts_file::add(&file, &name, &blob, hashed))
        .await
        .map_err(|error| fault(error.into()))?
        .map_err(|error| fault(error.into()))
}

fn refused(name: &LookupName) -> SshError {
    SshError::new(
        SshErrorKind::UserRefused,
        Rung::Banner,
        format!("the host key of {} was not trusted", name.as_str()),
    )
}

fn unknown(name: &LookupName, key: &OfferedKey) -> SshError {
    SshError::new(
        SshErrorKind::KeyUnknown,
        Rung::Banner,
        format!(
            "the host key of {} is unknown ({} {})",
            name.as_str(),
            key.algorithm,
            key.fingerprint
        ),
    )
    .with_hint("compare the fingerprint on the host (ssh-keygen -lf), then connect once with ssh")
}
