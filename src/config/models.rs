//! `models` (pure): clusters, catalogues, the hub, who is told of swaps. What is wrong is told and left out; the rest holds.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::hosts::{Folders, LOCAL};
use super::layers::Layers;
use super::nearest::nearest;
use super::origin::{ModelsOrigins, Origin};
use super::plain::is_plain;
use super::raw_models::{RawCluster, RawModels, RawScheduled, RawSource, RawWebhook};
use super::reader::Lined;
use super::{ModelsSettings, ScheduleEntry, SecretSource, SwapWebhook};
use crate::domain::{Cluster, ClusterNode, HostId, HostName, HostSpec, Port, Secret};
use crate::shell::RemotePath;
use crate::text::SafeText;

/// The hub's own variable, honoured as its own programs do.
const HUB: &str = "HF_ENDPOINT";

/// Longest words of a schedule.
const LONGEST_WORDS: usize = 200;

/// The hosts of the file, for what names one.
pub(super) struct Named<'a>(pub(super) &'a [(u64, Arc<HostSpec>)]);

impl Named<'_> {
    /// The host of this name. Without a list there is this machine.
    pub(super) fn get(&self, name: &str) -> Option<HostId> {
        let there = self.0.iter().any(|(_, host)| host.id.as_str() == name)
            || (self.0.is_empty() && name == LOCAL);
        there.then(|| HostId::new(name))
    }

    /// The mend for a name that no host has.
    pub(super) fn hint(&self, name: &str) -> String {
        match nearest(name, self.0.iter().map(|(_, host)| host.id.as_str())) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write the name of a host of this file".into(),
        }
    }
}

