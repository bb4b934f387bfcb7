//! `logs --list`: the sources that hosts offer, for people and for programs.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::{logs, print, runtime};
use crate::config::Config;
use crate::domain::{HealthWord, HostId};
use crate::engine::{
    Acting, Actor, Command, DaemonState, Fleet, Handle, Host, Outcome, Refusal, Reply, SourceOffer,
    Verdict,
};
use crate::tasks::Tasks;
use crate::text::SafeText;

/// What a host may take until it is connected.
const LIMIT: Duration = Duration::from_secs(12);

/// What the search for its container engine may take after that.
const SEARCH: Duration = Duration::from_secs(5);

/// A source, as a program reads it.
#[derive(Debug, Serialize)]
struct Row {
    host: String,
    source: String,
    detail: String,
    refused: Option<String>,
    hint: Option<String>,
}

/// Lists what the hosts offer.
pub(super) fn run(config: Config, here: &Here) -> Result<Exit, CliError> {
    runtime::block_on(async {
        let tasks = Tasks::new();
        let outcome = list(config, here, &tasks).await;
        tasks.shutdown(runtime::FAREWELL).await;
        outcome
    })?
}

async fn list(config: Config, here: &Here, tasks: &Tasks) -> Result<Exit, CliError> {
    for problem in &config.problems {
        print::message(&print::problem(problem));
    }
    let ids: Vec<HostId> = config.hosts.iter().map(|spec| spec.id.clone()).collect();
    let engine = logs::start(config, (here, Acting::unrecorded()), tasks)?;
    let handle = engine.handle();
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for (id, offers) in
        futures_util::future::join_all(ids.iter().map(|id| offers(&handle, id))).await
    {
        match offers {
            Ok(offers) => rows.extend(offers.into_iter().map(|offer| row(id, offer))),
            Err(why) => {
                print::message(&format!("pilothouse: {id}: {why}"));
                exit = Exit::Unreachable;
            }
        }
    }
    engine.shutdown(runtime::FAREWELL).await;
    if here.common.json {
        print::json(&rows)?;
    } else {
        print::data(&table(&rows))?;
    }
    Ok(exit)
}

/// What one host offers, as soon as it is connected.
async fn offers<'a>(
    handle: &Handle,
    id: &'a HostId,
) -> (&'a HostId, Result<Vec<SourceOffer>, String>) {
    let mut fleet = handle.fleet();
    let known = fleet.wait_for(|fleet| fleet.host(id).is_none_or(|host| has_verdict(host)));
    let fleet: Arc<Fleet> = match tokio::time::timeout(LIMIT, known).await {
        Ok(Ok(fleet)) => Arc::clone(&fleet),
        _ => return (id, Err("it does not answer".into())),
    };
    let down = fleet.host(id).and_then(|host| match host.word {
        HealthWord::Down | HealthWord::Wedged => Some(why_down(host)),
        HealthWord::Asking => Some(asks(id)),
        _ => None,
    });
    if let Some(why) = down {
        return (id, Err(why));
    }
    // Its containers are known a moment after its connection; a host that can't say so soon is listed without.
    let mut later = handle.fleet();
    let engine = later.wait_for(|fleet| {
        let host = fleet.host(id);
        host.is_none_or(|host| host.containers.daemon != DaemonState::Unknown)
    });
    // The answer is a lock on the fleet: it must not outlive this line.
    drop(tokio::time::timeout(SEARCH, engine).await);
    let host = id.clone();
    let reply = handle
        .ask(Actor::CommandLine, Command::Sources { host })
        .await;
    match reply {
        Reply::Sources(offers) => (id, Ok(offers)),
        reply => (id, Err(words(&reply))),
    }
}

fn has_verdict(host: &Host) -> bool {
    host.ladder.verdict() != Verdict::Unknown || host.word == HealthWord::Asking
}

/// Why a host is down, with the mend.
pub(super) fn why_down(host: &Host) -> String {
    let rung = match host.ladder.verdict() {
        Verdict::Down { rung, .. } | Verdict::Wedged { rung, .. } => rung,
        Verdict::Up | Verdict::Unknown => return host.detail.to_string(),
    };
    match host.ladder.outcome(rung) {
        Outcome::Failed {
            why,
            hint: Some(hint),
            ..
        } => format!("{why}\n  {hint}"),
        Outcome::Failed { why, .. } => why.to_string(),
        Outcome::Untried | Outcome::Holds { .. } => host.detail.to_string(),
    }
}

/// What is said of a host that waits for an answer.
pub(super) fn asks(host: &HostId) -> String {
    format!("it asks something that only a person can answer: open it with `pilothouse {host}`")
}

/// An answer that was none, in words.
pub(super) fn words(reply: &Reply) -> String {
    match reply {
        Reply::Failed(refusal) | Reply::Refused(refusal) | Reply::Unknown(refusal) => match refusal
        {
            Refusal {
                why,
                hint: Some(hint),
            } => format!("{why}\n  {hint}"),
            Refusal { why, hint: None } => why.clone(),
        },
        _ => "the engine gave no answer".into(),
    }
}

fn row(host: &HostId, offer: SourceOffer) -> Row {
    let (refused, hint) = offer.refused.map_or((None, None), |(why, hint)| {
        (Some(why.to_string()), hint.map(|hint| hint.to_string()))
    });
    Row {
        host: host.to_string(),
        source: offer.spec.to_string(),
        detail: offer.detail.to_string(),
        refused,
        hint,
    }
}

/// A line per source, ready to be given to `logs`.
fn table(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        let source = match row.source.as_str() {
            "actions" => "actions".into(),
            source => format!("{}/{source}", row.host),
        };
        let detail = row.refused.as_ref().unwrap_or(&row.detail);
        // The name of a file is whatever somebody called it.
        vec![SafeText::from(source).to_string(), detail.clone()]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    print::table(&["SOURCE", "STATE"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_can_t_talk_to_the_terminal_by_its_name() {
        let offer = SourceOffer {
            spec: "file:/var/log/app\u{1b}]0;owned\u{7}\u{202e}.log"
                .parse()
                .unwrap(),
            detail: "1 KiB".into(),
            refused: None,
        };
        let table = table(&[row(&HostId::new("spark-1"), offer)]);
        assert!(
            table.contains("spark-1/file:/var/log/app␛‹U+202E›.log"),
            "{table:?}"
        );
    }

    #[test]
    fn a_source_that_can_t_be_read_says_why_in_its_row() {
        let host = HostId::new("spark-1");
        let offer = |spec: &str, refused: Option<&str>| SourceOffer {
            spec: spec.parse().unwrap(),
            detail: "running".into(),
            refused: refused.map(|why| (why.into(), Some("the mend".into()))),
        };
        let rows = vec![
            row(&host, offer("container:vllm", None)),
            row(&host, offer("kernel", Some("not allowed"))),
        ];
        assert_eq!(
            table(&rows),
            "SOURCE                  STATE\nspark-1/container:vllm  running\nspark-1/kernel          not allowed"
        );
    }
}
