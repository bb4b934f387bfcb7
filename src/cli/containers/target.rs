//! Which container a word means (pure): `HOST/NAME`, or `NAME` where that can mean only one.

use crate::config::nearest;
use crate::domain::{Container, ContainerId, HostAddress, HostId};
use crate::engine::{DaemonState, Fleet, Host};

/// Digits of an identity that name a container.
const DIGITS: usize = 4;

/// A container as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The host, where it was said.
    pub(super) host: Option<String>,
    /// Its name, or the first digits of its identity.
    pub(super) name: String,
}

/// A container that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) host: HostId,
    pub(super) id: ContainerId,
    pub(super) name: String,
}

/// Why none was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfound {
    pub(super) why: String,
    pub(super) hint: String,
    /// A host that can't be asked may have it.
    pub(super) unreachable: bool,
}

impl Target {
    /// Reads a word; a host may hold slashes (`ssh://box`), a name none.
    pub(super) fn read(word: &str) -> Self {
        match word.rsplit_once('/') {
            Some((host, name)) if !host.is_empty() => Self {
                host: Some(host.to_owned()),
                name: name.to_owned(),
            },
            _ => Self {
                host: None,
                name: word.trim_start_matches('/').to_owned(),
            },
        }
    }

    /// The container that is meant. `surely`: hosts that can't be asked could have one of that name as well, and that counts.
    pub(super) fn find(&self, fleet: &Fleet, surely: bool) -> Result<Found, Unfound> {
        let named = matches(fleet, |container| {
            container.name.as_str() == self.name || container.id.as_str() == self.name
        });
        let found = if named.is_empty() && is_digits(&self.name) {
            matches(fleet, |container| {
                container.id.as_str().starts_with(&self.name)
            })
        } else {
            named
        };
        let silent: Vec<&Host> = fleet
            .hosts
            .iter()
            .map(AsRef::as_ref)
            .filter(|host| is_silent(host))
            .collect();
        match found.as_slice() {
            [] => Err(self.none(fleet, &silent)),
            [(host, container)] if silent.is_empty() || !surely || self.host.is_some() => {
                Ok(one(host, container))
            }
            [(host, container)] if is_here(host) => Ok(one(host, container)),
            [(host, _)] => Err(self.perhaps(host, &silent)),
            many => match many
                .iter()
                .filter(|(host, _)| is_here(host))
                .collect::<Vec<_>>()[..]
            {
                [(host, container)] => Ok(one(host, container)),
                _ => Err(self.many(many)),
            },
        }
    }

    fn none(&self, fleet: &Fleet, silent: &[&Host]) -> Unfound {
        if let Some(host) = silent.first() {
            let (why, hint) = silence(host);
            return Unfound {
                why: format!("{}: {why}", host.id),
                hint: hint.unwrap_or_else(|| "see `pilothouse doctor`".into()),
                unreachable: true,
            };
        }
        let place = match fleet.hosts.as_slice() {
            [only] => format!("on {}", only.id),
            _ => "in the fleet".into(),
        };
        let all = fleet.hosts.iter().flat_map(|host| &host.containers.list);
        let meant = nearest(&self.name, all.map(|container| container.name.as_str()));
        let list = "`pilothouse containers --all` lists them";
        Unfound {
            why: format!("there is no container {} {place}", self.name),
            hint: match meant {
                Some(meant) => format!("did you mean `{meant}`? {list}"),
                None => list.into(),
            },
            unreachable: false,
        }
    }

    fn perhaps(&self, host: &Host, silent: &[&Host]) -> Unfound {
        let silent: Vec<&str> = silent.iter().map(|host| host.id.as_str()).collect();
        Unfound {
            why: format!(
                "{} is on {}, but {} can't be asked and may have one of that name",
                self.name,
                host.id,
                silent.join(", ")
            ),
            hint: format!("say which is meant: {}/{}", host.id, self.name),
            unreachable: false,
        }
    }

    fn many(&self, many: &[(&Host, &Container)]) -> Unfound {
        let all: Vec<String> = many
            .iter()
            .map(|(host, container)| format!("{}/{}", host.id, container.name))
            .collect();
        Unfound {
            why: format!("{} means more than one container", self.name),
            hint: format!("say which: {}", all.join(", ")),
            unreachable: false,
        }
    }
}

fn matches(fleet: &Fleet, is_meant: impl Fn(&Container) -> bool) -> Vec<(&Host, &Container)> {
    fleet
        .hosts
        .iter()
        .flat_map(|host| host.containers.list.iter().map(move |c| (host, c)))
        .filter(|(_, container)| is_meant(container))
        .map(|(host, container)| (host.as_ref(), container.as_ref()))
        .collect()
}

fn one(host: &Host, container: &Container) -> Found {
    Found {
        host: host.id.clone(),
        id: container.id.clone(),
        name: container.name.to_string(),
    }
}

fn is_digits(text: &str) -> bool {
    text.len() >= DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_here(host: &Host) -> bool {
    matches!(host.spec.address, HostAddress::Local)
}

/// Whether nobody can say what runs there. A machine without a container engine runs none.
fn is_silent(host: &Host) -> bool {
    use crate::domain::Rung;
    use crate::engine::Outcome;
    match host.containers.daemon {
        DaemonState::Up { .. } => false,
        DaemonState::Absent { .. } => {
            matches!(
                host.ladder.outcome(Rung::Containers),
                Outcome::Failed { .. }
            )
        }
        DaemonState::Unknown | DaemonState::Lost { .. } => true,
    }
}

/// Why nobody can say what runs on a host, and the mend.
pub(super) fn silence(host: &Host) -> (String, Option<String>) {
    match &host.containers.daemon {
        DaemonState::Absent { why, hint } | DaemonState::Lost { why, hint, .. } => {
            (why.to_string(), hint.as_ref().map(ToString::to_string))
        }
        DaemonState::Up { .. } => (String::new(), None),
        DaemonState::Unknown => super::wait::unreachable(host).unwrap_or_else(|| {
            let why = "its container engine has not answered in time";
            (
                why.into(),
                Some("ask again, or see `pilothouse doctor`".into()),
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::fleet;
    use super::*;

    #[test]
    fn a_word_means_one_container_or_says_why_not() {
        let fleet = fleet();
        let id = fleet.hosts[0].containers.list[0].id.to_string();
        let digits = &id[..12];
        let rows = [
            // A look takes what it finds; a change has to be sure: rtx-a can't be asked.
            ("notebook", false, "spark-1/notebook"),
            ("notebook", true, "rtx-a can't be asked"),
            ("spark-1/notebook", true, "spark-1/notebook"),
            (digits, false, "spark-1/backup"),
            ("nobody", false, "rtx-a: unreachable"),
            ("note", false, "rtx-a: unreachable"),
        ];
        for (word, surely, wanted) in rows {
            let told = match Target::read(word).find(&fleet, surely) {
                Ok(found) => format!("{}/{}", found.host, found.name),
                Err(unfound) => unfound.why,
            };
            assert!(told.contains(wanted), "{word}: {told}");
        }
    }

    #[test]
    fn a_host_may_hold_slashes_and_a_name_none() {
        let read = |word| {
            let Target { host, name } = Target::read(word);
            (host, name)
        };
        assert_eq!(read("web"), (None, "web".into()));
        assert_eq!(read("/web"), (None, "web".into()));
        assert_eq!(read("box/web"), (Some("box".into()), "web".into()));
        let url = (Some("ssh://ops@box".into()), "web".into());
        assert_eq!(read("ssh://ops@box/web"), url);
    }
}
