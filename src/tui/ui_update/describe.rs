//! Things in words, to be read in full and copied: a host, a process, messages, alerts.

use crate::domain::{GpuMemory, GpuProcess, HostAddress, HostSpec, Metric, Rung, SshSpec};
use crate::engine::{Fleet, Host, Link, Outcome};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;
use crate::tui::ui::Ui;

/// The command that reaches a host by hand.
pub(super) fn ssh_command(spec: &HostSpec) -> String {
    let HostAddress::Ssh(ssh) = &spec.address else {
        return "sh -l".to_owned();
    };
    let mut command = ShellCommand::new("ssh");
    if let Some(port) = ssh.port {
        command = command.arg("-p").word(u64::from(port.get()));
    }
    for key in &ssh.identity {
        if let Ok(word) = ShellWord::new(key.to_string_lossy()) {
            command = command.arg("-i").word(word);
        }
    }
    if !ssh.jump.is_empty() {
        let jumps: Vec<String> = ssh.jump.iter().map(destination_and_port).collect();
        if let Ok(word) = ShellWord::new(jumps.join(",")) {
            command = command.arg("-J").word(word);
        }
    }
    // Names come from a grammar without control characters, so that every one is a word.
    match ShellWord::new(destination(ssh)) {
        Ok(word) => command.word(word).render(),
        Err(_) => command.render(),
    }
}

fn destination(ssh: &SshSpec) -> String {
    match &ssh.user {
        Some(user) => format!("{user}@{}", ssh.host),
        None => ssh.host.to_string(),
    }
}

fn destination_and_port(ssh: &SshSpec) -> String {
    match ssh.port {
        Some(port) => format!("{}:{port}", destination(ssh)),
        None => destination(ssh),
    }
}

/// Everything known of a host.
pub(super) fn host(host: &Host, fleet: &Fleet) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{} is {} for {}",
            host.id,
            host.word.word(),
            fleet.at.since(host.since).words()
        ),
        format!("reached by: {}", ssh_command(&host.spec)),
    ];
    if !host.detail.is_empty() {
        lines.insert(1, host.detail.to_string());
    }
    if !host.spec.tags.is_empty() {
        lines.push(format!("tags: {}", host.spec.tags.join(", ")));
    }
    lines.push(match &host.link {
        Link::Local => "link: this machine".into(),
        Link::Dialing { attempt, .. } => format!("link: being dialled, attempt {attempt}"),
        Link::Up { since } => format!("link: up for {}", fleet.at.since(*since).words()),
        Link::Waiting { until, why } => {
            format!(
                "link: closed ({why}), dialled again in {}",
                until.since(fleet.at).words()
            )
        }
        Link::Held { why } => format!("link: closed until you act: {why}"),
    });
    if let Some(trip) = host.round_trip {
        lines.push(format!("round trip: {} ms", trip.as_millis()));
    }
    lines.push(String::new());
    lines.extend(ladder(host, fleet));
    lines.extend(gpus(host));
    lines.extend(machine(host));
    lines
}

fn ladder(host: &Host, fleet: &Fleet) -> Vec<String> {
    let mut lines = Vec::new();
    for rung in Rung::ALL {
        let words = match host.ladder.outcome(rung) {
            Outcome::Holds { since } => format!("holds for {}", fleet.at.since(*since).words()),
            Outcome::Failed {
                since,
                why,
                hint,
                silent: _,
            } => {
                let hint = hint
                    .as_ref()
                    .map(|hint| format!(" · {hint}"))
                    .unwrap_or_default();
                format!("FAILED {} ago: {why}{hint}", fleet.at.since(*since).words())
            }
            _ => continue,
        };
        lines.push(format!("{:<12}{words}", rung.word()));
    }
    lines
}

fn gpus(host: &Host) -> Vec<String> {
    let Some(read) = &host.gpus else {
        return Vec::new();
    };
    let report = &read.value;
    let mut lines = vec![
        String::new(),
        format!(
            "gpu driver: {} (by {})",
            report.condition.words(),
            report.source
        ),
    ];
    if let Some(driver) = report.driver.value() {
        lines.push(format!("driver version: {driver}"));
    }
    for gpu in &report.gpus {
        let memory = match &gpu.memory {
            GpuMemory::Dedicated { used, total } => format!("{used} of {total}"),
            GpuMemory::Unified => "unified memory".into(),
            GpuMemory::Missing(why) => format!("memory {}", why.words()),
        };
        lines.push(format!(
            "gpu {}: {}, {memory}, {}",
            gpu.index, gpu.name, gpu.id
        ));
    }
    lines
}

