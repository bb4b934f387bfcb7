//! One service of a compose file (pure): a table of the keys that are known, with the shape of each.

#![expect(
    clippy::unnecessary_wraps,
    reason = "the readers of one table have one shape, and some of them always write"
)]

use serde_json::{Map, Value as Json, json};

use super::compose::{KEPT_CAPABILITIES, PROCESSES, Project, Scan};
use super::compose_words::{Mount, mount, published};
use crate::config::{Key, Node, Value};

/// The shape of what stands under a key.
#[derive(Clone, Copy)]
enum Shape {
    /// A text or a number.
    Scalar,
    /// True or false.
    Flag,
    /// A text or a list of them.
    Words,
    /// A list of texts.
    List,
    /// `NAME: value`, or a list of `NAME=value`.
    Pairs,
    /// A path, or a list of paths, inside the project's folder.
    Inside,
    /// One that has a reader of its own.
    Own(fn(&mut Scan<'_>, &mut Service<'_>, &Node, &str) -> Option<Json>),
}

/// Every key that is let through.
const KNOWN: &[(&str, Shape)] = &[
    ("image", Shape::Scalar),
    ("command", Shape::Words),
    ("entrypoint", Shape::Words),
    ("environment", Shape::Pairs),
    ("env_file", Shape::Inside),
    ("working_dir", Shape::Scalar),
    ("user", Shape::Scalar),
    ("hostname", Shape::Scalar),
    ("platform", Shape::Scalar),
    ("restart", Shape::Scalar),
    ("stop_signal", Shape::Scalar),
    ("stop_grace_period", Shape::Scalar),
    ("init", Shape::Flag),
    ("tty", Shape::Flag),
    ("stdin_open", Shape::Flag),
    ("read_only", Shape::Flag),
    ("expose", Shape::List),
    ("links", Shape::List),
    ("tmpfs", Shape::Words),
    ("shm_size", Shape::Scalar),
    ("mem_limit", Shape::Scalar),
    ("mem_reservation", Shape::Scalar),
    ("memswap_limit", Shape::Scalar),
    ("cpus", Shape::Scalar),
    ("cpu_shares", Shape::Scalar),
    ("pids_limit", Shape::Scalar),
    ("cap_drop", Shape::List),
    ("labels", Shape::Own(labels)),
    ("ports", Shape::Own(ports)),
    ("volumes", Shape::Own(volumes)),
    ("networks", Shape::Own(networks)),
    ("depends_on", Shape::Own(depends_on)),
    ("healthcheck", Shape::Own(healthcheck)),
    ("build", Shape::Own(build)),
    ("deploy", Shape::Own(deploy)),
    ("gpus", Shape::Own(gpus)),
    ("runtime", Shape::Own(runtime)),
    ("privileged", Shape::Own(privileged)),
    ("security_opt", Shape::Own(security_opt)),
];

/// Keys that are known for what they give away. A person may allow those with `true`.
const RISKY: &[(&str, bool, &str)] = &[
    ("cap_add", true, "it gives rights over the host"),
    ("devices", true, "it gives devices of the host"),
    ("device_cgroup_rules", true, "it gives devices of the host"),
    ("network_mode", true, "it leaves the network of its own"),
    ("pid", true, "it sees the host's processes"),
    ("ipc", true, "it shares memory with the host"),
    ("uts", true, "it shares the host's name"),
    ("userns_mode", true, "it is the host's own user"),
    ("cgroup", true, "it sees the host's control groups"),
    ("cgroup_parent", true, "it escapes its limits"),
    ("sysctls", true, "it changes the host's kernel"),
    ("extra_hosts", true, "it can be led to the host itself"),
    ("oom_score_adj", true, "it lets others be killed for it"),
    ("extends", false, "it brings in what is not looked at here"),
    (
        "volumes_from",
        false,
        "it takes the volumes of somebody else's container",
    ),
    (
        "external_links",
        false,
        "it reaches somebody else's container",
    ),
    ("credential_spec", false, "it reads a file of the host"),
    (
        "container_name",
        false,
        "the name of a container is ours to give",
    ),
    (
        "secrets",
        false,
        "say secrets in pilothouse.yaml: they travel apart",
    ),
    ("configs", false, "mount a file of the project instead"),
    (
        "logging",
        false,
        "logs are read from the engine's own driver",
    ),
];

