//! `services` (pure): what is watched on which host. A `kind` says what is usual for a service of its sort; what the entry says
//! itself counts for more. An entry that does not hold is told and left out.

use std::sync::Arc;

use super::hosts::Folders;
use super::layers::Layers;
use super::models::{Named, own_path, remote_path};
use super::origin::Origin;
use super::plain::is_plain;
use super::raw_models::{RawGit, RawOverlay, RawProbe, RawService};
use super::reader::Lined;
use super::service_install::Of;
use super::service_probe::{here, way_of};
use crate::domain::{
    DeepProbe, Endpoint, HostId, HostSpec, Managed, Overlay, Port, ServiceName, ServicePreset,
    ServiceSpec, ShallowProbe,
};

/// Most services of one file.
const MOST: usize = 500;

/// The words of the deep look.
pub(super) const DEEP: [(&str, Option<DeepProbe>); 6] = [
    ("completion", Some(DeepProbe::Completion)),
    ("embedding", Some(DeepProbe::Embedding)),
    ("transcription", Some(DeepProbe::Transcription)),
    ("speech", Some(DeepProbe::Speech)),
    ("collections", Some(DeepProbe::Collections)),
    ("none", None),
];

impl Layers<'_> {
    pub(super) fn all_services(
        &mut self,
        raw: Option<&Lined<Vec<RawService>>>,
        folders: &Folders<'_>,
        hosts: &[(u64, Arc<HostSpec>)],
    ) -> (Vec<Arc<ServiceSpec>>, Origin) {
        let Some(raw) = raw else {
            return (Vec::new(), Origin::Default);
        };
        let services = self.services(&raw.value, folders, &Named(hosts));
        (services, Origin::Line(raw.line))
    }

    fn services(
        &mut self,
        raw: &[RawService],
        folders: &Folders<'_>,
        hosts: &Named<'_>,
    ) -> Vec<Arc<ServiceSpec>> {
        let mut kept: Vec<Arc<ServiceSpec>> = Vec::new();
        for raw in raw.iter().take(MOST) {
            let before = self.problems.all.len();
            let spec = self.service(raw, folders, hosts);
            // An entry that is half understood would be restarted or left alone by half of what was meant.
            let Some(spec) = spec.filter(|_| raw.whole && self.problems.all.len() == before) else {
                continue;
            };
            if kept
                .iter()
                .any(|other| other.host == spec.host && other.name == spec.name)
            {
                self.problems.at(
                    raw.line,
                    format!("two services of `{}` are called `{}`", spec.host, spec.name),
                    "give this one a name of its own",
                );
                continue;
            }
            kept.push(Arc::new(spec));
        }
        kept
    }

    fn service(
        &mut self,
        raw: &RawService,
        folders: &Folders<'_>,
        hosts: &Named<'_>,
    ) -> Option<ServiceSpec> {
        let host = self.service_host(raw, hosts);
        let kind = raw.kind.as_ref().and_then(|word| self.kind(word));
        let name = self.service_name(raw);
        let managed = self.managed(raw);
        let usual = kind.and_then(ServicePreset::port);
        let port = match &raw.port {
            None => usual,
            Some(number) => self.service_port(number, "port"),
        };
        let shallow = self.shallow(raw, kind, managed.as_ref(), port);
        let deep = match &raw.deep {
            None => kind.and_then(ServicePreset::deep),
            Some(word) => self.deep(word),
        };
        if let (Some(_), None, true) = (deep, port, raw.deep.is_some()) {
            self.problems.at(
                raw.line,
                "the deep look needs the `port` of the service",
                "add `port: 8000`",
            );
        }
        let overlays = self.overlays(&raw.overlays, managed.as_ref(), folders);
        let shallow = shallow?;
        let of = Of {
            kind,
            managed: managed.as_ref(),
            port,
            shallow: Some(&shallow),
        };
        let install = match &raw.install {
            None => None,
            Some(raw) => Some(self.install(raw, &of, folders)?),
        };
        let managed = managed?;
        let heals = match &raw.heals {
            Some(heals) => heals.value,
            None => deep.is_some() && managed != Managed::Watched,
        };
        Some(ServiceSpec {
            host: host?,
            name: name?,
            managed,
            shallow,
            deep: deep.filter(|_| port.is_some()),
            port,
            hidden: raw.hidden.as_ref().is_some_and(|hidden| hidden.value),
            heals,
            overlays,
            install,
        })
    }

    fn service_host(&mut self, raw: &RawService, hosts: &Named<'_>) -> Option<HostId> {
        let Some(host) = &raw.host else {
            self.problems
                .at(raw.line, "a service names no `host`", "add `host: spark-1`");
            return None;
        };
        let found = hosts.get(&host.value);
        if found.is_none() {
            self.problems.at(
                host.line,
                format!("`host` is `{}`, which is no host of this file", host.value),
                hosts.hint(&host.value),
            );
        }
        found
    }

    fn kind(&mut self, word: &Lined<String>) -> Option<ServicePreset> {
        let found = ServicePreset::ALL
            .into_iter()
            .find(|kind| kind.word() == word.value);
        if found.is_none() {
            let words = ServicePreset::ALL.map(ServicePreset::word);
            self.unknown_word(word, "kind", &words, ", or leave it out");
        }
        found
    }

    /// The name of a service: its own, else that of what runs it, else its kind.
    fn service_name(&mut self, raw: &RawService) -> Option<ServiceName> {
        let written = [&raw.name, &raw.kind, &raw.container, &raw.unit];
        let Some(name) = written.into_iter().flatten().next() else {
            self.problems
                .at(raw.line, "a service has no name", "add `name: embeddings`");
            return None;
        };
        if is_plain(&name.value, 1..=64, "._@-") {
            return Some(ServiceName::new(name.value.as_str()));
        }
        self.problems.at(
            name.line,
            format!("`{}` is no name of a service", name.value),
            "letters, digits, `.`, `_` and `-`, at most 64 long",
        );
        None
    }

    fn managed(&mut self, raw: &RawService) -> Option<Managed> {
        let ways = [
            raw.container.is_some(),
            raw.unit.is_some(),
            raw.git.is_some(),
        ];
        if ways.iter().filter(|there| **there).count() > 1 {
            self.problems.at(
                raw.line,
                "a service is a `container`, a `unit` or from `git`, and one of them only",
                "remove the others; the container of a `git` stands below it",
            );
            return None;
        }
        if let Some(git) = &raw.git {
            return self.git(git);
        }
        if let Some(container) = &raw.container {
            return self.container(container).map(Managed::Container);
        }
        let Some(unit) = &raw.unit else {
            return Some(Managed::Watched);
        };
        let fits = ("unit", 1..=255, ":_.\\@-");
        self.plain(unit, fits, "write a name such as whisper.service")
            .map(Managed::Unit)
    }

    fn git(&mut self, raw: &RawGit) -> Option<Managed> {
        let (Some(folder), Some(container)) = (&raw.folder, &raw.container) else {
            self.problems.at(
                raw.line,
                "`git` needs `folder` and `container`",
                "write `git: {folder: /srv/bot, container: bot}`",
            );
            return None;
        };
        let path = remote_path(&folder.value);
        if path.is_none() {
            self.problems.at(
                folder.line,
                format!("`{}` is no folder of a host", folder.value),
                "write an absolute path in letters, digits and . _ + / -",
            );
        }
        let container = self.container(container);
        Some(Managed::Git {
            folder: path?,
            container: container?,
        })
    }

    fn container(&mut self, text: &Lined<String>) -> Option<String> {
        self.plain(
            text,
            ("container", 2..=128, "._-"),
            "two characters or more: letters, digits, `_`, `.` and `-`",
        )
    }

    pub(super) fn service_port(&mut self, number: &Lined<i64>, key: &str) -> Option<Port> {
        let port = u16::try_from(number.value)
            .ok()
            .and_then(|number| Port::try_from(number).ok());
        if port.is_none() {
            self.problems.at(
                number.line,
                format!(
                    "`{key}` is {}, and it must be from 1 to 65535",
                    number.value
                ),
                "",
            );
        }
        port
    }

    fn deep(&mut self, word: &Lined<String>) -> Option<DeepProbe> {
        if let Some((_, deep)) = DEEP.iter().find(|(known, _)| *known == word.value) {
            return *deep;
        }
        self.unknown_word(word, "deep", &DEEP.map(|(word, _)| word), "");
        None
    }

    /// The quick look: as it is written, else as its kind has it, else at what runs it, else at its port.
    fn shallow(
        &mut self,
        raw: &RawService,
        kind: Option<ServicePreset>,
        managed: Option<&Managed>,
        port: Option<Port>,
    ) -> Option<ShallowProbe> {
        let endpoint = port.and_then(here);
        if let Some(probe) = &raw.probe {
            return self.probe(probe, managed, endpoint);
        }
        let found = match (kind, endpoint, managed) {
            (Some(kind), Some(_), Some(managed)) => Some(usual(kind, port, managed)),
            (_, _, Some(Managed::Container(_) | Managed::Git { .. })) => {
                Some(ShallowProbe::Container)
            }
            (_, _, Some(Managed::Unit(_))) => Some(ShallowProbe::Unit),
            (_, Some(endpoint), _) => Some(ShallowProbe::Tcp(endpoint)),
            _ => None,
        };
        if found.is_none() && managed.is_some() {
            self.problems.at(
                raw.line,
                "nothing says how this service is looked at",
                "add `container`, `unit`, `port` or `probe`",
            );
        }
        found
    }

    fn probe(
        &mut self,
        raw: &RawProbe,
        managed: Option<&Managed>,
        endpoint: Option<Endpoint>,
    ) -> Option<ShallowProbe> {
        let found = match raw {
            RawProbe::Word(word) => match (word.value.as_str(), managed, endpoint) {
                ("container", Some(Managed::Container(_) | Managed::Git { .. }), _) => {
                    Some(ShallowProbe::Container)
                }
                ("unit", Some(Managed::Unit(_)), _) => Some(ShallowProbe::Unit),
                ("tcp", _, Some(endpoint)) => Some(ShallowProbe::Tcp(endpoint)),
                ("http", _, Some(endpoint)) => Some(ShallowProbe::Http {
                    endpoint,
                    path: "/".into(),
                }),
                _ => None,
            },
            RawProbe::Way(_, way, words) => {
                let words: Vec<String> = words.iter().map(|word| word.value.clone()).collect();
                way_of(way, &words, endpoint)
            }
        };
        if found.is_none() {
            let line = match raw {
                RawProbe::Word(word) => word.line,
                RawProbe::Way(line, ..) => *line,
            };
            self.problems.at(
                line,
                "`probe` is nothing that this service can be looked at by",
                "write container, unit, tcp, {http: /health}, {http: 'http://127.0.0.1:8000/health'}, {tcp: '127.0.0.1:6333'} or \
                 {command: [program, word]}; http and tcp need `port`",
            );
        }
        found
    }

    fn overlays(
        &mut self,
        raw: &[RawOverlay],
        managed: Option<&Managed>,
        folders: &Folders<'_>,
    ) -> Vec<Overlay> {
        let in_container = matches!(managed, Some(Managed::Container(_) | Managed::Git { .. }));
        let mut overlays = Vec::new();
        for entry in raw {
            let from = entry
                .from
                .as_ref()
                .and_then(|from| own_path(&from.value, folders));
            let to = entry.to.as_ref().and_then(|to| remote_path(&to.value));
            match (from, to) {
                (Some(from), Some(to)) if in_container => overlays.push(Overlay { from, to }),
                _ => self.problems.at(
                    entry.line,
                    "this overlay can't be put anywhere",
                    "write {from: a file of this machine, to: /an/absolute/path} for a service in a container",
                ),
            }
        }
        overlays
    }
}

/// The quick look that is usual for a service of this kind.
fn usual(kind: ServicePreset, port: Option<Port>, managed: &Managed) -> ShallowProbe {
    let nobody = (HostId::new(""), ServiceName::new(""));
    kind.spec(nobody.0, nobody.1, port, managed.clone()).shallow
}
