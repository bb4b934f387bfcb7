//! How a simulated machine answers the console's read-only questions (pure): the words of the real tools, drawn from its
//! world. What else its command lines do is in `command`.

mod disks;
mod gpus;
mod host;
mod logs;
mod look;
mod network;
mod scene;
mod tasks;
mod units;

pub(super) use look::{Look, Said};
pub(super) use scene::Scene;
