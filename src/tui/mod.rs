//! The terminal face: input becomes actions, actions change [`Ui`], the view draws facts.

mod ui;

pub use ui::{
    Button, CopyRoute, Dialog, Flash, Focus, GraphSpan, Layer, LineEdit, ReplayUi, SortKey, Tab,
    TableUi, Ui,
};
