//! How the person looks at the fleet: focus, selection, scroll, open layers, drafts. No fact about any host lives here.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::ui_breakglass::{BreakglassUi, SessionsUi};
use super::ui_lens::{LensUi, SourcePicker};
use super::ui_models::{ModelsUi, ServicesUi};
use super::ui_power::{CardFace, PowerUi};
pub use super::ui_screens::{Focus, GraphSpan, LastPlace, Screen, SortKey, Tab};
use super::ui_tables::{ContainerRef, ContainersUi, LedgerUi, SourcesUi};
use super::ui_work::WorkLayer;
use crate::domain::{At, Container, ContainerAct, HostId, PrunePreview, QuestionId, Severity};
use crate::engine::{Challenge, Command, ConfirmationId, Fleet, Plan, Signal};

/// Everything about the looks, as one value that tests can build and compare.
#[derive(Debug, Clone)]
pub struct Ui {
    /// Terminal size in columns and rows.
    pub size: (u16, u16),
    /// What fills the screen.
    pub screen: Screen,
    /// Which side has the keys.
    pub focus: Focus,
    /// The selected host; always one that exists, if any does.
    pub selected: Option<HostId>,
    /// The place before this one (`-` goes back).
    pub last: Option<LastPlace>,
    /// Marked hosts (`Space`).
    pub marked: Vec<HostId>,
    /// First row shown of the host list.
    pub list_scroll: usize,
    /// Filter of the host list, by name, tag or state.
    pub list_filter: LineEdit,
    /// The open tab of the detail.
    pub tab: Tab,
    /// The process table.
    pub processes: TableUi,
    /// What was done, as it is looked at.
    pub ledger: LedgerUi,
    /// The models.
    pub models: ModelsUi,
    /// The containers.
    pub containers: ContainersUi,
    /// The services.
    pub services: ServicesUi,
    /// What of the selected host can be followed.
    pub sources: SourcesUi,
    /// First row shown of the Link tab, and of the meters where they don't fit.
    pub detail_scroll: usize,
    /// How much time the graphs show.
    pub span: GraphSpan,
    /// Open layers, the top one last. Keys go to the top one.
    pub layers: Vec<Layer>,
    /// Whether the focused side has the whole body.
    pub zoom: bool,
    /// The fleet as it stood when the person pressed pause.
    pub paused: Option<Arc<Fleet>>,
    /// Whether the mouse is ours; off leaves text selection to the terminal.
    pub mouse: bool,
    /// A line that tells the outcome of the last act.
    pub flash: Option<Flash>,
    /// What a recording says of itself while it is replayed.
    pub replay: Option<ReplayUi>,
    /// The person's time zone, for times of day.
    pub zone: TimeZone,
    /// What the screen costs the terminal, in bytes a second, over the last seconds.
    pub cost: Option<u64>,
    /// Now, as the event loop last said.
    pub now: At,
    /// When the last key was pressed: a dialog that nobody asked for waits for a quiet second.
    pub last_key: At,
    /// When Ctrl-C was pressed; a second one soon after quits.
    pub interrupted: Option<At>,
    /// Lines given to the `:` line, oldest first.
    pub history: Vec<String>,
    /// Name of the theme in use.
    pub theme: Option<String>,
    /// Names of the themes there are.
    pub themes: Vec<String>,
    /// Commands whose answer is still awaited.
    pub waiting: usize,
    /// Questions that the person closed without an answer; they don't open by themselves again.
    pub set_aside: Vec<QuestionId>,
    /// What each open confirmation is for.
    pub asked: Vec<(ConfirmationId, Command)>,
    /// Dialogs that wait until nothing is being typed.
    pub held_back: Vec<Dialog>,
    /// The log lens.
    pub lens: LensUi,
    /// Power switches, and what is armed.
    pub power: PowerUi,
    /// The breakglass pane.
    pub breakglass: BreakglassUi,
}

impl Ui {
    /// How it looks at the start, in a terminal of this size.
    pub fn new(size: (u16, u16)) -> Self {
        Self {
            size,
            screen: Screen::default(),
            focus: Focus::default(),
            selected: None,
            last: None,
            marked: Vec::new(),
            list_scroll: 0,
            list_filter: LineEdit::default(),
            tab: Tab::default(),
            processes: TableUi::default(),
            ledger: LedgerUi::default(),
            models: ModelsUi::default(),
            containers: ContainersUi::default(),
            services: ServicesUi::default(),
            sources: SourcesUi::default(),
            detail_scroll: 0,
            span: GraphSpan::default(),
            layers: Vec::new(),
            zoom: false,
            paused: None,
            mouse: true,
            flash: None,
            replay: None,
            zone: TimeZone::UTC,
            cost: None,
            now: At::default(),
            last_key: At::default(),
            interrupted: None,
            history: Vec::new(),
            theme: None,
            themes: Vec::new(),
            waiting: 0,
            set_aside: Vec::new(),
            asked: Vec::new(),
            held_back: Vec::new(),
            lens: LensUi::default(),
            power: PowerUi::default(),
            breakglass: BreakglassUi::default(),
        }
    }

    /// The fleet to show: the one held by a pause, else the newest.
    pub fn shown<'a>(&'a self, newest: &'a Arc<Fleet>) -> &'a Arc<Fleet> {
        self.paused.as_ref().unwrap_or(newest)
    }
}

