//! Jumps by name become the chain that is dialled (pure): every jump leads somewhere, none in a circle.

use std::collections::HashMap;

use super::destination::Destination;
use super::hosts::Draft;
use super::nearest::nearest;
use super::problems::Problems;
use super::reader::Lined;
use crate::domain::{HostAddress, SshSpec};

/// `jump: a,b` is what `ssh -J` takes; a list says the same.
pub(super) fn split(raw: Vec<Lined<String>>) -> Vec<Lined<String>> {
    raw.into_iter()
        .flat_map(|jump| {
            let line = jump.line;
            jump.value
                .split(',')
                .map(|one| Lined {
                    line,
                    value: one.trim().to_owned(),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What the names of jumps mean.
pub(super) struct Jumps<'d> {
    by_name: HashMap<&'d str, &'d Draft>,
}

impl<'d> Jumps<'d> {
    pub(super) fn new(drafts: &'d [Draft]) -> Self {
        Self {
            by_name: drafts
                .iter()
                .map(|draft| (draft.spec.id.as_str(), draft))
                .collect(),
        }
    }

    /// The jumps of a host in the order they are passed; `None` where one of them does not hold, which is reported.
    pub(super) fn of(&self, draft: &'d Draft, problems: &mut Problems) -> Option<Vec<SshSpec>> {
        let chain = self.passed(draft, &mut vec![draft.spec.id.as_str()], problems);
        let told = |line: u64| {
            problems
                .all
                .iter()
                .any(|problem| problem.line == Some(line))
        };
        if chain.is_none() && !told(draft.line) && !draft.jump.iter().any(|jump| told(jump.line)) {
            problems.at(
                draft.line,
                format!(
                    "`{}` is left out: one of its jumps does not hold",
                    draft.spec.id
                ),
                "mend the jump first",
            );
        }
        chain
    }

    /// As ssh does it: the first jump is reached by its own jumps, every other through the one before it.
    fn passed(
        &self,
        draft: &'d Draft,
        path: &mut Vec<&'d str>,
        problems: &mut Problems,
    ) -> Option<Vec<SshSpec>> {
        let mut chain = Vec::new();
        let mut sound = true;
        for (place, jump) in draft.jump.iter().enumerate() {
            match self.one(jump, place == 0, path, problems) {
                Some(more) => chain.extend(more),
                None => sound = false,
            }
        }
        sound.then_some(chain)
    }

    fn one(
        &self,
        jump: &Lined<String>,
        first: bool,
        path: &mut Vec<&'d str>,
        problems: &mut Problems,
    ) -> Option<Vec<SshSpec>> {
        let Some(host) = self.by_name.get(jump.value.as_str()).copied() else {
            return self.foreign(jump, problems).map(|spec| vec![spec]);
        };
        let name = host.spec.id.as_str();
        let HostAddress::Ssh(spec) = &host.spec.address else {
            problems.at(
                jump.line,
                format!("jump `{name}` is this machine"),
                "a connection starts here; leave it out",
            );
            return None;
        };
        if let Some(start) = path.iter().position(|passed| *passed == name) {
            self.circle(path.get(start..).unwrap_or_default(), problems);
            return None;
        }
        if !first {
            return Some(vec![spec.clone()]);
        }
        path.push(name);
        let chain = self.passed(host, path, problems);
        path.pop();
        chain.map(|mut chain| {
            chain.push(spec.clone());
            chain
        })
    }

    /// Tells of a circle once, whichever of its hosts it was found from.
    fn circle(&self, members: &[&'d str], problems: &mut Problems) {
        let mut turned = members.to_vec();
        let least = turned
            .iter()
            .enumerate()
            .min_by_key(|(_, name)| **name)
            .map_or(0, |(place, _)| place);
        turned.rotate_left(least);
        let Some(head) = turned.first().copied() else {
            return;
        };
        turned.push(head);
        let line = self.by_name.get(head).map_or(0, |draft| draft.line);
        problems.at(
            line,
            format!("the jumps go in a circle: {}", turned.join(" → ")),
            "one of these hosts must be reached without the others",
        );
    }

    /// A jump that is no host of the file: an ssh destination.
    fn foreign(&self, jump: &Lined<String>, problems: &mut Problems) -> Option<SshSpec> {
        if let Some(meant) = nearest(&jump.value, self.by_name.keys().copied()) {
            problems.at(
                jump.line,
                format!("jump `{}` is no host of this file", jump.value),
                format!("did you mean `{meant}`? If not, write ssh://{}", jump.value),
            );
            return None;
        }
        match jump.value.parse::<Destination>() {
            Ok(destination) => Some(destination.into_spec()),
            Err(why) => {
                problems.at(
                    jump.line,
                    format!(
                        "jump `{}` is no host of this file and no destination: {why}",
                        jump.value
                    ),
                    "write the name of a host, or user@host:port",
                );
                None
            }
        }
    }
}
