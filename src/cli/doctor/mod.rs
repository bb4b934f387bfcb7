//! `doctor`: what is missing on this side, each finding with its mend.

mod assistant;
mod check;
mod files;
mod gpu;
mod hosts;
mod models;
mod power;
mod run;
mod switch;
mod terminal;
mod tmux;

pub(super) use run::run;
