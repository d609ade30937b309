//! Plain counters.

use std::time::Duration;

/// Counters since the machine was made, and a few current values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets received, dropped ones included.
    pub packets_received: u64,
    /// DATA chunks sent, retransmissions included.
    pub data_chunks_sent: u64,
    /// DATA chunks sent again.
    pub retransmissions: u64,
    /// Times that the retransmission timer (T3) expired.
    pub timeouts: u64,
    /// Times that loss was found from SACKs and the rate reduced.
    pub recoveries: u64,
    /// Messages given up since their lifetime was over before anything of them was sent (RFC 7496 section 4.4, as all
    /// counters of what is given up).
    pub expired_unsent: u64,
    /// Messages given up since their lifetime was over after a part of them or all was sent.
    pub expired_sent: u64,
    /// Messages given up since they would have been sent again once too often; all of them had been sent.
    pub exhausted: u64,
    /// Messages given up for some that matter more; none of them had been sent.
    pub displaced: u64,
    /// Messages given up since they were given to `send` before the association was up, for streams that the peer turned
    /// out not to have (RFC 9260 section 5.1.1).
    pub no_such_stream: u64,
    /// Messages handed to `send`.
    pub messages_sent: u64,
    /// Messages handed out by `receive`.
    pub messages_received: u64,
    /// Dropped packets: not SCTP, or chunk lengths that do not add up.
    pub dropped_malformed: u64,
    /// Dropped packets: other ports.
    pub dropped_port: u64,
    /// Dropped packets: wrong CRC32c.
    pub dropped_checksum: u64,
    /// Dropped packets: verification tag not ours (RFC 9260 section 8.5).
    pub dropped_tag: u64,
    /// Dropped chunks: not legal in this state.
    pub dropped_unexpected: u64,
    /// Dropped chunks: cookies not ours, altered or stale.
    pub dropped_cookie: u64,
    /// Dropped SACKs: older than the newest, or of data never sent.
    pub dropped_sack: u64,
    /// DATA chunks that had arrived before.
    pub duplicates: u64,
    /// DATA chunks dropped because the window was full or the TSN too far ahead.
    pub dropped_window: u64,
    /// Fragments or messages without the rest: skipped by the peer, or nonsense.
    pub dropped_orphans: u64,
    /// Answers not sent because too many were waiting, or because the path has become too small for them.
    pub dropped_replies: u64,
    /// Congestion window; octets. 0 without an association.
    pub congestion_window: usize,
    /// Octets in flight: sent, not acknowledged and not counted as lost.
    pub flight: usize,
    /// Octets of DATA chunks, headers included, that the peer has acknowledged, behind gaps too.
    pub octets_acknowledged: u64,
    /// Chunks that have a TSN and are not acknowledged without a gap.
    pub outstanding: usize,
    /// What the peer's window leaves; octets.
    pub peer_window: usize,
    /// Smoothed round-trip time, once measured.
    pub srtt: Option<Duration>,
}

impl Stats {
    /// Messages given up, for whatever reason.
    pub fn messages_abandoned(&self) -> u64 {
        self.expired_unsent + self.expired_sent + self.exhausted + self.displaced + self.no_such_stream
    }
}
