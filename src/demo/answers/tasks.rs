//! The processes as `ps` prints them (pure): the system's own, what runs on the machine, and what memory trouble does to both.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::scene::Scene;
use crate::demo::work::Process;

/// Longest name of a process in the kernel.
const COMM: usize = 15;
/// Longest row.
const WIDTH: usize = 240;

/// By what they are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) enum Order {
    Memory,
    Cpu,
}

/// A process.
struct Task {
    pid: u32,
    parent: u32,
    user: &'static str,
    state: &'static str,
    /// Where in the kernel it waits.
    place: &'static str,
    /// Percent of one processor.
    cpu: f32,
    /// Main memory, in kB.
    memory: u64,
    /// Seconds.
    age: u64,
    command: &'static str,
}

impl Task {
    /// Its name: the program without its folder, cut as the kernel does.
    fn name(&self) -> String {
        let program = self.command.split_whitespace().next().unwrap_or_default();
        let name = if program.starts_with('/') {
            program.rsplit('/').next().unwrap_or(program)
        } else {
            program.trim_matches(['[', ']'])
        };
        name.chars().take(COMM).collect()
    }
}

/// The system's own: id, parent, user, kB, command.
const SYSTEM: [(u32, u32, &str, u64, &str); 8] = [
    (1, 0, "root", 14_208, "/sbin/init"),
    (2, 0, "root", 0, "[kthreadd]"),
    (143, 2, "root", 0, "[kswapd0]"),
    (391, 2, "root", 0, "[jbd2/nvme0n1p2-8]"),
    (452, 1, "root", 71_860, "/usr/lib/systemd/systemd-journald"),
    (
        871,
        1,
        "systemd+",
        13_400,
        "/usr/lib/systemd/systemd-resolved",
    ),
    (
        1_019,
        1,
        "root",
        9_116,
        "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",
    ),
    (20_481, 1_019, "demo", 7_020, "sshd: demo@notty"),
];

/// The container daemon's.
const DOCKER: [(u32, u32, &str, u64, &str); 2] = [
    (1_102, 1, "root", 58_312, "/usr/bin/containerd"),
    (
        1_184,
        1,
        "root",
        96_480,
        "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock",
    ),
];

/// What waits for the disk that everything is swapped to, and where in the kernel.
const STUCK: [(u32, &str); 2] = [
    (391, "jbd2_journal_commit_transaction"),
    (452, "folio_wait_bit_common"),
];

fn all(scene: &Scene<'_>) -> Vec<Task> {
    let world = scene.world;
    let docker = DOCKER.iter().filter(|_| world.profile.docker);
    let mut all: Vec<Task> = SYSTEM
        .iter()
        .chain(docker)
        .map(|&(pid, parent, user, memory, command)| Task {
            pid,
            parent,
            user,
            state: if command.starts_with('[') { "I" } else { "Ss" },
            place: "-",
            cpu: 0.1,
            memory,
            age: world.uptime.saturating_sub(u64::from(pid.min(9))),
            command,
        })
        .collect();
    let works = world.works.iter().map(|work| {
        let busy = work.cores() > 0.9;
        Task {
            state: if busy { "Rl" } else { "Sl" },
            cpu: work.cores() * 100.0,
            memory: work.rss_mib() * 1024,
            ..task(scene, &work.process())
        }
    });
    all.extend(works);
    if let Some((process, mib)) = world.runaway() {
        all.push(Task {
            state: "Rl",
            cpu: 340.0,
            memory: mib * 1024,
            ..task(scene, &process)
        });
    }
    if scene.thrashes() {
        all.iter_mut().for_each(stall);
    }
    all
}

fn task(scene: &Scene<'_>, process: &Process) -> Task {
    Task {
        pid: process.pid,
        parent: if process.container.is_some() {
            1_102
        } else {
            1
        },
        user: process.user,
        state: "S",
        place: "-",
        cpu: 0.0,
        memory: 0,
        age: scene.age(process.started),
        command: process.command,
    }
}

/// It waits for pages, if it is one that does.
fn stall(task: &mut Task) {
    if task.command == "[kswapd0]" {
        (task.state, task.cpu) = ("R", 97.0);
    } else if let Some((_, place)) = STUCK.iter().find(|(pid, _)| *pid == task.pid) {
        (task.state, task.place) = ("D", place);
    } else if task.state == "Rl" {
        (task.state, task.place) = ("Dl", "folio_wait_bit_common");
        task.cpu *= 0.4;
    }
}

/// The greatest of them, so many lines with the titles.
pub(super) fn greatest(scene: &Scene<'_>, order: Order, lines: usize) -> String {
    let mut all = all(scene);
    all.sort_by_key(|task| {
        let by = match order {
            Order::Memory => task.memory,
            Order::Cpu => (task.cpu * 100.0) as u64,
        };
        (Reverse(by), task.pid)
    });
    let titles = format!(
        "{:>7} {:<8} {:<4} {:>4} {:>4} {:>9} {:>11} COMMAND",
        "PID", "USER", "STAT", "%CPU", "%MEM", "RSS", "ELAPSED"
    );
    let rows = all.iter().map(|task| {
        let share = task.memory as f64 / scene.world.profile.memory_kb as f64 * 100.0;
        let row = format!(
            "{:>7} {:<8} {:<4} {:>4.1} {share:>4.1} {:>9} {:>11} {}",
            task.pid,
            task.user,
            task.state,
            task.cpu,
            task.memory,
            elapsed(task.age),
            task.command
        );
        row.chars().take(WIDTH).collect()
    });
    let mut text = String::new();
    for row in std::iter::once(titles).chain(rows).take(lines) {
        let _ = writeln!(text, "{row}");
    }
    text
}

/// Those that wait and can't be interrupted.
pub(super) fn hung(scene: &Scene<'_>) -> String {
    let mut text = format!(
        "{:>7} {:>7} {:<8} {:<4} {:<32} {:>11} COMMAND\n",
        "PID", "PPID", "USER", "STAT", "WCHAN", "ELAPSED"
    );
    for task in all(scene).iter().filter(|task| task.state.contains('D')) {
        let _ = writeln!(
            text,
            "{:>7} {:>7} {:<8} {:<4} {:<32} {:>11} {}",
            task.pid,
            task.parent,
            task.user,
            task.state,
            task.place,
            elapsed(task.age),
            task.name()
        );
    }
    text
}

/// `[[dd-]hh:]mm:ss`
fn elapsed(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60 % 60, seconds / 3600 % 24, seconds / 86_400);
    let short = format!("{minutes:02}:{:02}", seconds % 60);
    match (days, hours) {
        (0, 0) => short,
        (0, _) => format!("{hours:02}:{short}"),
        _ => format!("{days}-{hours:02}:{short}"),
    }
}
