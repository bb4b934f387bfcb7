//! The facts of a container in the order in which a person reads them: mounts, networks, limits, devices (pure).

use super::detail::{DeviceRequest, HostConfig, Inspected, Mount, Network};
use crate::text::SafeText;

/// 64 MiB of shared memory is what everybody gets.
const USUAL_SHM: i64 = 64 * 1024 * 1024;

/// All that can be said.
pub(super) fn of(container: &Inspected) -> Vec<(SafeText, SafeText)> {
    let mut facts = Vec::new();
    let mut say = |name: &str, value: String| facts.push((SafeText::new(name), value.into()));
    for mount in &container.mounts.0 {
        say("mount", mounted(mount));
    }
    for (name, network) in &container.network_settings.networks.0 {
        say("network", joined(name, network.as_ref()));
    }
    let host = &container.host_config;
    if matches!(host.network_mode.as_str(), "host" | "none")
        && container.network_settings.networks.0.is_empty()
    {
        say("network", host.network_mode.clone());
    }
    limits(host, &mut say);
    for request in &host.device_requests.0 {
        say(asked_for(request), requested(request));
    }
    for device in &host.devices.0 {
        say(
            "device",
            moved(&device.path_on_host, &device.path_in_container),
        );
    }
    if host.privileged {
        say(
            "privileged",
            "yes: it may do what root on the host may".into(),
        );
    }
    if !matches!(host.runtime.as_str(), "" | "runc" | "crun" | "oci") {
        say("runtime", host.runtime.clone());
    }
    facts
}

fn limits(host: &HostConfig, say: &mut impl FnMut(&str, String)) {
    if host.memory > 0 {
        say("memory limit", gib(host.memory));
    }
    if host.nano_cpus > 0 {
        say("cpu limit", cores(host.nano_cpus as f64 / 1e9));
    } else if host.cpu_quota > 0 && host.cpu_period > 0 {
        let share = host.cpu_quota as f64 / host.cpu_period as f64;
        say("cpu limit", cores(share));
    }
    if !host.cpuset_cpus.is_empty() {
        say("cpus", host.cpuset_cpus.clone());
    }
    if let Some(most) = host.pids_limit.filter(|most| *most > 0) {
        say("process limit", most.to_string());
    }
    if host.shm_size > 0 && host.shm_size != USUAL_SHM {
        say("shared memory", gib(host.shm_size));
    }
}

fn gib(bytes: i64) -> String {
    let mib = bytes as f64 / (1024.0 * 1024.0);
    if mib < 1024.0 {
        format!("{mib:.0} MiB")
    } else {
        format!("{:.1} GiB", mib / 1024.0)
    }
}

fn cores(count: f64) -> String {
    let word = if count <= 1.0 { "core" } else { "cores" };
    let digits = format!("{count:.2}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{digits} {word}")
}

fn mounted(mount: &Mount) -> String {
    let from = match mount.r#type.as_str() {
        "volume" => format!("volume {}", mount.name),
        "bind" => mount.source.clone(),
        other => other.to_owned(),
    };
    let rights = if mount.writable { "" } else { ", read-only" };
    format!("{from} → {}{rights}", mount.destination)
}

fn joined(name: &str, network: Option<&Network>) -> String {
    let addresses = network.into_iter().flat_map(|n| [&n.address, &n.address6]);
    let mut words = name.to_owned();
    for address in addresses.filter(|address| !address.is_empty()) {
        words.push(' ');
        words.push_str(address);
    }
    words
}

fn asked_for(request: &DeviceRequest) -> &'static str {
    let mut all = request.capabilities.0.iter().flat_map(|any| &any.0);
    if all.any(|word| word == "gpu") || request.driver == "nvidia" {
        "gpus"
    } else {
        "devices"
    }
}

fn requested(request: &DeviceRequest) -> String {
    match (request.ids.0.as_slice(), request.count) {
        ([], ..=-1) => "all".into(),
        ([], count) => count.to_string(),
        (ids, _) => ids.join(", "),
    }
}

fn moved(outside: &str, inside: &str) -> String {
    if inside.is_empty() || inside == outside {
        outside.to_owned()
    } else {
        format!("{outside} → {inside}")
    }
}
