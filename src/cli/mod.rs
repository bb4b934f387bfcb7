//! The command line: verbs, plain output, exit codes.

mod args;
mod config_verbs;
mod demo_verb;
mod doctor;
mod effective;
mod error;
mod exit;
mod manual;
mod once;
mod overview;
mod person;
mod print;
mod probe;
mod run;
mod runtime;
mod snapshot;
mod starter;
mod verb_guess;

pub use run::main;
