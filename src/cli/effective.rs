//! The configuration in force as a person or a script reads it (pure): every value and where it came from, no secret.

use serde::Serialize;
use serde_json::{Value, json};

use super::effective_models::serving;
use super::effective_power::{acting, power};
use crate::config::{Origin, Problem, Resolved, duration_words, memory_words};
use crate::domain::{GpuSourceChoice, HostAddress, HostSpec, SshSpec, StrictHostKeys};

/// The configuration in force. Its JSON form is a promise to scripts.
#[derive(Debug, Serialize)]
pub(super) struct Effective {
    file: Option<String>,
    settings: Vec<Setting>,
    keys: Vec<Binding>,
    hosts: Vec<Host>,
    problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Setting {
    key: &'static str,
    value: Value,
    from: String,
}

#[derive(Debug, Serialize)]
struct Binding {
    action: String,
    keys: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Host {
    name: String,
    from: String,
    #[serde(flatten)]
    fields: serde_json::Map<String, Value>,
}

impl Effective {
    pub(super) fn of(resolved: &Resolved) -> Self {
        let config = &resolved.config;
        let settings = settings(resolved)
            .into_iter()
            .map(|(key, value, from)| Setting {
                key,
                value,
                from: from.to_string(),
            })
            .collect();
        let keys = config
            .settings
            .keys
            .iter()
            .map(|key| Binding {
                action: key.action.clone(),
                keys: key.keys.clone(),
            })
            .collect();
        let hosts = config
            .hosts
            .iter()
            .zip(&resolved.origins.hosts)
            .map(|(spec, from)| Host {
                name: spec.id.to_string(),
                from: from.to_string(),
                fields: fields(spec),
            })
            .collect();
        Self {
            file: config.file.as_ref().map(|file| file.display().to_string()),
            settings,
            keys,
            hosts,
            problems: config.problems.clone(),
        }
    }

