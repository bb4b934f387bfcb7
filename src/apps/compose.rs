//! Compose files of strangers (pure): what of one may run on a host. Every key that is known is read into a known shape and written anew as
//! JSON, so that compose reads nothing that was not looked at; whatever else stands there is refused by name, unless a person allows it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::compose_service::service;
use crate::config::{Key, Node, Value, parse_yaml};
use crate::domain::Port;

/// What a container keeps of its capabilities: enough for an image that starts as root, changes its files' owners and steps down.
pub const KEPT_CAPABILITIES: [&str; 7] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
];

/// Most processes of one container that says nothing of it.
pub const PROCESSES: u32 = 4096;

/// Something of a compose file that does not run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its line.
    pub line: u64,
    /// Where it stands: `services.web.privileged`. A person allows it by this.
    pub place: String,
    /// What it would give away, or what is wrong with it.
    pub why: String,
    /// Whether a person may allow it.
    pub may_be_allowed: bool,
}

/// A compose project that may run.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Its services, as they are written anew.
    services: BTreeMap<String, Map<String, Json>>,
    /// Everything else.
    rest: Map<String, Json>,
    /// Ports that it wants published, by the service that listens.
    pub listens: Vec<(String, Port)>,
    /// Services that ask for GPUs.
    pub wants_gpus: BTreeSet<String>,
    /// Services that are built.
    pub builds: BTreeSet<String>,
}

/// What every container of a project gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dress {
    /// Labels by which it is found again.
    pub labels: BTreeMap<String, String>,
    /// The service that answers, where it listens, and the leased port of the host's loopback.
    pub answers: Option<(String, Port, Port)>,
    /// Variables beside its own, for every service.
    pub env: BTreeMap<String, String>,
    /// The GPUs of those services that ask for some, as the driver names them.
    pub gpus: Vec<String>,
}

impl Project {
    /// The names of its services.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }

    /// The file that compose is given. It is JSON, which is YAML, and nothing in it is a variable any more.
    pub fn file(&self, dress: &Dress) -> String {
        let mut services = Map::new();
        for (name, service) in &self.services {
            services.insert(name.clone(), self.dressed(name, service.clone(), dress));
        }
        let mut file = self.rest.clone();
        file.insert("services".into(), Json::Object(services));
        escaped(Json::Object(file)).to_string()
    }

    fn dressed(&self, name: &str, mut service: Map<String, Json>, dress: &Dress) -> Json {
        let labels = service.entry("labels").or_insert_with(|| json!({}));
        for (label, value) in &dress.labels {
            if let Json::Object(labels) = labels {
                labels.insert(label.clone(), json!(value));
            }
        }
        let env = service.entry("environment").or_insert_with(|| json!({}));
        for (variable, value) in &dress.env {
            if let Json::Object(env) = env {
                env.insert(variable.clone(), json!(value));
            }
        }
        if let Some((_, inside, outside)) = dress
            .answers
            .as_ref()
            .filter(|(answers, ..)| answers == name)
        {
            let port = format!("127.0.0.1:{outside}:{inside}");
            service.insert("ports".into(), json!([port]));
        }
        if self.wants_gpus.contains(name) && !dress.gpus.is_empty() {
            let device =
                json!({"driver": "nvidia", "device_ids": dress.gpus, "capabilities": ["gpu"]});
            let deploy = json!({"resources": {"reservations": {"devices": [device]}}});
            service.insert("deploy".into(), deploy);
        }
        Json::Object(service)
    }
}

