//! Looking at a sick machine: a catalogue of typed read-only questions, and runbooks that are lists of them. Nothing here
//! can change a host.

mod arguments;
mod ask;
mod catalogue;
mod command;
mod values;

pub use ask::{Answer, OUTPUT_LIMIT, ask};
pub use catalogue::{Entry, InvalidQuestion, Order, Question, Sockets, catalogue, entry};
pub use values::{InvalidValue, LogPath, Priority, Since, UnitName};
