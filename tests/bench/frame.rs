//! How long a frame takes to draw, without any terminal: two hundred hosts with an hour's history, in memory. Prints
//! microseconds per frame; each frame follows a new reading, as on a live screen.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    dead_code,
    reason = "a stopwatch that prints what it measured, on some of the test fleets"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilothouse::domain::{At, HostId};
use pilothouse::engine::Fleet;
use pilothouse::tui::{Focus, Keymap, Tab, Ui, theme_load, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

#[path = "../it/screens/fleets.rs"]
mod fleets;

const HOSTS: usize = 200;
const FRAMES: u32 = 400;

fn main() -> std::io::Result<()> {
    let fleet = fleet();
    for size in [(80, 24), (120, 40), (200, 60)] {
        for tab in Tab::ALL {
            let each = measure(&fleet, size, tab)?;
            println!(
                "{}x{} {:<9} {:>5} us/frame",
                size.0,
                size.1,
                tab.title(),
                each.as_micros()
            );
        }
    }
    Ok(())
}

/// The four hosts of the screens' tests, over and over, each under its own name.
fn fleet() -> Fleet {
    let mut fleet = fleets::busy();
    let kinds = fleet.hosts.clone();
    fleet.hosts = (0..HOSTS)
        .zip(kinds.iter().cycle())
        .map(|(number, kind)| {
            let mut host = (**kind).clone();
            host.id = HostId::new(format!("{}-{number}", kind.id));
            Arc::new(host)
        })
        .collect();
    fleet
}

/// The mean over many frames on the machine with the most to show.
fn measure(fleet: &Fleet, size: (u16, u16), tab: Tab) -> std::io::Result<Duration> {
    let mut fleet = fleet.clone();
    let mut ui = Ui::new(size);
    ui.selected = fleet.hosts.get(2).map(|host| host.id.clone());
    ui.tab = tab;
    ui.focus = Focus::Detail;
    let keymap = Keymap::default();
    let theme = theme_load::fallback(false);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).map_err(fail)?;
    let start = Instant::now();
    for _ in 0..FRAMES {
        fleet.at = At(fleet.at.0 + 250);
        terminal
            .draw(|frame| view::view(frame, black_box(&fleet), &ui, &keymap, &theme))
            .map_err(fail)?;
    }
    Ok(start.elapsed() / FRAMES)
}

fn fail(never: std::convert::Infallible) -> std::io::Error {
    match never {}
}
