//! The messages of ICE, written and read; RFC 8445 sections 7.1 and 7.3.

use std::net::SocketAddr;

use nomagic_stun::attribute::{
    ErrorReason, IceControlled, IceControlling, MappedAddress, Priority, UnknownAttributes, UseCandidate,
    Username, XorMappedAddress,
};
use nomagic_stun::{
    AttributeType, ErrorCode, IntegrityKey, Message, MessageBuilder, MessageType, ParseError, TransactionId,
};

use crate::config::Role;

/// Attributes that are understood in requests and answers; others below 0x8000 are refused.
pub(crate) const UNDERSTOOD: &[AttributeType] = &[
    AttributeType::MAPPED_ADDRESS,
    AttributeType::USERNAME,
    AttributeType::ERROR_CODE,
    AttributeType::UNKNOWN_ATTRIBUTES,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::PRIORITY,
    AttributeType::USE_CANDIDATE,
];

/// What a check says; RFC 8445 section 7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    /// The sender's role and tie-breaker. Peers that do not tell it have no conflict.
    pub(crate) role: Option<(Role, u64)>,
    pub(crate) priority: u32,
    pub(crate) nominates: bool,
}

impl Check {
    /// Reads an authenticated request. `None`: PRIORITY is missing, so this is no check.
    pub(crate) fn parse(message: &Message<'_>) -> Result<Option<Self>, ParseError> {
        let controlling = message.attribute::<IceControlling>()?.map(|own| (Role::Controlling, own.0));
        let controlled = message.attribute::<IceControlled>()?.map(|own| (Role::Controlled, own.0));
        let nominates = message.attribute::<UseCandidate>()?.is_some();
        let priority = message.attribute::<Priority>()?;
        Ok(priority.map(|priority| Self {
            role: controlling.or(controlled),
            priority: priority.0,
            nominates,
        }))
    }

    /// Appends the request.
    //= rfc8445#7.1.2-1
    //= rfc8445#7.1.2-2
    //= rfc8445#7.1.3-1
    //= rfc8445#7.1.3-2
    //= rfc8445#7.2.2-1
    //= rfc8445#7.2.4-2
    pub(crate) fn encode(&self, id: TransactionId, username: &str, key: &IntegrityKey, out: &mut Vec<u8>) {
        let mut message = MessageBuilder::new(out, MessageType::BINDING_REQUEST, id);
        if let Ok(username) = Username::new(username) {
            message = message.attribute(&username);
        }
        message = match self.role {
            Some((Role::Controlling, tie_breaker)) => message.attribute(&IceControlling(tie_breaker)),
            Some((Role::Controlled, tie_breaker)) => message.attribute(&IceControlled(tie_breaker)),
            None => message,
        };
        message = message.attribute(&Priority(self.priority));
        if self.nominates {
            message = message.attribute(&UseCandidate);
        }
        fits(message.integrity(key).fingerprint().finish());
    }
}

/// Appends a request to a STUN server.
pub(crate) fn encode_gathering(id: TransactionId, out: &mut Vec<u8>) {
    fits(MessageBuilder::new(out, MessageType::BINDING_REQUEST, id).fingerprint().finish());
}

/// Appends a success response: what we see the request come from.
//= rfc8445#7.3-3
//= rfc8445#7.3-8
pub(crate) fn encode_success(
    request: &Message<'_>,
    source: SocketAddr,
    key: &IntegrityKey,
    out: &mut Vec<u8>,
) {
    let message = MessageBuilder::success(out, request).attribute(&XorMappedAddress(source));
    fits(message.integrity(key).fingerprint().finish());
}

/// Appends an error response, signed if there is a key.
pub(crate) fn encode_error(
    request: &Message<'_>,
    code: ErrorCode,
    key: Option<&IntegrityKey>,
    out: &mut Vec<u8>,
) {
    let mut message = MessageBuilder::error(out, request).attribute(&ErrorReason::bare(code));
    if code == ErrorCode::UNKNOWN_ATTRIBUTE {
        message = message.attribute(&UnknownAttributes::new(request.unknown_required(UNDERSTOOD)));
    }
    fits(match key {
        Some(key) => message.integrity(key).fingerprint().finish(),
        None => message.fingerprint().finish(),
    });
}

/// The address in a success response.
pub(crate) fn mapped_address(response: &Message<'_>) -> Option<SocketAddr> {
    match response.attribute::<XorMappedAddress>() {
        Ok(Some(mapped)) => Some(mapped.0),
        Ok(None) => response.attribute::<MappedAddress>().ok().flatten().map(|mapped| mapped.0),
        Err(_) => None,
    }
}

/// The code in an error response.
pub(crate) fn error_code(response: &Message<'_>) -> Option<ErrorCode> {
    response.attribute::<ErrorReason<'_>>().ok().flatten().map(|error| error.code())
}

fn fits(finished: Result<usize, nomagic_stun::MessageTooLong>) {
    debug_assert!(finished.is_ok(), "a handful of small attributes fits into a message");
}
