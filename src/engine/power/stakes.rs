//! What is at stake in a power verb: the sentence, the exact request, what a person should know first, and what stands in its
//! way. Pure.

use std::time::Duration;

use super::served::served;
use super::unsure::{last_written, unsure};
use crate::domain::{
    ActClass, Age, HostAddress, HostId, HostSpec, PowerMethod, PowerSpec, PowerVerb,
};
use crate::engine::command::{Challenge, Plan, Refusal};
use crate::engine::host_state::Host;
use crate::engine::policy::{Change, Wish};
use crate::engine::state::Fleet;
use crate::power::{StepKind, StepLimits, steps_of};
use crate::shell::quote;
use crate::text::{Masking, SafeText, mask_command};

/// Two hard verbs of one host lie at least so far apart.
const APART: Duration = Duration::from_mins(1);

/// A power verb that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct PowerChange {
    /// The host.
    pub(in crate::engine) host: HostId,
    /// The verb.
    pub(in crate::engine) verb: PowerVerb,
    /// It leaves without the time for a change of mind.
    pub(in crate::engine) now: bool,
    /// It is done although the ledger can't be written.
    pub(in crate::engine) no_ledger: bool,
    /// The verb before it, where nobody knows what became of that one: the switch is asked first.
    pub(in crate::engine) unsure: Option<PowerVerb>,
}

/// A power verb, before anybody has confirmed it.
pub(in crate::engine) fn wish(
    fleet: &Fleet,
    host: &Host,
    verb: PowerVerb,
) -> Result<Wish, Refusal> {
    let id = &host.id;
    let request = request(host, verb)?;
    if let Some(refusal) = at_work(fleet, id) {
        return Err(refusal);
    }
    let unsure = unsure(fleet, id);
    let mut notes = served(host, fleet.at);
    if let Some(before) = unsure {
        notes.push(format!(
            "nobody knows what became of the last {before}: its status is looked at first"
        ));
    }
    if let Some(refusal) = too_soon(fleet, id, verb) {
        notes.extend([refusal.why].into_iter().chain(refusal.hint));
    }
    notes.extend(beforehand(id, verb));
    if verb.is_hard() {
        let window = fleet.arming.window.as_secs();
        notes.push(format!(
            "{window} s to change your mind before anything leaves; typing `{id} --now` leaves them out"
        ));
    }
    Ok(Wish {
        host: id.clone(),
        class: ActClass::Power,
        challenge: Some(Challenge::TypeName(id.to_string())),
        plan: Plan {
            what: what(id, verb),
            command: request,
            notes,
        },
        name: id.to_string(),
        change: Change::Power(PowerChange {
            host: id.clone(),
            verb,
            now: false,
            no_ledger: false,
            unsure,
        }),
    })
}

/// What is done on the host itself before the verb leaves, a line each.
fn beforehand(id: &HostId, verb: PowerVerb) -> Vec<String> {
    let limits = StepLimits::default();
    let steps = steps_of(verb).iter().filter_map(|step| match step {
        StepKind::Drain => Some(format!(
            "first, where {id} is connected: `sync` on it, {} s at most",
            limits.drain.as_secs()
        )),
        StepKind::Graceful => Some(format!(
            "then it is asked to restart: `systemctl reboot` (by sudo where the login is not root); its power is cut only where no new boot is seen in {}, {} where it goes down for it",
            Age::from(limits.graceful).words(),
            Age::from(limits.restart).words(),
        )),
        _ => None,
    });
    steps.collect()
}

/// What a power act does in all, in one sentence, for the ledger: the request alone is only its last step.
pub(in crate::engine) fn in_all(change: &PowerChange, what: &str) -> String {
    let before = beforehand(&change.host, change.verb);
    if before.is_empty() {
        return what.to_owned();
    }
    format!("{what}; {}", before.join("; "))
}

/// What stands in the way of a verb at the moment of its confirmation.
pub(in crate::engine) fn hindrance(
    fleet: &Fleet,
    id: &HostId,
    verb: PowerVerb,
    now: bool,
) -> Option<Refusal> {
    at_work(fleet, id).or_else(|| too_soon(fleet, id, verb).filter(|_| !now))
}

fn at_work(fleet: &Fleet, id: &HostId) -> Option<Refusal> {
    let act = fleet.power.iter().find(|act| act.host == *id)?;
    act.ended.is_none().then(|| Refusal {
        why: format!("a {} of {id} is at work already", act.verb),
        hint: Some("wait for its end, or abort it".into()),
    })
}

