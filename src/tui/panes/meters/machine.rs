//! The machine beside its GPUs: processors, load, waiting, network, uptime, disks.

use ratatui::layout::Rect;

use super::super::Scene;
use super::draw::{old, shown};
use super::plan::Row;
use crate::domain::{Age, Bytes, Disk, MachineReading};
use crate::engine::Host;
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, Pen, bytes, gauge, pair, percent, rate};

/// Readings of disks come every 30 s, whatever the sample period; they are old after two of them.
const DISKS_OLD: Age = Age(60_000);

/// A disk with less than this share left is worth a look.
const DISK_FULL: f32 = 0.9;

/// Title and value of the section.
pub(super) fn title(host: &Host) -> (String, String) {
    let reading = host.machine.as_ref().map(|read| &read.value);
    let up = reading
        .and_then(|reading| reading.uptime.value())
        .map_or_else(String::new, |seconds| {
            format!("up {}", Age(seconds.saturating_mul(1000)).words())
        });
    ("machine".to_owned(), up)
}

/// Draws one of the rows.
pub(super) fn draw(canvas: &mut Canvas<'_>, line: Rect, scene: Scene<'_>, host: &Host, row: Row) {
    if let Row::Disk(place) = row {
        if let Some(read) = &host.disks
            && let Some(disk) = read.value.get(place)
        {
            let stale = read.age(scene.fleet.at) > DISKS_OLD;
            disk_row(canvas.pen(line).stale(stale), disk);
        }
        return;
    }
    let Some(read) = &host.machine else {
        return;
    };
    let pen = canvas.pen(line).stale(old(scene, read));
    match row {
        Row::Cpu => cpu_row(pen, &read.value),
        Row::Network => network_row(pen, &read.value),
        _ => {}
    }
}

fn cpu_row(mut pen: Pen<'_>, reading: &MachineReading) {
    pen.left("cpu", 8, Role::Dim);
    pen.right(&percent(&reading.cpu), 5, Role::Text).skip(1);
    let share = reading.cpu.value().map_or(0.0, |cpu| cpu.0 / 100.0);
    gauge(&mut pen, 8, share, Role::GraphUse);
    let count = shown(&reading.processors, |count| format!("{count} cpus"));
    pen.skip(2).left(&count, 8, Role::Dim).skip(1);
    pen.put("load ", Role::Dim);
    let load = shown(&reading.load, |[one, five, fifteen]| {
        format!("{one:.1} {five:.1} {fifteen:.1}")
    });
    pen.left(&load, 15, Role::Text);
    if pen.room() < 8 {
        return;
    }
    match reading.pressure.value() {
        Some(pressure) => {
            // What waited in the last ten seconds, by the kernel's own count.
            pen.put("waits", Role::Dim);
            for (name, share) in [
                ("mem", pressure.memory_some),
                ("io", pressure.io_full),
                ("cpu", pressure.cpu_some),
            ] {
                let words = format!("{:.0} %", share.0);
                if pen.room() < 9 {
                    break;
                }
                let role = if share.0 >= 10.0 {
                    Role::Warn
                } else {
                    Role::Text
                };
                pen.skip(1).put(name, Role::Dim).right(&words, 5, role);
            }
        }
        None => {
            pen.put("waits –", Role::Dim);
        }
    }
}

fn network_row(mut pen: Pen<'_>, reading: &MachineReading) {
    if let Some(memory) = reading.memory.value() {
        let swap = if memory.swap_total.0 == 0 {
            "none".to_owned()
        } else {
            pair(memory.swap_used, memory.swap_total)
        };
        pen.at_end(&[("swap ", Role::Dim), (&swap, Role::Text)]);
    }
    pen.left("net", 8, Role::Dim);
    match reading.network.value() {
        Some(network) => {
            pen.put("↓", Role::Dim)
                .right(&rate(network.received), 11, Role::Text)
                .skip(3)
                .put("↑", Role::Dim)
                .right(&rate(network.sent), 11, Role::Text);
        }
        None => {
            let why = reading.network.missing().map_or("", |why| why.words());
            pen.put("– ", Role::Text).put(why, Role::Dim);
        }
    }
}

fn disk_row(mut pen: Pen<'_>, disk: &Disk) {
    let Bytes(total) = disk.total;
    // What root keeps back is no room: full is counted by what can still be written.
    let share = if total == 0 {
        0.0
    } else {
        1.0 - disk.available.0 as f32 / total as f32
    };
    let role = if share >= DISK_FULL {
        Role::Warn
    } else {
        Role::Text
    };
    pen.left("disk", 8, Role::Dim);
    pen.right(&format!("{:.0} %", share * 100.0), 5, role)
        .skip(1);
    gauge(
        &mut pen,
        12,
        share,
        if share >= DISK_FULL {
            Role::Warn
        } else {
            Role::PartCache
        },
    );
    pen.skip(2)
        .left(
            &format!("{} free of {}", bytes(disk.available), bytes(disk.total)),
            22,
            Role::Text,
        )
        .skip(1)
        .put(disk.mount.as_str(), Role::Title)
        .skip(2)
        .put(disk.device.as_str(), Role::Faint);
}
