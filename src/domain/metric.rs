//! A value that may be missing. Missing always has a reason in words; it is never zero.

use serde::{Deserialize, Serialize};

use crate::text::SafeText;

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric<T> {
    /// The value as the source gave it.
    Is(T),
    /// Why there is no value.
    Missing(Missing),
}

/// Why a value is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The source has no such field, or it has not been asked yet.
    NotReported,
    /// The part says that it can't know: `[N/A]`, `[Not Supported]`, NVML's `NOT_SUPPORTED`.
    NotSupported,
    /// The GPU is off the bus.
    Lost,
    /// We may not read it.
    NoPermission,
    /// The source answered, but in words we do not know.
    Unreadable(SafeText),
}

impl Missing {
    /// The reason as a person reads it.
    pub fn words(&self) -> &str {
        match self {
            Self::NotReported => "not reported",
            Self::NotSupported => "not supported",
            Self::Lost => "gpu is lost",
            Self::NoPermission => "no permission",
            Self::Unreadable(text) => text.as_str(),
        }
    }
}

impl<T> Metric<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Missing(_) => None,
        }
    }

    /// Why there is no value, if there is none.
    pub fn missing(&self) -> Option<&Missing> {
        match self {
            Self::Is(_) => None,
            Self::Missing(why) => Some(why),
        }
    }

    /// Changes the value and keeps the reason.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Metric<U> {
        match self {
            Self::Is(value) => Metric::Is(change(value)),
            Self::Missing(why) => Metric::Missing(why),
        }
    }
}

impl<T> Default for Metric<T> {
    fn default() -> Self {
        Self::Missing(Missing::NotReported)
    }
}

impl<T> From<Option<T>> for Metric<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing(Missing::NotReported), Self::Is)
    }
}
