//! What the runner on a host answers, line by line (pure).

use bytes::Bytes;

use crate::domain::Wall;
use crate::text::SafeText;

use super::{Job, JobError, JobErrorKind, JobId, JobState, LeaseKey, Mark, Marks};

/// An answer of the runner.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) generation: Option<u64>,
    pub(super) state: Option<JobState>,
    pub(super) log: Option<(u64, u64)>,
    pub(super) jobs: Vec<Job>,
    pub(super) marks: Marks,
    pub(super) forgotten: bool,
    pub(super) bytes: Bytes,
}

pub(super) fn protocol(what: impl Into<String>) -> JobError {
    JobError::new(JobErrorKind::Protocol, what)
        .hint("look at what a login on this host prints by itself")
}

/// Reads an answer: what stands before its first line is a login's own words.
pub(super) fn parse(all: &Bytes) -> Result<Answer, JobError> {
    let mut answer = Answer::default();
    let (mut ours, mut place) = (false, 0);
    while let Some(length) = all
        .get(place..)
        .and_then(|rest| memchr::memchr(b'\n', rest))
    {
        let line = all.slice(place..place + length);
        place += length + 1;
        let text = String::from_utf8_lossy(&line);
        if !ours {
            ours = text == "pilothouse-jobs 1";
            continue;
        }
        if text == "end" {
            // An empty line parts the bytes of a log from what is said of them.
            answer.bytes = all.slice((place + 1).min(all.len())..);
            return Ok(answer);
        }
        answer.take(&text)?;
    }
    Err(protocol(if ours {
        "the answer of the host broke off"
    } else {
        "the host did not answer as its jobs should"
    }))
}

impl Answer {
    fn take(&mut self, line: &str) -> Result<(), JobError> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let odd = || {
            protocol(format!(
                "the host said {:?} about its jobs",
                SafeText::new(line)
            ))
        };
        match word {
            "begun" => self.generation = Some(rest.parse().map_err(|_| odd())?),
            "state" => self.state = Some(state(rest).ok_or_else(odd)?),
            "log" => {
                let (from, end) = rest.split_once(' ').ok_or_else(odd)?;
                self.log = Some((
                    from.parse().map_err(|_| odd())?,
                    end.parse().map_err(|_| odd())?,
                ));
            }
            "job" => self.jobs.push(job(rest).ok_or_else(odd)?),
            "label" => {
                if let Some(job) = self.jobs.last_mut() {
                    job.label = SafeText::new(rest);
                }
            }
            "lease" => {
                if let (Some(job), Some((generation, key))) =
                    (self.jobs.last_mut(), rest.split_once(' '))
                {
                    job.lease = LeaseKey::new(key).ok().zip(generation.parse().ok());
                }
            }
            "mark" => {
                let (key, mark) = mark(rest).ok_or_else(odd)?;
                let marks = match self.jobs.last_mut() {
                    Some(job) => &mut job.marks,
                    None => &mut self.marks,
                };
                marks.set(key, mark)?;
            }
            "forgotten" => self.forgotten = true,
            "held" => {
                let (holder, label) = rest.split_once(' ').unwrap_or((rest, ""));
                let label = SafeText::new(label);
                let what = format!("job {holder} is at work on the same thing: {label}");
                let kind = JobErrorKind::Held(JobId::new(holder)?);
                return Err(JobError::new(kind, what).hint("wait for its end, or cancel it"));
            }
            "missing" => {
                let what = format!("the host knows of no job {rest}");
                return Err(JobError::new(JobErrorKind::Missing, what));
            }
            "refused" => return Err(refused(rest)),
            _ => {}
        }
        Ok(())
    }
}

fn refused(why: &str) -> JobError {
    let error = JobError::new(JobErrorKind::Refused, SafeText::new(why).to_string());
    if why.contains("is missing on this host") {
        return error.hint("install util-linux and coreutils, or busybox, there");
    }
    if why.contains("can not be written") {
        return error.hint("look at the disk and at who owns ~/.pilothouse there");
    }
    error
}

fn state(words: &str) -> Option<JobState> {
    let (word, code) = words.split_once(' ').unwrap_or((words, ""));
    Some(match word {
        "running" => JobState::Running,
        "ended" => JobState::Ended(code.trim().parse().ok()?),
        "cancelled" => JobState::Cancelled,
        "expired" => JobState::Expired,
        "lost" => JobState::Lost,
        _ => return None,
    })
}

