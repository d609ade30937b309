//! Reading an RTP packet: checked once, then borrowed; and changing the fields that a relay changes.

use core::fmt;

use crate::error::{Kind, ParseError};
use crate::extension::Extensions;

/// Octets of the fixed header; RFC 3550 section 5.1.
const FIXED: usize = 12;

/// Whether a datagram of an RTP session is RTCP: its second octet is 192 to 223; RFC 5761 section 4.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

/// An RTP packet in the buffer that it came in; RFC 3550 section 5.1.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           timestamp                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                             SSRC                              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                             CSRC ...                          |
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    fixed: [u8; FIXED],
    /// Where the header extension's own header stands; equal to `payload` without one.
    extension: usize,
    payload: usize,
    /// Where the payload ends and padding begins.
    end: usize,
}

impl<'a> Packet<'a> {
    /// Reads a packet: version, contributing sources, header extension and padding must fit into `bytes`.
    ///
    /// # Errors
    /// One of them does not, or the version is not 2.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let error = |kind, offset| ParseError { kind, offset };
        let truncated =
            |needed, offset| error(Kind::Truncated { needed, available: bytes.len() - offset }, offset);
        let fixed = *bytes.first_chunk::<FIXED>().ok_or_else(|| truncated(FIXED, 0))?;
        if fixed[0] >> 6 != 2 {
            return Err(error(Kind::Version(fixed[0] >> 6), 0));
        }
        let extension = FIXED + 4 * usize::from(fixed[0] & 0x0f);
        if bytes.len() < extension {
            return Err(truncated(extension - FIXED, FIXED));
        }
        let mut payload = extension;
        if fixed[0] & 0x10 != 0 {
            let head = bytes[extension..].first_chunk::<4>().ok_or_else(|| truncated(4, extension))?;
            payload += 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            if bytes.len() < payload {
                return Err(truncated(payload - extension, extension));
            }
        }
        let mut end = bytes.len();
        if fixed[0] & 0x20 != 0 {
            let (padding, available) = (usize::from(bytes[end - 1]), end - payload);
            if padding == 0 || padding > available {
                return Err(error(Kind::Padding { padding, available }, end - 1));
            }
            end -= padding;
        }
        Ok(Self { bytes, fixed, extension, payload, end })
    }

    /// Whether the packet marks something that its profile defines: for video the last packet of a frame.
    pub fn marker(&self) -> bool {
        self.fixed[1] & 0x80 != 0
    }

    /// The payload type, 0 to 127.
    pub fn payload_type(&self) -> u8 {
        self.fixed[1] & 0x7f
    }

    /// The sequence number, which wraps.
    pub fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.fixed[2], self.fixed[3]])
    }

    /// The sampling instant in units of the payload's clock, which wraps.
    pub fn timestamp(&self) -> u32 {
        u32::from_be_bytes([self.fixed[4], self.fixed[5], self.fixed[6], self.fixed[7]])
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        u32::from_be_bytes([self.fixed[8], self.fixed[9], self.fixed[10], self.fixed[11]])
    }

    /// The contributing sources, at most 15.
    pub fn csrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        let end = FIXED + 4 * usize::from(self.fixed[0] & 0x0f);
        let (words, _) = self.bytes[FIXED..end].as_chunks::<4>();
        words.iter().map(|word| u32::from_be_bytes(*word))
    }

    /// The header extension: its profile-defined number and its data, without interpretation.
    pub fn raw_extension(&self) -> Option<(u16, &'a [u8])> {
        let (head, data) = self.bytes[self.extension..self.payload].split_first_chunk::<4>()?;
        Some((u16::from_be_bytes([head[0], head[1]]), data))
    }

    /// The elements of the header extension, where it is of RFC 8285's kind.
    pub fn extensions(&self) -> Extensions<'a> {
        self.raw_extension().map_or(Extensions::EMPTY, |(profile, data)| Extensions::new(profile, data))
    }

    /// The payload without padding; may be empty.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload..self.end]
    }

    /// Octets of padding, 0 to 255; the last one is their count.
    pub fn padding(&self) -> usize {
        self.bytes.len() - self.end
    }

    /// Octets before the payload.
    pub fn header_len(&self) -> usize {
        self.payload
    }

    /// The whole packet.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.marker() { " marker" } else { "" };
        write!(
            f,
            "RTP pt={} seq={} ts={} ssrc={:08x} len={}{mark}",
            self.payload_type(),
            self.sequence(),
            self.timestamp(),
            self.ssrc(),
            self.payload().len(),
        )
    }
}

impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({self})")
    }
}

/// Rewrites the payload type of an RTP packet where it lies; 0 to 127, the top bit is ignored.
///
/// Like its sisters it leaves alone what is too short to be a packet.
pub fn set_payload_type(packet: &mut [u8], payload_type: u8) {
    if let Some(octet) = packet.get_mut(1) {
        *octet = *octet & 0x80 | payload_type & 0x7f;
    }
}

/// Rewrites the marker of an RTP packet where it lies.
pub fn set_marker(packet: &mut [u8], marker: bool) {
    if let Some(octet) = packet.get_mut(1) {
        *octet = *octet & 0x7f | u8::from(marker) << 7;
    }
}

/// Rewrites the sequence number of an RTP packet where it lies.
pub fn set_sequence(packet: &mut [u8], sequence: u16) {
    if let Some(octets) = packet.get_mut(2..4) {
        octets.copy_from_slice(&sequence.to_be_bytes());
    }
}

/// Rewrites the timestamp of an RTP packet where it lies.
pub fn set_timestamp(packet: &mut [u8], timestamp: u32) {
    if let Some(octets) = packet.get_mut(4..8) {
        octets.copy_from_slice(&timestamp.to_be_bytes());
    }
}

/// Rewrites the synchronisation source of an RTP packet where it lies.
pub fn set_ssrc(packet: &mut [u8], ssrc: u32) {
    if let Some(octets) = packet.get_mut(8..12) {
        octets.copy_from_slice(&ssrc.to_be_bytes());
    }
}
