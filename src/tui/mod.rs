//! The terminal face: input becomes actions, actions change [`Ui`], the view draws facts.

pub mod action;
mod keymap;
pub mod rows;
mod ui;

pub use action::{Action, Place};
pub use keymap::{Key, KeyFault, KeyProblem, Keymap};
pub use ui::{
    Button, CopyRoute, Dialog, Flash, Focus, GraphSpan, Layer, LineEdit, ReplayUi, SortKey, Tab,
    TableUi, Ui,
};
