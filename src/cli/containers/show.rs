//! What a container is made of, and what runs in it, as text for people (pure). Values that are probably secrets are masked.

use super::list::{ago, ports, state};
use crate::cli::print::table;
use crate::domain::{ContainerDetail, ContainerTop, Wall};
use crate::text::{MASK, Masking, is_secret, mask_command};

/// Whether the values of secrets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Masked,
    Shown,
}

/// The environment, masked as wanted.
pub(super) fn env(detail: &ContainerDetail, secrets: Secrets) -> Vec<(String, String)> {
    let shown = |name: &str, value: &str| match secrets {
        Secrets::Masked if is_secret(name, value) => MASK.to_owned(),
        Secrets::Masked | Secrets::Shown => value.to_owned(),
    };
    detail
        .env
        .iter()
        .map(|(name, value)| (name.to_string(), shown(name.as_str(), value.as_str())))
        .collect()
}

/// The command, masked as wanted.
pub(super) fn command(detail: &ContainerDetail, secrets: Secrets) -> Vec<String> {
    let words = detail.command.iter().map(crate::text::SafeText::as_str);
    match secrets {
        Secrets::Masked => mask_command(words, Masking::Sparing),
        Secrets::Shown => words.map(str::to_owned).collect(),
    }
}

/// Everything a person may want to know of a container.
pub(super) fn detail(detail: &ContainerDetail, secrets: Secrets, now: Wall) -> String {
    let container = &detail.container;
    let mut facts: Vec<(String, String)> = vec![
        ("name".into(), container.name.to_string()),
        ("id".into(), container.id.to_string()),
        ("image".into(), container.image.to_string()),
        ("state".into(), state(container)),
        (
            "created".into(),
            format!("{} ago", ago(container.created, now)),
        ),
    ];
    let mut fact = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| (name.to_owned(), value)));
    };
    let moment = |wall: Option<Wall>| wall.map(|wall| format!("{} ago", ago(wall, now)));
    fact("started", moment(container.started));
    fact("finished", moment(container.finished));
    fact("restarts", container.restarts.value().map(u32::to_string));
    fact("ports", Some(ports(&container.ports)));
    let place = container.project.as_ref();
    fact("project", place.map(|place| place.project.to_string()));
    let service = place.and_then(|place| place.service.as_ref());
    fact("service", service.map(ToString::to_string));
    fact("owner", container.owner.as_ref().map(ToString::to_string));
    fact("command", Some(command(detail, secrets).join(" ")));
    fact("log driver", Some(detail.log_driver.to_string()));
    fact("restart policy", Some(detail.restart_policy.to_string()));
    let more = detail.facts.iter();
    facts.extend(more.map(|(name, value)| (name.to_string(), value.to_string())));
    let env = env(detail, secrets);
    let masked = env.iter().any(|(_, value)| value == MASK);
    facts.push(("environment".into(), format!("{} values", env.len())));
    let mut lines = vec![aligned(&facts)];
    lines.extend(env.iter().map(|(name, value)| format!("  {name}={value}")));
    if masked {
        lines.push("  (secrets are masked: --show-secrets)".to_owned());
    }
    lines.join("\n")
}

fn aligned(facts: &[(String, String)]) -> String {
    let widest = facts.iter().map(|(name, _)| name.len()).max();
    let widest = widest.unwrap_or_default();
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{name:widest$}  {value}"))
        .collect();
    lines.join("\n")
}

/// The processes of a container.
pub(super) fn top(top: &ContainerTop) -> String {
    let head: Vec<&str> = top
        .titles
        .iter()
        .map(crate::text::SafeText::as_str)
        .collect();
    let cells = |row: &Vec<crate::text::SafeText>| row.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> = top.rows.iter().map(cells).collect();
    table(&head, &rows)
}
