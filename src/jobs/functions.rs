//! The shell that everything detached on a host is made of: functions that the script of the power switch shares, and the
//! runner of jobs.

/// POSIX sh, functions only: it does nothing by being read.
pub const FUNCTIONS: &str = include_str!("functions.sh");

/// What a job's verbs are, after [`FUNCTIONS`].
pub(super) const RUNNER: &str = include_str!("runner.sh");

/// What stands before a job's script.
pub(super) const SCRIPT: &str = include_str!("script.sh");

/// Reads the runner from its first argument, where the detached runner finds it to write it down.
pub(super) const LOADER: &str = "body=$1; shift; eval \"$body\"";
