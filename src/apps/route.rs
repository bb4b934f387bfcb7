//! The route of one app through the proxy of its host (pure): typed values in, the text of nginx files out. Nothing that a person or an
//! app's folder says gets there but through a grammar in which nginx has no words.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::domain::{AppName, Port, Secret};

/// Longest value of a header that is asked for.
const LONGEST_VALUE: usize = 512;

/// Why a value is none that a route can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidRoute {
    /// No address.
    #[error("it is no address and no network, such as 10.0.0.7 or 10.0.0.0/8")]
    Network,
    /// No header.
    #[error("a header's name is letters, digits and -, at most 64 of them")]
    Header,
    /// No value.
    #[error(
        "a header's value is 16 to 512 letters, digits, spaces and . _ ~ + / = : - and has no space at its ends"
    )]
    Value,
    /// No login.
    #[error("a login is letters, digits, . _ and -, at most 64 of them")]
    Login,
    /// No hash.
    #[error("the hash of a password is none of crypt's")]
    Hash,
}

/// Addresses that may come in, printed from what was understood and not from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<Self, InvalidRoute> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidRoute::Network)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            // `+8` is a number to Rust.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| InvalidRoute::Network)?
            }
            Some(_) => return Err(InvalidRoute::Network),
        };
        if bits > most {
            return Err(InvalidRoute::Network);
        }
        let address = masked(address, bits);
        Ok(Self { address, bits })
    }
}

/// Without the bits of a host, of which nginx warns.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// A header that a request has to bring, with exactly this value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderKey {
    /// As nginx's variable has it: small letters and `_`.
    variable: String,
    value: Secret<String>,
}

impl HeaderKey {
    /// Takes a name of RFC 9110 that also is a name of a variable, and a value that is a word to a regular expression.
    pub fn new(name: &str, value: Secret<String>) -> Result<Self, InvalidRoute> {
        let good = (1..=64).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !good {
            return Err(InvalidRoute::Header);
        }
        let text = value.expose();
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b" ._~+/=:-".contains(&byte);
        let fits = (16..=LONGEST_VALUE).contains(&text.len())
            && text.bytes().all(known)
            && text.trim() == text;
        if !fits {
            return Err(InvalidRoute::Value);
        }
        Ok(Self {
            variable: name.to_ascii_lowercase().replace('-', "_"),
            value,
        })
    }
}

/// Who has to log in, as a line of a password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    hash: Secret<String>,
}

impl Login {
    /// Takes a name and what `crypt` makes of a password.
    pub fn new(user: &str, hash: Secret<String>) -> Result<Self, InvalidRoute> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=64).contains(&user.len()) || !user.bytes().all(plain) {
            return Err(InvalidRoute::Login);
        }
        let text = hash.expose();
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"./$".contains(&byte);
        let is_hash = text.starts_with("$6$") || text.starts_with("$5$");
        if !is_hash || !text.bytes().all(known) || text.len() > 256 {
            return Err(InvalidRoute::Hash);
        }
        Ok(Self {
            user: user.to_owned(),
            hash,
        })
    }
}

/// Who may come in. Everything that is said has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// From where. Empty: from everywhere.
    pub networks: Vec<Network>,
    /// With which header.
    pub header: Option<HeaderKey>,
    /// As whom.
    pub login: Option<Login>,
}

/// The way to one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name is its prefix: `/apps/NAME/`.
    pub app: AppName,
    /// Where it listens, on the host's loopback.
    pub port: Port,
    /// Who may come in.
    pub access: Access,
}

/// The files of a route, each 0600 below the folder of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteFiles {
    /// `apps/NAME.conf`, inside the server.
    pub location: String,
    /// `keys/NAME.conf`, beside the server.
    pub key: Option<Secret<String>>,
    /// `logins/NAME`.
    pub login: Option<Secret<String>>,
}

impl Route {
    /// What nginx is given.
    pub fn files(&self) -> RouteFiles {
        RouteFiles {
            location: self.location(),
            key: self.access.header.as_ref().map(|key| self.map(key)),
            login: self
                .access
                .login
                .as_ref()
                .map(|login| Secret::new(format!("{}:{}\n", login.user, login.hash.expose()))),
        }
    }

    /// The variable that is 1 where the header is right. A dash can't stand in it, and no name of an app has a `_`.
    fn variable(&self) -> String {
        format!("pilothouse_key_{}", self.app.as_str().replace('-', "_"))
    }

    /// A map compares words without their case, so the value is an expression that compares it whole.
    fn map(&self, key: &HeaderKey) -> Secret<String> {
        let mut value = String::new();
        for letter in key.value.expose().chars() {
            if !letter.is_ascii_alphanumeric() {
                value.push('\\');
            }
            value.push(letter);
        }
        Secret::new(format!(
            "map $http_{} ${} {{\n    default 0;\n    \"~^{value}$\" 1;\n}}\n",
            key.variable,
            self.variable()
        ))
    }

    fn networks(&self) -> String {
        if self.access.networks.is_empty() {
            return String::new();
        }
        let allowed = self.access.networks.iter();
        let allowed: Vec<String> = allowed
            .map(|network| format!("    allow {network};\n"))
            .collect();
        allowed.concat() + "    deny all;\n"
    }

    fn location(&self) -> String {
        let name = self.app.as_str();
        let networks = self.networks();
        let login = match self.access.login {
            Some(_) => {
                format!("    auth_basic \"{name}\";\n    auth_basic_user_file logins/{name};\n")
            }
            None => String::new(),
        };
        // In the access phase, so that no rewriting can pass it by.
        let (inner, key) = match self.access.header {
            Some(_) => (
                format!(
                    "location = /apps-key/{name} {{\n    internal;\n    if (${}) {{ return 204; }}\n    return 403;\n}}\n",
                    self.variable()
                ),
                format!("    auth_request /apps-key/{name};\n"),
            ),
            None => Default::default(),
        };
        format!(
            "{inner}location = /apps/{name} {{\n    return 308 /apps/{name}/$is_args$args;\n}}\n\
             location ^~ /apps/{name}/ {{\n{networks}{login}{key}    proxy_pass http://127.0.0.1:{port}/;\n{PROXY}    \
             proxy_set_header X-Forwarded-Prefix /apps/{name};\n    \
             proxy_redirect ~^/(?!apps/{name}/)(.*)$ /apps/{name}/$1;\n}}\n",
            port = self.port,
        )
    }
}

/// What every route has: sockets and streams as they come, an hour of silence (a model thinks, a socket waits), bodies of any size, and
/// who asked.
const PROXY: &str = "    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $pilothouse_connection;
    proxy_set_header Host $http_host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Range $http_range;
    proxy_set_header If-Range $http_if_range;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout 3600s;
    proxy_send_timeout 3600s;
    client_max_body_size 0;
";

/// The file around all routes: a proxy of the login's own, below one folder, that needs no rights of root.
pub fn proxy_file(listen: Port) -> String {
    format!(
        "worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    server_tokens off;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    send_timeout 3600s;
    map_hash_bucket_size 1024;
    map $http_upgrade $pilothouse_connection {{ default upgrade; '' ''; }}
    include keys/*.conf;
    server {{
        listen {listen};
        listen [::]:{listen};
        server_name _;
        include apps/*.conf;
        location / {{ return 404; }}
    }}
}}
"
    )
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
