//! Which place has the keys (pure), from the looks alone.

use super::action::Place;
use super::ui::{Dialog, Focus, Layer, Tab, Ui};

impl Ui {
    /// The place that has the keys.
    pub fn place(&self) -> Place {
        self.layers
            .last()
            .map_or_else(|| self.body_place(), layer_place)
    }

    /// The place under the top layer: what the help is about.
    pub fn place_beneath(&self) -> Place {
        match self.layers.iter().rev().nth(1) {
            Some(layer) => layer_place(layer),
            None => self.body_place(),
        }
    }

    /// Whether something is being typed that would be lost.
    pub fn has_draft(&self) -> bool {
        self.place() == Place::Text
    }

    fn body_place(&self) -> Place {
        if self.list_filter.active || self.processes.filter.active {
            return Place::Text;
        }
        match (self.focus, self.tab) {
            (Focus::List, _) => Place::List,
            (Focus::Detail, Tab::Processes) => Place::Processes,
            (Focus::Detail, Tab::Meters | Tab::Link) => Place::Detail,
        }
    }
}

fn layer_place(layer: &Layer) -> Place {
    match layer {
        Layer::Help { search, .. } | Layer::Text { search, .. } if search.active => Place::Text,
        Layer::Help { .. } | Layer::Text { .. } => Place::Reading,
        Layer::Palette { .. }
        | Layer::CommandLine { .. }
        | Layer::Dialog(Dialog::Prompts { .. }) => Place::Text,
        Layer::Dialog(Dialog::Confirm { typed, .. }) if typed.active => Place::Text,
        Layer::Dialog(_) => Place::Dialog,
    }
}
