//! FORWARD-TSN (RFC 3758 section 3.2) and I-FORWARD-TSN (RFC 8260 section 2.3.1).

use std::fmt;

use crate::error::{ParseError, ParseErrorKind};
use crate::wire::{Reader, be16, be32};

/// Skips everything up to a TSN, and for each stream named the ordered messages up to an SSN.
///
/// ```text
/// |                      New Cumulative TSN                       |
/// |         Stream #1             |   Stream Sequence #1          |
/// |                              ...                              |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardTsn<'a> {
    /// New cumulative TSN.
    pub cumulative: u32,
    streams: &'a [u8],
}

impl<'a> ForwardTsn<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let (cumulative, streams) = parse(value, 4)?;
        Ok(Self { cumulative, streams })
    }

    /// Stream and last skipped SSN.
    pub fn streams(&self) -> impl Iterator<Item = (u16, u16)> + use<'a> {
        self.streams.chunks_exact(4).map(|s| (be16(s), be16(&s[2..])))
    }

    pub(crate) fn value_len(&self) -> usize {
        4 + self.streams.len()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.cumulative.to_be_bytes());
        out.extend_from_slice(self.streams);
    }
}

impl fmt::Display for ForwardTsn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cum={}", self.cumulative)?;
        self.streams().try_for_each(|(stream, ssn)| write!(f, " {stream}:{ssn}"))
    }
}

/// Skips everything up to a TSN, and for each stream named the messages up to a message identifier.
///
/// ```text
/// |                      New Cumulative TSN                       |
/// |       Stream Identifier       |          Reserved           |U|
/// |                       Message Identifier                      |
/// |                              ...                              |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IForwardTsn<'a> {
    /// New cumulative TSN.
    pub cumulative: u32,
    streams: &'a [u8],
}

impl<'a> IForwardTsn<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let (cumulative, streams) = parse(value, 8)?;
        Ok(Self { cumulative, streams })
    }

    /// Stream, whether the unordered messages are meant, and last skipped message identifier.
    pub fn streams(&self) -> impl Iterator<Item = (u16, bool, u32)> + use<'a> {
        self.streams.chunks_exact(8).map(|s| (be16(s), s[3] & 1 != 0, be32(&s[4..])))
    }

    pub(crate) fn value_len(&self) -> usize {
        4 + self.streams.len()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.cumulative.to_be_bytes());
        out.extend_from_slice(self.streams);
    }
}

impl fmt::Display for IForwardTsn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cum={}", self.cumulative)?;
        self.streams().try_for_each(|(stream, unordered, mid)| {
            write!(f, " {stream}{}:{mid}", if unordered { "u" } else { "" })
        })
    }
}

fn parse(value: &[u8], entry: usize) -> Result<(u32, &[u8]), ParseError> {
    let mut r = Reader::new(value);
    let cumulative = r.u32()?;
    let streams = r.rest();
    if !streams.len().is_multiple_of(entry) {
        return Err(r.error(ParseErrorKind::Length { length: value.len() + 4 }));
    }
    Ok((cumulative, streams))
}
