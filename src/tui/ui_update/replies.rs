//! What the engine answered, what people should hear, and how a copy went: all become one line, and maybe a dialog.

use super::breakglass;
use super::container;
use super::containers;
use super::effect::{UiEffect, is_awaited};
use super::lens_open;
use super::models;
use super::power;
use super::work_replies;
use crate::domain::{At, PrunePreview, Severity, TerminalId};
use crate::engine::{
    Challenge, Command, ConfirmationId, ModelsCommand, Notice, Plan, Refusal, Reply, Signal,
};
use crate::shell::ShellCommand;
use crate::text::width;
use crate::tui::ui::{Button, CopyRoute, Dialog, Layer, LineEdit, Ui};
use crate::tui::ui_tables::ContainerRef;
use crate::tui::widgets::bytes;

/// Cells of a command that a confirmation shows in one row.
const ONE_ROW: usize = 68;

/// Takes the engine's answer to a command.
pub fn reply(ui: &mut Ui, command: &Command, reply: Reply) -> Vec<UiEffect> {
    if is_awaited(command) {
        ui.waiting = ui.waiting.saturating_sub(1);
    }
    if let Some(effects) = breakglass::reply(ui, command, &reply) {
        return effects;
    }
    if let Some(effects) = lens_open::reply(ui, command, &reply) {
        return effects;
    }
    let origin = origin(ui, command);
    let Some(reply) = looked_at(ui, &origin, reply) else {
        return Vec::new();
    };
    let settles = matches!(origin, Command::Container { .. })
        && !matches!(reply, Reply::NeedsConfirmation { .. });
    let mut effects = take(ui, origin, reply);
    if settles {
        effects.extend(containers::next_of_queue(ui));
    }
    effects
}

fn take(ui: &mut Ui, origin: Command, reply: Reply) -> Vec<UiEffect> {
    match reply {
        Reply::Done => return done(ui, &origin),
        Reply::Shell { terminal, command } => return shell(&origin, terminal, command),
        Reply::Terminal(terminal) => return vec![in_container(ui, &origin, terminal)],
        Reply::Preview(preview) => preview_prune(ui, &origin, preview),
        Reply::Pruned(took) => pruned(ui, &origin, &took),
        Reply::Begun(_) => ui.say(Severity::Info, "begun", None),
        Reply::Working { .. } | Reply::Lock { .. } | Reply::Probed(_) => {
            work_replies::told(ui, &origin, &reply);
        }
        Reply::NeedsConfirmation {
            id,
            challenge,
            expires,
            plan,
        } => {
            ui.asked.push((id, origin));
            ask(ui, confirm(id, challenge, expires, plan));
        }
        Reply::WouldDo { .. }
        | Reply::Detail(_)
        | Reply::Top(_)
        | Reply::Sources(_)
        | Reply::Lens(_)
        | Reply::Log(_)
        | Reply::Power(_)
        | Reply::Ran { .. }
        | Reply::Session(_)
        | Reply::Sessions(_)
        | Reply::Runbooks(_)
        | Reply::Assistant(_)
        | Reply::Preflight(_)
        | Reply::Ledger(_) => {}
        Reply::Refused(refusal) => refuse(ui, Severity::Warning, "", refusal),
        Reply::Failed(refusal) => refuse(ui, Severity::Error, "", refusal),
        Reply::Unknown(refusal) => refuse(
            ui,
            Severity::Error,
            "not known whether it happened: ",
            refusal,
        ),
    }
    Vec::new()
}

fn confirm(id: ConfirmationId, challenge: Challenge, expires: At, plan: Plan) -> Dialog {
    let typed = LineEdit {
        active: matches!(challenge, Challenge::TypeName(_)),
        ..LineEdit::default()
    };
    // One line that does not fit is shown whole: nobody is to confirm what is beyond an edge.
    let full = !plan.command.contains('\n') && width(&plan.command) > ONE_ROW;
    Dialog::Confirm {
        id,
        challenge,
        expires,
        plan,
        button: Button::No,
        typed,
        full,
        scroll: 0,
    }
}

