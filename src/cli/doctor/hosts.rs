//! Every host, by the engine's own ladder: how far we get, and at the first rung that fails, why and what mends it. Beside
//! them the switches that hold their power are asked.

use super::super::error::CliError;
use super::super::here::Here;
use super::super::{once, runtime};
use super::check::{Check, count};
use super::{models, power, switch};
use crate::config::Config;
use crate::domain::HealthWord;
use crate::engine::{Fleet, Host, Outcome, Verdict};
use crate::tasks::Tasks;

/// Dials every host once, and every switch whose set-up has no fault.
pub(super) async fn checks(
    config: Config,
    here: &Here,
    tasks: &Tasks,
) -> Result<Vec<Check>, CliError> {
    let services = config.settings.services.clone();
    let switches = power::to_ask(&config).await;
    let engine = once::start(config, here, tasks)?;
    let handle = engine.handle();
    let (fleet, mut checks) =
        tokio::join!(once::settled(&handle), switch::checks(&handle, &switches));
    engine.shutdown(runtime::FAREWELL).await;
    checks.extend(fleet.hosts.iter().map(|host| check(&fleet, host)));
    checks.extend(models::services(&fleet, &services));
    Ok(checks)
}

fn check(fleet: &Fleet, host: &Host) -> Check {
    let id = format!("host.{}", host.id);
    match host.ladder.verdict() {
        Verdict::Up => up(id, host),
        Verdict::Down { rung, .. } | Verdict::Wedged { rung, .. } => {
            let (why, mend) = match host.ladder.outcome(rung) {
                Outcome::Failed { why, hint, .. } => (why.to_string(), hint.as_ref()),
                _ => (host.detail.to_string(), None),
            };
            let mend = mend.map_or_else(
                || format!("ssh -v {} shows more", host.id),
                ToString::to_string,
            );
            Check::fail(id, format!("{}: {why}", rung.word()), mend)
        }
        Verdict::Unknown if fleet.questions.iter().any(|asked| asked.host == host.id) => {
            Check::warn(
                id,
                "it asks something that only a person can answer (an unknown host key, a passphrase)",
                format!("answer it once in the console: pilothouse {}", host.id),
            )
        }
        Verdict::Unknown => Check::fail(
            id,
            "no verdict in time",
            format!("ssh -v {} shows how far it gets", host.id),
        ),
    }
}

fn up(id: String, host: &Host) -> Check {
    let trip = host.round_trip.map_or_else(
        || "answers".to_owned(),
        |trip| format!("answers in {:.1} ms", trip.as_secs_f64() * 1000.0),
    );
    let gpus = host.gpus.as_ref().map(|timed| &timed.value);
    let what = match gpus {
        Some(report) if !report.gpus.is_empty() => {
            let gpus = count(report.gpus.len(), "GPU");
            format!("{trip}; {gpus} by {}", report.source)
        }
        Some(report) => format!("{trip}; {}", report.condition.words()),
        None => trip,
    };
    if host.word == HealthWord::Driver {
        return Check::warn(
            id,
            what,
            "look at the GPU's own tool (`nvidia-smi`, `rocm-smi`) and at `dmesg` on the host",
        );
    }
    Check::pass(id, what)
}
