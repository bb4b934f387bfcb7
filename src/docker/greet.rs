//! What an engine says of itself when it is met, and whether we understand each other (pure).

use serde::Deserialize;

use super::bounded::Few;
use super::error::{DockerError, DockerErrorKind};
use crate::domain::{Daemon, DaemonFlavour};
use crate::text::SafeText;

/// Oldest API that is spoken: Docker Engine 20.10.
const OLDEST: Api = Api(1, 41);
/// Newest API that is known; an engine that speaks a newer one is spoken to in this.
const NEWEST: Api = Api(1, 51);

/// An API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Api(u32, u32);

/// The answer to `GET /version`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Version {
    #[serde(rename = "Version")]
    engine: String,
    #[serde(rename = "ApiVersion")]
    api: String,
    #[serde(rename = "MinAPIVersion")]
    oldest: String,
    components: Few<Component, 64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Component {
    name: String,
}

/// The answer to `GET /info`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Info {
    mem_total: u64,
    security_options: Few<String, 64>,
    rootless: bool,
}

/// An engine that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) daemon: Daemon,
    /// Memory of the whole machine in bytes, where it is said.
    pub(super) memory: Option<u64>,
}

/// Reads what an engine at this socket says of itself.
pub(super) fn greeting(
    version: Version,
    info: &Info,
    socket: &SafeText,
) -> Result<Greeting, DockerError> {
    let api = agreed(&version)?;
    let podman = version
        .components
        .0
        .iter()
        .any(|c| c.name.contains("Podman"));
    let options = &info.security_options.0;
    let rootless = info.rootless || options.iter().any(|option| option == "name=rootless");
    Ok(Greeting {
        daemon: Daemon {
            flavour: if podman {
                DaemonFlavour::Podman
            } else {
                DaemonFlavour::Docker
            },
            version: version.engine.into(),
            api: format!("{}.{}", api.0, api.1).into(),
            socket: socket.clone(),
            rootless,
        },
        memory: (info.mem_total > 0).then_some(info.mem_total),
    })
}

fn agreed(version: &Version) -> Result<Api, DockerError> {
    let Some(theirs) = Api::read(&version.api) else {
        let what = "what answers is no container engine: it names no API version";
        return Err(DockerError::new(DockerErrorKind::Protocol, what));
    };
    if theirs < OLDEST {
        let what = format!(
            "the engine {} is too old: it speaks API {}.{}",
            SafeText::new(&version.engine),
            theirs.0,
            theirs.1
        );
        return Err(DockerError::new(DockerErrorKind::TooOld, what)
            .hint("Docker Engine 20.10 (API 1.41) or newer is needed"));
    }
    // One that has given up all that we know is spoken to in its oldest: most of it will be the same.
    let oldest = Api::read(&version.oldest).unwrap_or(OLDEST);
    Ok(theirs.min(NEWEST).max(oldest))
}

impl Api {
    fn read(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(version: &str, info: &str) -> Result<Greeting, DockerError> {
        let (version, info) = (
            serde_json::from_str(version).unwrap(),
            serde_json::from_str(info).unwrap(),
        );
        greeting(version, &info, &"/run/x.sock".into())
    }

    #[test]
    fn versions_by_rows() {
        for (theirs, oldest, agreed) in [
            ("1.41", "1.12", "1.41"),
            ("1.45", "1.24", "1.45"),
            ("1.52", "1.44", "1.51"),
            ("1.70", "1.60", "1.60"),
            ("1.41", "", "1.41"),
        ] {
            let version =
                serde_json::json!({"ApiVersion": theirs, "MinAPIVersion": oldest, "Version": "x"});
            assert_eq!(
                met(&version.to_string(), "{}").unwrap().daemon.api.as_str(),
                agreed
            );
        }
        let old = met(
            r#"{"ApiVersion":"1.40","Version":"19.03.\u001b[31m8"}"#,
            "{}",
        )
        .unwrap_err();
        assert_eq!(old.kind, DockerErrorKind::TooOld);
        assert_eq!(
            old.what,
            "the engine 19.03.8 is too old: it speaks API 1.40"
        );
        for odd in ["{}", r#"{"ApiVersion":"new"}"#, r#"{"ApiVersion":"1.-1"}"#] {
            assert_eq!(
                met(odd, "{}").unwrap_err().kind,
                DockerErrorKind::Protocol,
                "{odd}"
            );
        }
    }

    #[test]
    fn whose_it_is() {
        let podman = met(
            r#"{"ApiVersion":"1.41","Version":"5.4.2","Components":[{"Name":"Podman Engine"},{"Name":"Conmon"}]}"#,
            r#"{"Rootless":true,"MemTotal":1024}"#,
        )
        .unwrap();
        assert_eq!(podman.daemon.flavour, DaemonFlavour::Podman);
        assert!(podman.daemon.rootless);
        assert_eq!(podman.memory, Some(1024));
        let docker = met(
            r#"{"ApiVersion":"1.41","Version":"28.3.3","Components":[{"Name":"Engine"}]}"#,
            r#"{"SecurityOptions":["name=seccomp,profile=default","name=rootless"]}"#,
        )
        .unwrap();
        assert_eq!(docker.daemon.flavour, DaemonFlavour::Docker);
        assert!(docker.daemon.rootless);
        assert_eq!(docker.memory, None);
    }
}
