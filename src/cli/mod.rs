//! The command line: verbs, plain output, exit codes.

mod acts;
mod args;
mod ask;
mod config_verbs;
mod console;
mod containers;
mod demo_verb;
mod doctor;
mod effective;
mod error;
mod exit;
mod hands;
mod here;
mod ledger_verbs;
mod lend;
mod logs;
mod logs_args;
mod logs_list;
mod logs_print;
mod logs_when;
mod looks;
mod manual;
mod once;
mod overview;
mod passing;
mod person;
mod print;
mod probe;
mod replay_verb;
mod run;
mod runtime;
mod snapshot;
mod starter;
mod verb_guess;

pub use passing::pass;
pub use run::main;
