//! What only we know: the history of each host's ups and downs. One owning thread, one SQLite file; losing it loses
//! history, never anything on a host.

mod error;
mod file;
mod history;
mod schema;
mod thread;

pub use error::{StoreError, StoreErrorKind};
pub use file::Opened;
pub use thread::{Pending, Store};
