//! From a host's description and the answers of `ssh -G` to everything needed to dial it, jumps included (pure).
//!
//! `StrictHostKeyChecking` `no` and `accept-new` mean "ask" here: no host key is ever trusted without a person.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::openssh::SshConfig;
use super::target::SshTarget;
use super::tokens::{self, TokenError, Values};
use crate::domain::{Endpoint, HostName, Port, SshSpec, StrictHostKeys, UserName};

/// How long TCP, banner and key exchange may take where the configuration leaves it open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between keep-alives where the configuration leaves it open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Hops in one chain at most; more is a mistake.
const HOPS: usize = 8;
/// OpenSSH's own key files, in its order; DSA is left out.
const IDENTITIES: [&str; 5] = [
    "~/.ssh/id_rsa",
    "~/.ssh/id_ecdsa",
    "~/.ssh/id_ecdsa_sk",
    "~/.ssh/id_ed25519",
    "~/.ssh/id_ed25519_sk",
];

/// What stands where neither the description nor ssh says anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The person's home folder.
    pub home: PathBuf,
    /// The person's login name here.
    pub user: UserName,
    /// The agent's socket (`SSH_AUTH_SOCK`).
    pub agent: Option<PathBuf>,
}

/// What is known of ssh's own configuration for one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The output of [`super::openssh::query`].
    Config(String),
    /// ssh is not installed, or failed: our own description must do.
    Nothing,
    /// Nobody has run the query yet.
    NotYet,
}

/// Why a host can't be dialled as described.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// `ssh -G` must be run for this destination; then resolve again.
    #[error("ssh was not asked about {} yet", .0.host)]
    NotYet(Box<SshSpec>),
    /// A jump leads back to a host on the way.
    #[error("the jump hosts go round in a circle at {0}")]
    Circle(HostName),
    /// No chain is that long.
    #[error("more than {HOPS} jump hosts")]
    TooLong,
    /// A value of ssh's configuration is none that we can use.
    #[error("{keyword} {value:?} of the ssh configuration can't be used")]
    Value {
        /// The keyword.
        keyword: &'static str,
        /// Its value.
        value: String,
    },
    /// A path of ssh's configuration can't be expanded.
    #[error("{keyword} of the ssh configuration can't be used")]
    Token {
        /// The keyword.
        keyword: &'static str,
        /// Why.
        #[source]
        source: TokenError,
    },
    /// A keyword that would make ssh stricter than we could be.
    #[error("{keyword} of the ssh configuration is not supported")]
    Unsupported {
        /// The keyword.
        keyword: &'static str,
    },
}

/// Resolves one host. Where an answer of `ssh -G` is missing the error names the destination; run the query, and call
/// again. What the description says wins over what ssh says.
pub fn resolve(
    spec: &SshSpec,
    defaults: &Defaults,
    answered: &dyn Fn(&SshSpec) -> Answered,
) -> Result<SshTarget, ResolveError> {
    let chain = Chain { defaults, answered };
    chain.target(spec, &mut Vec::new())
}

struct Chain<'a> {
    defaults: &'a Defaults,
    answered: &'a dyn Fn(&SshSpec) -> Answered,
}