/// What is found in a service beside what is written.
pub(super) struct Service<'p> {
    name: String,
    project: &'p mut Project,
}

/// Reads one service, and writes it anew.
pub(super) fn service(
    scan: &mut Scan<'_>,
    project: &mut Project,
    name: &str,
    node: &Node,
) -> Map<String, Json> {
    let mut written = Map::new();
    let mut service = Service {
        name: name.to_owned(),
        project,
    };
    for (key, node) in scan.table(node, &format!("services.{name}")) {
        let place = format!("services.{name}.{}", key.name);
        if let Some(value) = value(scan, &mut service, key, node, &place) {
            written.insert(key.name.clone(), value);
        }
    }
    defaults(&mut written);
    written
}

/// What every container gets that says nothing else.
fn defaults(written: &mut Map<String, Json>) {
    if !written.contains_key("privileged") {
        written.insert("cap_drop".into(), json!(["ALL"]));
        if !written.contains_key("cap_add") {
            written.insert("cap_add".into(), json!(KEPT_CAPABILITIES));
        }
        written
            .entry("security_opt")
            .or_insert_with(|| json!(["no-new-privileges:true"]));
    }
    written
        .entry("pids_limit")
        .or_insert_with(|| json!(PROCESSES));
}

fn value(
    scan: &mut Scan<'_>,
    service: &mut Service<'_>,
    key: &Key,
    node: &Node,
    place: &str,
) -> Option<Json> {
    if key.name.starts_with("x-") {
        return None;
    }
    if let Some((_, allowable, why)) = RISKY.iter().find(|(name, ..)| *name == key.name) {
        if *allowable {
            return scan
                .risk(key.line, place, *why)
                .then(|| scan.json(node, place));
        }
        scan.wrong(key.line, place, *why);
        return None;
    }
    let Some((_, shape)) = KNOWN.iter().find(|(name, _)| *name == key.name) else {
        scan.wrong(key.line, place, "it is not among what is known to be safe");
        return None;
    };
    match shape {
        Shape::Scalar => scan.scalar(node, place).map(Json::String),
        Shape::Flag => scan.flag(node, place).map(Json::Bool),
        Shape::List => Some(json!(scan.list(node, place))),
        Shape::Words => match &node.value {
            Value::List(_) => Some(json!(scan.list(node, place))),
            _ => scan.scalar(node, place).map(Json::String),
        },
        Shape::Pairs => Some(Json::Object(scan.pairs(node, place))),
        Shape::Inside => {
            let paths = match &node.value {
                Value::List(_) => scan.list(node, place),
                _ => scan.scalar(node, place).into_iter().collect(),
            };
            let inside = paths
                .iter()
                .filter_map(|path| scan.inside(path, node.line, place));
            Some(json!(inside.collect::<Vec<_>>()))
        }
        Shape::Own(read) => read(scan, service, node, place),
    }
}

fn labels(scan: &mut Scan<'_>, _: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    let labels = scan.pairs(node, place);
    for name in labels.keys() {
        if name.starts_with("pilothouse.") || name.starts_with("com.docker.") {
            let why = format!("`{name}` would make it somebody else's");
            scan.wrong(node.line, place, why);
        }
    }
    Some(Json::Object(labels))
}

/// Ports are taken down; which is published, and where, is not the file's to say.
fn ports(scan: &mut Scan<'_>, service: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    let Value::List(items) = &node.value else {
        scan.wrong(node.line, place, "it is a list of ports");
        return None;
    };
    for item in items {
        let port = match &item.value {
            Value::Table(_) => {
                let fields = scan.pairs(item, place);
                let field = |name: &str| fields.get(name).and_then(Json::as_str);
                let known = ["target", "published", "host_ip", "protocol", "mode", "name"];
                if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
                    scan.wrong(item.line, place, format!("`{other}` is not known here"));
                }
                published(
                    field("target").unwrap_or_default(),
                    field("host_ip"),
                    field("protocol"),
                )
            }
            _ => match scan.scalar(item, place) {
                Some(text) => super::compose_words::short_port(&text),
                None => continue,
            },
        };
        match port {
            Ok(port) => service.project.listens.push((service.name.clone(), port)),
            Err(why) => scan.wrong(item.line, place, why),
        }
    }
    None
}

