//! What can be wrong with received bytes.

use crate::kind::AttributeType;

/// Bytes that are not a STUN message, or an attribute whose value breaks its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at octet {offset}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: Kind,
    /// Octets from the start of the message to the fault.
    pub offset: usize,
}

/// The ways in which a message or an attribute can be malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// Fewer octets than the header or an attribute's length field promises; RFC 8489 section 5.
    #[error("truncated: {needed} octets needed, {available} there")]
    Truncated {
        /// Octets that the format needs from here on.
        needed: usize,
        /// Octets that are there.
        available: usize,
    },
    /// The two most significant bits are not zero, so this is another protocol; RFC 8489 section 5.
    #[error("not STUN: the first octet is {0:#04x}")]
    FirstOctet(u8),
    /// The magic cookie is not 0x2112A442; RFC 8489 section 5.
    #[error("magic cookie is {0:#010x}, expected 0x2112a442")]
    MagicCookie(u32),
    /// The length field is no multiple of four; RFC 8489 section 5.
    #[error("message length {0} is no multiple of 4")]
    LengthAlignment(u16),
    /// A datagram holds exactly one message, so its size must be the header and the declared length.
    #[error("{actual} octets after the header, the length field says {declared}")]
    LengthMismatch {
        /// The header's length field.
        declared: usize,
        /// Octets after the header.
        actual: usize,
    },
    /// An attribute follows FINGERPRINT, which must be the last; RFC 8489 section 14.7.
    #[error("attribute {0} follows FINGERPRINT")]
    AfterFingerprint(AttributeType),
    /// The CRC in FINGERPRINT is not that of the message; RFC 8489 section 14.7.
    #[error("FINGERPRINT is {found:#010x}, the message has {expected:#010x}")]
    Fingerprint {
        /// The value computed over the message.
        expected: u32,
        /// The value in the attribute.
        found: u32,
    },
    /// The length of an attribute's value is not among those its format allows.
    #[error("{attribute} has {found} octets, {minimum} to {maximum} allowed")]
    ValueLength {
        /// The attribute.
        attribute: AttributeType,
        /// Octets in its value.
        found: usize,
        /// The fewest its format allows.
        minimum: usize,
        /// The most its format allows.
        maximum: usize,
    },
    /// An address family other than 1 (IPv4) and 2 (IPv6); RFC 8489 section 14.1.
    #[error("address family {0:#04x} is neither IPv4 (0x01) nor IPv6 (0x02)")]
    AddressFamily(u8),
    /// An error code outside 300 to 699; RFC 8489 section 14.8.
    #[error("error code class {class} number {number}: the class is 3 to 6, the number 0 to 99")]
    ErrorCode {
        /// Hundreds digit.
        class: u8,
        /// The code modulo 100.
        number: u8,
    },
    /// ALTERNATE-DOMAIN is no domain name; RFC 8489 section 14.16.
    #[error("ALTERNATE-DOMAIN is no domain name")]
    DomainName,
    /// Text that is not UTF-8.
    #[error("{0} is not UTF-8")]
    Utf8(AttributeType),
}
