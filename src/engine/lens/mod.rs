//! Logs in the engine: sources kept open and resumed, lenses that run over them, and plain streams of their lines.
//! What a lens does with its lines is the trade `logs`.

mod actions;
mod feeder;
mod handle;
mod hosts;
mod lenses;
mod merge;
mod offers;
mod pace;
mod roster;
mod runner;
#[cfg(test)]
mod script;
mod sources;
mod stream;
mod words;

pub use handle::LensHandle;
pub(super) use hosts::lenses;
pub(super) use lenses::Lenses;
pub(super) use offers::offers;
pub use stream::{LogItem, LogStream};
