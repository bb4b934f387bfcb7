//! What can be wrong between a console and a simulated machine. Plain data; the cable and the servers act on it.

use std::time::Duration;

use crate::domain::GpuCondition;

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
    /// A command line that holds this text (the sampler's too) floods its output without end.
    pub flood_on: Option<String>,
    /// Bytes printed before everything that a command prints, as a talkative login file does: at its start, and again
    /// before each beat of the sampler. Any bytes: a MOTD, escape sequences, invalid UTF-8, a line without end.
    pub chatter: Vec<u8>,
    /// What the vendor's tool says when it is started, instead of readings.
    pub driver: Option<GpuCondition>,
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
