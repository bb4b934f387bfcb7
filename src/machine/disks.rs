//! Lines of `df -kP` -> [`Disk`]s: file systems on real devices, each device once. Pure.

use std::collections::BTreeMap;

use crate::domain::{Bytes, Disk};

/// File systems kept of a host.
const MOST_DISKS: usize = 1024;

/// One run of df.
#[derive(Debug, Default)]
pub(super) struct DiskReader(BTreeMap<String, Disk>);

impl DiskReader {
    /// One line: device, 1024-blocks, used, available, capacity, mount point. Only a mount point may hold spaces.
    pub(super) fn line(&mut self, text: &str) {
        let Some((device, disk)) = parse(text) else {
            return;
        };
        // A bind mount shows the same device again; the shortest place is where it belongs.
        let shorter = self
            .0
            .get(&device)
            .is_none_or(|known| disk.mount.as_str().len() < known.mount.as_str().len());
        if shorter && self.0.len() < MOST_DISKS {
            self.0.insert(device, disk);
        }
    }

    /// The run is over.
    pub(super) fn end(&mut self) -> Vec<Disk> {
        let mut disks: Vec<Disk> = std::mem::take(&mut self.0).into_values().collect();
        disks.sort_by(|a, b| a.mount.cmp(&b.mount));
        disks
    }
}

fn parse(text: &str) -> Option<(String, Disk)> {
    let mut rest = text;
    let mut word = || {
        let (word, tail) = rest.trim_start().split_once(' ')?;
        rest = tail;
        Some(word)
    };
    let device = word()?;
    let mut size = || {
        word()?
            .parse::<u64>()
            .ok()
            .map(|k| Bytes(k.saturating_mul(1024)))
    };
    let (total, used, available) = (size()?, size()?, size()?);
    let _capacity = word()?;
    let mount = rest.trim_start();
    let shown = total.0 > 0 && mount.starts_with('/') && (is_real(device) || mount == "/");
    shown.then(|| {
        let disk = Disk {
            mount: mount.into(),
            device: device.into(),
            total,
            used,
            available,
        };
        (device.to_owned(), disk)
    })
}

/// Block devices but loops, network file systems (`host:/path`), and ZFS data sets (`pool/set`, which no pseudo file
/// system is named like).
fn is_real(device: &str) -> bool {
    match device.strip_prefix("/dev/") {
        Some(name) => !name.starts_with("loop"),
        None => device.contains(":/") || (!device.starts_with('/') && device.contains('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_on_real_devices() {
        let built = include_str!("../../tests/it/fixtures/proc/df-built.txt");
        let mut reader = DiskReader::default();
        for line in built.lines() {
            reader.line(line);
        }
        let mounts: Vec<String> = reader
            .end()
            .iter()
            .map(|disk| format!("{} {}", disk.device, disk.mount))
            .collect();
        assert_eq!(
            mounts,
            [
                "/dev/nvme0n1p2 /",
                "/dev/nvme0n1p1 /boot/efi",
                "nas.lan:/volume1/models /mnt/models",
                "rpool/data /rpool/data",
                "/dev/sda1 /srv/with space",
            ]
        );
        assert!(reader.end().is_empty(), "each run begins anew");
    }

    #[test]
    fn a_container_shows_its_root() {
        let mut reader = DiskReader::default();
        reader.line("overlay 1000 400 600 40% /");
        let disk = reader.end().remove(0);
        assert_eq!((disk.total, disk.used), (Bytes(1_024_000), Bytes(409_600)));
    }
}
