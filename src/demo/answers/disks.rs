//! File systems and the devices below them (pure).

use std::fmt::Write as _;

use super::scene::Scene;
use crate::demo::profile::DiskKind;

/// The small file system that firmware boots from, in kB: its size, and what is used of it.
const EFI: (u64, u64) = (523_248, 6_284);

/// A mounted file system, in kB.
struct Mounted {
    device: String,
    kind: &'static str,
    total: u64,
    used: u64,
    mount: &'static str,
}

impl Mounted {
    /// What a program may still write: ext4 keeps a reserve for root.
    fn free(&self) -> u64 {
        let reserve = if self.kind == "ext4" {
            self.total / 50
        } else {
            0
        };
        self.total.saturating_sub(self.used + reserve)
    }

    /// As `df` does: upwards, of what programs may use.
    fn percent(&self) -> u64 {
        (self.used * 100).div_ceil((self.used + self.free()).max(1))
    }
}

fn mounted(scene: &Scene<'_>) -> Vec<Mounted> {
    let profile = scene.world.profile;
    let disks = profile.disks.iter().zip(&scene.world.disks);
    let mut all: Vec<Mounted> = disks
        .map(|(kind, used)| Mounted {
            device: kind.device.into(),
            kind: "ext4",
            total: kind.total_kb,
            used: (*used as u64).min(kind.total_kb),
            mount: kind.mount,
        })
        .collect();
    if let Some(disk) = profile.disks.first().and_then(|root| parent(root.device)) {
        let (total, used) = EFI;
        let efi = Mounted {
            device: format!("{}1", partitions(disk)),
            kind: "vfat",
            total,
            used,
            mount: "/boot/efi",
        };
        all.insert(1, efi);
    }
    all
}

/// The disk that a partition is on; none for what has no partitions.
fn parent(device: &str) -> Option<&str> {
    let cut = device.trim_end_matches(|c: char| c.is_ascii_digit());
    if cut.len() == device.len() || cut.ends_with("/md") {
        return None;
    }
    Some(cut.strip_suffix('p').unwrap_or(cut))
}

/// What stands before the number of a partition of this disk.
fn partitions(disk: &str) -> String {
    if disk.ends_with(|c: char| c.is_ascii_digit()) {
        format!("{disk}p")
    } else {
        disk.to_owned()
    }
}

/// `12G`, `3.6T`: as `df -h` and `lsblk` write a size in kB, in steps of 1024.
fn size(kib: u64) -> String {
    let mut value = kib as f64;
    let mut units = ["K", "M", "G", "T", "P"].iter();
    let mut unit = units.next();
    while value >= 1024.0 {
        value /= 1024.0;
        unit = units.next();
    }
    let unit = unit.copied().unwrap_or("E");
    if value < 10.0 && unit != "K" {
        format!("{:.1}{unit}", (value * 10.0).ceil() / 10.0)
    } else {
        format!("{:.0}{unit}", value.ceil())
    }
}

/// `df -PhT`
pub(super) fn space(scene: &Scene<'_>) -> String {
    let mut text = format!(
        "{:<15} {:<5} {:>5} {:>5} {:>5} Use% Mounted on\n",
        "Filesystem", "Type", "Size", "Used", "Avail"
    );
    for row in mounted(scene) {
        let _ = writeln!(
            text,
            "{:<15} {:<5} {:>5} {:>5} {:>5} {:>3}% {}",
            row.device,
            row.kind,
            size(row.total),
            size(row.used),
            size(row.free()),
            row.percent(),
            row.mount
        );
    }
    text
}

/// `df -PiT`
pub(super) fn inodes(scene: &Scene<'_>) -> String {
    let mut text = format!(
        "{:<15} {:<5} {:>10} {:>9} {:>10} IUse% Mounted on\n",
        "Filesystem", "Type", "Inodes", "IUsed", "IFree"
    );
    for row in mounted(scene) {
        let (all, used) = match row.kind {
            "vfat" => (0, 0),
            // One for each 16 KiB; files are mostly much larger.
            _ => (row.total / 16, row.used / 740),
        };
        let share = match all {
            0 => "-".to_owned(),
            all => format!("{}%", (used * 100).div_ceil(all)),
        };
        let _ = writeln!(
            text,
            "{:<15} {:<5} {all:>10} {used:>9} {:>10} {share:>5} {}",
            row.device,
            row.kind,
            all - used,
            row.mount
        );
    }
    text
}

/// `findmnt --real`
pub(super) fn mounts(scene: &Scene<'_>) -> String {
    let mut text = format!(
        "{:<10} {:<15} {:<6} OPTIONS\n",
        "TARGET", "SOURCE", "FSTYPE"
    );
    for row in mounted(scene) {
        let options = match row.kind {
            "vfat" => "rw,relatime,fmask=0077,dmask=0077,codepage=437,iocharset=iso8859-1",
            _ => "rw,relatime,errors=remount-ro",
        };
        let _ = writeln!(
            text,
            "{:<10} {:<15} {:<6} {options}",
            row.mount, row.device, row.kind
        );
    }
    text
}

/// `lsblk`
pub(super) fn block_devices(scene: &Scene<'_>) -> String {
    let mut text = row(
        "NAME",
        ["TYPE", "SIZE", "FSTYPE", "STATE", "MODEL", "MOUNTPOINT"],
        "RO",
    );
    let mut members = 0..;
    for disk in scene.world.profile.disks {
        let whole = &size(disk.total_kb);
        let name = format!("└─{}", short(disk.device));
        let mut device = |name: &str, cells: [&str; 6]| text += &row(name, cells, " 0");
        let Some(parent) = parent(disk.device) else {
            for member in members.by_ref().take(2) {
                let cells = ["disk", whole, "linux_raid_member", "live", model(disk), ""];
                device(&format!("nvme{member}n1"), cells);
                device(&name, ["raid1", whole, "ext4", "", "", disk.mount]);
            }
            continue;
        };
        let state = if parent.contains("nvme") {
            "live"
        } else {
            "running"
        };
        let cells = ["disk", whole, "", state, model(disk), ""];
        device(short(parent), cells);
        for efi in mounted(scene) {
            if efi.kind == "vfat" && efi.device.starts_with(parent) {
                let cells = ["part", &size(efi.total), efi.kind, "", "", efi.mount];
                device(&format!("├─{}", short(&efi.device)), cells);
            }
        }
        device(&name, ["part", whole, "ext4", "", "", disk.mount]);
    }
    text
}

/// A row of `lsblk`, whether it is read-only among its cells.
fn row(name: &str, [kind, size, fs, state, model, mount]: [&str; 6], read_only: &str) -> String {
    let line = format!(
        "{name:<12} {kind:<5} {size:>5} {fs:<17} {read_only} {state:<7} {model:<27} {mount}"
    );
    format!("{}\n", line.trim_end())
}

fn short(device: &str) -> &str {
    device.rsplit('/').next().unwrap_or(device)
}

fn model(disk: &DiskKind) -> &'static str {
    if disk.device.contains("sd") {
        "ST16000NM001G-2KK103"
    } else {
        "SAMSUNG MZTL63T8HFLT-00AW7"
    }
}
