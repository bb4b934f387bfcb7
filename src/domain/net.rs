//! Names that may reach a process argument or the network. A strict grammar, parsed once: no leading dash, no shell or
//! format character can hide in a host or user name (CVE-2023-51385 and its kin).

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is no valid name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidName {
    /// Nothing was given.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// DNS and POSIX limits are below this.
    #[error("the {0} is longer than 255 characters")]
    TooLong(&'static str),
    /// A leading dash would be read as an option.
    #[error("the {0} begins with a dash")]
    LeadingDash(&'static str),
    /// A character outside the grammar.
    #[error("the {what} holds {character:?}, which no {what} may hold")]
    Character {
        /// What was being parsed.
        what: &'static str,
        /// The character.
        character: char,
    },
    /// No number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

fn check(what: &'static str, text: &str, extra: &[char]) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty(what));
    }
    if text.len() > 255 {
        return Err(InvalidName::TooLong(what));
    }
    if text.starts_with('-') {
        return Err(InvalidName::LeadingDash(what));
    }
    match text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !extra.contains(c))
    {
        Some(character) => Err(InvalidName::Character { what, character }),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $extra:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                check($what, text, $extra)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// A host name, an ssh alias or an address (IPv6 with its `:` and zone `%`).
    HostName, "host name", &['.', '-', '_', ':', '%']
}
name! {
    /// A login name.
    UserName, "user name", &['.', '-', '_', '@', '+', '\\', '$']
}

/// A TCP port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(pub NonZeroU16);

impl Port {
    /// SSH's own port.
    pub const SSH: Self = Self(match NonZeroU16::new(22) {
        Some(port) => port,
        None => NonZeroU16::MIN,
    });

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl TryFrom<u16> for Port {
    type Error = InvalidName;
    fn try_from(number: u16) -> Result<Self, InvalidName> {
        NonZeroU16::new(number).map(Self).ok_or(InvalidName::Port)
    }
}

impl FromStr for Port {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse().map(Self).map_err(|_| InvalidName::Port)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where a TCP connection goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Name or address.
    pub host: HostName,
    /// Port.
    pub port: Port,
}

impl Endpoint {
    /// A port of the host's own loopback.
    pub fn local(port: Port) -> Option<Self> {
        let host = "127.0.0.1".parse().ok()?;
        Some(Self { host, port })
    }
}

impl fmt::Display for Endpoint {
    /// `host:port`, with brackets around an IPv6 address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.as_str().contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_options_and_shell_characters_out() {
        for good in ["spark-1", "10.0.0.7", "fe80::1%eth0", "gpu_box.lan", "A"] {
            assert_eq!(good.parse::<HostName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-oProxyCommand=x",
            "a b",
            "a;b",
            "$(x)",
            "a\nb",
            "a`b",
            "é",
            "a/b",
            "a'b",
        ] {
            assert!(bad.parse::<HostName>().is_err(), "{bad:?} was accepted");
        }
        assert!("x".repeat(256).parse::<HostName>().is_err());
    }

    #[test]
    fn an_ipv6_endpoint_shows_brackets() {
        let endpoint = Endpoint {
            host: "::1".parse().unwrap(),
            port: Port::SSH,
        };
        assert_eq!(endpoint.to_string(), "[::1]:22");
    }
}
