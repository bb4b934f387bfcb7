//! The small grammars inside a compose file (pure): variables, ports, mounts.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::domain::{Port, TreePath};

/// Why a mount does not run here.
pub(super) struct NoMount {
    pub(super) why: String,
    pub(super) may_be_allowed: bool,
}

/// Something that is mounted into a container.
pub(super) enum Mount {
    /// A volume of the project, or one without a name.
    Volume {
        name: Option<String>,
        target: String,
        read_only: bool,
    },
    /// Something of the project's folder.
    Bind {
        path: TreePath,
        target: String,
        read_only: bool,
    },
    /// Memory.
    Memory(String),
}

impl Mount {
    pub(super) fn of_fields(fields: &Map<String, Json>) -> Result<Self, NoMount> {
        let field = |name: &str| fields.get(name).and_then(Json::as_str);
        let known = ["type", "source", "target", "read_only"];
        if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(wrong(format!("`{other}` is not known here")));
        }
        let target = target(field("target").unwrap_or_default())?;
        let read_only = matches!(field("read_only"), Some("true" | "yes" | "on"));
        match (field("type"), field("source")) {
            (Some("volume"), name) => volume(name, target, read_only),
            (Some("bind"), Some(source)) => bind(source, target, read_only),
            (Some("tmpfs"), None) => Ok(Self::Memory(target)),
            _ => Err(wrong("a mount is of the type volume, bind or tmpfs")),
        }
    }

    /// As compose is given it.
    pub(super) fn written(&self) -> Json {
        match self {
            Self::Volume {
                name: Some(name),
                target,
                read_only,
            } => {
                json!({"type": "volume", "source": name, "target": target, "read_only": read_only})
            }
            Self::Volume {
                name: None, target, ..
            } => json!({"type": "volume", "target": target}),
            Self::Bind {
                path,
                target,
                read_only,
            } => {
                json!({"type": "bind", "source": format!("./{path}"), "target": target, "read_only": read_only})
            }
            Self::Memory(target) => json!({"type": "tmpfs", "target": target}),
        }
    }
}

fn wrong(why: impl Into<String>) -> NoMount {
    NoMount {
        why: why.into(),
        may_be_allowed: false,
    }
}

/// The short form: `TARGET`, `NAME:TARGET`, `./PATH:TARGET`, each with `:ro` or `:rw`.
pub(super) fn mount(text: &str) -> Result<Mount, NoMount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, to, read_only) = match parts.as_slice() {
        [to] => (None, *to, false),
        [from, to] | [from, to, "rw"] => (Some(*from), *to, false),
        [from, to, "ro"] => (Some(*from), *to, true),
        _ => return Err(wrong("it is FROM:TO, FROM:TO:ro or TO")),
    };
    let target = target(to)?;
    match source {
        Some(from) if from.starts_with(['.', '/', '~']) || from.contains(['/', '\\']) => {
            bind(from, target, read_only)
        }
        name => volume(name, target, read_only),
    }
}

fn target(text: &str) -> Result<String, NoMount> {
    let inner = text
        .strip_prefix('/')
        .map(|rest| rest.trim_end_matches('/'));
    match inner.map(str::parse::<TreePath>) {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err(wrong("its place in the container is an absolute path")),
    }
}

fn volume(name: Option<&str>, target: String, read_only: bool) -> Result<Mount, NoMount> {
    let plain = |name: &str| {
        (1..=60).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match name {
        Some(name) if !plain(name) => Err(wrong("that is no name of a volume")),
        name => Ok(Mount::Volume {
            name: name.map(str::to_owned),
            target,
            read_only,
        }),
    }
}

fn bind(source: &str, target: String, read_only: bool) -> Result<Mount, NoMount> {
    let plain = source.strip_prefix("./").unwrap_or(source);
    match plain.trim_end_matches('/').parse::<TreePath>() {
        Ok(path) if !source.starts_with(['/', '~']) && !source.contains('\\') => Ok(Mount::Bind {
            path,
            target,
            read_only,
        }),
        _ => Err(NoMount {
            why: format!(
                "`{}` is not inside the project's folder: it gives files of the host",
                source.escape_debug()
            ),
            may_be_allowed: true,
        }),
    }
}

/// The short form of a port: `[[ADDRESS:]OUTSIDE:]INSIDE[/tcp]`.
pub(super) fn short_port(text: &str) -> Result<Port, String> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, protocol)) => (rest, Some(protocol)),
        None => (text, None),
    };
    let (before, inside) = match rest.rsplit_once(':') {
        Some((before, inside)) => (before, inside),
        None => ("", rest),
    };
    let address = before.rsplit_once(':').map(|(address, _)| address);
    published(inside, address, protocol)
}

/// A port that is to be published, on the loopback alone.
pub(super) fn published(
    inside: &str,
    address: Option<&str>,
    protocol: Option<&str>,
) -> Result<Port, String> {
    if !matches!(
        address,
        None | Some("127.0.0.1" | "localhost" | "::1" | "[::1]")
    ) {
        return Err(
            "it would listen on an address that others reach; the way in is the proxy".into(),
        );
    }
    if !matches!(protocol, None | Some("tcp")) {
        return Err("only tcp is published".into());
    }
    let port = inside.parse();
    port.map_err(|_| "one port each: its number inside is 1 to 65535, no range".to_owned())
}

/// Puts variables in: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`; `$$` is a dollar.
pub(super) fn expanded(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (inner, after) = match after.strip_prefix('{') {
            Some(braced) => braced
                .split_once('}')
                .ok_or("a `${` has no end".to_owned())?,
            None => {
                let end = after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        out.push_str(&variable(inner, variables)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn variable(inner: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let end = inner
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(inner.len());
    let (name, default) = inner.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a `$` that is meant as one is written `$$`".into());
    }
    if default.contains('$') {
        return Err("a default that has a variable in it is not read here".into());
    }
    let known = variables.get(name);
    match (default.strip_prefix(":-"), default.strip_prefix('-')) {
        _ if default.is_empty() => known
            .cloned()
            .ok_or_else(|| format!("the variable {name} has no value: give it one with --env")),
        (Some(default), _) => Ok(known
            .filter(|value| !value.is_empty())
            .map_or(default, String::as_str)
            .to_owned()),
        (None, Some(default)) => Ok(known.map_or(default, String::as_str).to_owned()),
        (None, None) => Err(format!("`${{{inner}}}` is a form that is not read here")),
    }
}
