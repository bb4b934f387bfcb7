//! The terminal face: input becomes actions, actions change [`Ui`], the view draws facts.

pub mod action;
pub mod command_line;
mod decode;
mod dialogs;
pub mod help;
mod input;
mod keymap;
pub mod layout;
mod line_edit;
pub mod palette;
mod panes;
mod place;
pub mod rows;
mod signals;
pub mod terminal;
pub mod theme;
pub mod theme_load;
mod ui;
pub mod view;
mod widgets;

pub use action::{Action, Place};
pub use input::{Event, Input, Mouse, MouseKind};
pub use keymap::{Key, KeyFault, KeyProblem, Keymap};
pub use signals::{Alarm, Watchdog};
pub use ui::{
    Button, CopyRoute, Dialog, Flash, Focus, GraphSpan, Layer, LineEdit, ReplayUi, SortKey, Tab,
    TableUi, Ui,
};
