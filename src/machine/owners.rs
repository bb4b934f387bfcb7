//! Whose a process is: user, command line, start and container, as the host told once per process. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{GpuProcess, Metric};
use crate::text::SafeText;

/// Names kept of a host's containers.
const MOST_NAMES: usize = 4096;

/// What the host has told of processes and containers.
#[derive(Debug, Default)]
pub(super) struct Owners {
    known: BTreeMap<u32, Owner>,
    names: BTreeMap<String, SafeText>,
    asked: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    started: u64,
    user: SafeText,
    container: Option<Container>,
    command: SafeText,
}

/// A container as a cgroup path shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Container {
    /// By the 64 digits that docker, podman, containerd and CRI-O give it.
    Id(String),
    /// By its own name (LXC).
    Named(SafeText),
}

impl Owners {
    /// `PID START UID USER CGROUP COMMAND…`
    pub(super) fn who_line(&mut self, text: &str) {
        let mut words = text.splitn(6, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (pid, started, _uid, user, group) = (word(), word(), word(), word(), word());
        if let (Ok(pid), Ok(started)) = (pid.parse(), started.parse()) {
            let owner = Owner {
                started,
                user: user.into(),
                container: container(group),
                command: word().trim_end().into(),
            };
            self.known.insert(pid, owner);
        }
    }

    /// `ID NAME`
    pub(super) fn name_line(&mut self, text: &str) {
        if let Some((id, name)) = text.split_once(' ')
            && is_id(id)
            && self.names.len() < MOST_NAMES
        {
            self.names.insert(id.to_owned(), name.trim().into());
        }
    }

    /// Those of these processes that nothing is known of.
    pub(super) fn unknown(&self, processes: &[GpuProcess]) -> Vec<u32> {
        let mut pids: Vec<u32> = processes
            .iter()
            .map(|process| process.pid)
            .filter(|pid| !self.known.contains_key(pid))
            .collect();
        pids.dedup();
        pids
    }

    /// Whether a container showed up whose name has not been asked for; asks once for each.
    pub(super) fn ask_names(&mut self) -> bool {
        let mut new = false;
        for owner in self.known.values() {
            if let Some(Container::Id(id)) = &owner.container {
                new |= !self.names.contains_key(id) && self.asked.insert(id.clone());
            }
        }
        new
    }

    /// Forgets processes that are no longer on a GPU.
    pub(super) fn keep_only(&mut self, processes: &[GpuProcess]) {
        let here: BTreeSet<u32> = processes.iter().map(|process| process.pid).collect();
        self.known.retain(|pid, _| here.contains(pid));
        if self.asked.len() >= MOST_NAMES {
            self.asked.clear();
            self.names.clear();
        }
    }

    /// Fills in what the GPU's source could not know.
    pub(super) fn tell(&self, process: &mut GpuProcess) {
        let Some(owner) = self.known.get(&process.pid) else {
            return;
        };
        process.user = Metric::Is(owner.user.clone());
        process.started = Metric::Is(owner.started);
        process.container = owner.container.as_ref().map(|c| self.name_of(c)).into();
        if !owner.command.is_empty() {
            process.command = owner.command.clone();
        }
    }

    fn name_of(&self, container: &Container) -> SafeText {
        match container {
            Container::Named(name) => name.clone(),
            Container::Id(id) => match self.names.get(id) {
                Some(name) => name.clone(),
                None => id.get(..12).unwrap_or_default().into(),
            },
        }
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The innermost container of a cgroup line, v1 or v2: `docker-ID.scope`, `/docker/ID`, `libpod-ID.scope`,
/// `cri-containerd-ID.scope`, `crio-ID.scope`, `kubepods/…/ID`, `/lxc/NAME`, `/lxc.payload.NAME`.
fn container(group: &str) -> Option<Container> {
    let parts: Vec<&str> = group.split(['/', '-', '.', ':']).collect();
    if let Some(id) = parts.iter().rev().find(|part| is_id(part)) {
        return Some(Container::Id((*id).to_owned()));
    }
    let path: Vec<&str> = group.split('/').collect();
    let named = path.iter().enumerate().find_map(|(n, part)| {
        part.strip_prefix("lxc.payload.")
            .or_else(|| (*part == "lxc").then(|| path.get(n + 1).copied())?)
    })?;
    Some(Container::Named(format!("lxc {named}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_by_rows() {
        let id = "4f".repeat(32);
        for (group, wanted) in [
            (format!("0::/system.slice/docker-{id}.scope"), true),
            (format!("9:memory:/docker/{id}"), true),
            (
                format!(
                    "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope/container"
                ),
                true,
            ),
            (
                format!(
                    "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0d.slice/cri-containerd-{id}.scope"
                ),
                true,
            ),
            (format!("4:devices:/kubepods/besteffort/pod0d/{id}"), true),
            ("0::/user.slice".into(), false),
            ("-".into(), false),
            ("0::/system.slice/docker.service".into(), false),
        ] {
            let found = container(&group);
            assert_eq!(found, wanted.then(|| Container::Id(id.clone())), "{group}");
        }
        assert_eq!(
            container("0::/lxc/105/ns/init.scope"),
            Some(Container::Named("lxc 105".into()))
        );
        assert_eq!(
            container("0::/lxc.payload.web/system.slice"),
            Some(Container::Named("lxc web".into()))
        );
    }
}
