//! What requests measure on their way: ECN (RFC 6679 section 7.2.2), losses (RFC 7982 section 3.1); and how long a mapping
//! can be kept in mind (RFC 5780 section 9.1).

use alloc::vec::Vec;

use super::{Attribute, RawAttribute};
use crate::error::ParseError;
use crate::kind::{AttributeType, TransactionId};

/// Asks for the ECN field with which a request arrived, and answers; RFC 6679 section 7.2.2.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Reserved                                      |ECF|V|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcnCheck(Option<u8>);

impl EcnCheck {
    /// In a request, or in the answer of who could not tell.
    pub const ASK: Self = Self(None);

    /// In an answer: the request had this ECN field; only two bits count.
    pub const fn echo(field: u8) -> Self {
        Self(Some(field & 3))
    }

    /// The ECN field of the request, 0 to 3; `None` where nobody could tell.
    pub const fn field(&self) -> Option<u8> {
        self.0
    }
}

/// How often a request has been sent, and how often its answer; RFC 7982 section 3.1.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Reserved            |      Req      |     Resp      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransmitCounter {
    /// The sending of the request, counted from 1.
    pub request: u8,
    /// The sending of the response, counted from 1; 0 in requests.
    pub response: u8,
}

/// Seconds for which the server remembers what a client has asked; registered by RFC 5780 section 9.1, whose text does not
/// say more. The layout is that of the drafts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheTimeout(pub u32);

macro_rules! word_attribute {
    ($name:ident, $attribute_type:ident, $read:expr, $write:expr) => {
        impl<'a> Attribute<'a> for $name {
            const TYPE: AttributeType = AttributeType::$attribute_type;

            fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
                raw.expect_len(4, 4)?;
                raw.reader().array::<4>().map($read)
            }

            fn encoded_len(&self) -> usize {
                4
            }

            fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
                let write: fn(&Self) -> [u8; 4] = $write;
                out.extend_from_slice(&write(self));
            }
        }
    };
}
word_attribute!(
    EcnCheck,
    ECN_CHECK,
    |[_, _, _, bits]| Self((bits & 1 != 0).then_some(bits >> 1 & 3)),
    |own| [0, 0, 0, own.0.map_or(0, |field| field << 1 | 1)]
);
word_attribute!(
    TransmitCounter,
    TRANSACTION_TRANSMIT_COUNTER,
    |[_, _, request, response]| Self { request, response },
    |own| [0, 0, own.request, own.response]
);
word_attribute!(CacheTimeout, CACHE_TIMEOUT, |octets| Self(u32::from_be_bytes(octets)), |own| own
    .0
    .to_be_bytes());