fn volumes(scan: &mut Scan<'_>, _: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    let Value::List(items) = &node.value else {
        scan.wrong(node.line, place, "it is a list of mounts");
        return None;
    };
    let mut mounts = Vec::new();
    for item in items {
        let read = match &item.value {
            Value::Table(_) => Mount::of_fields(&scan.pairs(item, place)),
            _ => match scan.scalar(item, place) {
                Some(text) => mount(&text),
                None => continue,
            },
        };
        match read {
            Ok(mount) => mounts.push(mount.written()),
            Err(why) if why.may_be_allowed => {
                if scan.risk(item.line, place, why.why) {
                    mounts.push(scan.json(item, place));
                }
            }
            Err(why) => scan.wrong(item.line, place, why.why),
        }
    }
    Some(Json::Array(mounts))
}

fn networks(scan: &mut Scan<'_>, _: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    let mut networks = Map::new();
    if let Value::List(_) = node.value {
        for name in scan.list(node, place) {
            networks.insert(name, json!({}));
        }
        return Some(Json::Object(networks));
    }
    for (name, node) in scan.table(node, place) {
        let mut written = Map::new();
        for (key, node) in scan.table(node, place) {
            if key.name == "aliases" {
                written.insert("aliases".into(), json!(scan.list(node, place)));
            } else {
                scan.wrong(key.line, place, format!("`{}` is not known here", key.name));
            }
        }
        networks.insert(name.name.clone(), Json::Object(written));
    }
    Some(Json::Object(networks))
}

fn depends_on(scan: &mut Scan<'_>, _: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    if let Value::List(_) = node.value {
        return Some(json!(scan.list(node, place)));
    }
    let mut all = Map::new();
    for (name, node) in scan.table(node, place) {
        let fields = scan.pairs(node, place);
        let condition = fields.get("condition").cloned();
        let condition = condition.unwrap_or_else(|| json!("service_started"));
        all.insert(name.name.clone(), json!({"condition": condition}));
    }
    Some(Json::Object(all))
}

fn healthcheck(scan: &mut Scan<'_>, _: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    let mut written = Map::new();
    for (key, node) in scan.table(node, place) {
        let value = match (key.name.as_str(), &node.value) {
            ("test", Value::List(_)) => Some(json!(scan.list(node, place))),
            ("disable", _) => scan.flag(node, place).map(Json::Bool),
            ("retries", Value::Integer(number)) => Some(json!(number)),
            ("test" | "interval" | "timeout" | "start_period" | "start_interval", _) => {
                scan.scalar(node, place).map(Json::String)
            }
            (other, _) => {
                scan.wrong(key.line, place, format!("`{other}` is not known here"));
                None
            }
        };
        if let Some(value) = value {
            written.insert(key.name.clone(), value);
        }
    }
    Some(Json::Object(written))
}

fn build(scan: &mut Scan<'_>, service: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    service.project.builds.insert(service.name.clone());
    if !matches!(node.value, Value::Table(_)) {
        let context = scan.scalar(node, place)?;
        let context = scan.inside(&context, node.line, place)?;
        return Some(json!({"context": context}));
    }
    let mut written = Map::new();
    for (key, node) in scan.table(node, place) {
        let place = format!("{place}.{}", key.name);
        let value = match key.name.as_str() {
            "context" | "dockerfile" => {
                let path = scan.scalar(node, &place)?;
                scan.inside(&path, node.line, &place).map(Json::String)
            }
            "args" => Some(Json::Object(scan.pairs(node, &place))),
            "target" => scan.scalar(node, &place).map(Json::String),
            _ => {
                let why = "a build may only read the project's folder";
                scan.wrong(key.line, &place, why);
                None
            }
        };
        if let Some(value) = value {
            written.insert(key.name.clone(), value);
        }
    }
    written.entry("context").or_insert_with(|| json!("."));
    Some(Json::Object(written))
}

