//! A byte cursor whose errors carry the offset, and the writers that belong to it.

use crate::error::{ParseError, ParseErrorKind};

/// Reads big-endian fields from a slice.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let left = self.rest();
        let Some(taken) = left.get(..count) else {
            return Err(self.error(ParseErrorKind::Truncated { needed: count, found: left.len() }));
        };
        self.at += count;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ParseError> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ParseError> {
        Ok(be16(self.take(2)?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ParseError> {
        Ok(be32(self.take(4)?))
    }

    /// Octets read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// An error at the current position.
    pub(crate) fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError { kind, offset: self.at }
    }

    /// Everything must have been read.
    pub(crate) fn finish(&self) -> Result<(), ParseError> {
        if self.is_empty() {
            return Ok(());
        }
        Err(self.error(ParseErrorKind::Length { length: self.bytes.len() }))
    }
}

/// The first two octets as a number; the caller has checked the length.
pub(crate) fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// The first four octets as a number; the caller has checked the length.
pub(crate) fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// `length` rounded up to the next multiple of four (RFC 9260 section 3.2).
pub(crate) const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// A length as it stands in a 16-bit field. Everything that is encoded is built with a bound below 64 KiB.
pub(crate) fn length16(length: usize) -> u16 {
    debug_assert!(length <= usize::from(u16::MAX), "a length field is built from bounded parts");
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Fills up with zeros to a multiple of four octets, counted from `start`.
pub(crate) fn pad(out: &mut Vec<u8>, start: usize) {
    out.resize(start + padded(out.len() - start), 0);
}

/// Walks over type-length-value items of 16-bit type and length, padded to four octets.
///
/// Built from bytes that [`check_tlvs`] has accepted, so it cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tlvs<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Tlvs<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, _) = self.0.split_at_checked(4)?;
        let length = usize::from(be16(&header[2..]));
        let value = self.0.get(4..length)?;
        let kind = be16(header);
        self.0 = self.0.get(padded(length)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Checks that the bytes are a run of TLVs; the padding of the last one may be absent.
pub(crate) fn check_tlvs(bytes: &[u8]) -> Result<(), ParseError> {
    let mut at = 0;
    while at < bytes.len() {
        let left = &bytes[at..];
        if left.len() < 4 {
            let kind = ParseErrorKind::Truncated { needed: 4, found: left.len() };
            return Err(ParseError { kind, offset: at });
        }
        let length = usize::from(be16(&left[2..]));
        if length < 4 {
            return Err(ParseError { kind: ParseErrorKind::Length { length }, offset: at + 2 });
        }
        if length > left.len() {
            let kind = ParseErrorKind::Truncated { needed: length, found: left.len() };
            return Err(ParseError { kind, offset: at });
        }
        at += padded(length);
    }
    Ok(())
}

/// Appends one TLV with its padding.
pub(crate) fn write_tlv(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let start = out.len();
    write_last_tlv(out, kind, value);
    pad(out, start);
}

/// Appends the last TLV of a chunk, whose padding the chunk's length does not count (RFC 9260 section 3.2).
pub(crate) fn write_last_tlv(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length16(value.len() + 4).to_be_bytes());
    out.extend_from_slice(value);
}