impl Chain<'_> {
    /// A target with all hops before it. As with `ssh -J a,b`, the first hop's own jumps are passed, those of later hops
    /// are not: they are reached through the hop before.
    fn target(&self, spec: &SshSpec, path: &mut Vec<SshSpec>) -> Result<SshTarget, ResolveError> {
        let same = |other: &SshSpec| {
            (&other.host, &other.user, other.port) == (&spec.host, &spec.user, spec.port)
        };
        if path.iter().any(same) {
            return Err(ResolveError::Circle(spec.host.clone()));
        }
        if path.len() > HOPS {
            return Err(ResolveError::TooLong);
        }
        path.push(spec.clone());
        let config = self.config(spec)?;
        let mut target = self.hop(spec, &config)?;
        let jumps = jumps(spec, &config)?;
        if let Some((first, rest)) = jumps.split_first() {
            let mut first = self.target(first, path)?;
            let mut hops = std::mem::take(&mut first.jumps);
            hops.push(first);
            for jump in rest {
                let mut hop = self.hop(jump, &self.config(jump)?)?;
                hop.proxy_command = None;
                hops.push(hop);
            }
            if hops.len() > HOPS {
                return Err(ResolveError::TooLong);
            }
            target.jumps = hops;
            target.proxy_command = None;
        }
        path.pop();
        Ok(target)
    }

    fn config(&self, spec: &SshSpec) -> Result<SshConfig, ResolveError> {
        if !spec.use_ssh_config {
            return Ok(SshConfig::default());
        }
        match (self.answered)(spec) {
            Answered::Config(text) => Ok(SshConfig::parse(&text)),
            Answered::Nothing => Ok(SshConfig::default()),
            Answered::NotYet => Err(ResolveError::NotYet(Box::new(spec.clone()))),
        }
    }

    /// One hop without its jumps.
    fn hop(&self, spec: &SshSpec, config: &SshConfig) -> Result<SshTarget, ResolveError> {
        refuse_unsupported(config)?;
        let endpoint = Endpoint {
            host: parsed(config, "hostname")?.unwrap_or_else(|| spec.host.clone()),
            port: match spec.port {
                Some(port) => port,
                None => parsed(config, "port")?.unwrap_or(Port::SSH),
            },
        };
        let user = match &spec.user {
            Some(user) => user.clone(),
            None => parsed(config, "user")?.unwrap_or_else(|| self.defaults.user.clone()),
        };
        let host_key_alias: Option<HostName> = parsed(config, "hostkeyalias")?;
        let values = Values {
            home: &self.defaults.home,
            alias: &spec.host,
            endpoint: &endpoint,
            host_key_alias: host_key_alias.as_ref(),
            user: &user,
            local_user: &self.defaults.user,
        };
        Ok(SshTarget {
            identities: identities(spec, config, values)?,
            certificates: paths("certificatefile", config.all("certificatefile"), values)?,
            agent: self.agent(config, values)?,
            known_hosts: known_hosts(spec, config, values)?,
            global_known_hosts: global_known_hosts(config, values)?,
            alias: spec.host.clone(),
            jumps: Vec::new(),
            proxy_command: config.get("proxycommand").map(str::to_owned),
            identities_only: config.says_yes("identitiesonly"),
            hash_known_hosts: config.says_yes("hashknownhosts"),
            refuse_unknown: spec.strict == StrictHostKeys::Refuse
                || config.says_yes("stricthostkeychecking"),
            connect_timeout: seconds(config, "connecttimeout")?.unwrap_or(CONNECT_TIMEOUT),
            keep_alive: seconds(config, "serveraliveinterval")?.unwrap_or(KEEP_ALIVE),
            endpoint,
            user,
            host_key_alias,
        })
    }

    fn agent(
        &self,
        config: &SshConfig,
        values: Values<'_>,
    ) -> Result<Option<PathBuf>, ResolveError> {
        match config.get("identityagent") {
            Some("SSH_AUTH_SOCK" | "$SSH_AUTH_SOCK") => Ok(self.defaults.agent.clone()),
            Some(path) => Ok(Some(expand("identityagent", path, values)?)),
            None if config.mentions("identityagent") => Ok(None),
            None => Ok(self.defaults.agent.clone()),
        }
    }
}

