//! What a service is (pure): how it is run, how it is looked at, and what may be done with it. From the config's `services`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::id::{HostId, ServiceName};
use super::net::{Endpoint, Port};
use super::units::Mib;
use crate::shell::{EnvName, RemotePath};

/// One service of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Its host.
    pub host: HostId,
    /// Its name.
    pub name: ServiceName,
    /// How it is run.
    pub managed: Managed,
    /// The quick look.
    pub shallow: ShallowProbe,
    /// The real request. `None`: only the quick look.
    pub deep: Option<DeepProbe>,
    /// The port of its API on that host, where it has one.
    pub port: Option<Port>,
    /// It is neither shown nor probed.
    pub hidden: bool,
    /// A wedge that the deep look finds is mended by a restart, within the limits.
    pub heals: bool,
    /// Files that are put into its container again by `reapply`.
    pub overlays: Vec<Overlay>,
    /// What `install` puts there. `None`: it is not installed from here.
    pub install: Option<Install>,
}

/// What `install` puts on a host: a container that is run anew under the service's name of container, on its port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// Where its image comes from.
    pub image: InstallImage,
    /// The port inside the container.
    pub inside: Port,
    /// A volume, or a folder of the host, and its place in the container.
    pub volume: Option<(String, RemotePath)>,
    /// Its environment. Never a secret.
    pub env: BTreeMap<EnvName, String>,
    /// The most memory it may take.
    pub memory: Option<Mib>,
    /// Whether it gets the GPUs.
    pub gpus: bool,
    /// The path that answers 2xx once it does its work.
    pub health: String,
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallImage {
    /// A NIM: pulled with NGC's key, which its container gets as well.
    Nim(String),
    /// Pulled by its name.
    Pulled(String),
    /// Built on the host under this name.
    Built {
        /// Its name.
        name: String,
        /// What it is built from.
        context: BuildContext,
    },
}

/// What an image is built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildContext {
    /// The embeddings service that comes with Pilothouse.
    Embeddings,
    /// A folder of this machine with a Dockerfile in it.
    Folder(PathBuf),
}

/// A file that is put into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The file on this machine.
    pub from: PathBuf,
    /// Its place in the container. What is there is kept beside it once.
    pub to: RemotePath,
}

/// How a service is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Managed {
    /// A container, by name.
    Container(String),
    /// A systemd unit.
    Unit(String),
    /// A checkout that is updated from its remote and brought up by compose, in its own folder, as its owner.
    Git {
        /// The folder.
        folder: RemotePath,
        /// The container that tells how it stands.
        container: String,
    },
    /// Only looked at.
    Watched,
}

/// The quick look: every ten seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShallowProbe {
    /// Its container runs, and is healthy where it has a health check.
    Container,
    /// Its unit is active.
    Unit,
    /// A GET answers with 2xx.
    Http {
        /// The address as seen from the host.
        endpoint: Endpoint,
        /// The path.
        path: String,
    },
    /// The port takes a connection.
    Tcp(Endpoint),
    /// A command ends with 0.
    Command(Vec<String>),
}

/// The real request: every five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeepProbe {
    /// One token; nothing loaded is idle and no failure.
    Completion,
    /// One embedding.
    Embedding,
    /// Half a second of speech.
    Transcription,
    /// Two letters.
    Speech,
    /// Qdrant's collections.
    Collections,
}

/// What may be done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceAct {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Restart it.
    Restart,
    /// Fetch its sources and bring it up again.
    Update,
    /// Put its overlay files in again, and restart it.
    Reapply,
    /// Install its container, or build its image.
    Install,
}

impl ServiceAct {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Update,
        Self::Reapply,
        Self::Install,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Update => "update",
            Self::Reapply => "reapply",
            Self::Install => "install",
        }
    }
}

