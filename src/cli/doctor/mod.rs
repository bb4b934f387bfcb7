//! `doctor`: what is missing on this side, each finding with its mend.

mod check;
mod files;
mod gpu;
mod hosts;
mod run;
mod terminal;
mod tmux;

pub(super) use run::run;
