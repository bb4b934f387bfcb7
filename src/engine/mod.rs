//! The engine: every fact becomes a message, every message is folded into one [`Fleet`], every wish is a [`Command`]
//! through one door. It has no word for pane, key or colour.

mod command;
mod connect;
mod effect;
mod handle;
mod history;
mod host_actor;
mod host_state;
mod keeper;
mod lanes;
mod msg;
mod notice;
mod perform;
mod policy;
mod publish;
mod questions;
mod record;
mod remote;
mod replay;
mod run;
pub mod sim;
mod state;
mod trouble;
mod update;
mod webhook;
