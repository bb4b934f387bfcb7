//! Configuration: the file, the environment and the flags become one [`Config`] that can't be wrong.

mod destination;
mod duration;
mod environment;
mod hosts;
mod jumps;
mod layers;
mod load;
mod models;
mod nearest;
mod node;
mod origin;
mod paths;
mod plain;
mod power;
mod problems;
mod raw;
mod raw_models;
mod raw_sections;
mod reader;
mod resolve;
mod salvage;
mod sections;
mod service_install;
mod service_probe;
mod services;
mod spec;
mod ssh_aliases;

pub use destination::BadDestination;
pub(crate) use duration::memory as parse_memory;
pub use duration::{duration, duration_words, memory_words};
pub use environment::{Environment, VARIABLES};
pub use layers::period as parse_period;
pub use load::{Chosen, LoadError, load, read_ssh_aliases};
pub use nearest::nearest;
pub(crate) use node::{Key, Node, Value, parse as parse_yaml};
pub use origin::{ArmingOrigins, AssistantOrigins, ModelsOrigins, Origin, Origins};
pub use paths::Paths;
pub(crate) use problems::Problems;
pub(crate) use reader::{Reader, Table};
pub use resolve::{BadArgument, Flags, Resolved, Source, resolve};
pub use spec::{
    AlertSettings, ArmingSettings, AssistantSettings, Config, KeyBinding, LogSettings, Login,
    LoginKind, ModelsSettings, Problem, ScheduleEntry, SecretSource, Settings, SwapWebhook,
};
