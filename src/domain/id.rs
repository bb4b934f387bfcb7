//! Identifiers. Each is its own type, so that a task can't be handed where a host is meant.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name that has been parsed already; nothing is checked here.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

text_id! {
    /// A host as the person names it: unique in one fleet, the key of everything we know about it.
    HostId
}
text_id! {
    /// A GPU as its driver names it: the UUID where there is one, else `index:N`.
    GpuId
}
text_id! {
    /// A container: the 64 hexadecimal digits that its engine gave it.
    ContainerId
}
text_id! {
    /// A model as its recipe names it, such as `qwen3-coder`; one without a recipe has its repository or folder for a name.
    ModelKey
}
text_id! {
    /// A service as the person names it, unique on its host.
    ServiceName
}
number_id! {
    /// One open view over logs.
    LensId
}
number_id! {
    /// One terminal inside a container, handed to whoever may use it.
    TerminalId
}
number_id! {
    /// One conversation in the breakglass pane: the microsecond at which it began, so that two consoles never share one.
    SessionId
}
number_id! {
    /// One act that somebody proposed and a person has to decide on.
    ProposalId
}
number_id! {
    /// One act in the ledger: the number of its intent.
    ActId
}
number_id! {
    /// One request from a face to the engine; the reply carries it back.
    RequestId
}
number_id! {
    /// One long job.
    TaskId
}
number_id! {
    /// One question that the engine has for a person.
    QuestionId
}
