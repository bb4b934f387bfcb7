//! The job that a swap is (pure): what is to be stopped and launched as the words of one script on the head.

use std::net::IpAddr;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use thiserror::Error;

use super::reservation::hex;
use super::swap_secrets::may_be_secret;
use super::{Launch, PlaceName};
use crate::domain::{ModelKey, Port, Secret};
use crate::jobs::{FUNCTIONS, JobId, JobSpec, LeaseKey, Work};
use crate::shell::{EnvName, RemotePath, ShellCommand, ShellWord};

/// What reads and checks the reservation; also before [`super::lock`]'s verbs.
pub(super) const RESERVATION: &str = include_str!("reservation.sh");

const SWAP: &str = include_str!("swap.sh");

/// The lease that every swap of a head takes: only one is at work there at a time.
pub const SWAP_LEASE: &str = "models-swap";

/// Everything that a swap is told. Nothing of it is looked up later: the console that began it may be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapPlan {
    /// The place, as a person named it.
    pub place: PlaceName,
    /// What it brings; `None`: what is served is only stopped.
    pub launch: Option<SwapLaunch>,
    /// Who begins it: `ann@desk`.
    pub by: String,
    /// What is stopped before, in this order. What we launched there last is stopped in any case.
    pub stop: Vec<StopWay>,
    /// What is stopped is not asked first.
    pub force: bool,
    /// The token of the reservation.
    pub token: Option<Secret<String>>,
    /// The other nodes, as the head sees them on the fast network.
    pub nodes: Vec<IpAddr>,
    /// How long each phase may take.
    pub limits: SwapLimits,
    /// The folder on the head; `None`: `~/.pilothouse`.
    pub base: Option<RemotePath>,
}

/// What a swap launches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapLaunch {
    /// The model.
    pub model: ModelKey,
    /// Run first, in this order: each starts the engine of another node.
    pub before: Vec<ShellCommand>,
    /// The command. That of a container comes back once it was started; a program stays.
    pub command: ShellCommand,
    /// What runs then.
    pub runs: Runs,
    /// The port that it listens on.
    pub port: Port,
    /// The address that it listens on, as its host sees it; `0.0.0.0` and `::` are asked on the loopback.
    pub listen: String,
    /// The name by which it is asked for a token; `None`: the first that it says it serves.
    pub served_as: Option<String>,
    /// What ends it where the engine was launched over several nodes: the launcher's own stop.
    pub undo: Option<ShellCommand>,
    /// Variables of the launch that are secrets: they travel by standard input.
    pub secrets: Vec<(EnvName, Secret<String>)>,
}

impl SwapLaunch {
    /// What a swap is told of a launch. `program` names the job of an engine that is in no container; `undo` is the launcher's own
    /// stop, where it reaches more nodes than the head.
    pub fn new(launch: &Launch, program: JobId, undo: Option<ShellCommand>) -> Self {
        Self {
            model: launch.model.clone(),
            before: launch.before.clone(),
            command: launch.command.clone(),
            runs: match &launch.container {
                Some(name) => Runs::Container(name.clone()),
                None => Runs::Program(program),
            },
            port: launch.port,
            listen: launch.listen.clone(),
            served_as: None,
            undo,
            secrets: Vec::new(),
        }
    }
}

/// What runs after a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// A container of this name.
    Container(String),
    /// A program of the host, as a job of its own.
    Program(JobId),
}

/// How something is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopWay {
    /// A container, by name.
    Container(String),
    /// A command of its own: the launcher's stop, which reaches the other nodes.
    Command(ShellCommand),
    /// A program of the host that is a job.
    Program(JobId),
}

/// How long the phases may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapLimits {
    /// How long an engine is asked to stop before it is forced.
    pub patience: Duration,
    /// The launch: the launcher waits in it until every node is there.
    pub launch: Duration,
    /// Loading.
    pub load: Duration,
    /// From loaded to one token.
    pub ready: Duration,
}

impl Default for SwapLimits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            launch: Duration::from_mins(15),
            load: Duration::from_hours(1),
            ready: Duration::from_mins(5),
        }
    }
}

/// Why a plan can't be a job.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SwapPlanError {
    /// Not a name that a container engine takes.
    #[error(
        "{0:?} is not the name of a container: letters, digits, `_`, `.` and `-`, beginning with one of the first two"
    )]
    Container(String),
    /// A control character, or longer than a mark holds.
    #[error(
        "{0:?} can't be told in a line: it holds a control character or is longer than 180 bytes"
    )]
    Text(String),
    /// Not an address that can stand in a URL.
    #[error("{0:?} is not an address that an engine can listen on")]
    Listen(String),
    /// Two lines would be two variables.
    #[error("the secret {0} holds a line end, or NUL")]
    Secret(String),
    /// A variable of the script that swaps, or of a program that it runs.
    #[error(
        "a secret of a launch can't be called {0}: that means something to the host's own programs"
    )]
    SecretName(String),
    /// NUL somewhere.
    #[error("the launch holds a NUL character")]
    Nul,
}

