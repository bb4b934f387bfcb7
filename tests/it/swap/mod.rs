//! Swaps on a host whose containers are a stand-in, under every kind of `sh`.

mod facts;
mod reservation;
pub(crate) mod stage;
mod story;
mod trouble;
