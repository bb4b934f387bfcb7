//! The engine: every fact becomes a message, every message is folded into one [`Fleet`], every wish is a [`Command`]
//! through one door. It has no word for pane, key or colour.

mod assist;
mod carry;
mod carry_container;
mod command;
mod connect;
mod containers;
mod daemon_watch;
mod door;
mod effect;
mod handle;
mod history;
mod host_actor;
mod host_state;
mod keeper;
mod lanes;
mod lens;
mod links;
mod look;
mod look_container;
mod models;
mod models_command;
mod models_state;
mod msg;
mod notice;
mod opened;
mod perform;
mod policy;
mod power;
mod proposals;
mod publish;
mod questions;
mod record;
mod remote;
mod replay;
mod run;
mod services;
mod services_state;
pub mod sim;
mod sink;
mod stakes;
mod state;
mod stats_interest;
mod stats_watch;
mod trouble;
mod unsaid;
mod update;
mod ways;
mod webhook;

pub use assist::{
    Assisting, Mind, MindCall, MindNews, MindStart, MindWish, Minds, ProgramPlaces,
    runbook_problems,
};
pub use command::{
    Actor, AssistantCheck, AssistantCommand, Challenge, Command, ConfirmationId, Decision,
    LogBegin, Plan, Refusal, Reply, RunbookSummary, Signal,
};
pub use connect::{Beat, Connect, ConnectError, Connected, Lost, Watch};
pub use containers::{
    Containers, ContainersMsg, DaemonState, GapChange, gpu_memory, gpu_memory_of,
};
pub use door::Acting;
pub use effect::Effect;
pub use handle::{Handle, Request};
pub use history::{History, Point, Series, SeriesKey};
pub use host_state::{Host, Link, Timed};
pub use lens::{LensHandle, LogItem, LogStream};
pub use models::ground;
pub use models_command::ModelsCommand;
pub use models_state::{HostModels, ModelsMsg};
pub use msg::{HostMsg, LinkDown, Msg, PowerMsg, ProposalMsg};
pub use notice::{Alert, Notice};
pub use opened::ContainerTerminal;
pub use policy::READ_ONLY_MEND;
pub use power::NO_SWITCH;
pub use proposals::{OpenProposal, Proposals, Proposing, Settled};
pub use record::{RecordError, Recorder};
pub use replay::{Recording, Replay, ReplayError};
pub use run::{Engine, Setup};
pub use services_state::ServicesMsg;
pub use state::{Fleet, KnownPreflight, PendingProposal, PendingQuestion};
pub use update::update;
pub use ways::Ways;

// Faces see the trades' and machines' facts through this door only.
pub use crate::assistant::{
    CallId, CallState, CallView, Decided, Ending, Entry, EntryId, EventKind, Evidence, Origin,
    Phase, Proposal, SessionSummary, StepResult, Transcript, TroubleKind, TurnView, Usage, Went,
};
pub use crate::assistant::{Trouble as AssistantTrouble, check as look_for_assistant};
pub use crate::follow::{
    InvalidSource, Level, LineBatch, LineRef, SourceAddress, SourceOffer, SourceSpec, Stamp,
    StreamKind,
};
pub use crate::logs::{
    FilterState, LensOrder, LensPicture, LensRow, LineNumber, MiniMark, Past, RowKind, SearchState,
    SourceLabel, SourceNumber, SourceState, SourceView, TextForm, TextScope, level_of,
};
pub use crate::models::{
    Catalog, CatalogProblem, Check, Completeness, EngineKind, Finding, Ground, HostFolder, Knob,
    Latency, LauncherForm, LockOrder, LockState, MenuRow, MenuState, Mode, ModelConfig,
    ModelSource, OnHost, PhaseState, PlaceName, Preflight, Recipe, Served, ServedBy, ServedState,
    Serving, SwapEnd, SwapOrder, SwapPhase, SwapReport, Weights, WeightsReport, WorkId, WorkKind,
    WorkReport, WorkState,
};
pub use crate::models::{Launch, LaunchError, launch, menu, recipe_problems, suggest};
pub use crate::models::{Phase as SwapPhaseRow, Verdict as PreflightVerdict};
pub use crate::models::{
    import as model_import, launch as model_launch, read_catalog, recipe_yaml as model_recipe_yaml,
};
pub use crate::power::{
    HostLayout, Installation, MachineState, Operation, OperationState, PowerAct, PowerReport,
    PowerStep, StepKind, StepState, install as power_install,
};
pub use crate::reach::{Ladder, Outcome, Verdict};
pub use crate::services::{
    Depth, EventKind as ServiceEventKind, ProbeOutcome, Probed, RestartCount, Service,
    ServiceEvent, ServiceWord,
};