/// Built-in kinds of services: how each is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServicePreset {
    /// vLLM, or anything else that completes text by OpenAI's API.
    Vllm,
    /// Speech to text by OpenAI's API, such as Parakeet.
    SpeechToText,
    /// Text to speech by OpenAI's API, such as Kokoro.
    TextToSpeech,
    /// Embeddings by OpenAI's API.
    Embeddings,
    /// Qdrant.
    Qdrant,
    /// A checkout that compose brings up.
    Git,
}

impl ServicePreset {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Vllm,
        Self::SpeechToText,
        Self::TextToSpeech,
        Self::Embeddings,
        Self::Qdrant,
        Self::Git,
    ];

    /// Its word in the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::SpeechToText => "speech-to-text",
            Self::TextToSpeech => "text-to-speech",
            Self::Embeddings => "embeddings",
            Self::Qdrant => "qdrant",
            Self::Git => "git",
        }
    }

    /// The port where nothing else is said. A checkout has none.
    pub fn port(self) -> Option<Port> {
        let number = match self {
            Self::Vllm | Self::SpeechToText => 8000,
            Self::TextToSpeech => 8880,
            Self::Embeddings => 8088,
            Self::Qdrant => 6333,
            Self::Git => return None,
        };
        Port::try_from(number).ok()
    }

    /// The real request that shows that it works.
    pub fn deep(self) -> Option<DeepProbe> {
        match self {
            Self::Vllm => Some(DeepProbe::Completion),
            Self::SpeechToText => Some(DeepProbe::Transcription),
            Self::TextToSpeech => Some(DeepProbe::Speech),
            Self::Embeddings => Some(DeepProbe::Embedding),
            Self::Qdrant => Some(DeepProbe::Collections),
            Self::Git => None,
        }
    }

    /// A service of this kind. One that is only watched is never restarted; a wedge of the others is mended.
    pub fn spec(
        self,
        host: HostId,
        name: ServiceName,
        port: Option<Port>,
        managed: Managed,
    ) -> ServiceSpec {
        let port = port.or_else(|| self.port());
        ServiceSpec {
            host,
            name,
            shallow: self.shallow(port, &managed),
            deep: self.deep().filter(|_| port.is_some()),
            port,
            hidden: false,
            heals: !matches!(managed, Managed::Watched),
            overlays: Vec::new(),
            install: None,
            managed,
        }
    }

    fn shallow(self, port: Option<Port>, managed: &Managed) -> ShallowProbe {
        let path = match self {
            Self::Vllm => "/v1/models",
            Self::Qdrant => "/healthz",
            Self::SpeechToText | Self::TextToSpeech | Self::Embeddings | Self::Git => "/health",
        };
        match (self, managed, port.and_then(Endpoint::local)) {
            (Self::Git, Managed::Unit(_), _) => ShallowProbe::Unit,
            (Self::Git, ..) | (_, _, None) => ShallowProbe::Container,
            (_, _, Some(endpoint)) => ShallowProbe::Http {
                endpoint,
                path: path.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_by_rows() {
        for preset in ServicePreset::ALL {
            let word = serde_json::to_string(&preset).unwrap();
            assert_eq!(word, format!("\"{}\"", preset.word()));
            let (host, name) = (HostId::new("spark"), ServiceName::new("x"));
            let spec = preset.spec(host, name, None, Managed::Container("x".into()));
            assert!(spec.heals);
            let http = matches!(spec.shallow, ShallowProbe::Http { .. });
            assert_eq!(http, preset != ServicePreset::Git, "{preset:?}");
            assert_eq!(spec.deep.is_some(), spec.port.is_some());
        }
        let spec = ServicePreset::Vllm.spec(
            HostId::new("spark"),
            ServiceName::new("other"),
            Port::try_from(8888).ok(),
            Managed::Watched,
        );
        assert!(!spec.heals);
        let ShallowProbe::Http { endpoint, path } = spec.shallow else {
            panic!("{:?}", spec.shallow)
        };
        assert_eq!(
            (endpoint.to_string().as_str(), path.as_str()),
            ("127.0.0.1:8888", "/v1/models")
        );
    }
}
