//! What only we know: each host's ups and downs and the conversations with the assistant in a SQLite file, and the ledger of
//! what was done in a file of its own. One owning thread each; losing them loses history, never anything on a host.

mod error;
mod file;
mod history;
mod ledger;
mod schema;
mod services;
mod sessions;
mod thread;

pub use error::{StoreError, StoreErrorKind};
pub use file::Opened;
pub use ledger::{
    Broken, Ledger, LedgerPaths, LedgerReadError, Opening, Report, VerifyError,
    read as read_ledger, verify as verify_ledger,
};
pub use services::StoredServiceEvent;
pub use sessions::{SessionBatch, StoredEvent, StoredSession};
pub use thread::{Pending, Store};