/// The job of a swap.
pub fn swap_job(plan: &SwapPlan) -> Result<JobSpec, SwapPlanError> {
    let mut words = Words::default();
    words.pair("base", plan.base.as_ref().map_or("", RemotePath::as_str))?;
    words.pair("place", line(&plan.place)?)?;
    words.pair("by", line(&plan.by)?)?;
    words.pair("force", if plan.force { "1" } else { "0" })?;
    words.seconds("patience", plan.limits.patience)?;
    for node in &plan.nodes {
        words.pair("node", &node.to_string())?;
    }
    for way in &plan.stop {
        match way {
            StopWay::Container(name) => words.pair("stop-container", container(name)?)?,
            StopWay::Command(command) => words.pair("stop-command", &command.render())?,
            StopWay::Program(job) => words.pair("stop-program", job.as_str())?,
        }
    }
    if let Some(launch) = &plan.launch {
        words.launch(launch, &plan.limits)?;
    }
    let what = match &plan.launch {
        Some(launch) => format!("swap {} to {}", plan.place, launch.model),
        None => format!("stop what {} serves", plan.place),
    };
    let text = format!("{FUNCTIONS}\n{RESERVATION}\n{SWAP}");
    let mut job = JobSpec::new(
        Work::Script {
            text,
            arguments: words.0,
        },
        what,
    );
    job.input = Some(input(plan)?);
    job.lease = LeaseKey::new(SWAP_LEASE).ok();
    job.limit = Some(whole(plan));
    Ok(job)
}

/// A fingerprint of a launch: what was measured of one counts for the same one only.
pub fn launch_print(command: &ShellCommand) -> String {
    let hash = digest(&SHA256, command.render().as_bytes());
    hex(hash.as_ref().get(..8).unwrap_or_default())
}

/// All phases together, with time for what is asked and then forced.
fn whole(plan: &SwapPlan) -> Duration {
    let limits = &plan.limits;
    let several = u32::try_from(plan.stop.len() + 3).unwrap_or(u32::MAX);
    let stop = (limits.patience + Duration::from_mins(3)).saturating_mul(several);
    limits.launch + limits.load + limits.ready + stop
}

/// The token, or an empty line; then the secrets.
fn input(plan: &SwapPlan) -> Result<Secret<String>, SwapPlanError> {
    let fits = |text: &str| !text.contains(['\n', '\r', '\0']);
    let mut text = String::new();
    if let Some(token) = &plan.token {
        if !fits(token.expose()) {
            return Err(SwapPlanError::Secret("token".to_owned()));
        }
        text.push_str(token.expose());
    }
    text.push('\n');
    let secrets = plan.launch.iter().flat_map(|launch| &launch.secrets);
    for (name, secret) in secrets {
        if !may_be_secret(name) {
            return Err(SwapPlanError::SecretName(name.as_str().to_owned()));
        }
        if !fits(secret.expose()) {
            return Err(SwapPlanError::Secret(name.as_str().to_owned()));
        }
        text.push_str(name.as_str());
        text.push('=');
        text.push_str(secret.expose());
        text.push('\n');
    }
    Ok(Secret::new(text))
}

#[derive(Default)]
struct Words(Vec<ShellWord>);

impl Words {
    fn pair(&mut self, name: &'static str, value: &str) -> Result<(), SwapPlanError> {
        let value = ShellWord::new(value).map_err(|_| SwapPlanError::Nul)?;
        self.0.push(ShellWord::literal(name));
        self.0.push(value);
        Ok(())
    }

    fn seconds(&mut self, name: &'static str, value: Duration) -> Result<(), SwapPlanError> {
        self.pair(name, &value.as_secs().max(1).to_string())
    }

    fn launch(&mut self, launch: &SwapLaunch, limits: &SwapLimits) -> Result<(), SwapPlanError> {
        self.pair("model", line(launch.model.as_str())?)?;
        for command in &launch.before {
            self.pair("launch-before", &command.render())?;
        }
        self.pair("launch", &launch.command.render())?;
        self.pair("print", &launch_print(&launch.command))?;
        match &launch.runs {
            Runs::Container(name) => self.pair("name", container(name)?)?,
            Runs::Program(job) => self.pair("program", job.as_str())?,
        }
        self.pair("port", &launch.port.get().to_string())?;
        self.pair("listen", &asked_at(&launch.listen)?)?;
        if let Some(name) = &launch.served_as {
            self.pair("served_as", &in_json(line(name)?))?;
        }
        if let Some(undo) = &launch.undo {
            self.pair("undo", &undo.render())?;
        }
        self.seconds("launch_limit", limits.launch)?;
        self.seconds("load_limit", limits.load)?;
        self.seconds("ready_limit", limits.ready)
    }
}

