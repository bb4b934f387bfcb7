//! What the engine answered, what people should hear, and how a copy went: all become one line, and maybe a dialog.

use super::effect::UiEffect;
use super::lens_open;
use crate::domain::Severity;
use crate::engine::{Challenge, Command, Notice, Refusal, Reply, Signal};
use crate::shell::ShellCommand;
use crate::tui::ui::{Button, CopyRoute, Dialog, Layer, LineEdit, Ui};

/// Takes the engine's answer to a command.
pub fn reply(ui: &mut Ui, command: &Command, reply: Reply) -> Vec<UiEffect> {
    ui.waiting = ui.waiting.saturating_sub(1);
    if let Some(effects) = lens_open::reply(ui, command, &reply) {
        return effects;
    }
    let origin = origin(ui, command);
    match reply {
        Reply::Done => return done(ui, &origin),
        Reply::Shell { command, .. } => return shell(&origin, command),
        Reply::Begun(_) => ui.say(Severity::Info, "begun", None),
        Reply::NeedsConfirmation {
            id,
            challenge,
            expires,
            plan,
        } => {
            ui.asked.push((id, origin));
            let typed = LineEdit {
                active: matches!(challenge, Challenge::TypeName(_)),
                ..LineEdit::default()
            };
            let dialog = Dialog::Confirm {
                id,
                challenge,
                expires,
                plan,
                button: Button::No,
                typed,
                full: false,
            };
            // The person asked for it, but may be typing something else by now.
            if ui.has_draft() || !ui.layers.is_empty() {
                ui.held_back.push(dialog);
            } else {
                ui.layers.push(Layer::Dialog(dialog));
            }
        }
        Reply::WouldDo { .. }
        | Reply::Terminal(_)
        | Reply::Detail(_)
        | Reply::Top(_)
        | Reply::Preview(_)
        | Reply::Sources(_)
        | Reply::Lens(_)
        | Reply::Log(_)
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
        Command::Confirm { .. }
        | Command::Shell { .. }
        | Command::Container { .. }
        | Command::Prune { .. } => "done".to_owned(),
        _ => return Vec::new(),
    };
    ui.say(Severity::Info, text, None);
    Vec::new()
}

/// Only the command that was asked for names the host whose shell it is.
fn shell(command: &Command, line: ShellCommand) -> Vec<UiEffect> {
    match command {
        Command::Shell { host } => vec![UiEffect::Shell {
            host: host.clone(),
            line,
        }],
        _ => Vec::new(),
    }
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
