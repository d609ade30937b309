//! What can be wrong with received bytes.

/// Bytes that are not the packet they are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at octet {offset}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: Kind,
    /// Octets from the start of what was parsed to the fault.
    pub offset: usize,
}

/// The ways in which a packet can be malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// Fewer octets than a header or a length field promises.
    #[error("truncated: {needed} octets needed, {available} there")]
    Truncated {
        /// Octets that the format needs from here on.
        needed: usize,
        /// Octets that are there.
        available: usize,
    },
    /// A version other than 2; RFC 3550 sections 5.1 and 6.4.1.
    #[error("version {0}, expected 2")]
    Version(u8),
    /// A padding count of 0, or one that does not fit behind the header; RFC 3550 sections 5.1 and 6.4.1.
    #[error("padding of {padding} octets where {available} can be padding")]
    Padding {
        /// The count in the last octet.
        padding: usize,
        /// Octets that can be padding.
        available: usize,
    },
    /// The count in the header asks for more than the packet holds.
    #[error("{count} items do not fit into the packet")]
    Count {
        /// The count.
        count: usize,
    },
    /// A text item that is not UTF-8; RFC 3550 section 6.5.
    #[error("text is not UTF-8")]
    Utf8,
    /// A value that the format does not allow here.
    #[error("value {0} is not allowed here")]
    Value(u32),
}
