//! What is written to the program's standard input: one JSON object per line. Pure.

use serde_json::{Value, json};

/// Most bytes of one question: longer lines were cut by some versions of the program.
pub const LONGEST_QUESTION: usize = 100_000;

/// A person's question. A leading slash would be taken for a command of the program.
pub(super) fn question(text: &str) -> String {
    let text = if text.trim_start().starts_with('/') {
        format!(" {}", text.trim_start())
    } else {
        text.to_owned()
    };
    let message = json!({"role": "user", "content": text});
    line(&json!({"type": "user", "message": message, "parent_tool_use_id": null}))
}

/// The wish to stop the turn. Without its envelope it would be ignored.
pub(super) fn interrupt(number: u64) -> String {
    line(&json!({
        "type": "control_request",
        "request_id": format!("pilothouse-{number}"),
        "request": {"subtype": "interrupt"},
    }))
}

/// A tool may run with this input.
pub(super) fn allow(request: &str, input: Value) -> String {
    let input = if input.is_object() { input } else { json!({}) };
    answer(
        request,
        &json!({"behavior": "allow", "updatedInput": input}),
    )
}

/// A tool may not run.
pub(super) fn deny(request: &str, why: &str) -> String {
    answer(request, &json!({"behavior": "deny", "message": why}))
}

/// A request that we don't know.
pub(super) fn unknown_request(request: &str, subtype: &str) -> String {
    line(&json!({
        "type": "control_response",
        "response": {
            "subtype": "error",
            "request_id": request,
            "error": format!("unknown request: {subtype}"),
        },
    }))
}

fn answer(request: &str, response: &Value) -> String {
    line(&json!({
        "type": "control_response",
        "response": {"subtype": "success", "request_id": request, "response": response},
    }))
}

fn line(value: &Value) -> String {
    let mut line = value.to_string();
    line.push('\n');
    line
}
