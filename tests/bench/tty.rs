//! Measures a terminal program from outside, as a person at its terminal would with a stopwatch: time to the first frame,
//! key to screen, bytes to the terminal, CPU and memory. Prints `name=figure` lines. `tests/bench/run` drives it.
#![expect(
    clippy::print_stdout,
    reason = "a program that prints its measurements"
)]

mod svg;
#[allow(
    dead_code,
    clippy::allow_attributes,
    reason = "the other stopwatch looks at more of it"
)]
mod terminal;

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use terminal::{Sorted, Terminal};

#[derive(Parser)]
struct Arguments {
    /// Text that stands on the screen once the first frame is whole.
    #[arg(long)]
    expect: String,
    /// Text beside the selected row; a key is answered when it is on another row.
    #[arg(long, default_value = "│› ")]
    marker: String,
    /// A key is answered when the terminal's own cursor is on another row, instead.
    #[arg(long, conflicts_with = "marker")]
    cursor: bool,
    /// Keys to press after the first frame, before anything else; `~` stands for Enter.
    #[arg(long, default_value = "")]
    first: String,
    /// Starts to measure the first frame by; the last one goes on to the rest.
    #[arg(long, default_value_t = 1)]
    starts: usize,
    /// Seconds to wait before anything else is measured.
    #[arg(long, default_value_t = 5)]
    warm: u64,
    /// Key presses.
    #[arg(long, default_value_t = 0)]
    keys: usize,
    /// Seconds of watching a steady screen.
    #[arg(long, default_value_t = 0)]
    steady: u64,
    /// Columns.
    #[arg(long, default_value = "120")]
    columns: NonZeroU16,
    /// Rows.
    #[arg(long, default_value = "40")]
    rows: NonZeroU16,
    /// Write the last screen into this file as a picture.
    #[arg(long)]
    still: Option<PathBuf>,
    /// Keys to press before the picture is taken.
    #[arg(long, default_value = "")]
    typing: String,
    /// Print the last screen to look at, too.
    #[arg(long)]
    show: bool,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut first_frames = Vec::new();
    let start = || Terminal::start(&arguments.command, arguments.rows, arguments.columns);
    let mut terminal = start()?;
    for turn in 1.. {
        first_frames.push(terminal.first_frame(&arguments.expect)?);
        if turn >= arguments.starts {
            break;
        }
        terminal.quit()?;
        terminal = start()?;
    }
    terminal.press(&arguments.first.replace('~', "\r"))?;
    terminal.watch(Duration::from_secs(arguments.warm))?;
    let marker = (!arguments.cursor).then_some(arguments.marker.as_str());
    let keys = terminal.press_keys(arguments.keys, marker)?;
    let steady = terminal.steady(Duration::from_secs(arguments.steady))?;
    if let Some(file) = &arguments.still {
        terminal.press(&arguments.typing)?;
        std::fs::write(
            file,
            svg::picture(&buffer(terminal.parser.screen()), "dark"),
        )?;
    }
    if arguments.show {
        println!("{}", terminal.parser.screen().contents());
    }
    terminal.quit()?;
    let (first_frames, keys) = (Sorted::of(first_frames), Sorted::of(keys));
    let print = |name: &str, figure: Option<f64>| {
        if let Some(figure) = figure {
            println!("{name}={figure:.2}");
        }
    };
    print("first_frame_ms", first_frames.at(0.5));
    print("first_frame_worst_ms", first_frames.at(1.0));
    print("key_p50_ms", keys.at(0.5));
    print("key_p99_ms", keys.at(0.99));
    print("key_worst_ms", keys.at(1.0));
    print("frames_per_s", steady.as_ref().map(|it| it.frames_per_s));
    print("kb_per_min", steady.as_ref().map(|it| it.kb_per_min));
    print("cpu_s_per_min", steady.as_ref().map(|it| it.cpu_s_per_min));
    print("rss_mib", steady.as_ref().map(|it| it.rss_mib));
    print("peak_rss_mib", steady.as_ref().map(|it| it.peak_rss_mib));
    Ok(())
}

/// The screen as the picture maker takes it.
fn buffer(screen: &vt100::Screen) -> Buffer {
    let (rows, columns) = screen.size();
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns.get(), rows.get()));
    for (row, column) in
        (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)))
    {
        let (Some(from), Some(to)) = (screen.cell(row, column), buffer.cell_mut((column, row)))
        else {
            continue;
        };
        if from.has_contents() {
            to.set_symbol(from.contents());
        }
        to.set_fg(colour(from.fgcolor()))
            .set_bg(colour(from.bgcolor()));
        for (has, modifier) in [
            (from.bold(), Modifier::BOLD),
            (from.dim(), Modifier::DIM),
            (from.italic(), Modifier::ITALIC),
            (from.underline(), Modifier::UNDERLINED),
            (from.inverse(), Modifier::REVERSED),
        ] {
            to.modifier.set(modifier, has);
        }
    }
    buffer
}

#[expect(
    clippy::disallowed_methods,
    reason = "these are colours that were drawn, not chosen"
)]
fn colour(colour: vt100::Color) -> Color {
    match colour {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => Color::Indexed(index),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
