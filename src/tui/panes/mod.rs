//! The panes of the screen, each a function that draws facts into a rectangle.

mod activity;
mod alerts;
mod bottom;
mod breakglass;
mod container;
mod containers;
mod detail;
mod empty;
mod host_list;
mod identity;
mod ledger;
mod link;
mod logs;
mod meters;
mod model;
mod models;
mod processes;
mod screens;
mod services;
mod sources;
mod strip;
mod summary;

pub(super) use activity::activity;
pub(super) use alerts::alerts;
pub(super) use bottom::{event, hints};
pub(super) use breakglass::{
    TalkPlace, breakglass, card_room, pane_columns as talk_columns, place as talk_place,
    proposal as talk_proposal, spot as talk_spot, told as talk_told, unarmed as talk_unarmed,
};
pub(super) use containers::{column_at as container_column_at, row_cursor as container_cursor};
pub(super) use detail::{detail, length, tabs, third};
pub(super) use empty::no_hosts;
pub(super) use host_list::host_list;
pub(super) use identity::identity;
pub(super) use ledger::row_cursor as ledger_cursor;
pub(super) use logs::{
    LensPlace, logs, place as lens_place, row_cursor as lens_cursor, spot as lens_spot,
};
pub(super) use model::{length as model_length, tabs as model_tabs};
pub(super) use models::{
    banner as models_banner, column_at as model_column_at, row_cursor as model_cursor,
    schedule_rows,
};
pub(super) use processes::column_at;
pub(super) use screens::screen;
pub(super) use services::{NOTES as SERVICE_NOTES, row_cursor as service_cursor};
pub(super) use sources::row_cursor as source_cursor;
pub(super) use strip::{host_at as strip_host, strip};
pub(super) use summary::summary;

use super::keymap::Keymap;
use super::layout::Layout;
use super::ui::Ui;
use crate::engine::Fleet;

/// What every pane reads.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The facts.
    pub(super) fleet: &'a Fleet,
    /// The looks.
    pub(super) ui: &'a Ui,
    /// The keys.
    pub(super) keymap: &'a Keymap,
    /// Where everything stands.
    pub(super) layout: &'a Layout,
}
