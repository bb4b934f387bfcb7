//! The containers of a simulated machine (pure): which there are, what each does, and what an act changes. What they print
//! is in `voices`, how they are asked for in `engine_api`.

use super::profile::Profile;
use super::voices::Voice;
use crate::domain::{ContainerAct, Wall};
use crate::machine::container_id;

const DAY: i64 = 86_400_000;

/// What is the same for every container of a name.
#[derive(Debug)]
pub(super) struct BoxKind {
    /// Its name.
    pub name: &'static str,
    /// The image as it was asked for.
    pub image: &'static str,
    /// Compose project and service.
    pub compose: Option<(&'static str, &'static str)>,
    /// Who says it is theirs.
    pub owner: Option<&'static str>,
    /// Port inside and port outside, where it publishes one.
    pub port: Option<(u16, u16)>,
    /// Whether its own check says it is fine.
    pub checked: bool,
    /// How it ended, where it does not run: status, and how long ago in ms.
    pub ended: Option<(i32, i64)>,
    /// How often it was started anew by the engine.
    pub restarts: u32,
    /// What it prints.
    pub voice: Voice,
    /// What it runs.
    pub command: &'static [&'static str],
    /// Its environment.
    pub env: &'static [&'static str],
    /// Labels beside those of its project and owner.
    pub labels: &'static [(&'static str, &'static str)],
}

const fn kind(name: &'static str, image: &'static str, voice: Voice) -> BoxKind {
    BoxKind {
        name,
        image,
        compose: None,
        owner: None,
        port: None,
        checked: false,
        ended: None,
        restarts: 0,
        voice,
        command: &[],
        env: &["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        labels: &[],
    }
}

/// Every kind, by name.
static KINDS: &[BoxKind] = &[
    BoxKind {
        port: Some((8888, 8888)),
        checked: true,
        owner: Some("demo"),
        command: &["vllm", "serve", "openai/gpt-oss-20b", "--port", "8888"],
        env: &[
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "NVIDIA_VISIBLE_DEVICES=all",
            "HF_TOKEN=hf_a-secret-of-the-demo",
            "VLLM_LOGGING_LEVEL=INFO",
        ],
        ..kind("vllm_node", "vllm/vllm-openai:v0.11.2", Voice::Vllm)
    },
    BoxKind {
        port: Some((8188, 8188)),
        owner: Some("maria"),
        compose: Some(("studio", "comfyui")),
        command: &["python3", "main.py", "--listen", "0.0.0.0"],
        ..kind("comfyui", "studio/comfyui:0.3.68", Voice::Pictures)
    },
    BoxKind {
        port: Some((9000, 9000)),
        checked: true,
        command: &["/app/whisper-server", "--model", "large-v3-turbo"],
        ..kind("whisper", "speech/whisper-server:1.8", Voice::Speech)
    },
    BoxKind {
        owner: Some("wei"),
        restarts: 1,
        command: &["torchrun", "--nproc-per-node", "4", "train.py"],
        env: &[
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "WANDB_API_KEY=a-secret-of-the-demo",
            "NCCL_DEBUG=WARN",
        ],
        ..kind("sft-llama-8b", "lab/trainer:2026.11", Voice::Training)
    },
    BoxKind {
        port: Some((8001, 8001)),
        checked: true,
        owner: Some("demo"),
        ..kind("vllm-qwen3", "vllm/vllm-openai:v0.11.2", Voice::Vllm)
    },
    BoxKind {
        port: Some((30_000, 30_000)),
        checked: true,
        ..kind("sglang-llama", "lmsysorg/sglang:v0.5.5", Voice::Vllm)
    },
    BoxKind {
        port: Some((8080, 3000)),
        checked: true,
        compose: Some(("studio", "webui")),
        ..kind("open-webui", "open-webui/open-webui:0.6.36", Voice::Web)
    },
    BoxKind {
        port: Some((9400, 9400)),
        ..kind(
            "dcgm-exporter",
            "nvidia/dcgm-exporter:4.4.2",
            Voice::Exporter,
        )
    },
    BoxKind {
        port: Some((9100, 9100)),
        ..kind(
            "node-exporter",
            "prom/node-exporter:v1.10.2",
            Voice::Exporter,
        )
    },
    BoxKind {
        ended: Some((137, 2 * DAY)),
        owner: Some("wei"),
        ..kind("sft-llama-8b-try3", "lab/trainer:2026.11", Voice::Training)
    },
    BoxKind {
        ended: Some((0, 9 * DAY)),
        ..kind("weights-download", "lab/hub-tools:1", Voice::Web)
    },
];

/// Containers that hold no GPU, by a tag of the machine they are on.
const BESIDE: &[(&str, &[&str])] = &[
    (
        "spark",
        &["open-webui", "node-exporter", "weights-download"],
    ),
    (
        "h200",
        &["dcgm-exporter", "node-exporter", "sft-llama-8b-try3"],
    ),
];

/// One container.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// What it is.
    pub kind: &'static BoxKind,
    /// Its identity.
    pub id: String,
    /// What it does.
    pub state: State,
    /// When it was made.
    pub created: Wall,
    /// When it was last started.
    pub started: Wall,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Runs.
    Running,
    /// Frozen.
    Paused,
    /// Ended with this status, then.
    Exited(i32, Wall),
}

/// What the engine says to an act that it does not do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no such container: 404.
    Unknown,
    /// It is so already: 304.
    Already,
    /// Not in this state: 409, with its words.
    Conflict(String),
}

/// The containers of one machine.
#[derive(Debug)]
pub(super) struct Boxes(Vec<Container>);

