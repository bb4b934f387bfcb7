//! What the kernel of a simulated machine says (pure): its boot, and what the drills do to it.

use super::profile::{Nic, Profile};

/// Most of what happens that is kept.
const MOST: usize = 256;

/// What it says of a link that is gone.
const LINK_DOWN: &str = "NIC Link is Down";

/// A line of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KernelLine {
    /// Microseconds since boot.
    pub micros: i64,
    /// As syslog counts: 3 is an error, 6 is information.
    pub priority: u8,
    /// What it says.
    pub text: String,
}

/// What has happened since boot.
#[derive(Debug, Clone, Default)]
pub(super) struct KernelRing {
    happened: Vec<KernelLine>,
}

impl KernelRing {
    /// A GPU is gone from its bus.
    pub(super) fn lost_gpu(&mut self, uptime: u64, bus_id: &str) {
        let bus = bus_id.trim_start_matches("0000").to_lowercase();
        let bus = bus.rsplit_once('.').map_or(bus.as_str(), |(bus, _)| bus);
        self.says(
            uptime,
            3,
            format!(
                "NVRM: Xid (PCI:{bus}): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
            ),
        );
        self.says(
            uptime,
            3,
            format!("NVRM: GPU {bus}.0: GPU has fallen off the bus."),
        );
    }

    /// Memory ran out and the kernel ended a process that held so many MiB.
    pub(super) fn out_of_memory(&mut self, uptime: u64, pid: u32, mib: u64) {
        self.says(
            uptime,
            4,
            "python3 invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj=0".into(),
        );
        self.says(
            uptime,
            3,
            format!(
                "Out of memory: Killed process {pid} (python3) total-vm:{}kB, anon-rss:{}kB, file-rss:0kB, shmem-rss:0kB, UID:1001 oom_score_adj:0",
                mib * 1300,
                mib * 1024
            ),
        );
    }

    /// The network card has lost its link.
    pub(super) fn lost_link(&mut self, uptime: u64, card: &Nic) {
        let text = format!("{} {}: {LINK_DOWN}", card.driver, card.name);
        self.says(uptime, 3, text);
    }

    /// The network card has its link again.
    pub(super) fn has_link(&mut self, uptime: u64, card: &Nic) {
        let text = format!(
            "{} {}: NIC Link is Up 10 Gbps, Flow Control: RX/TX",
            card.driver, card.name
        );
        self.says(uptime, 6, text);
    }

    /// How often the link was lost.
    pub(super) fn drops(&self) -> usize {
        let lines = self.happened.iter();
        lines.filter(|line| line.text.ends_with(LINK_DOWN)).count()
    }

    fn says(&mut self, uptime: u64, priority: u8, text: String) {
        if self.happened.len() >= MOST {
            self.happened.remove(0);
        }
        // Two lines of one second stand in their order.
        let after = i64::try_from(self.happened.len() % 8).unwrap_or_default() * 13;
        self.happened.push(KernelLine {
            micros: i64::try_from(uptime).unwrap_or_default() * 1_000_000 + after,
            priority,
            text,
        });
    }

    /// All of it, the boot first.
    pub(super) fn lines(&self, profile: &Profile) -> impl Iterator<Item = KernelLine> {
        boot(profile).into_iter().chain(self.happened.clone())
    }
}

/// What each machine says while it starts.
fn boot(profile: &Profile) -> Vec<KernelLine> {
    let mut lines: Vec<(i64, u8, String)> = vec![
        (
            0,
            5,
            format!("Linux version {} (buildd@demo) #1 SMP", profile.kernel),
        ),
        (12, 6, format!("Memory: {}K available", profile.memory_kb)),
        (
            91_402,
            6,
            format!("smp: Brought up 1 node, {} CPUs", profile.processors),
        ),
    ];
    for (index, disk) in (0..).zip(profile.disks) {
        lines.push((
            2_104_331 + index * 20_117,
            6,
            format!(
                "EXT4-fs ({}): mounted filesystem r/w with ordered data mode",
                short(disk.device)
            ),
        ));
    }
    if let Some(gpus) = &profile.gpus {
        lines.push((
            5_730_118,
            4,
            format!(
                "NVRM: loading NVIDIA UNIX Open Kernel Module for {}  {}  Release Build",
                profile.arch, gpus.driver
            ),
        ));
    }
    if profile.docker {
        lines.push((
            9_412_550,
            6,
            "docker0: port 1(veth3c1e0a2) entered forwarding state".into(),
        ));
    }
    lines
        .into_iter()
        .map(|(micros, priority, text)| KernelLine {
            micros,
            priority,
            text,
        })
        .collect()
}

fn short(device: &str) -> &str {
    device.rsplit('/').next().unwrap_or(device)
}
