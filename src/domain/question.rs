//! What a connection may have to ask a person, and what it may have to tell. The asking room (ssh) and the answering
//! rooms (engine, faces) share these shapes and nothing else.

use serde::{Deserialize, Serialize};

use super::{Endpoint, Secret};
use crate::text::SafeText;

/// A question that only a person can answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// A host key that no known_hosts file names. Changed and revoked keys are never asked about: they are refused.
    UnknownHostKey(HostKeyFacts),
    /// The passphrase of an encrypted key file.
    Passphrase {
        /// The key file.
        key: SafeText,
        /// Whether an answer before this one was wrong.
        again: bool,
    },
    /// Keyboard-interactive or password prompts of the server, all of one round.
    Prompts {
        /// Who asks: the host's endpoint.
        from: Endpoint,
        /// The server's words above the prompts.
        instructions: SafeText,
        /// The prompts in order.
        prompts: Vec<Prompt>,
    },
}

/// What a person compares before trusting a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKeyFacts {
    /// Where the key was offered.
    pub endpoint: Endpoint,
    /// Such as `ssh-ed25519`.
    pub algorithm: SafeText,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: SafeText,
    /// The file that would remember it.
    pub file: SafeText,
}

/// One prompt of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The server's words.
    pub text: SafeText,
    /// Whether what is typed may be shown.
    pub echo: bool,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Trust this host key and write it down.
    Trust,
    /// The texts asked for, in order.
    Texts(Vec<Secret<String>>),
    /// No. Also what silence, a lost connection and a closed dialog mean.
    Refuse,
}

/// What a connection tells while it works; no answer is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// A security key waits for a finger.
    TouchKey {
        /// Name of the key as the agent gives it.
        key: SafeText,
    },
    /// The server's banner, shown before login.
    Banner(SafeText),
}
