//! `replay`: a recorded session in the same screen.

use std::path::Path;
use std::sync::Arc;

use super::console::options;
use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::{print, runtime};
use crate::clock::Clock;
use crate::engine::{Recording, Replay};
use crate::tasks::Tasks;
use crate::tui;

/// Plays a recording until the person leaves.
pub(super) fn run(file: &Path, here: &Arc<Here>) -> Result<Exit, CliError> {
    let config = here.load(Vec::new())?.config;
    let recording = Recording::open(file)?;
    let cut_short = recording.is_cut_short();
    let replay = Replay::new(recording)?;
    let runtime = runtime::start()?;
    let tasks = Tasks::new();
    let clock = Clock::system();
    let options = options(&config, here, &clock, (&runtime, &tasks));
    let ended = tui::replay(Box::new(replay), options);
    runtime.block_on(tasks.shutdown(runtime::FAREWELL));
    runtime.shutdown_background();
    ended?;
    if cut_short {
        print::message(
            "the recording ends in the middle of a line, as when its program was killed",
        );
    }
    Ok(Exit::Done)
}
