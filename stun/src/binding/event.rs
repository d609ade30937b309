//! What a client says to its caller.

use std::net::SocketAddr;
use std::time::Duration;

use crate::kind::{ErrorCode, TransactionId};

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It answered one of our requests, or tried to: outcomes come as events, faults are counted.
    Consumed,
    /// It is not an answer to any request of ours: another protocol's, or another agent's on the same port.
    NotMine,
}

/// A message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// Whither.
    pub destination: SocketAddr,
    /// The request, as the client's command has named it, whatever the transaction.
    pub id: TransactionId,
    /// ECN codepoint, 0 to 3; always 0 (not ECN-capable).
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0 (default forwarding).
    pub dscp: u8,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindingEvent {
    /// The request, as the client's command has named it.
    pub id: TransactionId,
    /// The server asked, of several the last.
    pub server: SocketAddr,
    /// How it ended.
    pub outcome: BindingOutcome,
    /// Time from request to answer, where only one sending can have been answered (Karn's rule).
    pub round_trip: Option<Duration>,
    /// What else the answer says; `None` without one.
    pub answer: Option<BindingAnswer>,
}

/// What a success response says besides the address; RFC 5780 section 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindingAnswer {
    /// Whence it came.
    pub source: SocketAddr,
    /// MAPPED-ADDRESS, which boxes that look for addresses in payloads may have rewritten.
    pub mapped_plain: Option<SocketAddr>,
    /// RESPONSE-ORIGIN: whence the server has sent it.
    pub origin: Option<SocketAddr>,
    /// OTHER-ADDRESS: the server's other address and other port.
    pub other: Option<SocketAddr>,
    /// Octets of PADDING.
    pub padding: usize,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindingOutcome {
    /// The server saw the request come from this address.
    Mapped(SocketAddr),
    /// The server refused.
    Refused {
        /// Its error code.
        code: ErrorCode,
        /// With 300: the server to ask instead. It was not asked, because the answer is not signed, or leads in a circle
        /// or too far.
        alternate: Option<SocketAddr>,
    },
    /// Nobody answered in time; RFC 8489 section 6.2.1.
    TimedOut,
    /// Answers came, none of them signed as they must be: someone on the path interferes, or the server is broken; RFC
    /// 8489 sections 9.1.4 and 9.2.5.
    Distrusted,
    /// The server asks for what we do not have: a long-term credential, an algorithm; or someone has tampered with its
    /// list of algorithms; RFC 8489 section 9.2.5.
    Algorithms,
    /// The answer made no sense: no address, no error code, or an attribute that must be understood and is not; RFC 8489
    /// sections 6.3.3 and 6.3.4.
    Unusable,
}

/// Why a request was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configured limit is reached: take events, or wait for requests to end.
    #[error("{limit} requests are under way or have outcomes to be taken; poll events first")]
    WouldBlock {
        /// [`crate::BindingConfig::limit`].
        limit: usize,
    },
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
    /// The request would not fit into a datagram.
    #[error("{0} octets of padding are too many")]
    Padding(usize),
}

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests sent, repetitions not counted.
    pub requests: u64,
    /// Repetitions sent.
    pub retransmissions: u64,
    /// Answers that ended a transaction.
    pub answers: u64,
    /// Dropped: an answer from an address that was not asked.
    pub dropped_source: u64,
    /// Dropped: an answer whose integrity is missing or wrong.
    pub dropped_integrity: u64,
}
