//! `models`: the models of the fleet on the command line, with the verbs that the console has.

mod args;
#[cfg(test)]
mod fleet_tests;
mod follow;
mod import;
mod keep;
mod look;
mod menu;
mod menu_shot;
mod place;
mod progress;
mod run;
mod show;
mod status;
mod token;
mod verdicts;
mod wait;
mod words;
mod work;

pub(super) use args::ModelsArgs;
pub(super) use follow::{Job, tell_begun, to_the_end};
pub(super) use run::run;