/// Keywords that make ssh refuse keys which we would accept.
fn refuse_unsupported(config: &SshConfig) -> Result<(), ResolveError> {
    if config.get("revokedhostkeys").is_some() {
        return Err(ResolveError::Unsupported {
            keyword: "RevokedHostKeys",
        });
    }
    if config.says_yes("proxyusefdpass") {
        return Err(ResolveError::Unsupported {
            keyword: "ProxyUseFdpass",
        });
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(
    config: &SshConfig,
    keyword: &'static str,
) -> Result<Option<T>, ResolveError> {
    let Some(value) = config.get(keyword) else {
        return Ok(None);
    };
    value.parse().map(Some).map_err(|_| ResolveError::Value {
        keyword,
        value: value.to_owned(),
    })
}

/// A number of seconds; 0 is "not set", as for ssh.
fn seconds(config: &SshConfig, keyword: &'static str) -> Result<Option<Duration>, ResolveError> {
    let seconds: Option<u32> = parsed(config, keyword)?;
    Ok(seconds
        .filter(|s| *s > 0)
        .map(|s| Duration::from_secs(s.into())))
}

fn expand(keyword: &'static str, text: &str, values: Values<'_>) -> Result<PathBuf, ResolveError> {
    tokens::path(text, values).map_err(|source| ResolveError::Token { keyword, source })
}

fn paths<'a>(
    keyword: &'static str,
    texts: impl Iterator<Item = &'a str>,
    values: Values<'_>,
) -> Result<Vec<PathBuf>, ResolveError> {
    texts.map(|text| expand(keyword, text, values)).collect()
}

fn identities(
    spec: &SshSpec,
    config: &SshConfig,
    values: Values<'_>,
) -> Result<Vec<PathBuf>, ResolveError> {
    let named = |path: &PathBuf| match path.strip_prefix("~") {
        Ok(inside) => values.home.join(inside),
        Err(_) => path.clone(),
    };
    if !spec.identity.is_empty() {
        return Ok(spec.identity.iter().map(named).collect());
    }
    if config.mentions("identityfile") {
        return paths("identityfile", config.all("identityfile"), values);
    }
    paths("identityfile", IDENTITIES.into_iter(), values)
}

/// `ssh -G` prints several files on one line, without quotes: a name with a space in it can't be told from two names.
fn known_hosts(
    spec: &SshSpec,
    config: &SshConfig,
    values: Values<'_>,
) -> Result<Vec<PathBuf>, ResolveError> {
    const KEYWORD: &str = "userknownhostsfile";
    if let Some(path) = &spec.known_hosts {
        return Ok(vec![match path.strip_prefix("~") {
            Ok(inside) => values.home.join(inside),
            Err(_) => path.clone(),
        }]);
    }
    if config.mentions(KEYWORD) {
        let words = config.all(KEYWORD).flat_map(str::split_whitespace);
        return paths(KEYWORD, words.filter(|word| *word != "none"), values);
    }
    let own = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
    paths(KEYWORD, own.into_iter(), values)
}

fn global_known_hosts(
    config: &SshConfig,
    values: Values<'_>,
) -> Result<Vec<PathBuf>, ResolveError> {
    const KEYWORD: &str = "globalknownhostsfile";
    if config.mentions(KEYWORD) {
        let words = config.all(KEYWORD).flat_map(str::split_whitespace);
        return paths(KEYWORD, words.filter(|word| *word != "none"), values);
    }
    Ok(["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
        .map(|path| Path::new(path).to_path_buf())
        .to_vec())
}

/// The hops before a host: those of its description, else `ProxyJump`.
fn jumps(spec: &SshSpec, config: &SshConfig) -> Result<Vec<SshSpec>, ResolveError> {
    if !spec.jump.is_empty() {
        return Ok(spec.jump.clone());
    }
    let Some(list) = config.get("proxyjump") else {
        return Ok(Vec::new());
    };
    list.split(',')
        .map(|text| {
            destination(text.trim(), spec).ok_or_else(|| ResolveError::Value {
                keyword: "proxyjump",
                value: text.to_owned(),
            })
        })
        .collect()
}

/// `[user@]host[:port]` or `ssh://[user@]host[:port]`; a jump keeps the strictness and files of the host it leads to.
fn destination(text: &str, behind: &SshSpec) -> Option<SshSpec> {
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (Some(user.parse().ok()?), host),
        None => (None, text),
    };
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => match host.split_once(':') {
            Some((name, port)) if !port.contains(':') => (name, Some(port)),
            _ => (host, None),
        },
    };
    Some(SshSpec {
        user,
        port: port.map(str::parse).transpose().ok()?,
        known_hosts: behind.known_hosts.clone(),
        strict: behind.strict,
        ..SshSpec::new(host.parse().ok()?)
    })
}
