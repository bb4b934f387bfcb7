//! Every act of the terminal face, in one table: its name, its help, where it applies, its keys. The keymap, the palette,
//! the `?` help, the footer's hints and the README's key table are derived from it.

pub use super::action_places::Place;
use super::action_places::{
    ARMED, ASKED_ABOUT, BODY, COMPOSER, DIALLED, ENLARGED, EVERYWHERE, FILTERED, LINE, LOGS,
    MODELS, MOVING, PAGED, PANES, REPLAY, SCREENS, SORTED, STOPPED, SWITCH, SWITCHED, TABS, TALK,
    TYPING, WITH_HITS, ZOOMED,
};
pub use super::nearest::nearest;

/// Something a person can do with a key, a verb or the palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each act has its sentence in the table below")]
pub enum Action {
    Up,
    Down,
    Top,
    Bottom,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    NextPane,
    PreviousPane,
    NextTab,
    PreviousTab,
    Hosts,
    Models,
    Containers,
    Services,
    Logs,
    Actions,
    Open,
    Mark,
    Close,
    Back,
    LastPlace,
    Interrupt,
    Suspend,
    Redraw,
    Filter,
    NextHit,
    PreviousHit,
    CommandLine,
    Palette,
    Help,
    Messages,
    Zoom,
    Pause,
    Mouse,
    Span,
    Theme,
    Sort,
    Reverse,
    Ended,
    Reveal,
    Copy,
    Describe,
    OpenLogs,
    AlertLogs,
    Sift,
    Follow,
    ChooseSources,
    NextError,
    PreviousError,
    NextMark,
    PreviousMark,
    Wrap,
    SideLeft,
    SideRight,
    Raw,
    Fold,
    HideSource,
    ShowSources,
    ClearLines,
    CopyPretty,
    Save,
    Shell,
    Stop,
    Restart,
    Swap,
    Preflight,
    Rollback,
    Cancel,
    Download,
    Remove,
    Reserve,
    SetUp,
    Refresh,
    Probe,
    Reconnect,
    Arm,
    Disarm,
    Power,
    Abort,
    Longer,
    Shorter,
    Breakglass,
    AskAbout,
    TakeBack,
    Conversations,
    NewConversation,
    Forget,
    Questions,
    FullCommand,
    Quit,
    Submit,
    Complete,
    CompleteBack,
    Previous,
    Next,
    NewLine,
    Undo,
    Redo,
    Left,
    Right,
    LineStart,
    LineEnd,
    WordLeft,
    WordRight,
    DeleteBack,
    DeleteForward,
    DeleteWord,
    DeleteToStart,
    DeleteToEnd,
    ReplayPause,
    Slower,
    Faster,
    SeekBack,
    SeekForward,
    SeekStart,
    SeekEnd,
}

/// What the table says of one act.
#[derive(Debug, Clone, Copy)]
pub struct ActionSpec {
    /// The act.
    pub action: Action,
    /// Its name in the config and on the `:` line.
    pub name: &'static str,
    /// One sentence for the help, without a full stop.
    pub help: &'static str,
    /// One or two words for the footer; empty where it never stands there.
    pub hint: &'static str,
    /// Its section in the help.
    pub group: Group,
    /// Where it applies.
    pub places: &'static [Place],
    /// Its keys as they are written in the config.
    pub keys: &'static [&'static str],
}

/// A section of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Moving, which never changes anything.
    Move,
    /// What is shown, and how.
    Look,
    /// Finding things.
    Find,
    /// Doing something with the selected thing.
    Act,
    /// The program itself.
    Program,
    /// Typing a line.
    Type,
    /// Replaying a recording.
    Replay,
}

impl Group {
    /// All sections in the order of the help.
    pub const ALL: [Self; 7] = [
        Self::Move,
        Self::Look,
        Self::Find,
        Self::Act,
        Self::Program,
        Self::Type,
        Self::Replay,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Look => "Look",
            Self::Find => "Find",
            Self::Act => "Act",
            Self::Program => "Program",
            Self::Type => "Typing",
            Self::Replay => "Replay",
        }
    }
}

macro_rules! acts {
    ($($group:ident $action:ident $name:literal $places:expr, [$($key:literal),*], $hint:literal, $help:literal;)*) => {
        &[$(ActionSpec {
            action: Action::$action,
            name: $name,
            help: $help,
            hint: $hint,
            group: Group::$group,
            places: $places,
            keys: &[$($key),*],
        }),*]
    };
}

