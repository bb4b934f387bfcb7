//! The lab tests: the real program against real sshds. `tests/run` starts the lab (`tests/lab/up`) and sets
//! `PILOTHOUSE_LAB` to the file that describes it; without it every test here fails and says so.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on should stop, loudly"
)]

mod breakglass;
#[path = "../it/console.rs"]
#[allow(dead_code, reason = "the other tests look deeper into the terminal")]
mod console;
mod lab;
mod logs;
#[path = "../it/messages_api.rs"]
#[allow(dead_code, reason = "the other tests let it fail, too")]
mod messages_api;
mod models;
mod models_console;
mod once;
mod openssh;
mod pair;
mod power;
mod recovery;
