//! The reservation and the long works of one host: who holds it, how its swap and its downloads stand. Read when the link opens,
//! when somebody wants it, and quickly while something is at work; every console reads the same.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::ended;
use super::places;
use super::ready;
use super::watch::ModelWatch;
use crate::domain::Place;
use crate::engine::models_state::ModelsMsg;
use crate::engine::services;
use crate::exec::RunLimits;
use crate::jobs::{Job, JobError, JobId, JobState, Jobs, LogPart};
use crate::models::{
    Expected, LOG_LINES, SwapReport, WorkReport, expected, fold, is_swap, parse_history, read_lock,
    swap_place, work_reports,
};
use crate::shell::ShellCommand;
use crate::text::SafeText;

/// Between two looks at what is at work.
const PACE: Duration = Duration::from_millis(500);

/// Between two lists of all jobs while a swap is followed by itself.
const LIST: Duration = Duration::from_secs(2);

/// Between two looks while somebody looks at models, and nothing is at work: another console may have begun something.
const IDLE: Duration = Duration::from_secs(5);

/// Parts of a log that are read in one go: of a longer one the end comes with the next looks.
const PARTS: u32 = 16;

/// What the swaps of this host took before.
const HISTORY: &str = r#"tail -n 400 "${HOME:?}/.pilothouse/models/history" 2>/dev/null || :"#;

/// Watches the works of one host.
pub(super) struct Works {
    watch: ModelWatch,
    jobs: Jobs,
    swap: Option<Followed>,
    told: Option<SwapReport>,
    work: Option<Vec<WorkReport>>,
}

/// What comes next while something is at work.
enum Step {
    /// More of the swap that is followed.
    Part(LogPart),
    /// It is time to look at everything.
    Due,
    /// Somebody wants a look.
    Wanted,
}

/// A swap whose log is followed.
struct Followed {
    job: Job,
    place: Place,
    expected: Expected,
    log: Log,
}

/// The end of a log, line by line.
#[derive(Default)]
struct Log {
    next: u64,
    lines: Vec<SafeText>,
    /// A line that is not whole yet.
    rest: Vec<u8>,
}

/// Runs until it is dropped, with the link.
pub(super) async fn run(watch: ModelWatch) {
    let jobs = Jobs::new(Arc::clone(&watch.link.exec));
    let mut works = Works {
        watch,
        jobs,
        swap: None,
        told: None,
        work: None,
    };
    // The reservation comes last: whoever waits for a look takes it as the end of one.
    loop {
        works.look().await;
        works.look_at_lock().await;
        works.follow_while_at_work().await;
        works.pause().await;
    }
}

impl Works {
    /// Waits until it is time to look again.
    async fn pause(&self) {
        let models = &self.watch.shared.models;
        let clock = self.watch.shared.lanes.clock();
        let idle = async {
            models.interest.begins(clock).await;
            sleep(IDLE).await;
        };
        tokio::select! {
            () = self.watch.link.works.wanted() => {}
            () = idle => {}
        }
    }

    /// Follows what is at work to its end.
    async fn follow_while_at_work(&mut self) {
        let mut unlisted = Duration::ZERO;
        while self.is_at_work() {
            match self.next_step().await {
                Step::Part(part) => {
                    if self.take_part(part).await && unlisted < LIST {
                        unlisted += PACE;
                        continue;
                    }
                    self.look().await;
                }
                Step::Due => self.look().await,
                Step::Wanted => {
                    self.look().await;
                    self.look_at_lock().await;
                }
            }
            unlisted = Duration::ZERO;
        }
        self.watch.link.swapping.send_replace(false);
    }

    /// Waits for the next thing to look at. A swap that is at work alone is asked for by itself: one question, which its host answers
    /// as soon as it ends.
    async fn next_step(&self) -> Step {
        let works = self.work.iter().flatten();
        let alone = !works.into_iter().any(ended::is_running);
        let swap = self.swap.as_ref().filter(|_| alone);
        let part = async {
            match swap {
                Some(swap) => self
                    .jobs
                    .follow_for(&swap.job.id, swap.log.next, PACE)
                    .await
                    .ok(),
                None => None,
            }
        };
        let next = async {
            if let Some(part) = part.await {
                return Step::Part(part);
            }
            sleep(PACE).await;
            Step::Due
        };
        tokio::select! {
            step = next => step,
            () = self.watch.link.works.wanted() => Step::Wanted,
        }
    }

    /// Shows what the swap has said. False where there is more to ask: its log goes on, or it has ended.
    async fn take_part(&mut self, part: LogPart) -> bool {
        let Some(swap) = &mut self.swap else {
            return false;
        };
        let is_all = part.next() >= part.end;
        swap.log.next = part.next();
        swap.log.take(&part.bytes);
        if !is_all {
            return false;
        }
        (swap.job.marks, swap.job.state) = (part.marks, part.state);
        let job = swap.job.clone();
        self.show_swap(&job).await;
        job.state == JobState::Running
    }

    fn is_at_work(&self) -> bool {
        let swap = self.told.as_ref().is_some_and(|told| told.end.is_none());
        let works = self.work.iter().flatten();
        swap || works.into_iter().any(ended::is_running)
    }

