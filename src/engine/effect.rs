//! Everything that may be done. Decided by the pure updates, carried out by hands, whose outcome comes back as a message.

use serde::{Deserialize, Serialize};

use super::command::{Reply, Signal};
use super::notice::Notice;
use crate::domain::{Answer, HealthChange, HostId, QuestionId, RequestId};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Dial the host now.
    Dial(HostId),
    /// Hand an answer to the connection that asked.
    Answer {
        /// Which question.
        question: QuestionId,
        /// The answer.
        answer: Answer,
    },
    /// Send a signal. Only the policy makes this effect.
    Signal {
        /// The request to answer when it is done.
        request: RequestId,
        /// The host.
        host: HostId,
        /// The process.
        pid: u32,
        /// Its start, to be checked on the host.
        started: Option<u64>,
        /// The signal.
        signal: Signal,
    },
    /// Answer a request.
    Reply {
        /// The request.
        request: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// Tell people.
    Notify(Notice),
    /// Write a change of health into the store.
    Remember {
        /// The host.
        host: HostId,
        /// What changed.
        change: HealthChange,
    },
    /// Call the webhook of alerts.
    Webhook(Notice),
}