/// The person asked for it, but may be typing something else by now.
fn ask(ui: &mut Ui, dialog: Dialog) {
    let in_the_way = !ui.layers.is_empty() && !power::has_card(ui);
    if ui.has_draft() || in_the_way {
        ui.held_back.push(dialog);
    } else {
        ui.layers.push(Layer::Dialog(dialog));
    }
}

/// Answers for what is being looked at. Where what is asked for over and over fails, nobody is told each time: the engine
/// tells of a host that is lost.
fn looked_at(ui: &mut Ui, origin: &Command, reply: Reply) -> Option<Reply> {
    let refused = match &reply {
        Reply::Refused(refusal) | Reply::Failed(refusal) | Reply::Unknown(refusal) => {
            Some(refusal.clone())
        }
        _ => None,
    };
    if let Command::Power { host, verb } = origin {
        return power::reply(ui, host, *verb, reply);
    }
    match (origin, reply, refused) {
        (Command::Inspect { host, id }, Reply::Detail(detail), _) => {
            container::detail(ui, &ContainerRef::new(host, id), Ok(detail));
        }
        (Command::Inspect { host, id }, _, Some(refusal)) => {
            container::detail(ui, &ContainerRef::new(host, id), Err(refusal));
        }
        (Command::Top { host, id }, Reply::Top(top), _) => {
            container::top(ui, &ContainerRef::new(host, id), Ok(top));
        }
        (Command::Top { host, id }, _, Some(refusal)) => {
            container::top(ui, &ContainerRef::new(host, id), Err(refusal));
        }
        (Command::Models(ModelsCommand::Preflight(order)), Reply::Preflight(found), _) => {
            models::checked(ui, order, ui.now, Ok(found));
        }
        (Command::Models(ModelsCommand::Preflight(order)), _, Some(refusal)) => {
            models::checked(ui, order, ui.now, Err(refusal));
        }
        (
            Command::Models(ModelsCommand::Watch)
            | Command::WatchStats { .. }
            | Command::TerminalEnded { .. },
            _,
            _,
        ) => {}
        (_, reply, _) => return Some(reply),
    }
    None
}

/// The command that a confirmation was for; any other command stands for itself.
fn origin(ui: &mut Ui, command: &Command) -> Command {
    let Command::Confirm { id, .. } = command else {
        return command.clone();
    };
    match ui.asked.iter().position(|(of, _)| of == id) {
        Some(at) => ui.asked.remove(at).1,
        None => command.clone(),
    }
}

fn done(ui: &mut Ui, command: &Command) -> Vec<UiEffect> {
    let text = match command {
        Command::Signal {
            host, pid, signal, ..
        } => format!("SIG{} sent to {pid} on {host}", Signal::name(*signal)),
        Command::Reconnect(host) => format!("dialling {host}"),
        Command::Arm {
            host,
            class,
            minutes,
        } => power::armed_sentence(ui, host, *class, *minutes),
        Command::Disarm { host: None } => "nothing is armed".to_owned(),
        Command::Disarm { host: Some(host) } => format!("{host} is not armed"),
        Command::AbortPower { host } => format!("the power act of {host} is given up"),
        Command::Container { host, id, act } => {
            let name = name(ui, &ContainerRef::new(host, id));
            format!("{} {name} on {host}: done", act.word())
        }
        Command::Confirm { .. } | Command::Shell { .. } => "done".to_owned(),
        Command::Models(_) | Command::Service { .. } => work_replies::done(command),
        _ => return Vec::new(),
    };
    ui.say(Severity::Info, text, None);
    Vec::new()
}

/// Only the command that was asked for names the host whose shell it is.
fn shell(command: &Command, terminal: TerminalId, line: ShellCommand) -> Vec<UiEffect> {
    match command {
        Command::Shell { host } => vec![UiEffect::Shell {
            host: host.clone(),
            terminal,
            line,
        }],
        _ => Vec::new(),
    }
}

