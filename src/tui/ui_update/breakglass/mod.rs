//! How a key changes the breakglass pane (pure): asking, walking through the conversation, deciding on a proposal.

mod about;
mod act;
mod card;
mod compose;
mod evidence;
mod fit;
mod mouse;
mod offers;
mod open;
mod replies;
mod sessions;
mod transcript;

pub(super) use about::quoted;
pub(super) use act::{act, close, interrupt, typed_line};
pub(super) use compose::{paste, typed};
pub(in crate::tui) use fit::{drawn, fit};
pub(super) use mouse::{click, wheel};
pub(super) use open::runbook;
pub(super) use replies::{pictured, reply};
pub(super) use sessions::act as sessions_act;
