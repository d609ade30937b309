//! A chunk with its TSN and its fate.

use std::time::Instant;

use bytes::Bytes;

use crate::chunk::{Chunk, Data, DataFlags, IData};
use crate::serial;

/// A message or a piece of one, cut but without a TSN.
#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) payload: Bytes,
    pub(crate) stream: u16,
    pub(crate) ssn: u16,
    /// Message identifier and fragment sequence number (RFC 8260 section 2.1).
    pub(crate) mid: u32,
    pub(crate) fsn: u32,
    pub(crate) ppid: u32,
    pub(crate) flags: DataFlags,
    pub(crate) expires: Option<Instant>,
    pub(crate) max_retransmits: Option<u16>,
}

/// Which message of a stream: the stream, whether unordered, the message identifier.
pub(crate) type MessageKey = (u16, bool, u32);

impl Fragment {
    pub(super) fn key(&self) -> MessageKey {
        (self.stream, self.flags.has(DataFlags::UNORDERED), self.mid)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    InFlight,
    /// To be sent again; stands in `lost`.
    Lost,
    /// Reported in a gap block; kept, since the peer may change its mind.
    Acked,
    /// Given up (RFC 3758).
    Abandoned,
}

/// What had been delivered when a packet left, so that its acknowledgement gives a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateMark {
    /// Octets delivered until then.
    pub(super) delivered: u64,
    /// When the last of them was.
    pub(super) delivered_at: Instant,
    /// When the packet left whose delivery that was.
    pub(super) first_sent: Instant,
    pub(super) limited: bool,
}

/// A chunk that has a TSN.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) fragment: Fragment,
    pub(crate) fate: Fate,
    pub(crate) transmits: u16,
    /// Number of the packet that carried it last.
    pub(crate) packet: u64,
    pub(crate) sent_at: Instant,
    /// Octets of the chunk.
    pub(super) octets: usize,
    pub(super) mark: RateMark,
}

impl Sent {
    pub(super) fn wire_len(&self) -> usize {
        self.octets
    }

    /// The chunk as it goes on the wire.
    pub(crate) fn chunk(&self, tsn: u64, interleaved: bool) -> Chunk<'_> {
        let Fragment { payload, stream, ssn, mid, fsn, ppid, flags, .. } = &self.fragment;
        let (flags, tsn, stream) = (*flags, serial::wire(tsn), *stream);
        if interleaved {
            let ppid_or_fsn = if flags.has(DataFlags::BEGIN) { *ppid } else { *fsn };
            Chunk::IData(IData { flags, tsn, stream, mid: *mid, ppid_or_fsn, payload })
        } else {
            Chunk::Data(Data { flags, tsn, stream, ssn: *ssn, ppid: *ppid, payload })
        }
    }
}
