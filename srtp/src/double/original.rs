//! The original header block: what a packet's header was before servers on the way changed it; RFC 8723 section 4.

use alloc::vec::Vec;

use crate::header::RtpHeader;

/// The fields that were changed on the way, as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OriginalHeader {
    /// The payload type, 0 to 127.
    pub payload_type: Option<u8>,
    /// The sequence number.
    pub sequence: Option<u16>,
    /// The marker bit.
    pub marker: Option<bool>,
}

/// What a server wants of a packet's header. `None` leaves a field as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// The payload type, 0 to 127.
    pub payload_type: Option<u8>,
    /// The sequence number.
    pub sequence: Option<u16>,
    /// The marker bit.
    pub marker: Option<bool>,
}

/// Why a header was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// Not a whole RTP packet of version 2, or it does not end with an original header block.
    #[error("not an rtp packet with an original header block: {len} octets")]
    Malformed {
        /// Its octets.
        len: usize,
    },
    /// A payload type has seven bits.
    #[error("payload type {payload_type} is above 127")]
    PayloadType {
        /// What was asked for.
        payload_type: u8,
    },
}

const VALUE: u8 = 0x08;
const MARKER: u8 = 0x04;
const PAYLOAD_TYPE: u8 = 0x02;
const SEQUENCE: u8 = 0x01;
const KNOWN: u8 = VALUE | MARKER | PAYLOAD_TYPE | SEQUENCE;

impl OriginalHeader {
    /// Reads the block at the end of what the outer cipher has opened; with its length, 1 to 4 octets.
    pub fn parse(payload: &[u8]) -> Option<(Self, usize)> {
        let (config, rest) = payload.split_last()?;
        // Section 4: reserved bits are 0, and so is the marker's value where there is none.
        if config & !KNOWN != 0 || config & (VALUE | MARKER) == VALUE {
            return None;
        }
        let (mut own, mut rest) = (Self::default(), rest);
        if config & SEQUENCE != 0 {
            let (before, octets) = rest.split_last_chunk::<2>()?;
            own.sequence = Some(u16::from_be_bytes(*octets));
            rest = before;
        }
        if config & PAYLOAD_TYPE != 0 {
            let (octet, before) = rest.split_last()?;
            own.payload_type = Some(*octet).filter(|octet| *octet < 128);
            own.payload_type?;
            rest = before;
        }
        own.marker = (config & MARKER != 0).then_some(config & VALUE != 0);
        Some((own, payload.len() - rest.len()))
    }

    /// Appends the block.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut config = 0;
        if let Some(payload_type) = self.payload_type {
            out.push(payload_type & 0x7f);
            config |= PAYLOAD_TYPE;
        }
        if let Some(sequence) = self.sequence {
            out.extend_from_slice(&sequence.to_be_bytes());
            config |= SEQUENCE;
        }
        if let Some(marker) = self.marker {
            config |= MARKER | if marker { VALUE } else { 0 };
        }
        out.push(config);
    }

    /// Changes the header of the packet that stands at `at..`, as a server's [`Receiver`](crate::Receiver) with the outer
    /// key has opened it, and the block at its end with it: what was changed for the first time is noted, what is as it
    /// first was again is noted no longer; RFC 8723 section 5.2.
    ///
    /// # Errors
    /// See [`RewriteError`]; the packet is as it was.
    pub fn rewrite(out: &mut Vec<u8>, at: usize, changes: Changes) -> Result<Self, RewriteError> {
        let packet = out.get(at..).unwrap_or_default();
        let malformed = RewriteError::Malformed { len: packet.len() };
        let header = RtpHeader::parse(packet, 0).ok_or(malformed)?;
        let (mut own, len) = Self::parse(&packet[header.len..]).ok_or(malformed)?;
        if let Some(payload_type) = changes.payload_type.filter(|payload_type| *payload_type > 127) {
            return Err(RewriteError::PayloadType { payload_type });
        }
        let second = packet[1];
        own.payload_type = first(own.payload_type, second & 0x7f, changes.payload_type);
        own.sequence = first(own.sequence, header.sequence, changes.sequence);
        own.marker = first(own.marker, second & 0x80 != 0, changes.marker);
        let end = out.len() - len;
        out.truncate(end);
        own.write(out);
        let payload_type = changes.payload_type.unwrap_or(second & 0x7f);
        let marker = changes.marker.unwrap_or(second & 0x80 != 0);
        out[at + 1] = payload_type | if marker { 0x80 } else { 0 };
        if let Some(sequence) = changes.sequence {
            out[at + 2..at + 4].copy_from_slice(&sequence.to_be_bytes());
        }
        Ok(own)
    }
}

/// The first value of a field, unless that is the one it has again.
fn first<T: PartialEq + Copy>(noted: Option<T>, now: T, wanted: Option<T>) -> Option<T> {
    let original = noted.unwrap_or(now);
    (wanted.unwrap_or(now) != original).then_some(original)
}
