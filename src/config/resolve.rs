//! File, environment and flags become one [`Config`] (pure). Every problem is found in one run; what holds is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::destination::{BadDestination, Destination};
use super::environment::{Environment, VARIABLES};
use super::hosts::{self, Folders, LOCAL};
use super::layers::Layers;
use super::models::Named;
use super::nearest::nearest;
use super::node::{self, Node, Value};
use super::origin::{Origin, Origins};
use super::problems::Problems;
use super::raw::{self, RawConfig, RawKey};
use super::{Config, KeyBinding, Settings};
use crate::domain::HostSpec;

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--read-only`.
    pub read_only: bool,
    /// `--theme`.
    pub theme: Option<String>,
    /// `--period`, parsed with [`parse_period`](super::parse_period).
    pub period: Option<Duration>,
    /// Hosts: names of the file, destinations, or `local`. Empty: the file's hosts.
    pub hosts: Vec<String>,
}

/// The text of a file and where it is.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
}

/// A configuration and where its values came from.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The configuration.
    pub config: Config,
    /// Where its values came from.
    pub origins: Origins,
}

/// A host argument that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{argument}` is no host")]
pub struct BadArgument {
    /// As it was given.
    pub argument: String,
    /// Why.
    #[source]
    pub source: BadDestination,
}

/// Lays file, environment and flags over the defaults.
pub fn resolve(
    source: Option<&Source>,
    environment: &Environment,
    flags: &Flags,
    home: Option<&Path>,
) -> Result<Resolved, BadArgument> {
    let file = source.map(|source| source.file.clone());
    let mut problems = Problems::new(file.clone());
    let mut raw = source.map_or_else(RawConfig::default, |source| read(source, &mut problems));
    foreign_variables(environment, &mut problems);
    let folders = Folders {
        home,
        file: file.as_deref().and_then(Path::parent),
    };
    let listed = hosts::resolve(std::mem::take(&mut raw.hosts), &folders, &mut problems);
    let mut layers = Layers::new(environment, &mut problems);
    let (settings, mut origins) = layers.settings(&raw, flags, &folders, &listed);
    let fleet = layers.fleet(raw.fleet.as_ref());
    let (hosts, host_origins) = choose(&flags.hosts, listed)?.into_iter().unzip();
    (origins.fleet, origins.hosts) = (fleet.1, host_origins);
    Ok(Resolved {
        config: Config {
            fleet: fleet.0,
            hosts,
            settings,
            file,
            problems: problems.sorted(),
        },
        origins,
    })
}

impl Layers<'_> {
    /// Everything that is not a host or a name, and where it came from.
    fn settings(
        &mut self,
        raw: &RawConfig,
        flags: &Flags,
        folders: &Folders<'_>,
        hosts: &[(u64, Arc<HostSpec>)],
    ) -> (Settings, Origins) {
        let (read_only, read_only_from) = self.read_only(flags, raw.read_only.as_ref());
        let (period, period_from) = self.period(flags, raw.period.as_ref());
        let (theme, theme_from) = self.theme(flags, raw.theme.as_ref());
        let (mouse, mouse_from) = self.mouse(raw.mouse.as_ref());
        let (thresholds, [tight_percent, tight_left, hot]) = self.thresholds(raw);
        let (alerts, [bell, webhook]) = self.alerts(raw);
        let (logs, [buffer, tail]) = self.logs(raw);
        let (arming, arming_from) = self.arming(&raw.arming);
        let (assistant, assistant_from) = self.assistant(&raw.assistant, folders);
        let (ledger_sink, sink) = self.sink(raw.sink.as_ref(), hosts);
        let (models, models_from) = self.models(&raw.models, folders, &Named(hosts));
        let (services, services_from) = self.all_services(raw.services.as_ref(), folders, hosts);
        let settings = Settings {
            read_only,
            period,
            thresholds,
            theme,
            mouse,
            keys: bindings(&raw.keys),
            alerts,
            logs,
            arming,
            assistant,
            ledger_sink,
            models,
            services,
        };
        let origins = Origins {
            read_only: read_only_from,
            period: period_from,
            tight_percent,
            tight_left,
            hot,
            theme: theme_from,
            mouse: mouse_from,
            bell,
            webhook,
            buffer,
            tail,
            arming: arming_from,
            assistant: assistant_from,
            sink,
            models: models_from,
            services: services_from,
            ..Origins::default()
        };
        (settings, origins)
    }
}

fn read(source: &Source, problems: &mut Problems) -> RawConfig {
    let root = match node::parse(&source.text) {
        Ok(root) => root,
        Err(bad) => {
            problems.in_file(bad.line, &bad.what, "the parts that can be read are used");
            let (entries, more) = super::salvage::parts(&source.text, bad.line);
            for bad in more {
                problems.in_file(bad.line, &bad.what, "the parts that can be read are used");
            }
            Node {
                line: 1,
                value: Value::Table(entries),
            }
        }
    };
    raw::read(&root, problems)
}

/// Hosts of the arguments, else those of the file, else this machine.
fn choose(
    arguments: &[String],
    listed: Vec<(u64, Arc<HostSpec>)>,
) -> Result<Vec<(Arc<HostSpec>, Origin)>, BadArgument> {
    let this_machine = || Arc::new(hosts::this_machine());
    if arguments.is_empty() {
        if listed.is_empty() {
            return Ok(vec![(this_machine(), Origin::Default)]);
        }
        return Ok(listed
            .into_iter()
            .map(|(line, spec)| (spec, Origin::Line(line)))
            .collect());
    }
    let mut chosen: Vec<(Arc<HostSpec>, Origin)> = Vec::new();
    for argument in arguments {
        let known = listed.iter().find(|(_, spec)| spec.id.as_str() == argument);
        let next = match known {
            Some((line, spec)) => (spec.clone(), Origin::Line(*line)),
            None if argument == LOCAL => (this_machine(), Origin::Flag("argument")),
            None => match argument.parse::<Destination>() {
                Ok(destination) => (
                    Arc::new(hosts::plain(destination)),
                    Origin::Flag("argument"),
                ),
                Err(source) => {
                    return Err(BadArgument {
                        argument: argument.clone(),
                        source,
                    });
                }
            },
        };
        if !chosen.iter().any(|(spec, _)| spec.id == next.0.id) {
            chosen.push(next);
        }
    }
    Ok(chosen)
}

/// A variable that is almost one of ours was meant to be one.
fn foreign_variables(environment: &Environment, problems: &mut Problems) {
    let known = || VARIABLES.iter().map(|(name, _)| *name);
    for name in environment.ours() {
        if known().any(|ours| ours == name) {
            continue;
        }
        let bare = |name: &str| name.trim_start_matches("PILOTHOUSE_").replace('_', "");
        let meant = known().find(|ours| {
            nearest(
                &bare(name).to_lowercase(),
                [bare(ours).to_lowercase().as_str()],
            )
            .is_some()
        });
        if let Some(meant) = meant {
            problems.outside(
                format!("the variable {name} is set and means nothing"),
                format!("did you mean {meant}?"),
            );
        }
    }
}

fn bindings(raw: &[RawKey]) -> Vec<KeyBinding> {
    raw.iter()
        .map(|key| KeyBinding {
            action: key.action.clone(),
            keys: key.keys.iter().map(|one| one.value.clone()).collect(),
            line: Some(key.line),
        })
        .collect()
}
