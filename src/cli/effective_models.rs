//! What the configuration says of models and services, as a person or a script reads it (pure): never a secret, only where it is
//! to be had.

use serde_json::{Map, Value, json};

use crate::config::{Origin, Resolved, SecretSource, SwapWebhook, memory_words};
use crate::domain::{
    BuildContext, Cluster, DeepProbe, Install, InstallImage, Managed, ServiceSpec, ShallowProbe,
};

/// `models` key by key, then `services`.
pub(super) fn serving(resolved: &Resolved) -> Vec<(&'static str, Value, Origin)> {
    let models = &resolved.config.settings.models;
    let from = resolved.origins.models;
    let clusters: Vec<Value> = models.clusters.iter().map(|one| cluster(one)).collect();
    let watched: Vec<String> = models
        .watched
        .iter()
        .map(|(host, port)| format!("{host}:{port}"))
        .collect();
    let services = &resolved.config.settings.services;
    let services: Vec<Value> = services.iter().map(|one| service(one)).collect();
    vec![
        ("models.catalogs", json!(models.catalogs), from.catalogs),
        ("models.clusters", json!(clusters), from.clusters),
        ("models.folders", json!(models.folders), from.folders),
        ("models.hub", json!(models.hub), from.hub),
        (
            "models.hub_token",
            json!(models.hub_token.as_ref().map(secret)),
            from.hub_token,
        ),
        (
            "models.ngc_key",
            json!(models.ngc_key.as_ref().map(secret)),
            from.ngc_key,
        ),
        (
            "models.webhook",
            json!(models.webhook.as_ref().map(webhook)),
            from.webhook,
        ),
        ("models.watched", json!(watched), from.watched),
        ("models.schedule", json!(models.schedule), from.schedule),
        ("services", json!(services), resolved.origins.services),
    ]
}

fn cluster(cluster: &Cluster) -> Value {
    // A list: a table of JSON has no order, and the head stands first.
    let nodes: Vec<Value> = std::iter::once(&cluster.head)
        .chain(&cluster.workers)
        .map(|node| json!({ node.host.to_string(): node.address }))
        .collect();
    let mut fields = Map::new();
    fields.insert("name".into(), json!(cluster.name));
    fields.insert("nodes".into(), json!(nodes));
    if let Some(interface) = &cluster.interface {
        fields.insert("interface".into(), json!(interface));
    }
    if !cluster.devices.is_empty() {
        fields.insert("devices".into(), json!(cluster.devices));
    }
    Value::Object(fields)
}

/// Where a secret is to be had; never what it is.
fn secret(source: &SecretSource) -> Value {
    match source {
        SecretSource::File(path) => json!({ "file": path }),
        SecretSource::Command(words) => json!({ "command": words }),
        SecretSource::Variable(name) => json!({ "variable": name }),
    }
}

fn webhook(webhook: &SwapWebhook) -> Value {
    match &webhook.key {
        None => json!(webhook.url),
        Some(key) => json!({ "url": webhook.url, "key": secret(key) }),
    }
}

fn service(spec: &ServiceSpec) -> Value {
    let mut fields = Map::new();
    fields.insert("name".into(), json!(spec.name));
    fields.insert("host".into(), json!(spec.host));
    match &spec.managed {
        Managed::Container(name) => fields.insert("container".into(), json!(name)),
        Managed::Unit(name) => fields.insert("unit".into(), json!(name)),
        Managed::Git { folder, container } => fields.insert(
            "git".into(),
            json!({ "folder": folder, "container": container }),
        ),
        Managed::Watched => None,
    };
    if let Some(port) = spec.port {
        fields.insert("port".into(), json!(port));
    }
    fields.insert("probe".into(), probe(&spec.shallow));
    fields.insert("deep".into(), json!(spec.deep.map_or("none", deep)));
    fields.insert("heals".into(), json!(spec.heals));
    if spec.hidden {
        fields.insert("hidden".into(), json!(true));
    }
    if !spec.overlays.is_empty() {
        fields.insert("overlays".into(), json!(spec.overlays));
    }
    if let Some(install) = &spec.install {
        fields.insert("install".into(), self::install(install));
    }
    Value::Object(fields)
}

fn install(install: &Install) -> Value {
    let mut fields = Map::new();
    match &install.image {
        InstallImage::Nim(image) => fields.insert("nim".into(), json!(image)),
        InstallImage::Pulled(image) => fields.insert("image".into(), json!(image)),
        InstallImage::Built { name, context } => {
            let from = match context {
                BuildContext::Embeddings => json!("embeddings"),
                BuildContext::Folder(folder) => json!(folder),
            };
            fields.insert("build".into(), from);
            fields.insert("image".into(), json!(name))
        }
    };
    fields.insert("inside".into(), json!(install.inside));
    if let Some((from, to)) = &install.volume {
        fields.insert("volume".into(), json!(format!("{from}:{to}")));
    }
    if !install.env.is_empty() {
        fields.insert("env".into(), json!(install.env));
    }
    if let Some(memory) = install.memory {
        fields.insert("memory".into(), json!(memory_words(memory)));
    }
    fields.insert("gpus".into(), json!(install.gpus));
    fields.insert("health".into(), json!(install.health));
    Value::Object(fields)
}

fn probe(probe: &ShallowProbe) -> Value {
    match probe {
        ShallowProbe::Container => json!("container"),
        ShallowProbe::Unit => json!("unit"),
        ShallowProbe::Http { endpoint, path } => {
            json!({ "http": format!("http://{endpoint}{path}") })
        }
        ShallowProbe::Tcp(endpoint) => json!({ "tcp": endpoint.to_string() }),
        ShallowProbe::Command(words) => json!({ "command": words }),
    }
}

fn deep(deep: DeepProbe) -> &'static str {
    match deep {
        DeepProbe::Completion => "completion",
        DeepProbe::Embedding => "embedding",
        DeepProbe::Transcription => "transcription",
        DeepProbe::Speech => "speech",
        DeepProbe::Collections => "collections",
    }
}
