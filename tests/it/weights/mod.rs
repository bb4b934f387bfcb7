//! Weights on a host, under every kind of `sh`: looked at, fetched, copied and deleted.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start what stands outside, and measure figures"
)]

mod copy;
mod download;
mod faults;
mod host;
mod hub;
mod liar;
mod scan;
mod tight;
