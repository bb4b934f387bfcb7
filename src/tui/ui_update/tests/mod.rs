//! Scripted keys on a small fleet: what they change, what they ask for, and what they never do.

mod asking;
mod breakglass;
mod breakglass_keys;
mod containers;
mod lens;
mod looking;
mod model_dialogs;
mod model_rows;
mod models;
mod person;
mod power;
mod services;
mod serving;

pub(in crate::tui) use person::fleet as test_fleet;
