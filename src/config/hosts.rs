//! Host entries become hosts that can be dialled (pure): names are unique, jumps lead somewhere and never in a circle.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::destination::Destination;
use super::jumps::{self, Jumps};
use super::nearest::nearest;
use super::power::{self, Around};
use super::problems::Problems;
use super::raw::{RawEntry, RawHost};
use super::raw_sections::RawPower;
use super::reader::Lined;
use crate::domain::{
    GpuSourceChoice, HostAddress, HostId, HostName, HostSpec, Port, SshSpec, StrictHostKeys,
};

/// Most hosts that one file may list.
const MOST: usize = 1000;

/// The word that means this machine.
pub(super) const LOCAL: &str = "local";

const GPU_SOURCES: &[(&str, GpuSourceChoice)] = &[
    ("auto", GpuSourceChoice::Auto),
    ("nvml", GpuSourceChoice::Nvml),
    ("probe", GpuSourceChoice::Probe),
    ("nvidia-smi", GpuSourceChoice::NvidiaSmi),
    ("rocm-smi", GpuSourceChoice::RocmSmi),
    ("none", GpuSourceChoice::None),
];

/// A host whose jumps are still names.
pub(super) struct Draft {
    pub(super) line: u64,
    pub(super) spec: HostSpec,
    pub(super) jump: Vec<Lined<String>>,
    pub(super) power: Option<RawPower>,
}

/// Where paths of the file start from.
pub(super) struct Folders<'a> {
    /// What `~` means.
    pub(super) home: Option<&'a Path>,
    /// The folder of the file: relative paths start here.
    pub(super) file: Option<&'a Path>,
}

/// This machine, as a host.
pub(super) fn this_machine() -> HostSpec {
    HostSpec {
        id: HostId::new(LOCAL),
        address: HostAddress::Local,
        tags: Vec::new(),
        gpu: GpuSourceChoice::Auto,
        power: None,
    }
}

/// A host of which only its destination is known.
pub(super) fn plain(destination: Destination) -> HostSpec {
    HostSpec {
        id: destination.id(),
        address: HostAddress::Ssh(destination.into_spec()),
        tags: Vec::new(),
        gpu: GpuSourceChoice::Auto,
        power: None,
    }
}

/// Every host that holds, with the line it stands on. What does not hold is left out and reported.
pub(super) fn resolve(
    raw: Vec<RawHost>,
    folders: &Folders<'_>,
    problems: &mut Problems,
) -> Vec<(u64, Arc<HostSpec>)> {
    if raw.len() > MOST {
        problems.in_file(
            None,
            &format!("{} hosts are listed; the first {MOST} are used", raw.len()),
            "split the fleet into several files and choose with --config",
        );
    }
    let drafts: Vec<Draft> = raw
        .into_iter()
        .take(MOST)
        .filter_map(|host| match host {
            RawHost::Short(text) => short(&text, problems),
            RawHost::Full(entry) => full(*entry, folders, problems),
        })
        .collect();
    let drafts = without_twins(drafts, problems);
    let jumps = Jumps::new(&drafts);
    let chains: Vec<Option<Vec<SshSpec>>> = drafts
        .iter()
        .map(|draft| jumps.of(draft, problems))
        .collect();
    let mut switches = Vec::new();
    let mut hosts: Vec<(u64, HostSpec)> = Vec::new();
    for (mut draft, chain) in drafts.into_iter().zip(chains) {
        let Some(chain) = chain else { continue };
        if let HostAddress::Ssh(ssh) = &mut draft.spec.address {
            ssh.jump = chain;
        }
        switches.push(draft.power);
        hosts.push((draft.line, draft.spec));
    }
    with_switches(hosts, &switches, folders, problems)
}

/// The hosts with the ways to their power switches, some of which lead over other hosts.
fn with_switches(
    hosts: Vec<(u64, HostSpec)>,
    switches: &[Option<RawPower>],
    folders: &Folders<'_>,
    problems: &mut Problems,
) -> Vec<(u64, Arc<HostSpec>)> {
    let around = Around {
        hosts: &hosts,
        folders,
    };
    let found: Vec<_> = hosts
        .iter()
        .zip(switches)
        .map(|((_, spec), raw)| power::resolve(raw.as_ref()?, &spec.id, &around, problems))
        .collect();
    hosts
        .into_iter()
        .zip(found)
        .map(|((line, spec), power)| (line, Arc::new(HostSpec { power, ..spec })))
        .collect()
}

