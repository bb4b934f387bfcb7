//! Models and services, as far as this machine and the fleet can tell: the catalogue with the files over it, clusters whose nodes
//! are shown, secrets that only their owner can read, services whose container is there.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::check::{Check, count};
use crate::config::{Config, SecretSource};
use crate::domain::{BuildContext, Cluster, HostId, InstallImage, Managed, Place, ServiceSpec};
use crate::engine::{CatalogProblem, DaemonState, Fleet, read_catalog};

/// Most problems of the catalogue that are told one by one.
const TOLD: usize = 10;

/// What this machine alone can tell.
pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let models = &config.settings.models;
    let mut checks = catalogue(config);
    let known = |host: &HostId| config.hosts.iter().any(|spec| spec.id == *host);
    for cluster in &models.clusters {
        checks.push(self::cluster(cluster, known));
    }
    let webhook = models.webhook.as_ref();
    let secrets = [
        ("models.hub_token", "the hub's token", &models.hub_token),
        ("models.ngc_key", "the key of NGC", &models.ngc_key),
        (
            "models.webhook_key",
            "the key of the webhook",
            &webhook.and_then(|hook| hook.key.clone()),
        ),
    ];
    for (id, what, source) in secrets {
        if let Some(SecretSource::File(file)) = source {
            checks.push(secret(id, what, file).await);
        }
    }
    for spec in &config.settings.services {
        checks.extend(overlays(spec).await);
        checks.extend(build(spec).await);
    }
    checks
}

/// The catalogue: how many recipes hold, and each entry that does not.
fn catalogue(config: &Config) -> Vec<Check> {
    const ID: &str = "models.catalog";
    let models = &config.settings.models;
    let catalog = read_catalog(&models.catalogs, models.recipes.as_deref());
    let over = match models.catalogs.len() {
        0 => String::new(),
        files => format!(", with {} laid over them", count(files, "file")),
    };
    let recipes = count(catalog.recipes.len(), "recipe");
    let mut checks = vec![Check::pass(ID, format!("{recipes}{over}"))];
    checks.extend(catalog.problems.iter().take(TOLD).map(problem));
    let left = catalog.problems.len().saturating_sub(TOLD);
    if left > 0 {
        checks.push(Check::warn(
            ID,
            format!("{} more", count(left, "problem")),
            "`pilothouse models list` tells all of them",
        ));
    }
    checks
}

fn problem(problem: &CatalogProblem) -> Check {
    let line = problem.line.map(|line| format!(":{line}"));
    let entry = problem.entry.as_ref().map(|entry| format!("{entry}: "));
    let what = format!(
        "{}{}: {}{}",
        problem.file,
        line.unwrap_or_default(),
        entry.unwrap_or_default(),
        problem.what
    );
    let mend = problem.hint.clone();
    Check::warn(
        "models.catalog",
        what,
        mend.unwrap_or_else(|| "mend the entry; until then it is left out".into()),
    )
}

fn cluster(cluster: &Cluster, known: impl Fn(&HostId) -> bool) -> Check {
    let id = format!("models.cluster.{}", cluster.name);
    let place = Place::Cluster(cluster.clone());
    let missing: Vec<&str> = place
        .hosts()
        .filter(|host| !known(host))
        .map(HostId::as_str)
        .collect();
    if missing.is_empty() {
        let nodes: Vec<&str> = place.hosts().map(HostId::as_str).collect();
        return Check::pass(id, nodes.join(", "));
    }
    Check::warn(
        id,
        format!("not among the hosts shown: {}", missing.join(", ")),
        "name them as well, or start without host arguments",
    )
}

/// Whether a file with a secret is there, and for its owner only.
async fn secret(id: &str, what: &str, file: &Path) -> Check {
    let name = file.display();
    match tokio::fs::metadata(file).await {
        Err(error) => Check::fail(
            id,
            format!("{what} can't be read: {name}: {error}"),
            "write it into that file, mode 0600, and nothing else",
        ),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => Check::fail(
            id,
            format!("others may read {what} in {name}"),
            format!("chmod 600 {name}"),
        ),
        Ok(_) => Check::pass(id, format!("{what} is in {name}")),
    }
}

/// Overlay files that are not on this machine.
async fn overlays(spec: &ServiceSpec) -> Option<Check> {
    for overlay in &spec.overlays {
        if let Err(error) = tokio::fs::metadata(&overlay.from).await {
            return Some(Check::warn(
                format!("service.{}.{}", spec.host, spec.name),
                format!("its overlay {}: {error}", overlay.from.display()),
                "put the file there, or take it out of `overlays`",
            ));
        }
    }
    None
}

/// What an image is built from, where it is not on this machine.
async fn build(spec: &ServiceSpec) -> Option<Check> {
    let image = spec.install.as_ref().map(|install| &install.image)?;
    let InstallImage::Built {
        context: BuildContext::Folder(folder),
        ..
    } = image
    else {
        return None;
    };
    let error = tokio::fs::metadata(folder.join("Dockerfile")).await.err()?;
    Some(Check::warn(
        format!("service.{}.{}", spec.host, spec.name),
        format!(
            "it is built from {}: its Dockerfile: {error}",
            folder.display()
        ),
        "put it there, or mend `build` of its `install`",
    ))
}

/// Services whose container is not there, on hosts whose engine answers.
pub(super) fn services(fleet: &Fleet, specs: &[std::sync::Arc<ServiceSpec>]) -> Vec<Check> {
    specs
        .iter()
        .filter_map(|spec| service(fleet, spec))
        .collect()
}

fn service(fleet: &Fleet, spec: &ServiceSpec) -> Option<Check> {
    let (Managed::Container(name)
    | Managed::Git {
        container: name, ..
    }) = &spec.managed
    else {
        return None;
    };
    let host = fleet.host(&spec.host)?;
    if !matches!(host.containers.daemon, DaemonState::Up { .. }) {
        return None;
    }
    let id = format!("service.{}.{}", spec.host, spec.name);
    let there = host
        .containers
        .list
        .iter()
        .any(|container| container.name.as_str() == name);
    if there {
        return Some(Check::pass(id, format!("its container {name} is there")));
    }
    let mend = if spec.install.is_some() {
        format!("pilothouse services install {}/{}", spec.host, spec.name)
    } else {
        "mend `container` in the configuration, or `hidden: true` until it is there".to_owned()
    };
    let what = format!("there is no container {name} on {}", spec.host);
    Some(Check::warn(id, what, mend))
}
