//! Candidate pairs; RFC 8445 section 6.1.2.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nomagic_stun::{ErrorCode, TransactionId};

use crate::config::CONSENT_EXPIRY;
use crate::route::{Endpoint, Route};

/// A pair's number within its agent, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub(crate) u64);

impl fmt::Display for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pair {}", self.0)
    }
}

/// How far a pair's check has come; RFC 8445 section 6.1.2.6.
///
/// ```text
///               +-----------+
///               |  Frozen   |
///               +-----------+
///                     | a pair of the same foundation worked, or nothing else is waiting
///                     v
///  +---------+  +-----------+   an inbound check triggers one of ours
///  | Failed  |->|  Waiting  |<--------------------+
///  +---------+  +-----------+                     |
///       ^             | sent                      |
///       |             v                           |
///       |       +-------------+                   |
///       +-------| In-Progress |-------------------+
///       failure +-------------+
///                     | success
///                     v
///               +-----------+
///               | Succeeded |
///               +-----------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PairState {
    /// Not to be checked before others.
    Frozen,
    /// To be checked.
    Waiting,
    /// A check is under way.
    InProgress,
    /// A check was answered: the pair is valid.
    Succeeded,
    /// The check failed, or consent is lost.
    Failed,
}

impl fmt::Display for PairState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frozen => "frozen",
            Self::Waiting => "waiting",
            Self::InProgress => "in progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        })
    }
}

/// The last thing that went wrong with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// Nobody answered the check in all its repetitions.
    #[error("no answer to our check")]
    NoAnswer,
    /// The check is being repeated: so far nobody has answered.
    #[error("no answer yet after {0} requests")]
    NoAnswerYet(u32),
    /// The answer came a way that the check did not go; RFC 8445 section 7.2.5.2.1.
    #[error("the answer came from {} to {}", .0.remote, .0.local)]
    NotSymmetric(Route),
    /// The peer refused.
    #[error("the peer refused our check with error {0}")]
    Refused(ErrorCode),
    /// Both agents had the same role; the check is made again.
    #[error("role conflict")]
    RoleConflict,
    /// An authentic answer that makes no sense.
    #[error("the peer's answer made no sense")]
    Unusable,
    /// No valid answer for 30 s; RFC 7675.
    #[error("consent to send expired")]
    ConsentExpired,
    /// The peer took its consent back; RFC 7675 section 5.2.
    #[error("the peer revoked consent to send")]
    ConsentRevoked,
}

/// Whether a pair is to be the selected one; RFC 8445 sections 7.3.1.5 and 8.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nominated {
    No,
    /// The peer has nominated it, and our own check must succeed first.
    WhenValid,
    Yes,
}

/// A pair under way. The local end is always a base: reflexive candidates are replaced by theirs.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) id: PairId,
    pub(crate) route: Route,
    /// Index into the session's remote candidates.
    pub(crate) remote: usize,
    /// Priority of the local and of the remote candidate; with the role they give the pair's.
    pub(crate) priorities: (u32, u32),
    pub(crate) priority: u64,
    pub(crate) foundation: (u16, u16),
    pub(crate) state: PairState,
    pub(crate) nominated: Nominated,
    /// An authenticated check came in, or one of ours was answered: data may be received.
    pub(crate) authenticated: bool,
    /// The transaction whose failure fails the pair.
    pub(crate) current: Option<TransactionId>,
    /// Our address as the peer sees it.
    pub(crate) mapped: Option<SocketAddr>,
    /// When the last valid answer came.
    pub(crate) last_answer: Option<Instant>,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) requests_sent: u64,
    pub(crate) requests_received: u64,
    pub(crate) answers_received: u64,
}

impl Pair {
    /// Whether data may be sent: our check was answered, and not too long ago.
    pub(crate) fn consented(&self, now: Instant) -> bool {
        self.state == PairState::Succeeded && self.consent_ends().is_some_and(|end| now < end)
    }

    pub(crate) fn consent_ends(&self) -> Option<Instant> {
        self.last_answer.and_then(|last| last.checked_add(CONSENT_EXPIRY))
    }

    /// Consent on this path is gone for this generation; RFC 7675 section 5.1.
    pub(crate) fn consent_lost(&self) -> bool {
        matches!(self.trouble, Some(Trouble::ConsentExpired | Trouble::ConsentRevoked))
    }

    /// Whether a check may still show that the pair works.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, PairState::Frozen | PairState::Waiting | PairState::InProgress)
    }
}

/// What is known of a pair; in the manner of browsers' statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairStats {
    /// The pair's number.
    pub id: PairId,
    /// The addresses on the wire.
    pub route: Route,
    /// Our candidate.
    pub local: Endpoint,
    /// The peer's candidate.
    pub remote: Endpoint,
    /// RFC 8445 section 6.1.2.3.
    pub priority: u64,
    /// How far its check has come.
    pub state: PairState,
    /// Whether it has been nominated and works.
    pub nominated: bool,
    /// Whether data is accepted from it.
    pub receives: bool,
    /// The last measured round trip.
    pub round_trip: Option<Duration>,
    /// Requests sent: checks, repetitions, consent.
    pub requests_sent: u64,
    /// Authenticated requests that came in.
    pub requests_received: u64,
    /// Authentic answers that came in.
    pub answers_received: u64,
    /// The last thing that went wrong.
    pub trouble: Option<Trouble>,
}

impl fmt::Display for PairStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} - {} {}", self.id, self.local, self.remote, self.state)?;
        if self.nominated {
            f.write_str(", nominated")?;
        }
        write!(f, ", sent {} received {}", self.requests_sent, self.requests_received)?;
        if let Some(round_trip) = self.round_trip {
            write!(f, ", round trip {} ms", round_trip.as_millis())?;
        }
        match &self.trouble {
            Some(trouble) => write!(f, ", {trouble}"),
            None => Ok(()),
        }
    }
}
