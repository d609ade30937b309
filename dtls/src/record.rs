//! Records: the frames in which everything travels; RFC 6347 section 4.1.

use std::fmt;

use crate::error::{Kind, ParseError};
use crate::wire::{Reader, put_u16, put_u48};

/// Octets in front of a record's content.
pub const HEADER_LEN: usize = 13;
/// Octets that a record's plaintext has at most; RFC 5246 section 6.2.1.
pub const MAX_PLAINTEXT_LEN: usize = 1 << 14;
/// Octets that a protected record's content has at most; RFC 5246 section 6.2.3.
pub const MAX_CIPHERTEXT_LEN: usize = MAX_PLAINTEXT_LEN + 2048;
/// The highest sequence number: it has 48 bits.
pub const MAX_SEQUENCE: u64 = (1 << 48) - 1;

/// A protocol version as it is on the wire: 255 minus major, 255 minus minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

impl Version {
    /// DTLS 1.0, which a ClientHello and a HelloVerifyRequest name in their records; RFC 6347 section 4.2.1.
    pub const DTLS_1_0: Self = Self(0xfeff);
    /// DTLS 1.2.
    pub const DTLS_1_2: Self = Self(0xfefd);

    /// Whether this version, offered as the highest, allows DTLS 1.2. Later versions have lower numbers.
    pub const fn allows_1_2(self) -> bool {
        self.0 >> 8 == 0xfe && self.0 <= Self::DTLS_1_2.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::DTLS_1_0 => f.write_str("DTLS 1.0"),
            Self::DTLS_1_2 => f.write_str("DTLS 1.2"),
            Self(0xfefc) => f.write_str("DTLS 1.3"),
            Self(other) => write!(f, "version {other:#06x}"),
        }
    }
}

/// What a record carries; RFC 5246 section 6.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentType(pub u8);

impl ContentType {
    /// The sender changes to the keys just negotiated.
    pub const CHANGE_CIPHER_SPEC: Self = Self(20);
    /// An alert.
    pub const ALERT: Self = Self(21);
    /// A fragment of a handshake message.
    pub const HANDSHAKE: Self = Self(22);
    /// Payload of the layer above.
    pub const APPLICATION_DATA: Self = Self(23);
    /// A record with a connection id; what it really carries is under its protection. RFC 9146 section 4.
    pub const TLS12_CID: Self = Self(25);
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CHANGE_CIPHER_SPEC => f.write_str("ChangeCipherSpec"),
            Self::ALERT => f.write_str("Alert"),
            Self::HANDSHAKE => f.write_str("Handshake"),
            Self::APPLICATION_DATA => f.write_str("ApplicationData"),
            Self::TLS12_CID => f.write_str("ConnectionId"),
            Self(other) => write!(f, "content type {other}"),
        }
    }
}

/// The header of a record.
///
/// ```text
///  0      1         3       5                  11      13
/// +------+---------+-------+------------------+-------+----------
/// | type | version | epoch | sequence number  | length| content
/// +------+---------+-------+------------------+-------+----------
/// ```
///
/// A connection id, if the type is [`ContentType::TLS12_CID`], stands in front of the length; how long it is was agreed on
/// and is written nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the record carries: 20 to 23, or 25.
    pub content_type: ContentType,
    /// The version, [`Version::DTLS_1_0`] or [`Version::DTLS_1_2`].
    pub version: Version,
    /// Counts the changes of keys, from 0, which is plaintext.
    pub epoch: u16,
    /// Counts the records of an epoch; 48 bits.
    pub sequence: u64,
    /// Octets of content, at most [`MAX_CIPHERTEXT_LEN`].
    pub length: u16,
}

impl Header {
    /// Reads the header that stands at the start of `bytes`. Its content may be missing or be cut.
    ///
    /// # Errors
    /// Fewer than [`HEADER_LEN`] octets, or a type, version or length that DTLS 1.2 does not have.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        Self::parse_with_connection_id(bytes, 0).map(|(header, _)| header)
    }

    /// Reads the header of a record that may carry a connection id of so many octets; also returns how many octets stand in
    /// front of the content.
    ///
    /// # Errors
    /// As [`Header::parse`]. No record carries an id of no octets.
    pub fn parse_with_connection_id(bytes: &[u8], id_len: usize) -> Result<(Self, usize), ParseError> {
        let mut reader = Reader::new(bytes);
        let content_type = ContentType(reader.u8()?);
        let has_id = content_type == ContentType::TLS12_CID && id_len > 0;
        if !(20..=23).contains(&content_type.0) && !has_id {
            return Err(ParseError { kind: Kind::ContentType(content_type.0), offset: 0 });
        }
        let version = Version(reader.u16()?);
        if version != Version::DTLS_1_2 && version != Version::DTLS_1_0 {
            return Err(ParseError { kind: Kind::RecordVersion(version.0), offset: 1 });
        }
        let (epoch, sequence) = (reader.u16()?, reader.u48()?);
        let id_len = if has_id { reader.take(id_len)?.len() } else { 0 };
        let length = reader.u16()?;
        if usize::from(length) > MAX_CIPHERTEXT_LEN {
            return Err(ParseError { kind: Kind::RecordLength(length.into()), offset: 11 + id_len });
        }
        Ok((Self { content_type, version, epoch, sequence, length }, HEADER_LEN + id_len))
    }

    /// Octets of the encoded form.
    pub const fn encoded_len(&self) -> usize {
        HEADER_LEN
    }

    /// Appends the header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.content_type.0);
        put_u16(out, self.version.0);
        put_u16(out, self.epoch);
        put_u48(out, self.sequence);
        put_u16(out, self.length);
    }

    /// Octets of the whole record, if it has no connection id.
    pub fn record_len(&self) -> usize {
        HEADER_LEN + usize::from(self.length)
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content_type, epoch, sequence, length, .. } = self;
        write!(f, "{content_type} epoch={epoch} seq={sequence} len={length}")
    }
}

