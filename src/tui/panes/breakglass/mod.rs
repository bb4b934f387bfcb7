//! The breakglass pane: the conversation, the proposal that waits, the draft.

mod card;
mod composer;
mod pane;
mod place;
mod status;
pub(in crate::tui::panes) mod talk_hints;
mod transcript;

pub(in crate::tui) use card::{room as card_room, shown as proposal, told, unarmed};
pub(in crate::tui) use pane::breakglass;
pub(in crate::tui) use place::{TalkPlace, pane_columns, place, spot};
