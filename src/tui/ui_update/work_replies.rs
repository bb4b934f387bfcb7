//! What the engine answered about models and services, as one line.

use crate::domain::Severity;
use crate::engine::{Command, LockOrder, ModelsCommand, ProbeOutcome, Probed, Reply};
use crate::tui::service_words;
use crate::tui::ui::{Screen, Ui};
use crate::tui::ui_models::ModelTab;

/// Tells of work that was begun, a reservation, a look at a service.
pub(super) fn told(ui: &mut Ui, origin: &Command, reply: &Reply) {
    match reply {
        Reply::Working { host, .. } => {
            ui.say(Severity::Info, begun(origin, host.as_str()), None);
            let swaps = matches!(
                origin,
                Command::Models(
                    ModelsCommand::Swap(_)
                        | ModelsCommand::Stop { .. }
                        | ModelsCommand::Rollback(_)
                )
            );
            if swaps && ui.screen == Screen::Models {
                ui.models.tab = ModelTab::Swap;
                ui.models.detail_scroll = 0;
            }
        }
        Reply::Lock { state, .. } => {
            let text = match state {
                Some(state) => {
                    let left = crate::domain::Age::from(state.left).words();
                    format!(
                        "reserved by {} for {left}; this console keeps its token",
                        state.holder
                    )
                }
                None => "nobody holds it".to_owned(),
            };
            ui.say(Severity::Info, text, None);
        }
        Reply::Probed(probed) => {
            let (severity, text) = probed_words(origin, probed);
            ui.say(severity, text, None);
        }
        _ => {}
    }
}

fn begun(origin: &Command, host: &str) -> String {
    match origin {
        Command::Models(ModelsCommand::Swap(order)) => {
            format!(
                "the swap to {} is at work on {host}; it goes on without this console",
                order.model
            )
        }
        Command::Models(ModelsCommand::Stop { place, .. }) => {
            format!("what {place} serves is being stopped")
        }
        Command::Models(ModelsCommand::Rollback(place)) => {
            format!("{place} goes back to what it served before")
        }
        Command::Models(ModelsCommand::Download { repo, .. }) => {
            format!("{repo} is fetched on {host}; it goes on without this console")
        }
        Command::Service { service, act, .. } => {
            format!("{} of {service} is at work on {host}", act.word())
        }
        _ => format!("it is at work on {host}"),
    }
}

fn probed_words(origin: &Command, probed: &Probed) -> (Severity, String) {
    let name = match origin {
        Command::Probe { service, .. } => service.as_str(),
        _ => "the service",
    };
    let (severity, word) = match &probed.outcome {
        ProbeOutcome::Good(_) => (Severity::Info, "is well"),
        ProbeOutcome::Idle(_) => (Severity::Info, "is idle"),
        ProbeOutcome::Starting(_) => (Severity::Info, "comes up"),
        ProbeOutcome::Bad(_) => (Severity::Warning, "is not well"),
        ProbeOutcome::Wedged(_) => (Severity::Error, "is wedged"),
        ProbeOutcome::Absent(_) => (Severity::Warning, "is not there"),
    };
    let (words, _) = service_words::found(probed);
    let took = service_words::latency(probed);
    (severity, format!("{name} {word}: {words} ({took})"))
}

/// What a change that is over did.
pub(super) fn done(command: &Command) -> String {
    match command {
        Command::Models(ModelsCommand::Refresh(_)) => {
            "weights, reservations and jobs were looked at".into()
        }
        Command::Models(ModelsCommand::Keep(recipe)) => {
            format!("the recipe {} is kept", recipe.key)
        }
        Command::Models(ModelsCommand::Remove { repo, .. }) => {
            format!("the weights of {repo} are deleted")
        }
        Command::Models(ModelsCommand::Cancel { host, .. }) => format!("cancelled on {host}"),
        Command::Models(ModelsCommand::Lock { place, order }) => match order {
            LockOrder::Take { .. } => format!("{place} is reserved"),
            LockOrder::Release { .. } => format!("{place} is given back"),
            LockOrder::Break => format!("the reservation of {place} is broken"),
        },
        Command::Service { host, service, act } => {
            format!("{} {service} on {host}: done", act.word())
        }
        _ => "done".into(),
    }
}
