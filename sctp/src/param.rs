//! Parameters of INIT, INIT ACK and RE-CONFIG (RFC 9260 section 3.2.1, RFC 6525 section 4).
//!
//! ```text
//!  0                   1                   2                   3
//! |        Parameter Type         |       Parameter Length        |
//! |  Parameter Value (Length - 4 octets), padded to four octets   |
//! ```

use std::fmt;

use crate::error::ParseError;
use crate::wire::{Tlvs, check_tlvs, write_tlv};

/// A parameter type. The two highest bits say what a receiver does that does not know it (RFC 9260 section 3.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParamType(pub u16);

impl ParamType {
    /// Heartbeat Info, RFC 9260 section 3.3.5.
    pub const HEARTBEAT_INFO: Self = Self(1);
    /// IPv4 Address, RFC 9260 section 3.3.2.1.1; not used over DTLS.
    pub const IPV4: Self = Self(5);
    /// IPv6 Address, RFC 9260 section 3.3.2.1.2; not used over DTLS.
    pub const IPV6: Self = Self(6);
    /// State Cookie, RFC 9260 section 3.3.3.1.1.
    pub const STATE_COOKIE: Self = Self(7);
    /// Unrecognized Parameter, RFC 9260 section 3.3.3.1.2.
    pub const UNRECOGNIZED: Self = Self(8);
    /// Cookie Preservative, RFC 9260 section 3.3.2.1.3.
    pub const COOKIE_PRESERVATIVE: Self = Self(9);
    /// Host Name Address, RFC 9260 section 3.3.2.1.4; deprecated.
    pub const HOST_NAME: Self = Self(11);
    /// Supported Address Types, RFC 9260 section 3.3.2.1.5.
    pub const SUPPORTED_ADDRESS_TYPES: Self = Self(12);
    /// Outgoing SSN Reset Request, RFC 6525 section 4.1.
    pub const OUTGOING_RESET: Self = Self(13);
    /// Incoming SSN Reset Request, RFC 6525 section 4.2.
    pub const INCOMING_RESET: Self = Self(14);
    /// SSN/TSN Reset Request, RFC 6525 section 4.3.
    pub const SSN_TSN_RESET: Self = Self(15);
    /// Re-configuration Response, RFC 6525 section 4.4.
    pub const RECONFIG_RESPONSE: Self = Self(16);
    /// Add Outgoing Streams Request, RFC 6525 section 4.5.
    pub const ADD_OUTGOING: Self = Self(17);
    /// Add Incoming Streams Request, RFC 6525 section 4.6.
    pub const ADD_INCOMING: Self = Self(18);
    /// ECN Capable, RFC 9260 appendix A.
    pub const ECN: Self = Self(0x8000);
    /// Zero Checksum Acceptable, RFC 9653 section 4.
    pub const ZERO_CHECKSUM: Self = Self(0x8001);
    /// Supported Extensions, RFC 5061 section 4.2.7.
    pub const SUPPORTED_EXTENSIONS: Self = Self(0x8008);
    /// Forward-TSN-Supported, RFC 3758 section 3.1.
    pub const FORWARD_TSN: Self = Self(0xc000);

    /// Whether this crate knows what INIT and INIT ACK mean by it.
    pub fn is_known(self) -> bool {
        matches!(
            self,
            Self::HEARTBEAT_INFO
                | Self::IPV4
                | Self::IPV6
                | Self::STATE_COOKIE
                | Self::UNRECOGNIZED
                | Self::COOKIE_PRESERVATIVE
                | Self::HOST_NAME
                | Self::SUPPORTED_ADDRESS_TYPES
                | Self::ECN
                | Self::ZERO_CHECKSUM
                | Self::SUPPORTED_EXTENSIONS
                | Self::FORWARD_TSN
        )
    }

    /// An unknown parameter of this type is stepped over; else the rest of the chunk is not looked at.
    pub fn skip_if_unknown(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// An unknown parameter of this type is reported to its sender.
    pub fn report_if_unknown(self) -> bool {
        self.0 & 0x4000 != 0
    }
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::HEARTBEAT_INFO => "Heartbeat Info",
            Self::IPV4 => "IPv4 Address",
            Self::IPV6 => "IPv6 Address",
            Self::STATE_COOKIE => "State Cookie",
            Self::UNRECOGNIZED => "Unrecognized Parameter",
            Self::COOKIE_PRESERVATIVE => "Cookie Preservative",
            Self::HOST_NAME => "Host Name Address",
            Self::SUPPORTED_ADDRESS_TYPES => "Supported Address Types",
            Self::OUTGOING_RESET => "Outgoing SSN Reset Request",
            Self::INCOMING_RESET => "Incoming SSN Reset Request",
            Self::SSN_TSN_RESET => "SSN/TSN Reset Request",
            Self::RECONFIG_RESPONSE => "Re-configuration Response",
            Self::ADD_OUTGOING => "Add Outgoing Streams Request",
            Self::ADD_INCOMING => "Add Incoming Streams Request",
            Self::ECN => "ECN Capable",
            Self::ZERO_CHECKSUM => "Zero Checksum Acceptable",
            Self::SUPPORTED_EXTENSIONS => "Supported Extensions",
            Self::FORWARD_TSN => "Forward-TSN-Supported",
            Self(other) => return write!(f, "parameter 0x{other:04x}"),
        })
    }
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its type.
    pub kind: ParamType,
    /// Its value without header and padding.
    pub value: &'a [u8],
}

/// A run of parameters whose framing has been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// Checks type, length and padding of every parameter.
    ///
    /// # Errors
    /// A length below four or beyond the end of the bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        check_tlvs(bytes)?;
        Ok(Self(bytes))
    }

    /// The parameters in order.
    pub fn iter(self) -> impl Iterator<Item = Param<'a>> {
        Tlvs(self.0).map(|(kind, value)| Param { kind: ParamType(kind), value })
    }

    /// The parameters up to the first unknown one whose type forbids looking further, that one included.
    pub fn heeded(self) -> impl Iterator<Item = Param<'a>> {
        let mut stopped = false;
        self.iter().take_while(move |param| {
            let go_on = !stopped;
            stopped |= !param.kind.is_known() && !param.kind.skip_if_unknown();
            go_on
        })
    }

    /// The value of the first parameter of this type, as far as the parameters are heeded.
    pub fn find(self, kind: ParamType) -> Option<&'a [u8]> {
        self.heeded().find(|p| p.kind == kind).map(|p| p.value)
    }

    /// The bytes as they stand in the chunk.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Appends one parameter with its padding.
pub fn write(out: &mut Vec<u8>, kind: ParamType, value: &[u8]) {
    write_tlv(out, kind.0, value);
}
