//! Whether the program offers exactly our tools, and nothing that could get around them. Pure.

use std::collections::BTreeSet;

use super::stream::Init;
use super::tools::SERVER;

/// The name of a tool of ours without the server's.
pub(super) fn short(tool: &str) -> Option<&str> {
    tool.strip_prefix("mcp__")?
        .strip_prefix(SERVER)?
        .strip_prefix("__")
}

/// Whether a tool is one of ours.
pub(super) fn is_ours(tool: &str, ours: &BTreeSet<String>) -> bool {
    short(tool).is_some_and(|name| ours.contains(name))
}

/// Why a program that tells this about itself may not go on.
pub(super) fn fault(init: &Init, ours: &BTreeSet<String>) -> Option<String> {
    let Some(tools) = &init.tools else {
        return Some("it does not tell which tools it offers".to_owned());
    };
    let offered: BTreeSet<&str> = tools.iter().map(String::as_str).collect();
    if let Some(foreign) = tools.iter().find(|tool| !is_ours(tool, ours)) {
        return Some(format!("it offers {foreign}, which is not ours"));
    }
    match init.servers.as_deref() {
        Some([(name, status)]) if name == SERVER && status == "connected" => {}
        Some([(name, status)]) if name == SERVER => {
            return Some(format!("its way to Pilothouse's tools is {status}"));
        }
        Some([]) | None => return Some("it has no way to Pilothouse's tools".to_owned()),
        Some(_) => return Some("it has other tool servers than Pilothouse's".to_owned()),
    }
    if offered.len() != ours.len() || tools.len() != ours.len() {
        return Some("it does not offer all of Pilothouse's tools, each once".to_owned());
    }
    if !matches!(init.mode.as_str(), "default" | "manual") {
        return Some(format!("its permission mode is {}", init.mode));
    }
    if init.plugins > 0 {
        return Some("it has plugins".to_owned());
    }
    init.session
        .is_empty()
        .then(|| "it does not tell its conversation's name".to_owned())
}