/// The table. Its order is the order of the help.
const TABLE: &[ActionSpec] = acts! {
    Move Up "up" MOVING, ["k", "up"], "", "Up one row";
    Move Down "down" MOVING, ["j", "down"], "", "Down one row";
    Move Top "top" MOVING, ["g", "home"], "", "To the first row";
    Move Bottom "bottom" MOVING, ["G", "end"], "", "To the last row";
    Move HalfUp "half-page-up" MOVING, ["ctrl-u"], "", "Up half a page";
    Move HalfDown "half-page-down" MOVING, ["ctrl-d"], "", "Down half a page";
    Move PageUp "page-up" PAGED, ["pageup"], "", "Up one page";
    Move PageDown "page-down" PAGED, ["pagedown"], "", "Down one page";
    Move NextPane "next-pane" PANES, ["tab"], "", "To the next pane, button or field";
    Move PreviousPane "previous-pane" PANES, ["shift-tab"], "", "To the pane, button or field before";
    Move NextTab "next-tab" TABS, ["]", "right"], "", "To the next tab";
    Move PreviousTab "previous-tab" TABS, ["[", "left"], "", "To the tab before";
    Move Hosts "hosts" SCREENS, ["1"], "", "To the host list";
    Move Models "models" SCREENS, ["2"], "", "To the models: served, on disk, under way";
    Move Containers "containers" SCREENS, ["c"], "", "To the containers of the whole fleet";
    Move Services "services" ZOOMED, ["S"], "", "To the services of the whole fleet";
    Move Logs "logs" ZOOMED, ["5"], "", "To the logs as they were left; where none are open, to those of the selected host";
    Move Actions "actions" SCREENS, ["6"], "", "To what was done: the ledger";
    Move LastPlace "last" SCREENS, ["-"], "", "Back to the place before this one";
    Move Open "open" MOVING, ["enter"], "open", "Open the selected thing; press the focused button";
    Move Close "close" EVERYWHERE, ["esc"], "", "Close the top layer, then clear the filter; never quits";
    Move Back "back" MOVING, ["q"], "", "Go back; quit where there is nothing to go back to";
    Look Zoom "zoom" ENLARGED, ["z", "alt-z"], "zoom", "Give this pane the whole screen, or give it back";
    Look Pause "pause" SCREENS, ["p"], "pause", "Hold the screen as it is, or let it go on";
    Look Span "span" BODY, ["t"], "", "Show 2, 15 or 60 minutes in the graphs";
    Look Sort "sort" SORTED, ["o"], "sort", "Sort the table by the next column";
    Look Reverse "reverse" SORTED, ["O"], "", "Turn the order of the table round";
    Look Ended "ended" &[Place::Containers], ["e"], "ended", "Hide the containers that have ended, or show them";
    Look Reveal "reveal" &[Place::Container], ["v"], "values", "Show the values of its environment, then those that sound secret";
    Look Describe "describe" SCREENS, ["d"], "describe", "Everything known of the selected thing, as text";
    Look Messages "messages" SCREENS, ["!"], "", "The last messages in full, with their mends";
    Look Follow "follow" LOGS, ["f"], "follow", "Stay at the newest line, or stop there";
    Look ChooseSources "sources" LOGS, ["o"], "sources", "Choose which sources are shown";
    Look Wrap "wrap" LOGS, ["w"], "", "Let long lines go on in the next row, or cut them";
    Look SideLeft "side-left" LOGS, ["left"], "", "Cut lines: to their left";
    Look SideRight "side-right" LOGS, ["right"], "", "Cut lines: to their right";
    Look Raw "raw" LOGS, ["v"], "", "Show lines as they came, or as fields";
    Look Fold "fold" LOGS, ["F"], "", "Fold repeated lines into one with a count, or show each";
    Look HideSource "hide-source" LOGS, ["h"], "", "Hide the source of this line";
    Look ShowSources "show-sources" LOGS, ["H"], "", "Show the hidden sources again";
    Look ClearLines "clear-lines" LOGS, ["C"], "", "Forget the lines up to now; their source keeps them";
    Look Theme "theme" SCREENS, [], "", "Change to the next theme";
    Find Filter "filter" FILTERED, ["/"], "filter", "Narrow the list, or search the text";
    Find NextHit "next-hit" WITH_HITS, ["n"], "", "To the next hit";
    Find PreviousHit "previous-hit" WITH_HITS, ["N"], "", "To the hit before";
    Find Sift "sift" LOGS, ["&"], "filter", "Show only the lines that a filter lets through";
    Find NextError "next-error" LOGS, ["e"], "error", "To the next line of level error or worse";
    Find PreviousError "previous-error" LOGS, ["E"], "", "To the error before";
    Find NextMark "next-mark" LOGS, ["u"], "", "To the next marked line";
    Find PreviousMark "previous-mark" LOGS, ["U"], "", "To the marked line before";
    Find CommandLine "command" SCREENS, [":"], "go", "Type a command, the same verbs as on the command line";
    Find Palette "palette" SCREENS, ["ctrl-p"], "", "Find any act or host by a few letters";
    Act Mark "mark" &[Place::List, Place::Containers, Place::Sources, Place::Logs, Place::Dialog], ["space"], "", "Mark the selected thing, or take the mark away";
    Act Copy "copy" MOVING, ["y"], "copy", "Copy the selected thing, and say which way it went";
    Act OpenLogs "open-logs" BODY, ["l"], "logs", "Follow the logs of the selected thing";
    Act AlertLogs "alert-logs" BODY, ["L"], "", "The logs of the host at the second of its newest alert";
    Act CopyPretty "copy-pretty" LOGS, ["Y"], "", "Copy the lines with time, host, source and level before them";
    Act Save "save" LOGS, ["S"], "", "Save the shown lines to a file";
    Act Shell "shell" BODY, ["s"], "shell", "Open a shell on the host, or inside the container";
    Act Stop "stop" STOPPED, ["x"], "stop…", "Stop, kill, pause, remove … a container, stop a model or a service, or signal a process, after a question; stop Claude";
    Act Restart "restart" &[Place::Containers, Place::Container, Place::Services], ["r"], "restart", "Restart the container or the service, after a question";
    Act Swap "swap" MODELS, ["w"], "swap…", "Serve this model: what a swap would meet is shown, then it is asked";
    Act Preflight "preflight" MODELS, ["i"], "check", "Look at everything that a swap to this model would meet";
    Act Rollback "rollback" MODELS, ["R"], "roll back…", "Serve again what was served there before, after a question";
    Act Cancel "cancel" MODELS, ["X"], "cancel…", "End a swap, a download or a copy, after a question";
    Act Download "download" MODELS, ["f"], "download…", "Fetch weights onto a host, then to the others of its cluster";
    Act Remove "remove" MODELS, ["delete"], "", "Delete the weights from every host, after a question";
    Act Reserve "reserve" MODELS, ["v"], "reserve…", "Reserve the place against swaps, hold it longer, release it, or break the reservation of somebody else";
    Act SetUp "set-up" MODELS, ["e"], "set up…", "Say how this model is launched, and keep that as its recipe";
    Act Refresh "refresh" MODELS, ["r"], "refresh", "Look at weights, reservations and jobs of every host now";
    Act Probe "probe" &[Place::Services], ["i"], "probe", "Look at the service now, with a real request";
    Act Reconnect "reconnect" DIALLED, ["r"], "reconnect", "Dial the host, or every marked host, now";
    Act Arm "arm" ARMED, ["A", "alt-a"], "arm…", "Arm the host for one class of acts, for some minutes";
    Act Disarm "disarm" SWITCHED, ["D"], "disarm", "Disarm the host that has the card; elsewhere, every host";
    Act Power "power" SWITCHED, ["P"], "power…", "The power switch of the host: its state, its six verbs, and the steps of an act under way";
    Act Abort "abort" SWITCH, ["x"], "abort", "Give up a power act: nothing leaves in the cancel window; later it ends with the step that is at work";
    Act Longer "longer" SWITCH, ["right", "+"], "", "Arm it for longer";
    Act Shorter "shorter" SWITCH, ["left", "-"], "", "Arm it for less long";
    Act Breakglass "breakglass" SCREENS, ["b"], "breakglass", "Open the emergency pane with Claude, runbooks and the power switch, or leave it; what goes on there goes on";
    Act AskAbout "ask-about" ASKED_ABOUT, ["B"], "", "Ask Claude about this: the host, the container, or the marked log lines";
    Act TakeBack "take-back" TALK, ["u"], "", "Take back the questions that wait for their turn";
    Act Conversations "sessions" TALK, ["o"], "sessions", "Open, go on with or strike off a conversation";
    Act NewConversation "new-session" TALK, ["w"], "new", "Begin a new conversation";
    Act Forget "forget" &[Place::Sessions], ["x", "delete"], "forget…", "Strike the conversation off, after a question";
    Act Questions "questions" SCREENS, ["a"], "answer", "Answer what connections ask: host keys, passphrases";
    Act FullCommand "full-command" &[Place::Dialog], ["c"], "", "Show the exact remote command in full";
    Program Help "help" EVERYWHERE, ["?", "f1"], "help", "The keys of this pane, searchable";
    Program Mouse "mouse" SCREENS, ["M"], "", "Take the mouse, or leave it to the terminal for selecting text";
    Program Redraw "redraw" EVERYWHERE, ["ctrl-l"], "", "Draw the screen anew";
    Program Suspend "suspend" EVERYWHERE, ["ctrl-z"], "", "Back to the shell; `fg` returns";
    Program Interrupt "interrupt" EVERYWHERE, ["ctrl-c"], "", "Cancel; twice quits. Never ends remote work";
    Program Quit "quit" SCREENS, [], "", "Quit; asks while work is running";
    Type Submit "submit" TYPING, ["enter"], "", "Take the line";
    Type Complete "complete" LINE, ["tab"], "", "The next completion, or the next field";
    Type CompleteBack "complete-back" LINE, ["shift-tab"], "", "The completion or field before";
    Type Previous "previous" TYPING, ["up", "ctrl-p"], "", "The line before in the history, or the row above";
    Type Next "next" TYPING, ["down", "ctrl-n"], "", "The next line in the history, or the row below";
    Type NewLine "new-line" COMPOSER, ["alt-enter", "ctrl-j", "shift-enter"], "new line", "Begin a new line of the question";
    Type Undo "undo" COMPOSER, ["ctrl-_", "ctrl-7", "alt-u"], "", "Undo the last change of the draft";
    Type Redo "redo" COMPOSER, ["alt-r"], "", "Do again what was undone";
    Type Left "caret-left" TYPING, ["left", "ctrl-b"], "", "One character to the left";
    Type Right "caret-right" TYPING, ["right", "ctrl-f"], "", "One character to the right";
    Type LineStart "line-start" TYPING, ["home", "ctrl-a"], "", "To the start of the line";
    Type LineEnd "line-end" TYPING, ["end", "ctrl-e"], "", "To the end of the line";
    Type WordLeft "word-left" TYPING, ["ctrl-left", "alt-b"], "", "One word to the left";
    Type WordRight "word-right" TYPING, ["ctrl-right", "alt-f"], "", "One word to the right";
    Type DeleteBack "delete-back" TYPING, ["backspace", "ctrl-h"], "", "Delete the character before";
    Type DeleteForward "delete-forward" TYPING, ["delete", "ctrl-d"], "", "Delete the character under the caret";
    Type DeleteWord "delete-word" TYPING, ["ctrl-w", "alt-backspace"], "", "Delete the word before";
    Type DeleteToStart "delete-to-start" TYPING, ["ctrl-u"], "", "Delete to the start of the line";
    Type DeleteToEnd "delete-to-end" TYPING, ["ctrl-k"], "", "Delete to the end of the line";
    Replay ReplayPause "replay-pause" REPLAY, ["space"], "pause", "Stop the recording, or let it run";
    Replay Slower "slower" REPLAY, ["<"], "slower", "Half the speed";
    Replay Faster "faster" REPLAY, [">"], "faster", "Twice the speed";
    Replay SeekBack "seek-back" REPLAY, ["left"], "-10 s", "Back by ten seconds";
    Replay SeekForward "seek-forward" REPLAY, ["right"], "+10 s", "On by ten seconds";
    Replay SeekStart "seek-start" REPLAY, ["home"], "", "To the start of the recording";
    Replay SeekEnd "seek-end" REPLAY, ["end"], "", "To the end of the recording";
};

