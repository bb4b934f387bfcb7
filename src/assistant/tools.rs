//! The assistant's tools: what they are called, what they take, and the one way from a raw call to a [`ToolCall`] (pure).
//! A call that names anything else, or more than its bounds allow, is refused in words.

use serde_json::Value;

use super::tool_input::Input;
use crate::diagnose::{self, Question, Since};
use crate::domain::{ContainerAct, HostId, PowerVerb, Wall};
use crate::follow::{Level, SourceSpec};
use crate::text::SafeText;

/// The name of our server, as the program is told it.
pub const SERVER: &str = "pilothouse";

/// Most words of a command.
pub(super) const MOST_WORDS: usize = 64;
/// Longest word of a command, in bytes.
pub(super) const LONGEST_WORD: usize = 4096;
/// Longest reason, in bytes.
pub(super) const LONGEST_WHY: usize = 1000;
/// Most things that a proposal is based on.
pub(super) const MOST_EVIDENCE: usize = 12;
/// Most log lines of one answer.
pub(super) const MOST_LINES: u32 = 2000;
/// The history of a host's readings goes back so far.
pub(super) const MOST_MINUTES: u32 = 60;

/// A call of one of our tools, checked.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolCall {
    /// Every host and what is known of it. Looks only.
    Fleet,
    /// A question of the catalogue. Looks only.
    HostFacts {
        /// To whom.
        host: HostId,
        /// What.
        question: Question,
    },
    /// Lines of a log. Looks only.
    ReadLogs(LogWish),
    /// Readings over time. Looks only.
    Metrics {
        /// Of which host.
        host: HostId,
        /// What; `None`: everything that is measured.
        series: Option<Measure>,
        /// So many minutes back.
        minutes: u32,
    },
    /// A command. A person decides, each time.
    Run {
        /// Where.
        host: HostId,
        /// Its words, without a shell around them.
        argv: Vec<String>,
        /// Why, in the assistant's words.
        why: SafeText,
    },
    /// A change. A person decides, each time.
    Propose {
        /// To which host.
        host: HostId,
        /// What.
        act: ProposedAct,
        /// Why, in the assistant's words.
        why: SafeText,
        /// What it is based on.
        evidence: Vec<Cited>,
    },
}

/// Lines of a log that are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct LogWish {
    /// On which host.
    pub host: HostId,
    /// Of what; a file is one below `/var/log`.
    pub source: SourceSpec,
    /// How far back.
    pub since: Since,
    /// The newest so many, of those that match.
    pub lines: u32,
    /// Only lines that hold this text, letters in any case. To be held against lines whose secrets are masked already,
    /// or it could be used to guess them letter by letter.
    pub grep: Option<String>,
    /// Only lines that matter as much.
    pub level: Option<Level>,
}

/// What is measured over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// CPU, percent of the machine.
    Cpu,
    /// Main memory held, percent.
    Memory,
    /// Utilisation of every GPU, percent.
    GpuUtilisation,
    /// Memory of every GPU in use, percent.
    GpuMemory,
    /// Temperature of every GPU, °C.
    GpuTemperature,
    /// Power of every GPU, W.
    GpuPower,
    /// Bytes per second received and sent together.
    Network,
}

impl Measure {
    pub(super) const ALL: [(&str, Self); 7] = [
        ("cpu", Self::Cpu),
        ("memory", Self::Memory),
        ("gpu_utilisation", Self::GpuUtilisation),
        ("gpu_memory", Self::GpuMemory),
        ("gpu_temperature", Self::GpuTemperature),
        ("gpu_power", Self::GpuPower),
        ("network", Self::Network),
    ];
}

/// A change that may be proposed. The engine makes the command of it that a person would have asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposedAct {
    /// Use the power switch.
    Power(PowerVerb),
    /// Do something with a container.
    Container {
        /// Its name, or the first letters of its id.
        container: String,
        /// What.
        act: ContainerAct,
    },
    /// Send a signal to a process.
    Signal {
        /// To which.
        pid: u32,
        /// Which.
        signal: ProposedSignal,
    },
    /// Run a command.
    Run {
        /// Its words, without a shell around them.
        argv: Vec<String>,
    },
    /// Dial the host now.
    Reconnect,
}

/// A signal that may be proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposedSignal {
    /// Interrupt.
    Int,
    /// Please end.
    Term,
    /// End now.
    Kill,
    /// Hang up.
    Hup,
}

