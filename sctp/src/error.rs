//! Why bytes are not a message. What can go wrong with one command stands beside that command.

/// Bytes that are not an SCTP packet, chunk, parameter or data channel message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at offset {offset}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Octets from the start of the bytes given to `parse`.
    pub offset: usize,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The bytes end before the field does.
    #[error("truncated: needed {needed} octets, found {found}")]
    Truncated {
        /// Octets that the field asks for.
        needed: usize,
        /// Octets left.
        found: usize,
    },
    /// A length field is smaller than the header it counts, or does not fit what it must contain.
    #[error("bad length field {length}")]
    Length {
        /// The length found.
        length: usize,
    },
    /// A gap block that is empty, reversed or starts at the cumulative TSN (RFC 9260 section 3.3.4).
    #[error("bad gap block {start}-{end}")]
    GapBlock {
        /// First offset.
        start: u16,
        /// Last offset.
        end: u16,
    },
    /// A DATA chunk without user data (RFC 9260 section 3.3.10.9).
    #[error("no user data for tsn {tsn}")]
    NoUserData {
        /// The chunk's TSN.
        tsn: u32,
    },
    /// A value that the RFC forbids.
    #[error("illegal value {value}")]
    Value {
        /// The value found.
        value: u32,
    },
    /// A text that is not UTF-8.
    #[error("text is not utf-8")]
    Text,
}
