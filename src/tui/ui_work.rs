//! The dialogs about models and services: a swap with what it would meet, a choice of acts, a form, a service and its past.

use super::ui::LineEdit;
use super::ui_models::ServiceRef;
use crate::domain::{HostId, ModelKey};
use crate::engine::{Command, PlaceName, Recipe};

/// A dialog about models or services. What it asks of the engine is asked again there, with the engine's own question.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkLayer {
    /// A swap.
    Swap(SwapUi),
    /// One of several acts.
    Choose(ChooseUi),
    /// A form.
    Form(FormUi),
    /// A service and its past.
    Service {
        /// Which.
        of: ServiceRef,
        /// First row shown of its past.
        scroll: usize,
    },
}

/// A swap that is thought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapUi {
    /// What is to be served.
    pub model: ModelKey,
    /// The places that could serve it, the likeliest first.
    pub places: Vec<PlaceName>,
    /// The chosen one.
    pub place: usize,
    /// It is done although a check says that it will not work.
    pub force: bool,
    /// What Enter and Space are about.
    pub stop: SwapStop,
    /// First row shown of what it would meet.
    pub scroll: usize,
}

/// What Tab goes through in the dialog of a swap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SwapStop {
    /// The button that does nothing.
    #[default]
    No,
    /// The button that goes on to the engine's question.
    Yes,
    /// The place; Space takes the next.
    Place,
    /// Whether it is forced; Space changes it.
    Force,
}

impl SwapStop {
    /// All of them, in the order of Tab.
    pub const ALL: [Self; 4] = [Self::Place, Self::Force, Self::No, Self::Yes];
}

impl SwapUi {
    /// The chosen place.
    pub fn place(&self) -> Option<&PlaceName> {
        self.places.get(self.place)
    }
}

/// One of several acts.
#[derive(Debug, Clone, PartialEq)]
pub struct ChooseUi {
    /// The title.
    pub title: &'static str,
    /// What it is about.
    pub about: String,
    /// The acts.
    pub rows: Vec<Choice>,
    /// The chosen one.
    pub selected: usize,
}

/// An act that is offered.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Its word.
    pub word: String,
    /// What it does.
    pub words: String,
    /// What follows.
    pub then: Then,
}

/// What follows a choice.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// The engine is asked.
    Ask(Command),
    /// A form is opened.
    Form(FormUi),
}

/// Fields to be filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct FormUi {
    /// What it is for.
    pub kind: FormKind,
    /// The fields.
    pub fields: Vec<FormField>,
    /// The one that is typed into.
    pub focused: usize,
}

/// What a form is for.
#[derive(Debug, Clone, PartialEq)]
pub enum FormKind {
    /// Fetching weights.
    Download,
    /// Reserving a place.
    Reserve(PlaceName),
    /// A recipe for weights that have none; what is not asked for stays as it was inferred on this host.
    SetUp(Box<Recipe>, HostId),
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// Its label.
    pub label: &'static str,
    /// What belongs into it.
    pub help: &'static str,
    /// What is typed.
    pub line: LineEdit,
    /// What Tab completes to.
    pub offers: Vec<String>,
}

impl FormField {
    /// A field with something in it already.
    pub fn new(label: &'static str, help: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            label,
            help,
            line: LineEdit {
                cursor: text.len(),
                text,
                active: false,
            },
            offers: Vec::new(),
        }
    }

    /// The same with completions.
    pub fn offering(mut self, offers: Vec<String>) -> Self {
        self.offers = offers;
        self
    }
}

impl FormUi {
    /// A form whose first field is typed into.
    pub fn new(kind: FormKind, fields: Vec<FormField>) -> Self {
        let mut form = Self {
            kind,
            fields,
            focused: 0,
        };
        form.focus(0);
        form
    }

    /// Types into this field.
    pub fn focus(&mut self, at: usize) {
        self.focused = at.min(self.fields.len().saturating_sub(1));
        for (place, field) in self.fields.iter_mut().enumerate() {
            field.line.active = place == self.focused;
        }
    }

    /// What is in a field, without blanks around it.
    pub fn text(&self, at: usize) -> &str {
        self.fields
            .get(at)
            .map_or("", |field| field.line.text.trim())
    }
}
