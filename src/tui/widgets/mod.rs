//! The small parts that panes are drawn with: a pen for rows, frames, bars, graphs, a line being typed, words of state.

mod bar;
mod edit;
mod flow;
mod frame;
mod graph;
mod markdown;
mod pen;
mod words;
mod wrap;

pub(super) use bar::{Part, bar, gauge};
pub(super) use edit::edit;
pub(super) use flow::{Break, flow};
pub use flow::{Piece, TextRow};
pub(super) use frame::{Borders, clear, frame, rule};
pub(super) use graph::{Axis, Graph, Window, ruler};
pub(super) use markdown::markdown;
pub(super) use pen::{Canvas, Pen, row_of};
pub(super) use words::{
    age_words, bytes, clock, decimal_bytes, glyph, grouped, more_rows, pair, percent, rate,
    role_of, severity_glyph, state_words,
};
pub(super) use wrap::{breaks, wrap};
