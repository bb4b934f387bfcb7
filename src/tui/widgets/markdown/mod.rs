//! Markdown as rows of text: headings, lists, code, tables, quotes, links. What a terminal can't show is shown as it is
//! written.

mod blocks;
mod inline;
mod table;

pub(in crate::tui) use blocks::markdown;
