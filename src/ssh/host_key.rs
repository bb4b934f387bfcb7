//! Deciding on an offered host key or host certificate (pure): accept, refuse with the mend, or ask a person.

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::ssh_key::{Certificate, PublicKey};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};

use super::error::{SshError, SshErrorKind};
use super::known_hosts::{KnownHosts, LookupName, Verdict};
use super::known_hosts_match::{HostMatch, match_names};
use crate::domain::Rung;

/// What is done with an offered key.
#[derive(Debug)]
pub(super) enum Decision {
    Accept,
    /// Nobody knows this key: a person decides. Holds its blob, algorithm and fingerprint.
    Ask(OfferedKey),
    Refuse(SshError),
}

/// An unknown key, in the words a person compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OfferedKey {
    pub(super) blob: Vec<u8>,
    pub(super) algorithm: String,
    pub(super) fingerprint: String,
}

/// Decides on a plain key.
pub(super) fn decide_key(known: &KnownHosts, name: &LookupName, key: &PublicKey) -> Decision {
    let Ok(blob) = key.to_bytes() else {
        return Decision::Refuse(SshError::new(
            SshErrorKind::Protocol,
            Rung::Banner,
            "the host key can't be read",
        ));
    };
    match known.judge(&blob) {
        Verdict::Known => Decision::Accept,
        Verdict::Unknown => Decision::Ask(OfferedKey {
            blob,
            algorithm: key.algorithm().to_string(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        }),
        bad => Decision::Refuse(refuse(name, bad)),
    }
}

/// Decides on a certificate: by its authority, then, as OpenSSH does, by the key inside it. Unlike OpenSSH a person is
/// never asked about the key of a certificate that does not hold.
pub(super) fn decide_certificate(
    known: &KnownHosts,
    name: &LookupName,
    certificate: &Certificate,
    now: u64,
) -> Decision {
    let key = PublicKey::new(certificate.public_key().clone(), "");
    let blobs = [key.to_bytes(), blob_of(certificate.signature_key())];
    for blob in blobs {
        let Ok(blob) = blob else {
            return Decision::Refuse(certificate_error("it can't be read"));
        };
        if let Some(bad) = known.refusal(&blob) {
            return Decision::Refuse(refuse(name, bad));
        }
    }
    match certificate_fault(known, name, certificate, now) {
        None => Decision::Accept,
        Some(fault) => match decide_key(known, name, &key) {
            Decision::Ask(_) => Decision::Refuse(certificate_error(&fault)),
            decided => decided,
        },
    }
}

fn blob_of(key: &KeyData) -> russh::keys::ssh_key::Result<Vec<u8>> {
    PublicKey::new(key.clone(), "").to_bytes()
}

fn certificate_error(fault: &str) -> SshError {
    SshError::new(
        SshErrorKind::Certificate,
        Rung::Banner,
        format!("the host's certificate does not hold: {fault}"),
    )
    .with_hint("ask whoever signs your host certificates for a new one")
}

/// Why a certificate does not hold, after `sshkey_cert_check_host` of OpenSSH; an empty list of principals, which
/// OpenSSH 9.2 takes for "any host", is refused.
fn certificate_fault(
    known: &KnownHosts,
    name: &LookupName,
    certificate: &Certificate,
    now: u64,
) -> Option<String> {
    let authority = certificate.signature_key();
    if certificate.cert_type() != CertType::Host {
        return Some("it is not made for a host".into());
    }
    if !blob_of(authority).is_ok_and(|blob| known.is_authority(&blob)) {
        return Some("no @cert-authority line names its signer".into());
    }
    if matches!(
        certificate.signature().algorithm(),
        Algorithm::Rsa { hash: None } | Algorithm::Dsa
    ) {
        return Some("it is signed with SHA-1".into());
    }
    if now < certificate.valid_after() {
        return Some("it is not valid yet".into());
    }
    if now >= certificate.valid_before() {
        return Some("it has expired".into());
    }
    if certificate
        .validate_at(now, [&authority.fingerprint(HashAlg::Sha256)])
        .is_err()
    {
        return Some("its signature is wrong".into());
    }
    if !certificate.critical_options().is_empty() {
        return Some("it has critical options, which no host certificate may have".into());
    }
    let named = certificate
        .valid_principals()
        .iter()
        .any(|p| !p.starts_with('|') && match_one(p, name.principal()));
    (!named).then(|| format!("it is not made for {}", name.principal()))
}

fn match_one(principal: &str, host: &str) -> bool {
    !principal.contains(',')
        && !principal.starts_with('!')
        && match_names(principal.as_bytes(), host) != HostMatch::No
}

fn refuse(name: &LookupName, verdict: Verdict) -> SshError {
    let host = name.as_str();
    match verdict {
        Verdict::Changed(place) => SshError::new(
            SshErrorKind::KeyChanged,
            Rung::Banner,
            format!("the host key of {host} is not the one we know"),
        )
        .with_hint(format!("if you know why it changed: {}", place.mend(name))),
        Verdict::Revoked(place) => SshError::new(
            SshErrorKind::KeyRevoked,
            Rung::Banner,
            format!("the host key of {host} is revoked"),
        )
        .with_hint(format!(
            "line {} of {} revokes it; the host needs a new key",
            place.line,
            place.file.display()
        )),
        Verdict::Unreadable(file) => SshError::new(
            SshErrorKind::KnownHosts,
            Rung::Banner,
            format!(
                "{} can't be read, so no host key can be checked",
                file.display()
            ),
        )
        .with_hint(format!(
            "ls -l {}",
            crate::shell::quote(&file.display().to_string())
        )),
        Verdict::Known | Verdict::Unknown => SshError::new(
            SshErrorKind::KeyUnknown,
            Rung::Banner,
            format!("the host key of {host} is unknown"),
        ),
    }
}

/// Host key algorithms to offer: those that known_hosts has a key of first, so that a server with several keys shows
/// one that we can check (`order_hostkeyalgs` of OpenSSH). SHA-1 `ssh-rsa` is never offered.
pub(super) fn algorithms(known: &KnownHosts) -> Vec<Algorithm> {
    let all = [
        Algorithm::Ed25519,
        ecdsa(EcdsaCurve::NistP256),
        ecdsa(EcdsaCurve::NistP384),
        ecdsa(EcdsaCurve::NistP521),
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        },
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        },
    ];
    let (mut first, last): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|algorithm| known.knows_algorithm(plain_name(algorithm)));
    first.extend(last);
    first
}

const fn ecdsa(curve: EcdsaCurve) -> Algorithm {
    Algorithm::Ecdsa { curve }
}

/// The name of the key type inside its blob; RSA signatures have other names than RSA keys.
fn plain_name(algorithm: &Algorithm) -> &str {
    match algorithm {
        Algorithm::Rsa { .. } => "ssh-rsa",
        other => other.as_str(),
    }
}