    async fn look_at_lock(&mut self) {
        let (kept, host) = (&self.watch.shared.models.tokens, &self.watch.host);
        let lock = loop {
            let token = kept.of(host).await;
            let tokens: Vec<_> = token.clone().into_iter().collect();
            let lock = read_lock(self.watch.link.exec.as_ref(), None, &tokens).await;
            // One that was taken meanwhile from here would be told as somebody else's.
            if kept.of(host).await == token {
                break lock;
            }
        };
        match lock {
            // Also where nothing changed: the time that is left did.
            Ok(lock) => self.watch.say(ModelsMsg::Lock(lock)).await,
            Err(error) => self.trouble(error.to_string()).await,
        }
    }

    async fn trouble(&self, why: String) {
        self.watch.say(ModelsMsg::Trouble(why.into())).await;
    }

    async fn look(&mut self) {
        let jobs = match self.jobs.list().await {
            Ok(jobs) => jobs,
            Err(error) => return self.trouble(error.to_string()).await,
        };
        let swap = jobs.iter().filter(|job| is_swap(job));
        if let Some(job) = swap.max_by_key(|job| (job.state == JobState::Running, job.begun)) {
            self.take_swap(job).await;
        }
        self.take_works(&jobs).await;
    }

    async fn take_swap(&mut self, job: &Job) {
        let known = self.swap.as_ref().filter(|known| known.job.id == job.id);
        if known.is_none() {
            self.swap = Some(Followed {
                job: job.clone(),
                place: self.place(job),
                expected: self.expected(job).await,
                log: Log::default(),
            });
        }
        let place = self.place(job);
        let Some(swap) = &mut self.swap else { return };
        swap.job.clone_from(job);
        swap.place = place;
        if let Err(error) = swap.log.read(&self.jobs, &job.id).await {
            tracing::debug!(host = %self.watch.host, %error, "the log of a swap can't be read now");
        }
        self.show_swap(job).await;
    }

    async fn show_swap(&mut self, job: &Job) {
        let Some(swap) = &self.swap else { return };
        let mut report = fold(job, swap.place.clone(), &swap.log.lines, &swap.expected);
        if job.state == JobState::Running {
            // It has said how it ended, and holds its lease for another moment: the next swap would be refused.
            report.end = None;
        }
        if ready::is_wanted(&report) {
            ready::ask(&self.watch, &report).await;
        }
        self.tell_swap(report, job).await;
    }

    async fn tell_swap(&mut self, report: SwapReport, job: &Job) {
        if self.told.as_ref() == Some(&report) {
            return;
        }
        let is_over = report.end.is_some();
        self.watch.link.swapping.send_replace(!is_over);
        let known = self.told.as_ref().filter(|told| told.work == report.work);
        let was_over = known.is_some_and(|told| told.end.is_some());
        let seen_at_work = known.is_some_and(|told| told.end.is_none());
        self.told = Some(report.clone());
        let ends = is_over && !was_over;
        if ends {
            ended::swap(&self.watch, &report, job, seen_at_work).await;
        }
        self.watch.say(ModelsMsg::Swap(Box::new(report))).await;
        if ends {
            self.look_at_lock().await;
        }
    }

    async fn take_works(&mut self, jobs: &[Job]) {
        let mut works = work_reports(jobs);
        works.extend(services::works(jobs));
        if self.work.as_ref() == Some(&works) {
            return;
        }
        let before = self.work.replace(works.clone()).unwrap_or_default();
        self.watch.say(ModelsMsg::Work(works.clone())).await;
        ended::work(&self.watch, &before, &works);
    }

    /// The place of a swap: as the console that began it named it, where ours knows that name too.
    fn place(&self, job: &Job) -> Place {
        let fleet = self.watch.shared.handle.fleet();
        let named = swap_place(job).and_then(|name| places::place(&fleet.borrow(), name));
        let here = named.filter(|place| *place.head() == self.watch.host);
        here.unwrap_or_else(|| Place::Solo(self.watch.host.clone()))
    }

    async fn expected(&self, job: &Job) -> Expected {
        let Some(model) = job.marks.get("model") else {
            return Expected::default();
        };
        let command = ShellCommand::new("sh").arg("-c").arg(HISTORY);
        let limits = RunLimits {
            timeout: Duration::from_secs(10),
            output: 128 * 1024,
        };
        match self.watch.link.exec.run(&command, limits).await {
            Ok(output) => {
                let history = parse_history(&String::from_utf8_lossy(&output.stdout));
                expected(
                    &history,
                    &crate::domain::ModelKey::new(model.value.as_str()),
                )
            }
            Err(_) => Expected::default(),
        }
    }
}

impl Log {
    /// Reads what has come to it.
    async fn read(&mut self, jobs: &Jobs, id: &JobId) -> Result<(), JobError> {
        for _ in 0..PARTS {
            let part = jobs.follow(id, self.next).await?;
            let read = part.next();
            self.take(&part.bytes);
            let at_end = read >= part.end;
            self.next = read;
            if at_end {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut parts: Vec<&[u8]> = self.rest.split(|byte| *byte == b'\n').collect();
        let rest = parts.pop().unwrap_or_default().to_vec();
        self.lines
            .extend(parts.into_iter().map(SafeText::from_bytes));
        self.rest = rest;
        let over = self.lines.len().saturating_sub(LOG_LINES);
        self.lines.drain(..over);
    }
}
