//! What a client knows of its peers: who is permitted, and which channels there are.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// RFC 8656 section 9.
//= rfc8656#9-1
pub(super) const PERMISSION: Duration = Duration::from_secs(300);
/// RFC 8656 section 12.
pub(super) const BINDING: Duration = Duration::from_secs(600);
/// How long a channel that has expired is left alone; RFC 8656 section 12.
//= rfc8656#12-3
pub(super) const COOLING: Duration = Duration::from_secs(300);

/// A peer's address that is, or is to be, let through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Permission {
    /// Renewed for as long as this holds.
    pub(super) wanted: bool,
    /// Asked for, the answer is awaited.
    pub(super) pending: bool,
    /// In force until then.
    pub(super) until: Option<Instant>,
    /// When to ask again.
    pub(super) renew: Option<Instant>,
}

impl Permission {
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.wanted { self.renew } else { self.until.filter(|_| !self.pending) }
    }
}

/// A channel: bound, being bound, or cooling down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel {
    pub(super) peer: SocketAddr,
    /// Renewed for as long as this holds.
    pub(super) wanted: bool,
    /// Asked for, the answer is awaited.
    pub(super) pending: bool,
    /// The server has confirmed it.
    pub(super) bound: bool,
    /// Bound, or perhaps bound, until then.
    pub(super) until: Instant,
    /// When to ask again.
    pub(super) renew: Option<Instant>,
}

impl Channel {
    /// Whether data may be sent on it.
    pub(super) fn carries(&self, now: Instant) -> bool {
        self.bound && now < self.until
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match (self.pending, self.wanted) {
            (true, _) => None,
            (false, true) => self.renew,
            (false, false) => Some(self.until + COOLING),
        }
    }
}
