//! The demo fleet as a whole: starts the machines, hands out the configuration that reaches them, runs the drill.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{
    At, GpuSourceChoice, HostAddress, HostId, HostSpec, PowerMethod, PowerSpec, SshSpec,
    StrictHostKeys,
};
use crate::tasks::Tasks;

use super::hypervisor::Hypervisor;
use super::keys::{KeyRing, fresh_key};
use super::node::{Node, Shared};
use super::profile::Profile;
use super::topology;
use super::{DemoError, Drill, Faults, Line, written};

/// How often a drill looks at the clock.
const DRILL_PACE: Duration = Duration::from_millis(100);

/// What the demo is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOptions {
    /// The disaster, if one is wanted.
    pub drill: Option<Drill>,
    /// The same seed gives the same worlds.
    pub seed: u64,
    /// How many machines: `spark-1`, `spark-2`, `h200-a`, `plain`, and then clones: `spark-3`, `h200-3`, `plain-3` …
    pub hosts: usize,
}

impl Default for DemoOptions {
    /// The four machines, in calm.
    fn default() -> Self {
        Self {
            drill: None,
            seed: 0,
            hosts: 4,
        }
    }
}

/// A running demo fleet. Dropping it hangs up every connection and removes its keys.
#[derive(Debug)]
pub struct Demo {
    nodes: Vec<Arc<Node>>,
    hypervisor: Option<Hypervisor>,
    keys: KeyRing,
    tasks: Tasks,
}

impl Demo {
    /// Starts one SSH server per machine on 127.0.0.1, each on a free port, with fresh keys. The worlds and the drill
    /// follow the clock, so a manual clock moves both.
    pub async fn start(
        tasks: &Tasks,
        clock: &Clock,
        options: DemoOptions,
    ) -> Result<Self, DemoError> {
        let tasks = tasks.child();
        let keys = KeyRing::new()?;
        let console_key = fresh_key()?;
        let power_key = fresh_key()?;
        keys.write_identities(&console_key, &power_key)?;
        let shared = Shared {
            console_key: console_key.public_key().clone(),
            drill: options.drill,
            clock: clock.clone(),
            start: clock.at(),
        };
        // Made first, so that what was begun ends if a machine can't be started.
        let mut demo = Self {
            nodes: Vec::new(),
            hypervisor: None,
            keys,
            tasks,
        };
        for (number, (name, profile)) in Profile::fleet(options.hosts).into_iter().enumerate() {
            let seed = options.seed.wrapping_add(number as u64);
            let node = Node::start(&demo.tasks, shared.clone(), name, profile, seed).await?;
            demo.nodes.push(node);
        }
        for node in &demo.nodes {
            node.know(&demo.nodes);
        }
        let power_key = power_key.public_key().clone();
        let hypervisor = Hypervisor::start(&demo.tasks, demo.nodes.clone(), power_key).await?;
        let machines = demo.nodes.iter().map(|node| (node.port(), node.host_key()));
        let beneath = [(hypervisor.port(), hypervisor.host_key())];
        demo.keys.write_known_hosts(machines.chain(beneath))?;
        demo.hypervisor = Some(hypervisor);
        if let Some(drill) = options.drill {
            let nodes = demo.nodes.clone();
            demo.tasks
                .spawn(direct(drill, nodes, shared.clock, shared.start));
        }
        Ok(demo)
    }

    /// A configuration that reaches every machine, host keys verified.
    pub fn config(&self) -> Config {
        let hosts = self.nodes.iter().map(|node| Arc::new(self.spec(node)));
        Config {
            fleet: "demo".into(),
            hosts: hosts.collect(),
            settings: topology::settings(&self.nodes, self.folder()),
            file: None,
            problems: Vec::new(),
        }
    }

    /// A private folder that goes when the demo ends.
    pub fn folder(&self) -> &Path {
        self.keys.folder()
    }

    /// Writes the same configuration as a file that every command takes with `--config`.
    pub fn write_config(&self, path: &Path) -> Result<(), DemoError> {
        written::write(path, &self.config())
    }

    /// Changes what the cable to a machine does; false where there is no such machine.
    pub fn set_line(&self, host: &HostId, line: Line) -> bool {
        self.node(host).map(|node| node.set_line(line)).is_some()
    }

    /// Changes what else is wrong with a machine, from its next connection on; false where there is no such machine.
    pub fn set_faults(&self, host: &HostId, faults: Faults) -> bool {
        self.node(host)
            .map(|node| node.set_faults(faults))
            .is_some()
    }

    /// Connections that this machine has open now.
    pub fn connections(&self, host: &HostId) -> usize {
        self.node(host).map_or(0, |node| node.connections())
    }

    fn node(&self, host: &HostId) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.name() == host.as_str())
    }

    fn spec(&self, node: &Node) -> HostSpec {
        HostSpec {
            id: HostId::new(node.name()),
            address: HostAddress::Ssh(SshSpec {
                user: Some(node.user().clone()),
                port: Some(node.port()),
                identity: vec![self.keys.identity()],
                known_hosts: Some(self.keys.known_hosts()),
                use_ssh_config: false,
                strict: StrictHostKeys::Refuse,
                ..SshSpec::new(node.address().clone())
            }),
            tags: node
                .profile()
                .tags
                .iter()
                .map(|tag| (*tag).into())
                .collect(),
            gpu: GpuSourceChoice::Auto,
            power: self.power(node),
        }
    }

    /// The way to its power switch: its own login on the hypervisor.
    fn power(&self, node: &Node) -> Option<PowerSpec> {
        let hypervisor = self.hypervisor.as_ref()?;
        let switch = HostSpec {
            id: HostId::new(format!("{}/power", node.name())),
            address: HostAddress::Ssh(SshSpec {
                user: node.name().parse().ok(),
                port: Some(hypervisor.port()),
                identity: vec![self.keys.power()],
                known_hosts: Some(self.keys.known_hosts()),
                use_ssh_config: false,
                strict: StrictHostKeys::Refuse,
                ..SshSpec::new(node.address().clone())
            }),
            tags: Vec::new(),
            gpu: GpuSourceChoice::None,
            power: None,
        };
        Some(PowerSpec {
            method: Some(PowerMethod::ForcedCommand(Arc::new(switch))),
            wake: None,
        })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// Puts the machines' cables through a drill, as the clock says; their worlds look it up themselves.
async fn direct(drill: Drill, nodes: Vec<Arc<Node>>, clock: Clock, start: At) {
    let mut pace = tokio::time::interval(DRILL_PACE);
    loop {
        pace.tick().await;
        let seconds = clock.at().since(start).0 as f32 / 1000.0;
        for node in &nodes {
            node.follow_drill(drill.stage(node.name(), seconds).line);
        }
    }
}