impl ProposedSignal {
    pub(super) const ALL: [(&str, Self); 4] = [
        ("INT", Self::Int),
        ("TERM", Self::Term),
        ("KILL", Self::Kill),
        ("HUP", Self::Hup),
    ];
}

/// What a proposal is based on, as the assistant cites it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cited {
    /// In words.
    pub what: SafeText,
    /// A log source (`unit:ssh`) or the name of a measure.
    pub source: SafeText,
    /// Its moment.
    pub at: Option<Wall>,
}

/// Names of all tools, in the order in which they are listed.
pub const TOOLS: [&str; 6] = [
    "fleet",
    "host_facts",
    "read_logs",
    "metrics",
    "run",
    "propose",
];

/// A tool's name as the program shows it: `mcp__pilothouse__fleet`.
pub fn shown_name(tool: &str) -> String {
    format!("mcp__{SERVER}__{tool}")
}

/// Names of all tools as the program has to list them in its first event: these and no others.
pub fn pinned() -> Vec<String> {
    TOOLS.iter().map(|tool| shown_name(tool)).collect()
}

pub(super) const LEVELS: [(&str, Level); 7] = [
    ("trace", Level::Trace),
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("notice", Level::Notice),
    ("warning", Level::Warning),
    ("error", Level::Error),
    ("critical", Level::Critical),
];

pub(super) const CONTAINER_ACTS: [ContainerAct; 7] = [
    ContainerAct::Start,
    ContainerAct::Stop,
    ContainerAct::Restart,
    ContainerAct::Kill,
    ContainerAct::Pause,
    ContainerAct::Unpause,
    ContainerAct::Remove,
];

impl ToolCall {
    /// Reads a call: a tool's own name (`fleet`) and its raw input. What is wrong is told in a sentence for the model.
    pub fn parse(tool: &str, input: &Value) -> Result<Self, String> {
        match tool {
            "fleet" => Input::of(input, &[]).map(|_| Self::Fleet),
            "host_facts" => Self::host_facts(input),
            "read_logs" => Self::read_logs(input),
            "metrics" => Self::metrics(input),
            "run" => {
                let input = Input::of(input, &["host", "argv", "why"])?;
                Ok(Self::Run {
                    host: input.host()?,
                    argv: argv(&input, "argv")?,
                    why: why(&input)?,
                })
            }
            "propose" => Self::propose(input),
            _ => Err(format!(
                "no tool is called {tool:?}; there are {}",
                TOOLS.join(", ")
            )),
        }
    }

    /// The name of its tool.
    pub fn tool(&self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::HostFacts { .. } => "host_facts",
            Self::ReadLogs(_) => "read_logs",
            Self::Metrics { .. } => "metrics",
            Self::Run { .. } => "run",
            Self::Propose { .. } => "propose",
        }
    }

    /// The host that it is about.
    pub fn host(&self) -> Option<&HostId> {
        match self {
            Self::Fleet => None,
            Self::HostFacts { host, .. }
            | Self::Metrics { host, .. }
            | Self::Run { host, .. }
            | Self::Propose { host, .. } => Some(host),
            Self::ReadLogs(wish) => Some(&wish.host),
        }
    }

    /// Whether it only looks. What does not waits for a person.
    pub fn looks_only(&self) -> bool {
        !matches!(self, Self::Run { .. } | Self::Propose { .. })
    }

    fn host_facts(input: &Value) -> Result<Self, String> {
        let input = Input::of(input, &["host", "question", "args"])?;
        let arguments = input.value("args").unwrap_or(&Value::Null);
        let question = Question::parse(input.text("question", 64)?, arguments);
        Ok(Self::HostFacts {
            host: input.host()?,
            question: question.map_err(|invalid| invalid.what)?,
        })
    }

    fn read_logs(input: &Value) -> Result<Self, String> {
        let input = Input::of(
            input,
            &["host", "source", "since", "lines", "grep", "level"],
        )?;
        let since = input.maybe_text("since", 40)?.unwrap_or("1h");
        Ok(Self::ReadLogs(LogWish {
            host: input.host()?,
            source: source(input.text("source", 300)?)?,
            since: since.parse().map_err(|e: diagnose::InvalidValue| e.0)?,
            lines: input.count("lines", MOST_LINES)?.unwrap_or(200),
            grep: input
                .maybe_text("grep", 200)?
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            level: input.word("level", &LEVELS)?,
        }))
    }

    fn metrics(input: &Value) -> Result<Self, String> {
        let input = Input::of(input, &["host", "series", "minutes"])?;
        Ok(Self::Metrics {
            host: input.host()?,
            series: input.word("series", &Measure::ALL)?,
            minutes: input.count("minutes", MOST_MINUTES)?.unwrap_or(15),
        })
    }

    fn propose(input: &Value) -> Result<Self, String> {
        let input = Input::of(input, &["host", "act", "why", "evidence"])?;
        Ok(Self::Propose {
            host: input.host()?,
            act: act(input.value("act").unwrap_or(&Value::Null))?,
            why: why(&input)?,
            evidence: evidence(&input)?,
        })
    }
}

