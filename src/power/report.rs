//! What the far side of a power switch tells.

use serde::{Deserialize, Serialize};

use crate::domain::PowerVerb;
use crate::text::SafeText;

/// What a verb gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerReport {
    /// Whether the machine runs.
    pub state: MachineState,
    /// The newest operation that the far side knows.
    pub operation: Option<Operation>,
    /// What else it says, line by line: forensics, the tool's own words.
    pub lines: Vec<SafeText>,
    /// What the machine is called there, where the far side says: its number on the hypervisor.
    #[serde(default)]
    pub target: Option<SafeText>,
}

/// Whether a machine runs, as whoever holds its power says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// It has power. Says nothing of its health.
    Running,
    /// It has none.
    Stopped,
    /// Nobody can tell, for this reason.
    Unknown(SafeText),
}

/// An operation on the far side: it goes on there whatever becomes of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name there.
    pub id: SafeText,
    /// Its verb.
    pub verb: PowerVerb,
    /// How far it is.
    pub state: OperationState,
}

/// How far an operation on the far side is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It is at work, in this phase.
    Running(SafeText),
    /// It did what it should.
    Done,
    /// It failed, for this reason.
    Failed(SafeText),
    /// Nobody can tell: its runner is gone and left no outcome.
    Lost,
}
