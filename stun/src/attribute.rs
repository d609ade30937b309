//! Attributes: each a small type that reads and writes its value.
//!
//! Every attribute that an RFC defines has a type here (RFC 8489, 8445, 8656, 6062, 8016, 5780, 6679, 7635 and 7982); others
//! are read as [`RawAttribute`] and written as [`Opaque`], or get a type of the application's own through [`Attribute`].

mod address;
mod behavior;
mod error_code;
mod ice;
mod password;
mod path;
mod text;
mod token;
mod turn;
mod unknown;

use alloc::vec::Vec;
use core::fmt;

pub use address::{
    AlternateServer, MappedAddress, OtherAddress, ResponseOrigin, XorMappedAddress, XorPeerAddress,
    XorRelayedAddress,
};
pub use behavior::{ChangeRequest, Padding, ResponsePort};
pub use error_code::ErrorReason;
pub use ice::{IceControlled, IceControlling, Priority, UseCandidate};
pub use password::{ChosenAlgorithm, PasswordAlgorithms, Userhash};
pub use path::{CacheTimeout, EcnCheck, TransmitCounter};
pub use text::{AlternateDomain, Nonce, Realm, Software, TextError, ThirdPartyAuthorization, Username};
pub use token::AccessToken;
pub use turn::{
    AdditionalAddressFamily, AddressErrorCode, AddressFamily, ChannelNumberAttribute, ConnectionId, Data,
    DontFragment, EvenPort, Icmp, Lifetime, MobilityTicket, RequestedAddressFamily, RequestedTransport,
    ReservationToken,
};
pub use unknown::UnknownAttributes;

use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, TransactionId};
use crate::wire::Reader;

/// An attribute as it stands in a message: type and value, without padding; RFC 8489 section 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// The attribute's type.
    pub attribute_type: AttributeType,
    /// The value, without padding.
    pub value: &'a [u8],
    /// Octets from the start of the message to the value.
    pub offset: usize,
}

impl<'a> RawAttribute<'a> {
    /// Fails unless the value has `minimum` to `maximum` octets.
    ///
    /// # Errors
    /// [`Kind::ValueLength`].
    pub fn expect_len(&self, minimum: usize, maximum: usize) -> Result<(), ParseError> {
        let found = self.value.len();
        if (minimum..=maximum).contains(&found) {
            return Ok(());
        }
        let attribute = self.attribute_type;
        Err(ParseError {
            kind: Kind::ValueLength { attribute, found, minimum, maximum },
            offset: self.offset,
        })
    }

    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader::new(self.value, self.offset)
    }

    /// Writes `=value` in the form that suits the type, or nothing where there is no value to show.
    pub(crate) fn describe(&self, id: TransactionId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match self.attribute_type {
            AttributeType::MAPPED_ADDRESS => MappedAddress::parse(self, id).map(|a| write!(f, "={}", a.0)),
            AttributeType::XOR_MAPPED_ADDRESS => {
                XorMappedAddress::parse(self, id).map(|a| write!(f, "={}", a.0))
            }
            AttributeType::ALTERNATE_SERVER => {
                AlternateServer::parse(self, id).map(|a| write!(f, "={}", a.0))
            }
            AttributeType::RESPONSE_ORIGIN => ResponseOrigin::parse(self, id).map(|a| write!(f, "={}", a.0)),
            AttributeType::OTHER_ADDRESS => OtherAddress::parse(self, id).map(|a| write!(f, "={}", a.0)),
            AttributeType::USERNAME => Username::parse(self, id).map(|a| write!(f, "={:?}", a.as_str())),
            AttributeType::REALM => Realm::parse(self, id).map(|a| write!(f, "={:?}", a.as_str())),
            AttributeType::SOFTWARE => Software::parse(self, id).map(|a| write!(f, "={:?}", a.as_str())),
            AttributeType::ERROR_CODE => {
                ErrorReason::parse(self, id).map(|a| write!(f, "={} {:?}", a.code(), a.reason()))
            }
            AttributeType::CHANGE_REQUEST => ChangeRequest::parse(self, id).map(|a| match (a.ip, a.port) {
                (false, false) => f.write_str("=nothing"),
                (true, false) => f.write_str("=ip"),
                (false, true) => f.write_str("=port"),
                (true, true) => f.write_str("=ip+port"),
            }),
            AttributeType::RESPONSE_PORT => ResponsePort::parse(self, id).map(|a| write!(f, "={}", a.0)),
            AttributeType::PADDING => Padding::parse(self, id).map(|a| write!(f, "={} octets", a.0.len())),
            AttributeType::PRIORITY => Priority::parse(self, id).map(|a| write!(f, "={}", a.0)),
            _ => return Ok(()),
        };
        // A one-line description is no place to fail: the value's error shows when the value is asked for.
        shown.unwrap_or_else(|_| f.write_str("=malformed"))
    }
}

/// An attribute that knows its type and its format.
///
/// Implement it to give an attribute that is not here a type of your own.
pub trait Attribute<'a>: Sized {
    /// The code point under which the attribute is found.
    const TYPE: AttributeType;

    /// Reads the value. `id` is the message's transaction id, with which addresses are XORed.
    ///
    /// # Errors
    /// The value breaks the format.
    fn parse(raw: &RawAttribute<'a>, id: TransactionId) -> Result<Self, ParseError>;

    /// Octets of the value, without padding.
    fn encoded_len(&self) -> usize;

    /// Appends the value, exactly [`Attribute::encoded_len`] octets, without header and padding.
    fn encode(&self, id: TransactionId, out: &mut Vec<u8>);

    /// The type to write, [`Attribute::TYPE`] for all but [`Opaque`].
    fn attribute_type(&self) -> AttributeType {
        Self::TYPE
    }
}

/// An attribute that is only octets to us, to be written as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opaque<'a> {
    /// The type to write.
    pub attribute_type: AttributeType,
    /// The value, without padding.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> for Opaque<'a> {
    /// Reserved by the RFC, hence never found: read unknown attributes with [`crate::Message::attributes`].
    const TYPE: AttributeType = AttributeType(0x0000);

    fn parse(raw: &RawAttribute<'a>, _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self { attribute_type: raw.attribute_type, value: raw.value })
    }

    fn encoded_len(&self) -> usize {
        self.value.len()
    }

    fn encode(&self, _: TransactionId, out: &mut Vec<u8>) {
        out.extend_from_slice(self.value);
    }

    fn attribute_type(&self) -> AttributeType {
        self.attribute_type
    }
}
