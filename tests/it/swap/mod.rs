//! Swaps on a host whose containers are a stand-in, under every kind of `sh`.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start what stands outside, and measure figures"
)]

mod facts;
mod hostile;
pub(crate) mod nasty;
mod nodes;
mod reservation;
pub(crate) mod stage;
mod story;
mod trouble;
