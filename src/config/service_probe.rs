//! The quick look at a service as it is written (pure): an address, a path, a command.

use crate::domain::{Endpoint, HostName, Port, ShallowProbe};

/// The port as seen from the host itself.
pub(super) fn here(port: Port) -> Option<Endpoint> {
    Some(Endpoint {
        host: "127.0.0.1".parse::<HostName>().ok()?,
        port,
    })
}

pub(super) fn way_of(
    way: &str,
    words: &[String],
    endpoint: Option<Endpoint>,
) -> Option<ShallowProbe> {
    match (way, words) {
        ("http", [target]) if is_path(target) => Some(ShallowProbe::Http {
            endpoint: endpoint?,
            path: target.clone(),
        }),
        ("http", [target]) => {
            let rest = target.strip_prefix("http://")?;
            let (authority, path) = match rest.find('/') {
                Some(at) => rest.split_at_checked(at)?,
                None => (rest, "/"),
            };
            is_path(path).then_some(ShallowProbe::Http {
                endpoint: address(authority)?,
                path: path.to_owned(),
            })
        }
        ("tcp", [target]) => address(target).map(ShallowProbe::Tcp),
        ("command", [program, ..]) => {
            let clean = words
                .iter()
                .all(|word| word.len() <= 4096 && !word.chars().any(char::is_control));
            (clean && !program.is_empty() && !program.starts_with('-'))
                .then(|| ShallowProbe::Command(words.to_vec()))
        }
        _ => None,
    }
}

pub(super) fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= 1024
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !"#\\\"'`<>".contains(c))
}

/// `host:port`, with brackets around an IPv6 address.
fn address(text: &str) -> Option<Endpoint> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    Some(Endpoint {
        host: host.parse().ok()?,
        port: port.parse().ok()?,
    })
}
