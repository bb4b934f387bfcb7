//! What one host did: its link, its ladder, its readings, its questions; and after each, its word.

use std::collections::VecDeque;
use std::sync::Arc;

use super::judge::{self, Judgement};
use super::services::Now;
use super::{alert, containers, lost, models, notes, services};
use crate::domain::{
    At, GpuMemory, GpuReport, HealthChange, HostAddress, HostId, MachineReading, Rung, Sample,
    Severity, Telling,
};
use crate::engine::{
    Effect, Fleet, Host, HostMsg, Link, LinkDown, ModelsMsg, Notice, PendingQuestion, SeriesKey,
    Timed,
};
use crate::reach::{self, Finding, Verdict};
use crate::text::SafeText;

/// Changes of health kept per host.
pub(super) const CHANGES: usize = 200;

/// GPUs per host whose past is kept; more than any machine has, fewer than a broken report may claim.
const GPUS: usize = 64;

/// Folds what one host did. What a host does that is no longer watched falls on the floor.
pub(super) fn update(fleet: &mut Fleet, id: &HostId, msg: HostMsg, effects: &mut Vec<Effect>) {
    let Some(index) = fleet.hosts.iter().position(|host| host.id == *id) else {
        return;
    };
    match msg {
        HostMsg::Question {
            id: asked,
            question,
        } => {
            Arc::make_mut(&mut fleet.questions).push(PendingQuestion {
                id: asked,
                host: id.clone(),
                at: fleet.at,
                question,
            });
        }
        HostMsg::QuestionGone(gone) => drop_questions(fleet, |asked| asked.id == gone),
        HostMsg::Telling(telling) => told(fleet, id, telling, effects),
        HostMsg::LinkDown(down) => {
            drop_questions(fleet, |asked| asked.host == *id);
            let wall = fleet.wall;
            change(fleet, index, |host, at| {
                services::link_lost(host, Now { at, wall }, &down.why, effects);
                link_down(host, at, down);
            });
        }
        HostMsg::Services(msg) => {
            let wall = fleet.wall;
            change(fleet, index, |host, at| {
                services::update(host, Now { at, wall }, msg, effects);
            });
        }
        HostMsg::LoggedIn { .. } => {}
        HostMsg::Models(msg) => {
            let disk = matches!(msg, ModelsMsg::Weights(_));
            change(fleet, index, |host, at| {
                models::update(&mut host.models, at, msg);
            });
            if disk {
                models::join(fleet);
            }
        }
        msg => change(fleet, index, |host, at| apply(host, at, msg)),
    }
    review(fleet, index, effects);
}

/// Looks at every host anew, because time alone makes values old.
pub(super) fn review_all(fleet: &mut Fleet, effects: &mut Vec<Effect>) {
    for index in 0..fleet.hosts.len() {
        settle_containers(fleet, index);
        review(fleet, index, effects);
    }
}

fn settle_containers(fleet: &mut Fleet, index: usize) {
    let at = fleet.at;
    let is_due = |host: &Arc<Host>| containers::is_due(&host.containers, at);
    if fleet.hosts.get(index).is_some_and(is_due) {
        change(fleet, index, |host, at| {
            containers::settle(&mut host.containers, at);
        });
    }
}

/// Finds the host's word, brings its alerts in line, and copies the host only where something differs.
fn review(fleet: &mut Fleet, index: usize, effects: &mut Vec<Effect>) {
    let Some(host) = fleet.hosts.get(index).map(Arc::clone) else {
        return;
    };
    let Judgement { state, troubles } = judge::judge(fleet, &host);
    let differs = host.word != state.word || host.detail != state.detail;
    drop(host);
    if differs {
        change(fleet, index, |host, at| {
            if host.word != state.word {
                host.since = at;
            }
            host.word = state.word;
            host.detail = state.detail;
        });
    }
    alert::align(fleet, index, &troubles, effects);
}

fn change(fleet: &mut Fleet, index: usize, by: impl FnOnce(&mut Host, At)) {
    let at = fleet.at;
    if let Some(host) = fleet.hosts.get_mut(index) {
        by(Arc::make_mut(host), at);
    }
}

fn drop_questions(fleet: &mut Fleet, gone: impl Fn(&PendingQuestion) -> bool) {
    if fleet.questions.iter().any(&gone) {
        Arc::make_mut(&mut fleet.questions).retain(|asked| !gone(asked));
    }
}

fn told(fleet: &mut Fleet, id: &HostId, telling: Telling, effects: &mut Vec<Effect>) {
    let mut notice = Notice {
        at: fleet.at,
        severity: Severity::Info,
        host: Some(id.clone()),
        sentence: SafeText::default(),
        hint: None,
    };
    match telling {
        Telling::TouchKey { key } => {
            notice.sentence = format!("{id}: touch the security key {key}").into();
            notes::tell(fleet, notice, effects);
        }
        Telling::Banner(text) => {
            notice.sentence = format!("{id} greets: {text}").into();
            notes::tell_once(fleet, notice, effects);
        }
    }
}