/// Every act, in the order of the help.
pub fn table() -> &'static [ActionSpec] {
    TABLE
}

impl Action {
    /// What the table says of it. Every act has a line: a test holds that.
    pub fn spec(self) -> Option<&'static ActionSpec> {
        TABLE.iter().find(|spec| spec.action == self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().map_or("", |spec| spec.name)
    }

    /// The act of this name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|spec| spec.name == name)
            .map(|spec| spec.action)
    }

    /// Whether the palette and the `:` line offer it: acts that need no caret and no open layer.
    pub fn is_verb(self) -> bool {
        self.spec().is_some_and(|spec| {
            spec.places.iter().any(|place| SCREENS.contains(place)) && spec.group != Group::Move
                || matches!(
                    self,
                    Self::Hosts
                        | Self::Models
                        | Self::Containers
                        | Self::Services
                        | Self::Logs
                        | Self::Actions
                        | Self::LastPlace
                )
        })
    }
}

/// The acts that the footer names at this place, in its order.
pub fn hints(place: Place) -> impl Iterator<Item = &'static ActionSpec> {
    TABLE
        .iter()
        .filter(move |spec| !spec.hint.is_empty() && spec.places.contains(&place))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_line_of_the_table_is_whole() {
        let mut names = HashSet::new();
        let mut actions = HashSet::new();
        for spec in table() {
            assert!(names.insert(spec.name), "{} twice", spec.name);
            assert!(actions.insert(spec.action), "{:?} twice", spec.action);
            assert!(
                !spec.help.is_empty() && !spec.help.ends_with('.'),
                "{}",
                spec.name
            );
            assert!(!spec.places.is_empty(), "{}", spec.name);
            assert_eq!(Action::named(spec.name), Some(spec.action));
        }
        // The last act of the enum has a line, and as many lines as acts: none is left out.
        assert_eq!(actions.len(), Action::SeekEnd as usize + 1);
    }
}