    /// YAML with the origin of each value in a comment; it can be read back, save for the secrets.
    pub(super) fn yaml(&self) -> String {
        let mut lines: Vec<(String, &str)> = Vec::new();
        let mut section = "";
        for setting in &self.settings {
            let value = scalar(&setting.value);
            let line = match setting.key.split_once('.') {
                None => format!("{}: {value}", setting.key),
                Some((part, key)) => {
                    if part != section {
                        lines.push((format!("{part}:"), ""));
                    }
                    section = part;
                    format!("  {key}: {value}")
                }
            };
            lines.push((line, &setting.from));
        }
        if !self.keys.is_empty() {
            lines.push(("keys:".into(), ""));
        }
        for key in &self.keys {
            let keys = scalar(&json!(key.keys));
            lines.push((format!("  {}: {keys}", word(&key.action)), ""));
        }
        lines.push(("hosts:".into(), ""));
        for host in &self.hosts {
            lines.push((format!("  - name: {}", word(&host.name)), &host.from));
            for (key, value) in &host.fields {
                lines.extend(field(4, key, value).into_iter().map(|line| (line, "")));
            }
        }
        let head = match &self.file {
            Some(file) => format!("# {file}"),
            None => "# no configuration file".into(),
        };
        std::iter::once(head)
            .chain(
                lines
                    .into_iter()
                    .map(|(text, from)| with_origin(&text, from)),
            )
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// One key of a host. A table goes on below it, a line each.
fn field(indent: usize, key: &str, value: &Value) -> Vec<String> {
    let key = word(key);
    let Value::Object(entries) = value else {
        return vec![format!("{:indent$}{key}: {}", "", scalar(value))];
    };
    let below = entries
        .iter()
        .flat_map(|(key, value)| field(indent + 2, key, value));
    std::iter::once(format!("{:indent$}{key}:", ""))
        .chain(below)
        .collect()
}

fn with_origin(text: &str, from: &str) -> String {
    if from.is_empty() {
        return text.to_owned();
    }
    format!("{text:<36}  # {from}")
}

fn settings(resolved: &Resolved) -> Vec<(&'static str, Value, Origin)> {
    let config = &resolved.config;
    let settings = &config.settings;
    let from = &resolved.origins;
    let thresholds = settings.thresholds;
    vec![
        ("fleet", json!(config.fleet), from.fleet),
        ("read_only", json!(settings.read_only), from.read_only),
        (
            "period",
            json!(duration_words(settings.period)),
            from.period,
        ),
        ("theme", json!(settings.theme), from.theme),
        ("mouse", json!(settings.mouse), from.mouse),
        (
            "thresholds.tight_percent",
            json!(thresholds.tight_percent.0),
            from.tight_percent,
        ),
        (
            "thresholds.tight_left",
            json!(memory_words(thresholds.tight_left)),
            from.tight_left,
        ),
        ("thresholds.hot", json!(thresholds.hot.0), from.hot),
        ("alerts.bell", json!(settings.alerts.bell), from.bell),
        (
            "alerts.webhook",
            json!(settings.alerts.webhook),
            from.webhook,
        ),
        (
            "logs.buffer",
            json!(memory_words(settings.logs.buffer)),
            from.buffer,
        ),
        ("logs.tail", json!(settings.logs.tail), from.tail),
    ]
    .into_iter()
    .chain(acting(resolved))
    .chain(serving(resolved))
    .collect()
}

/// The keys of a host that say something beside the default.
fn fields(spec: &HostSpec) -> serde_json::Map<String, Value> {
    let mut fields = serde_json::Map::new();
    match &spec.address {
        HostAddress::Local => {
            fields.insert("local".into(), json!(true));
        }
        HostAddress::Ssh(ssh) => ssh_fields(ssh, &mut fields),
    }
    if !spec.tags.is_empty() {
        fields.insert("tags".into(), json!(spec.tags));
    }
    if spec.gpu != GpuSourceChoice::Auto {
        fields.insert("gpu".into(), json!(spec.gpu));
    }
    if let Some(spec) = &spec.power {
        fields.insert("power".into(), power(spec));
    }
    fields
}

fn ssh_fields(ssh: &SshSpec, fields: &mut serde_json::Map<String, Value>) {
    fields.insert("address".into(), json!(ssh.host));
    if let Some(user) = &ssh.user {
        fields.insert("user".into(), json!(user));
    }
    if let Some(port) = ssh.port {
        fields.insert("port".into(), json!(port));
    }
    if !ssh.jump.is_empty() {
        let jumps: Vec<String> = ssh.jump.iter().map(destination).collect();
        fields.insert("jump".into(), json!(jumps));
    }
    if !ssh.identity.is_empty() {
        fields.insert("identity".into(), json!(ssh.identity));
    }
    if let Some(file) = &ssh.known_hosts {
        fields.insert("known_hosts".into(), json!(file));
    }
    if !ssh.use_ssh_config {
        fields.insert("ssh_config".into(), json!(false));
    }
    if ssh.strict == StrictHostKeys::Refuse {
        fields.insert("host_keys".into(), json!("refuse"));
    }
}

pub(super) fn destination(ssh: &SshSpec) -> String {
    let user = ssh
        .user
        .as_ref()
        .map(|user| format!("{user}@"))
        .unwrap_or_default();
    match ssh.port {
        None => format!("ssh://{user}{}", ssh.host),
        Some(port) if ssh.host.as_str().contains(':') => {
            format!("ssh://{user}[{}]:{port}", ssh.host)
        }
        Some(port) => format!("ssh://{user}{}:{port}", ssh.host),
    }
}

/// A JSON value as YAML on one line. JSON is YAML; only texts that need no quotes are made plainer.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => word(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", word(key), scalar(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

fn word(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./@".contains(c));
    let read_otherwise = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if plain && !read_otherwise {
        text.to_owned()
    } else {
        json!(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Source, resolve};
    use crate::domain::PowerSpec;

    fn read(text: &str) -> Resolved {
        let source = Source {
            file: "/etc/fleet.yaml".into(),
            text: text.into(),
        };
        resolve(
            Some(&source),
            &Environment::default(),
            &Flags::default(),
            None,
        )
        .unwrap()
    }

    #[test]
    fn what_is_printed_means_what_was_read_and_shows_no_secret() {
        let text = include_str!("../../tests/it/fixtures/config/valid/full.yaml");
        let first = read(text);
        let printed = Effective::of(&first).yaml();
        assert!(!printed.contains("s3cret"), "{printed}");
        let json = serde_json::to_string(&Effective::of(&first)).unwrap();
        assert!(!json.contains("s3cret"), "{json}");

        let again = read(&printed.replace("•••", "https://alerts.example/hook?token=s3cret"));
        assert_eq!(again.config.problems, []);
        assert_eq!(
            again.config.settings.thresholds,
            first.config.settings.thresholds
        );
        assert_eq!(again.config.settings.alerts, first.config.settings.alerts);
        assert_eq!(again.config.settings.logs, first.config.settings.logs);
        assert_eq!(again.config.settings.arming, first.config.settings.arming);
        assert_eq!(
            again.config.settings.assistant,
            first.config.settings.assistant
        );
        assert_eq!(
            again.config.settings.ledger_sink,
            first.config.settings.ledger_sink
        );
        let switches = |resolved: &Resolved| -> Vec<Option<PowerSpec>> {
            let hosts = &resolved.config.hosts;
            hosts.iter().map(|host| host.power.clone()).collect()
        };
        assert_eq!(switches(&again), switches(&first));
        assert_eq!(again.config.fleet, first.config.fleet);
        let ids = |resolved: &Resolved| -> Vec<String> {
            resolved
                .config
                .hosts
                .iter()
                .map(|host| host.id.to_string())
                .collect()
        };
        assert_eq!(ids(&again), ids(&first));
        let spark = |resolved: &Resolved| {
            resolved.config.hosts.get(1).map(|host| {
                let HostAddress::Ssh(ssh) = host.address.clone() else {
                    panic!("not ssh")
                };
                (
                    ssh.host,
                    ssh.user,
                    ssh.identity,
                    ssh.known_hosts,
                    ssh.use_ssh_config,
                    ssh.jump.len(),
                )
            })
        };
        assert_eq!(spark(&again), spark(&first));
    }

    #[test]
    fn texts_that_yaml_would_read_otherwise_are_quoted() {
        for (text, shown) in [
            ("dark", "dark"),
            ("no", "\"no\""),
            ("1.10", "\"1.10\""),
            ("a: b", "\"a: b\""),
            ("#x", "\"#x\""),
            ("", "\"\""),
            ("/etc/x", "/etc/x"),
        ] {
            assert_eq!(word(text), shown);
        }
    }
}
