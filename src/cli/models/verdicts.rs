//! What was looked at before a swap, as a table and as JSON (pure).

use serde::Serialize;

use super::place;
use crate::cli::print::table;
use crate::domain::{HostId, ModelKey, Place};
use crate::engine::{Finding, Preflight};

/// The verdicts as a person reads them, each mend below its verdict.
pub(super) fn text(preflight: &Preflight) -> String {
    let rows: Vec<Vec<String>> = preflight
        .verdicts
        .iter()
        .map(|verdict| {
            let (state, why, _) = words(&verdict.finding);
            vec![
                state.to_owned(),
                verdict.check.word().to_owned(),
                verdict.host.to_string(),
                why,
            ]
        })
        .collect();
    let shown = table(&["", "CHECK", "HOST", "WHAT"], &rows);
    let mut lines = shown.lines();
    let mut all: Vec<String> = lines.next().map(str::to_owned).into_iter().collect();
    for (line, verdict) in lines.zip(&preflight.verdicts) {
        all.push(line.to_owned());
        if let (_, _, Some(hint)) = words(&verdict.finding) {
            all.push(format!("      → {hint}"));
        }
    }
    if !preflight.users.is_empty() {
        all.push(String::new());
        all.push("served there now".to_owned());
        all.extend(preflight.users.iter().map(|line| format!("  {line}")));
    }
    all.push(String::new());
    all.push("would run".to_owned());
    all.extend(preflight.command.lines().map(|line| format!("  {line}")));
    all.push(String::new());
    all.push(conclusion(preflight));
    all.join("\n")
}

fn conclusion(preflight: &Preflight) -> String {
    let place = place::name(&preflight.place);
    let model = &preflight.model;
    if preflight.passes() {
        format!("{model} can be served on {place}")
    } else {
        format!("{model} can't be served on {place} as things are; --force tries it all the same")
    }
}

/// The word, the reasoning and the mend of a finding.
fn words(finding: &Finding) -> (&'static str, String, Option<String>) {
    let text = |hint: &Option<crate::text::SafeText>| hint.as_ref().map(ToString::to_string);
    match finding {
        Finding::Pass(why) => ("PASS", why.to_string(), None),
        Finding::Warn { why, hint } => ("WARN", why.to_string(), text(hint)),
        Finding::Fail { why, hint } => ("FAIL", why.to_string(), text(hint)),
        Finding::Unknown(why) => ("?", why.to_string(), None),
    }
}

/// The verdicts for scripts.
#[derive(Debug, Serialize)]
pub(super) struct PreflightShot {
    model: ModelKey,
    place: String,
    passes: bool,
    checks: Vec<CheckShot>,
    command: String,
    users: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CheckShot {
    check: &'static str,
    host: HostId,
    /// `pass`, `warn`, `fail` or `unknown`.
    state: &'static str,
    why: String,
    hint: Option<String>,
}

impl PreflightShot {
    /// The shot of a preflight.
    pub(super) fn of(preflight: &Preflight) -> Self {
        Self {
            model: preflight.model.clone(),
            place: name(&preflight.place),
            passes: preflight.passes(),
            checks: preflight
                .verdicts
                .iter()
                .map(|verdict| {
                    let (_, why, hint) = words(&verdict.finding);
                    CheckShot {
                        check: verdict.check.word(),
                        host: verdict.host.clone(),
                        state: state(&verdict.finding),
                        why,
                        hint,
                    }
                })
                .collect(),
            command: preflight.command.clone(),
            users: preflight.users.iter().map(ToString::to_string).collect(),
        }
    }
}

fn name(place: &Place) -> String {
    place::name(place).to_owned()
}

fn state(finding: &Finding) -> &'static str {
    match finding {
        Finding::Pass(_) => "pass",
        Finding::Warn { .. } => "warn",
        Finding::Fail { .. } => "fail",
        Finding::Unknown(_) => "unknown",
    }
}
