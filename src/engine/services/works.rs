//! The long works on services, read from the jobs of a host (pure): installs, updates, and files that are put in again.

use crate::domain::Bytes;
use crate::jobs::{Job, JobState};
use crate::models::{WorkId, WorkKind, WorkReport, WorkState};
use crate::text::SafeText;

/// The leases of services begin with this.
const LEASE: &str = "service";

/// What jobs say of works on services; other jobs are left out.
pub(in crate::engine) fn works(jobs: &[Job]) -> Vec<WorkReport> {
    jobs.iter().filter_map(report).collect()
}

fn report(job: &Job) -> Option<WorkReport> {
    let (lease, _) = job.lease.as_ref()?;
    let ours = lease.as_str() == LEASE || lease.as_str().starts_with("service-");
    let (_, service) = job.label.as_str().split_once(' ').filter(|_| ours)?;
    Some(WorkReport {
        work: WorkId(job.id.as_str().to_owned()),
        kind: WorkKind::Install,
        subject: service.into(),
        began: job.begun,
        state: state(job),
    })
}

fn state(job: &Job) -> WorkState {
    let mark = |key: &str| job.marks.get(key).map(|mark| mark.value.as_str());
    let failed = |why: &str| WorkState::Failed {
        why: why.into(),
        hint: None,
    };
    match job.state {
        JobState::Running => WorkState::Running {
            words: mark("phase").unwrap_or("beginning").into(),
            done: Bytes(0),
            total: None,
            rate: None,
        },
        JobState::Ended(code) => match mark("end") {
            Some(end) if end.starts_with("done") => WorkState::Done,
            Some("cancelled") => WorkState::Cancelled,
            Some(end) => failed(end.strip_prefix("failed ").unwrap_or(end)),
            None => {
                let why: SafeText = format!("it ended with {code} and did not say why").into();
                failed(why.as_str())
            }
        },
        JobState::Cancelled => WorkState::Cancelled,
        JobState::Expired => failed("it took too long"),
        JobState::Lost => WorkState::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Wall;
    use crate::jobs::{JobId, LeaseKey, Marks};

    #[test]
    fn works_on_services_are_told_from_others_by_their_lease() {
        let job = |label: &str, lease: Option<&str>, state| Job {
            id: JobId::new("job-1").unwrap(),
            begun: Wall(1),
            state,
            label: label.into(),
            lease: lease.map(|key| (LeaseKey::new(key).unwrap(), 1)),
            marks: Marks::default(),
        };
        let jobs = [
            job("install asr", Some("service-asr"), JobState::Running),
            job("update bot", Some("service"), JobState::Lost),
            job(
                "swap spark-1 to qwen",
                Some("models-swap"),
                JobState::Running,
            ),
            job("something", None, JobState::Running),
        ];
        let found = works(&jobs);
        let subjects: Vec<&str> = found.iter().map(|work| work.subject.as_str()).collect();
        assert_eq!(subjects, ["asr", "bot"]);
        assert!(
            matches!(&found[0].state, WorkState::Running { words, .. } if words.as_str() == "beginning")
        );
        assert_eq!(found[1].state, WorkState::Lost);
        let ended = works(&[job("install asr", Some("service-asr"), JobState::Ended(1))]);
        assert!(
            matches!(&ended[0].state, WorkState::Failed { why, .. } if why.as_str().contains("with 1"))
        );
    }
}
