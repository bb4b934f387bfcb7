//! Weights on a host, under every kind of `sh`: looked at, fetched, copied and deleted.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start what stands outside, and measure figures"
)]

mod download;
mod host;
mod hub;
mod scan;
