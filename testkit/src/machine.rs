//! What the harness asks of a machine: the five verbs, in the plainest form.

use std::time::Instant;

/// A machine under test. A test writes a thin adapter for its own.
pub trait Machine {
    /// A datagram came in.
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]);

    /// Time has passed.
    fn handle_timeout(&mut self, now: Instant);

    /// Appends the next datagram to `out`; says whether there was one.
    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool;

    /// When to call `handle_timeout`.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Starts to close.
    fn close(&mut self, now: Instant);

    /// Whether nothing will ever come out again.
    fn is_closed(&self) -> bool;

    /// All events that wait, in words: they are compared, and shown when a test fails.
    fn drain_events(&mut self) -> Vec<String>;

    /// A datagram of this protocol in one line, whoever sent it.
    fn describe(datagram: &[u8]) -> String;
}
