//! `containers`: the containers of the fleet on the command line, with the verbs that the console has.

mod args;
mod list;
mod run;
mod shot;
mod show;
mod target;
mod wait;

pub(super) use args::ContainersArgs;
pub(super) use run::run;