/// A log source. Files only below `/var/log`: what else there is on a host is shown by a person's leave.
fn source(text: &str) -> Result<SourceSpec, String> {
    let spec: SourceSpec = text
        .parse()
        .map_err(|e: crate::follow::InvalidSource| format!("{}; {}", e.what, e.hint))?;
    if let SourceSpec::File(path) = &spec {
        path.as_str()
            .parse::<diagnose::LogPath>()
            .map_err(|e| format!("{e}; propose a command to read another file"))?;
    }
    Ok(spec)
}

fn why(input: &Input<'_>) -> Result<SafeText, String> {
    let why = SafeText::new(input.text("why", LONGEST_WHY)?);
    if why.as_str().trim().is_empty() {
        return Err("`why` is empty: the person who decides has to know".into());
    }
    Ok(why)
}

fn argv(input: &Input<'_>, name: &str) -> Result<Vec<String>, String> {
    let words = input.list(name, MOST_WORDS)?;
    let argv = words
        .iter()
        .map(|word| match word {
            Value::String(word) if word.len() > LONGEST_WORD => Err(format!(
                "a word of `{name}` is longer than {LONGEST_WORD} bytes"
            )),
            Value::String(word) if word.contains('\0') => {
                Err(format!("a word of `{name}` holds a NUL character"))
            }
            Value::String(word) => Ok(word.clone()),
            _ => Err(format!("`{name}` is a list of texts, a word each")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    match argv.first() {
        Some(program) if !program.trim().is_empty() => Ok(argv),
        _ => Err(format!("`{name}` names no program")),
    }
}

fn act(value: &Value) -> Result<ProposedAct, String> {
    const SHAPES: &str = "`act` is exactly one of {\"power\": VERB}, {\"container\": NAME, \"do\": ACT}, {\"signal\": NAME, \"pid\": PID}, {\"run\": [WORD, …]}, {\"reconnect\": true}";
    let Value::Object(fields) = value else {
        return Err(SHAPES.into());
    };
    let mut keys: Vec<&str> = fields.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let input = Input::of(value, &keys)?;
    match keys.as_slice() {
        ["power"] => input
            .text("power", 20)?
            .parse()
            .map(ProposedAct::Power)
            .map_err(|e: crate::domain::NoPowerVerb| e.to_string()),
        ["container", "do"] => Ok(ProposedAct::Container {
            container: container(input.text("container", 255)?)?,
            act: input
                .word("do", &CONTAINER_ACTS.map(|act| (act.word(), act)))?
                .ok_or(SHAPES)?,
        }),
        ["pid", "signal"] => Ok(ProposedAct::Signal {
            pid: input
                .count("pid", 4_194_304)?
                .filter(|pid| *pid > 1)
                .ok_or("`pid` is a process other than the first")?,
            signal: input.word("signal", &ProposedSignal::ALL)?.ok_or(SHAPES)?,
        }),
        ["run"] => Ok(ProposedAct::Run {
            argv: argv(&input, "run")?,
        }),
        ["reconnect"] if value.get("reconnect") == Some(&Value::Bool(true)) => {
            Ok(ProposedAct::Reconnect)
        }
        _ => Err(SHAPES.into()),
    }
}

/// Names of containers are `[a-zA-Z0-9][a-zA-Z0-9_.-]*` in Docker and Podman.
fn container(name: &str) -> Result<String, String> {
    let sound = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    sound
        .then(|| name.to_owned())
        .ok_or_else(|| format!("{name:?} is no name of a container"))
}

fn evidence(input: &Input<'_>) -> Result<Vec<Cited>, String> {
    let Some(items) = input.maybe_list("evidence", MOST_EVIDENCE)? else {
        return Ok(Vec::new());
    };
    items
        .iter()
        .map(|item| {
            let item = Input::of(item, &["what", "source", "at"])?;
            let at = match item.maybe_text("at", 40)? {
                Some(text) => Some(moment(text)?),
                None => None,
            };
            Ok(Cited {
                what: SafeText::new(item.text("what", 300)?),
                source: SafeText::new(item.text("source", 300)?),
                at,
            })
        })
        .collect()
}

fn moment(text: &str) -> Result<Wall, String> {
    text.parse::<jiff::Timestamp>()
        .map(|at| Wall(at.as_millisecond()))
        .map_err(|_| format!("{text:?} is no moment, such as 2026-01-31T04:05:06Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(tool: &str, input: &Value) -> String {
        ToolCall::parse(tool, input).unwrap_err()
    }

    #[test]
    fn calls_by_rows() {
        let host = HostId::new("spark-1");
        let facts =
            json!({"host": "spark-1", "question": "journal", "args": {"unit": "ssh", "lines": 5}});
        let Ok(ToolCall::HostFacts { question, .. }) = ToolCall::parse("host_facts", &facts) else {
            panic!("{facts}");
        };
        assert_eq!(question.words(), "journal of ssh, 1h back, 5 lines");
        let logs = json!({"host": "spark-1", "source": "unit:ssh", "grep": "", "level": "warning"});
        assert_eq!(
            ToolCall::parse("read_logs", &logs),
            Ok(ToolCall::ReadLogs(LogWish {
                host: host.clone(),
                source: SourceSpec::Unit("ssh".into()),
                since: "1h".parse().unwrap(),
                lines: 200,
                grep: None,
                level: Some(Level::Warning),
            }))
        );
        for (act, meant) in [
            (
                json!({"power": "cycle"}),
                ProposedAct::Power(PowerVerb::Cycle),
            ),
            (
                json!({"run": ["df", "-h"]}),
                ProposedAct::Run {
                    argv: vec!["df".into(), "-h".into()],
                },
            ),
            (
                json!({"signal": "TERM", "pid": 42}),
                ProposedAct::Signal {
                    pid: 42,
                    signal: ProposedSignal::Term,
                },
            ),
            (
                json!({"container": "vllm", "do": "restart"}),
                ProposedAct::Container {
                    container: "vllm".into(),
                    act: ContainerAct::Restart,
                },
            ),
            (json!({"reconnect": true}), ProposedAct::Reconnect),
        ] {
            let input = json!({"host": "spark-1", "act": act, "why": "it hangs",
                "evidence": [{"what": "no answer", "source": "unit:ssh", "at": "2026-01-31T04:05:06Z"}]});
            let Ok(call @ ToolCall::Propose { .. }) = ToolCall::parse("propose", &input) else {
                panic!("{input}");
            };
            assert!(!call.looks_only());
            assert_eq!(call.host(), Some(&host));
            let ToolCall::Propose { act, evidence, .. } = call else {
                continue;
            };
            assert_eq!(act, meant);
            assert_eq!(evidence[0].at, Some(Wall(1_769_832_306_000)));
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_in_words() {
        let long = "x".repeat(5000);
        let many = vec!["x"; 65];
        for (tool, input, words) in [
            ("fleet", json!({"x": 1}), "it takes no input"),
            ("fleet", json!([]), "the input is an object"),
            ("bash", json!({}), "no tool is called \"bash\""),
            ("mcp__pilothouse__fleet", json!({}), "no tool is called"),
            (
                "host_facts",
                json!({"host": "a;b", "question": "disk"}),
                "`host`: the host name holds ';'",
            ),
            (
                "host_facts",
                json!({"host": "-oProxyCommand=x", "question": "disk"}),
                "begins with a dash",
            ),
            (
                "host_facts",
                json!({"question": "disk"}),
                "`host` has to be given",
            ),
            (
                "host_facts",
                json!({"host": "a", "question": "rm"}),
                "no question is called \"rm\"",
            ),
            (
                "host_facts",
                json!({"host": "a", "question": "disk", "args": {"x": 1}}),
                "`disk` has no argument \"x\"; it takes none",
            ),
            (
                "host_facts",
                json!({"host": "a", "question": "unit_status", "args": {"unit": "-f"}}),
                "is no name of a unit",
            ),
            (
                "host_facts",
                json!({"host": "a", "question": "log_file", "args": {"path": "/var/log/../../etc/shadow"}}),
                "no file below /var/log",
            ),
            (
                "read_logs",
                json!({"host": "a", "source": "file:/etc/shadow"}),
                "no file below /var/log",
            ),
            (
                "read_logs",
                json!({"host": "a", "source": "file:/var/log/../../root/.ssh/id_rsa"}),
                "no file below /var/log",
            ),
            (
                "read_logs",
                json!({"host": "a", "source": "unit:ssh", "lines": 1_000_000}),
                "`lines` is a number from 1 to 2000",
            ),
            (
                "read_logs",
                json!({"host": "a", "source": "unit:ssh", "since": "$(id)"}),
                "no time to look back",
            ),
            (
                "read_logs",
                json!({"host": "a", "source": "unit:ssh", "level": 3}),
                "`level` is a text",
            ),
            (
                "metrics",
                json!({"host": "a", "minutes": -1}),
                "`minutes` is a number from 1 to 60",
            ),
            (
                "metrics",
                json!({"host": "a", "series": "x"}),
                "`series` is one of cpu",
            ),
            (
                "run",
                json!({"host": "a", "argv": "df", "why": "x"}),
                "`argv` is a list",
            ),
            (
                "run",
                json!({"host": "a", "argv": [], "why": "x"}),
                "`argv` names no program",
            ),
            (
                "run",
                json!({"host": "a", "argv": ["df", 1], "why": "x"}),
                "a list of texts",
            ),
            (
                "run",
                json!({"host": "a", "argv": ["df", "\0"], "why": "x"}),
                "NUL",
            ),
            (
                "run",
                json!({"host": "a", "argv": [long], "why": "x"}),
                "longer than 4096",
            ),
            (
                "run",
                json!({"host": "a", "argv": many, "why": "x"}),
                "more than 64",
            ),
            (
                "run",
                json!({"host": "a", "argv": ["df"], "why": " "}),
                "`why` is empty",
            ),
            (
                "run",
                json!({"host": "a", "argv": ["df"]}),
                "`why` has to be given",
            ),
            (
                "run",
                json!({"host": "a", "argv": ["df"], "why": "x", "approved": true}),
                "no field is called \"approved\"",
            ),
            (
                "propose",
                json!({"host": "a", "act": {"power": "cycle "}, "why": "x"}),
                "no power verb",
            ),
            (
                "propose",
                json!({"host": "a", "act": {"power": "cycle", "run": ["x"]}, "why": "x"}),
                "exactly one of",
            ),
            (
                "propose",
                json!({"host": "a", "act": {"signal": "KILL", "pid": 1}, "why": "x"}),
                "other than the first",
            ),
            (
                "propose",
                json!({"host": "a", "act": {"signal": "STOP", "pid": 9}, "why": "x"}),
                "one of INT, TERM, KILL, HUP",
            ),
            (
                "propose",
                json!({"host": "a", "act": {"container": "-f", "do": "stop"}, "why": "x"}),
                "no name of a container",
            ),
            (
                "propose",
                json!({"host": "a", "act": {"reconnect": false}, "why": "x"}),
                "exactly one of",
            ),
            (
                "propose",
                json!({"host": "a", "act": {"arm": "power"}, "why": "x"}),
                "exactly one of",
            ),
            (
                "propose",
                json!({"host": "a", "why": "x"}),
                "exactly one of",
            ),
        ] {
            let told = refused(tool, &input);
            assert!(told.contains(words), "{tool} {input}: {told}");
        }
    }

    #[test]
    fn every_tool_is_listed_with_a_closed_schema() {
        let listed = crate::assistant::definitions();
        let names: Vec<&str> = listed.iter().map(|tool| tool.name).collect();
        assert_eq!(names, TOOLS);
        assert_eq!(pinned()[0], "mcp__pilothouse__fleet");
        for tool in listed {
            assert_eq!(
                tool.input_schema["additionalProperties"], false,
                "{}",
                tool.name
            );
            let looks = !matches!(tool.name, "run" | "propose");
            assert_eq!(tool.annotations["readOnlyHint"], looks, "{}", tool.name);
        }
    }
}
