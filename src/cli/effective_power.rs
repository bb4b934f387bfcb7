//! What the configuration says of acting, as a person or a script reads it (pure): power switches, arming, the assistant.

use serde_json::{Map, Value, json};

use super::effective::destination;
use crate::config::{Login, LoginKind, Origin, Resolved, duration_words};
use crate::domain::{HostAddress, HostSpec, PowerMethod, PowerSpec, StrictHostKeys, WakeOnLan};

/// Arming, the assistant and the ledger, key by key.
pub(super) fn acting(resolved: &Resolved) -> Vec<(&'static str, Value, Origin)> {
    let settings = &resolved.config.settings;
    let arming = &settings.arming;
    let assistant = &settings.assistant;
    let armed = resolved.origins.arming;
    let from = resolved.origins.assistant;
    let length = |length| json!(duration_words(length));
    vec![
        ("arming.needed", json!(arming.needed), armed.needed),
        ("arming.minutes", json!(arming.minutes), armed.minutes),
        ("arming.idle", length(arming.idle), armed.idle),
        ("arming.window", length(arming.window), armed.window),
        ("arming.restart", length(arming.restart), armed.restart),
        ("assistant.program", json!(assistant.program), from.program),
        ("assistant.model", json!(assistant.model), from.model),
        ("assistant.budget", json!(assistant.budget), from.budget),
        ("assistant.turns", json!(assistant.turns), from.turns),
        ("assistant.limit", length(assistant.limit), from.limit),
        (
            "assistant.base_url",
            json!(assistant.base_url),
            from.base_url,
        ),
        ("assistant.login", login(&assistant.login), from.login),
        ("assistant.ask_for", json!(assistant.ask_for), from.ask_for),
        (
            "ledger.sink",
            json!(settings.ledger_sink),
            resolved.origins.sink,
        ),
    ]
}

/// Where the login is to be had; never what it is.
fn login(login: &Login) -> Value {
    let named = |kind: &LoginKind, way: &str| {
        let kind = match kind {
            LoginKind::ApiKey => "api_key",
            LoginKind::OauthToken => "oauth_token",
        };
        format!("{kind}_{way}")
    };
    match login {
        Login::Environment => json!("environment"),
        Login::Own => json!("own"),
        Login::File(kind, path) => json!({ named(kind, "file"): path }),
        Login::Command(kind, words) => json!({ named(kind, "command"): words }),
    }
}

/// The way to a power switch, as it is written in the file.
pub(super) fn power(spec: &PowerSpec) -> Value {
    let mut fields = Map::new();
    match &spec.method {
        None => {}
        Some(PowerMethod::ForcedCommand(host)) => forced_command(host, &mut fields),
        Some(PowerMethod::Command { on, verbs }) => {
            fields.insert("method".into(), json!("command"));
            if let Some(host) = on {
                fields.insert("on".into(), json!(host));
            }
            fields.insert("verbs".into(), json!(verbs));
        }
    }
    if let Some(wake) = &spec.wake {
        fields.insert("wake".into(), wake_on_lan(wake));
    }
    Value::Object(fields)
}

fn forced_command(host: &HostSpec, fields: &mut Map<String, Value>) {
    fields.insert("method".into(), json!("forced-command"));
    let HostAddress::Ssh(ssh) = &host.address else {
        return;
    };
    let destination = destination(ssh);
    let host = destination.trim_start_matches("ssh://");
    fields.insert("host".into(), json!(host));
    if !ssh.identity.is_empty() {
        fields.insert("identity".into(), json!(ssh.identity));
    }
    if let Some(file) = &ssh.known_hosts {
        fields.insert("known_hosts".into(), json!(file));
    }
    if ssh.strict == StrictHostKeys::Refuse {
        fields.insert("host_keys".into(), json!("refuse"));
    }
}

fn wake_on_lan(wake: &WakeOnLan) -> Value {
    let pairs: Vec<String> = wake.mac.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "mac": pairs.join(":"), "to": wake.to })
}
