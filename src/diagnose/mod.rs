//! Looking at a sick machine: a catalogue of typed read-only questions, and runbooks that are lists of them. Nothing here
//! can change a host.

mod arguments;
mod ask;
mod catalogue;
mod command;
mod findings;
mod findings_kernel;
mod runbook;
mod values;

pub use ask::{Answer, OUTPUT_LIMIT, ask};
pub use catalogue::{Entry, InvalidQuestion, Order, Question, Sockets, catalogue, entry};
pub use findings::findings;
pub use runbook::{Runbook, built_in, runbooks};
pub use values::{InvalidValue, LogPath, Priority, Since, UnitName};
