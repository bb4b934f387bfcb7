//! Swaps on a host whose containers are a stand-in, under every kind of `sh`.

mod facts;
mod reservation;
mod stage;
mod story;
mod trouble;
