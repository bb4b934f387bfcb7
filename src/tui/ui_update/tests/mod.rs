//! Scripted keys on a small fleet: what they change, what they ask for, and what they never do.

mod asking;
mod breakglass;
mod breakglass_keys;
mod containers;
mod lens;
mod looking;
mod person;
mod power;