impl Boxes {
    /// Those of this kind of machine, at this moment.
    pub(super) fn new(profile: &Profile, now: Wall) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let beside = BESIDE
            .iter()
            .filter(|(tag, _)| profile.docker && profile.tags.contains(tag))
            .flat_map(|(_, names)| names.iter().copied());
        for name in profile
            .works
            .iter()
            .filter_map(|work| work.container)
            .chain(beside)
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let known = |name: &&str| KINDS.iter().find(|kind| kind.name == *name);
        let boot = Wall(now.0 - i64::try_from(profile.uptime * 1000).unwrap_or_default());
        let make = |kind: &'static BoxKind| Container {
            id: container_id(&kind.name.into()),
            state: kind.ended.map_or(State::Running, |(status, ago)| {
                State::Exited(status, Wall(now.0 - ago))
            }),
            created: Wall(boot.0 - 3 * DAY),
            started: kind
                .ended
                .map_or(Wall(boot.0 + 40_000), |(_, ago)| Wall(now.0 - ago - DAY)),
            kind,
        };
        Self(names.iter().filter_map(known).map(make).collect())
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Container> {
        self.0.iter()
    }

    /// The one of this name, id, or beginning of an id.
    pub(super) fn find(&self, word: &str) -> Option<&Container> {
        let short = word.len() >= 8;
        self.0.iter().find(|container| {
            container.kind.name == word
                || container.id == word
                || short && container.id.starts_with(word)
        })
    }

    /// A new container of this kind, in the place of one of its name.
    pub(super) fn launch(&mut self, kind: &'static BoxKind, now: Wall) -> Container {
        self.remove(kind.name);
        let container = Container {
            id: container_id(&kind.name.into()),
            kind,
            state: State::Running,
            created: now,
            started: now,
        };
        self.0.push(container.clone());
        container
    }

    /// A container ends by itself.
    pub(super) fn end(&mut self, name: &str, status: i32, now: Wall) -> Option<Container> {
        let mut all = self.0.iter_mut();
        let container = all.find(|container| container.kind.name == name)?;
        container.state = State::Exited(status, now);
        Some(container.clone())
    }

    /// Takes a container away, whatever it does.
    pub(super) fn remove(&mut self, name: &str) -> Option<Container> {
        let place = self
            .0
            .iter()
            .position(|container| container.kind.name == name)?;
        Some(self.0.remove(place))
    }

    /// Does something with a container; what happened, as the engine's events name it.
    pub(super) fn act(
        &mut self,
        word: &str,
        act: ContainerAct,
        now: Wall,
    ) -> Result<&'static [&'static str], Refused> {
        let id = self.find(word).ok_or(Refused::Unknown)?.id.clone();
        let place = self.0.iter().position(|container| container.id == id);
        let container = place
            .and_then(|place| self.0.get_mut(place))
            .ok_or(Refused::Unknown)?;
        let conflict = |words: &str| Refused::Conflict(format!("Container {id} {words}"));
        let (state, events): (State, &[&str]) = match (act, container.state) {
            (ContainerAct::Start, State::Exited(..)) => (State::Running, &["start"]),
            (ContainerAct::Restart, _) => {
                (State::Running, &["kill", "die", "stop", "start", "restart"])
            }
            (ContainerAct::Stop, State::Running | State::Paused) => {
                (State::Exited(0, now), &["kill", "die", "stop"])
            }
            (ContainerAct::Start | ContainerAct::Stop, _) => return Err(Refused::Already),
            (ContainerAct::Kill, State::Running | State::Paused) => {
                (State::Exited(137, now), &["kill", "die"])
            }
            (ContainerAct::Pause, State::Running) => (State::Paused, &["pause"]),
            (ContainerAct::Unpause, State::Paused) => (State::Running, &["unpause"]),
            (ContainerAct::Remove, State::Exited(..)) => {
                self.0.retain(|container| container.id != id);
                return Ok(&["destroy"]);
            }
            (ContainerAct::Remove, _) => {
                return Err(conflict("is running: stop it before removing it"));
            }
            (ContainerAct::Kill | ContainerAct::Pause, _) => {
                return Err(conflict("is not running"));
            }
            (ContainerAct::Unpause, _) => return Err(conflict("is not paused")),
        };
        if matches!(act, ContainerAct::Start | ContainerAct::Restart) {
            container.started = now;
        }
        container.state = state;
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall(1_795_295_051_000);

    fn boxes() -> Boxes {
        let (_, profile) = Profile::fleet(1).swap_remove(0);
        Boxes::new(profile, NOW)
    }

    #[test]
    fn every_container_of_every_machine_is_known() {
        for (name, profile) in Profile::fleet(8) {
            let boxes = Boxes::new(profile, NOW);
            for work in profile.works {
                if let Some(container) = work.container {
                    assert!(boxes.find(container).is_some(), "{name}: {container}");
                }
            }
            assert_eq!(boxes.all().next().is_some(), profile.docker, "{name}");
        }
    }

    #[test]
    fn acts_by_rows() {
        let mut boxes = boxes();
        for (act, outcome) in [
            (ContainerAct::Start, Err(Refused::Already)),
            (ContainerAct::Pause, Ok(())),
            (ContainerAct::Unpause, Ok(())),
            (ContainerAct::Stop, Ok(())),
            (ContainerAct::Stop, Err(Refused::Already)),
            (ContainerAct::Start, Ok(())),
            (ContainerAct::Kill, Ok(())),
            (ContainerAct::Remove, Ok(())),
            (ContainerAct::Remove, Err(Refused::Unknown)),
        ] {
            assert_eq!(
                boxes.act("comfyui", act, NOW).map(|_| ()),
                outcome,
                "{act:?}"
            );
        }
        assert!(matches!(
            boxes.act("vllm_node", ContainerAct::Remove, NOW),
            Err(Refused::Conflict(_))
        ));
    }
}
