//! DATA (RFC 9260 section 3.3.1, I bit RFC 7053) and I-DATA (RFC 8260 section 2.1).

use std::fmt;

use crate::error::{ParseError, ParseErrorKind};
use crate::wire::Reader;

/// Flags of DATA and I-DATA. Other bits are reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataFlags(pub u8);

impl DataFlags {
    /// Last fragment of a message.
    pub const END: Self = Self(1);
    /// First fragment of a message.
    pub const BEGIN: Self = Self(2);
    /// Not to be put into order.
    pub const UNORDERED: Self = Self(4);
    /// To be acknowledged at once.
    pub const IMMEDIATE: Self = Self(8);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and, if `condition`, `other`.
    #[must_use]
    pub const fn with(self, other: Self, condition: bool) -> Self {
        if condition { Self(self.0 | other.0) } else { self }
    }
}

impl fmt::Display for DataFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, letter) in
            [(Self::BEGIN, "B"), (Self::END, "E"), (Self::UNORDERED, "U"), (Self::IMMEDIATE, "I")]
        {
            f.write_str(if self.has(flag) { letter } else { "-" })?;
        }
        Ok(())
    }
}

/// One message or one fragment of it.
///
/// ```text
/// |   Type = 0    |  Res  |I|U|B|E|           Length              |
/// |                              TSN                              |
/// |      Stream Identifier        |   Stream Sequence Number      |
/// |                  Payload Protocol Identifier                  |
/// |                          User Data                            |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Flags.
    pub flags: DataFlags,
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Stream sequence number; ignored where unordered.
    pub ssn: u16,
    /// Payload protocol identifier, opaque to SCTP.
    pub ppid: u32,
    /// User data, at least one octet.
    pub payload: &'a [u8],
}

impl<'a> Data<'a> {
    /// Octets of the value before the user data.
    pub const HEADER: usize = 12;

    pub(crate) fn parse(flags: u8, value: &'a [u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(value);
        let (tsn, stream, ssn, ppid) = (r.u32()?, r.u16()?, r.u16()?, r.u32()?);
        let payload = r.rest();
        if payload.is_empty() {
            return Err(r.error(ParseErrorKind::NoUserData { tsn }));
        }
        Ok(Self { flags: DataFlags(flags), tsn, stream, ssn, ppid, payload })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tsn.to_be_bytes());
        out.extend_from_slice(&self.stream.to_be_bytes());
        out.extend_from_slice(&self.ssn.to_be_bytes());
        out.extend_from_slice(&self.ppid.to_be_bytes());
        out.extend_from_slice(self.payload);
    }
}

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flags, tsn, stream, ssn, ppid, payload } = self;
        write!(f, "tsn={tsn} stream={stream} ssn={ssn} ppid={ppid} {flags} len={}", payload.len())
    }
}

/// One message or one fragment of it, with a message identifier, so that messages may interleave.
///
/// ```text
/// |   Type = 64   |  Res  |I|U|B|E|           Length              |
/// |                              TSN                              |
/// |      Stream Identifier        |           Reserved            |
/// |                      Message Identifier                       |
/// |   Payload Protocol Identifier / Fragment Sequence Number      |
/// |                          User Data                            |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IData<'a> {
    /// Flags.
    pub flags: DataFlags,
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Message identifier, counted apart for ordered and unordered messages.
    pub mid: u32,
    /// Payload protocol identifier in a first fragment, fragment sequence number in the others.
    pub ppid_or_fsn: u32,
    /// User data, at least one octet.
    pub payload: &'a [u8],
}

impl<'a> IData<'a> {
    /// Octets of the value before the user data.
    pub const HEADER: usize = 16;

    pub(crate) fn parse(flags: u8, value: &'a [u8]) -> Result<Self, ParseError> {
        let mut r = Reader::new(value);
        let (tsn, stream, _reserved) = (r.u32()?, r.u16()?, r.u16()?);
        let (mid, ppid_or_fsn) = (r.u32()?, r.u32()?);
        let payload = r.rest();
        if payload.is_empty() {
            return Err(r.error(ParseErrorKind::NoUserData { tsn }));
        }
        Ok(Self { flags: DataFlags(flags), tsn, stream, mid, ppid_or_fsn, payload })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tsn.to_be_bytes());
        out.extend_from_slice(&self.stream.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.mid.to_be_bytes());
        out.extend_from_slice(&self.ppid_or_fsn.to_be_bytes());
        out.extend_from_slice(self.payload);
    }
}

impl fmt::Display for IData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flags, tsn, stream, mid, ppid_or_fsn, payload } = self;
        let what = if flags.has(DataFlags::BEGIN) { "ppid" } else { "fsn" };
        write!(f, "tsn={tsn} stream={stream} mid={mid} {what}={ppid_or_fsn} {flags} len={}", payload.len())
    }
}
