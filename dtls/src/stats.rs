//! Counters.

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams handed in that begin like DTLS.
    pub datagrams: u64,
    /// Datagrams of the handshake and of alerts sent.
    pub datagrams_sent: u64,
    /// Flights sent again since no answer came in time.
    pub timeouts: u64,
    /// Flights sent again since the peer repeated its own.
    pub repeats_answered: u64,
    /// Payload records sealed.
    pub records_sealed: u64,
    /// Payload records opened and handed on.
    pub records_opened: u64,
    /// Dropped: a record that is malformed, cut, or of an unknown type or version. The rest of its datagram is dropped
    /// with it, since nothing says where the next record begins.
    pub dropped_malformed: u64,
    /// Dropped: a record of an epoch that there is not, or not yet.
    pub dropped_epoch: u64,
    /// Dropped: a record that came before, or too far behind the newest.
    pub dropped_replay: u64,
    /// Dropped: a protected record with another connection id than ours, with one though none was agreed on, or without.
    pub dropped_connection_id: u64,
    /// Dropped: a protected record that is not authentic.
    pub dropped_forged: u64,
    /// Dropped: a plaintext record that has no business here any more, such as an alert or a hello once there are keys.
    pub dropped_plaintext: u64,
    /// Dropped: a record or message that does not belong to the state, such as a request to renegotiate.
    pub dropped_unexpected: u64,
    /// Dropped: a fragment that contradicts earlier ones, or an empty one of a message that is not.
    pub dropped_fragment: u64,
    /// Dropped: a fragment of a message that was complete before.
    pub dropped_duplicate: u64,
    /// Dropped: a record or fragment that would have passed a limit.
    pub dropped_limit: u64,
    /// Malformed hellos, and other messages, to a server that waits for a hello: they are answered with an alert, and it
    /// waits on.
    pub refused_hellos: u64,
    /// Payload records without content.
    pub empty_records: u64,
    /// Alerts that came unprotected when there were keys already, or before there was anything, and so changed nothing.
    pub unauthenticated_alerts: u64,
}