fn apply(host: &mut Host, at: At, msg: HostMsg) {
    match msg {
        HostMsg::Dialing { attempt } => {
            host.link = match host.spec.address {
                HostAddress::Local => Link::Local,
                HostAddress::Ssh(_) => Link::Dialing { attempt, since: at },
            };
        }
        HostMsg::Holds(rung) => {
            host.ladder.record(rung, Finding::Holds, at);
            // A name is found without the host.
            if rung != Rung::Resolve {
                host.seen = Some(at);
            }
            if matches!(rung, Rung::Login | Rung::Command) {
                link_up(host, at);
            }
        }
        HostMsg::Fails {
            rung,
            silent,
            why,
            hint,
        } => host
            .ladder
            .record(rung, Finding::Fails { silent, why, hint }, at),
        HostMsg::NotApplicable(rung) => host.ladder.record(rung, Finding::NotApplicable, at),
        HostMsg::Sample(sample) => take_in(host, at, sample),
        HostMsg::RoundTrip(round_trip) => {
            host.round_trip = Some(round_trip);
            host.seen = Some(at);
        }
        HostMsg::Past(past) => remember_past(host, past),
        HostMsg::Containers(msg) => containers::update(&mut host.containers, at, msg),
        HostMsg::LinkDown(_)
        | HostMsg::Question { .. }
        | HostMsg::QuestionGone(_)
        | HostMsg::Telling(_)
        | HostMsg::LoggedIn { .. }
        | HostMsg::Models(_)
        | HostMsg::Services(_) => {}
    }
}

fn link_up(host: &mut Host, at: At) {
    if !matches!(host.link, Link::Local | Link::Up { .. }) {
        host.link = Link::Up { since: at };
    }
}

fn link_down(host: &mut Host, at: At, down: LinkDown) {
    if host.ladder.verdict() == Verdict::Up {
        let lost = Finding::Fails {
            silent: false,
            why: down.why.clone(),
            hint: None,
        };
        host.ladder.record(Rung::Command, lost, at);
    }
    containers::link_lost(&mut host.containers, at, &down.why);
    host.round_trip = None;
    host.link = match down.retry_in {
        Some(pause) => Link::Waiting {
            until: at.plus(pause),
            why: down.why,
        },
        None => Link::Held { why: down.why },
    };
}

fn take_in(host: &mut Host, at: At, sample: Sample) {
    host.seen = Some(at);
    if let Some(machine) = sample.machine {
        record_machine(host, at, &machine);
        host.machine = Some(Timed { at, value: machine });
    }
    if let Some(gpus) = sample.gpus {
        let last = host.gpus.as_ref().map(|last| last.value.as_ref());
        let gpus = lost::keep_known(last, gpus);
        host.ladder.record(Rung::Driver, reach::driver(&gpus), at);
        record_gpus(host, at, &gpus);
        host.gpus = Some(Timed { at, value: gpus });
    }
    if let Some(processes) = sample.processes {
        host.processes = Some(Timed {
            at,
            value: processes,
        });
    }
    if let Some(disks) = sample.disks {
        host.disks = Some(Timed { at, value: disks });
    }
}

fn record_machine(host: &mut Host, at: At, machine: &MachineReading) {
    let history = &mut host.history;
    if let Some(cpu) = machine.cpu.value() {
        history.record(SeriesKey::Cpu, at, cpu.0);
    }
    if let Some(memory) = machine.memory.value() {
        let held = memory.used().percent_of(memory.total);
        history.record(SeriesKey::Memory, at, held.0);
    }
    if let Some(network) = machine.network.value() {
        let both = network.received + network.sent;
        history.record(SeriesKey::Network, at, both.0 as f32);
    }
}

fn record_gpus(host: &mut Host, at: At, report: &GpuReport) {
    let unified = judge::machine_memory(host).map(|memory| memory.used().percent_of(memory.total));
    for (gpu, place) in report.gpus.iter().zip(0..).take(GPUS) {
        let memory = match &gpu.memory {
            GpuMemory::Dedicated { used, total } => Some(used.percent_of(*total)),
            GpuMemory::Unified => unified,
            GpuMemory::Missing(_) => None,
        };
        let values = [
            (
                SeriesKey::GpuUtilisation(place),
                gpu.utilisation.value().map(|percent| percent.0),
            ),
            (SeriesKey::GpuMemory(place), memory.map(|percent| percent.0)),
            (
                SeriesKey::GpuTemperature(place),
                gpu.temperature.value().map(|celsius| celsius.0),
            ),
            (
                SeriesKey::GpuPower(place),
                gpu.power.value().map(|watts| watts.0),
            ),
        ];
        for (key, value) in values {
            if let Some(value) = value {
                host.history.record(key, at, value);
            }
        }
    }
}

/// Lays what the store knew below what this session saw; of neighbours that say the same the older stays.
fn remember_past(host: &mut Host, past: Vec<HealthChange>) {
    let mut all: VecDeque<HealthChange> = VecDeque::new();
    for change in past.into_iter().chain(host.changes.iter().cloned()) {
        if all.back().is_none_or(|last| last.word != change.word) {
            all.push_back(change);
        }
    }
    while all.len() > CHANGES {
        all.pop_front();
    }
    host.changes = Arc::new(all);
}