/// The connection id in the first record of a datagram, if it has one; of `len` octets, as whoever reads it has told its
/// peers. It says which connection the datagram is for.
pub fn connection_id(datagram: &[u8], len: usize) -> Option<&[u8]> {
    let (header, _) = Header::parse_with_connection_id(datagram, len).ok()?;
    (header.content_type == ContentType::TLS12_CID).then(|| datagram.get(ID_AT..ID_AT + len)).flatten()
}

/// Where in a record the connection id stands.
pub(crate) const ID_AT: usize = HEADER_LEN - 2;

/// The records of a datagram: each with its header, as far as they are whole.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
    id_len: usize,
}

impl<'a> Records<'a> {
    /// Walks over a datagram.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self::with_connection_id(datagram, 0)
    }

    /// Walks over a datagram whose records may carry connection ids of so many octets.
    pub const fn with_connection_id(datagram: &'a [u8], id_len: usize) -> Self {
        Self { rest: datagram, id_len }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(Header, &'a [u8]), ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.rest);
        let (header, at) = match Header::parse_with_connection_id(bytes, self.id_len) {
            Ok(parts) => parts,
            Err(fault) => return Some(Err(fault)),
        };
        let Some((record, rest)) = bytes.split_at_checked(at + usize::from(header.length)) else {
            let available = bytes.len() - at;
            let kind = Kind::Truncated { needed: header.length.into(), available };
            return Some(Err(ParseError { kind, offset: at }));
        };
        self.rest = rest;
        Some(Ok((header, &record[at..])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The first record of a handshake recorded from OpenSSL.
    const HELLO: [u8; 13] = [0x16, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xdd];

    #[test]
    fn a_recorded_header_reads() {
        let header = Header::parse(&HELLO).unwrap();
        assert_eq!(header.content_type, ContentType::HANDSHAKE);
        assert_eq!(header.version, Version::DTLS_1_0);
        assert_eq!((header.epoch, header.sequence, header.length), (0, 1, 0xdd));
        assert_eq!(header.to_string(), "Handshake epoch=0 seq=1 len=221");
    }

    #[test]
    fn what_dtls_12_does_not_have_is_refused() {
        let with = |at: usize, value: u8| {
            let mut bytes = HELLO;
            bytes[at] = value;
            Header::parse(&bytes).unwrap_err().kind
        };
        assert_eq!(with(0, 19), Kind::ContentType(19));
        assert_eq!(with(0, 24), Kind::ContentType(24));
        assert_eq!(with(2, 0xfe), Kind::RecordVersion(0xfefe));
        assert_eq!(with(11, 0x48), Kind::RecordLength(0x48dd));
        for cut in 0..HEADER_LEN {
            assert!(matches!(Header::parse(&HELLO[..cut]).unwrap_err().kind, Kind::Truncated { .. }));
        }
    }

    #[test]
    fn the_first_record_counts_though_the_second_is_cut() {
        let mut datagram = HELLO.to_vec();
        datagram[12] = 2;
        datagram.extend([1, 2]);
        datagram.extend(HELLO);
        let mut records = Records::new(&datagram);
        assert_eq!(records.next().unwrap().unwrap().1, [1, 2]);
        assert!(records.next().unwrap().is_err());
        assert!(records.next().is_none());
    }

    proptest! {
        #[test]
        fn a_header_round_trips(kind in 20u8..24, epoch: u16, sequence in 0..=MAX_SEQUENCE, length in 0u16..18_433) {
            let header = Header {
                content_type: ContentType(kind), version: Version::DTLS_1_2, epoch, sequence, length,
            };
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            prop_assert_eq!(bytes.len(), header.encoded_len());
            prop_assert_eq!(Header::parse(&bytes), Ok(header));
        }

        #[test]
        fn any_bytes_walk_without_panic(bytes: Vec<u8>) {
            prop_assert!(Records::new(&bytes).count() <= bytes.len() / HEADER_LEN + 1);
        }
    }
}
