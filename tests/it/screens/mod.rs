//! The screens as contracts: every pane in four moods at three sizes as text, and no size that panics.

mod box_scenes;
mod boxes;
mod fleets;
mod lens;
mod power;
mod scenes;
mod serving;
mod serving_scenes;
mod talk;

use std::sync::Arc;

use pilothouse::tui::theme::Theme;
use pilothouse::tui::theme_load;
use pilothouse::tui::ui_update::{self, Room};
use pilothouse::tui::{Keymap, Screen, Shown, Tab, layout, view};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use scenes::Scene;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn drawn(scene: &Scene, size: (u16, u16)) -> String {
    let text = terminal(scene, size, &theme_load::fallback(false));
    let text = text.backend().to_string();
    // Quotes and trailing blanks of the backend's own form would only be noise in a review.
    text.lines()
        .map(|line| line.trim_matches('"').trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The screen without colour: bold as `*`, dim as `.`, underlined as `_`, reversed as `#`, below each row that has any.
fn drawn_mono(scene: &Scene, size: (u16, u16)) -> String {
    let terminal = terminal(scene, size, &theme_load::load("mono").unwrap());
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for line in 0..size.1 {
        let row = || (0..size.0).filter_map(|column| buffer.cell((column, line)));
        for cell in row() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
        }
        let shown: String = row().map(ratatui::buffer::Cell::symbol).collect();
        let looks: String = row().map(|cell| look(cell.modifier)).collect();
        for of in [shown, looks] {
            if !of.trim().is_empty() {
                text += of.trim_end();
                text.push('\n');
            }
        }
    }
    text
}

fn look(modifier: Modifier) -> char {
    let looks = [
        (Modifier::REVERSED, '#'),
        (Modifier::UNDERLINED, '_'),
        (Modifier::BOLD, '*'),
        (Modifier::DIM, '.'),
    ];
    let look = looks.into_iter().find(|(of, _)| modifier.contains(*of));
    look.map_or(' ', |(_, look)| look)
}

fn terminal(scene: &Scene, size: (u16, u16), theme: &Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let keymap = Keymap::default();
    let mut ui = scene.ui.clone();
    ui.size = size;
    let fleet = Arc::new(scene.fleet.clone());
    // Selections and rows are made valid for this size, as they are after every input.
    for _ in 0..2 {
        let places = layout::layout(size, &ui, &fleet);
        let room = Room {
            list: usize::from(places.list_rows.height),
            processes: usize::from(places.process_rows.height),
            table: usize::from(places.table_rows.height),
            detail: usize::from(places.detail_rows.height),
            detail_length: places.detail_length,
            talk: usize::from(places.talk.rows.height),
            talk_cells: usize::from(places.talk.rows.width).saturating_sub(2),
            layer: usize::from(places.layer_rows.height),
            layer_cells: usize::from(places.layer_rows.width),
            ..Room::default()
        };
        let looks = ui_update::Scene {
            fleet: &fleet,
            keymap: &keymap,
            room,
        };
        let is_fitted = matches!(
            ui.screen,
            Screen::Containers | Screen::Models | Screen::Services
        ) || ui.tab == Tab::Services
            || ui.tab == Tab::Containers
            || ui.breakglass.shown != Shown::Hidden;
        if is_fitted {
            ui_update::fit(&mut ui, looks);
        }
    }
    terminal
        .draw(|frame| view::view(frame, &scene.fleet, &ui, &keymap, theme))
        .unwrap();
    terminal
}

#[test]
fn panes_in_four_moods() {
    for scene in scenes::panes() {
        for size in SIZES {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
}

#[test]
fn containers_and_acts_in_four_moods() {
    for scene in box_scenes::boxes() {
        for size in SIZES {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
    for scene in box_scenes::over() {
        for size in [(80, 24), (120, 40)] {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
}

#[test]
fn models_and_services_in_four_moods() {
    for scene in serving_scenes::panes() {
        for size in SIZES {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
}

#[test]
fn what_lies_over_models_and_services() {
    for scene in serving_scenes::layers() {
        for size in [(80, 24), (120, 40)] {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
}

/// What is served, what comes and what failed reads the same where there is no colour.
#[test]
fn models_and_services_without_colour() {
    let wanted = ["busy-models", "broken-models", "busy-fleet-services"];
    let scenes = serving_scenes::panes().into_iter();
    for scene in scenes.filter(|scene| wanted.contains(&scene.name)) {
        let name = format!("mono-{}-80x24", scene.name);
        insta::assert_snapshot!(name, drawn_mono(&scene, (80, 24)));
    }
}

#[test]
fn the_log_lens_in_four_moods() {
    for scene in scenes::lenses() {
        for size in SIZES {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
    for scene in scenes::lens_layers() {
        let name = format!("{}-120x40", scene.name);
        insta::assert_snapshot!(name, drawn(&scene, (120, 40)));
    }
    for scene in scenes::lenses() {
        if scene.name == "logs-broken" {
            insta::assert_snapshot!("logs-40x8", drawn(&scene, (40, 8)));
        }
    }
}

#[test]
fn nothing_that_a_program_writes_reaches_the_screen_as_a_control() {
    for text in lens::HOSTILE {
        for long in [false, true] {
            let picture = lens::hostile(text);
            let scene = if long {
                scenes::lens("hostile", lens::wrapped(picture))
            } else {
                scenes::lens("hostile", lens::shows(picture))
            };
            for size in [(80, 24), (200, 60)] {
                let shown = drawn(&scene, size);
                let wrong = shown.chars().find(|c| {
                    (c.is_control() && *c != '\n')
                        || matches!(
                            c,
                            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{180e}'
                        )
                        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
                        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}')
                        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
                        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
                });
                assert_eq!(wrong, None, "{text:?} at {size:?}:\n{shown}");
            }
        }
    }
}

#[test]
fn arming_and_the_power_switch() {
    for scene in power::panes() {
        for size in SIZES {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
        if scene.name == "armed" {
            insta::assert_snapshot!("armed-50x14", drawn(&scene, (50, 14)));
        }
    }
    for scene in power::cards() {
        for size in [(80, 24), (120, 40)] {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
}

#[test]
fn breakglass_in_four_moods() {
    for scene in talk::talks() {
        for size in SIZES {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
    for scene in talk::talk_layers() {
        let name = format!("{}-120x40", scene.name);
        insta::assert_snapshot!(name, drawn(&scene, (120, 40)));
    }
    for scene in talk::talks() {
        if scene.name == "talk-busy" {
            insta::assert_snapshot!("talk-40x10", drawn(&scene, (40, 10)));
        }
    }
}

/// A card that decides over the power of a machine reads the same where there is no colour.
#[test]
fn breakglass_and_the_power_card_without_colour() {
    let scenes = talk::talks().into_iter().chain(power::cards());
    let wanted = ["talk-proposed", "talk-busy", "power-verbs", "power-hard"];
    let mut seen = 0;
    for scene in scenes.filter(|scene| wanted.contains(&scene.name)) {
        seen += 1;
        let name = format!("mono-{}-80x24", scene.name);
        insta::assert_snapshot!(name, drawn_mono(&scene, (80, 24)));
    }
    assert_eq!(seen, wanted.len());
}

/// What would be done comes before what it is based on, and what is beyond an edge is said, with the key that shows it.
#[test]
fn a_proposal_too_long_for_the_screen_is_read_by_pages() {
    for (name, first) in [("talk-long-top", 0), ("talk-long-end", 9)] {
        let scene = talk::long_proposal(name, first);
        insta::assert_snapshot!(format!("{name}-80x24"), drawn(&scene, (80, 24)));
    }
}

/// Told, not held to a figure: what a draw costs in an unoptimised build says nothing of the real one.
#[test]
fn a_hundred_thousand_deltas_are_drawn_as_they_come() {
    let clock = pilothouse::clock::Clock::system();
    let (mut slowest, mut draws) = (0, 0);
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let theme = theme_load::fallback(false);
    let keymap = Keymap::default();
    let mut scene = talk::streaming(&[]);
    let fleet = Arc::new(scene.fleet.clone());
    let mut lines = vec![String::new()];
    for delta in 0..100_000 {
        let last = lines.last_mut().unwrap();
        last.push_str("word ");
        if delta % 12 == 11 {
            lines.push(String::new());
        }
        if delta % 120 == 119 {
            lines.push(String::new());
        }
        if delta % 2_000 != 1_999 {
            continue;
        }
        talk::goes_on(&mut scene.ui, &lines);
        let before = clock.at();
        let room = Room {
            talk: 30,
            talk_cells: 43,
            ..Room::default()
        };
        let looks = ui_update::Scene {
            fleet: &fleet,
            keymap: &keymap,
            room,
        };
        ui_update::fit(&mut scene.ui, looks);
        terminal
            .draw(|frame| view::view(frame, &fleet, &scene.ui, &keymap, &theme))
            .unwrap();
        slowest = slowest.max(clock.at().since(before).0);
        draws += 1;
    }
    println!("{draws} draws, the slowest took {slowest} ms");
    assert_eq!(draws, 50);
    assert!(terminal.backend().to_string().contains("word word"));
    assert!(scene.ui.breakglass.rows.len() > 10_000);
}

#[test]
fn what_lies_over_them() {
    for scene in scenes::layers() {
        for size in [(80, 24), (120, 40)] {
            let name = format!("{}-{}x{}", scene.name, size.0, size.1);
            insta::assert_snapshot!(name, drawn(&scene, size));
        }
    }
}

#[test]
fn modes_and_messages() {
    for scene in scenes::moods() {
        let name = format!("{}-120x40", scene.name);
        insta::assert_snapshot!(name, drawn(&scene, (120, 40)));
    }
}

#[test]
fn a_very_small_terminal_shows_a_column() {
    for scene in scenes::panes() {
        if scene.name == "broken-list" {
            insta::assert_snapshot!("summary-30x10", drawn(&scene, (30, 10)));
        }
    }
}

thread_local! {
    // A draft can't be shared between threads.
    static ALL: Vec<Scene> = all();
}

fn all() -> Vec<Scene> {
    let mut all = scenes::panes();
    all.extend(scenes::layers());
    all.extend(scenes::moods());
    all.extend(box_scenes::boxes());
    all.extend(serving_scenes::panes());
    all.extend(serving_scenes::layers());
    all.extend(box_scenes::over());
    all.extend(scenes::lenses());
    all.extend(scenes::lens_layers());
    all.extend(power::panes());
    all.extend(power::cards());
    all.extend(talk::talks());
    all.extend(talk::talk_layers());
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_size_panics_and_nothing_stands_outside(width in 1_u16..=220, height in 1_u16..=70, which in 0_usize..128) {
        let layout = ALL.with(|all| {
            let scene = &all[which % all.len()];
            drawn(scene, (width, height));
            layout::layout((width, height), &scene.ui, &scene.fleet)
        });
        let screen = ratatui::layout::Rect::new(0, 0, width, height);
        for area in [layout.list, layout.detail, layout.layer, layout.process_rows, layout.list_rows, layout.event, layout.lens.rows, layout.lens.map, layout.talk.rows, layout.talk.card, layout.talk.draft] {
            prop_assert!(area.area() == 0 || screen.intersection(area) == area, "{area:?} in {screen:?}");
        }
    }
}
