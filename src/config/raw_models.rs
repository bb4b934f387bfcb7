//! The mirror of the file's sections about what hosts serve: `models` and `services`. What a value means is for `models` and
//! `services` beside it.

use super::node::{Node, Value};
use super::reader::{Lined, Reader, Table};

/// `models`.
#[derive(Debug, Default)]
pub(super) struct RawModels {
    pub(super) catalogs: Option<Lined<Vec<Lined<String>>>>,
    pub(super) clusters: Option<Lined<Vec<RawCluster>>>,
    pub(super) folders: Option<Lined<Vec<Lined<String>>>>,
    pub(super) hub: Option<Lined<String>>,
    pub(super) hub_token: Option<RawSource>,
    pub(super) ngc_key: Option<RawSource>,
    pub(super) webhook: Option<RawWebhook>,
    pub(super) watched: Option<Lined<Vec<Lined<String>>>>,
    pub(super) schedule: Option<Lined<Vec<RawScheduled>>>,
}

/// One entry under `clusters`.
#[derive(Debug)]
pub(super) struct RawCluster {
    pub(super) line: u64,
    pub(super) name: Option<Lined<String>>,
    /// Host and address, in the order of the file: the first is the head.
    pub(super) nodes: Vec<(Lined<String>, Option<Lined<String>>)>,
    pub(super) interface: Option<Lined<String>>,
    pub(super) devices: Vec<Lined<String>>,
}

/// Where a secret is to be had.
#[derive(Debug)]
pub(super) struct RawSource {
    pub(super) line: u64,
    /// The key and its words; `None`: nothing that says where.
    pub(super) way: Option<(&'static str, Vec<Lined<String>>)>,
}

/// `webhook` of the models.
#[derive(Debug)]
pub(super) struct RawWebhook {
    pub(super) line: u64,
    pub(super) url: Option<Lined<String>>,
    pub(super) key: Option<RawSource>,
}

/// One entry under `schedule`.
#[derive(Debug)]
pub(super) struct RawScheduled {
    pub(super) line: u64,
    pub(super) holder: Option<Lined<String>>,
    pub(super) when: Option<Lined<String>>,
    pub(super) what: Option<Lined<String>>,
    pub(super) place: Option<Lined<String>>,
}

/// One entry under `services`.
#[derive(Debug, Default)]
pub(super) struct RawService {
    pub(super) line: u64,
    /// Whether all of it could be read.
    pub(super) whole: bool,
    pub(super) name: Option<Lined<String>>,
    pub(super) host: Option<Lined<String>>,
    pub(super) kind: Option<Lined<String>>,
    pub(super) container: Option<Lined<String>>,
    pub(super) unit: Option<Lined<String>>,
    pub(super) git: Option<RawGit>,
    pub(super) port: Option<Lined<i64>>,
    pub(super) probe: Option<RawProbe>,
    pub(super) deep: Option<Lined<String>>,
    pub(super) hidden: Option<Lined<bool>>,
    pub(super) heals: Option<Lined<bool>>,
    pub(super) overlays: Vec<RawOverlay>,
    pub(super) install: Option<RawInstall>,
}

/// `install` of a service.
#[derive(Debug)]
pub(super) struct RawInstall {
    pub(super) line: u64,
    pub(super) image: Option<Lined<String>>,
    pub(super) nim: Option<Lined<String>>,
    pub(super) build: Option<Lined<String>>,
    pub(super) inside: Option<Lined<i64>>,
    pub(super) volume: Option<Lined<String>>,
    /// Names and their values, in the order of the file.
    pub(super) env: Vec<(Lined<String>, Option<Lined<String>>)>,
    pub(super) memory: Option<Lined<String>>,
    pub(super) gpus: Option<Lined<bool>>,
    pub(super) health: Option<Lined<String>>,
}

/// `git` of a service.
#[derive(Debug)]
pub(super) struct RawGit {
    pub(super) line: u64,
    pub(super) folder: Option<Lined<String>>,
    pub(super) container: Option<Lined<String>>,
}

/// `probe` of a service.
#[derive(Debug)]
pub(super) enum RawProbe {
    /// One word.
    Word(Lined<String>),
    /// A way and its words.
    Way(u64, &'static str, Vec<Lined<String>>),
}

/// One entry under `overlays`.
#[derive(Debug)]
pub(super) struct RawOverlay {
    pub(super) line: u64,
    pub(super) from: Option<Lined<String>>,
    pub(super) to: Option<Lined<String>>,
}

const MODELS: &[&str] = &[
    "catalogs",
    "clusters",
    "folders",
    "hub",
    "hub_token",
    "ngc_key",
    "webhook",
    "watched",
    "schedule",
];
const CLUSTER: &[&str] = &["name", "nodes", "interface", "devices"];
const SOURCE: &[&str] = &["file", "command", "variable"];
const WEBHOOK: &[&str] = &["url", "key"];
const SCHEDULED: &[&str] = &["holder", "when", "what", "place"];
const SERVICE: &[&str] = &[
    "name",
    "host",
    "kind",
    "container",
    "unit",
    "git",
    "port",
    "probe",
    "deep",
    "hidden",
    "heals",
    "overlays",
    "install",
];
const GIT: &[&str] = &["folder", "container"];
const PROBE: &[&str] = &["http", "tcp", "command"];
const OVERLAY: &[&str] = &["from", "to"];
const INSTALL: &[&str] = &[
    "image", "nim", "build", "inside", "volume", "env", "memory", "gpus", "health",
];

impl Reader<'_> {
    pub(super) fn models(&mut self, top: &Table<'_>) -> RawModels {
        let table = self.part(top, "models", MODELS);
        RawModels {
            catalogs: self.all_texts(&table, "catalogs"),
            clusters: self.tables(&table, "clusters", Reader::cluster),
            folders: self.all_texts(&table, "folders"),
            hub: self.text(table.get("hub"), "hub"),
            hub_token: table
                .get("hub_token")
                .map(|node| self.source_of_secret(node, "hub_token")),
            ngc_key: table
                .get("ngc_key")
                .map(|node| self.source_of_secret(node, "ngc_key")),
            webhook: table
                .get("webhook")
                .and_then(|node| self.swap_webhook(node)),
            watched: self.all_texts(&table, "watched"),
            schedule: self.tables(&table, "schedule", Reader::scheduled),
        }
    }

