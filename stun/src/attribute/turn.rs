//! What TURN adds; RFC 8656 section 18, RFC 6062 section 6.2 and RFC 8016 section 3.3.

use alloc::vec::Vec;

use super::error_code::ErrorReason;
use super::text::TextError;
use super::{Attribute, RawAttribute};
use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, ErrorCode, TransactionId};

/// The channel that a request is about; RFC 8656 section 18.1. Any number: the server refuses those that no channel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelNumberAttribute(pub u16);

/// How long an allocation lasts unless it is refreshed, in seconds; RFC 8656 section 18.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(pub u32);

/// Application data, as they stand in a datagram; RFC 8656 section 18.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a>(pub &'a [u8]);

/// Of which family an address is; RFC 8489 section 14.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// 1.
    Ipv4,
    /// 2.
    Ipv6,
}

impl AddressFamily {
    const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
        }
    }

    fn parse(number: u8, offset: usize) -> Result<Self, ParseError> {
        match number {
            1 => Ok(Self::Ipv4),
            2 => Ok(Self::Ipv6),
            other => Err(ParseError { kind: Kind::AddressFamily(other), offset }),
        }
    }
}

/// The family that the relayed address is to have, or that a Refresh is about; RFC 8656 section 18.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedAddressFamily(pub AddressFamily);

/// The second family that is wanted, of which only IPv6 makes sense; RFC 8656 section 18.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdditionalAddressFamily(pub AddressFamily);

/// The relayed port is to be even; with `true` the next one is to be reserved. RFC 8656 section 18.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvenPort(pub bool);

/// The protocol between server and peers, 17 for UDP, 6 for TCP; RFC 8656 section 18.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedTransport(pub u8);

impl RequestedTransport {
    /// RFC 8656.
    pub const UDP: Self = Self(17);
    /// RFC 6062.
    pub const TCP: Self = Self(6);
}

/// The datagram to the peer is not to be fragmented; RFC 8656 section 18.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DontFragment;

/// A port that is held for a second allocation; RFC 8656 section 18.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReservationToken(pub [u8; 8]);

/// A connection between the server and a peer; RFC 6062 section 6.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// Lets an allocation follow its client to another address; empty where a ticket is asked for. RFC 8016 section 3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MobilityTicket<'a>(pub &'a [u8]);

/// Why one of two wanted addresses was not given; RFC 8656 section 18.12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressErrorCode<'a> {
    /// The family that is missing.
    pub family: AddressFamily,
    reason: ErrorReason<'a>,
}

impl<'a> AddressErrorCode<'a> {
    /// Joins a family, a code and a reason of at most 127 characters.
    ///
    /// # Errors
    /// The reason is longer.
    pub fn new(family: AddressFamily, code: ErrorCode, reason: &'a str) -> Result<Self, TextError> {
        ErrorReason::new(code, reason).map(|reason| Self { family, reason })
    }

    /// 440 or 508.
    pub const fn code(&self) -> ErrorCode {
        self.reason.code()
    }
}

/// What the network says of a datagram to a peer; RFC 8656 section 18.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// The ICMP type, of ICMPv4 or ICMPv6 after the peer's address.
    pub icmp_type: u8,
    /// The ICMP code.
    pub code: u8,
    /// For "too big" the next hop's MTU in octets, else 0.
    pub data: u32,
}

impl<'a> Attribute<'a> for ChannelNumberAttribute {
    const TYPE: AttributeType = AttributeType::CHANNEL_NUMBER;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        raw.expect_len(4, 4)?;
        raw.reader().u16().map(Self)
    }

    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
    }
}

