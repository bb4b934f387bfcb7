//! How the lens stands, in words: whether it follows, what the filter hides, what the search found.

use super::place::LensPlace;
use crate::engine::{LensPicture, Past, SearchState};
use crate::text::width;
use crate::tui::action::Action;
use crate::tui::panes::Scene;
use crate::tui::theme::Role;
use crate::tui::ui_lens::LongLines;
use crate::tui::widgets::{Canvas, grouped};

type Words = Vec<(String, Role)>;

/// Draws the words: following at the left, the rest at the right, the least needed left out where there is no room.
pub(super) fn foot(canvas: &mut Canvas<'_>, place: LensPlace, scene: Scene<'_>) {
    let picture = scene.ui.lens.shown();
    let left = following(scene, picture);
    let mut right = Words::new();
    let taken = |words: &Words| words.iter().map(|(text, _)| width(text)).sum::<usize>();
    let room = usize::from(place.foot.width).saturating_sub(taken(&left) + 4);
    for words in [
        filtered(picture),
        searched(picture.search.as_ref()),
        past(picture),
        ways(scene, picture),
    ] {
        if words.is_empty() || taken(&right) + taken(&words) + 4 > room {
            continue;
        }
        let between = if right.is_empty() { " " } else { " · " };
        right.push((between.to_owned(), Role::Faint));
        right.extend(words);
    }
    if !right.is_empty() {
        right.push((" ".to_owned(), Role::Dim));
    }
    let mut pen = canvas.pen(place.foot);
    let pieces: Vec<(&str, Role)> = right
        .iter()
        .map(|(text, role)| (text.as_str(), *role))
        .collect();
    pen.at_end(&pieces);
    for (text, role) in &left {
        pen.put(text, *role);
    }
}

fn following(scene: Scene<'_>, picture: &LensPicture) -> Words {
    let key = scene.keymap.label(Action::Bottom);
    if scene.ui.lens.held.is_some() {
        let key = scene.keymap.label(Action::Pause);
        return vec![
            (" ▮ held".to_owned(), Role::Warn),
            (format!(" · {key} goes on "), Role::Dim),
        ];
    }
    if picture.following {
        return vec![(" ▼ following ".to_owned(), Role::Ok)];
    }
    let below = match picture.behind {
        0 => String::new(),
        many => format!(", {} new below", grouped(many)),
    };
    let role = if picture.behind > 0 {
        Role::Warn
    } else {
        Role::Text
    };
    vec![
        (format!(" ■ stopped{below}"), role),
        (format!(" · {key} resumes "), Role::Dim),
    ]
}

fn filtered(picture: &LensPicture) -> Words {
    let Some(filter) = picture
        .filter
        .as_ref()
        .filter(|filter| !filter.text.is_empty())
    else {
        return Words::new();
    };
    let done = if filter.done { "" } else { " so far" };
    let shown = format!(
        "{} of {}{done}",
        grouped(picture.shown),
        grouped(picture.lines)
    );
    vec![
        (shown, Role::Text),
        (" & ".to_owned(), Role::Key),
        (filter.text.clone(), Role::Hit),
    ]
}

fn searched(search: Option<&SearchState>) -> Words {
    let Some(search) = search.filter(|search| !search.pattern.is_empty()) else {
        return Words::new();
    };
    vec![
        (
            hits(search),
            if search.hits == 0 {
                Role::Warn
            } else {
                Role::Text
            },
        ),
        (" / ".to_owned(), Role::Key),
        (search.pattern.clone(), Role::Hit),
    ]
}

/// `3 of 17`, `no hit`, `17 hits so far`.
pub(in crate::tui) fn hits(search: &SearchState) -> String {
    let done = if search.done { "" } else { " so far" };
    let wrapped = if search.wrapped { " ↻" } else { "" };
    match (search.present, search.hits) {
        (_, 0) => format!("no hit{done}"),
        (Some(at), all) => format!("{} of {}{done}{wrapped}", grouped(at), grouped(all)),
        (None, 1) => format!("1 hit{done}"),
        (None, all) => format!("{} hits{done}", grouped(all)),
    }
}

fn past(picture: &LensPicture) -> Words {
    let words = match picture.past {
        Past::Fetching => "fetching older lines",
        Past::Start if picture.above == 0 => "these are the first lines",
        Past::Full if picture.above == 0 => "the buffer has no room for older lines",
        _ => return Words::new(),
    };
    vec![(words.to_owned(), Role::Dim)]
}

/// What is shown otherwise than at the start.
fn ways(scene: Scene<'_>, picture: &LensPicture) -> Words {
    let marks = match picture.marks {
        0 => None,
        1 => Some("1 mark".to_owned()),
        many => Some(format!("{many} marks")),
    };
    let long = match scene.ui.lens.long {
        LongLines::Wrap => Some("wrapped".to_owned()),
        LongLines::Cut(0) => None,
        LongLines::Cut(side) => Some(format!("from column {}", side + 1)),
    };
    let words: Vec<String> = [
        marks,
        long,
        picture.raw.then(|| "as it came".to_owned()),
        picture.fold.then(|| "folded".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if words.is_empty() {
        Words::new()
    } else {
        vec![(words.join(" · "), Role::Dim)]
    }
}
