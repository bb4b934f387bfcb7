//! Goes along with a job of a host until it has ended. Leaving changes nothing there: the job goes on.

use std::sync::Arc;

use super::progress::{self, SwapShot, Told};
use super::work::{self, WorkShot};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::interrupts::Interrupts;
use crate::cli::print::{self, Live};
use crate::cli::session::{Session, is_down};
use crate::domain::{At, HostId};
use crate::engine::{
    Command, Fleet, ModelsCommand, SwapEnd, SwapReport, WorkId, WorkReport, WorkState,
};

/// Milliseconds after which a job that can't be seen is given up.
const PATIENCE: u64 = 120_000;

/// A job of a host, and what a person would call its place.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Job {
    pub(in crate::cli) host: HostId,
    pub(in crate::cli) work: WorkId,
    /// For `models status` and `models cancel`.
    pub(in crate::cli) place: String,
}

/// What became of going along.
#[derive(Debug)]
enum Followed {
    /// A swap has ended.
    Swap(Arc<SwapReport>),
    /// Another work has ended.
    Work(WorkReport),
    /// The person left.
    Left,
    /// It can't be seen any more.
    OutOfSight,
}

/// Goes along with a job and tells how it ended.
pub(in crate::cli) async fn to_the_end(session: &Session<'_>, job: &Job) -> Result<Exit, CliError> {
    match follow(session, job).await {
        Followed::Swap(report) => tell_swap(session, &report),
        Followed::Work(report) => tell_work(session, &report, &job.host),
        Followed::Left => {
            print::message(&going_on(job));
            Ok(Exit::Unknown)
        }
        Followed::OutOfSight => {
            print::message(&format!(
                "pilothouse: {} can't be seen any more; its work goes on there",
                job.host
            ));
            print::message(&format!(
                "  look again: `pilothouse models status {}`",
                job.place
            ));
            Ok(Exit::Unknown)
        }
    }
}

/// Tells that a job was begun, for those who do not go along.
pub(in crate::cli) fn tell_begun(session: &Session<'_>, job: &Job) -> Result<Exit, CliError> {
    if session.here.common.json {
        print::json(&serde_json::json!({
            "host": job.host,
            "work": job.work,
            "place": job.place,
        }))?;
    } else {
        print::message(&going_on(job));
    }
    Ok(Exit::Done)
}

fn going_on(job: &Job) -> String {
    let Job { host, work, place } = job;
    format!(
        "it goes on at {host} ({})\n  go along: pilothouse models status {place}\n  end it:   pilothouse models cancel {place} --yes {host}",
        work.0
    )
}

async fn follow(session: &Session<'_>, job: &Job) -> Followed {
    let interrupts = Interrupts::listen();
    let term = session.here.environment.text("TERM");
    let mut live = Live::new(term.as_deref());
    let mut told = Told::default();
    let mut newest = session.handle.fleet();
    let mut sight = Sight::new(newest.borrow().at);
    // The engine may not have read the jobs since this one was begun.
    let refresh = Command::Models(ModelsCommand::Refresh(Some(job.host.clone())));
    let mut read = std::pin::pin!(session.ask(refresh));
    let mut reading = true;
    loop {
        let fleet = Arc::clone(&newest.borrow_and_update());
        if let Some(ended) = look(&fleet, job, &mut told, &mut live) {
            live.clear();
            return ended;
        }
        if let Some(line) = sight.news(&fleet, job) {
            live.stay(&line);
        }
        if sight.is_lost(fleet.at) {
            live.clear();
            return Followed::OutOfSight;
        }
        tokio::select! {
            biased;
            () = interrupts.next() => {
                live.clear();
                return Followed::Left;
            }
            _ = &mut read, if reading => reading = false,
            changed = newest.changed() => {
                if changed.is_err() {
                    live.clear();
                    return Followed::OutOfSight;
                }
            }
        }
    }
}

/// Shows how a job stands; gives its end.
fn look(fleet: &Fleet, job: &Job, told: &mut Told, live: &mut Live) -> Option<Followed> {
    let models = &fleet.host(&job.host)?.models;
    if let Some(report) = models.swap.as_ref().filter(|swap| swap.work == job.work) {
        for line in told.news(report) {
            live.stay(&line);
        }
        if report.end.is_some() {
            return Some(Followed::Swap(Arc::clone(report)));
        }
        if let Some(line) = progress::live(report, fleet.wall) {
            live.show(&line, fleet.at);
        }
        return None;
    }
    let report = models.work.iter().find(|work| work.work == job.work)?;
    match work::live(report) {
        None => Some(Followed::Work(report.clone())),
        Some(line) => {
            live.show(&line, fleet.at);
            None
        }
    }
}

/// Whether a job is seen, and since when not.
struct Sight {
    seen: At,
    link: bool,
}

impl Sight {
    fn new(now: At) -> Self {
        Self {
            seen: now,
            link: true,
        }
    }

    /// A line where the host has just been lost, or is there again.
    fn news(&mut self, fleet: &Fleet, job: &Job) -> Option<String> {
        let host = fleet.host(&job.host)?;
        let models = &host.models;
        let there = models
            .swap
            .as_ref()
            .is_some_and(|swap| swap.work == job.work)
            || models.work.iter().any(|work| work.work == job.work);
        let link = !is_down(host);
        if there && link {
            self.seen = fleet.at;
        }
        if link == self.link {
            return None;
        }
        self.link = link;
        Some(if link {
            format!("{} answers again", job.host)
        } else {
            format!("{} does not answer; its work goes on there", job.host)
        })
    }

    fn is_lost(&self, now: At) -> bool {
        now.since(self.seen).0 > PATIENCE
    }
}

fn tell_swap(session: &Session<'_>, report: &SwapReport) -> Result<Exit, CliError> {
    if session.here.common.json {
        print::json(&SwapShot::of(report, session.fleet().wall))?;
    }
    let Some(end) = &report.end else {
        return Ok(Exit::Unknown);
    };
    let exit = exit_of(end);
    if matches!(end, SwapEnd::Failed { .. }) {
        for line in &report.log {
            print::message(&format!("  | {line}"));
        }
    }
    let (what, mend) = progress::ending(report, end);
    tell(exit, &what, mend.as_deref());
    Ok(exit)
}

fn tell_work(session: &Session<'_>, report: &WorkReport, host: &HostId) -> Result<Exit, CliError> {
    if session.here.common.json {
        print::json(&WorkShot::of(report, host))?;
    }
    let exit = match report.state {
        WorkState::Done => Exit::Done,
        WorkState::Failed { .. } | WorkState::Cancelled => Exit::Failed,
        WorkState::Running { .. } | WorkState::Lost => Exit::Unknown,
    };
    if let Some((what, mend)) = work::ending(report, host) {
        tell(exit, &what, mend.as_deref());
    }
    Ok(exit)
}

/// The exit code of an ended swap.
pub(super) fn exit_of(end: &SwapEnd) -> Exit {
    match end {
        SwapEnd::Served | SwapEnd::Stopped => Exit::Done,
        SwapEnd::Failed { .. } | SwapEnd::Cancelled { .. } => Exit::Failed,
        SwapEnd::Lost => Exit::Unknown,
    }
}

fn tell(exit: Exit, what: &str, mend: Option<&str>) {
    if exit == Exit::Done {
        print::message(what);
    } else {
        print::message(&format!("pilothouse: {what}"));
    }
    if let Some(mend) = mend {
        print::message(&format!("  {mend}"));
    }
}
