//! A trouble of our own that a person should hear of once, until it has passed.

use std::sync::{Arc, Mutex, PoisonError};

use super::lanes::Lanes;
use super::msg::Msg;
use super::notice::Notice;
use crate::domain::Severity;

/// Tells a trouble when it is news; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    lanes: Lanes,
    last: Arc<Mutex<Option<String>>>,
}

impl Trouble {
    pub(super) fn new(lanes: Lanes) -> Self {
        Self {
            lanes,
            last: Arc::default(),
        }
    }

    /// Tells this, unless it was the last thing told.
    pub(super) async fn tell(&self, sentence: String, hint: Option<String>) {
        let last = self.replace(Some(sentence.clone()));
        if last.as_ref() == Some(&sentence) {
            return;
        }
        let notice = Notice {
            at: self.lanes.now(),
            severity: Severity::Warning,
            host: None,
            sentence: sentence.into(),
            hint: hint.map(Into::into),
        };
        self.lanes.fact(Msg::Noticed(notice)).await;
    }

    /// It works again: the same trouble would be news.
    pub(super) fn passed(&self) {
        self.replace(None);
    }

    fn replace(&self, with: Option<String>) -> Option<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, with)
    }
}
