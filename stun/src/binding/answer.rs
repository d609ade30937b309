//! What an answer to a Binding request says; RFC 8489 sections 6.3.3 and 6.3.4, RFC 5780 section 6.1.

use std::net::SocketAddr;

use super::event::{BindingAnswer, BindingOutcome};
use crate::attribute::{
    AlternateServer, Attribute, MappedAddress, OtherAddress, Padding, ResponseOrigin, XorMappedAddress,
};
use crate::error::{Kind, ParseError};
use crate::kind::{AttributeType, ErrorCode};
use crate::message::Message;
use crate::session::Verdict;

/// How an answer of `server` ends its request.
pub(super) fn outcome(verdict: Verdict, server: SocketAddr, message: &Message<'_>) -> BindingOutcome {
    match verdict {
        Verdict::Distrusted => BindingOutcome::Distrusted,
        Verdict::Algorithms => BindingOutcome::Algorithms,
        _ if message.unknown_required(UNDERSTOOD).next().is_some() => BindingOutcome::Unusable,
        Verdict::Answer(None) => {
            mapped_address(message).map_or(BindingOutcome::Unusable, BindingOutcome::Mapped)
        }
        Verdict::Answer(Some(code)) => {
            let elsewhere = code == ErrorCode::TRY_ALTERNATE;
            let alternate = if elsewhere { alternate(message, server) } else { None };
            BindingOutcome::Refused { code, alternate }
        }
        _ => BindingOutcome::Unusable,
    }
}

/// What a success says besides the address.
pub(super) fn read(source: SocketAddr, message: &Message<'_>) -> BindingAnswer {
    BindingAnswer {
        source,
        mapped_plain: message.attribute::<MappedAddress>().ok().flatten().map(|own| own.0),
        origin: message.attribute::<ResponseOrigin>().ok().flatten().map(|own| own.0),
        other: message.attribute::<OtherAddress>().ok().flatten().map(|own| own.0),
        padding: message.attribute::<Padding<'_>>().ok().flatten().map_or(0, |own| own.0.len()),
    }
}

/// The first alternate server of the family of the one that was asked.
fn alternate(message: &Message<'_>, asked: SocketAddr) -> Option<SocketAddr> {
    let own = message.attributes().filter(|raw| raw.attribute_type == AlternateServer::TYPE);
    own.filter_map(|raw| AlternateServer::parse(&raw, message.transaction_id()).ok())
        .map(|own| own.0)
        .find(|server| server.is_ipv4() == asked.is_ipv4())
}

/// XOR-MAPPED-ADDRESS, else what a server of RFC 3489 age sends. A family that nobody knows is as good as no attribute.
//= rfc8489#6.3.3-1
fn mapped_address(message: &Message<'_>) -> Option<SocketAddr> {
    match message.attribute::<XorMappedAddress>() {
        Ok(Some(mapped)) => Some(mapped.0),
        Ok(None) | Err(ParseError { kind: Kind::AddressFamily(_), .. }) => {
            message.attribute::<MappedAddress>().ok().flatten().map(|mapped| mapped.0)
        }
        Err(_) => None,
    }
}

const UNDERSTOOD: &[AttributeType] = &[
    AttributeType::MAPPED_ADDRESS,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::USERNAME,
    AttributeType::ERROR_CODE,
    AttributeType::UNKNOWN_ATTRIBUTES,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::USERHASH,
    AttributeType::PASSWORD_ALGORITHM,
    AttributeType::PADDING,
];