    pub(super) fn services(&mut self, top: &Table<'_>) -> Option<Lined<Vec<RawService>>> {
        self.tables(top, "services", Reader::service)
    }

    fn all_texts(&mut self, table: &Table<'_>, key: &str) -> Option<Lined<Vec<Lined<String>>>> {
        let node = table.get(key)?;
        Some(Lined::at(node, self.texts(Some(node), key)))
    }

    /// A list of tables; what is none of it is told and left out.
    fn tables<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        read: impl Fn(&mut Self, &Node) -> Option<T>,
    ) -> Option<Lined<Vec<T>>> {
        let node = table.get(key)?;
        let Value::List(items) = &node.value else {
            self.wrong_kind(node, key, "a list of tables, each behind a dash");
            return None;
        };
        let read = items.iter().filter_map(|item| read(self, item)).collect();
        Some(Lined::at(node, read))
    }

    fn cluster(&mut self, node: &Node) -> Option<RawCluster> {
        let table = self.table(node, "a cluster", CLUSTER)?;
        Some(RawCluster {
            line: node.line,
            name: self.text(table.get("name"), "name"),
            nodes: table
                .get("nodes")
                .map(|node| self.pairs(node, "nodes", "a table of `host: address`, the head first"))
                .unwrap_or_default(),
            interface: self.text(table.get("interface"), "interface"),
            devices: self.texts(table.get("devices"), "devices"),
        })
    }

    /// `{spark-1: ADDRESS, spark-2: ADDRESS}`, or a list of such tables, in the order of the file.
    fn pairs(
        &mut self,
        node: &Node,
        key: &str,
        wanted: &str,
    ) -> Vec<(Lined<String>, Option<Lined<String>>)> {
        let entries = match &node.value {
            Value::Table(entries) => entries,
            Value::List(items) => {
                let read = |item| self.pairs(item, key, wanted);
                return items.iter().flat_map(read).collect();
            }
            _ => {
                self.wrong_kind(node, key, wanted);
                return Vec::new();
            }
        };
        entries
            .iter()
            .map(|(name, node)| {
                let first = Lined {
                    line: name.line,
                    value: name.name.clone(),
                };
                (first, self.text(Some(node), &name.name))
            })
            .collect()
    }

