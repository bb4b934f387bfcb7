//! A conversation in rows: entries as text, made once per change and width; what can be done beside asking; the draft.

mod composer;
mod entries;
mod offers;
mod rows;
mod words;

pub use composer::{Composer, Inserted, LONGEST_DRAFT};
pub(in crate::tui) use entries::{Chip, chip, copy_of, id_of, spinner};
pub(in crate::tui) use offers::{Do, TailRow, offers, tail, trouble};
pub use rows::TalkRows;
pub(in crate::tui) use rows::{Seen, TALK_GUTTER};
pub(in crate::tui) use words::{dollars, left, seconds, tokens};
