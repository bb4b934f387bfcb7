//! What everything about models in the engine shares.

use super::book::Book;
use super::interest::Interest;
use super::tokens::Tokens;
use crate::config::{ModelsSettings, SecretSource};
use crate::engine::door::Acting;
use crate::text::SafeText;

/// What everything about models shares.
#[derive(Debug, Default)]
pub(in crate::engine) struct Models {
    /// As the config has it.
    pub(super) settings: ModelsSettings,
    /// The login name on this machine, as other consoles are shown it.
    pub(super) who: SafeText,
    /// What is written down is kept: only then the end of somebody's swap is ours to write down and to tell.
    pub(super) is_kept: bool,
    /// Whether somebody looks at what is served.
    pub(super) interest: Interest,
    /// The tokens of this person.
    pub(super) tokens: Tokens,
    /// The catalogue and its files.
    pub(in crate::engine) book: Book,
}

impl Models {
    /// Where the key of NVIDIA's registry is to be had, as the config says.
    pub(in crate::engine) fn ngc_key(&self) -> Option<&SecretSource> {
        self.settings.ngc_key.as_ref()
    }

    /// With these settings, for this person.
    pub(in crate::engine) fn new(settings: &ModelsSettings, acting: &Acting) -> Self {
        Self {
            who: acting.who.clone(),
            is_kept: acting.is_recorded(),
            book: Book::new(settings),
            tokens: Tokens::new(settings.tokens.clone()),
            settings: settings.clone(),
            interest: Interest::default(),
        }
    }
}
