//! Conversations with the assistant in the engine: one task each that numbers, keeps and shows what happens, answers the
//! assistant's tools, and lets other consoles watch.

mod aftermath;
mod attach;
mod calls;
mod drafts;
mod fleet_words;
mod identity;
mod keeping;
mod leftovers;
mod lock;
mod metric_words;
mod mind;
mod program;
mod proposing;
mod reading;
mod record;
mod room;
mod runbook;
mod screen;
mod sessions;
mod stage;
mod talk;
mod under_way;
mod watch;
mod wire;

pub use mind::{Mind, MindCall, MindNews, MindStart, MindWish, Minds};
pub use program::ProgramPlaces;
pub use room::Assisting;
pub use runbook::runbook_problems;
pub(super) use sessions::Sessions;
