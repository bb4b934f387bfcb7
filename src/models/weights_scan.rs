//! Looks for the weights on one host (hands), and remembers what it saw: what has not changed since is not listed again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::weights_error::{WeightsError, WeightsErrorKind};
use super::weights_judge::weigh;
use super::weights_wire::{Answer, read};
use super::weights_work::HUB;
use super::{Completeness, ModelSource, Weights, WeightsReport};
use crate::domain::Wall;
use crate::exec::{Exec, RunLimits};
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;

const SCRIPT: &str = include_str!("weights.sh");

/// Entries that one command lists. Their names fit into one command line.
const AT_ONCE: usize = 64;

/// Entries that are looked at in one go; more stand in no report.
const MOST: usize = 512;

/// What changed within so long is listed again each time: a file that is being written changes without its folder.
const SETTLED: Duration = Duration::from_mins(10);

const LIMITS: RunLimits = RunLimits {
    timeout: Duration::from_secs(30),
    output: 16 * 1024 * 1024,
};

/// Looks for the weights on one host.
#[derive(Debug, Default)]
pub struct WeightsScan {
    folders: Vec<RemotePath>,
    known: BTreeMap<ModelSource, Known>,
    cache: Option<RemotePath>,
}

/// What was seen of one entry.
#[derive(Debug)]
struct Known {
    print: String,
    /// `None`: it is an empty folder.
    weights: Option<Weights>,
    /// Whether its fingerprint is enough to believe that nothing changed.
    settled: bool,
}

impl WeightsScan {
    /// A look at the hub's cache of the login, and at these folders of local models.
    pub fn new(folders: Vec<RemotePath>) -> Self {
        Self {
            folders,
            ..Self::default()
        }
    }

    /// Lists everything anew at the next look.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Looks: by the times of folders at all there is, file by file only at what changed, is new or is not whole.
    pub async fn look(&mut self, exec: &dyn Exec) -> Result<WeightsReport, WeightsError> {
        let moving = self.known.iter().filter(|(_, known)| !known.settled);
        let mut ask: Vec<ModelSource> = moving
            .map(|(source, _)| source.clone())
            .take(AT_ONCE)
            .collect();
        let first = self.ask(exec, &ask).await?;
        if first.cache != self.cache {
            self.known.clear();
        }
        self.cache.clone_from(&first.cache);
        let mut troubles: BTreeSet<SafeText> = first.troubles.iter().cloned().collect();
        let (prints, free) = (first.prints.clone(), first.free);
        self.known.retain(|source, _| prints.contains_key(source));
        let mut done: BTreeSet<ModelSource> = self.take(&first, &prints);
        if prints.len() > MOST {
            troubles.insert(SafeText::new(&format!(
                "{} models are more than {MOST}: the rest is not looked at",
                prints.len()
            )));
        }
        let is_news = |source: &ModelSource, print: &String| {
            let known = self.known.get(source);
            !known.is_some_and(|known| known.settled && known.print == *print)
        };
        let news = prints
            .iter()
            .take(MOST)
            .filter(|(source, print)| !done.contains(*source) && is_news(source, print));
        let news: Vec<ModelSource> = news.map(|(source, _)| source.clone()).collect();
        for some in news.chunks(AT_ONCE) {
            ask.clear();
            ask.extend_from_slice(some);
            let answer = self.ask(exec, &ask).await?;
            troubles.extend(answer.troubles.iter().cloned());
            done.append(&mut self.take(&answer, &prints));
        }
        let weights = self
            .known
            .values()
            .filter_map(|known| known.weights.clone());
        Ok(WeightsReport {
            weights: weights.collect(),
            cache: self.cache.clone(),
            free,
            troubles: troubles.into_iter().collect(),
        })
    }

    /// Keeps what was listed, and tells what that was. The fingerprints are older than the lists: what changes between the two is
    /// seen the next time.
    fn take(
        &mut self,
        answer: &Answer,
        prints: &BTreeMap<ModelSource, String>,
    ) -> BTreeSet<ModelSource> {
        let mut done = BTreeSet::new();
        for listed in &answer.listed {
            let Some(print) = prints.get(&listed.source) else {
                continue;
            };
            let weights = weigh(listed, self.cache.as_ref());
            let settled = weights.as_ref().is_some_and(|weights| {
                weights.completeness == Completeness::Complete
                    && is_old(weights.changed, answer.now)
                    && print.lines().all(|line| line_is_old(line, answer.now))
            });
            let known = Known {
                print: print.clone(),
                weights,
                settled,
            };
            self.known.insert(listed.source.clone(), known);
            done.insert(listed.source.clone());
        }
        done
    }

    async fn ask(&self, exec: &dyn Exec, entries: &[ModelSource]) -> Result<Answer, WeightsError> {
        let command = command(&self.folders, entries)?;
        let output = exec
            .run(&command, LIMITS)
            .await
            .map_err(WeightsError::host)?;
        if output.dropped > 0 {
            let what = "the host has more to say of its weights than is heard";
            return Err(WeightsError::new(WeightsErrorKind::Protocol, what)
                .hint("name fewer folders under `models.folders` in the config"));
        }
        read(&output.stdout, &self.folders).ok_or_else(|| not_ours(&output.stderr))
    }
}

fn is_old(moment: Wall, now: Wall) -> bool {
    let settled = i64::try_from(SETTLED.as_millis()).unwrap_or(i64::MAX);
    now.0.saturating_sub(moment.0) >= settled
}

/// A line of a fingerprint begins with the time of the last change.
fn line_is_old(line: &str, now: Wall) -> bool {
    let changed = line
        .split(' ')
        .next()
        .and_then(super::weights_wire::seconds);
    changed.is_some_and(|changed| is_old(changed, now))
}

fn command(folders: &[RemotePath], entries: &[ModelSource]) -> Result<ShellCommand, WeightsError> {
    let mut command = ShellCommand::new("sh")
        .arg("-c")
        .word(word(format!("{HUB}\n{SCRIPT}"))?)
        .arg("pilothouse-weights")
        .word(u64::try_from(folders.len()).unwrap_or(u64::MAX));
    for folder in folders {
        command = command.word(folder.clone());
    }
    for entry in entries {
        command = match entry {
            ModelSource::Local(path) => command.word(path.clone()),
            ModelSource::Repo(repo) => command.word(word(repo.folder())?),
        };
    }
    Ok(command)
}

fn word(text: String) -> Result<ShellWord, WeightsError> {
    ShellWord::new(text)
        .map_err(|error| WeightsError::new(WeightsErrorKind::Refused, error.to_string()))
}

fn not_ours(complaint: &Bytes) -> WeightsError {
    let first = complaint
        .split(|byte| *byte == b'\n')
        .find(|line| !line.is_empty());
    let what = match first {
        Some(line) => format!(
            "the host did not answer as it should: {}",
            SafeText::from_bytes(line)
        ),
        None => "the host did not answer as it should".to_owned(),
    };
    WeightsError::new(WeightsErrorKind::Protocol, what)
        .hint("look at what a login on this host prints by itself")
}
