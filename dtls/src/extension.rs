//! Extensions of the hellos; RFC 5246 section 7.4.1.4.

mod application_protocol;
mod connection_id;
mod server_name;
mod use_srtp;

use std::fmt;

pub use application_protocol::ApplicationProtocols;
pub(crate) use application_protocol::put_protocols;
pub use connection_id::ConnectionId;
pub use server_name::ServerName;
pub use use_srtp::{SrtpProfile, UseSrtp};

use crate::error::{Kind, ParseError};
use crate::wire::{Reader, U16List, put_u16, put_vec};

/// Which extension it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionType(pub u16);

impl ExtensionType {
    /// The server's name; RFC 6066 section 3.
    pub const SERVER_NAME: Self = Self(0);
    /// Groups for the key exchange; RFC 8422 section 5.1.1.
    pub const SUPPORTED_GROUPS: Self = Self(10);
    /// Formats of points; RFC 8422 section 5.1.2.
    pub const EC_POINT_FORMATS: Self = Self(11);
    /// What the client can verify; RFC 5246 section 7.4.1.4.1.
    pub const SIGNATURE_ALGORITHMS: Self = Self(13);
    /// SRTP protection profiles; RFC 5764 section 4.1.1.
    pub const USE_SRTP: Self = Self(14);
    /// Names of the protocol above; RFC 7301.
    pub const APPLICATION_PROTOCOLS: Self = Self(16);
    /// The master secret is bound to the handshake; RFC 7627 section 5.1.
    pub const EXTENDED_MASTER_SECRET: Self = Self(23);
    /// The longest record that the sender takes; RFC 8449.
    pub const RECORD_SIZE_LIMIT: Self = Self(28);
    /// Names that records carry; RFC 9146 section 3.
    pub const CONNECTION_ID: Self = Self(54);
    /// Versions from DTLS 1.3 on; RFC 8446 section 4.2.1. Not used here.
    pub const SUPPORTED_VERSIONS: Self = Self(43);
    /// What certificates may be signed with; RFC 8446 section 4.2.3.
    pub const SIGNATURE_ALGORITHMS_CERT: Self = Self(50);
    /// Key shares of DTLS 1.3; RFC 8446 section 4.2.8. Not used here.
    pub const KEY_SHARE: Self = Self(51);
    /// Says that renegotiation is secure; here, that there is none. RFC 5746 section 3.2.
    pub const RENEGOTIATION_INFO: Self = Self(0xff01);
}

impl fmt::Display for ExtensionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::SERVER_NAME => "server_name",
            Self::SUPPORTED_GROUPS => "supported_groups",
            Self::EC_POINT_FORMATS => "ec_point_formats",
            Self::SIGNATURE_ALGORITHMS => "signature_algorithms",
            Self::USE_SRTP => "use_srtp",
            Self::APPLICATION_PROTOCOLS => "application_layer_protocol_negotiation",
            Self::EXTENDED_MASTER_SECRET => "extended_master_secret",
            Self::RECORD_SIZE_LIMIT => "record_size_limit",
            Self::CONNECTION_ID => "connection_id",
            Self::SUPPORTED_VERSIONS => "supported_versions",
            Self::SIGNATURE_ALGORITHMS_CERT => "signature_algorithms_cert",
            Self::KEY_SHARE => "key_share",
            Self::RENEGOTIATION_INFO => "renegotiation_info",
            Self(other) => return write!(f, "{other:#06x}"),
        })
    }
}

/// The extensions of a hello: checked for structure, each type at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
    /// A hello may end before the extensions; that is kept apart from an empty list.
    present: bool,
}

impl<'a> Extensions<'a> {
    /// No extensions, and no list of them either.
    pub const NONE: Self = Self { bytes: &[], present: false };

