//! Everything that follows from a message. Decided by the pure updates, carried out by hands, whose outcome comes back as
//! a message. A change on a host is none of these: it takes a confirmation, which can't be copied or recorded.

use serde::{Deserialize, Serialize};

use super::command::Reply;
use super::models::Witness;
use super::notice::Notice;
use crate::assistant::Decided;
use crate::domain::{Answer, HealthChange, HostId, ProposalId, QuestionId, RequestId, ServiceName};
use crate::services::ServiceEvent;

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
    /// Write what happened to a service into the store.
    RememberService {
        /// Its host.
        host: HostId,
        /// The service.
        service: ServiceName,
        /// What happened.
        event: ServiceEvent,
    },
    /// Write the end of a work that was seen here into the ledger.
    Witness(Witness),
    /// Tell whoever made a proposal how it ended.
    Decided {
        /// Which.
        proposal: ProposalId,
        /// How.
        decided: Decided,
    },
    /// Call the webhook of alerts.
    Webhook(Notice),
}