/// A `$` would be the beginning of a variable again.
fn escaped(value: Json) -> Json {
    match value {
        Json::String(text) => Json::String(text.replace('$', "$$")),
        Json::Array(items) => Json::Array(items.into_iter().map(escaped).collect()),
        Json::Object(map) => Json::Object(
            map.into_iter()
                .map(|(key, value)| (key, escaped(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Reads a compose file. `variables` are what it may ask for as `${NAME}`; `allowed` are the places that a person has allowed.
pub fn compose(
    text: &str,
    variables: &BTreeMap<String, String>,
    allowed: &BTreeSet<String>,
) -> Result<Project, Vec<Refused>> {
    let mut scan = Scan {
        variables,
        allowed,
        refused: Vec::new(),
    };
    let root = match parse_yaml(text) {
        Ok(root) => root,
        Err(bad) => {
            scan.wrong(bad.line.unwrap_or(1), "the file", bad.what);
            return Err(scan.refused);
        }
    };
    let project = scan.project(&root);
    if scan.refused.is_empty() {
        Ok(project)
    } else {
        Err(scan.refused)
    }
}

/// One look through a file.
pub(super) struct Scan<'a> {
    pub(super) variables: &'a BTreeMap<String, String>,
    allowed: &'a BTreeSet<String>,
    refused: Vec<Refused>,
}

impl Scan<'_> {
    /// Something that would give the host away. Whether a person has allowed it.
    pub(super) fn risk(&mut self, line: u64, place: &str, why: impl Into<String>) -> bool {
        let allowed = self.allowed.contains(place);
        if !allowed {
            self.tell(line, place, why.into(), true);
        }
        allowed
    }

    /// Something that can't be read, or can't run here.
    pub(super) fn wrong(&mut self, line: u64, place: &str, why: impl Into<String>) {
        self.tell(line, place, why.into(), false);
    }

    fn tell(&mut self, line: u64, place: &str, why: String, may_be_allowed: bool) {
        self.refused.push(Refused {
            line,
            place: place.to_owned(),
            why,
            may_be_allowed,
        });
    }

    /// A table whose keys stand once. Two parsers would take two of them differently.
    pub(super) fn table<'n>(&mut self, node: &'n Node, place: &str) -> &'n [(Key, Node)] {
        match &node.value {
            Value::Table(entries) => {
                let mut seen = BTreeSet::new();
                for (key, _) in entries {
                    if !seen.insert(&key.name) {
                        self.wrong(
                            key.line,
                            &format!("{place}.{}", key.name),
                            "it stands twice",
                        );
                    }
                }
                entries
            }
            Value::Null => &[],
            other => {
                let why = format!("it is {}, and a table is wanted", other.kind());
                self.wrong(node.line, place, why);
                &[]
            }
        }
    }

    fn project(&mut self, root: &Node) -> Project {
        let mut project = Project {
            services: BTreeMap::new(),
            rest: Map::new(),
            listens: Vec::new(),
            wants_gpus: BTreeSet::new(),
            builds: BTreeSet::new(),
        };
        for (key, node) in self.table(root, "the file") {
            match key.name.as_str() {
                // Which format it is, what it is called, and notes: ours count.
                "version" | "name" => {}
                name if name.starts_with("x-") => {}
                "services" => {
                    for (name, node) in self.table(node, "services") {
                        self.named(name, "services");
                        let written = service(self, &mut project, &name.name, node);
                        project.services.insert(name.name.clone(), written);
                    }
                }
                "volumes" => self.declared(&mut project, key, node, &[("driver", "local")]),
                "networks" => self.declared(&mut project, key, node, &[("driver", "bridge")]),
                "include" => self.wrong(
                    key.line,
                    "include",
                    "it brings in a file that is not looked at here",
                ),
                name => self.wrong(key.line, name, "it is not among what is known to be safe"),
            }
        }
        if project.services.is_empty() {
            self.wrong(root.line, "services", "there is none");
        }
        self.mounts_are_declared(root, &project);
        project
    }

    /// A name that also stands in names of containers.
    fn named(&mut self, key: &Key, place: &str) {
        let fits = (1..=60).contains(&key.name.len())
            && key.name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && key
                .name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !fits {
            self.wrong(
                key.line,
                place,
                format!("`{}` can't be a name here", key.name.escape_debug()),
            );
        }
    }

    /// Volumes and networks of its own, with nothing but the one driver that stays on the host's inside.
    fn declared(
        &mut self,
        project: &mut Project,
        key: &Key,
        node: &Node,
        harmless: &[(&str, &str)],
    ) {
        let mut all = Map::new();
        for (name, node) in self.table(node, &key.name) {
            self.named(name, &key.name);
            for (option, value) in self.table(node, &format!("{}.{}", key.name, name.name)) {
                let place = format!("{}.{}.{}", key.name, name.name, option.name);
                let is_harmless = harmless.iter().any(|(known, word)| {
                    *known == option.name && value.value == Value::Text((*word).to_owned())
                });
                if !is_harmless {
                    let why = "it reaches something of the host, or of somebody else's project";
                    self.wrong(option.line, &place, why);
                }
            }
            all.insert(name.name.clone(), json!({}));
        }
        project.rest.insert(key.name.clone(), Json::Object(all));
    }

    /// Compose would take an undeclared name for one of somebody else's.
    fn mounts_are_declared(&mut self, root: &Node, project: &Project) {
        let known = |kind: &str, name: &str| {
            let declared = project.rest.get(kind).and_then(Json::as_object);
            declared.is_some_and(|all| all.contains_key(name))
        };
        for (service, written) in &project.services {
            let mounts = written.get("volumes").and_then(Json::as_array);
            for mount in mounts.into_iter().flatten() {
                let source = mount.get("source").and_then(Json::as_str);
                let named = mount.get("type").and_then(Json::as_str) == Some("volume");
                if let (Some(source), true) = (source, named)
                    && !known("volumes", source)
                {
                    let place = format!("services.{service}.volumes");
                    self.wrong(root.line, &place, format!("`volumes` lists no `{source}`"));
                }
            }
            let networks = written.get("networks").and_then(Json::as_object);
            for name in networks.into_iter().flat_map(Map::keys) {
                if name != "default" && !known("networks", name) {
                    let place = format!("services.{service}.networks");
                    self.wrong(root.line, &place, format!("`networks` lists no `{name}`"));
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
