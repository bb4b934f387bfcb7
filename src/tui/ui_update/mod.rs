//! How a key changes the looks (pure): what a person did goes in, the looks change, effects come out. No I/O, no clock.

mod body;
mod describe;
mod dialogs;
mod effect;
mod fit;
mod layers;
mod ledger;
mod lens;
mod mouse;
mod questions;
mod replies;
mod route;
mod screens;
#[cfg(test)]
mod tests;

pub use effect::{Copied, Input, ReplayOrder, Room, Scene, Spot, UiEffect};
pub use fit::fit;
pub use replies::{copied, notice, reply};
pub use route::update;
