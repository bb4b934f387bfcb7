//! Every power switch, asked for its status: the one verb that is dialled, logged in and answered as in need, and changes
//! nothing. All at once, each within its time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::check::Check;
use crate::domain::{
    Answer, HostAddress, HostId, HostName, Port, PowerMethod, PowerVerb, Question,
};
use crate::engine::{
    Actor, Command, Fleet, Handle, MachineState, PendingQuestion, PowerReport, Refusal, Reply,
};
use crate::text::SafeText;

/// Time that one switch may take: a name, a handshake, a login, the script, and what it asks there.
const LIMIT: Duration = Duration::from_secs(5);

/// What one switch did.
enum Found {
    Answered(PowerReport),
    Failed(Refusal),
    Asked(PendingQuestion),
    Silent,
}

/// Asks the switches of these hosts.
pub(super) async fn checks(handle: &Handle, hosts: &[HostId]) -> Vec<Check> {
    let found = join_all(hosts.iter().map(|host| ask(handle, host))).await;
    let fleet = Arc::clone(&handle.fleet().borrow());
    let all: Vec<(&HostId, Found)> = hosts.iter().zip(found).collect();
    all.iter()
        .map(|(host, found)| match twin(&fleet, (host, found), &all) {
            Some(twin) => twins(host, twin),
            None => check(host, found),
        })
        .collect()
}

/// Asks one switch. A question of it is an answer too: nobody is there to be asked.
async fn ask(handle: &Handle, host: &HostId) -> Found {
    let status = Command::Power {
        host: host.clone(),
        verb: PowerVerb::Status,
    };
    let mut fleet = handle.fleet();
    let asked = async {
        tokio::select! {
            biased;
            reply = handle.ask(Actor::CommandLine, status) => found(reply),
            seen = fleet.wait_for(|fleet| question(fleet, host).is_some()) => {
                seen.ok().and_then(|fleet| question(&fleet, host)).map_or(Found::Silent, Found::Asked)
            }
        }
    };
    let found = tokio::time::timeout(LIMIT, asked).await;
    let found = found.unwrap_or(Found::Silent);
    if let Found::Asked(pending) = &found {
        let refuse = Command::Answer {
            question: pending.id,
            answer: Answer::Refuse,
        };
        handle.ask(Actor::CommandLine, refuse).await;
    }
    found
}

fn found(reply: Reply) -> Found {
    match reply {
        Reply::Power(report) => Found::Answered(report),
        Reply::Refused(refusal) | Reply::Failed(refusal) | Reply::Unknown(refusal) => {
            Found::Failed(refusal)
        }
        _ => Found::Silent,
    }
}

/// What the switch of a host asks: by its own login, or by the host that runs its commands.
fn question(fleet: &Fleet, host: &HostId) -> Option<PendingQuestion> {
    let power = fleet.host(host)?.spec.power.as_ref()?;
    let who = match power.method.as_ref()? {
        PowerMethod::ForcedCommand(login) => &login.id,
        PowerMethod::Command { on, .. } => on.as_ref()?,
    };
    let mut asked = fleet.questions.iter();
    asked.find(|asked| asked.host == *who).cloned()
}

fn check(host: &HostId, found: &Found) -> Check {
    let id = format!("switch.{host}");
    match found {
        Found::Answered(report) => answered(id, report),
        Found::Failed(refusal) => Check::fail(
            id,
            refusal.why.clone(),
            refusal.hint.clone().unwrap_or_else(|| {
                format!("`pilothouse power {host} forensics` may tell more; look at the log on its hypervisor")
            }),
        ),
        Found::Asked(pending) => asked(id, host, &pending.question),
        Found::Silent => Check::fail(
            id,
            format!("no answer within {} s", LIMIT.as_secs()),
            "look whether the hypervisor is up and lets this machine in; its firewall may drop what it does not like",
        ),
    }
}

fn answered(id: String, report: &PowerReport) -> Check {
    let target = match &report.target {
        Some(target) => format!("machine {target}"),
        None => "the machine".to_owned(),
    };
    match &report.state {
        MachineState::Running => Check::pass(id, format!("{target} is running")),
        MachineState::Stopped => Check::pass(id, format!("{target} is stopped")),
        MachineState::Unknown(why) if why.as_str().contains("does not exist") => Check::fail(
            id,
            format!("{target} is not there: {why}"),
            "its number stands in `command=` of the line in authorized_keys; `qm list` there shows the right one",
        ),
        MachineState::Unknown(why) => Check::warn(
            id,
            format!("it answers, but can't tell whether {target} runs: {why}"),
            "try its tool on the hypervisor by hand: `qm status`, or the command under `verbs`",
        ),
    }
}

fn asked(id: String, host: &HostId, question: &Question) -> Check {
    match question {
        Question::UnknownHostKey(facts) => Check::fail(
            id,
            format!(
                "the key of {} is not known yet: {} {}",
                facts.endpoint, facts.algorithm, facts.fingerprint
            ),
            format!("compare and trust it once: `pilothouse power {host} status` at a terminal"),
        ),
        Question::Passphrase { key, .. } => Check::warn(
            id,
            format!("its key {key} has a passphrase, which nobody has told"),
            format!("hand it to an agent: ssh-add {key}"),
        ),
        Question::Prompts { from, .. } => Check::fail(
            id,
            format!("{from} asks for a password: it does not take the key"),
            "put the line that `pilothouse power install` prints into authorized_keys there",
        ),
    }
}

/// What a switch holds: the place it is dialled at, and what its machine is called there.
#[derive(PartialEq)]
struct Held {
    host: HostName,
    port: Option<Port>,
    target: SafeText,
}

fn held(fleet: &Fleet, host: &HostId, found: &Found) -> Option<Held> {
    let power = fleet.host(host)?.spec.power.as_ref()?;
    let (PowerMethod::ForcedCommand(login), Found::Answered(report)) =
        (power.method.as_ref()?, found)
    else {
        return None;
    };
    let HostAddress::Ssh(ssh) = &login.address else {
        return None;
    };
    Some(Held {
        host: ssh.host.clone(),
        port: ssh.port,
        target: report.target.clone()?,
    })
}

/// Another host whose switch holds the same machine.
fn twin<'a>(
    fleet: &Fleet,
    (host, found): (&HostId, &Found),
    all: &[(&'a HostId, Found)],
) -> Option<&'a HostId> {
    let ours = held(fleet, host, found)?;
    all.iter()
        .find(|(other, found)| *other != host && held(fleet, other, found).as_ref() == Some(&ours))
        .map(|(other, _)| *other)
}

fn twins(host: &HostId, twin: &HostId) -> Check {
    Check::warn(
        format!("switch.{host}"),
        format!(
            "it holds the very machine that the switch of {twin} holds: one of them may cut the wrong one's power"
        ),
        "each machine needs a key of its own: `pilothouse power install --target ID` prints its line",
    )
}