/// `ID SECONDS STATE…`
fn job(rest: &str) -> Option<Job> {
    let mut words = rest.splitn(3, ' ');
    let (id, begun, how) = (words.next()?, words.next()?, words.next()?);
    let seconds: i64 = begun.parse().ok()?;
    Some(Job {
        id: JobId::new(id).ok()?,
        begun: Wall(seconds.saturating_mul(1000)),
        state: state(how)?,
        label: SafeText::default(),
        lease: None,
        marks: Marks::default(),
    })
}

/// `KEY SECONDS VALUE`
fn mark(rest: &str) -> Option<(&str, Mark)> {
    let (key, rest) = rest.split_once(' ')?;
    let (seconds, value) = rest.split_once(' ')?;
    let seconds: i64 = seconds.parse().ok()?;
    let mark = Mark {
        value: SafeText::new(value),
        at: Wall(seconds.saturating_mul(1000)),
    };
    Some((key, mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<Answer, JobError> {
        parse(&Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn an_answer_is_read_after_whatever_a_login_says() {
        let answer = read(
            "Welcome!\nstate lost\npilothouse-jobs 1\nstate ended 3\nlog 5 9\nend\n\nend\n\0x",
        )
        .unwrap();
        assert_eq!(answer.state, Some(JobState::Ended(3)));
        assert_eq!(answer.log, Some((5, 9)));
        assert_eq!(answer.bytes, "end\n\0x");
    }

    #[test]
    fn jobs_are_listed_with_their_labels_and_leases() {
        let answer = read(
            "pilothouse-jobs 1\njob a 17 running\nlabel swap \u{202e}x\nlease 3 model\nmark phase 21 loading 3/9\njob b 18 cancelled 143\nlabel \nlease 0 \nend\n",
        )
        .unwrap();
        assert_eq!(answer.jobs.len(), 2);
        assert_eq!(
            answer.jobs[0].lease,
            Some((LeaseKey::new("model").unwrap(), 3))
        );
        assert_eq!(answer.jobs[0].begun, Wall(17_000));
        let phase = answer.jobs[0].marks.get("phase").unwrap();
        assert_eq!(
            (phase.value.as_str(), phase.at),
            ("loading 3/9", Wall(21_000))
        );
        let held: Vec<_> = answer
            .jobs
            .iter()
            .map(|job| job.holds().is_some())
            .collect();
        assert_eq!(held, [true, false]);
        assert_eq!(answer.jobs[1].marks, Marks::default());
        assert!(!answer.jobs[0].label.as_str().contains('\u{202e}'));
        assert_eq!(answer.jobs[1].lease, None);
        assert_eq!(answer.jobs[1].state, JobState::Cancelled);
    }

    #[test]
    fn what_is_wrong_has_its_kind_by_rows() {
        let rows = [
            ("", JobErrorKind::Protocol),
            ("state running\nend\n", JobErrorKind::Protocol),
            ("pilothouse-jobs 1\nstate running\n", JobErrorKind::Protocol),
            (
                "pilothouse-jobs 1\nstate dancing\nend\n",
                JobErrorKind::Protocol,
            ),
            ("pilothouse-jobs 1\nlog 1\nend\n", JobErrorKind::Protocol),
            ("pilothouse-jobs 1\nmark a\nend\n", JobErrorKind::Protocol),
            ("pilothouse-jobs 1\nmissing a\nend\n", JobErrorKind::Missing),
            (
                "pilothouse-jobs 1\nrefused no\nend\n",
                JobErrorKind::Refused,
            ),
            (
                "pilothouse-jobs 1\nheld a of somebody\nend\n",
                JobErrorKind::Held(JobId::new("a").unwrap()),
            ),
        ];
        for (text, kind) in rows {
            assert_eq!(read(text).unwrap_err().kind, kind, "{text}");
        }
    }

    #[test]
    fn names_are_folders_that_stay_where_they_are() {
        for name in ["a", "job-1_B", &"x".repeat(64)] {
            assert!(JobId::new(name).is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "-rf",
            "a b",
            "é",
            "a\n",
            &"x".repeat(65),
        ] {
            assert!(JobId::new(name).is_err(), "{name:?}");
            assert!(LeaseKey::new(name).is_err(), "{name:?}");
        }
        assert_ne!(JobId::fresh(), JobId::fresh());
    }
}