fn short(text: &Lined<String>, problems: &mut Problems) -> Option<Draft> {
    let spec = if text.value == LOCAL {
        this_machine()
    } else {
        match text.value.parse::<Destination>() {
            Ok(destination) => plain(destination),
            Err(why) => {
                problems.at(
                    text.line,
                    format!("`{}` is no host: {why}", text.value),
                    "write a name, user@host or user@host:port",
                );
                return None;
            }
        }
    };
    Some(Draft {
        line: text.line,
        spec,
        jump: Vec::new(),
        power: None,
    })
}

fn full(entry: RawEntry, folders: &Folders<'_>, problems: &mut Problems) -> Option<Draft> {
    let before = problems.all.len();
    let spec = if entry.local.as_ref().is_some_and(|local| local.value) {
        local(&entry, problems)
    } else {
        remote(&entry, folders, problems)
    };
    let sound = entry.whole && problems.all.len() == before;
    let tags = tags(&entry.tags, problems);
    let gpu = gpu(entry.gpu.as_ref(), spec.as_ref(), problems);
    let (id, address) = spec.filter(|_| sound)?;
    Some(Draft {
        line: entry.line,
        spec: HostSpec {
            id,
            address,
            tags,
            gpu,
            power: None,
        },
        jump: jumps::split(entry.jump),
        power: entry.power,
    })
}

/// This machine in the list, under a name of its own.
fn local(entry: &RawEntry, problems: &mut Problems) -> Option<(HostId, HostAddress)> {
    let lines = [
        ("address", entry.address.as_ref().map(|v| v.line)),
        ("user", entry.user.as_ref().map(|v| v.line)),
        ("port", entry.port.as_ref().map(|v| v.line)),
        ("jump", entry.jump.first().map(|v| v.line)),
        ("identity", entry.identity.first().map(|v| v.line)),
        ("known_hosts", entry.known_hosts.as_ref().map(|v| v.line)),
    ];
    for (key, line) in lines {
        if let Some(line) = line {
            problems.at(
                line,
                format!("`{key}` has no meaning for this machine (`local: true`)"),
                format!("remove `{key}` or `local`"),
            );
        }
    }
    let id = match &entry.name {
        Some(name) => HostId::new(grammar::<HostName>(name, "name", problems)?.as_str()),
        None => HostId::new(LOCAL),
    };
    Some((id, HostAddress::Local))
}

fn remote(
    entry: &RawEntry,
    folders: &Folders<'_>,
    problems: &mut Problems,
) -> Option<(HostId, HostAddress)> {
    let (key, written) = match (&entry.address, &entry.name) {
        (Some(address), _) => ("address", address),
        (None, Some(name)) => ("name", name),
        (None, None) => {
            nameless(entry, problems);
            return None;
        }
    };
    let destination = grammar::<Destination>(written, key, problems);
    let name = entry
        .name
        .as_ref()
        .and_then(|name| grammar::<HostName>(name, "name", problems));
    let user = entry
        .user
        .as_ref()
        .and_then(|user| grammar(user, "user", problems));
    let port = entry.port.as_ref().and_then(|port| number(port, problems));
    let strict = strictness(entry.host_keys.as_ref(), problems);
    let destination = destination?;
    said_twice(entry, &destination, problems);
    let id = name.map_or_else(|| destination.id(), |name| HostId::new(name.as_str()));
    let path = |path: &Lined<String>| folders.resolve(&path.value);
    Some((
        id,
        HostAddress::Ssh(SshSpec {
            user: user.or(destination.user),
            port: port.or(destination.port),
            identity: entry.identity.iter().map(path).collect(),
            known_hosts: entry.known_hosts.as_ref().map(path),
            use_ssh_config: entry.ssh_config.as_ref().is_none_or(|asked| asked.value),
            strict,
            ..SshSpec::new(destination.host)
        }),
    ))
}

fn nameless(entry: &RawEntry, problems: &mut Problems) {
    // A name that could not be read has been told already.
    if entry.whole {
        problems.at(
            entry.line,
            "a host needs a name or an address",
            "add `name: spark-1`, or `local: true` for this machine",
        );
    }
}

