//! Virtual time: it passes when a test says so.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The moment from which all virtual time is counted.
///
/// The one place in the project's tests where the real clock is read, since an `Instant` can be had in no other way.
/// Nothing depends on its value.
pub fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
    *ORIGIN.get_or_init(Instant::now)
}

/// A clock that a test moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    now: Instant,
}

impl Clock {
    /// A clock that stands at the origin.
    pub fn new() -> Self {
        Self { now: origin() }
    }

    /// The time on the clock.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Time since the origin.
    pub fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(origin())
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    /// Moves to `to`, unless that is in the past.
    pub fn advance_to(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
