//! Pilothouse: a control room for a small fleet of GPU machines, in one terminal, over plain SSH.
//!
//! The house has six floors and imports only go down (`tests/it/tidy.rs` holds this as a test):
//!
//! | floor | rooms | may see |
//! |---|---|---|
//! | 5 faces | [`tui`], [`cli`] | [`engine`], [`config`], floor 0; never each other |
//! | 4 engine | [`engine`] | every floor below |
//! | 3 trades | (models, services, apps and sandboxes come with their issues) | floors 0–2 |
//! | 2 machines | [`gpu`], [`machine`], [`reach`] | floors 0–1 |
//! | 1 ground | [`config`], [`exec`], [`ssh`], [`store`], [`clock`], [`tasks`], [`telemetry`] | floor 0, clock, tasks |
//! | 0 words | [`domain`], [`shell`], [`text`] | nothing of ours |
//!
//! [`demo`] stands beside floor 5: a simulated fleet behind real SSH servers, reached only from [`cli`] and tests.
//!
//! Facts go up as messages and are folded into one [`engine::Fleet`]; wishes come down as one
//! [`engine::Command`] through one door. Drawing reads, updating decides, hands act.

pub mod domain;
pub mod shell;
pub mod text;

pub mod clock;
pub mod config;
pub mod exec;
pub mod ssh;
pub mod store;
pub mod tasks;
pub mod telemetry;

pub mod gpu;
pub mod machine;
pub mod reach;

pub mod engine;

pub mod cli;
pub mod demo;
pub mod tui;
