//! The log lens: lines of many sources in one order, bounded in memory; searched, filtered, folded, and shown as one picture
//! of the rows in view. All of it is pure: lines and orders come in, pictures go out. Who follows the sources is the engine.

mod block;
mod buffer;
mod fields;
mod filter;
mod fold;
mod lens;
mod level;
mod merger;
mod minimap;
mod order;
mod orders;
mod pattern;
mod picture;
mod rows;
mod tally;
mod view;
mod when;
mod work;

pub use fields::{Fields, fields_of};
pub use filter::{Filter, InvalidFilter};
pub use lens::{Explain, Lens};
pub use level::level_of;
pub use merger::{MergedLine, Merger};
pub use order::{LensOrder, TextForm, TextScope};
pub use pattern::{InvalidPattern, Pattern};
pub use picture::{
    FilterState, LensPicture, LensRow, LineNumber, MiniMark, Past, RowKind, SearchState,
    SourceLabel, SourceNumber, SourceState, SourceView,
};
pub use when::Now;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod steps_tests;
#[cfg(test)]
mod tests;
