//! What only we know: the history of each host's ups and downs in a SQLite file, and the ledger of what was done in a file
//! of its own. One owning thread each; losing them loses history, never anything on a host.

mod error;
mod file;
mod history;
mod ledger;
mod schema;
mod thread;

pub use error::{StoreError, StoreErrorKind};
pub use file::Opened;
pub use ledger::{
    Broken, Ledger, LedgerPaths, LedgerReadError, Opening, Report, VerifyError,
    read as read_ledger, verify as verify_ledger,
};
pub use thread::{Pending, Store};
