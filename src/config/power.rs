//! `power` of a host becomes a way to its switch (pure). Whatever is wrong is told, and every part that holds is kept: a
//! slip in the file may not stand between a person and the switch.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::destination::Destination;
use super::hosts::{Folders, LOCAL, strictness};
use super::nearest::nearest;
use super::problems::Problems;
use super::raw_sections::{RawPower, RawVerb, RawWake};
use super::reader::Lined;
use crate::domain::{
    GpuSourceChoice, HostAddress, HostId, HostSpec, PowerMethod, PowerSpec, PowerVerb, SshSpec,
    WakeOnLan,
};

/// The port that magic packets are sent to by custom (discard).
const WAKE_PORT: u16 = 9;

const METHODS: [(&str, Way); 2] = [
    ("forced-command", Way::ForcedCommand),
    ("command", Way::Command),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ForcedCommand,
    Command,
}

impl Way {
    /// The key without which this way leads nowhere.
    fn needs(self) -> &'static str {
        match self {
            Self::ForcedCommand => "host",
            Self::Command => "verbs",
        }
    }
}

/// The fleet as a switch sees it.
pub(super) struct Around<'a> {
    /// Every host that holds.
    pub(super) hosts: &'a [(u64, HostSpec)],
    /// Where paths start from.
    pub(super) folders: &'a Folders<'a>,
}