/// Limits are taken over as those of a container; a wish for GPUs is taken down, and which ones is not the file's to say.
fn deploy(
    scan: &mut Scan<'_>,
    service: &mut Service<'_>,
    node: &Node,
    place: &str,
) -> Option<Json> {
    for (key, node) in scan.table(node, place) {
        match key.name.as_str() {
            "resources" => {
                for (key, node) in scan.table(node, place) {
                    resources(scan, service, key, node, &format!("{place}.resources"));
                }
            }
            "replicas" if node.value == Value::Integer(1) => {}
            "restart_policy" | "update_config" => {
                let why = "it is swarm's; say `restart` instead";
                scan.wrong(key.line, place, why);
            }
            other => scan.wrong(key.line, place, format!("`{other}` is not known here")),
        }
    }
    None
}

fn resources(scan: &mut Scan<'_>, service: &mut Service<'_>, key: &Key, node: &Node, place: &str) {
    for (field, node) in scan.table(node, place) {
        match (key.name.as_str(), field.name.as_str()) {
            ("reservations", "devices") => devices(scan, service, node, place),
            ("limits" | "reservations", "cpus" | "memory" | "pids") => {
                let why = "say it as `cpus`, `mem_limit` or `pids_limit` of the service";
                scan.wrong(field.line, &format!("{place}.{}", key.name), why);
            }
            (_, other) => scan.wrong(field.line, place, format!("`{other}` is not known here")),
        }
    }
}

fn devices(scan: &mut Scan<'_>, service: &mut Service<'_>, node: &Node, place: &str) {
    let Value::List(items) = &node.value else {
        scan.wrong(node.line, place, "`devices` is a list");
        return;
    };
    for item in items {
        let mut is_gpu = false;
        for (key, node) in scan.table(item, place) {
            match (key.name.as_str(), &node.value) {
                ("capabilities", Value::List(_)) => {
                    is_gpu = scan.list(node, place) == ["gpu"];
                }
                ("driver", Value::Text(driver)) if driver == "nvidia" => {}
                ("count" | "device_ids", _) => {}
                (other, _) => scan.wrong(
                    key.line,
                    place,
                    format!("`{other}` gives devices of the host"),
                ),
            }
        }
        if is_gpu {
            service.project.wants_gpus.insert(service.name.clone());
        } else {
            scan.wrong(item.line, place, "only `capabilities: [gpu]` is given");
        }
    }
}

fn gpus(_: &mut Scan<'_>, service: &mut Service<'_>, _: &Node, _: &str) -> Option<Json> {
    service.project.wants_gpus.insert(service.name.clone());
    None
}

fn runtime(
    scan: &mut Scan<'_>,
    service: &mut Service<'_>,
    node: &Node,
    place: &str,
) -> Option<Json> {
    match &node.value {
        Value::Text(name) if name == "nvidia" => {
            service.project.wants_gpus.insert(service.name.clone());
        }
        Value::Text(name) if name == "runc" => {}
        _ => scan.wrong(node.line, place, "another runtime has rules of its own"),
    }
    None
}

fn privileged(scan: &mut Scan<'_>, _: &mut Service<'_>, node: &Node, place: &str) -> Option<Json> {
    let wanted = scan.flag(node, place)?;
    let why = "it gives the whole host";
    (wanted && scan.risk(node.line, place, why)).then_some(Json::Bool(true))
}

fn security_opt(
    scan: &mut Scan<'_>,
    _: &mut Service<'_>,
    node: &Node,
    place: &str,
) -> Option<Json> {
    let options = scan.list(node, place);
    let harmless = |option: &String| {
        matches!(
            option.as_str(),
            "no-new-privileges" | "no-new-privileges:true"
        )
    };
    if options.iter().all(harmless) {
        return None;
    }
    let why = "it takes protection off";
    scan.risk(node.line, place, why).then(|| json!(options))
}
