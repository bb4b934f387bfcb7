//! The terminal face: input becomes actions, actions change [`Ui`], the view draws facts.

pub mod action;
mod action_places;
mod clipboard;
pub mod command_line;
mod command_line_models;
mod confirm_lines;
mod container_lines;
mod container_notes;
mod container_rows;
mod copying;
mod decode;
mod dialogs;
mod error;
mod event_loop;
mod face;
mod frame;
pub mod help;
mod input;
mod keymap;
pub mod layout;
mod ledger_rows;
mod lending;
mod lens_end;
pub mod lens_lines;
pub mod lens_offers;
mod line_edit;
mod model_check_lines;
mod model_forms;
mod model_lines;
mod model_places;
mod model_rows;
mod model_state;
mod model_swap_lines;
mod model_words;
mod nearest;
mod options;
pub mod palette;
mod panes;
mod place;
mod power_lines;
mod power_words;
mod reading;
mod reload;
pub mod rows;
mod service_rows;
mod service_words;
mod signals;
mod source;
mod talk;
mod talk_end;
pub mod terminal;
pub mod theme;
pub mod theme_load;
mod theme_sgr;
mod ui;
mod ui_breakglass;
mod ui_lens;
mod ui_models;
mod ui_power;
mod ui_screens;
mod ui_tables;
pub mod ui_update;
mod ui_work;
pub mod view;
mod widgets;

pub use action::{Action, Place};
pub use container_rows::{ContainerRow, ContainerRows};
pub use error::TuiError;
pub use event_loop::{replay, run};
pub use input::{Event, Input, Mouse, MouseKind};
pub use keymap::{Key, KeyFault, KeyProblem, Keymap};
pub use model_rows::{ModelRow, ModelRows};
pub use model_state::{ModelState, Progress};
pub use options::{LEAVES, Left, Outside, TuiOptions};
pub use service_rows::{ServiceRow, ServiceRows};
pub use signals::{Alarm, Watchdog};
pub use source::Playback;
pub use talk::{Composer, Inserted, LONGEST_DRAFT, TalkRows};
pub use ui::{
    Button, CopyRoute, Dialog, Flash, Focus, GraphSpan, LastPlace, Layer, LineEdit, ReplayUi,
    Screen, SortKey, Tab, TableUi, Ui,
};
pub use ui_breakglass::{
    BreakglassUi, CardStop, CardUi, Known, Part, SeenRows, SessionsUi, Shown, Stop, TalkState,
    TalkView, Unsent,
};
pub use ui_lens::{LensState, LensUi, LongLines, Offers, SourcePicker};
pub use ui_models::{Check, ModelRef, ModelSort, ModelTab, ModelsUi, ServiceRef, ServicesUi};
pub use ui_power::{CardFace, PowerUi, Said};
pub use ui_tables::{
    Awaited, Chosen, ContainerRef, ContainerSort, ContainerTab, ContainersUi, EnvShown, LedgerUi,
    OpenContainer, SourcesUi, StatsPast,
};
pub use ui_work::{
    Choice, ChooseUi, FormField, FormKind, FormUi, SwapStop, SwapUi, Then, WorkLayer,
};
pub use widgets::{Piece, TextRow};
