//! The only room that reads the clock. Everyone else is told the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::{At, Wall};

/// A source of time; cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System {
        start: Instant,
    },
    Timers {
        start: tokio::time::Instant,
        wall: Wall,
    },
    Manual(Arc<Hands>),
}

/// The hands of a manual clock.
#[derive(Debug, Default)]
struct Hands {
    at: AtomicU64,
    wall: AtomicI64,
}

impl Clock {
    /// The machine's clock; `At` counts from now.
    #[expect(clippy::disallowed_methods, reason = "this room is the wall")]
    pub fn system() -> Self {
        Self(Kind::System {
            start: Instant::now(),
        })
    }

    /// A clock in step with the runtime's timers, which a test may pause and wind; the wall clock starts at `wall`.
    #[expect(clippy::disallowed_methods, reason = "this room is the wall")]
    pub fn timers(wall: Wall) -> Self {
        Self(Kind::Timers {
            start: tokio::time::Instant::now(),
            wall,
        })
    }

    /// A clock that stands still until it is moved.
    pub fn manual() -> Self {
        Self(Kind::Manual(Arc::default()))
    }

    /// Now, on the monotonic clock.
    pub fn at(&self) -> At {
        match &self.0 {
            Kind::System { start } => {
                At(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
            }
            Kind::Timers { start, .. } => At::default().plus(start.elapsed()),
            Kind::Manual(hands) => At(hands.at.load(Ordering::Acquire)),
        }
    }

    /// Now, on the wall clock; 0 where the wall clock stands before 1970.
    #[expect(clippy::disallowed_methods, reason = "this room is the wall")]
    pub fn wall(&self) -> Wall {
        match &self.0 {
            Kind::System { .. } => Wall(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .ok()
                    .and_then(|since| i64::try_from(since.as_millis()).ok())
                    .unwrap_or_default(),
            ),
            Kind::Timers { start, wall } => Wall(
                wall.0
                    .saturating_add(i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)),
            ),
            Kind::Manual(hands) => Wall(hands.wall.load(Ordering::Acquire)),
        }
    }

    /// Sets a manual clock; the others stay as they are.
    pub fn set(&self, at: At, wall: Wall) {
        if let Kind::Manual(hands) = &self.0 {
            hands.at.store(at.0, Ordering::Release);
            hands.wall.store(wall.0, Ordering::Release);
        }
    }
}
