//! The places that keys go to, and the lists of places that acts apply to.

/// Where keys go. The keymap looks an act up by the place that has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The host list.
    List,
    /// The detail, on a tab that is no table.
    Detail,
    /// The process table.
    Processes,
    /// The containers of a host or of the fleet.
    Containers,
    /// One container.
    Container,
    /// The models.
    Models,
    /// One model.
    Model,
    /// The services of a host or of the fleet.
    Services,
    /// What of a host can be followed.
    Sources,
    /// What was done.
    Ledger,
    /// The log lens.
    Logs,
    /// What was said and done in the breakglass pane.
    Talk,
    /// What a proposal is based on.
    Card,
    /// The draft of a question. Printable characters go into it and never act.
    Composer,
    /// The list of conversations.
    Sessions,
    /// A text to read: help, an error in full.
    Reading,
    /// A dialog, outside its text fields.
    Dialog,
    /// The power card of a host, or the dialog that arms it.
    Switch,
    /// A line being typed. Printable characters go into it and never act.
    Text,
    /// A recording being replayed; asked before the place beneath it.
    Replay,
}

impl Place {
    /// All places.
    pub const ALL: [Self; 20] = [
        Self::List,
        Self::Detail,
        Self::Processes,
        Self::Containers,
        Self::Container,
        Self::Models,
        Self::Model,
        Self::Services,
        Self::Sources,
        Self::Ledger,
        Self::Logs,
        Self::Talk,
        Self::Card,
        Self::Composer,
        Self::Sessions,
        Self::Reading,
        Self::Dialog,
        Self::Switch,
        Self::Text,
        Self::Replay,
    ];

    /// Its title in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::List => "Host list",
            Self::Detail => "Detail",
            Self::Processes => "Processes",
            Self::Containers => "Containers",
            Self::Container => "Container",
            Self::Models => "Models",
            Self::Model => "Model",
            Self::Services => "Services",
            Self::Sources => "Log sources",
            Self::Ledger => "Actions",
            Self::Logs => "Logs",
            Self::Talk => "Breakglass",
            Self::Card => "Proposal",
            Self::Composer => "Asking",
            Self::Sessions => "Conversations",
            Self::Reading => "Reading",
            Self::Dialog => "Dialogs",
            Self::Switch => "Power and arming",
            Self::Text => "Typing",
            Self::Replay => "Replay",
        }
    }
}

pub(super) const BODY: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
];
/// The same, the log lens and the breakglass pane.
pub(super) const SCREENS: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Talk,
    Place::Card,
];
/// What a person can ask about.
pub(super) const ASKED_ABOUT: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
];
/// What can have the whole body.
pub(super) const ZOOMED: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Talk,
    Place::Card,
];
/// The same, and where a question or a word is typed: there a key that types nothing does it.
pub(super) const ENLARGED: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Talk,
    Place::Card,
    Place::Composer,
    Place::Text,
];
pub(super) const TALK: &[Place] = &[Place::Talk, Place::Card];
pub(super) const COMPOSER: &[Place] = &[Place::Composer];
pub(super) const LOGS: &[Place] = &[Place::Logs];
pub(super) const TABS: &[Place] = &[
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::List,
];
pub(super) const MOVING: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Reading,
    Place::Dialog,
    Place::Switch,
    Place::Talk,
    Place::Card,
    Place::Sessions,
];
/// The same, and where a word is typed: what has to be read before it is beyond an edge, and these keys type nothing.
pub(super) const PAGED: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Reading,
    Place::Dialog,
    Place::Switch,
    Place::Text,
    Place::Talk,
    Place::Card,
    Place::Sessions,
];
pub(super) const EVERYWHERE: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Reading,
    Place::Dialog,
    Place::Switch,
    Place::Text,
    Place::Talk,
    Place::Card,
    Place::Sessions,
    Place::Composer,
];
pub(super) const FILTERED: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Models,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Reading,
    Place::Talk,
];
pub(super) const WITH_HITS: &[Place] = &[
    Place::List,
    Place::Processes,
    Place::Containers,
    Place::Models,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Reading,
    Place::Talk,
];
pub(super) const SORTED: &[Place] = &[Place::Processes, Place::Containers, Place::Models];
pub(super) const STOPPED: &[Place] = &[
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Talk,
    Place::Card,
];
pub(super) const DIALLED: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Sources,
    Place::Ledger,
];
/// Where acts on models are at hand.
pub(super) const MODELS: &[Place] = &[Place::Models, Place::Model];
pub(super) const TYPING: &[Place] = &[Place::Text, Place::Composer];
pub(super) const LINE: &[Place] = &[Place::Text];
/// Where Tab goes on to the next pane.
pub(super) const PANES: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Reading,
    Place::Dialog,
    Place::Switch,
    Place::Talk,
    Place::Card,
    Place::Sessions,
    Place::Composer,
];
pub(super) const REPLAY: &[Place] = &[Place::Replay];
/// Where arming and the power switch are at hand: everywhere but over another dialog.
pub(super) const SWITCHED: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Talk,
    Place::Card,
    Place::Switch,
];
/// The same, and where a question or a word is typed: an act that waits for its word is armed from there.
pub(super) const ARMED: &[Place] = &[
    Place::List,
    Place::Detail,
    Place::Processes,
    Place::Containers,
    Place::Container,
    Place::Models,
    Place::Model,
    Place::Services,
    Place::Sources,
    Place::Ledger,
    Place::Logs,
    Place::Talk,
    Place::Card,
    Place::Composer,
    Place::Text,
    Place::Switch,
];
pub(super) const SWITCH: &[Place] = &[Place::Switch];
