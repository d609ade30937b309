//! What can be wrong with received bytes, and with calls.

use crate::extension::ExtensionType;

/// Bytes that are not the record, message or extension that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at octet {offset}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: Kind,
    /// Octets from the start of the record, message or extension to the fault.
    pub offset: usize,
}

/// The ways in which something can be malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// Fewer octets than a fixed field or a length promises.
    #[error("truncated: {needed} octets needed, {available} there")]
    Truncated {
        /// Octets that the format needs from here on.
        needed: usize,
        /// Octets that are there.
        available: usize,
    },
    /// Octets after the last field.
    #[error("{0} octets after the end")]
    Trailing(usize),
    /// A vector is shorter than its least length.
    #[error("a vector of {found} octets, at least {minimum} needed")]
    TooShort {
        /// Octets in it.
        found: usize,
        /// The fewest allowed.
        minimum: usize,
    },
    /// A vector is longer than its greatest length.
    #[error("a vector of {found} octets, at most {maximum} allowed")]
    TooLong {
        /// Octets in it.
        found: usize,
        /// The most allowed.
        maximum: usize,
    },
    /// A list of 16-bit values has an odd number of octets.
    #[error("a list of 16-bit values has {0} octets")]
    OddList(usize),
    /// A record of no known type; RFC 6347 section 4.1.
    #[error("content type {0} is none of DTLS 1.2")]
    ContentType(u8),
    /// A record of another version than DTLS 1.0 or 1.2; RFC 6347 section 4.1.
    #[error("record version {0:#06x}, expected 0xfeff or 0xfefd")]
    RecordVersion(u16),
    /// A record longer than allowed; RFC 5246 section 6.2.3.
    #[error("a record of {0} octets, at most 18432 allowed")]
    RecordLength(usize),
    /// What should be a session's encoded form is not, or not of this version's format.
    #[error("not a session")]
    Session,
    /// A fragment that ends behind the message that it belongs to; RFC 6347 section 4.2.2.
    #[error("a fragment of {length} octets at {offset} in a message of {total}")]
    FragmentRange {
        /// Where the fragment begins.
        offset: u32,
        /// Octets in the fragment.
        length: u32,
        /// Octets in the message.
        total: u32,
    },
    /// The same extension twice; RFC 5246 section 7.4.1.4.
    #[error("extension {0} twice")]
    ExtensionTwice(ExtensionType),
    /// Key exchange parameters in another form than a named curve; RFC 8422 section 5.4.
    #[error("curve type {0}, expected 3 (named curve)")]
    CurveType(u8),
    /// Two server names of the same type; RFC 6066 section 3.
    #[error("two server names of type {0}")]
    NameTypeTwice(u8),
    /// A server name that is not ASCII; RFC 6066 section 3.
    #[error("a host name that is not ASCII")]
    HostName,
    /// An alert of a level other than 1 and 2; RFC 5246 section 7.2.
    #[error("alert level {0} is neither warning (1) nor fatal (2)")]
    AlertLevel(u8),
}

/// Why a payload was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The handshake is not complete, so there are no verified keys yet.
    #[error("the handshake is not complete")]
    NotConnected,
    /// The connection is closing or closed.
    #[error("the connection is closed")]
    Closed,
    /// No room for the record header was left in front of the payload.
    #[error("{available} octets in front of the payload, {needed} needed")]
    Headroom {
        /// [`crate::Connection::headroom`].
        needed: usize,
        /// Octets that are there.
        available: usize,
    },
    /// A record holds at most 2^14 octets; RFC 5246 section 6.2.1.
    #[error("a payload of {found} octets, at most {maximum} fit a record")]
    TooLarge {
        /// Octets in the payload.
        found: usize,
        /// 16384.
        maximum: usize,
    },
    /// The keys have protected as much as they may. The connection closes with [`crate::CloseReason::KeysExhausted`].
    #[error("the keys have protected as much as they may")]
    KeysExhausted,
}

/// Why no keying material was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The handshake is not complete, or the connection is closed.
    #[error("not connected")]
    NotConnected,
    /// The handshake was one without the extended master secret, so that its keys may belong to another handshake too;
    /// RFC 7627 section 5.4.
    #[error("no extended master secret")]
    NoExtendedMasterSecret,
    /// The label is one of those that the handshake itself uses; RFC 5705 section 4.
    #[error("the label is reserved for the handshake")]
    ReservedLabel,
    /// The context does not fit its length field; RFC 5705 section 4.
    #[error("a context of {0} octets, at most 65535 allowed")]
    Context(usize),
}
