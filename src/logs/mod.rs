//! The log lens: lines of many sources in one order, bounded in memory; searched, filtered, folded, and shown as one picture
//! of the rows in view. All of it is pure: lines and orders come in, pictures go out. Who follows the sources is the engine.

mod order;
mod picture;

pub use order::{LensOrder, TextForm, TextScope};
pub use picture::{
    FilterState, LensPicture, LensRow, LineNumber, MiniMark, Past, RowKind, SearchState,
    SourceLabel, SourceNumber, SourceState, SourceView,
};