fn in_container(ui: &Ui, command: &Command, terminal: TerminalId) -> UiEffect {
    let what = match command {
        Command::Terminal { host, id, .. } => {
            format!("{} on {host}", name(ui, &ContainerRef::new(host, id)))
        }
        _ => "a container".to_owned(),
    };
    UiEffect::Terminal { what, terminal }
}

/// A container's name, as far as it has been seen; else the first digits of its id.
fn name(ui: &Ui, of: &ContainerRef) -> String {
    let rows = &ui.containers.rows;
    let row = rows.position(of).and_then(|at| rows.rows().get(at));
    row.map_or_else(
        || of.id.as_str().get(..12).unwrap_or_default().to_owned(),
        |row| row.container.name.to_string(),
    )
}

/// What would go is shown before anybody is asked whether it should.
fn preview_prune(ui: &mut Ui, command: &Command, preview: PrunePreview) {
    let Command::PrunePreview { host } = command else {
        return;
    };
    if preview.containers.is_empty() && preview.images.is_empty() {
        ui.say(Severity::Info, format!("{host} has nothing to prune"), None);
        return;
    }
    let dialog = Dialog::Prune {
        host: host.clone(),
        preview,
        scroll: 0,
        button: Button::No,
    };
    if ui.has_draft() || !ui.layers.is_empty() {
        ui.held_back.push(dialog);
    } else {
        ui.layers.push(Layer::Dialog(dialog));
    }
}

fn pruned(ui: &mut Ui, command: &Command, took: &PrunePreview) {
    let Command::Prune { host, agreed } = command else {
        return;
    };
    let count = |of: &PrunePreview| of.containers.len() + of.images.len();
    let stayed = match count(agreed).saturating_sub(count(took)) {
        0 => String::new(),
        stayed => format!("; {stayed} of what was shown stay, they are used again"),
    };
    let back = bytes(took.bytes);
    let text = format!(
        "{host}: {} containers and {} images removed, {back} came back{stayed}",
        took.containers.len(),
        took.images.len()
    );
    ui.say(Severity::Info, text, None);
}

fn refuse(ui: &mut Ui, severity: Severity, prefix: &str, refusal: Refusal) {
    ui.say(severity, format!("{prefix}{}", refusal.why), refusal.hint);
}

/// Takes a notice. Worse news that is still fresh is not written over.
pub fn notice(ui: &mut Ui, notice: &Notice) {
    let fresh = ui
        .flash
        .as_ref()
        .is_some_and(|flash| flash.severity > notice.severity);
    if !fresh {
        let text = match &notice.host {
            Some(host) if !notice.sentence.as_str().contains(host.as_str()) => {
                format!("{host}: {}", notice.sentence)
            }
            _ => notice.sentence.to_string(),
        };
        ui.say(
            notice.severity,
            text,
            notice.hint.as_ref().map(ToString::to_string),
        );
    }
}

/// Says where saved lines are.
pub fn saved(ui: &mut Ui, what: &str, outcome: Result<String, String>) {
    match outcome {
        Ok(path) => ui.say(Severity::Info, format!("wrote {what} to {path}"), None),
        Err(why) => ui.say(
            Severity::Error,
            format!("{what} could not be saved: {why}"),
            Some("`:save FILE` names another file".into()),
        ),
    }
}

/// Says which way a copy went. What nobody confirmed is said to be so.
pub fn copied(ui: &mut Ui, what: &str, outcome: Result<(CopyRoute, String), String>) {
    match outcome {
        Ok((CopyRoute::Tmux, _)) => {
            ui.say(
                Severity::Info,
                format!("copied {what} into tmux's buffer"),
                None,
            );
        }
        Ok((CopyRoute::Osc52, note)) => ui.say(
            Severity::Info,
            format!("sent, not confirmed: {what}, to the terminal by OSC 52{note}"),
            None,
        ),
        Ok((CopyRoute::File, path)) => {
            ui.say(Severity::Info, format!("wrote {what} to {path}"), None);
        }
        Err(why) => ui.say(
            Severity::Error,
            format!("{what} could not be copied: {why}"),
            Some("M leaves the mouse to the terminal, for selecting text".into()),
        ),
    }
}
