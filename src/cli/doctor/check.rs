//! One finding: an id that stays the same, a state, a sentence, a mend.

use serde::Serialize;

/// `1 host`, `4 hosts`.
pub(super) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum State {
    Pass,
    Warn,
    Fail,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// One finding. Its JSON form is a promise to scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// Such as `terminal.size`: never reused for something else.
    pub(super) id: String,
    pub(super) state: State,
    pub(super) what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

impl Check {
    pub(super) fn pass(id: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            state: State::Pass,
            what: what.into(),
            mend: None,
        }
    }

    pub(super) fn warn(
        id: impl Into<String>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Warn,
            mend: Some(mend.into()),
            ..Self::pass(id, what)
        }
    }

    pub(super) fn fail(
        id: impl Into<String>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(id, what, mend)
        }
    }
}