fn too_soon(fleet: &Fleet, id: &HostId, verb: PowerVerb) -> Option<Refusal> {
    if !verb.is_hard() {
        return None;
    }
    let last = last_written(&fleet.ledger, id, PowerVerb::is_hard)?;
    let (before, began) = (last.verb, last.wall);
    let apart = i64::try_from(APART.as_millis()).unwrap_or(i64::MAX);
    let gone = fleet.wall.0.saturating_sub(began.0);
    // A wall clock that was set back says nothing.
    let left = apart.saturating_sub(gone) / 1000 + 1;
    (0..apart).contains(&gone).then(|| Refusal {
        why: format!("the last {before} of {id} began {} s ago", gone / 1000),
        hint: Some(format!("wait {left} s, or type `{id} --now`")),
    })
}

fn what(id: &HostId, verb: PowerVerb) -> String {
    match verb {
        PowerVerb::Start => format!("start {id}"),
        PowerVerb::Stop => format!("stop {id}: its power is cut, nothing in it is asked"),
        PowerVerb::Reset => {
            format!(
                "reset {id}: a warm restart, a virtual machine keeps its process and configuration"
            )
        }
        PowerVerb::Cycle => format!("cycle {id}: its power is cut and it starts afresh"),
        PowerVerb::Status | PowerVerb::Forensics => format!("ask for the {verb} of {id}"),
    }
}

/// The exact request, as it is written into the ledger; [`verb_of`] reads it.
fn request(host: &Host, verb: PowerVerb) -> Result<String, Refusal> {
    let way = match &host.spec.power {
        None => Err(no_switch(&host.id)),
        Some(power) => way(power, &host.id, verb),
    };
    Ok(format!("power {verb}: {}", way?))
}

/// The verb of a request that is in the ledger.
pub(in crate::engine) fn verb_of(request: &SafeText) -> Option<PowerVerb> {
    let (verb, _) = request.as_str().strip_prefix("power ")?.split_once(": ")?;
    verb.parse().ok()
}

/// There is no switch.
pub(super) fn no_switch(host: &HostId) -> Refusal {
    Refusal {
        why: format!("no power switch of {host} is configured"),
        hint: Some(
            "give it `power:` in the configuration; `pilothouse power install` prints what its hypervisor needs".into(),
        ),
    }
}

fn way(power: &PowerSpec, host: &HostId, verb: PowerVerb) -> Result<String, Refusal> {
    match &power.method {
        Some(PowerMethod::ForcedCommand(login)) => Ok(ssh_words(login, verb)),
        Some(PowerMethod::Command { on, verbs }) if verbs.contains_key(&verb) => {
            let argv = verbs.get(&verb).map(Vec::as_slice).unwrap_or_default();
            let place = match on {
                Some(on) => on.as_str(),
                None => "this machine",
            };
            Ok(format!("on {place}, {}", masked(argv)))
        }
        _ => match &power.wake {
            Some(wake) if verb == PowerVerb::Start => {
                let mac: Vec<String> = wake.mac.iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(format!("wake {} by {}", mac.join(":"), wake.to))
            }
            _ => Err(Refusal {
                why: format!("the power switch of {host} knows no {verb}"),
                hint: Some("name a command for it in the configuration".into()),
            }),
        },
    }
}

fn ssh_words(login: &HostSpec, verb: PowerVerb) -> String {
    match &login.address {
        HostAddress::Local => format!("here, {verb}"),
        HostAddress::Ssh(ssh) => {
            let user = ssh.user.as_ref().map(|user| format!("{user}@"));
            let port = ssh.port.map(|port| format!("-p {port} "));
            let (user, port) = (user.unwrap_or_default(), port.unwrap_or_default());
            format!("ssh {port}{user}{} {verb}", ssh.host)
        }
    }
}

/// The words of a command as they are shown and written down: no password of the configuration is among them.
fn masked(argv: &[String]) -> String {
    let words = mask_command(argv.iter().map(String::as_str), Masking::Generous);
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_no_password_of_the_configuration() {
        for line in [
            "ipmitool -H a -U root -Pcalvin power cycle",
            "ipmitool -H a -U root -P calvin power cycle",
            "ipmipower --password=calvin --cycle",
            "curl -u root:calvin https://bmc/redfish",
            "curl https://root:calvin@bmc/redfish",
            "snmpset -v2c -c calvin pdu x i 1",
            "own-switch -k calvin off",
        ] {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let shown = masked(&argv);
            assert!(!shown.contains("calvin"), "{shown}");
            assert!(shown.contains("•••"), "{shown}");
        }
    }
}
