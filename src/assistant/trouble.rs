//! Why the assistant can't be had, in a sentence with its mend. Pure.

use std::time::Duration;

use super::event::{EventKind, TroubleKind};
use crate::domain::Age;
use crate::text::SafeText;

/// Why the assistant can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind.
    pub kind: TroubleKind,
    /// One sentence.
    pub sentence: SafeText,
    /// The mend.
    pub hint: Option<SafeText>,
}

/// Longest sentence that foreign words are cut to.
const LONGEST: usize = 300;

impl Trouble {
    /// A trouble with its mend.
    pub fn new(kind: TroubleKind, sentence: impl AsRef<str>, hint: impl AsRef<str>) -> Self {
        Self {
            kind,
            sentence: cut(sentence.as_ref()),
            hint: Some(cut(hint.as_ref())),
        }
    }

    pub(super) fn event(&self) -> EventKind {
        EventKind::Trouble {
            kind: self.kind,
            sentence: self.sentence.clone(),
            hint: self.hint.clone(),
        }
    }

    /// What an attempt at the API tells, from its HTTP status and the program's word for it. `None`: nothing that a
    /// person has to know before the last attempt.
    pub(super) fn of_retry(status: Option<u16>, error: &str) -> Option<Self> {
        match (status, error) {
            (_, "authentication_failed" | "billing_error" | "rate_limit")
            | (None | Some(400..500), _) => Some(Self::of_failure(status, error, error)),
            _ => None,
        }
    }

    /// What a failed answer tells: its HTTP status, the program's word for it and its text.
    pub(super) fn of_failure(status: Option<u16>, error: &str, text: &str) -> Self {
        let said = if text.is_empty() { error } else { text };
        match (status, error) {
            (Some(401 | 403), _) | (_, "authentication_failed") => Self::logged_out(said),
            (_, _) if mentions(said, &["/login", "api key", "oauth token"]) => {
                Self::logged_out(said)
            }
            (Some(402 | 429), _) | (_, "billing_error" | "rate_limit") => Self::new(
                TroubleKind::OverQuota,
                format!("the account's limit is used up: {said}"),
                "wait, or name another login (assistant.login)",
            ),
            (Some(status), _) if status >= 500 => Self::new(
                TroubleKind::Offline,
                format!("Claude's API answers with HTTP {status}: {said}"),
                "ask again later; runbooks and power need no assistant",
            ),
            (None, _) => Self::new(
                TroubleKind::Offline,
                format!("Claude's API does not answer: {said}"),
                "look at this machine's network, or at assistant.base_url; runbooks and power need neither",
            ),
            (Some(status), _) => Self::new(
                TroubleKind::Unusable,
                format!("Claude's API refused the question (HTTP {status}): {said}"),
                "look at assistant.model; `pilothouse doctor` shows what is set",
            ),
        }
    }

    fn logged_out(said: &str) -> Self {
        Self::new(
            TroubleKind::LoggedOut,
            format!("Claude has no login that its API takes: {said}"),
            "set assistant.login; `pilothouse doctor` tells which is used",
        )
    }

    /// What a program that ended before it began left on its standard error.
    pub(super) fn of_start(exit: &str, stderr: &str) -> Self {
        let last = last_words(stderr);
        if mentions(
            &last,
            &["/login", "api key", "oauth token", "not logged in"],
        ) {
            return Self::logged_out(&last);
        }
        let said = if last.is_empty() { exit } else { &last };
        Self::new(
            TroubleKind::Unusable,
            format!("claude ended before it began: {said}"),
            "`pilothouse doctor` tells which program and version is used",
        )
    }

    /// A program that ended in the midst of a turn.
    pub(super) fn died(exit: &str, stderr: &str) -> Self {
        let last = last_words(stderr);
        let said = if last.is_empty() {
            exit.to_owned()
        } else {
            format!("{exit}: {last}")
        };
        Self::new(
            TroubleKind::Died,
            format!("claude ended in the midst of its answer: {said}"),
            "ask again: the conversation goes on where it was",
        )
    }

    /// A program that says nothing.
    pub(super) fn silent(what: &str, since: Duration) -> Self {
        Self::new(
            TroubleKind::Silent,
            format!("{what} for {}", Age::from(since).words()),
            "stop it and ask again; runbooks and power need no assistant",
        )
    }

    /// A program that takes no input.
    pub(super) fn deaf() -> Self {
        Self::new(
            TroubleKind::Unusable,
            "claude takes no more input, so it was ended",
            "ask again: that starts it anew, and it goes on with this conversation",
        )
    }

    /// A program that is not the one that was asked for.
    pub(super) fn wrong_tools(what: &str) -> Self {
        Self::new(
            TroubleKind::WrongTools,
            format!("claude was ended: {what}"),
            "another version of claude, or a policy of this machine, changes its tools; runbooks and power need no assistant",
        )
    }
}

fn mentions(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// The last line that says something.
fn last_words(stderr: &str) -> String {
    stderr
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned()
}

fn cut(text: &str) -> SafeText {
    let text = text.trim();
    if text.len() <= LONGEST {
        return SafeText::new(text);
    }
    let end = text.floor_char_boundary(LONGEST);
    SafeText::from(format!("{}…", text.get(..end).unwrap_or_default()))
}
