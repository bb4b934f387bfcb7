//! The demo's configuration as a file, for trying every other command on the simulated machines.

use std::fmt::Write as _;
use std::path::Path;

use crate::config::Config;
use crate::domain::{
    DeepProbe, HostAddress, HostSpec, Managed, PowerMethod, PowerSpec, ServicePreset, SshSpec,
    StrictHostKeys,
};

use super::DemoError;

/// How every file of the demo begins: only such a one is written over.
const HEADER: &str =
    "# The demo fleet of `pilothouse demo --headless`; it lives as long as that command runs.\n";

/// Writes the configuration so that `--config` reads back the same hosts. A person's own file is left alone.
pub(super) fn write(path: &Path, config: &Config) -> Result<(), DemoError> {
    let ours = match std::fs::read(path) {
        Ok(there) => there.is_empty() || there.starts_with(HEADER.as_bytes()),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !ours {
        return Err(DemoError::Taken {
            path: path.to_owned(),
        });
    }
    // Whoever waits for the file to appear must find all of it.
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    std::fs::write(&unfinished, text(config))
        .and_then(|()| std::fs::rename(&unfinished, path))
        .map_err(|source| DemoError::Write {
            path: path.to_owned(),
            source,
        })
}

fn text(config: &Config) -> String {
    let mut text = String::from(HEADER);
    let _ = writeln!(text, "fleet: {}", quoted(&config.fleet));
    text += "hosts:\n";
    for host in &config.hosts {
        text += &entry(host);
    }
    text += &serving(config);
    text
}

/// The pair, and the services, each as its kind has it.
fn serving(config: &Config) -> String {
    let mut text = String::new();
    for cluster in &config.settings.models.clusters {
        let nodes = std::iter::once(&cluster.head).chain(&cluster.workers);
        let nodes: Vec<String> = nodes
            .map(|node| format!("{}: {}", quoted(node.host.as_str()), node.address))
            .collect();
        let devices: Vec<String> = cluster.devices.iter().map(|one| quoted(one)).collect();
        let _ = write!(
            text,
            "models:\n  clusters:\n    - name: {}\n      nodes: {{{}}}\n      devices: [{}]\n",
            quoted(&cluster.name),
            nodes.join(", "),
            devices.join(", ")
        );
        if let Some(interface) = &cluster.interface {
            let _ = writeln!(text, "      interface: {}", quoted(interface));
        }
    }
    if !config.settings.services.is_empty() {
        text += "services:\n";
    }
    for service in &config.settings.services {
        let kind = match service.deep {
            Some(DeepProbe::Transcription) => ServicePreset::SpeechToText,
            _ => ServicePreset::Vllm,
        };
        let (Managed::Container(container), Some(port)) = (&service.managed, service.port) else {
            continue;
        };
        let _ = writeln!(
            text,
            "  - {{kind: {}, name: {}, host: {}, container: {}, port: {port}}}",
            kind.word(),
            quoted(service.name.as_str()),
            quoted(service.host.as_str()),
            quoted(container)
        );
    }
    text
}

fn entry(host: &HostSpec) -> String {
    let mut entry = format!("  - name: {}\n", quoted(host.id.as_str()));
    match &host.address {
        HostAddress::Local => entry += "    local: true\n",
        HostAddress::Ssh(ssh) => entry += &destination(ssh),
    }
    if !host.tags.is_empty() {
        let tags: Vec<String> = host.tags.iter().map(|tag| quoted(tag)).collect();
        let _ = writeln!(entry, "    tags: [{}]", tags.join(", "));
    }
    if let Some(power) = &host.power {
        entry += &switch(power);
    }
    entry
}

/// The way to a power switch; the demo has none but a login on its hypervisor.
fn switch(power: &PowerSpec) -> String {
    let Some(PowerMethod::ForcedCommand(way)) = &power.method else {
        return String::new();
    };
    let HostAddress::Ssh(ssh) = &way.address else {
        return String::new();
    };
    let user = ssh.user.iter().map(|user| format!("{user}@"));
    let port = ssh.port.iter().map(|port| format!(":{port}"));
    let there: String = user.chain([ssh.host.to_string()]).chain(port).collect();
    let mut lines = format!(
        "    power:\n      method: forced-command\n      host: {}\n",
        quoted(&there)
    );
    let identities: Vec<String> = ssh.identity.iter().map(|path| file(path)).collect();
    let _ = writeln!(lines, "      identity: [{}]", identities.join(", "));
    if let Some(known_hosts) = &ssh.known_hosts {
        let _ = writeln!(lines, "      known_hosts: {}", file(known_hosts));
    }
    if ssh.strict == StrictHostKeys::Refuse {
        lines += "      host_keys: refuse\n";
    }
    lines
}

fn destination(ssh: &SshSpec) -> String {
    let mut lines = format!("    address: {}\n", quoted(ssh.host.as_str()));
    if let Some(port) = ssh.port {
        let _ = writeln!(lines, "    port: {port}");
    }
    if let Some(user) = &ssh.user {
        let _ = writeln!(lines, "    user: {}", quoted(user.as_str()));
    }
    let identities: Vec<String> = ssh.identity.iter().map(|path| file(path)).collect();
    let _ = writeln!(lines, "    identity: [{}]", identities.join(", "));
    if let Some(known_hosts) = &ssh.known_hosts {
        let _ = writeln!(lines, "    known_hosts: {}", file(known_hosts));
    }
    let _ = writeln!(lines, "    ssh_config: {}", ssh.use_ssh_config);
    if ssh.strict == StrictHostKeys::Refuse {
        lines += "    host_keys: refuse\n";
    }
    lines
}

/// A double-quoted YAML scalar: JSON's form is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn file(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
