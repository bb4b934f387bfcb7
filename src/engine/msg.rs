//! Everything that can happen, by family. Plain data: a session can be recorded and replayed.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::{Actor, Command, Reply};
use super::containers::ContainersMsg;
use super::models::Witness;
use super::models_state::ModelsMsg;
use super::notice::Notice;
use super::services_state::ServicesMsg;
use super::state::PendingProposal;
use crate::assistant::Decided;
use crate::domain::{
    At, HealthChange, HostId, HostSpec, LedgerEntry, PowerVerb, ProposalId, Question, QuestionId,
    RequestId, Rung, Sample, Telling, Wall,
};
use crate::models::{Catalog, Preflight};
use crate::power::PowerAct;
use crate::text::SafeText;

/// Something that happened. Each carries the moment at which it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Msg {
    /// Time passed: once a second, and at the start.
    Tick {
        /// Now.
        at: At,
        /// Now on the wall; only for showing.
        wall: Wall,
    },
    /// The hosts to watch: at the start, and when the config changed.
    Hosts {
        /// When.
        at: At,
        /// In the order they are shown.
        specs: Vec<Arc<HostSpec>>,
    },
    /// A host did something.
    Host {
        /// When.
        at: At,
        /// Which.
        host: HostId,
        /// What.
        msg: HostMsg,
    },
    /// Somebody asked for something.
    Asked {
        /// When.
        at: At,
        /// To answer it by.
        request: RequestId,
        /// Who.
        actor: Actor,
        /// What.
        command: Command,
    },
    /// Hands are done with a request.
    Answered {
        /// When.
        at: At,
        /// Which.
        request: RequestId,
        /// With what outcome.
        reply: Reply,
    },
    /// Something of a host's power switch.
    Power {
        /// When.
        at: At,
        /// Whose.
        host: HostId,
        /// What.
        msg: PowerMsg,
    },
    /// Something became of a proposal.
    Proposal {
        /// When.
        at: At,
        /// Which.
        proposal: ProposalId,
        /// What.
        msg: ProposalMsg,
    },
    /// Lines were written to the ledger, or read from it at the start.
    Ledger {
        /// When.
        at: At,
        /// The lines, oldest first.
        entries: Vec<LedgerEntry>,
    },
    /// The catalogue was read.
    Catalog {
        /// When.
        at: At,
        /// The catalogue.
        catalog: Arc<Catalog>,
    },
    /// Somebody has looked at what a swap would meet.
    Preflight {
        /// When.
        at: At,
        /// What was found.
        preflight: Box<Preflight>,
    },
    /// The end of a work on a host was seen, and it is ours to write it down.
    Witnessed {
        /// When.
        at: At,
        /// What was seen.
        witness: Witness,
    },
    /// Hands met with something that a person should hear.
    Noticed(Notice),
}

/// Something of the power switch of one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerMsg {
    /// How far its act is.
    Is(Box<PowerAct>),
    /// The door stopped it before anything began.
    NotBegun,
    /// Its switch told its status, and nothing is at work there.
    Looked,
    /// It was stopped because the ledger could not be written.
    Unwritten(PowerVerb),
    /// The connection to the switch has a question.
    Question {
        /// To answer it by.
        id: QuestionId,
        /// The login there.
        switch: HostId,
        /// What it asks.
        question: Question,
    },
    /// The question is moot.
    QuestionGone(QuestionId),
}

/// What becomes of a proposal. It ends once: whatever comes later falls on the floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalMsg {
    /// It was made, and waits for a person.
    Made(Box<PendingProposal>),
    /// A person approved it: it is being carried out.
    Approved,
    /// It ended without an act.
    Ended(Decided),
}

/// Something one host did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostMsg {
    /// A dial began.
    Dialing {
        /// The how manyth without success, from 1.
        attempt: u32,
    },
    /// A rung holds.
    Holds(Rung),
    /// A rung failed.
    Fails {
        /// Which.
        rung: Rung,
        /// The far side took the connection and says nothing.
        silent: bool,
        /// The reason.
        why: SafeText,
        /// The mend, where we know one.
        hint: Option<SafeText>,
    },
    /// A rung does not apply to this host (no GPU, no container daemon).
    NotApplicable(Rung),
    /// The link ended; the next dial is due.
    LinkDown(LinkDown),
    /// One beat of readings.
    Sample(Sample),
    /// A command went there and back in this time.
    RoundTrip(Duration),
    /// The connection has a question.
    Question {
        /// To answer it by.
        id: QuestionId,
        /// What it asks.
        question: Question,
    },
    /// The question is moot: answered, or its connection is gone.
    QuestionGone(QuestionId),
    /// The connection tells something.
    Telling(Telling),
    /// The login went through under this name: whose processes are one's own there.
    LoggedIn {
        /// The login name.
        user: SafeText,
    },
    /// Its container engine told something.
    Containers(ContainersMsg),
    /// Something of its models.
    Models(ModelsMsg),
    /// Something of its services.
    Services(ServicesMsg),
    /// What the store knew about this host from before.
    Past(Vec<HealthChange>),
}

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDown {
    /// The reason.
    pub why: SafeText,
    /// The next dial comes by itself after this; `None`: it waits for a person (changed key, refused login).
    pub retry_in: Option<Duration>,
}
