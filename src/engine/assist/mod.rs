//! Conversations with the assistant in the engine: one task each that numbers, keeps and shows what happens, answers the
//! assistant's tools, and lets other consoles watch.

mod absent;
mod attach;
mod drafts;
mod keeping;
mod lock;
mod mind;
mod record;
mod room;
mod screen;
mod sessions;
mod stage;
mod talk;
mod under_way;
mod watch;
mod wire;

pub use mind::{Mind, MindNews, MindStart, MindWish, Minds};
pub use room::Assisting;
pub(super) use sessions::Sessions;
