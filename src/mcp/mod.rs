//! The assistant's side of our tools: a server of the Model Context Protocol on standard input and output, which hands each
//! call to the console that started it.

mod error;
mod server;
mod session;

pub use error::McpError;
pub use server::{serve, serve_on};
