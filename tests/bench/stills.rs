//! Draws canned screens into SVG files: `cargo run --example stills -- FOLDER [THEME [SCENE [WIDTHxHEIGHT]]]`.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    reason = "shares the test fleets; a picture that can't be made should stop, loudly"
)]

#[path = "../it/screens/fleets.rs"]
mod fleets;
#[path = "../it/screens/lens.rs"]
mod lens;
#[path = "../it/screens/scenes.rs"]
mod scenes;
mod svg;
#[path = "../it/screens/talk.rs"]
mod talk;

use std::path::PathBuf;

use pilothouse::tui::theme_load;
use pilothouse::tui::{Keymap, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().expect("a folder to write to"));
    let theme = args.next().unwrap_or_else(|| "dark".to_owned());
    let wanted = args.next();
    let size = args.next().map(|size| {
        let (width, height) = size.split_once('x').expect("WIDTHxHEIGHT");
        (width.parse().unwrap(), height.parse().unwrap())
    });
    std::fs::create_dir_all(&folder).unwrap();
    let look = theme_load::load(&theme).expect("a theme");
    let mut all = scenes::panes();
    all.extend(scenes::layers());
    all.extend(scenes::moods());
    all.extend(scenes::lenses());
    all.extend(scenes::lens_layers());
    all.extend(talk::talks());
    all.extend(talk::talk_layers());
    for mut scene in all {
        if wanted.as_ref().is_some_and(|wanted| wanted != scene.name) {
            continue;
        }
        for size in size.map_or(vec![(80, 24), (120, 40), (200, 60)], |size| vec![size]) {
            scene.ui.size = size;
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
            let keymap = Keymap::default();
            terminal
                .draw(|frame| view::view(frame, &scene.fleet, &scene.ui, &keymap, &look))
                .unwrap();
            let name = format!("{}-{}x{}.svg", scene.name, size.0, size.1);
            let picture = svg::picture(terminal.backend().buffer(), &theme);
            std::fs::write(folder.join(name), picture).unwrap();
        }
    }
}
