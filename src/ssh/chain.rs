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

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults {
            home: "/home/ada".into(),
            user: "ada".parse().unwrap(),
            agent: Some("/run/agent".into()),
        }
    }

    fn spec(host: &str) -> SshSpec {
        SshSpec::new(host.parse().unwrap())
    }

    /// Resolves with these answers of `ssh -G` by host; a host without one was not asked about yet.
    fn with(spec: &SshSpec, answers: &[(&str, &str)]) -> Result<SshTarget, ResolveError> {
        resolve(spec, &defaults(), &|asked| match answers
            .iter()
            .find(|(host, _)| *host == asked.host.as_str())
        {
            Some((_, text)) => Answered::Config((*text).to_owned()),
            None => Answered::NotYet,
        })
    }

    fn hops(target: &SshTarget) -> Vec<String> {
        target
            .jumps
            .iter()
            .map(|hop| format!("{}@{}", hop.user, hop.endpoint))
            .collect()
    }

    #[test]
    fn without_ssh_the_defaults_are_those_of_openssh() {
        let target = resolve(&spec("spark"), &defaults(), &|_| Answered::Nothing).unwrap();
        assert_eq!(target.endpoint.to_string(), "spark:22");
        assert_eq!(target.user.as_str(), "ada");
        assert_eq!(target.agent, Some("/run/agent".into()));
        assert_eq!(target.identities.len(), IDENTITIES.len());
        assert_eq!(target.identities[3], Path::new("/home/ada/.ssh/id_ed25519"));
        assert_eq!(
            target.known_hosts[0],
            Path::new("/home/ada/.ssh/known_hosts")
        );
        assert_eq!(target.connect_timeout, CONNECT_TIMEOUT);
        assert!(!target.refuse_unknown && target.jumps.is_empty());
    }

    #[test]
    fn everything_ssh_says_is_taken() {
        let text = "user gpu\nhostname 10.0.0.7\nport 2222\nidentityfile ~/k/%r@%h\nidentityfile /k2\n\
            certificatefile ~/c.pub\nidentitiesonly yes\nidentityagent /run/other\n\
            userknownhostsfile /u1 ~/u2\nglobalknownhostsfile /g\nhostkeyalias spark-key\nhashknownhosts yes\n\
            stricthostkeychecking true\nconnecttimeout 4\nserveraliveinterval 7\nproxycommand nc %h %p\n";
        let target = with(&spec("spark"), &[("spark", text)]).unwrap();
        assert_eq!(target.endpoint.to_string(), "10.0.0.7:2222");
        assert_eq!(target.user.as_str(), "gpu");
        assert_eq!(
            target.identities,
            [Path::new("/home/ada/k/gpu@10.0.0.7"), Path::new("/k2")]
        );
        assert_eq!(target.certificates, [Path::new("/home/ada/c.pub")]);
        assert!(target.identities_only && target.hash_known_hosts && target.refuse_unknown);
        assert_eq!(target.agent, Some("/run/other".into()));
        assert_eq!(
            target.known_hosts,
            [Path::new("/u1"), Path::new("/home/ada/u2")]
        );
        assert_eq!(target.global_known_hosts, [Path::new("/g")]);
        assert_eq!(target.host_key_alias.unwrap().as_str(), "spark-key");
        assert_eq!(target.connect_timeout, Duration::from_secs(4));
        assert_eq!(target.keep_alive, Duration::from_secs(7));
        assert_eq!(target.proxy_command.as_deref(), Some("nc %h %p"));
    }

    #[test]
    fn the_description_wins_over_ssh() {
        let mut wanted = spec("spark");
        wanted.user = Some("root".parse().unwrap());
        wanted.port = Some(23.try_into().unwrap());
        wanted.identity = vec!["~/mine".into()];
        wanted.known_hosts = Some("~/kh".into());
        wanted.strict = StrictHostKeys::Refuse;
        let text = "user gpu\nport 2222\nidentityfile /k\nuserknownhostsfile /u\nstricthostkeychecking accept-new\nidentityagent none\n";
        let target = with(&wanted, &[("spark", text)]).unwrap();
        assert_eq!(
            (target.user.as_str(), target.endpoint.port.get()),
            ("root", 23)
        );
        assert_eq!(target.identities, [Path::new("/home/ada/mine")]);
        assert_eq!(target.known_hosts, [Path::new("/home/ada/kh")]);
        assert!(target.refuse_unknown);
        assert_eq!(target.agent, None);
    }

    #[test]
    fn no_and_accept_new_mean_ask() {
        for word in ["false", "no", "accept-new", "ask"] {
            let text = format!("stricthostkeychecking {word}\n");
            let target = with(&spec("spark"), &[("spark", &text)]).unwrap();
            assert!(!target.refuse_unknown, "{word}");
        }
    }

    #[test]
    fn jumps_are_passed_in_order_and_the_first_brings_its_own() {
        let answers = [
            (
                "spark",
                "proxyjump gate,inner@[::1]:2200\nproxycommand none\n",
            ),
            ("gate", "hostname gate.lan\nuser g\nproxyjump outer\n"),
            ("::1", "hostname ::1\nproxyjump ignored\n"),
            ("outer", "hostname outer.net\nproxycommand nc %h %p\n"),
        ];
        let target = with(&spec("spark"), &answers).unwrap();
        assert_eq!(
            hops(&target),
            ["ada@outer.net:22", "g@gate.lan:22", "inner@[::1]:2200"]
        );
        assert_eq!(target.jumps[0].proxy_command.as_deref(), Some("nc %h %p"));
        assert!(target.jumps.iter().all(|hop| hop.jumps.is_empty()));
    }

    #[test]
    fn jumps_of_the_description_win_and_end_the_proxy_command() {
        let mut wanted = spec("spark");
        wanted.jump = vec![spec("mine")];
        let answers = [
            ("spark", "proxyjump theirs\nproxycommand nc %h %p\n"),
            ("mine", "user m\n"),
        ];
        let target = with(&wanted, &answers).unwrap();
        assert_eq!(hops(&target), ["m@mine:22"]);
        assert_eq!(target.proxy_command, None);
    }

    #[test]
    fn what_can_not_be_resolved_says_why() {
        let asked = with(&spec("spark"), &[("spark", "proxyjump gate\n")]);
        assert!(matches!(asked, Err(ResolveError::NotYet(s)) if s.host.as_str() == "gate"));
        let circle = [("a", "proxyjump b\n"), ("b", "proxyjump a\n")];
        assert_eq!(
            with(&spec("a"), &circle),
            Err(ResolveError::Circle("a".parse().unwrap()))
        );
        for (text, keyword) in [
            ("proxyjump -oProxyCommand=x\n", "proxyjump"),
            ("port 70000\n", "port"),
            ("user a b\n", "user"),
            ("hostname $(x)\n", "hostname"),
        ] {
            let error = with(&spec("a"), &[("a", text)]).unwrap_err();
            assert!(
                matches!(error, ResolveError::Value { keyword: k, .. } if k == keyword),
                "{text}: {error:?}"
            );
        }
        let revoked = with(&spec("a"), &[("a", "revokedhostkeys /krl\n")]);
        assert!(matches!(revoked, Err(ResolveError::Unsupported { .. })));
        let token = with(&spec("a"), &[("a", "identityfile ~/%C\n")]);
        assert!(matches!(token, Err(ResolveError::Token { .. })));
    }

    #[test]
    fn ssh_is_not_asked_where_the_description_forbids_it() {
        let mut wanted = spec("spark");
        wanted.use_ssh_config = false;
        let target = resolve(&wanted, &defaults(), &|_| panic!("asked")).unwrap();
        assert_eq!(target.endpoint.to_string(), "spark:22");
    }
}
