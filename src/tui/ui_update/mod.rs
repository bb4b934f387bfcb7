//! How a key changes the looks (pure): what a person did goes in, the looks change, effects come out. No I/O, no clock.

mod body;
mod breakglass;
mod container;
mod containers;
mod describe;
mod dialogs;
mod effect;
mod fit;
mod layers;
mod ledger;
mod lens;
mod lens_open;
mod lens_picker;
pub(in crate::tui) mod lens_words;
mod model_acts;
mod models;
mod mouse;
mod power;
mod questions;
mod replies;
mod route;
mod screens;
mod services;
mod sources;
#[cfg(test)]
mod tests;
mod work;
mod work_replies;

pub(super) use breakglass::drawn as fit_talk;
pub(super) use effect::is_awaited;
pub use effect::{Copied, Input, LensHand, ReplayOrder, Room, Scene, Spot, TextTo, UiEffect};
pub use fit::fit;
pub use lens_open::{ended as lens_ended, pictured as lens_pictured};
pub use replies::{copied, notice, reply, saved};
pub use route::update;
#[cfg(test)]
pub(in crate::tui) use tests::test_fleet;
