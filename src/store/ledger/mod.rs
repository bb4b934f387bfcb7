//! The ledger: what was done, one line of JSON per record in a file of its own beside the database, so that every byte is
//! covered by a chained, keyed MAC, it can be read without any tool, and a broken database doesn't take it along.

mod anchor;
mod book;
mod chain;
mod fault;
mod hex;
mod read;
mod thread;
mod verify;

pub use anchor::LedgerPaths;
pub use read::{LedgerReadError, read};
pub use thread::Ledger;
pub use verify::{Broken, Opening, Report, VerifyError, verify};
