//! Error causes of ERROR and ABORT (RFC 9260 section 3.3.10).

use std::fmt;

use crate::error::ParseError;
use crate::wire::{Tlvs, check_tlvs, write_last_tlv};

/// An error cause code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CauseCode(pub u16);

impl CauseCode {
    /// Invalid Stream Identifier, section 3.3.10.1.
    pub const INVALID_STREAM: Self = Self(1);
    /// Missing Mandatory Parameter, section 3.3.10.2.
    pub const MISSING_PARAMETER: Self = Self(2);
    /// Stale Cookie, section 3.3.10.3.
    pub const STALE_COOKIE: Self = Self(3);
    /// Out of Resource, section 3.3.10.4.
    pub const OUT_OF_RESOURCE: Self = Self(4);
    /// Unresolvable Address, section 3.3.10.5.
    pub const UNRESOLVABLE_ADDRESS: Self = Self(5);
    /// Unrecognized Chunk Type, section 3.3.10.6.
    pub const UNRECOGNIZED_CHUNK: Self = Self(6);
    /// Invalid Mandatory Parameter, section 3.3.10.7.
    pub const INVALID_PARAMETER: Self = Self(7);
    /// Unrecognized Parameters, section 3.3.10.8.
    pub const UNRECOGNIZED_PARAMETERS: Self = Self(8);
    /// No User Data, section 3.3.10.9.
    pub const NO_USER_DATA: Self = Self(9);
    /// Cookie Received While Shutting Down, section 3.3.10.10.
    pub const COOKIE_WHILE_SHUTTING_DOWN: Self = Self(10);
    /// Restart of an Association with New Addresses, section 3.3.10.11.
    pub const RESTART_WITH_NEW_ADDRESSES: Self = Self(11);
    /// User-Initiated Abort, section 3.3.10.12.
    pub const USER_ABORT: Self = Self(12);
    /// Protocol Violation, section 3.3.10.13.
    pub const PROTOCOL_VIOLATION: Self = Self(13);

    /// The name in the RFC, for the ladder.
    pub fn name(self) -> &'static str {
        match self {
            Self::INVALID_STREAM => "invalid-stream",
            Self::MISSING_PARAMETER => "missing-parameter",
            Self::STALE_COOKIE => "stale-cookie",
            Self::OUT_OF_RESOURCE => "out-of-resource",
            Self::UNRESOLVABLE_ADDRESS => "unresolvable-address",
            Self::UNRECOGNIZED_CHUNK => "unrecognized-chunk",
            Self::INVALID_PARAMETER => "invalid-parameter",
            Self::UNRECOGNIZED_PARAMETERS => "unrecognized-parameters",
            Self::NO_USER_DATA => "no-user-data",
            Self::COOKIE_WHILE_SHUTTING_DOWN => "cookie-while-shutting-down",
            Self::RESTART_WITH_NEW_ADDRESSES => "restart-with-new-addresses",
            Self::USER_ABORT => "user-abort",
            Self::PROTOCOL_VIOLATION => "protocol-violation",
            _ => "unknown",
        }
    }
}

/// A run of error causes whose framing has been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Causes<'a>(&'a [u8]);

impl<'a> Causes<'a> {
    /// Checks code, length and padding of every cause.
    ///
    /// # Errors
    /// A length below four or beyond the end of the bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        check_tlvs(bytes)?;
        Ok(Self(bytes))
    }

    /// The causes in order: code and information.
    pub fn iter(self) -> impl Iterator<Item = (CauseCode, &'a [u8])> {
        Tlvs(self.0).map(|(code, value)| (CauseCode(code), value))
    }

    /// The bytes as they stand in the chunk.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One cause, as the only one of a chunk.
pub(crate) fn only(code: CauseCode, information: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + information.len());
    write_last_tlv(&mut out, code.0, information);
    out
}
