//! The fold of the fleet, pure: one message in, the fleet changed, effects out. No I/O, no await, no clock, no spawn; one
//! file per family of messages.

mod alert;
mod arming;
mod asked;
mod containers;
mod fold;
mod host;
mod judge;
mod lost;
mod models;
mod notes;
mod power;
mod proposals;
mod services;

pub use fold::update;
