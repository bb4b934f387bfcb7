//! The integration tests, one binary: each module is one story.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on should stop, loudly"
)]

mod approval;
mod ask_typed;
mod assistant;
mod assistant_scenes;
mod cli;
mod config;
mod console;
mod containers;
mod containers_cli;
mod demo;
mod demo_models;
mod demo_runbooks;
mod desk;
mod diagnose;
mod dial;
mod docker;
mod docker_hostile;
mod dockerd;
mod door;
mod dressed;
mod fleet;
mod follow;
mod follow_containers;
mod follow_shells;
mod hostile;
mod jobs;
mod known_hosts;
mod ledger;
mod ledger_kill;
mod ledger_verbs;
mod logs;
mod logs_verb;
mod mcp;
mod messages_api;
mod models_cli;
mod models_door;
mod models_launch;
mod models_webhook;
mod obedient;
mod payloads;
mod power;
mod power_broken;
mod power_broken_console;
mod power_door;
mod power_kill;
mod power_switch;
mod private_places;
mod pty;
mod quoting;
mod readme;
mod runbooks_hostile;
mod sampler;
mod screens;
mod secrets;
mod services_door;
mod services_hostile;
mod services_install;
mod ssh;
mod ssh_login;
mod ssh_prompts;
mod sshd;
mod swap;
mod talk_verbs;
mod talks;
mod tidy;
mod weights;
