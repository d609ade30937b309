//! What the machine reports: changes of state, never payload.

use std::collections::{BTreeMap, BTreeSet};

use crate::lazy::{Lazy, blank};

/// A change of state. Undrained events of one kind and stream are merged, so the queue is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The association is up: messages flow both ways.
    Connected,
    /// The peer began anew (RFC 9260 section 5.2.4, action A): streams start at 0, what was queued is gone.
    Restarted,
    /// The peer reset a stream it sends on; the next message on it belongs to a new use.
    IncomingReset {
        /// The stream.
        stream: u16,
    },
    /// The reset of a stream we send on is over.
    OutgoingReset {
        /// The stream.
        stream: u16,
        /// Whether the peer performed it.
        done: bool,
    },
    /// The amount buffered for a stream fell to its threshold or below.
    BufferedAmountLow {
        /// The stream.
        stream: u16,
    },
    /// `receive` has something to hand out, and had nothing before.
    Readable,
    /// The association is over. Nothing follows.
    Closed(CloseReason),
}

/// Why an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// Both sides agreed (RFC 9260 section 9.2).
    Shutdown,
    /// `abort`, or `close` before the association was up.
    Local,
    /// The peer sent ABORT with this cause code; 0 without a cause (RFC 9260 section 9.1).
    PeerAbort {
        /// Code of the first cause.
        cause: u16,
    },
    /// INIT or COOKIE ECHO went unanswered (RFC 9260 section 5.1).
    SetupTimeout,
    /// Too many retransmissions or heartbeats unanswered (RFC 9260 section 8.1).
    PeerUnreachable,
    /// The graceful shutdown took too long (RFC 9260 section 9.2).
    ShutdownTimeout,
    /// A message above `max_receive_message`.
    MessageTooLarge,
    /// The peer broke the protocol (RFC 9260 section 3.3.10.13).
    ProtocolViolation,
}

/// Those of streams.
#[derive(Debug)]
pub(crate) struct StreamEvents {
    pub(crate) incoming_reset: BTreeSet<u16>,
    pub(crate) outgoing_reset: BTreeMap<u16, bool>,
}

impl StreamEvents {
    const EMPTY: Self = Self { incoming_reset: BTreeSet::new(), outgoing_reset: BTreeMap::new() };

    fn is_empty(&self) -> bool {
        self.incoming_reset.is_empty() && self.outgoing_reset.is_empty()
    }

    fn poll(&mut self) -> Option<Event> {
        if let Some(stream) = self.incoming_reset.pop_first() {
            return Some(Event::IncomingReset { stream });
        }
        let (stream, done) = self.outgoing_reset.pop_first()?;
        Some(Event::OutgoingReset { stream, done })
    }
}

blank!(StreamEvents, StreamEvents::EMPTY);

/// Events not yet polled.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) connected: bool,
    pub(crate) restarted: bool,
    pub(crate) readable: bool,
    pub(crate) streams: Lazy<StreamEvents>,
    pub(crate) closed: Option<CloseReason>,
}

impl Events {
    /// Gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        if self.streams.is_empty() {
            self.streams.rest();
        }
    }

    /// `low`: streams whose buffered amount fell to the threshold.
    pub(crate) fn poll(&mut self, low: &mut BTreeSet<u16>) -> Option<Event> {
        if std::mem::take(&mut self.connected) {
            return Some(Event::Connected);
        }
        if std::mem::take(&mut self.restarted) {
            return Some(Event::Restarted);
        }
        if !self.streams.is_empty() {
            return self.streams.poll();
        }
        if let Some(stream) = low.pop_first() {
            return Some(Event::BufferedAmountLow { stream });
        }
        if std::mem::take(&mut self.readable) {
            return Some(Event::Readable);
        }
        self.closed.take().map(Event::Closed)
    }
}