fn machine(host: &Host) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(memory) = host
        .machine
        .as_ref()
        .and_then(|read| read.value.memory.value())
    {
        lines.push(format!(
            "memory: {} of {} used, {} cache, swap {} of {}",
            memory.used(),
            memory.total,
            memory.cache,
            memory.swap_used,
            memory.swap_total
        ));
    }
    for disk in host.disks.iter().flat_map(|read| read.value.iter()) {
        let gib = |bytes: u64| bytes / (1 << 30);
        lines.push(format!(
            "disk {}: {} GiB of {} GiB used, {} GiB free",
            disk.mount,
            gib(disk.used.0),
            gib(disk.total.0),
            gib(disk.available.0)
        ));
    }
    lines
}

/// Everything known of a process, one line for each GPU that it uses.
pub(super) fn process(host: &Host, pid: u32) -> Option<Vec<String>> {
    let found: Vec<&GpuProcess> = on_gpus(host, pid).collect();
    let first = found.first()?;
    let mut lines = vec![
        format!("pid {pid} on {}", host.id),
        format!("user: {}", words(&first.user)),
        format!("container: {}", words(&first.container)),
    ];
    for process in &found {
        let memory = match &process.memory {
            Metric::Is(memory) => memory.to_string(),
            Metric::Missing(why) => why.words().to_owned(),
        };
        lines.push(format!("gpu {}: {memory}", process.gpu));
    }
    lines.push(String::new());
    lines.push(first.command.to_string());
    Some(lines)
}

/// A process as one line.
pub(super) fn process_line(host: &Host, pid: u32) -> Option<String> {
    let process = on_gpus(host, pid).next()?;
    let memory = process.memory.value().map(ToString::to_string);
    Some(format!(
        "{} {pid} {} {} {}",
        host.id,
        words(&process.user),
        memory.unwrap_or_default(),
        process.command
    ))
}

fn on_gpus(host: &Host, pid: u32) -> impl Iterator<Item = &GpuProcess> {
    host.processes
        .iter()
        .flat_map(|read| read.value.iter())
        .filter(move |process| process.pid == pid)
}

fn words(metric: &Metric<SafeText>) -> &str {
    match metric {
        Metric::Is(text) => text.as_str(),
        Metric::Missing(why) => why.words(),
    }
}

/// The last messages with their mends, newest first.
pub(super) fn messages(ui: &Ui, fleet: &Fleet) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |text: String, hint: Option<String>| {
        lines.push(text);
        lines.extend(hint.map(|hint| format!("    {hint}")));
    };
    if let Some(flash) = &ui.flash {
        tell(flash.text.clone(), flash.hint.clone());
    }
    for notice in fleet.notices.iter().rev() {
        let host = notice
            .host
            .as_ref()
            .filter(|host| !notice.sentence.as_str().contains(host.as_str()))
            .map(|host| format!("{host}: "))
            .unwrap_or_default();
        let ago = fleet.at.since(notice.at).words();
        tell(
            format!("{ago} ago  {host}{}", notice.sentence),
            notice.hint.as_ref().map(ToString::to_string),
        );
    }
    if lines.is_empty() {
        lines.push("nothing to tell".into());
    }
    lines
}

/// What is wrong now, then what was.
pub(super) fn alerts(fleet: &Fleet) -> Vec<String> {
    let (open, over): (Vec<_>, Vec<_>) = fleet
        .alerts
        .iter()
        .rev()
        .partition(|alert| alert.until.is_none());
    let mut lines: Vec<String> = open
        .into_iter()
        .map(|alert| {
            let since = fleet.at.since(alert.since).words();
            format!(
                "{} {} for {since}  {}",
                alert.host,
                alert.word.word(),
                alert.detail
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("no alert holds".into());
    }
    if !over.is_empty() {
        lines.push(String::new());
        lines.push("over:".into());
    }
    lines.extend(over.into_iter().map(|alert| {
        let lasted = alert.until.unwrap_or(fleet.at).since(alert.since).words();
        let ago = fleet.at.since(alert.until.unwrap_or(fleet.at)).words();
        format!(
            "{} {} for {lasted}, until {ago} ago  {}",
            alert.host,
            alert.word.word(),
            alert.detail
        )
    }));
    lines
}
