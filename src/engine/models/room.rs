//! What everything about models in the engine shares.

use super::book::Book;
use super::interest::Interest;
use super::tokens::Tokens;
use crate::config::ModelsSettings;

/// What everything about models shares.
#[derive(Debug, Default)]
pub(in crate::engine) struct Models {
    /// As the config has it.
    pub(super) settings: ModelsSettings,
    /// Whether somebody looks at what is served.
    pub(super) interest: Interest,
    /// The tokens of this person.
    pub(super) tokens: Tokens,
    /// The catalogue and its files.
    pub(in crate::engine) book: Book,
}

impl Models {
    /// With these settings.
    pub(in crate::engine) fn new(settings: &ModelsSettings) -> Self {
        Self {
            book: Book::new(settings),
            tokens: Tokens::new(settings.tokens.clone()),
            settings: settings.clone(),
            interest: Interest::default(),
        }
    }
}
