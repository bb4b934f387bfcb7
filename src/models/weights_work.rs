//! The long work on weights: a job of the host fetches, copies or deletes, goes on without us, and tells every console the same
//! by its marks.

use std::net::IpAddr;
use std::time::Duration;

use ring::digest::{SHA256, digest};

use super::WorkId;
use super::reservation::hex;
use super::weights_error::{WeightsError, WeightsErrorKind};
use crate::domain::{HostId, RepoId, Secret};
use crate::jobs::{JobErrorKind, JobId, JobSpec, Jobs, LeaseKey, Work};
use crate::shell::ShellWord;

/// Finds the hub's cache on a host.
pub(super) const HUB: &str = include_str!("hub.sh");
const DOWNLOAD: &str = include_str!("download.sh");
const REMOVE: &str = include_str!("remove.sh");

/// What the jobs of this file are called by.
pub(super) const PREFIX: &str = "weights-";

/// The hub that everybody means.
const USUAL_HUB: &str = "https://huggingface.co";

/// Weights that are to be fetched on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadOrder {
    /// Which.
    pub repo: RepoId,
    /// A branch, tag or commit; `None`: `main`.
    pub revision: Option<String>,
    /// The hub, where it is not the usual one: `http://` or `https://` and an address.
    pub hub: Option<String>,
    /// The hub's token.
    pub token: Option<Secret<String>>,
    /// Where they are copied to when they are there.
    pub peers: Vec<Peer>,
    /// How patient it is.
    pub patience: Patience,
}

impl DownloadOrder {
    /// The main branch of this repository from the usual hub, copied to nobody.
    pub fn new(repo: RepoId) -> Self {
        Self {
            repo,
            revision: None,
            hub: None,
            token: None,
            peers: Vec::new(),
            patience: Patience::default(),
        }
    }
}

/// A host that weights are copied to, as the host that has them sees it: they log in there by themselves, without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub host: HostId,
    /// Its address on the fast network.
    pub address: IpAddr,
    /// The login there; `None`: of the same name.
    pub user: Option<String>,
}

/// How patient a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// So long without a byte is a stall: it is tried again.
    pub stall: Duration,
    /// So many tries in a row without a byte are a failure.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stall: Duration::from_mins(1),
            tries: 8,
        }
    }
}

/// Begins a download. The peers are copied to by the same job. Only one job at a time works on a repository on one host.
pub async fn download(jobs: &Jobs, order: &DownloadOrder) -> Result<WorkId, WeightsError> {
    let label = format!("download {}", order.repo);
    begin(jobs, "fetch", label, order).await
}

/// Begins a copy of what is on this host to a peer.
pub async fn copy(
    jobs: &Jobs,
    repo: &RepoId,
    peer: &Peer,
    patience: Patience,
) -> Result<WorkId, WeightsError> {
    let label = format!("copy {repo} to {}", peer.host);
    let mut order = DownloadOrder::new(repo.clone());
    order.patience = patience;
    order.peers.push(peer.clone());
    begin(jobs, "copy", label, &order).await
}

/// Begins the deletion of a repository from the hub's cache of this host. The job refuses what a process there names as its
/// model; what is served or wanted elsewhere is for the caller to know. It tells the bytes that came free as its `done`.
pub async fn remove(jobs: &Jobs, repo: &RepoId) -> Result<WorkId, WeightsError> {
    let text = format!("{HUB}\n{REMOVE}");
    let work = Work::Script {
        text,
        arguments: vec![word(repo.as_str())?],
    };
    start(jobs, repo, JobSpec::new(work, format!("delete {repo}"))).await
}

async fn begin(
    jobs: &Jobs,
    kind: &'static str,
    label: String,
    order: &DownloadOrder,
) -> Result<WorkId, WeightsError> {
    let quoted = crate::shell::quote(HUB);
    let mut arguments = vec![
        ShellWord::literal(kind),
        word(order.repo.as_str())?,
        revision(order.revision.as_deref().unwrap_or("main"))?,
        endpoint(order.hub.as_deref().unwrap_or(USUAL_HUB))?,
        order.patience.stall.as_secs().max(1).into(),
        u64::from(order.patience.tries.max(1)).into(),
    ];
    for peer in &order.peers {
        arguments.push(word(peer.host.as_str())?);
        arguments.push(address(peer)?);
    }
    let work = Work::Script {
        text: format!("{HUB}\nhub_words={quoted}\n{DOWNLOAD}"),
        arguments,
    };
    let mut spec = JobSpec::new(work, label);
    spec.input = Some(Secret::new(token(order.token.as_ref())?));
    start(jobs, &order.repo, spec).await
}

