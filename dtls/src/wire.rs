//! Reading and writing the presentation language of RFC 5246 section 4: big-endian integers and vectors with a length
//! in front.

use crate::error::{Kind, ParseError};

/// A cursor that knows how far from the start of the message it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.truncated(count))?;
        self.rest = rest;
        self.offset += count;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], ParseError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.truncated(N))?;
        self.rest = rest;
        self.offset += N;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ParseError> {
        self.array::<1>().map(|[octet]| *octet)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ParseError> {
        self.array().map(|octets| u16::from_be_bytes(*octets))
    }

    pub(crate) fn u24(&mut self) -> Result<u32, ParseError> {
        self.array().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u48(&mut self) -> Result<u64, ParseError> {
        self.array().map(|&[a, b, c, d, e, f]| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// A vector with one octet of length.
    pub(crate) fn vec8(&mut self, minimum: usize) -> Result<Self, ParseError> {
        let start = self.offset;
        let len = self.u8()?.into();
        self.vector(start, len, minimum)
    }

    /// A vector with two octets of length.
    pub(crate) fn vec16(&mut self, minimum: usize) -> Result<Self, ParseError> {
        let start = self.offset;
        let len = self.u16()?.into();
        self.vector(start, len, minimum)
    }

    /// A vector with three octets of length.
    pub(crate) fn vec24(&mut self, minimum: usize) -> Result<Self, ParseError> {
        let start = self.offset;
        let len = usize::try_from(self.u24()?).unwrap_or(usize::MAX);
        self.vector(start, len, minimum)
    }

    fn vector(&mut self, start: usize, len: usize, minimum: usize) -> Result<Self, ParseError> {
        if len < minimum {
            return Err(ParseError { kind: Kind::TooShort { found: len, minimum }, offset: start });
        }
        let offset = self.offset;
        Ok(Self { rest: self.take(len)?, offset })
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses octets after the last field.
    pub(crate) fn finish(self) -> Result<(), ParseError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(Kind::Trailing(self.rest.len()))) }
    }

    pub(crate) fn error(&self, kind: Kind) -> ParseError {
        ParseError { kind, offset: self.offset }
    }

    fn truncated(&self, needed: usize) -> ParseError {
        self.error(Kind::Truncated { needed, available: self.rest.len() })
    }
}

/// Lengths on the wire have 24 bits at most.
pub(crate) fn to_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

pub(crate) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes the low 24 bits.
pub(crate) fn put_u24(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes()[1..]);
}

/// Writes the low 48 bits.
pub(crate) fn put_u48(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes()[2..]);
}

/// Writes what `content` appends behind `N` octets of its length. Content that is too long for the length field is cut
/// to what fits, so that the framing always holds.
pub(crate) fn put_vec<const N: usize>(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    const { assert!(N >= 1 && N <= 3, "lengths have 1 to 3 octets") };
    let start = out.len();
    out.extend_from_slice(&[0; N]);
    content(out);
    let longest = (1usize << (8 * N)) - 1;
    out.truncate(start + N + longest);
    let len = (out.len() - start - N).to_be_bytes();
    out[start..start + N].copy_from_slice(&len[len.len() - N..]);
}

/// A list of 16-bit code points, as hellos have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct U16List<'a>(&'a [u8]);

impl<'a> U16List<'a> {
    /// Takes the octets of the list, two for each entry.
    ///
    /// # Errors
    /// Their number is odd.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Self::read(Reader::new(bytes))
    }

    pub(crate) fn read(reader: Reader<'a>) -> Result<Self, ParseError> {
        let bytes = reader.rest();
        if !bytes.len().is_multiple_of(2) {
            return Err(reader.error(Kind::OddList(bytes.len())));
        }
        Ok(Self(bytes))
    }

    /// The entries in order.
    pub fn iter(self) -> impl Iterator<Item = u16> + use<'a> {
        self.0.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair))
    }

    /// Whether `value` is in the list.
    pub fn contains(self, value: u16) -> bool {
        self.iter().any(|entry| entry == value)
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_in_the_message_it_is() {
        let mut reader = Reader::new(&[7, 0, 2, 9, 9, 1]);
        assert_eq!(reader.u8(), Ok(7));
        let mut inner = reader.vec16(1).unwrap();
        assert_eq!(inner.u16(), Ok(0x0909));
        assert_eq!(
            inner.u8(),
            Err(ParseError { kind: Kind::Truncated { needed: 1, available: 0 }, offset: 5 })
        );
        assert_eq!(reader.finish(), Err(ParseError { kind: Kind::Trailing(1), offset: 5 }));
    }

    #[test]
    fn content_too_long_for_its_length_field_is_cut() {
        let mut out = Vec::new();
        put_vec::<1>(&mut out, |out| out.resize(out.len() + 300, 1));
        assert_eq!((out.len(), out[0]), (256, 255));
    }
}
