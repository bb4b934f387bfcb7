//! The command line: verbs, plain output, exit codes.

mod args;
mod config_verbs;
mod demo_verb;
mod doctor;
mod effective;
mod error;
mod exit;
mod manual;
mod print;
mod run;
mod runtime;
mod starter;
mod verb_guess;

pub use run::main;
