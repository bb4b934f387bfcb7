//! Whether a port can be had (pure), and which one can where none was asked for.

use std::num::NonZeroU16;

use crate::domain::Port;

/// Something that listens on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: Port,
    /// Whose it is.
    pub owner: PortOwner,
}

/// Whose a port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortOwner {
    /// A container, by name.
    Container(String),
    /// A process.
    Process {
        /// Its name.
        name: String,
        /// Its id.
        pid: u32,
    },
    /// A process of somebody else: this login may not see whose.
    Hidden,
}

impl PortOwner {
    /// Whose it is, for people.
    pub fn words(&self) -> String {
        match self {
            Self::Container(name) => format!("the container {name}"),
            Self::Process { name, pid } => format!("{name} (process {pid})"),
            Self::Hidden => "a process that this login may not see".to_owned(),
        }
    }
}

/// Whether a port can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortVerdict {
    /// Nothing listens on it.
    Free,
    /// What holds it is stopped before.
    Freed(PortOwner),
    /// It is held, and whether by what is stopped can't be seen.
    Unsure(PortOwner),
    /// It is held by somebody else.
    Taken(PortOwner),
}

/// Whether a port can be had once these containers are stopped. `serving` tells that one of them is known to serve on it.
pub fn port(
    wanted: Port,
    listeners: &[Listener],
    stopped: &[String],
    serving: bool,
) -> PortVerdict {
    let Some(held) = listeners.iter().find(|one| one.port == wanted) else {
        return PortVerdict::Free;
    };
    match &held.owner {
        PortOwner::Container(name) if stopped.contains(name) => {
            PortVerdict::Freed(held.owner.clone())
        }
        PortOwner::Container(_) => PortVerdict::Taken(held.owner.clone()),
        // With the host's network a container's process is a process like any other.
        owner if serving => PortVerdict::Freed(owner.clone()),
        owner if stopped.is_empty() => PortVerdict::Taken(owner.clone()),
        owner => PortVerdict::Unsure(owner.clone()),
    }
}

/// The first port from `from` on that nobody listens on and nobody was promised.
pub fn free_port(from: Port, listeners: &[Listener], promised: &[Port]) -> Option<Port> {
    (from.get()..=u16::MAX)
        .filter_map(|port| NonZeroU16::new(port).map(Port))
        .find(|port| !promised.contains(port) && listeners.iter().all(|one| one.port != *port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(port: u16) -> Port {
        Port(NonZeroU16::new(port).unwrap())
    }

    #[test]
    fn a_port_is_had_by_rows() {
        let ours = PortOwner::Container("vllm_node".into());
        let process = PortOwner::Process {
            name: "python3".into(),
            pid: 7,
        };
        let rows = [
            (None, vec![], false, PortVerdict::Free),
            (
                Some(&ours),
                vec!["vllm_node"],
                false,
                PortVerdict::Freed(ours.clone()),
            ),
            (
                Some(&ours),
                vec!["other"],
                true,
                PortVerdict::Taken(ours.clone()),
            ),
            (
                Some(&process),
                vec![],
                false,
                PortVerdict::Taken(process.clone()),
            ),
            (
                Some(&process),
                vec!["vllm_node"],
                false,
                PortVerdict::Unsure(process.clone()),
            ),
            (
                Some(&process),
                vec!["vllm_node"],
                true,
                PortVerdict::Freed(process.clone()),
            ),
        ];
        for (owner, stopped, serving, wanted) in rows {
            let listeners: Vec<_> = owner
                .into_iter()
                .map(|owner| Listener {
                    port: number(8000),
                    owner: owner.clone(),
                })
                .collect();
            let stopped: Vec<String> = stopped.into_iter().map(str::to_owned).collect();
            assert_eq!(port(number(8000), &listeners, &stopped, serving), wanted);
        }
    }

    proptest! {
        #[test]
        fn a_free_port_is_free(from in 1..=u16::MAX, taken in proptest::collection::vec(1..=u16::MAX, 0..40), next in 0..20u16) {
            let mut taken = taken;
            taken.extend((0..next).filter_map(|n| from.checked_add(n)));
            let listeners: Vec<_> = taken
                .iter()
                .map(|port| Listener { port: number(*port), owner: PortOwner::Hidden })
                .collect();
            if let Some(found) = free_port(number(from), &listeners, &[]) {
                prop_assert!(found.get() >= from && !taken.contains(&found.get()));
                prop_assert_ne!(free_port(number(from), &listeners, &[found]), Some(found));
            }
        }
    }
}
