//! What lies over the screen and has the keys: help, palette, the `:` line's completions, texts, dialogs.

mod arm;
mod command_line;
mod confirm;
mod container;
mod help;
mod host_keys;
mod layers;
mod palette;
mod power;
mod prompts;
mod prune;
mod reader;
mod sessions;
mod signal;
mod sources;
mod work;

pub(super) use layers::{layers, place, things};
pub(super) use work::swap_length;
