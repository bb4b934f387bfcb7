//! Pilothouse: a control room for a small fleet of GPU machines, in one terminal, over plain SSH.
//!
//! The house has six floors and imports only go down (`tests/it/tidy.rs` holds this as a test, and that this table names
//! every room on its floor):
//!
//! | floor | rooms | may see |
//! |---|---|---|
//! | 5 faces | [`tui`], [`cli`], [`mcp`] | [`engine`], [`config`], floor 0 |
//! | 4 engine | [`engine`] | every floor below |
//! | 3 trades | [`models`], [`services`], [`apps`], [`logs`], [`power`], [`assistant`] | floors 0–2 |
//! | 2 machines | [`gpu`], [`capacity`], [`machine`], [`reach`], [`follow`], [`docker`], [`jobs`], [`diagnose`] | floors 0–1; `machine` also `gpu`, `docker` also `follow` |
//! | 1 ground | [`config`], [`exec`], [`ssh`], [`store`], [`clock`], [`tasks`], [`telemetry`] | floor 0, `clock`, `tasks`; `exec` also `ssh` |
//! | 0 words | [`domain`], [`shell`], [`text`] | nothing of ours; `domain` also `text` |
//!
//! [`cli`] starts the program, so it alone also opens `tui`, `demo` and what both stand on (clock, tasks, log, store,
//! local processes, the person's ssh defaults, NVML of this machine). [`demo`] stands beside floor 5: a simulated fleet
//! behind real SSH servers, reached only from [`cli`] and tests. It plays the far side, so it sees the words, `config`,
//! `clock`, `tasks` and the wire of `machine`, and never the engine.
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

pub mod capacity;
pub mod diagnose;
pub mod docker;
pub mod follow;
pub mod gpu;
pub mod jobs;
pub mod machine;
pub mod reach;

pub mod apps;
pub mod assistant;
pub mod logs;
pub mod models;
pub mod power;
pub mod services;

pub mod engine;

pub mod cli;
pub mod demo;
pub mod mcp;
pub mod tui;
