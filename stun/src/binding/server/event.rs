//! What a server says to its caller.

use crate::five_tuple::FiveTuple;

/// A message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindingServerTransmit {
    /// Octets appended to the caller's buffer.
    pub len: usize,
    /// Whence and whither. The server's end may be another than that at which the request came in, and the client's port
    /// another than that from which it came; RFC 5780 section 6.1.
    pub to: FiveTuple,
    /// ECN codepoint, 0 to 3; always 0.
    pub ecn: u8,
    /// DSCP, 0 to 63; always 0.
    pub dscp: u8,
}

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindingServerStats {
    /// Requests answered with an address.
    pub answered: u64,
    /// Requests refused, other than by a challenge.
    pub refused: u64,
    /// Requests answered with 401 or 438.
    pub challenged: u64,
    /// Answers dropped: more than the allowance, or more than may wait.
    pub dropped_answers: u64,
}
