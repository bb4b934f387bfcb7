//! How long a frame takes to draw, without any terminal: two hundred hosts with an hour's history, in memory. Prints
//! microseconds per frame; each frame follows a new reading, as on a live screen, and in the breakglass pane a word more of
//! an answer at the end of a long conversation.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    dead_code,
    reason = "a stopwatch that prints what it measured, on some of the test fleets"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilothouse::domain::{At, HostId, SessionId};
use pilothouse::engine::{Entry, EntryId, Fleet, Phase, Transcript};
use pilothouse::text::SafeText;
use pilothouse::tui::ui_update::{self, Room, Scene};
use pilothouse::tui::{Focus, Keymap, Screen, Shown, Tab, TalkState, Ui, layout, theme_load, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

#[path = "../it/screens/fleets.rs"]
mod fleets;
#[path = "../it/screens/serving.rs"]
mod serving;

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
        let each = measure_talk(&fleet, size)?;
        let (columns, lines, each) = (size.0, size.1, each.as_micros());
        println!("{columns}x{lines} {:<9} {each:>5} us/frame", "Talk");
        for (name, news) in [("Menu", false), ("MenuNews", true)] {
            let each = measure_menu(size, news)?.as_micros();
            println!("{columns}x{lines} {name:<9} {each:>5} us/frame");
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

/// The mean over many frames of the models: sixty on each of eight hosts. With news each frame follows new numbers of every engine, so
/// that the rows are made anew; without it follows a reading that says nothing of models.
fn measure_menu(size: (u16, u16), news: bool) -> std::io::Result<Duration> {
    let mut fleet = Arc::new(serving::many(60, 8));
    let mut ui = Ui::new(size);
    ui.screen = Screen::Models;
    let keymap = Keymap::default();
    let theme = theme_load::fallback(false);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).map_err(fail)?;
    let mut took = Duration::ZERO;
    for frame in 0..=FRAMES {
        let changed = Arc::make_mut(&mut fleet);
        changed.at.0 += 250;
        for host in changed.hosts.iter_mut().filter(|_| news) {
            let host = Arc::make_mut(host);
            host.models = Arc::new((*host.models).clone());
        }
        let start = Instant::now();
        let places = layout::layout(size, &ui, &fleet);
        let room = Room {
            table: usize::from(places.table_rows.height),
            detail: usize::from(places.detail_rows.height),
            detail_length: places.detail_length,
            ..Room::default()
        };
        let scene = Scene {
            fleet: &fleet,
            keymap: &keymap,
            room,
        };
        ui_update::fit(&mut ui, scene);
        terminal
            .draw(|frame| view::view(frame, black_box(&fleet), &ui, &keymap, &theme))
            .map_err(fail)?;
        if frame > 0 {
            took += start.elapsed();
        }
    }
    Ok(took / FRAMES)
}

/// Entries of the conversation, and lines of the answer that grows at its end.
const ENTRIES: u64 = 1_500;
const LINES: usize = 4_000;

/// An answer as they are: about two kilobytes, so that all of them are as many as a conversation holds.
fn answer(id: u64) -> Entry {
    let item = "- the unit **vllm** holds `88 GiB` of 119 GiB, and the kernel refused an allocation at 20:58:09";
    let mut lines = vec!["## What I found", "", "It is *short of memory*.", ""];
    lines.extend([item; 16]);
    lines.extend([
        "",
        "| process | holds |",
        "|---|---|",
        "| vllm | 88 GiB |",
        "",
        "```sh",
        "free -h",
        "```",
    ]);
    Entry::Said {
        id: EntryId(id),
        lines: lines.into_iter().map(SafeText::new).collect(),
        draft: false,
    }
}

/// The mean over many frames beside a long conversation, at whose end a long answer grows.
fn measure_talk(fleet: &Fleet, size: (u16, u16)) -> std::io::Result<Duration> {
    let mut fleet = Arc::new(fleet.clone());
    let mut ui = Ui::new(size);
    ui.breakglass.shown = Shown::Focused;
    ui.breakglass.state = TalkState::Open(SessionId(7));
    let mut transcript = Transcript {
        session: SessionId(7),
        phase: Phase::Idle,
        entries: (0..ENTRIES).map(answer).map(Arc::new).collect(),
        ..Transcript::default()
    };
    transcript.entries.push(Arc::new(answer(ENTRIES)));
    let mut draft =
        vec![
            SafeText::new("a line of an answer that goes on and **on** without a blank line");
            LINES
        ];
    let keymap = Keymap::default();
    let theme = theme_load::fallback(false);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).map_err(fail)?;
    let mut took = Duration::ZERO;
    for frame in 0..=FRAMES {
        Arc::make_mut(&mut fleet).at.0 += 33;
        draft.push(SafeText::new("one line more"));
        transcript.entries.pop();
        transcript.entries.push(Arc::new(Entry::Said {
            id: EntryId(ENTRIES),
            lines: draft.clone(),
            draft: true,
        }));
        let picture = Arc::new(transcript.clone());
        let start = Instant::now();
        ui.breakglass.transcript = picture;
        let places = layout::layout(size, &ui, &fleet);
        let room = Room {
            talk: usize::from(places.talk.rows.height),
            talk_cells: usize::from(places.talk.rows.width).saturating_sub(2),
            ..Room::default()
        };
        let scene = Scene {
            fleet: &fleet,
            keymap: &keymap,
            room,
        };
        ui_update::fit(&mut ui, scene);
        terminal
            .draw(|frame| view::view(frame, black_box(&fleet), &ui, &keymap, &theme))
            .map_err(fail)?;
        // The first lays the whole conversation out.
        if frame == 0 {
            println!(
                "# {}x{}: {} us until a long conversation is there",
                size.0,
                size.1,
                start.elapsed().as_micros()
            );
        } else {
            took += start.elapsed();
        }
    }
    Ok(took / FRAMES)
}

fn fail(never: std::convert::Infallible) -> std::io::Error {
    match never {}
}
