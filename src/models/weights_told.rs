//! How the long work on weights stands, read from the jobs of a host (pure).

use super::weights_work::PREFIX;
use super::{WorkId, WorkKind, WorkReport, WorkState};
use crate::domain::{Bytes, BytesPerSecond, HostId, RepoId};
use crate::jobs::{Job, JobState};
use crate::text::SafeText;

/// What the jobs of a host say of downloads and copies there; other jobs are left out, those of deletions too.
pub fn work_reports(jobs: &[Job]) -> Vec<WorkReport> {
    jobs.iter().filter_map(report).collect()
}

fn report(job: &Job) -> Option<WorkReport> {
    let (kind, subject) = subject(job)?;
    Some(WorkReport {
        work: WorkId(job.id.as_str().to_owned()),
        kind,
        subject: SafeText::new(subject.as_str()),
        began: job.begun,
        state: state(job),
    })
}

/// What a job of ours is about. Its name alone makes it ours, and its label has to be one that we write.
fn subject(job: &Job) -> Option<(WorkKind, RepoId)> {
    if !job.id.as_str().starts_with(PREFIX) {
        return None;
    }
    let mut words = job.label.as_str().split(' ');
    match (words.next()?, words.next()?.parse().ok()?) {
        ("download", repo) => Some((WorkKind::Download, repo)),
        ("copy", repo) => {
            let to = HostId::new(words.nth(1)?);
            Some((WorkKind::Copy { to }, repo))
        }
        _ => None,
    }
}

/// How a work stands, of a deletion too: there `done` is what came free.
pub fn work_state(job: &Job) -> WorkState {
    state(job)
}

fn state(job: &Job) -> WorkState {
    let mark = |key: &str| job.marks.get(key).map(|mark| mark.value.clone());
    let failed = |why: SafeText| WorkState::Failed {
        why,
        hint: mark("hint"),
    };
    match job.state {
        JobState::Running => {
            let (done, total, rate) = progress(job);
            WorkState::Running {
                words: mark("step").unwrap_or_else(|| SafeText::new("beginning")),
                done,
                total,
                rate,
            }
        }
        // Its own last word counts, and not how it ended.
        JobState::Ended(_) if mark("end").is_some_and(|end| end.as_str() == "done") => {
            WorkState::Done
        }
        JobState::Ended(code) => {
            failed(mark("failed").unwrap_or_else(|| {
                SafeText::new(&format!("it ended with {code} before it was done"))
            }))
        }
        JobState::Cancelled => WorkState::Cancelled,
        JobState::Expired => failed(SafeText::new("it took too long")),
        JobState::Lost => WorkState::Lost,
    }
}

/// `DONE TOTAL RATE`, each 0 where it is not known.
fn progress(job: &Job) -> (Bytes, Option<Bytes>, Option<BytesPerSecond>) {
    let value = job.marks.get("progress").map(|mark| mark.value.as_str());
    let mut numbers = value
        .unwrap_or_default()
        .split(' ')
        .map(|word| word.parse::<u64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let (done, total, rate) = (next(), next(), next());
    (
        Bytes(done),
        (total > 0).then_some(Bytes(total)),
        (rate > 0).then_some(BytesPerSecond(rate)),
    )
}

/// Bytes that a deletion freed, as its job says.
pub fn freed(job: &Job) -> Option<Bytes> {
    let value = job.marks.get("freed")?.value.clone();
    value.as_str().parse().ok().map(Bytes)
}

/// Whether a deletion was refused by its host because a process there works with the weights: nothing was touched.
pub fn is_in_use(job: &Job) -> bool {
    job.marks.get("used").is_some()
}
