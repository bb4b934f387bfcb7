//! Which place has the keys (pure), from the looks alone.

use super::action::Place;
use super::ui::{Dialog, Focus, Layer, LineEdit, Screen, Tab, Ui};
use super::ui_breakglass::{CardStop, Part};
use super::ui_work::WorkLayer;

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

    /// Whether what fills the screen has the keys: no layer lies over it, and the breakglass pane beside it has them not.
    pub(super) fn body_has_keys(&self) -> bool {
        self.layers.is_empty() && !self.breakglass.has_keys()
    }

    /// Whether something is being typed that would be lost.
    pub fn has_draft(&self) -> bool {
        match self.place() {
            Place::Text => true,
            Place::Composer => !self.breakglass.composer.is_blank(),
            _ => false,
        }
    }

    /// The lines that narrow lists.
    fn filters(&self) -> [&LineEdit; 10] {
        [
            &self.list_filter,
            &self.processes.filter,
            &self.ledger.filter,
            &self.containers.filter,
            &self.models.filter,
            &self.services.filter,
            &self.sources.filter,
            &self.lens.search,
            &self.lens.filter,
            &self.breakglass.search,
        ]
    }

    /// The lines that narrow lists, to be typed into.
    pub(super) fn filters_mut(&mut self) -> [&mut LineEdit; 10] {
        [
            &mut self.list_filter,
            &mut self.processes.filter,
            &mut self.ledger.filter,
            &mut self.containers.filter,
            &mut self.models.filter,
            &mut self.services.filter,
            &mut self.sources.filter,
            &mut self.lens.search,
            &mut self.lens.filter,
            &mut self.breakglass.search,
        ]
    }

    /// Whether one of the lines that narrow lists is being typed.
    pub(super) fn types_filter(&self) -> bool {
        self.filters().iter().any(|filter| filter.active)
    }

    fn body_place(&self) -> Place {
        if self.types_filter() {
            return Place::Text;
        }
        self.place_of_keys()
    }

    /// The pane that has the keys, also while its filter is typed.
    pub(super) fn place_of_keys(&self) -> Place {
        if self.breakglass.has_keys() {
            return match (self.breakglass.part, self.breakglass.card.stop) {
                (Part::Transcript, _) => Place::Talk,
                (Part::Composer, _) => Place::Composer,
                (Part::Card, CardStop::Evidence(_)) => Place::Card,
                (Part::Card, CardStop::Word | CardStop::Refuse) => Place::Text,
            };
        }
        match (self.screen, self.focus, self.tab) {
            (Screen::Actions, _, _) | (Screen::Hosts, Focus::Detail, Tab::Actions) => Place::Ledger,
            (Screen::Models, _, _) => match self.models.focus {
                Focus::List => Place::Models,
                Focus::Detail => Place::Model,
            },
            (Screen::Services, _, _) | (Screen::Hosts, Focus::Detail, Tab::Services) => {
                Place::Services
            }
            (Screen::Containers, _, _) | (Screen::Hosts, Focus::Detail, Tab::Containers) => {
                match self.containers.open {
                    Some(_) => Place::Container,
                    None => Place::Containers,
                }
            }
            (Screen::Logs, _, _) => Place::Logs,
            (Screen::Hosts, Focus::List, _) => Place::List,
            (Screen::Hosts, Focus::Detail, Tab::Processes) => Place::Processes,
            (Screen::Hosts, Focus::Detail, Tab::Logs) => Place::Sources,
            (Screen::Hosts, Focus::Detail, Tab::Meters | Tab::Link) => Place::Detail,
        }
    }
}

fn layer_place(layer: &Layer) -> Place {
    match layer {
        Layer::Help { search, .. } | Layer::Text { search, .. } if search.active => Place::Text,
        Layer::Help { .. } | Layer::Text { .. } => Place::Reading,
        Layer::Palette { .. }
        | Layer::Sources(_)
        | Layer::CommandLine { .. }
        | Layer::Work(WorkLayer::Form(_))
        | Layer::Dialog(Dialog::Prompts { .. }) => Place::Text,
        Layer::Dialog(Dialog::Confirm { typed, .. }) if typed.active => Place::Text,
        Layer::Dialog(Dialog::Arm { .. } | Dialog::Power { .. }) => Place::Switch,
        Layer::Sessions(_) => Place::Sessions,
        Layer::Work(_) | Layer::Dialog(_) => Place::Dialog,
    }
}