/// Selection, scroll, sort and filter of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableUi {
    /// The selected process, by pid: rows move, the selection stays with its process.
    pub selected: Option<u32>,
    /// First row shown.
    pub scroll: usize,
    /// What it is sorted by.
    pub sort: SortKey,
    /// Turned round.
    pub reverse: bool,
    /// Filter by user, command, container or pid.
    pub filter: LineEdit,
}

/// One line of text being typed. `cursor` is a byte index on a grapheme boundary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineEdit {
    /// The text.
    pub text: String,
    /// Where the caret is.
    pub cursor: usize,
    /// Whether keys go into it now.
    pub active: bool,
}

/// Something that lies over the screen and has the keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// The keys of this pane, searchable.
    Help {
        /// What is searched for.
        search: LineEdit,
        /// First line shown.
        scroll: usize,
    },
    /// Actions and things by fuzzy search.
    Palette {
        /// What is searched for.
        search: LineEdit,
        /// The chosen row.
        selected: usize,
    },
    /// The `:` line.
    CommandLine {
        /// What is typed.
        line: LineEdit,
        /// The chosen completion, if one is being walked through.
        completion: Option<usize>,
        /// Place in the history while walking through it.
        history: Option<usize>,
    },
    /// A whole text to read: an error with its hint, a command in full.
    Text {
        /// Title.
        title: String,
        /// The lines.
        lines: Vec<String>,
        /// First row shown; long lines have several.
        scroll: usize,
        /// What is searched for.
        search: LineEdit,
        /// Which of its hits is the present one, counted from the first.
        hit: usize,
    },
    /// Which log sources are shown.
    Sources(SourcePicker),
    /// Which conversations there are.
    Sessions(SessionsUi),
    /// A dialog about models or services.
    Work(WorkLayer),
    /// A dialog.
    Dialog(Dialog),
}

/// A dialog that wants something of the person.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    /// Host keys that nobody knows yet: one list, however many hosts are new. The facts are in `Fleet::questions`.
    HostKeys {
        /// The question that the selection is on.
        selected: Option<QuestionId>,
        /// Questions marked to be trusted. Nothing is marked at the start.
        marked: Vec<QuestionId>,
        /// The focused button; none: the list.
        button: Option<Button>,
    },
    /// Passphrase or prompts of one question, each with a field.
    Prompts {
        /// The question.
        question: QuestionId,
        /// What is typed, one per prompt. Drawn as dots where the prompt does not echo.
        fields: Vec<LineEdit>,
        /// The focused field.
        focused: usize,
    },
    /// A change that has to be confirmed.
    Confirm {
        /// The engine's name for it.
        id: ConfirmationId,
        /// What the person has to do.
        challenge: Challenge,
        /// When it lapses.
        expires: At,
        /// What would be done.
        plan: Plan,
        /// The focused button; No at the start.
        button: Button,
        /// The name being typed, for a typed challenge.
        typed: LineEdit,
        /// Whether the exact command is shown in full (`c`).
        full: bool,
        /// First row shown of what would be done.
        scroll: usize,
    },
    /// Which signal to send to a process.
    Signal {
        /// The host.
        host: HostId,
        /// The process.
        pid: u32,
        /// Its start.
        started: Option<u64>,
        /// Its command, to be shown.
        command: String,
        /// The chosen row of [`Dialog::SIGNALS`].
        selected: usize,
    },
    /// What to do with containers.
    Container {
        /// Which.
        targets: Vec<(ContainerRef, Arc<Container>)>,
        /// The acts that mean something to at least one of them.
        acts: Vec<ContainerAct>,
        /// The chosen row of them.
        selected: usize,
    },
    /// What a prune would take.
    Prune {
        /// The host.
        host: HostId,
        /// What would go.
        preview: PrunePreview,
        /// First row shown.
        scroll: usize,
        /// The focused button; No at the start.
        button: Button,
    },
    /// What a host is armed for, and for how long.
    Arm {
        /// The host.
        host: HostId,
        /// The chosen row.
        selected: usize,
        /// For how long.
        minutes: u16,
    },
    /// The power switch of a host: its verbs, or the steps of an act.
    Power {
        /// The host.
        host: HostId,
        /// Which side is seen.
        face: CardFace,
        /// The chosen verb, by number.
        selected: usize,
        /// First row shown of the steps.
        scroll: usize,
    },
}

impl Dialog {
    /// The signals offered, the gentlest first.
    pub const SIGNALS: [Signal; 4] = [Signal::Term, Signal::Int, Signal::Hup, Signal::Kill];
}

/// A button of a dialog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Button {
    /// Do nothing.
    #[default]
    No,
    /// Do it.
    Yes,
}

/// A line that tells the outcome of the last act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// When it appeared; it fades by itself.
    pub at: At,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence.
    pub text: String,
    /// The mend, shown with the whole text.
    pub hint: Option<String>,
}

/// The way a copied text went, as it is told to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRoute {
    /// Into tmux's paste buffer; tmux confirmed it.
    Tmux,
    /// OSC 52 to the terminal, which does not confirm.
    Osc52,
    /// Into a file.
    File,
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayUi {
    /// The moment shown.
    pub at: At,
    /// The recording's last moment.
    pub end: At,
    /// Times real time; 0 is paused.
    pub speed: f32,
}
