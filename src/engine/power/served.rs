//! Who is served by a machine that is about to lose its power. Pure.

use crate::domain::{At, ContainerState, HostAddress, Metric};
use crate::engine::host_state::{Host, Link};
use crate::text::cut;

/// Names that one line tells.
const NAMES: usize = 6;

/// Cells of one foreign name.
const LONGEST: usize = 24;

/// What a person should know first, a line each.
pub(super) fn served(host: &Host, now: At) -> Vec<String> {
    let mut lines = Vec::new();
    if host.spec.address == HostAddress::Local {
        lines.push("this console runs on it, and ends with it".to_owned());
    }
    let reached = matches!(host.link, Link::Local | Link::Up { .. });
    match host.seen {
        None => lines.push("it has not answered yet: nobody knows whom it serves".to_owned()),
        Some(seen) if !reached => {
            let age = now.since(seen).words();
            lines.push(format!(
                "it last answered {age} ago; what follows is as old"
            ));
        }
        Some(_) => {}
    }
    lines.extend(containers(host));
    lines.extend(processes(host));
    lines
}

fn containers(host: &Host) -> Option<String> {
    let running = host.containers.list.iter();
    let names: Vec<String> = running
        .filter(|container| container.state == ContainerState::Running)
        .map(|container| cut(container.name.as_str(), LONGEST).into_owned())
        .collect();
    told(names, "container runs", "containers run")
}

fn processes(host: &Host) -> Option<String> {
    let processes = host.processes.as_ref()?;
    let mut users: Vec<(u32, String)> = processes
        .value
        .iter()
        .map(|process| match &process.user {
            Metric::Is(user) => (process.pid, cut(user.as_str(), LONGEST).into_owned()),
            Metric::Missing(_) => (process.pid, "an unknown user".to_owned()),
        })
        .collect();
    // One process on several GPUs is listed once for each.
    users.sort_unstable();
    users.dedup();
    let count = users.len();
    let mut users: Vec<String> = users.into_iter().map(|(_, user)| user).collect();
    users.sort_unstable();
    users.dedup();
    let more = users.len().saturating_sub(NAMES);
    users.truncate(NAMES);
    let of = match more {
        0 => users.join(", "),
        more => format!("{} and {more} others", users.join(", ")),
    };
    match count {
        0 => None,
        1 => Some(format!("1 process of {of} is on its GPUs")),
        count => Some(format!("{count} processes of {of} are on its GPUs")),
    }
}

fn told(mut names: Vec<String>, one: &str, many: &str) -> Option<String> {
    let count = names.len();
    let more = count.saturating_sub(NAMES);
    names.truncate(NAMES);
    let names = names.join(", ");
    match (count, more) {
        (0, _) => None,
        (1, _) => Some(format!("1 {one}: {names}")),
        (count, 0) => Some(format!("{count} {many}: {names}")),
        (count, more) => Some(format!("{count} {many}: {names} and {more} more")),
    }
}