fn said_twice(entry: &RawEntry, address: &Destination, problems: &mut Problems) {
    let user = entry.user.as_ref().map(|user| user.line);
    let port = entry.port.as_ref().map(|port| port.line);
    for (key, line, again) in [
        ("user", user, address.user.is_some()),
        ("port", port, address.port.is_some()),
    ] {
        if let (Some(line), true) = (line, again) {
            problems.at(
                line,
                format!("the {key} stands in the address and under `{key}`"),
                "keep one of them",
            );
        }
    }
}

/// A value of a strict grammar, or a problem.
fn grammar<T>(text: &Lined<String>, key: &str, problems: &mut Problems) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    match text.value.parse() {
        Ok(value) => Some(value),
        Err(why) => {
            problems.at(text.line, format!("bad `{key}`: {why}"), "");
            None
        }
    }
}

fn number(port: &Lined<i64>, problems: &mut Problems) -> Option<Port> {
    let parsed = u16::try_from(port.value)
        .ok()
        .and_then(|number| Port::try_from(number).ok());
    if parsed.is_none() {
        problems.at(
            port.line,
            format!("`port` is {}", port.value),
            "a port is a number from 1 to 65535",
        );
    }
    parsed
}

pub(super) fn strictness(text: Option<&Lined<String>>, problems: &mut Problems) -> StrictHostKeys {
    match text.map(|text| (text.value.as_str(), text)) {
        None | Some(("ask", _)) => StrictHostKeys::Ask,
        Some(("refuse", _)) => StrictHostKeys::Refuse,
        Some((_, text)) => {
            problems.at(
                text.line,
                format!("`host_keys` is `{}`", text.value),
                "write ask (a person decides on unknown keys) or refuse; keys are never accepted silently",
            );
            StrictHostKeys::Refuse
        }
    }
}

fn gpu(
    text: Option<&Lined<String>>,
    spec: Option<&(HostId, HostAddress)>,
    problems: &mut Problems,
) -> GpuSourceChoice {
    let Some(text) = text else {
        return GpuSourceChoice::Auto;
    };
    let words = || GPU_SOURCES.iter().map(|(word, _)| *word);
    let Some((_, choice)) = GPU_SOURCES.iter().find(|(word, _)| *word == text.value) else {
        let hint = match nearest(&text.value, words()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known sources: {}", words().collect::<Vec<_>>().join(", ")),
        };
        problems.at(
            text.line,
            format!(
                "`gpu` is `{}`, which is no source; auto is used",
                text.value
            ),
            hint,
        );
        return GpuSourceChoice::Auto;
    };
    let far = matches!(spec, Some((_, HostAddress::Ssh(_))));
    if far && *choice == GpuSourceChoice::Nvml {
        problems.at(
            text.line,
            "`gpu: nvml` reads this machine's driver and can't reach over SSH; auto is used",
            "write `gpu: probe` where pilothouse is installed on the host, else leave it out",
        );
        return GpuSourceChoice::Auto;
    }
    *choice
}

fn tags(raw: &[Lined<String>], problems: &mut Problems) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for tag in raw {
        let fits = |c: char| c.is_alphanumeric() || "._-:/=+".contains(c);
        if tag.value.is_empty() || tag.value.len() > 64 || !tag.value.chars().all(fits) {
            problems.at(
                tag.line,
                format!("`{}` is no tag and is left out", tag.value.escape_debug()),
                "a tag is one word of letters, digits and ._-:/=+, at most 64 long",
            );
        } else if !kept.contains(&tag.value) {
            kept.push(tag.value.clone());
        }
    }
    kept
}

fn without_twins(drafts: Vec<Draft>, problems: &mut Problems) -> Vec<Draft> {
    let mut first: HashMap<HostId, u64> = HashMap::new();
    drafts
        .into_iter()
        .filter(|draft| match first.get(&draft.spec.id) {
            None => {
                first.insert(draft.spec.id.clone(), draft.line);
                true
            }
            Some(line) => {
                problems.at(
                    draft.line,
                    format!(
                        "two hosts are called `{}`; the first is used",
                        draft.spec.id
                    ),
                    format!("the first is on line {line}; give this one a `name` of its own"),
                );
                false
            }
        })
        .collect()
}

impl Folders<'_> {
    /// A path as a person writes it: `~/` is their home, a relative one starts at the file.
    pub(super) fn resolve(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.home, self.file) {
            (Some(rest), Some(home), _) => home.join(rest),
            (None, _, Some(folder)) => folder.join(text),
            _ => PathBuf::from(text),
        }
    }
}