async fn start(jobs: &Jobs, repo: &RepoId, mut spec: JobSpec) -> Result<WorkId, WeightsError> {
    let hash = digest(&SHA256, repo.as_str().as_bytes());
    let hex = hex(hash.as_ref().get(..16).unwrap_or_default());
    spec.lease = Some(LeaseKey::new(&format!("{PREFIX}{hex}")).map_err(WeightsError::job)?);
    let id =
        JobId::new(&format!("{PREFIX}{:016x}", fastrand::u64(..))).map_err(WeightsError::job)?;
    match jobs.begin(&id, &spec).await {
        Ok(begun) => Ok(WorkId(begun.id.as_str().to_owned())),
        Err(error) if matches!(error.kind, JobErrorKind::Held(_)) => {
            let what = format!("{repo} is being worked on there: {error}");
            Err(WeightsError::new(WeightsErrorKind::Refused, what)
                .hint("wait for its end, or cancel it"))
        }
        Err(error) => Err(WeightsError::job(error)),
    }
}

fn refused(what: String) -> WeightsError {
    WeightsError::new(WeightsErrorKind::Refused, what)
}

fn word(text: &str) -> Result<ShellWord, WeightsError> {
    ShellWord::new(text).map_err(|error| refused(error.to_string()))
}

/// The line with the token. It stands in a quoted string of curl's.
fn token(secret: Option<&Secret<String>>) -> Result<String, WeightsError> {
    let text = secret.map_or("", |secret| secret.expose().trim());
    if text.len() > 4096
        || !text
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    {
        return Err(
            refused("the hub's token holds characters that no token has".to_owned())
                .hint("look at models.hub_token in the config"),
        );
    }
    Ok(format!("{text}\n"))
}

/// A branch, tag or commit as it stands in an address and in a path of the cache.
fn revision(text: &str) -> Result<ShellWord, WeightsError> {
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    // A slash in a branch would be one in the address as well.
    if text.len() <= 100 && fits(text) {
        return word(text);
    }
    Err(refused(format!(
        "{text:?} is no revision: letters, digits, -, _ and ."
    )))
}

fn endpoint(text: &str) -> Result<ShellWord, WeightsError> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let fits = rest.is_some_and(|rest| {
        rest.bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'[')
            && rest
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]".contains(&b))
    });
    if fits && text.len() <= 500 {
        return word(text);
    }
    Err(refused(format!(
        "{text:?} is no address of a hub: http:// or https://, a name and a path"
    ))
    .hint("look at models.hub in the config"))
}

fn address(peer: &Peer) -> Result<ShellWord, WeightsError> {
    match &peer.user {
        None => word(&peer.address.to_string()),
        Some(user) => {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if user.is_empty() || user.starts_with('-') || !user.bytes().all(fits) {
                return Err(refused(format!("{user:?} is no login for a copy")));
            }
            word(&format!("{user}@{}", peer.address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_a_script_is_of_its_kind_by_rows() {
        for good in ["main", "v1.0", "0123456789abcdef0123456789abcdef01234567"] {
            assert!(revision(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            "..",
            "../x",
            "refs/pr/1",
            "a b",
            "a\nb",
            "$(id)",
            "é",
        ] {
            assert!(revision(bad).is_err(), "{bad:?}");
        }
        for good in [
            "https://huggingface.co",
            "http://127.0.0.1:80/hub/",
            "http://[::1]:8080",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "huggingface.co",
            "file:///etc/passwd",
            "http://",
            "http://-x",
            "http://a b",
            "https://a?b",
            "http://a\n",
            "http://u:p@h",
        ] {
            assert!(endpoint(bad).is_err(), "{bad:?}");
        }
        let token = |text: &str| super::token(Some(&Secret::new(text.to_owned())));
        assert_eq!(token("hf_abc\n").unwrap(), "hf_abc\n");
        assert_eq!(super::token(None).unwrap(), "\n");
        for bad in ["a b", "a\"", "a\\", "a\nb", "é", &"x".repeat(5000)] {
            assert!(token(bad).is_err(), "{bad:?}");
        }
        let peer = |user: &str| Peer {
            host: HostId::new("a"),
            address: IpAddr::from([10, 0, 0, 2]),
            user: Some(user.to_owned()),
        };
        assert_eq!(address(&peer("ann")).unwrap().as_str(), "ann@10.0.0.2");
        for bad in ["", "-oProxyCommand=id", "a b", "a@b", "$(id)"] {
            assert!(address(&peer(bad)).is_err(), "{bad:?}");
        }
    }
}
