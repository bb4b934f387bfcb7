//! What is told of one container, line by line (pure): its environment with secrets masked, its facts, its processes.

use super::ui_tables::{Awaited, ContainerRef, ContainerTab, EnvShown, OpenContainer};
use crate::domain::{Bytes, ContainerDetail, ContainerStats, ContainerTop, Metric, Mib};
use crate::engine::{Fleet, Refusal};
use crate::text::SafeText;

/// What stands for a hidden value, however long it is.
pub(super) const MASK: &str = "•••";

/// Parts of a name that say that its value is a secret.
const SECRET: [&str; 12] = [
    "secret",
    "token",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "api_key",
    "credential",
    "private",
    "auth",
    "_key",
    "cookie",
];

/// Whether the value of a name is better not seen by whoever looks over the shoulder. A URL may carry a password.
pub(super) fn sounds_secret(name: &str, value: &str) -> bool {
    let name = name.to_lowercase();
    SECRET.iter().any(|part| name.contains(part))
        || name == "key"
        || name.ends_with("pwd")
        || name.ends_with("pass")
        || value
            .split_once("://")
            .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|to| to.contains('@')))
}

/// A line: a label and what stands beside it. A line without a label is a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What it is about.
    pub(super) label: String,
    /// What is told.
    pub(super) text: String,
    /// Whether the text stands for something that is hidden.
    pub(super) masked: bool,
}

fn line(label: impl Into<String>, text: impl Into<String>) -> Line {
    Line {
        label: label.into(),
        text: text.into(),
        masked: false,
    }
}

/// How many lines the open tab has.
pub(super) fn length(open: &OpenContainer) -> usize {
    match open.tab {
        ContainerTab::Stats => 0,
        _ => lines(open).len(),
    }
}

/// The lines of the open tab.
pub(super) fn lines(open: &OpenContainer) -> Vec<Line> {
    match open.tab {
        ContainerTab::Stats => Vec::new(),
        ContainerTab::Env => awaited(&open.detail, |detail| env(detail, open.env)),
        ContainerTab::Config => awaited(&open.detail, |detail| config(detail)),
        ContainerTab::Top => awaited(&open.top, top),
    }
}

fn awaited<T>(answer: &Awaited<T>, lines: impl Fn(&T) -> Vec<Line>) -> Vec<Line> {
    match answer {
        Awaited::Waiting => vec![line("", "asking …")],
        Awaited::Got(value) => lines(value),
        Awaited::Failed(Refusal { why, hint }) => {
            let mut told = vec![line("", why.as_str())];
            told.extend(hint.iter().map(|hint| line("", hint.as_str())));
            told
        }
    }
}

fn env(detail: &ContainerDetail, shown: EnvShown) -> Vec<Line> {
    if detail.env.is_empty() {
        return vec![line("", "its environment is empty")];
    }
    let of = |(name, value): &(SafeText, SafeText)| {
        let masked = match shown {
            EnvShown::Names => true,
            EnvShown::Plain => sounds_secret(name.as_str(), value.as_str()),
            EnvShown::All => false,
        };
        Line {
            label: name.to_string(),
            text: if masked {
                MASK.to_owned()
            } else {
                value.to_string()
            },
            masked,
        }
    };
    detail.env.iter().map(of).collect()
}

fn config(detail: &ContainerDetail) -> Vec<Line> {
    let container = &detail.container;
    let command: Vec<&str> = detail.command.iter().map(SafeText::as_str).collect();
    let mut lines = vec![
        line("id", container.id.as_str()),
        line("image", container.image.as_str()),
        line("command", command.join(" ")),
        line("restart", detail.restart_policy.as_str()),
        line("log", detail.log_driver.as_str()),
        line(
            "terminal",
            if detail.tty {
                "yes: one output only"
            } else {
                "no"
            },
        ),
    ];
    if let Some(place) = &container.project {
        let service = place.service.as_ref();
        let service = service.map_or_else(String::new, |name| format!(" · service {name}"));
        lines.push(line("project", format!("{}{service}", place.project)));
    }
    lines.extend(
        detail
            .facts
            .iter()
            .map(|(name, fact)| line(name.as_str(), fact.as_str())),
    );
    lines.extend(
        container
            .labels
            .iter()
            .map(|(name, value)| line("label", format!("{name}={value}"))),
    );
    lines
}

/// Processes as columns that are as wide as their widest cell, the last as long as it is.
fn top(top: &ContainerTop) -> Vec<Line> {
    let rows = || std::iter::once(&top.titles).chain(&top.rows);
    let widest = |column: usize| {
        let cells = rows().filter_map(|row| row.get(column));
        cells
            .map(|cell| crate::text::width(cell.as_str()))
            .max()
            .unwrap_or(0)
    };
    let columns = rows().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    rows()
        .map(|row| {
            let mut text = String::new();
            for (place, (cell, cells)) in row.iter().zip(&widths).enumerate() {
                text.push_str(cell.as_str());
                if place + 1 < row.len() {
                    let pad = cells.saturating_sub(crate::text::width(cell.as_str())) + 2;
                    text.extend(std::iter::repeat_n(' ', pad));
                }
            }
            line("", text)
        })
        .collect()
}

