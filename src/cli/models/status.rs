//! `models status` and `models cancel`: what is at work at a place, and its end.

use std::sync::Arc;

use super::follow::{self, Job, exit_of};
use super::progress::{self, SwapShot, Told};
use super::run::{Until, at, config, hosts, kept};
use super::work::{self, WorkShot};
use super::{place, wait, words};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::print;
use crate::cli::session::{self, Kept, Session, Wanted, is_away, tell_away};
use crate::domain::{Age, HostId};
use crate::engine::{
    Command, Fleet, Host, ModelsCommand, SwapReport, WorkId, WorkReport, WorkState,
};

/// Shows what is at work, or was last; goes along with the only thing that is at work.
pub(super) fn status(name: Option<&str>, now: bool, here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: match name {
            Some(name) => config(name, here)?,
            None => hosts(Vec::new(), here)?,
        },
        // Whoever goes along sees the end, and writes it down.
        kept: if now { Kept::Nothing } else { Kept::Acts },
    };
    session::with(wanted, here, async |session| {
        if let Some(name) = name
            && let Err(exit) = at(session, name, Until::Read).await
        {
            return Ok(exit);
        }
        let fleet = refreshed(session).await;
        let running = running(&fleet, name);
        match running.as_slice() {
            [only] if !now && !here.common.json => follow::to_the_end(session, only).await,
            _ => {
                show(&fleet, name, here)?;
                Ok(outcome(&fleet, name))
            }
        }
    })
}

/// The fleet once every host has told of its jobs.
async fn refreshed(session: &Session<'_>) -> Arc<Fleet> {
    wait::weights(session).await;
    session
        .ask(Command::Models(ModelsCommand::Refresh(None)))
        .await;
    session.fleet()
}

/// Everything that is at work at a place, or anywhere.
fn running(fleet: &Fleet, name: Option<&str>) -> Vec<Job> {
    let hosts = fleet.hosts.iter();
    hosts
        .flat_map(|host| {
            let swap = host
                .models
                .swap
                .iter()
                .filter(|swap| swap.end.is_none())
                .map(|swap| (swap.work.clone(), place::name(&swap.place).to_owned()));
            let works = host
                .models
                .work
                .iter()
                .filter(|work| matches!(work.state, WorkState::Running { .. }))
                .map(|work| (work.work.clone(), host.id.to_string()));
            swap.chain(works).map(|(work, place)| Job {
                host: host.id.clone(),
                work,
                place: name.map_or(place, str::to_owned),
            })
        })
        .collect()
}

fn show(fleet: &Fleet, name: Option<&str>, here: &Here) -> Result<(), CliError> {
    if here.common.json {
        let swaps = fleet
            .hosts
            .iter()
            .filter_map(|host| host.models.swap.as_ref());
        let swaps: Vec<SwapShot> = swaps.map(|swap| SwapShot::of(swap, fleet.wall)).collect();
        let works = fleet.hosts.iter().flat_map(|host| {
            let of = |work: &WorkReport| WorkShot::of(work, &host.id);
            host.models.work.iter().map(of).collect::<Vec<_>>()
        });
        let works: Vec<WorkShot> = works.collect();
        return print::json(&serde_json::json!({ "swaps": swaps, "work": works }));
    }
    let told: Vec<String> = fleet
        .hosts
        .iter()
        .flat_map(|host| lines(fleet, host))
        .collect();
    if told.is_empty() {
        let at = name.map(|name| format!(" on {name}")).unwrap_or_default();
        return print::data(&format!("nothing is at work{at}, and nothing was"));
    }
    print::data(&told.join("\n"))
}

/// What a host has to tell of its jobs.
fn lines(fleet: &Fleet, host: &Host) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(swap) = &host.models.swap {
        lines.extend(swap_lines(swap, fleet));
    }
    for work in host.models.work.iter() {
        match (work::live(work), work::ending(work, &host.id)) {
            (Some(how), _) => lines.push(format!("{}: {}  {how}", host.id, work::title(work))),
            (None, Some((what, mend))) => {
                lines.push(what);
                lines.extend(mend.map(|mend| format!("  {mend}")));
            }
            (None, None) => {}
        }
    }
    lines
}

fn swap_lines(swap: &SwapReport, fleet: &Fleet) -> Vec<String> {
    let at = place::name(&swap.place);
    let age = Age::from(words::between(swap.began, fleet.wall)).words();
    let to = match &swap.model {
        Some(model) => format!("swap to {model}"),
        None => "stop".to_owned(),
    };
    let mut lines = vec![format!("{at}: {to} by {}, begun {age} ago", swap.by)];
    let phases = Told::default().news(swap);
    lines.extend(phases.into_iter().map(|line| format!("  {line}")));
    match &swap.end {
        Some(end) => {
            let (what, mend) = progress::ending(swap, end);
            lines.push(what);
            lines.extend(mend.map(|mend| format!("  {mend}")));
        }
        None => lines.extend(progress::live(swap, fleet.wall).map(|line| format!("  {line}"))),
    }
    lines
}

/// Of one place, how its last swap ended; of the fleet, whether it could be looked at.
fn outcome(fleet: &Fleet, name: Option<&str>) -> Exit {
    if fleet.hosts.iter().any(|host| is_away(fleet, host)) {
        return Exit::Unreachable;
    }
    let last = fleet
        .hosts
        .iter()
        .rev()
        .find_map(|host| host.models.swap.as_ref()?.end.as_ref());
    match (name, last) {
        (Some(_), Some(end)) => exit_of(end),
        _ => Exit::Done,
    }
}

/// Ends what is at work at a place.
pub(super) fn cancel(name: &str, work: Option<&str>, here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: config(name, here)?,
        kept: kept(here),
    };
    session::with(wanted, here, async |session| {
        let head = match at(session, name, Until::Read).await {
            Ok(head) => head,
            Err(exit) => return Ok(exit),
        };
        let fleet = refreshed(session).await;
        let Some((host, work)) = chosen(&fleet, name, work) else {
            return Ok(Exit::Failed);
        };
        if let Some(host) = fleet.host(&host).filter(|host| is_away(&fleet, host)) {
            return Ok(tell_away(&fleet, host));
        }
        let ended = work.0.clone();
        let command = Command::Models(ModelsCommand::Cancel { host, work });
        let (exit, _) = session.change(command, Some(&head)).await?;
        if exit == Exit::Done && !here.common.dry_run {
            print::message(&format!("{ended} is told to end"));
        }
        Ok(exit)
    })
}

/// The job that is meant; otherwise why none is has been told.
fn chosen(fleet: &Fleet, name: &str, work: Option<&str>) -> Option<(HostId, WorkId)> {
    let running = running(fleet, Some(name));
    let meant: Vec<&Job> = running
        .iter()
        .filter(|job| work.is_none_or(|work| job.work.0 == work))
        .collect();
    match meant.as_slice() {
        [only] => return Some((only.host.clone(), only.work.clone())),
        [] => {
            let what = match work {
                Some(work) => format!("no {work} is at work on {name}"),
                None => format!("nothing is at work on {name}"),
            };
            print::message(&format!("pilothouse: {what}"));
            print::message(&format!("  see `pilothouse models status {name} --now`"));
        }
        many => {
            print::message(&format!(
                "pilothouse: {} works are at work on {name}",
                many.len()
            ));
            let words: Vec<&str> = many.iter().map(|job| job.work.0.as_str()).collect();
            print::message(&format!("  say which: --work {}", words.join(", --work ")));
        }
    }
    None
}
