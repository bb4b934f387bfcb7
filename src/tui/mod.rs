//! The terminal face: input becomes actions, actions change [`Ui`], the view draws facts.

pub mod theme;
pub mod theme_load;
mod ui;

pub use ui::{
    Button, CopyRoute, Dialog, Flash, Focus, GraphSpan, Layer, LineEdit, ReplayUi, SortKey, Tab,
    TableUi, Ui,
};
