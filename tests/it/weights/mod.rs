//! Weights on a host, under every kind of `sh`: looked at, fetched, copied and deleted.

mod download;
mod host;
mod hub;
mod scan;