impl Layers<'_> {
    pub(super) fn models(
        &mut self,
        raw: &RawModels,
        folders: &Folders<'_>,
        hosts: &Named<'_>,
    ) -> (ModelsSettings, ModelsOrigins) {
        let mut models = ModelsSettings::default();
        let mut from = ModelsOrigins::default();
        if let Some(catalogs) = &raw.catalogs {
            let path = |text: &Lined<String>| folders.resolve(&text.value);
            models.catalogs = catalogs.value.iter().map(path).collect();
            from.catalogs = Origin::Line(catalogs.line);
        }
        if let Some(clusters) = &raw.clusters {
            models.clusters = self.clusters(&clusters.value, hosts);
            from.clusters = Origin::Line(clusters.line);
        }
        if let Some(listed) = &raw.folders {
            models.folders = self.model_folders(&listed.value);
            from.folders = Origin::Line(listed.line);
        }
        (models.hub, from.hub) = self.hub(raw.hub.as_ref());
        if let Some(token) = &raw.hub_token {
            models.hub_token = self.secret_source(token, "hub_token", folders);
            from.hub_token = Origin::Line(token.line);
        }
        if let Some(key) = &raw.ngc_key {
            models.ngc_key = self.secret_source(key, "ngc_key", folders);
            from.ngc_key = Origin::Line(key.line);
        }
        if let Some(webhook) = &raw.webhook {
            models.webhook = self.swap_webhook(webhook, folders);
            from.webhook = Origin::Line(webhook.line);
        }
        if let Some(watched) = &raw.watched {
            models.watched = self.watched(&watched.value, hosts);
            from.watched = Origin::Line(watched.line);
        }
        if let Some(schedule) = &raw.schedule {
            models.schedule = schedule
                .value
                .iter()
                .filter_map(|entry| self.scheduled(entry))
                .collect();
            from.schedule = Origin::Line(schedule.line);
        }
        (models, from)
    }

    fn clusters(&mut self, raw: &[RawCluster], hosts: &Named<'_>) -> Vec<Arc<Cluster>> {
        let mut kept: Vec<Arc<Cluster>> = Vec::new();
        for raw in raw {
            let Some(cluster) = self.cluster(raw, hosts) else {
                continue;
            };
            if kept.iter().any(|other| other.name == cluster.name) {
                self.problems.at(
                    raw.line,
                    format!(
                        "two clusters are called `{}`; the first is used",
                        cluster.name
                    ),
                    "give this one a name of its own",
                );
                continue;
            }
            kept.push(Arc::new(cluster));
        }
        kept
    }

    fn cluster(&mut self, raw: &RawCluster, hosts: &Named<'_>) -> Option<Cluster> {
        let before = self.problems.all.len();
        let name = self.cluster_name(raw);
        let mut nodes: Vec<ClusterNode> = Vec::new();
        let mut seen = BTreeSet::new();
        for (host, address) in &raw.nodes {
            let node = self.node(host, address.as_ref(), hosts);
            let Some(node) = node else { continue };
            if !seen.insert(node.address) || nodes.iter().any(|other| other.host == node.host) {
                self.problems.at(
                    host.line,
                    format!(
                        "`{}` or its address stands twice in the cluster",
                        host.value
                    ),
                    "each node is a host of its own with an address of its own",
                );
            }
            nodes.push(node);
        }
        let interface = raw
            .interface
            .as_ref()
            .and_then(|text| self.device(text, "interface", "enp1s0f1np1"));
        let devices = raw
            .devices
            .iter()
            .filter_map(|text| self.device(text, "devices", "rocep1s0f1"))
            .collect();
        if self.problems.all.len() > before {
            return None;
        }
        let mut nodes = nodes.into_iter();
        let (Some(head), Some(second)) = (nodes.next(), nodes.next()) else {
            self.problems.at(
                raw.line,
                "a cluster has two nodes or more, the head first",
                "write `nodes: {spark-1: 192.168.177.11, spark-2: 192.168.177.12}`",
            );
            return None;
        };
        Some(Cluster {
            name: name?,
            head,
            workers: std::iter::once(second).chain(nodes).collect(),
            interface,
            devices,
        })
    }

    fn cluster_name(&mut self, raw: &RawCluster) -> Option<String> {
        let Some(name) = &raw.name else {
            self.problems
                .at(raw.line, "a cluster has no name", "write `name: pair`");
            return None;
        };
        if name.value.len() <= 64 && name.value.parse::<HostName>().is_ok() {
            return Some(name.value.clone());
        }
        self.problems.at(
            name.line,
            format!("`{}` is no name of a cluster", name.value),
            "letters, digits, `.`, `_` and `-`",
        );
        None
    }

    fn node(
        &mut self,
        host: &Lined<String>,
        address: Option<&Lined<String>>,
        hosts: &Named<'_>,
    ) -> Option<ClusterNode> {
        let found = hosts.get(&host.value);
        if found.is_none() {
            self.problems.at(
                host.line,
                format!("`{}` is no host of this file", host.value),
                hosts.hint(&host.value),
            );
        }
        let address = address?;
        let Ok(parsed) = address.value.parse::<IpAddr>() else {
            self.problems.at(
                address.line,
                format!("`{}` is no address", address.value),
                "write the node's address on the fast network: 192.168.177.11",
            );
            return None;
        };
        Some(ClusterNode {
            host: found?,
            address: parsed,
        })
    }

    /// The name of an interface or of a RoCE device: it becomes a word of a command and of an environment.
    fn device(&mut self, text: &Lined<String>, key: &str, example: &str) -> Option<String> {
        if is_plain(&text.value, 1..=32, "._-") {
            return Some(text.value.clone());
        }
        self.problems.at(
            text.line,
            format!("`{}` can't stand under `{key}`", text.value),
            format!("write a name such as {example}"),
        );
        None
    }

    fn model_folders(&mut self, raw: &[Lined<String>]) -> Vec<RemotePath> {
        raw.iter()
            .filter_map(|text| {
                let path = remote_path(&text.value);
                if path.is_none() {
                    self.problems.at(
                        text.line,
                        format!("`{}` is no folder of a host", text.value),
                        "write an absolute path in letters, digits and . _ + / -: /srv/models",
                    );
                }
                path
            })
            .collect()
    }

    fn hub(&mut self, file: Option<&Lined<String>>) -> (Option<String>, Origin) {
        if let Some(url) = self.environment.text(HUB) {
            if is_address(&url) {
                return (Some(bare(&url)), Origin::Environment(HUB));
            }
            self.problems.outside(
                format!("{HUB} is no address of the form https://host without a login"),
                "it is left aside",
            );
        }
        let Some(url) = file else {
            return (None, Origin::Default);
        };
        if is_address(&url.value) {
            return (Some(bare(&url.value)), Origin::Line(url.line));
        }
        self.problems.at(
            url.line,
            "`hub` is no address of the form https://host without a login",
            "the usual hub is used; a token belongs under `hub_token`",
        );
        (None, Origin::Default)
    }

    fn secret_source(
        &mut self,
        raw: &RawSource,
        key: &str,
        folders: &Folders<'_>,
    ) -> Option<SecretSource> {
        let (way, words) = raw.way.as_ref()?;
        let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
        let found = match (*way, words.as_slice()) {
            ("file", [file]) if !file.is_empty() && !file.starts_with("hf_") => {
                Some(SecretSource::File(folders.resolve(file)))
            }
            ("command", [program, ..]) if !program.is_empty() && !program.starts_with('-') => {
                let words = words.iter().map(|word| (*word).to_owned()).collect();
                Some(SecretSource::Command(words))
            }
            ("variable", [name]) if crate::shell::EnvName::new(*name).is_ok() => {
                Some(SecretSource::Variable((*name).to_owned()))
            }
            _ => None,
        };
        if found.is_none() {
            // It is not repeated: it may be the secret itself.
            self.problems.at(
                raw.line,
                format!("`{key}` names no file, command or variable that can be used"),
                "write {file: PATH}, {command: [program, word]} or {variable: NAME}",
            );
        }
        found
    }

    fn swap_webhook(&mut self, raw: &RawWebhook, folders: &Folders<'_>) -> Option<SwapWebhook> {
        let key = raw
            .key
            .as_ref()
            .map(|key| self.secret_source(key, "key", folders));
        let url = raw.url.as_ref().filter(|url| is_webhook(&url.value));
        let Some(url) = url else {
            // The address may hold a token: it is not repeated.
            self.problems.at(
                raw.line,
                "`webhook` is no address of the form http://host/path",
                "nobody is told of swaps",
            );
            return None;
        };
        // Whoever asked for a signature does not want the message without one.
        let key = match key {
            Some(None) => return None,
            Some(Some(key)) => Some(key),
            None => None,
        };
        Some(SwapWebhook {
            url: Secret::new(url.value.clone()),
            key,
        })
    }

    fn watched(&mut self, raw: &[Lined<String>], hosts: &Named<'_>) -> Vec<(HostId, Port)> {
        let mut kept: Vec<(HostId, Port)> = Vec::new();
        for text in raw {
            let Some((host, port)) = text.value.rsplit_once(':') else {
                self.problems.at(
                    text.line,
                    format!("`{}` names no port", text.value),
                    "write HOST:PORT",
                );
                continue;
            };
            match (hosts.get(host), port.parse::<Port>()) {
                (Some(host), Ok(port)) => {
                    if !kept.contains(&(host.clone(), port)) {
                        kept.push((host, port));
                    }
                }
                (None, _) => self.problems.at(
                    text.line,
                    format!("`{host}` is no host of this file"),
                    hosts.hint(host),
                ),
                (_, Err(why)) => self.problems.at(
                    text.line,
                    format!("`{}`: {why}", text.value),
                    "write HOST:PORT",
                ),
            }
        }
        kept
    }

    fn scheduled(&mut self, raw: &RawScheduled) -> Option<ScheduleEntry> {
        let mut word = |text: Option<&Lined<String>>, key: &str| {
            let Some(text) = text else {
                let what = format!("an entry of `schedule` has no `{key}`");
                let hint = "write {holder: cron, when: 02:00 daily, what: nightly index}";
                self.problems.at(raw.line, what, hint);
                return None;
            };
            let clean = SafeText::new(text.value.trim());
            let short: String = clean.as_str().chars().take(LONGEST_WORDS).collect();
            Some(short)
        };
        let holder = word(raw.holder.as_ref(), "holder");
        let when = word(raw.when.as_ref(), "when");
        let what = word(raw.what.as_ref(), "what");
        let place = raw
            .place
            .as_ref()
            .map(|place| SafeText::new(place.value.trim()).as_str().to_owned());
        Some(ScheduleEntry {
            holder: holder?,
            when: when?,
            what: what?,
            place,
        })
    }
}

/// A path that stays one word wherever it goes: no blanks, no shell characters, no `.` and `..`.
pub(super) fn remote_path(text: &str) -> Option<RemotePath> {
    let plain = text.starts_with('/')
        && text.len() > 1
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._+/-".contains(c))
        && text
            .split('/')
            .all(|part| part != "." && part != ".." && !part.starts_with('-'));
    let text = text.trim_end_matches('/');
    RemotePath::new(text)
        .ok()
        .filter(|_| plain && !text.is_empty())
}

/// A path of this machine, as a person writes it.
pub(super) fn own_path(text: &str, folders: &Folders<'_>) -> Option<PathBuf> {
    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| folders.resolve(text))
}

fn bare(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// An address that may be shown: no login in it, no question.
fn is_address(url: &str) -> bool {
    is_webhook(url) && url.len() <= 300 && !url.contains(['@', '?', '#', '\\', '\'', '"', '`'])
}

fn is_webhook(url: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.chars().all(|c| c.is_ascii_graphic())
}
