//! `pilothouse power`: the power switch of a host from the command line, and what its hypervisor needs for it. No screen, no
//! assistant.

mod args;
mod install;
mod progress;
mod trust;
mod verb;

pub(super) use args::PowerArgs;
pub(super) use verb::run;