/// Attributes of four octets of which the first counts; the rest is zero when sent and ignored when received.
macro_rules! first_octet_attribute {
    ($name:ident, $attribute_type:ident, $read:expr, $write:expr) => {
        impl<'a> Attribute<'a> for $name {
            const TYPE: AttributeType = AttributeType::$attribute_type;

            fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
                raw.expect_len(4, 4)?;
                let first = raw.reader().u8()?;
                $read(first, raw.offset).map(Self)
            }

            fn encoded_len(&self) -> usize {
                4
            }

            fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
                out.extend_from_slice(&[$write(self.0), 0, 0, 0]);
            }
        }
    };
}
first_octet_attribute!(
    RequestedAddressFamily,
    REQUESTED_ADDRESS_FAMILY,
    AddressFamily::parse,
    AddressFamily::number
);
first_octet_attribute!(
    AdditionalAddressFamily,
    ADDITIONAL_ADDRESS_FAMILY,
    AddressFamily::parse,
    AddressFamily::number
);
first_octet_attribute!(RequestedTransport, REQUESTED_TRANSPORT, |first, _| Ok(first), |own| own);

/// Attributes that are octets of a fixed number, or any.
macro_rules! octets_attribute {
    ($name:ty, $attribute_type:ident, $least:expr, $most:expr, $read:expr, $write:expr) => {
        impl<'a> Attribute<'a> for $name {
            const TYPE: AttributeType = AttributeType::$attribute_type;

            fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
                raw.expect_len($least, $most)?;
                $read(raw)
            }

            fn encoded_len(&self) -> usize {
                AsRef::<[u8]>::as_ref(&$write(self)).len()
            }

            fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
                out.extend_from_slice(AsRef::<[u8]>::as_ref(&$write(self)));
            }
        }
    };
}
type Raw<'r, 'a> = &'r RawAttribute<'a>;
octets_attribute!(
    Lifetime,
    LIFETIME,
    4,
    4,
    |raw: Raw<'_, 'a>| raw.reader().array().map(u32::from_be_bytes).map(Self),
    |own: &Self| own.0.to_be_bytes()
);
octets_attribute!(
    ConnectionId,
    CONNECTION_ID,
    4,
    4,
    |raw: Raw<'_, 'a>| raw.reader().array().map(u32::from_be_bytes).map(Self),
    |own: &Self| own.0.to_be_bytes()
);
octets_attribute!(
    ReservationToken,
    RESERVATION_TOKEN,
    8,
    8,
    |raw: Raw<'_, 'a>| raw.reader().array().map(Self),
    |own: &Self| own.0
);
octets_attribute!(
    EvenPort,
    EVEN_PORT,
    1,
    1,
    |raw: Raw<'_, 'a>| raw.reader().u8().map(|flags| Self(flags & 0x80 != 0)),
    |own: &Self| [u8::from(own.0) << 7]
);
octets_attribute!(DontFragment, DONT_FRAGMENT, 0, 0, |_: Raw<'_, 'a>| Ok(Self), |_: &Self| []);
octets_attribute!(Data<'a>, DATA, 0, 0xffff, |raw: Raw<'_, 'a>| Ok(Self(raw.value)), |own: &Self| own.0);
octets_attribute!(
    MobilityTicket<'a>,
    MOBILITY_TICKET,
    0,
    0xffff,
    |raw: Raw<'_, 'a>| Ok(Self(raw.value)),
    |own: &Self| own.0
);

impl<'a> Attribute<'a> for AddressErrorCode<'a> {
    const TYPE: AttributeType = AttributeType::ADDRESS_ERROR_CODE;

    fn parse(raw: &RawAttribute<'a>, id: TransactionId) -> Result<Self, ParseError> {
        let reason = ErrorReason::parse(raw, id)?;
        let family = AddressFamily::parse(raw.reader().u8()?, raw.offset)?;
        Ok(Self { family, reason })
    }

    fn encoded_len(&self) -> usize {
        self.reason.encoded_len()
    }

    fn encode(&self, id: TransactionId, out: &mut Vec<u8>) {
        let at = out.len();
        self.reason.encode(id, out);
        out[at] = self.family.number();
    }
}

impl<'a> Attribute<'a> for Icmp {
    const TYPE: AttributeType = AttributeType::ICMP;

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        raw.expect_len(8, 8)?;
        let [_, _, icmp_type, code, data @ ..] = raw.reader().array::<8>()?;
        Ok(Self { icmp_type, code, data: u32::from_be_bytes(data) })
    }

    fn encoded_len(&self) -> usize {
        8
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0, 0, self.icmp_type, self.code]);
        out.extend_from_slice(&self.data.to_be_bytes());
    }
}
