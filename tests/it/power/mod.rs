//! The power switch: the script on the hypervisor under every kind of `sh`, and the way to it over a real sshd.
#![allow(
    clippy::disallowed_methods,
    reason = "a test is the hypervisor, and has no ground floor beneath it"
)]

mod hostile;
mod over_ssh;
mod script;
pub(crate) mod stage;
