//! What is at stake in a change of a service: the sentence, the exact order, and what confirms it. Pure.

use std::sync::Arc;

use crate::domain::{
    ActClass, BuildContext, HostId, Install, InstallImage, Managed, ServiceAct, ServiceName,
    ServiceSpec,
};
use crate::engine::command::{Challenge, Plan, Refusal, Reply};
use crate::engine::host_state::Host;
use crate::engine::policy::{Change, Wish};
use crate::services::{Service, ServiceOrder, ServiceWord, order};

/// A change of a service that may be carried out.
#[derive(Debug)]
pub(in crate::engine) struct ServiceChange {
    pub(super) spec: Arc<ServiceSpec>,
    pub(super) act: ServiceAct,
    pub(super) order: ServiceOrder,
}

/// A change of a service, before anybody has confirmed it.
pub(in crate::engine) fn wish(
    host: &Host,
    name: &ServiceName,
    act: ServiceAct,
) -> Result<Wish, Reply> {
    let service = find(host, name)?;
    let spec = &service.spec;
    let order = order(spec, act).map_err(|no| {
        Reply::Refused(Refusal {
            why: no.what,
            hint: no.hint.map(str::to_owned),
        })
    })?;
    Ok(Wish {
        host: host.id.clone(),
        class: class(act),
        challenge: (act != ServiceAct::Start).then_some(Challenge::YesNo),
        plan: Plan {
            what: format!("{} the service {name} on {}", act.word(), host.id),
            command: shown(spec, act, &order),
            notes: notes(service, act),
        },
        name: name.to_string(),
        change: Change::Service(ServiceChange {
            spec: Arc::clone(spec),
            act,
            order,
        }),
    })
}

/// Why the rule may restart this now, or `None`: it is wedged as far as is known, and its config lets it be mended.
pub(in crate::engine) fn mended<'a>(
    host: &'a Host,
    name: &ServiceName,
    act: ServiceAct,
) -> Option<&'a Service> {
    let service = find(host, name).ok()?;
    let may = act == ServiceAct::Restart && service.spec.heals;
    (may && service.word == ServiceWord::Wedged).then_some(service)
}

fn find<'a>(host: &'a Host, name: &ServiceName) -> Result<&'a Service, Reply> {
    let mut all = host.services.iter();
    let found = all.find(|service| service.spec.name == *name);
    found.ok_or_else(|| no_service(&host.id, name))
}

fn no_service(host: &HostId, name: &ServiceName) -> Reply {
    Reply::Failed(Refusal {
        why: format!("the config names no service {name} on {host}"),
        hint: Some("services are named in the config, under `services`".into()),
    })
}

fn class(act: ServiceAct) -> ActClass {
    match act {
        ServiceAct::Start | ServiceAct::Stop | ServiceAct::Restart | ServiceAct::Reapply => {
            ActClass::Restart
        }
        ServiceAct::Update | ServiceAct::Install => ActClass::Deploy,
    }
}

fn shown(spec: &ServiceSpec, act: ServiceAct, order: &ServiceOrder) -> String {
    match order {
        ServiceOrder::Container { name, act } => {
            format!("POST /containers/{name}/{}", act.word())
        }
        ServiceOrder::Command(command) => command.render(),
        ServiceOrder::Job(_) | ServiceOrder::Reapply | ServiceOrder::Install => {
            let whose = match &spec.managed {
                Managed::Container(container) => format!("the container {container}"),
                Managed::Unit(unit) => format!("the unit {unit}"),
                Managed::Git { folder, .. } => format!("the checkout {folder}"),
                Managed::Watched => spec.name.to_string(),
            };
            format!("as a job of {}: {} {whose}", spec.host, act.word())
        }
    }
}

/// Where what is installed comes from.
fn source(install: &Install) -> String {
    match &install.image {
        InstallImage::Nim(image) => format!("{image} is pulled with NGC's key, and run anew"),
        InstallImage::Pulled(image) => format!("{image} is pulled, and run anew"),
        InstallImage::Built { name, context } => {
            let from = match context {
                BuildContext::Embeddings => "what comes with pilothouse".to_owned(),
                BuildContext::Folder(folder) => folder.display().to_string(),
            };
            format!("{name} is built there from {from}, and run anew")
        }
    }
}

fn notes(service: &Service, act: ServiceAct) -> Vec<String> {
    let mut notes = Vec::new();
    if !matches!(act, ServiceAct::Start) {
        let detail = match service.detail.as_str() {
            "" => String::new(),
            detail => format!(": {detail}"),
        };
        notes.push(format!("it is {} now{detail}", service.word.word()));
    }
    match act {
        ServiceAct::Reapply => {
            let files = service.spec.overlays.len();
            notes.push(format!(
                "{files} files are put in, the originals kept beside them"
            ));
        }
        ServiceAct::Install => notes.extend(service.spec.install.as_ref().map(source)),
        ServiceAct::Update => {
            notes.push("what was changed by hand in the checkout is thrown away".to_owned());
        }
        _ => {}
    }
    notes
}
