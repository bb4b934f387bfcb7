//! The shell functions that everything detached on a host is made of: jobs, and the script of the power switch.

/// POSIX sh, functions only: it does nothing by being read.
pub const FUNCTIONS: &str = include_str!("functions.sh");