    /// Nothing of a wrong value is repeated: it may be the secret itself.
    fn source_of_secret(&mut self, node: &Node, key: &str) -> RawSource {
        let line = node.line;
        if !matches!(node.value, Value::Table(_)) {
            self.problems.at(
                line,
                format!("`{key}` says where the secret is to be had, never what it is"),
                "write {file: PATH}, {command: [program, word]} or {variable: NAME}",
            );
            return RawSource { line, way: None };
        }
        let way = self
            .table(node, &format!("`{key}`"), SOURCE)
            .and_then(|table| {
                let (way, node) = SOURCE
                    .iter()
                    .find_map(|way| Some((*way, table.get(way)?)))?;
                let words = if way == "command" {
                    self.words(node, way)?
                } else {
                    vec![self.text(Some(node), way)?]
                };
                Some((way, words))
            });
        RawSource { line, way }
    }

    fn swap_webhook(&mut self, node: &Node) -> Option<RawWebhook> {
        if let Value::Text(_) = node.value {
            return Some(RawWebhook {
                line: node.line,
                url: self.text(Some(node), "webhook"),
                key: None,
            });
        }
        let table = self.table(node, "`webhook`", WEBHOOK)?;
        Some(RawWebhook {
            line: node.line,
            url: self.text(table.get("url"), "url"),
            key: table
                .get("key")
                .map(|node| self.source_of_secret(node, "key")),
        })
    }

    fn scheduled(&mut self, node: &Node) -> Option<RawScheduled> {
        let table = self.table(node, "an entry of `schedule`", SCHEDULED)?;
        Some(RawScheduled {
            line: node.line,
            holder: self.text(table.get("holder"), "holder"),
            when: self.text(table.get("when"), "when"),
            what: self.text(table.get("what"), "what"),
            place: self.text(table.get("place"), "place"),
        })
    }

    fn service(&mut self, node: &Node) -> Option<RawService> {
        let before = self.problems.all.len();
        let table = self.table(node, "a service", SERVICE)?;
        let mut service = RawService {
            line: node.line,
            whole: false,
            name: self.text(table.get("name"), "name"),
            host: self.text(table.get("host"), "host"),
            kind: self.text(table.get("kind"), "kind"),
            container: self.text(table.get("container"), "container"),
            unit: self.text(table.get("unit"), "unit"),
            git: table.get("git").and_then(|node| self.git(node)),
            port: self.port(table.get("port")),
            probe: table.get("probe").and_then(|node| self.probe(node)),
            deep: self.text(table.get("deep"), "deep"),
            hidden: self.flag(table.get("hidden"), "hidden"),
            heals: self.flag(table.get("heals"), "heals"),
            overlays: self
                .tables(&table, "overlays", Reader::overlay)
                .map(|overlays| overlays.value)
                .unwrap_or_default(),
            install: table.get("install").and_then(|node| self.install(node)),
        };
        service.whole = self.problems.all.len() == before;
        Some(service)
    }

    fn install(&mut self, node: &Node) -> Option<RawInstall> {
        let table = self.table(node, "`install`", INSTALL)?;
        Some(RawInstall {
            line: node.line,
            image: self.text(table.get("image"), "image"),
            nim: self.text(table.get("nim"), "nim"),
            build: self.text(table.get("build"), "build"),
            inside: self.port(table.get("inside")),
            volume: self.text(table.get("volume"), "volume"),
            env: table
                .get("env")
                .map(|node| self.pairs(node, "env", "a table of `NAME: value`"))
                .unwrap_or_default(),
            memory: self.text(table.get("memory"), "memory"),
            gpus: self.flag(table.get("gpus"), "gpus"),
            health: self.text(table.get("health"), "health"),
        })
    }

    fn git(&mut self, node: &Node) -> Option<RawGit> {
        let table = self.table(node, "`git`", GIT)?;
        Some(RawGit {
            line: node.line,
            folder: self.text(table.get("folder"), "folder"),
            container: self.text(table.get("container"), "container"),
        })
    }

    fn probe(&mut self, node: &Node) -> Option<RawProbe> {
        if let Value::Text(_) = node.value {
            return self.text(Some(node), "probe").map(RawProbe::Word);
        }
        let table = self.table(node, "`probe`", PROBE)?;
        let (way, value) = PROBE.iter().find_map(|way| Some((*way, table.get(way)?)))?;
        let words = if way == "command" {
            self.words(value, way)?
        } else {
            vec![self.text(Some(value), way)?]
        };
        Some(RawProbe::Way(node.line, way, words))
    }

    fn overlay(&mut self, node: &Node) -> Option<RawOverlay> {
        let table = self.table(node, "an entry of `overlays`", OVERLAY)?;
        Some(RawOverlay {
            line: node.line,
            from: self.text(table.get("from"), "from"),
            to: self.text(table.get("to"), "to"),
        })
    }
}
