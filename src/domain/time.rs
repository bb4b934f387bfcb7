//! Time as it arrives inside messages. `At` orders events and never jumps; `Wall` is only for showing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment on the engine's own monotonic clock, in milliseconds since the program started.
/// A wall clock that jumps does not move it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct At(pub u64);

impl At {
    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Age {
        Age(self.0.saturating_sub(earlier.0))
    }

    /// This moment plus a duration.
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

/// A length of time in milliseconds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Age(pub u64);

impl Age {
    /// The same length as a `Duration`.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Short words: `12 s`, `3m`, `2h 5m`, `4d 3h`.
    pub fn words(self) -> String {
        let seconds = self.0 / 1000;
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3600 => format!("{}m", seconds / 60),
            3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
            _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
        }
    }
}

impl From<Duration> for Age {
    fn from(length: Duration) -> Self {
        Self(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A moment on the wall clock, in milliseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Wall(pub i64);
