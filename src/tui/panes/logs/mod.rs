//! The log lens on the screen: its box with what there is to say of the whole, its lines, and the minimap at the right.

mod empty;
mod foot;
mod head;
mod lines;
mod place;
mod shell;

pub(in crate::tui) use foot::hits;
pub(in crate::tui) use place::{LensPlace, place, row_cursor, spot};
pub(in crate::tui) use shell::logs;