    /// Takes the octets of the list, without its length.
    ///
    /// # Errors
    /// An extension is cut, or comes twice.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Self::check(Reader::new(bytes))?;
        Ok(Self { bytes, present: true })
    }

    /// Reads the end of a hello.
    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, ParseError> {
        if reader.is_empty() {
            return Ok(Self::NONE);
        }
        let list = reader.vec16(0)?;
        reader.finish()?;
        Self::check(list)?;
        Ok(Self { bytes: list.rest(), present: true })
    }

    fn check(mut list: Reader<'_>) -> Result<(), ParseError> {
        // One bit for each type there is, so that a hello of many tiny extensions costs no more than one of few.
        let mut seen = [0u64; 1024];
        while !list.is_empty() {
            let at = list;
            let kind = list.u16()?;
            list.vec16(0)?;
            let (word, bit) = (&mut seen[usize::from(kind / 64)], 1 << (kind % 64));
            if *word & bit != 0 {
                return Err(at.error(Kind::ExtensionTwice(ExtensionType(kind))));
            }
            *word |= bit;
        }
        Ok(())
    }

    /// Type and content of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        let mut rest = Reader::new(self.bytes);
        std::iter::from_fn(move || {
            let kind = rest.u16().ok()?;
            rest.vec16(0).ok().map(|content| (ExtensionType(kind), content.rest()))
        })
    }

    /// The content of one.
    pub fn find(&self, wanted: ExtensionType) -> Option<&'a [u8]> {
        self.iter().find(|(kind, _)| *kind == wanted).map(|(_, content)| content)
    }

    /// Octets of the encoded form.
    pub const fn encoded_len(&self) -> usize {
        if self.present { 2 + self.bytes.len() } else { 0 }
    }

    /// Appends the list with its length, or nothing if there was no list.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.present {
            put_vec::<2>(out, |out| out.extend_from_slice(self.bytes));
        }
    }
}

impl fmt::Display for Extensions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ext=[")?;
        for (index, (kind, _)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{kind}")?;
        }
        f.write_str("]")
    }
}

/// Appends one extension.
pub(crate) fn put(out: &mut Vec<u8>, kind: ExtensionType, content: impl FnOnce(&mut Vec<u8>)) {
    put_u16(out, kind.0);
    put_vec::<2>(out, content);
}

/// Appends the content of supported_groups or signature_algorithms: a list of 16-bit values.
pub(crate) fn put_u16_list(out: &mut Vec<u8>, values: impl IntoIterator<Item = u16>) {
    put_vec::<2>(out, |out| values.into_iter().for_each(|value| put_u16(out, value)));
}

/// Reads the content of supported_groups or signature_algorithms; RFC 8422 section 5.1.1, RFC 5246 section 7.4.1.4.1.
///
/// # Errors
/// It breaks the format, or is empty.
pub fn parse_u16_list(content: &[u8]) -> Result<U16List<'_>, ParseError> {
    let mut reader = Reader::new(content);
    let list = U16List::read(reader.vec16(2)?)?;
    reader.finish()?;
    Ok(list)
}

/// Reads the content of renegotiation_info or ec_point_formats: a list of octets with one octet of length; RFC 5746
/// section 3.2, RFC 8422 section 5.1.2.
///
/// # Errors
/// It breaks the format.
pub fn parse_u8_list(content: &[u8]) -> Result<&[u8], ParseError> {
    let mut reader = Reader::new(content);
    let list = reader.vec8(0)?.rest();
    reader.finish()?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc5246#7.4.1.4-4 test
    #[test]
    fn an_extension_that_comes_twice_is_an_error_at_its_place() {
        let bytes = [0, 14, 0, 1, 9, 0, 23, 0, 0, 0, 14, 0, 0];
        let fault = Extensions::new(&bytes).unwrap_err();
        assert_eq!(fault, ParseError { kind: Kind::ExtensionTwice(ExtensionType::USE_SRTP), offset: 9 });
        assert_eq!(Extensions::new(&bytes[..9]).unwrap().find(ExtensionType(14)), Some(&[9][..]));
    }

    #[test]
    fn a_full_list_of_empty_extensions_reads() {
        let mut bytes = Vec::new();
        (0..16_383).for_each(|kind| put(&mut bytes, ExtensionType(kind), |_| ()));
        assert_eq!(Extensions::new(&bytes).unwrap().iter().count(), 16_383);
    }
}
