//! `services`: the services of the fleet on the command line, with the verbs that the console has.

mod args;
mod list;
mod run;
mod shot;
mod target;

pub(super) use args::ServicesArgs;
pub(super) use run::run;
