//! Expanding `~` and the `%` tokens of ssh_config (pure). A token we do not know is an error, never left as it stands.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::target::SshTarget;
use crate::domain::{Endpoint, HostName, UserName};

/// Why a text can't be expanded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// A `%` token outside of the list.
    #[error("%{0} is not known here")]
    Unknown(char),
    /// The text ends with a single `%`.
    #[error("it ends with a single %")]
    Dangling,
    /// `${NAME}`, or `~name`: these need the environment or the user database.
    #[error("{0:?} can't be expanded here")]
    Environment(String),
    /// A name that a shell would read something into.
    #[error("{0:?} holds a character that a shell reads")]
    ShellCharacter(String),
}

/// What the tokens stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) home: &'a Path,
    pub(super) alias: &'a HostName,
    pub(super) endpoint: &'a Endpoint,
    pub(super) host_key_alias: Option<&'a HostName>,
    pub(super) user: &'a UserName,
    pub(super) local_user: &'a UserName,
}

/// A path of the configuration: `~`, then `%d %h %k %n %p %r %u %%`.
pub(super) fn path(text: &str, values: Values<'_>) -> Result<PathBuf, TokenError> {
    if text.contains("${") || text.starts_with('$') {
        return Err(TokenError::Environment(text.to_owned()));
    }
    let home = values.home.display().to_string();
    let expanded = expand(text, |token| {
        Some(match token {
            'd' => home.clone(),
            'h' => values.endpoint.host.to_string(),
            'k' => values.host_key_alias.unwrap_or(values.alias).to_string(),
            'n' => values.alias.to_string(),
            'p' => values.endpoint.port.to_string(),
            'r' => values.user.to_string(),
            'u' => values.local_user.to_string(),
            _ => return None,
        })
    })?;
    match expanded.strip_prefix('~') {
        None => Ok(PathBuf::from(expanded)),
        Some("") => Ok(values.home.to_path_buf()),
        Some(rest) => match rest.strip_prefix('/') {
            Some(inside) => Ok(values.home.join(inside)),
            None => Err(TokenError::Environment(expanded)),
        },
    }
}

/// The command line of a `ProxyCommand`: `%h %n %p %r %%`, the list of ssh_config(5). It goes through a shell, as with
/// OpenSSH, so a login name with `$` or `\` in it is refused (CVE-2025-61984 and its kin); host names can't hold any.
pub(super) fn proxy_line(command: &str, hop: &SshTarget) -> Result<String, TokenError> {
    let user = hop.user.as_str();
    if command.contains("%r") && user.contains(['$', '\\']) {
        return Err(TokenError::ShellCharacter(user.to_owned()));
    }
    expand(command, |token| {
        Some(match token {
            'h' => hop.endpoint.host.to_string(),
            'n' => hop.alias.to_string(),
            'p' => hop.endpoint.port.to_string(),
            'r' => user.to_owned(),
            _ => return None,
        })
    })
}

fn expand(text: &str, value: impl Fn(char) -> Option<String>) -> Result<String, TokenError> {
    let mut expanded = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        match chars.next() {
            None => return Err(TokenError::Dangling),
            Some('%') => expanded.push('%'),
            Some(token) => expanded.push_str(&value(token).ok_or(TokenError::Unknown(token))?),
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Port;

    fn expand_path(text: &str) -> Result<PathBuf, TokenError> {
        let alias = "spark".parse().unwrap();
        let endpoint = Endpoint {
            host: "10.0.0.7".parse().unwrap(),
            port: Port::SSH,
        };
        let (user, local) = ("gpu".parse().unwrap(), "ada".parse().unwrap());
        let values = Values {
            home: Path::new("/home/ada"),
            alias: &alias,
            endpoint: &endpoint,
            host_key_alias: None,
            user: &user,
            local_user: &local,
        };
        path(text, values)
    }

    #[test]
    fn paths_by_rows() {
        for (text, expanded) in [
            ("~/.ssh/id", "/home/ada/.ssh/id"),
            ("~", "/home/ada"),
            ("/etc/key", "/etc/key"),
            ("%d/.ssh/%r@%h:%p", "/home/ada/.ssh/gpu@10.0.0.7:22"),
            ("/k/%n/%k/%u/%%", "/k/spark/spark/ada/%"),
        ] {
            assert_eq!(expand_path(text).unwrap(), Path::new(expanded), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_expanded_is_an_error() {
        assert_eq!(expand_path("/k/%C"), Err(TokenError::Unknown('C')));
        assert_eq!(expand_path("/k/%"), Err(TokenError::Dangling));
        assert!(matches!(
            expand_path("${KEYS}/id"),
            Err(TokenError::Environment(_))
        ));
        assert!(matches!(
            expand_path("~bob/id"),
            Err(TokenError::Environment(_))
        ));
    }
}
