//! SACK (RFC 9260 section 3.3.4).

use std::fmt;

use crate::error::{ParseError, ParseErrorKind};
use crate::wire::{Reader, be16, be32, length16};

/// TSNs received beyond a hole: offsets from the cumulative TSN, `1 <= start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapBlock {
    /// First offset.
    pub start: u16,
    /// Last offset.
    pub end: u16,
}

/// The value of SACK, gap blocks and duplicates left where they lie.
///
/// ```text
/// |                      Cumulative TSN Ack                       |
/// |          Advertised Receiver Window Credit (a_rwnd)           |
/// | Number of Gap Ack Blocks = N  |  Number of Duplicate TSNs = M |
/// |    Gap Ack Block #1 Start     |     Gap Ack Block #1 End      |
/// |                              ...                              |
/// |                        Duplicate TSN #M                       |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sack<'a> {
    /// Last TSN before the first hole.
    pub cumulative: u32,
    /// What the peer can still take, octets of user data.
    pub a_rwnd: u32,
    blocks: &'a [u8],
    duplicates: &'a [u8],
}

impl<'a> Sack<'a> {
    /// Octets before the first gap block.
    pub const FIXED: usize = 12;

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(value);
        let (cumulative, a_rwnd) = (r.u32()?, r.u32()?);
        let (blocks, duplicates) = (usize::from(r.u16()?), usize::from(r.u16()?));
        let blocks = r.take(blocks * 4)?;
        let duplicates = r.take(duplicates * 4)?;
        r.finish()?;
        for (index, block) in blocks.chunks_exact(4).enumerate() {
            let (start, end) = (be16(block), be16(&block[2..]));
            if start == 0 || start > end {
                let offset = Self::FIXED + index * 4;
                return Err(ParseError { kind: ParseErrorKind::GapBlock { start, end }, offset });
            }
        }
        Ok(Self { cumulative, a_rwnd, blocks, duplicates })
    }

    /// The gap blocks in the order sent, which need not be ascending.
    pub fn blocks(&self) -> impl Iterator<Item = GapBlock> + use<'a> {
        self.blocks.chunks_exact(4).map(|b| GapBlock { start: be16(b), end: be16(&b[2..]) })
    }

    /// TSNs that arrived more than once since the last SACK.
    pub fn duplicates(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.duplicates.chunks_exact(4).map(be32)
    }

    pub(crate) fn value_len(&self) -> usize {
        Self::FIXED + self.blocks.len() + self.duplicates.len()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (blocks, duplicates) = (self.blocks.len() / 4, self.duplicates.len() / 4);
        write_fixed(out, self.cumulative, self.a_rwnd, blocks, duplicates);
        out.extend_from_slice(self.blocks);
        out.extend_from_slice(self.duplicates);
    }
}

/// Appends the fixed part; the caller appends as many blocks and duplicates as it says here.
pub(crate) fn write_fixed(out: &mut Vec<u8>, cumulative: u32, a_rwnd: u32, blocks: usize, duplicates: usize) {
    out.extend_from_slice(&cumulative.to_be_bytes());
    out.extend_from_slice(&a_rwnd.to_be_bytes());
    out.extend_from_slice(&length16(blocks).to_be_bytes());
    out.extend_from_slice(&length16(duplicates).to_be_bytes());
}

impl fmt::Display for Sack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cum={}", self.cumulative)?;
        if !self.blocks.is_empty() {
            f.write_str(" gaps=[")?;
            for (index, GapBlock { start, end }) in self.blocks().enumerate() {
                write!(f, "{}{start}-{end}", if index == 0 { "" } else { " " })?;
            }
            f.write_str("]")?;
        }
        if !self.duplicates.is_empty() {
            write!(f, " dups={}", self.duplicates.len() / 4)?;
        }
        write!(f, " rwnd={}", self.a_rwnd)
    }
}
