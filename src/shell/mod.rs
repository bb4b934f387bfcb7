//! Commands for a remote shell, built so that foreign text can't become syntax.

mod command;
mod quote;
mod word;

pub use command::ShellCommand;
pub use quote::quote;
pub use word::{EnvName, InvalidWord, RemotePath, ShellWord};
