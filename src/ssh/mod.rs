//! SSH: from a target to a logged-in session, with host keys checked as OpenSSH would.

mod ask;
mod target;

pub use ask::{Ask, Step};
pub use target::SshTarget;
