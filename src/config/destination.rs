//! `[user@]host[:port]` as ssh and its users write it (pure).

use std::str::FromStr;

use thiserror::Error;

use crate::domain::{HostId, HostName, InvalidName, Port, SshSpec, UserName};

/// Where an ssh connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) user: Option<UserName>,
    pub(super) host: HostName,
    pub(super) port: Option<Port>,
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadDestination {
    /// A name or port breaks its grammar.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// `[` without `]`.
    #[error("the bracket before the address is never closed")]
    Bracket,
}

impl FromStr for Destination {
    type Err = BadDestination;

    /// Reads `[ssh://][user@]host[:port]`. An IPv6 address with a port stands in brackets.
    fn from_str(text: &str) -> Result<Self, BadDestination> {
        let text = text.strip_prefix("ssh://").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user.parse()?), rest),
            None => (None, text),
        };
        let (host, port) = split_port(rest)?;
        Ok(Self {
            user,
            host: host.parse()?,
            port: port.map(str::parse).transpose()?,
        })
    }
}

impl Destination {
    /// The name it is shown by: without the user, with a port that was given.
    pub(super) fn id(&self) -> HostId {
        match self.port {
            None => HostId::new(self.host.as_str()),
            Some(port) if self.host.as_str().contains(':') => {
                HostId::new(format!("[{}]:{port}", self.host))
            }
            Some(port) => HostId::new(format!("{}:{port}", self.host)),
        }
    }

    pub(super) fn into_spec(self) -> SshSpec {
        SshSpec {
            user: self.user,
            port: self.port,
            ..SshSpec::new(self.host)
        }
    }
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), BadDestination> {
    if let Some(inside) = text.strip_prefix('[') {
        let (host, after) = inside.split_once(']').ok_or(BadDestination::Bracket)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(InvalidName::Port.into()),
        };
    }
    match text.split_once(':') {
        // More than one colon: an IPv6 address without a port.
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_come_back_as_they_were_written(
            user in prop::option::of("[a-z_][a-z0-9_@.+-]{0,8}"),
            host in "[a-z0-9_][a-z0-9_.-]{0,12}|[0-9a-f]{1,4}(:[0-9a-f]{1,4}){2,7}",
            port in prop::option::of(1..=u16::MAX),
        ) {
            let place = match port {
                Some(port) if host.contains(':') => format!("[{host}]:{port}"),
                Some(port) => format!("{host}:{port}"),
                None => host.clone(),
            };
            let user_at = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
            let read: Destination = format!("{user_at}{place}").parse().unwrap();
            prop_assert_eq!(read.user.as_ref().map(UserName::as_str), user.as_deref());
            prop_assert_eq!(read.host.as_str(), host);
            prop_assert_eq!(read.port.map(Port::get), port);
            let id = read.id();
            prop_assert_eq!(id.as_str(), place);
        }

        #[test]
        fn no_text_stops_it_and_no_option_passes(text in "[-@:a\\[\\]/.%$ ]{0,12}|\\PC*") {
            if let Ok(read) = text.parse::<Destination>() {
                prop_assert!(!read.host.as_str().starts_with('-'));
                prop_assert!(!read.user.is_some_and(|user| user.as_str().starts_with('-')));
            }
        }
    }

    #[test]
    fn destinations_are_read_as_ssh_reads_them() {
        for (text, user, host, port, id) in [
            ("spark-1", None, "spark-1", None, "spark-1"),
            ("ops@box", Some("ops"), "box", None, "box"),
            ("ops@box:2222", Some("ops"), "box", Some(2222), "box:2222"),
            ("a@corp@box", Some("a@corp"), "box", None, "box"),
            ("fe80::1%eth0", None, "fe80::1%eth0", None, "fe80::1%eth0"),
            ("[::1]:22", None, "::1", Some(22), "[::1]:22"),
            ("[::1]", None, "::1", None, "::1"),
            ("ssh://ops@box:22/", Some("ops"), "box", Some(22), "box:22"),
        ] {
            let read = text.parse::<Destination>().unwrap();
            assert_eq!(read.user.as_ref().map(UserName::as_str), user, "{text}");
            assert_eq!(read.host.as_str(), host, "{text}");
            assert_eq!(read.port.map(Port::get), port, "{text}");
            assert_eq!(read.id().as_str(), id, "{text}");
        }
    }

    #[test]
    fn what_could_become_an_option_or_a_command_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@a",
            "-oProxyCommand=x",
            "a@-b",
            "-l@box",
            "box:",
            "box:0",
            "box:70000",
            "box:22x",
            "[::1",
            "[::1]x",
            "[::1]22",
            "box name",
            "box;id",
            "$(id)",
            "box\n",
            "a/b",
        ] {
            assert!(
                text.parse::<Destination>().is_err(),
                "{text:?} was accepted"
            );
        }
    }
}
