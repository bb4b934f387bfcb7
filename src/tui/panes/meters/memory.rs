//! The machine's memory as one bar. Where GPUs share it, their part stands first and the bar says *unified*.

use ratatui::layout::Rect;

use super::super::Scene;
use super::draw::old;
use super::plan::Dress;
use crate::domain::{GpuMemory, Memory, Metric, Mib};
use crate::engine::Host;
use crate::text::width;
use crate::tui::theme::Role;
use crate::tui::widgets::{Canvas, Part, bar, pair};

/// One part of memory, by name.
struct Share {
    name: &'static str,
    amount: Mib,
    glyph: &'static str,
    role: Role,
}

/// The parts of memory, which add up to the whole: what GPU processes hold (where memory is shared), what else is held, what
/// the kernel gives back, the rest.
fn shares(host: &Host, memory: &Memory) -> Vec<Share> {
    let share = |name, amount, glyph, role| Share {
        name,
        amount,
        glyph,
        role,
    };
    let used = memory.used();
    // Not all of the cache can be given back: what is available bounds it.
    let cache = memory.cache.min(memory.available);
    let mut shares = Vec::with_capacity(4);
    if is_unified(host) {
        let gpu = held_by_gpus(host).min(used);
        shares.push(share("gpu", gpu, "█", Role::PartGpu));
        shares.push(share("other", used - gpu, "▓", Role::PartOther));
    } else {
        shares.push(share("used", used, "█", Role::PartGpu));
    }
    shares.push(share("cache", cache, "░", Role::PartCache));
    shares.push(share("free", memory.available - cache, "·", Role::Faint));
    shares
}

fn held_by_gpus(host: &Host) -> Mib {
    let processes = host.processes.as_ref().map(|read| &read.value);
    processes
        .into_iter()
        .flat_map(|all| all.iter())
        .filter_map(|process| process.memory.value().copied())
        .sum()
}

fn is_unified(host: &Host) -> bool {
    host.gpus.as_ref().is_some_and(|read| {
        read.value
            .gpus
            .iter()
            .any(|gpu| gpu.memory == GpuMemory::Unified)
    })
}

fn memory_of(host: &Host) -> Option<&Memory> {
    host.machine.as_ref()?.value.memory.value()
}

/// Title of the section.
pub(super) fn title(host: &Host) -> String {
    if is_unified(host) {
        "memory unified"
    } else {
        "memory"
    }
    .to_owned()
}

/// Value of the section.
pub(super) fn value(host: &Host) -> String {
    memory_of(host).map_or_else(
        || "–".to_owned(),
        |memory| {
            format!(
                "{} · {} left",
                pair(memory.used(), memory.total),
                memory.available
            )
        },
    )
}

/// Draws the bar.
pub(super) fn bar_row(
    canvas: &mut Canvas<'_>,
    line: Rect,
    scene: Scene<'_>,
    (host, dress): (&Host, Dress),
) {
    let Some(read) = &host.machine else {
        canvas.pen(line).put("memory not read yet", Role::Dim);
        return;
    };
    let mut pen = canvas.pen(line).stale(old(scene, read));
    let memory = match &read.value.memory {
        Metric::Is(memory) => memory,
        Metric::Missing(why) => {
            pen.left("memory", 8, Role::Dim)
                .put("– ", Role::Text)
                .put(why.words(), Role::Dim);
            return;
        }
    };
    if dress == Dress::Named {
        let own = host
            .gpus
            .as_ref()
            .is_some_and(|read| !read.value.gpus.is_empty());
        let ram = own && !is_unified(host);
        pen.left(if ram { "ram" } else { "memory" }, 8, Role::Dim);
        let words = format!("{:>17}", pair(memory.used(), memory.total));
        pen.at_end(&[(&words, tight_role(scene, memory))]);
    }
    let cells = pen.room();
    let parts: Vec<Part> = shares(host, memory)
        .iter()
        .filter(|share| share.name != "free")
        .map(|share| Part {
            amount: share.amount.0,
            glyph: share.glyph,
            role: share.role,
        })
        .collect();
    bar(&mut pen, cells, memory.total.0, &parts);
}

/// The look of the value: little left is worth a look.
fn tight_role(scene: Scene<'_>, memory: &Memory) -> Role {
    if scene
        .fleet
        .thresholds
        .is_tight(memory.available, memory.total)
    {
        Role::Warn
    } else {
        Role::Text
    }
}

/// Draws what the parts are.
pub(super) fn legend(
    canvas: &mut Canvas<'_>,
    line: Rect,
    scene: Scene<'_>,
    (host, dress): (&Host, Dress),
) {
    let (Some(read), Some(memory)) = (&host.machine, memory_of(host)) else {
        return;
    };
    let mut pen = canvas.pen(line).stale(old(scene, read));
    if dress == Dress::Named {
        let word = if is_unified(host) { "unified" } else { "" };
        pen.left(word, 8, Role::Dim);
    }
    for share in shares(host, memory) {
        let amount = share.amount.to_string();
        // A part that does not fit is left to the bar rather than cut in the middle of its number.
        if usize::from(pen.room()) < 3 + share.name.len() + width(&amount) {
            break;
        }
        pen.put(share.glyph, share.role)
            .skip(1)
            .put(share.name, Role::Dim)
            .skip(1)
            .left(&amount, 9, Role::Text);
    }
}
