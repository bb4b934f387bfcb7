//! What can be wrong between a console and a simulated machine. Plain data; the cable and the servers act on it.

use std::time::Duration;

/// What the cable to a machine does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Line {
    /// It carries.
    #[default]
    Carries,
    /// TCP connects and then nothing moves, in either direction: what a wedged machine looks like.
    Silent,
    /// Connections are cut and new ones refused: power off, or the link is gone.
    Cut,
}

/// What is wrong with one machine beside its cable. The default: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Who may log in.
    pub login: LoginRule,
    /// Present another host key than the one in known_hosts.
    pub other_host_key: bool,
    /// Cut each connection after this many bytes from the server, wherever in a line that is.
    pub drop_after: Option<u64>,
    /// Hold back each packet for this long, in both directions: twice this is added to a round trip.
    pub delay: Duration,
    /// A command line that holds this text floods its output without end.
    pub flood_on: Option<String>,
    /// Text printed at the start of every command's output, as a talkative login file does.
    pub chatter: Option<String>,
}

/// Who may log in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LoginRule {
    /// The demo's key.
    #[default]
    Key,
    /// Nobody.
    Nobody,
    /// Whoever answers this prompt with this text (keyboard-interactive).
    Prompt {
        /// What is asked.
        prompt: String,
        /// The right answer.
        answer: String,
    },
}
