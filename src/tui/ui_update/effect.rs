//! What goes into the update and what comes out of it.

use std::sync::Arc;

use crate::domain::{HostId, LensId, SessionId, TerminalId};
use crate::engine::{Command, Fleet, LensOrder, ModelsCommand, TextForm, TextScope, Transcript};
use crate::shell::ShellCommand;
use crate::tui::action::Action;
use crate::tui::input::MouseKind;
use crate::tui::keymap::{Key, Keymap};
use crate::tui::ui::{SortKey, Tab};
use crate::tui::ui_models::{ModelSort, ModelTab};
use crate::tui::ui_tables::ContainerSort;

/// Something that reaches the update.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// An act, from the palette or the `:` line.
    Act(Action),
    /// The mouse, and what is under it.
    Mouse(MouseKind, Spot),
    /// Pasted text.
    Paste(String),
    /// Time passed; `Ui::now` is set already.
    Tick,
    /// There is a new fleet.
    Fleet,
    /// There is a newer picture of the open conversation.
    Talk(Arc<Transcript>),
    /// Log lines that were asked for, to be quoted in a question.
    Quote(String),
}

/// What the update looks at beside the looks.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The newest fleet; what is shown may be an older one.
    pub fleet: &'a Arc<Fleet>,
    /// The keys.
    pub keymap: &'a Keymap,
    /// How many rows there are.
    pub room: Room,
}

/// How many rows each part of the screen shows, and how many there are where only the drawing knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Rows of the host list.
    pub list: usize,
    /// Rows of the process table.
    pub processes: usize,
    /// Rows of the table of containers, log sources or acts.
    pub table: usize,
    /// Rows of the detail.
    pub detail: usize,
    /// Rows that the detail would need.
    pub detail_length: usize,
    /// Lines of the log lens.
    pub lens: usize,
    /// Rows of the conversation.
    pub talk: usize,
    /// Cells of each of them.
    pub talk_cells: usize,
    /// Rows of the proposal card that tell of it.
    pub card: usize,
    /// Cells of each of them.
    pub card_cells: usize,
    /// Rows of the top layer.
    pub layer: usize,
    /// Cells of each of them.
    pub layer_cells: usize,
}

/// Whether a command is something that a person waits for. What is asked for over and over while they look is not.
pub(in crate::tui) fn is_awaited(command: &Command) -> bool {
    !matches!(
        command,
        Command::WatchStats { .. }
            | Command::Models(ModelsCommand::Watch | ModelsCommand::Preflight(_))
            | Command::Top { .. }
            | Command::TerminalEnded { .. }
            | Command::Present
            | Command::Assistant(_)
    )
}

/// Something for hands to do.
#[derive(Debug, Clone, PartialEq)]
pub enum UiEffect {
    /// Ask the engine.
    Ask(Command),
    /// Copy a text.
    Copy(Copied),
    /// Leave.
    Quit,
    /// Give the terminal back and stop until the person returns.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Lend the terminal to a shell.
    Shell {
        /// The host it runs on.
        host: HostId,
        /// To tell its end by.
        terminal: TerminalId,
        /// The command of this machine that opens it.
        line: ShellCommand,
    },
    /// Lend the terminal to one inside of a container.
    Terminal {
        /// The container's name and its host, to be told.
        what: String,
        /// The terminal.
        terminal: TerminalId,
    },
    /// Take the mouse or leave it.
    Mouse(bool),
    /// Use this theme.
    Theme(String),
    /// Steer the recording.
    Replay(ReplayOrder),
    /// Do something with a lens.
    Lens(LensHand),
    /// Look at this conversation; at none any more.
    Watch(Option<SessionId>),
}

/// Something for hands to do with a lens.
#[derive(Debug, Clone, PartialEq)]
pub enum LensHand {
    /// Fetch this one and look at it; the one before is closed.
    Take(LensId),
    /// Close this one, which nobody looks at.
    Close(LensId),
    /// Give it an order.
    Order(LensOrder),
    /// Take lines out of it.
    Text {
        /// What they are, for the person.
        what: String,
        /// Which lines.
        scope: TextScope,
        /// How they are written.
        form: TextForm,
        /// Where they go.
        to: TextTo,
    },
}

/// Where lines of a lens go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTo {
    /// To the clipboard, by the best way there is.
    Clipboard,
    /// Into the draft of a question, quoted.
    Draft,
    /// To a new file: at this path, or in the state directory.
    File(Option<String>),
}

/// A text to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What it is, for the person: `the ssh command of spark-1`.
    pub what: String,
    /// The text.
    pub text: String,
}

/// How a recording is steered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayOrder {
    /// Stop, or run on.
    Pause,
    /// Half the speed.
    Slower,
    /// Twice the speed.
    Faster,
    /// Back by ten seconds.
    Back,
    /// On by ten seconds.
    Forward,
    /// To the start.
    Start,
    /// To the end.
    End,
}

/// What is at a place of the screen. Rows count from the first one shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// A host in the strip.
    Strip(HostId),
    /// A row of the host list.
    ListRow(usize),
    /// The list elsewhere.
    List,
    /// A tab.
    Tab(Tab),
    /// A head of the process table.
    ProcessHead(SortKey),
    /// A row of the process table.
    ProcessRow(usize),
    /// A head of the table of models.
    ModelHead(ModelSort),
    /// The models elsewhere.
    ModelList,
    /// A tab of a model.
    ModelTab(ModelTab),
    /// The model elsewhere.
    Model,
    /// A head of the table of containers.
    ContainerHead(ContainerSort),
    /// A row of the table of containers, log sources or acts.
    TableRow(usize),
    /// The detail elsewhere.
    Detail,
    /// A row of the lens's picture.
    LensRow(usize),
    /// A cell of the lens's minimap, and how many there are.
    LensMap(u16, u16),
    /// The lens elsewhere.
    Lens,
    /// A row of the conversation.
    TalkRow(usize),
    /// The proposal that waits.
    TalkCard,
    /// The draft.
    TalkDraft,
    /// The breakglass pane elsewhere.
    Talk,
    /// A row of the top layer.
    LayerRow(usize),
    /// Anything else.
    Elsewhere,
}
