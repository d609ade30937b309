//! The SCTP packet: common header and a run of chunks (RFC 9260 section 3).
//!
//! ```text
//!  0                   1                   2                   3
//! |      Source Port Number       |    Destination Port Number    |
//! |                       Verification Tag                        |
//! |                           Checksum                            |
//! |                           Chunk #1 ...                        |
//! ```

use std::fmt;

use crate::chunk::{Chunk, ChunkType, RawChunk};
use crate::error::{ParseError, ParseErrorKind};
use crate::wire::{be16, be32, length16, pad, padded};

/// Octets of the common header.
pub const HEADER: usize = 12;

/// A packet whose chunk framing has been checked: every chunk has its own slice and none reaches beyond the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    bytes: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Checks the common header and the length of every chunk, in one pass; the checksum is [`Packet::checksum_is_valid`].
    ///
    /// # Errors
    /// Fewer than 12 octets, no chunk at all, a chunk length below four or beyond the end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let truncated = |needed, offset| {
            let found = bytes.len() - offset;
            Err(ParseError { kind: ParseErrorKind::Truncated { needed, found }, offset })
        };
        if bytes.len() < HEADER {
            return truncated(HEADER, 0);
        }
        let mut at = HEADER;
        loop {
            let left = bytes.get(at..).unwrap_or_default();
            if left.len() < 4 {
                return truncated(4, at.min(bytes.len()));
            }
            let length = usize::from(be16(&left[2..]));
            if length < 4 {
                return Err(ParseError { kind: ParseErrorKind::Length { length }, offset: at + 2 });
            }
            if length > left.len() {
                return truncated(length, at);
            }
            at += padded(length);
            if at >= bytes.len() {
                return Ok(Self { bytes });
            }
        }
    }

    /// Source port; 5000 in WebRTC unless the descriptions say otherwise.
    pub fn source_port(&self) -> u16 {
        be16(self.bytes)
    }

    /// Destination port.
    pub fn destination_port(&self) -> u16 {
        be16(&self.bytes[2..])
    }

    /// Verification tag; zero only around an INIT.
    pub fn tag(&self) -> u32 {
        be32(&self.bytes[4..])
    }

    /// The checksum field; zero where RFC 9653 is in use.
    pub fn checksum(&self) -> u32 {
        u32::from_le_bytes([self.bytes[8], self.bytes[9], self.bytes[10], self.bytes[11]])
    }

    /// Whether the checksum field is the CRC32c of the packet (RFC 9260 appendix A).
    pub fn checksum_is_valid(&self) -> bool {
        self.checksum() == checksum(self.bytes)
    }

    /// The chunks in order, each cut to its own length.
    pub fn chunks(&self) -> impl Iterator<Item = RawChunk<'a>> + use<'a> {
        Chunks(&self.bytes[HEADER..])
    }
}

/// `SCTP tag=00000001 DATA tsn=1 ...`, in one line, for the ladder.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SCTP tag={:08x}", self.tag())?;
        for raw in self.chunks() {
            match Chunk::parse(raw) {
                Ok(chunk) => write!(f, " | {chunk}")?,
                Err(error) => write!(f, " | {} malformed: {error}", raw.kind)?,
            }
        }
        Ok(())
    }
}

/// Walks over chunks whose framing was checked.
#[derive(Clone, Copy, Debug)]
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = RawChunk<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (header, _) = self.0.split_at_checked(4)?;
        let length = usize::from(be16(&header[2..]));
        let value = self.0.get(4..length)?;
        let chunk = RawChunk { kind: ChunkType(header[0]), flags: header[1], value };
        self.0 = self.0.get(padded(length)..).unwrap_or_default();
        Some(chunk)
    }
}

/// CRC32c over the packet with the checksum field taken as zero.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let head = crc32c::crc32c(&bytes[..8]);
    let zero = crc32c::crc32c_append(head, &[0; 4]);
    crc32c::crc32c_append(zero, &bytes[HEADER..])
}

/// Builds one packet at the end of a buffer and keeps it below a limit.
#[derive(Debug)]
pub struct PacketBuilder<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
}

impl<'a> PacketBuilder<'a> {
    /// Appends the common header. `limit`: largest packet in octets; smaller values than the header's 12 count as 12.
    pub fn new(out: &'a mut Vec<u8>, source: u16, destination: u16, tag: u32, limit: usize) -> Self {
        let start = out.len();
        out.extend_from_slice(&source.to_be_bytes());
        out.extend_from_slice(&destination.to_be_bytes());
        out.extend_from_slice(&tag.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        Self { out, start, limit: limit.max(HEADER) }
    }

    /// Octets that still fit.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.out.len() - self.start)
    }

    /// Whether no chunk has been added yet.
    pub fn is_empty(&self) -> bool {
        self.out.len() - self.start == HEADER
    }

    /// Appends a chunk if it fits, and says whether it did.
    pub fn push(&mut self, chunk: &Chunk<'_>) -> bool {
        if chunk.encoded_len() > self.room() {
            return false;
        }
        chunk.encode(self.out);
        true
    }

    /// Appends a chunk that is already encoded, with padding, if it fits.
    pub(crate) fn push_encoded(&mut self, chunk: &[u8]) -> bool {
        let fits = padded(chunk.len()) <= self.room();
        if fits {
            self.force_encoded(chunk);
        }
        fits
    }

    /// Appends a chunk even where it passes the limit.
    pub(crate) fn force_encoded(&mut self, chunk: &[u8]) {
        let start = self.out.len();
        self.out.extend_from_slice(chunk);
        pad(self.out, start);
    }

    /// Appends a chunk even where it passes the limit: a chunk cut before the path shrank cannot be cut again.
    pub(crate) fn force(&mut self, chunk: &Chunk<'_>) {
        chunk.encode(self.out);
    }

    /// Appends a chunk header and lets `write` append the value; the length is filled in afterwards.
    pub(crate) fn push_with(&mut self, kind: ChunkType, flags: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        self.out.extend_from_slice(&[kind.0, flags, 0, 0]);
        write(self.out);
        let length = length16(self.out.len() - start).to_be_bytes();
        self.out[start + 2..start + 4].copy_from_slice(&length);
        pad(self.out, start);
    }

    /// Fills in the CRC32c, or leaves the field zero (RFC 9653), and returns the packet's length in octets.
    pub fn finish(self, with_checksum: bool) -> usize {
        let packet = &mut self.out[self.start..];
        if with_checksum {
            let crc = checksum(packet).to_le_bytes();
            packet[8..HEADER].copy_from_slice(&crc);
        }
        packet.len()
    }

    /// Takes the packet back out of the buffer.
    pub(crate) fn discard(self) {
        self.out.truncate(self.start);
    }
}
