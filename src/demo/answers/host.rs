//! The machine as a whole (pure): how long it runs, its load, its memory, its clock.

use std::fmt::Write as _;

use super::look::Said;
use super::scene::{Scene, hash};
use crate::domain::Mib;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `date`, `uptime`, `uname -srm`, and the boot's id.
pub(super) fn uptime(scene: &Scene<'_>) -> String {
    let world = scene.world;
    let [one, five, fifteen] = world.load;
    let up = world.uptime;
    let days = match up / DAY {
        0 => String::new(),
        1 => "1 day, ".into(),
        days => format!("{days} days, "),
    };
    let hours = match up % DAY / HOUR {
        0 => format!("{} min", up % HOUR / MINUTE),
        hours => format!("{hours:2}:{:02}", up % HOUR / MINUTE),
    };
    // The same all through a boot, another one after it.
    let boot = hash(&format!("{} {}", scene.name, scene.booted / 1_000_000));
    format!(
        "{} {} up {days}{hours},  1 user,  load average: {one:.2}, {five:.2}, {fifteen:.2}\nLinux {} {}\n{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}\n",
        scene.present(),
        scene.clock("%H:%M:%S"),
        world.profile.kernel,
        world.profile.arch,
        boot >> 32,
        boot >> 16 & 0xffff,
        boot & 0xfff,
        boot >> 20 & 0xfff,
        hash(scene.name) & 0xffff_ffff_ffff,
    )
}

/// `head -n` of files below `/proc`.
pub(super) fn heads(scene: &Scene<'_>, count: usize, files: &[String]) -> Said {
    let mut said = Said::default();
    for file in files {
        let Some(text) = proc_file(scene, file) else {
            let _ = writeln!(
                said.err,
                "head: cannot open '{file}' for reading: No such file or directory"
            );
            said.status = 1;
            continue;
        };
        let gap = if said.out.is_empty() { "" } else { "\n" };
        let _ = writeln!(said.out, "{gap}==> {file} <==");
        for line in text.lines().take(count) {
            let _ = writeln!(said.out, "{line}");
        }
    }
    said
}

fn proc_file(scene: &Scene<'_>, file: &str) -> Option<String> {
    let pressure = scene.world.pressure;
    let (some, full) = match file {
        "/proc/meminfo" => return Some(meminfo(scene)),
        "/proc/swaps" => return Some(swaps(scene)),
        "/proc/pressure/cpu" => (pressure.cpu_some.0, 0.0),
        "/proc/pressure/memory" => (pressure.memory_some.0, pressure.memory_full.0),
        "/proc/pressure/io" => ((pressure.io_full.0 * 1.3).min(100.0), pressure.io_full.0),
        _ => return None,
    };
    Some(format!(
        "{}{}",
        waited(scene, "some", some),
        waited(scene, "full", full)
    ))
}

/// A line of a file below `/proc/pressure`.
fn waited(scene: &Scene<'_>, who: &str, ten: f32) -> String {
    // Microseconds since the boot; calm machines wait for about a thousandth of their time.
    let total = scene.world.uptime * 1_043 + (ten * 600_000.0) as u64;
    format!(
        "{who} avg10={ten:.2} avg60={:.2} avg300={:.2} total={total}\n",
        ten * 0.72,
        ten * 0.31
    )
}

fn meminfo(scene: &Scene<'_>) -> String {
    let memory = scene.world.memory;
    let kib = |mib: Mib| mib.0 * 1024;
    let used = memory.total - memory.free - memory.cache;
    let rows = [
        ("MemTotal", scene.world.profile.memory_kb),
        ("MemFree", kib(memory.free)),
        ("MemAvailable", kib(memory.available)),
        ("Buffers", kib(memory.cache) / 90),
        ("Cached", kib(memory.cache) - kib(memory.cache) / 90),
        ("SwapCached", kib(memory.swap_used) / 40),
        ("Active", kib(used) / 3 + kib(memory.cache) / 2),
        ("Inactive", kib(used) / 2 + kib(memory.cache) / 3),
        ("SwapTotal", scene.world.profile.swap_kb),
        (
            "SwapFree",
            scene
                .world
                .profile
                .swap_kb
                .saturating_sub(kib(memory.swap_used)),
        ),
        ("Dirty", 412),
        ("Writeback", 0),
        ("AnonPages", kib(used) * 4 / 5),
        ("Mapped", kib(memory.cache) / 7),
        ("Shmem", 51_204),
        ("KReclaimable", kib(memory.cache) / 25),
        ("Slab", kib(memory.cache) / 18),
        ("HugePages_Total", 0),
    ];
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let unit = if name.starts_with("HugePages") {
            ""
        } else {
            " kB"
        };
        let _ = writeln!(text, "{:<16}{value:>12}{unit}", format!("{name}:"));
        text
    })
}

fn swaps(scene: &Scene<'_>) -> String {
    let mut text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_owned();
    let total = scene.world.profile.swap_kb;
    if total > 0 {
        let used = (scene.world.memory.swap_used.0 * 1024).min(total);
        let _ = writeln!(
            text,
            "/swap.img                               file\t\t{total}\t{used}\t\t-2"
        );
    }
    text
}

/// `date` and `timedatectl status`.
pub(super) fn time(scene: &Scene<'_>) -> String {
    let now = scene.clock("%a %Y-%m-%d %H:%M:%S");
    format!(
        "{}               Local time: {now} UTC\n           Universal time: {now} UTC\n                 RTC time: {now}\n                Time zone: Etc/UTC (UTC, +0000)\nSystem clock synchronized: yes\n              NTP service: active\n          RTC in local TZ: no\n",
        scene.present()
    )
}
