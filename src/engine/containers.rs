//! What is known of one host's containers: the engine there, the list, what each takes, and what changed while nobody saw.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::host_state::{Host, Timed};
use crate::domain::{
    At, Container, ContainerId, ContainerState, ContainerStats, Daemon, GpuCondition, GpuProcess,
    Metric, Mib, Missing,
};
use crate::text::SafeText;

/// The containers of one host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Containers {
    /// The engine there.
    pub daemon: DaemonState,
    /// The containers, by name.
    pub list: Vec<Arc<Container>>,
    /// What each took when it was last asked. Only while somebody looks.
    pub stats: BTreeMap<ContainerId, Timed<ContainerStats>>,
    /// Changes that were only found afterwards, by comparing.
    pub after_gap: Vec<GapChange>,
}

/// How a host's container engine stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DaemonState {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answers, and the list is what it says.
    Up {
        /// Which it is.
        daemon: Arc<Daemon>,
        /// Since when it has answered without a break.
        since: At,
    },
    /// There is none, or we may not ask it. The list is empty.
    Absent {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// It answered before. The list is the last one it gave.
    Lost {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
        /// Since when.
        since: At,
    },
}

/// A change that happened while the engine could not be heard; it keeps its events in memory only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapChange {
    /// When it was found.
    pub at: At,
    /// Which container.
    pub id: ContainerId,
    /// Its name.
    pub name: SafeText,
    /// What it did before the gap; `None`: it was not there.
    pub was: Option<ContainerState>,
    /// What it does now; `None`: it is gone.
    pub is: Option<ContainerState>,
}

impl Containers {
    /// The container of this identity.
    pub fn get(&self, id: &ContainerId) -> Option<&Arc<Container>> {
        self.list.iter().find(|container| container.id == *id)
    }
}

/// GPU memory that the processes of a container hold, over all GPUs. Missing where the host has none to hold, where its
/// processes are not known yet, and where one of them does not tell.
pub fn gpu_memory_of(host: &Host, container: &Container) -> Metric<Mib> {
    let no_gpu = |condition: &GpuCondition| {
        matches!(condition, GpuCondition::NoTool | GpuCondition::NoDevices)
    };
    if let Some(gpus) = &host.gpus
        && no_gpu(&gpus.value.condition)
    {
        return Metric::Missing(Missing::NotSupported);
    }
    match &host.processes {
        Some(processes) => gpu_memory(&processes.value, container),
        None => Metric::Missing(Missing::NotReported),
    }
}

/// What of these processes' GPU memory is a container's. Missing where one of its own does not tell.
pub fn gpu_memory(processes: &[GpuProcess], container: &Container) -> Metric<Mib> {
    let mut all = Mib(0);
    for process in processes.iter().filter(|p| container.holds(p)) {
        match &process.memory {
            Metric::Is(memory) => all = all + *memory,
            Metric::Missing(why) => return Metric::Missing(why.clone()),
        }
    }
    Metric::Is(all)
}

/// What a host's container engine told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainersMsg {
    /// It answers; this is all there is. After a break what differs from before is a [`GapChange`].
    Listed {
        /// Which engine.
        daemon: Arc<Daemon>,
        /// All containers.
        list: Vec<Container>,
    },
    /// One of that list, read on its own: what the list does not tell. A start that was not heard of is a [`GapChange`] too.
    Filled(Box<Container>),
    /// One is new or has changed.
    Changed(Box<Container>),
    /// One is gone.
    Gone(ContainerId),
    /// What some take now.
    Stats(Vec<(ContainerId, ContainerStats)>),
    /// There is no engine, or we may not ask it.
    Absent {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
    /// It does not answer any more.
    Lost {
        /// Why.
        why: SafeText,
        /// The mend.
        hint: Option<SafeText>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GpuId, GpuProcess, GpuSourceChoice, HostAddress, HostId, HostSpec, Wall};

    fn process(container: Option<&str>, memory: Metric<Mib>) -> GpuProcess {
        GpuProcess {
            pid: 1,
            gpu: GpuId::new("GPU-0"),
            memory,
            user: Metric::default(),
            command: "python3".into(),
            container: container.map(SafeText::from).into(),
            started: Metric::default(),
        }
    }

    #[test]
    fn gpu_memory_is_joined_by_name_or_by_the_first_digits() {
        let id = "4f".repeat(32);
        let container = Container {
            id: ContainerId::new(id.as_str()),
            name: "vllm".into(),
            image: "vllm".into(),
            state: ContainerState::Running,
            health: None,
            ports: Vec::new(),
            created: Wall(0),
            started: None,
            finished: None,
            restarts: Metric::default(),
            project: None,
            owner: None,
            labels: BTreeMap::new(),
        };
        let mut host = Host::new(
            Arc::new(HostSpec {
                id: HostId::new("spark-1"),
                address: HostAddress::Local,
                tags: Vec::new(),
                gpu: GpuSourceChoice::Auto,
                power: None,
            }),
            At(0),
        );
        assert_eq!(gpu_memory_of(&host, &container), Metric::default());
        let held = |mib| Metric::Is(Mib(mib));
        let rows = [
            (vec![], held(0)),
            (vec![process(Some("vllm"), held(7))], held(7)),
            (
                vec![
                    process(Some("vllm"), held(7)),
                    process(Some("vllm"), held(5)),
                ],
                held(12),
            ),
            (vec![process(Some(&id[..12]), held(7))], held(7)),
            (vec![process(Some("4f4f"), held(7))], held(0)),
            (
                vec![process(Some("vllm-2"), held(7)), process(None, held(7))],
                held(0),
            ),
            (
                vec![
                    process(Some("vllm"), held(7)),
                    process(Some("vllm"), Metric::Missing(Missing::NotSupported)),
                ],
                Metric::Missing(Missing::NotSupported),
            ),
        ];
        for (processes, wanted) in rows {
            let value = Arc::new(processes);
            host.processes = Some(Timed { at: At(0), value });
            assert_eq!(gpu_memory_of(&host, &container), wanted, "{host:?}");
        }
    }
}