/// The switch of this host, as far as it holds; `None` where nothing of it does.
pub(super) fn resolve(
    raw: &RawPower,
    host: &HostId,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Option<PowerSpec> {
    let method = way(raw, problems).and_then(|way| {
        foreign_keys(raw, way, problems);
        match way {
            Way::ForcedCommand => forced_command(raw, host, around, problems),
            Way::Command => command(raw, host, around, problems),
        }
    });
    let wake = raw.wake.as_ref().and_then(|raw| wake(raw, problems));
    if method.is_none() && wake.is_none() {
        problems.at(
            raw.line,
            format!("`{host}` has no power switch: nothing under `power` says how it is reached"),
            "write `host` and `identity` (forced command), `verbs` (commands), or `wake`",
        );
        return None;
    }
    Some(PowerSpec { method, wake })
}

/// Which way is meant. Where `method` does not say, the other keys do.
fn way(raw: &RawPower, problems: &mut Problems) -> Option<Way> {
    let implied = match (&raw.host, &raw.verbs) {
        (Some(_), _) => Some(Way::ForcedCommand),
        (None, Some(_)) => Some(Way::Command),
        (None, None) => None,
    };
    let Some(method) = &raw.method else {
        return implied;
    };
    let words = || METHODS.iter().map(|(word, _)| *word);
    let Some((_, way)) = METHODS.iter().find(|(word, _)| *word == method.value) else {
        let hint = match nearest(&method.value, words()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if implied.is_none() && raw.wake.is_some() => {
                "leave it out: `wake` alone is enough".into()
            }
            None => format!("known methods: {}", words().collect::<Vec<_>>().join(", ")),
        };
        problems.at(
            method.line,
            format!("`method` is `{}`, which is no method", method.value),
            hint,
        );
        return implied;
    };
    let there = match way {
        Way::ForcedCommand => raw.host.is_some(),
        Way::Command => raw.verbs.is_some(),
    };
    if there {
        return Some(*way);
    }
    problems.at(
        method.line,
        format!("`method: {}` needs `{}`", method.value, way.needs()),
        match way {
            Way::ForcedCommand => "add `host: root@10.0.0.2`, the machine that holds the power",
            Way::Command => "add `verbs: {status: [ipmitool, …], start: […], …}`",
        },
    );
    implied
}

fn foreign_keys(raw: &RawPower, way: Way, problems: &mut Problems) {
    let of_command = [
        ("on", raw.on.as_ref().map(|v| v.line)),
        ("verbs", raw.verbs.as_ref().map(|v| v.line)),
    ];
    let of_forced = [
        ("host", raw.host.as_ref().map(|v| v.line)),
        ("identity", raw.identity.first().map(|v| v.line)),
        ("known_hosts", raw.known_hosts.as_ref().map(|v| v.line)),
        ("host_keys", raw.host_keys.as_ref().map(|v| v.line)),
    ];
    let (keys, method): (&[(&str, Option<u64>)], &str) = match way {
        Way::ForcedCommand => (&of_command, "forced-command"),
        Way::Command => (&of_forced, "command"),
    };
    for (key, line) in keys {
        if let Some(line) = line {
            problems.at(
                *line,
                format!("`{key}` has no meaning with `method: {method}`, and is left aside"),
                format!("remove `{key}`, or choose the other method"),
            );
        }
    }
}

/// A login that can do nothing but the verbs. The person's own ssh configuration has no say: the switch has to work
/// whatever stands there.
fn forced_command(
    raw: &RawPower,
    host: &HostId,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Option<PowerMethod> {
    let written = raw.host.as_ref()?;
    let destination: Destination = match written.value.parse() {
        Ok(destination) => destination,
        Err(why) => {
            problems.at(
                written.line,
                format!("bad `host` of the power switch: {why}"),
                "write user@address or user@address:port",
            );
            return None;
        }
    };
    if raw.identity.is_empty() {
        problems.at(
            raw.line,
            format!("the power switch of `{host}` names no `identity`"),
            "name the key file whose only right are the power verbs; `pilothouse power install` makes one",
        );
    }
    let strict = strictness(raw.host_keys.as_ref(), problems);
    let path = |path: &Lined<String>| around.folders.resolve(&path.value);
    let known = around.known(&destination);
    let known_hosts = raw.known_hosts.as_ref().map(path);
    let spec = SshSpec {
        user: destination
            .user
            .or_else(|| known.and_then(|known| known.user.clone())),
        port: destination
            .port
            .or_else(|| known.and_then(|known| known.port)),
        jump: known.map(|known| known.jump.clone()).unwrap_or_default(),
        identity: raw.identity.iter().map(path).collect(),
        known_hosts: known_hosts.or_else(|| known.and_then(|known| known.known_hosts.clone())),
        use_ssh_config: false,
        strict,
        ..SshSpec::new(known.map_or(destination.host, |known| known.host.clone()))
    };
    Some(PowerMethod::ForcedCommand(Arc::new(HostSpec {
        id: HostId::new(format!("{host}/power")),
        address: HostAddress::Ssh(spec),
        tags: Vec::new(),
        gpu: GpuSourceChoice::None,
        power: None,
    })))
}

impl Around<'_> {
    /// The host of the file that the destination names, so that its address need not be written twice.
    fn known(&self, destination: &Destination) -> Option<&SshSpec> {
        self.hosts.iter().find_map(|(_, spec)| match &spec.address {
            HostAddress::Ssh(ssh) if spec.id.as_str() == destination.host.as_str() => Some(ssh),
            _ => None,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.hosts.iter().any(|(_, spec)| spec.id.as_str() == name)
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.hosts.iter().map(|(_, spec)| spec.id.as_str()))
    }
}

/// The host on which the commands are run. Never guessed: another host is another machine.
fn runs_on(on: &Lined<String>, around: &Around<'_>, problems: &mut Problems) -> Option<HostId> {
    if around.has(&on.value) {
        return Some(HostId::new(&*on.value));
    }
    let meant = match around.nearest(&on.value) {
        Some(meant) => format!("did you mean `{meant}`? "),
        None => "write the name of a host of this file. ".into(),
    };
    problems.at(
        on.line,
        format!("`on` is `{}`, which is no host of this file", on.value),
        format!("{meant}Until it is mended no verb is sent"),
    );
    None
}

fn command(
    raw: &RawPower,
    host: &HostId,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Option<PowerMethod> {
    let verbs = verbs(raw.verbs.as_ref()?, problems);
    let on = match &raw.on {
        None => None,
        Some(on) if on.value == LOCAL && !around.has(LOCAL) => None,
        Some(on) => {
            let found = runs_on(on, around, problems)?;
            if found == *host {
                problems.at(
                    on.line,
                    format!("`on` is `{host}` itself, which can't answer when it hangs"),
                    "name a host that stands when this one does not, or leave `on` out",
                );
            }
            Some(found)
        }
    };
    (!verbs.is_empty()).then_some(PowerMethod::Command { on, verbs })
}

fn verbs(raw: &Lined<Vec<RawVerb>>, problems: &mut Problems) -> BTreeMap<PowerVerb, Vec<String>> {
    let mut verbs = BTreeMap::new();
    for entry in &raw.value {
        let Ok(verb) = entry.verb.parse::<PowerVerb>() else {
            continue;
        };
        let words: Vec<String> = entry.words.iter().map(|word| word.value.clone()).collect();
        let program = words.first().is_some_and(|program| {
            !program.is_empty()
                && !program.starts_with('-')
                && !program.contains(char::is_whitespace)
        });
        let control = words.iter().any(|word| word.chars().any(char::is_control));
        if !program || control {
            problems.at(
                entry.line,
                format!("`{verb}` is no command that can be run, and is left out"),
                if control {
                    "no word of it may hold control characters"
                } else {
                    "its first word is a program: [ipmitool, -H, 10.0.0.3, power, status]"
                },
            );
            continue;
        }
        verbs.insert(verb, words);
    }
    if verbs.is_empty() {
        problems.at(
            raw.line,
            "`verbs` holds no command that can be run",
            "write at least `status: [ipmitool, …]`",
        );
    }
    verbs
}

fn wake(raw: &RawWake, problems: &mut Problems) -> Option<WakeOnLan> {
    let everywhere = SocketAddr::from((Ipv4Addr::BROADCAST, WAKE_PORT));
    let Some(written) = &raw.mac else {
        problems.at(
            raw.line,
            "`wake` needs `mac`, the hardware address of the sleeping card",
            "write `mac: 3c:6d:66:01:02:03`",
        );
        return None;
    };
    let Some(mac) = hardware_address(&written.value) else {
        problems.at(
            written.line,
            format!(
                "`mac` is `{}`, which is no hardware address of a card",
                written.value
            ),
            "write six pairs of hex digits: 3c:6d:66:01:02:03",
        );
        return None;
    };
    let to = match &raw.to {
        None => everywhere,
        Some(to) => socket_address(&to.value).unwrap_or_else(|| {
            problems.at(
                to.line,
                format!(
                    "`to` is `{}`, which is no address; {everywhere} is used",
                    to.value
                ),
                "write the broadcast address of the net and a port: 10.0.0.255:9",
            );
            everywhere
        }),
    };
    Some(WakeOnLan { mac, to })
}

/// Six pairs of hex digits with `:` or `-` between them. Those of groups and of nobody are none of a card.
fn hardware_address(text: &str) -> Option<[u8; 6]> {
    let mark = if text.contains('-') { '-' } else { ':' };
    let mut mac = [0; 6];
    let mut pairs = text.trim().split(mark);
    for byte in &mut mac {
        let pair = pairs.next()?;
        if pair.len() != 2 || !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    let [first, ..] = mac;
    (pairs.next().is_none() && mac != [0; 6] && first & 1 == 0).then_some(mac)
}

fn socket_address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    text.parse::<SocketAddr>()
        .ok()
        .filter(|address| address.port() != 0)
        .or_else(|| {
            let address: IpAddr = text.parse().ok()?;
            Some(SocketAddr::new(address, WAKE_PORT))
        })
}
