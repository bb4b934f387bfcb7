//! The assistant's tools as they are listed for the model: descriptions and schemas, made from the same bounds by which calls
//! are checked (pure).

use serde::Serialize;
use serde_json::{Value, json};

use super::tool_input::host_schema;
use super::tools::{
    CONTAINER_ACTS, LEVELS, LONGEST_WHY, LONGEST_WORD, MOST_EVIDENCE, MOST_LINES, MOST_MINUTES,
    MOST_WORDS, Measure, ProposedSignal, TOOLS,
};
use crate::diagnose;
use crate::domain::{ContainerAct, PowerVerb};

/// A tool as a server of the Model Context Protocol lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolDefinition {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model.
    pub description: String,
    /// The JSON schema of its input.
    #[serde(rename = "inputSchema")]
    pub input_schema: Value,
    /// Hints for whoever calls it: whether it only looks.
    pub annotations: Value,
}

/// All tools with their schemas.
pub fn definitions() -> Vec<ToolDefinition> {
    TOOLS
        .iter()
        .map(|name| {
            let (description, properties, needed) = described(name);
            ToolDefinition {
                name,
                description,
                input_schema: json!({
                    "type": "object",
                    "properties": properties,
                    "required": needed,
                    "additionalProperties": false,
                }),
                annotations: json!({
                    "readOnlyHint": looks_only(name),
                    "destructiveHint": !looks_only(name),
                    "openWorldHint": false,
                }),
            }
        })
        .collect()
}

/// Whether a tool of this name only looks.
fn looks_only(name: &str) -> bool {
    !matches!(name, "run" | "propose")
}

fn described(name: &str) -> (String, Value, &'static [&'static str]) {
    match name {
        "host_facts" => (
            host_facts_words(),
            json!({
                "host": host_schema(),
                "question": {
                    "type": "string",
                    "enum": diagnose::catalogue().iter().map(|entry| entry.name).collect::<Vec<_>>(),
                },
                "args": {
                    "type": "object",
                    "description": "arguments of the question, where it takes any",
                },
            }),
            &["host", "question"],
        ),
        "read_logs" => (
            "Reads lines of one log of a host, newest last. Changes nothing.".into(),
            log_properties(),
            &["host", "source"],
        ),
        "metrics" => (
            "What was measured on a host over the last minutes: lowest, mean, highest and latest per series. Changes nothing.".into(),
            json!({
                "host": host_schema(),
                "series": {"type": "string", "enum": Measure::ALL.map(|(word, _)| word)},
                "minutes": {"type": "integer", "minimum": 1, "maximum": MOST_MINUTES, "default": 15},
            }),
            &["host"],
        ),
        "run" => (
            "Asks a person to let one command run on a host, word by word, without a shell (no pipes, globs or redirections). \
             It runs only if they approve it; the answer is its output, or their refusal. Ask the catalogue (host_facts) first."
                .into(),
            json!({
                "host": host_schema(),
                "argv": argv_schema(),
                "why": why_schema(),
            }),
            &["host", "argv", "why"],
        ),
        "propose" => (
            "Proposes a change of a host to a person: the power switch, a container, a signal, a command, a new connection. \
             Nothing happens unless they approve it by typing; the answer is what became of it."
                .into(),
            propose_properties(),
            &["host", "act", "why"],
        ),
        _ => (
            "Every host of the fleet: how it is, and what is known of its GPUs, memory, disks, containers and alerts. Changes nothing.".into(),
            json!({}),
            &[],
        ),
    }
}

/// The catalogue in words: a schema can't say which argument belongs to which question without growing past reading.
fn host_facts_words() -> String {
    let mut words = String::from(
        "Asks a host one read-only question and gives the answer's lines. Changes nothing. Questions, with their arguments:",
    );
    for entry in diagnose::catalogue() {
        words.push_str("\n- ");
        words.push_str(entry.name);
        let arguments = entry.argument_words();
        if !arguments.is_empty() {
            words.push('(');
            words.push_str(&arguments);
            words.push(')');
        }
        words.push_str(": ");
        words.push_str(entry.what);
    }
    words
}

fn log_properties() -> Value {
    json!({
        "host": host_schema(),
        "source": {
            "type": "string",
            "maxLength": 300,
            "description": "container:NAME, unit:NAME, file:/var/log/…, kernel, or actions (what was done from here)",
        },
        "since": {
            "type": "string",
            "maxLength": 40,
            "default": "1h",
            "description": "how far back: 30m, 2h, 3d, or a moment such as 2026-01-31T04:05:06Z",
        },
        "lines": {"type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": 200},
        "grep": {
            "type": "string",
            "maxLength": 200,
            "description": "only lines that hold this text, letters in any case",
        },
        "level": {
            "type": "string",
            "enum": LEVELS.map(|(word, _)| word),
            "description": "only lines that matter at least as much",
        },
    })
}

fn argv_schema() -> Value {
    json!({
        "type": "array",
        "items": {"type": "string", "maxLength": LONGEST_WORD},
        "minItems": 1,
        "maxItems": MOST_WORDS,
        "description": "the program and its arguments, a word each",
    })
}

fn why_schema() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_WHY,
        "description": "one or two sentences for the person who decides",
    })
}

fn propose_properties() -> Value {
    json!({
        "host": host_schema(),
        "act": {
            "type": "object",
            "description": "exactly one of: {\"power\": VERB}, {\"container\": NAME, \"do\": ACT}, {\"signal\": NAME, \"pid\": PID}, {\"run\": [WORD, …]}, {\"reconnect\": true}",
            "properties": {
                "power": {"type": "string", "enum": PowerVerb::ALL.map(PowerVerb::word)},
                "container": {"type": "string", "maxLength": 255},
                "do": {"type": "string", "enum": CONTAINER_ACTS.map(ContainerAct::word)},
                "signal": {"type": "string", "enum": ProposedSignal::ALL.map(|(word, _)| word)},
                "pid": {"type": "integer", "minimum": 2, "maximum": 4_194_304},
                "run": argv_schema(),
                "reconnect": {"type": "boolean", "enum": [true]},
            },
            "additionalProperties": false,
        },
        "why": why_schema(),
        "evidence": {
            "type": "array",
            "maxItems": MOST_EVIDENCE,
            "description": "what it is based on, so that the person can open each at its moment",
            "items": {
                "type": "object",
                "properties": {
                    "what": {"type": "string", "maxLength": 300},
                    "source": {"type": "string", "maxLength": 300, "description": "unit:NAME, container:NAME, kernel, file:PATH, or a series of metrics"},
                    "at": {"type": "string", "maxLength": 40, "description": "RFC 3339, as the line or reading has it"},
                },
                "required": ["what", "source"],
                "additionalProperties": false,
            },
        },
    })
}