fn line(text: &str) -> Result<&str, SwapPlanError> {
    if text.len() <= 180 && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(SwapPlanError::Text(text.chars().take(180).collect()))
}

/// Docker's own rule for names.
fn container(name: &str) -> Result<&str, SwapPlanError> {
    let fits = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 120
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if fits {
        return Ok(name);
    }
    Err(SwapPlanError::Container(name.chars().take(120).collect()))
}

/// Where the host itself asks an engine that listens there.
fn asked_at(listen: &str) -> Result<String, SwapPlanError> {
    let name = listen.trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => Ok("127.0.0.1".to_owned()),
        Ok(IpAddr::V4(address)) => Ok(address.to_string()),
        Ok(IpAddr::V6(address)) => Ok(format!("[{address}]")),
        Err(_) if name == "localhost" => Ok("127.0.0.1".to_owned()),
        Err(_) => Err(SwapPlanError::Listen(listen.chars().take(80).collect())),
    }
}

/// The inside of a JSON string.
fn in_json(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Every variable of the script: what it sets, reads, counts with or expands.
    fn variables() -> BTreeSet<String> {
        let text = format!("{FUNCTIONS}\n{RESERVATION}\n{SWAP}");
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect();
        let code = code.join("\n");
        let named = [
            r"\$\{?#?([A-Za-z_][A-Za-z0-9_]*)",
            r"\b([A-Za-z_][A-Za-z0-9_]*)=",
            r"\bfor ([A-Za-z_][A-Za-z0-9_]*)\b",
        ];
        let found = named.iter().flat_map(|pattern| {
            let pattern = regex::Regex::new(pattern).unwrap();
            let all = pattern.captures_iter(&code);
            all.map(|found| found[1].to_owned()).collect::<Vec<_>>()
        });
        let read = regex::Regex::new(r"\bread -r ([A-Za-z_][A-Za-z0-9_ ]*)").unwrap();
        let read = read.captures_iter(&code).flat_map(|found| {
            let names = found[1].split(' ');
            names.map(str::to_owned).collect::<Vec<_>>()
        });
        let all: BTreeSet<String> = found.chain(read).collect();
        assert!(all.len() > 50 && all.contains("token") && all.contains("MOST_LOG"));
        all
    }

    fn plan(name: EnvName) -> SwapPlan {
        SwapPlan {
            place: "spark-1".into(),
            launch: Some(SwapLaunch {
                model: ModelKey::new("qwen"),
                before: Vec::new(),
                command: ShellCommand::new("docker"),
                runs: Runs::Container("vllm".into()),
                port: 8000.try_into().unwrap(),
                listen: "127.0.0.1".into(),
                served_as: None,
                undo: None,
                secrets: vec![(name, Secret::new("word".into()))],
            }),
            by: "ann@desk".into(),
            stop: Vec::new(),
            force: false,
            token: None,
            nodes: Vec::new(),
            limits: SwapLimits::default(),
            base: None,
        }
    }

    #[test]
    fn usual_secrets_of_engines_come_through() {
        for name in ["HF_TOKEN", "NGC_API_KEY", "VLLM_API_KEY", "A", "TOKEN_2"] {
            let job = swap_job(&plan(EnvName::new(name).unwrap())).unwrap();
            let input = job.input.unwrap();
            assert_eq!(input.expose(), &format!("\n{name}=word\n"));
        }
    }

    #[test]
    fn no_secret_is_called_like_a_variable_of_the_script() {
        for word in variables() {
            let Ok(name) = EnvName::new(word.as_str()) else {
                continue;
            };
            let refused = SwapPlanError::SecretName(word.clone());
            assert_eq!(swap_job(&plan(name)).unwrap_err(), refused, "{word}");
        }
    }

    proptest! {
        #[test]
        fn what_is_let_through_is_in_capitals_and_no_variable_of_the_script(
            name in "[A-Za-z_][A-Za-z0-9_]{0,12}|(LD|LC|BASH|DOCKER|SSH|PYTHON|PILOTHOUSE)_?[A-Z_]{0,8}|PATH|HOME|IFS|ENV",
        ) {
            let Ok(variable) = EnvName::new(name.as_str()) else {
                return Ok(());
            };
            if swap_job(&plan(variable)).is_ok() {
                prop_assert!(!variables().contains(&name), "{name}");
                prop_assert!(!name.contains(|c: char| c.is_ascii_lowercase()), "{name}");
                for family in ["LD_", "LC_", "BASH", "DOCKER_", "SSH_", "PYTHON", "PILOTHOUSE_"] {
                    prop_assert!(!name.starts_with(family), "{name}");
                }
            }
        }
    }
}