/// The open tab as a text, for reading and copying: what is hidden stays hidden.
pub(super) fn text(open: &OpenContainer, fleet: &Fleet) -> Vec<String> {
    if open.tab == ContainerTab::Stats {
        let read = super::container_rows::stats(fleet, &open.of);
        return read.map_or_else(
            || vec!["nothing was measured yet".into()],
            |read| {
                measures(fleet, &open.of, &read.value)
                    .into_iter()
                    .map(|(a, b)| format!("{a:<10}{b}"))
                    .collect()
            },
        );
    }
    let of = |line: Line| match line.label.as_str() {
        "" => line.text,
        label if open.tab == ContainerTab::Env => format!("{label}={}", line.text),
        label => format!("{label:<12}{}", line.text),
    };
    lines(open).into_iter().map(of).collect()
}

/// The engine's whole answer, in which the values of the environment are left out.
pub(super) fn raw(open: &OpenContainer) -> Vec<String> {
    match &open.detail {
        Awaited::Got(detail) => detail.raw.iter().map(ToString::to_string).collect(),
        _ => lines(open).into_iter().map(|line| line.text).collect(),
    }
}

/// The present measures in words.
pub(super) fn measures(
    fleet: &Fleet,
    of: &ContainerRef,
    stats: &ContainerStats,
) -> Vec<(&'static str, String)> {
    let rates = |rates: &Metric<[crate::domain::BytesPerSecond; 2]>, [first, second]: [&str; 2]| {
        match rates {
            Metric::Is([one, two]) => format!(
                "{first} {} · {second} {}",
                super::widgets::rate(*one),
                super::widgets::rate(*two)
            ),
            Metric::Missing(why) => why.words().to_owned(),
        }
    };
    let cpu = match &stats.cpu {
        Metric::Is(cpu) => format!("{:.1} % of the machine", cpu.0),
        Metric::Missing(why) => why.words().to_owned(),
    };
    let memory = match &stats.memory {
        Metric::Is(used) => {
            let used = amount(*used);
            match whole(fleet, of, stats) {
                Some(whole) => format!("{used} of {whole}"),
                None => used,
            }
        }
        Metric::Missing(why) => why.words().to_owned(),
    };
    let pids = match &stats.pids {
        Metric::Is(count) => count.to_string(),
        Metric::Missing(why) => why.words().to_owned(),
    };
    vec![
        ("cpu", cpu),
        ("memory", memory),
        ("network", rates(&stats.network, ["in", "out"])),
        ("disk", rates(&stats.disk, ["read", "written"])),
        ("processes", pids),
    ]
}

/// Memory in words; what is too small for the unit is not nothing.
pub(super) fn amount(bytes: Bytes) -> String {
    match Mib::from_bytes(bytes.0) {
        Mib(0) if bytes.0 > 0 => "<1 MiB".to_owned(),
        whole => whole.to_string(),
    }
}

/// The memory that it may use: its limit, else the machine's.
fn whole(fleet: &Fleet, of: &ContainerRef, stats: &ContainerStats) -> Option<Mib> {
    let machine = || {
        let machine = fleet.host(&of.host)?.machine.as_ref()?;
        machine.value.memory.value().map(|memory| memory.total)
    };
    let limit = stats.limit.value().map(|limit| Mib::from_bytes(limit.0));
    limit.or_else(machine)
}

/// Memory in percent of what it may use.
pub(super) fn memory_share(
    fleet: &Fleet,
    of: &ContainerRef,
    stats: &ContainerStats,
) -> Option<f32> {
    let used = Mib::from_bytes(stats.memory.value()?.0);
    Some(used.percent_of(whole(fleet, of, stats)?).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_urls_that_carry_secrets_are_known() {
        for (name, value, secret) in [
            ("HF_TOKEN", "hf_x", true),
            ("POSTGRES_PASSWORD", "x", true),
            ("AWS_SECRET_ACCESS_KEY", "x", true),
            ("OPENAI_API_KEY", "x", true),
            ("MYSQL_PWD", "x", true),
            ("DATABASE_URL", "postgres://anna:pw@db/app", true),
            ("HOME", "/root", false),
            ("KEYBOARD", "de", false),
            ("DOCS_URL", "https://example.org/a@b", false),
        ] {
            assert_eq!(sounds_secret(name, value), secret, "{name}");
        }
    }
}
