//! STUN and TURN messages; RFC 8489, 8656, 8445.

use std::net::SocketAddr;

use nomagic_stun::attribute::{
    AlternateServer, Attribute, ChannelNumberAttribute, ErrorReason, IceControlled, IceControlling, Lifetime,
    MappedAddress, Priority, UnknownAttributes, XorMappedAddress, XorPeerAddress, XorRelayedAddress,
};
use nomagic_stun::{
    AttributeType, MAGIC_COOKIE, Message, MessageType, ParseError, RawAttribute, TransactionId,
};

use super::tree::{Tree, Value};

/// Octets of a message's header.
const HEADER: usize = 20;

/// Reads as far as the message goes.
pub(super) fn message(octets: &[u8]) -> Tree {
    let mut tree = Tree::default();
    let checked = Message::parse(octets);
    let Some((header, _)) = octets.split_at_checked(HEADER) else {
        tree.fault(octets.len(), "a header has 20 octets");
        return tree;
    };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let kind = MessageType::from_bits(word(0));
    let cookie = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let mut id = TransactionId([0; 12]);
    id.0.copy_from_slice(&header[8..20]);
    tree.add("type", word(0)).note(kind).rfc("RFC 8489 section 5");
    tree.add("method", kind.method.to_string());
    tree.add("class", format!("{:?}", kind.class).to_lowercase());
    tree.add("length", word(2));
    let old = if cookie == MAGIC_COOKIE { "" } else { "not the magic cookie: RFC 3489, or no STUN" };
    let field = tree.add("magic_cookie", format!("0x{cookie:08x}"));
    if !old.is_empty() {
        field.note(old);
    }
    tree.add("transaction_id", &header[8..20]);
    let end = HEADER + usize::from(word(2));
    let body = octets.get(HEADER..end.min(octets.len())).unwrap_or_default();
    if cookie == MAGIC_COOKIE {
        let valid = checked.as_ref().is_ok_and(Message::has_fingerprint);
        let list: Vec<Value> = attributes(body).map(|raw| attribute(&raw, id, valid).into()).collect();
        tree.add("attributes", list).rfc("RFC 8489 section 14");
    }
    if let Err(fault) = checked {
        tree.fault(fault.offset, fault.kind);
    }
    tree
}

/// The datagram in a Send or Data indication; RFC 8656 section 11.
pub(super) fn relayed(octets: &[u8]) -> Option<&[u8]> {
    let message = Message::parse(octets).ok()?;
    message.attributes().find(|raw| raw.attribute_type == AttributeType::DATA).map(|raw| raw.value)
}

/// The attributes that are there whole, behind MESSAGE-INTEGRITY too.
fn attributes(body: &[u8]) -> impl Iterator<Item = RawAttribute<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let header = body.get(at..at + 4)?;
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let attribute_type = AttributeType(u16::from_be_bytes([header[0], header[1]]));
        let value = body.get(at + 4..at + 4 + len)?;
        let offset = HEADER + at + 4;
        at += 4 + len.next_multiple_of(4);
        Some(RawAttribute { attribute_type, value, offset })
    })
}

fn attribute(raw: &RawAttribute<'_>, id: TransactionId, fingerprint_valid: bool) -> Tree {
    let mut tree = Tree::default();
    let name = raw.attribute_type.name();
    tree.add("type", raw.attribute_type.0);
    tree.add("name", name.unwrap_or("unknown")).section = section(raw.attribute_type);
    tree.add("length", raw.value.len());
    if let Err(fault) = value(&mut tree, raw, id, fingerprint_valid) {
        tree.add("value", raw.value);
        tree.fault(fault.offset, fault.kind);
    }
    tree
}

/// Adds what the value says.
fn value(
    tree: &mut Tree,
    raw: &RawAttribute<'_>,
    id: TransactionId,
    fingerprint_valid: bool,
) -> Result<(), ParseError> {
    match raw.attribute_type {
        // RESPONSE-ORIGIN and OTHER-ADDRESS of RFC 5780 have the format of MAPPED-ADDRESS.
        AttributeType::MAPPED_ADDRESS | AttributeType(0x802b | 0x802c) => {
            address(tree, MappedAddress::parse(raw, id)?.0);
        }
        AttributeType::XOR_MAPPED_ADDRESS => address(tree, XorMappedAddress::parse(raw, id)?.0),
        AttributeType::XOR_PEER_ADDRESS => address(tree, XorPeerAddress::parse(raw, id)?.0),
        AttributeType::XOR_RELAYED_ADDRESS => address(tree, XorRelayedAddress::parse(raw, id)?.0),
        AttributeType::ALTERNATE_SERVER => address(tree, AlternateServer::parse(raw, id)?.0),
        AttributeType::USERNAME
        | AttributeType::REALM
        | AttributeType::NONCE
        | AttributeType::SOFTWARE
        | AttributeType::ALTERNATE_DOMAIN => {
            tree.add("value", String::from_utf8_lossy(raw.value).into_owned());
        }
        AttributeType::PRIORITY => drop(tree.add("value", Priority::parse(raw, id)?.0)),
        AttributeType::LIFETIME => {
            tree.add("value", Lifetime::parse(raw, id)?.0).note("seconds");
        }
        AttributeType::CHANNEL_NUMBER => {
            tree.add("value", ChannelNumberAttribute::parse(raw, id)?.0);
        }
        AttributeType::ICE_CONTROLLED => {
            tree.add("tie_breaker", format!("{:016x}", IceControlled::parse(raw, id)?.0));
        }
        AttributeType::ICE_CONTROLLING => {
            tree.add("tie_breaker", format!("{:016x}", IceControlling::parse(raw, id)?.0));
        }
        AttributeType::ERROR_CODE => {
            let error = ErrorReason::parse(raw, id)?;
            tree.add("value", error.code().code());
            tree.add("reason", error.reason());
        }
        AttributeType::UNKNOWN_ATTRIBUTES => {
            let types: Value = UnknownAttributes::parse(raw, id)?.iter().map(|unknown| unknown.0).collect();
            tree.add("value", types);
        }
        AttributeType::FINGERPRINT => {
            tree.add("value", raw.value).note(if fingerprint_valid { "right" } else { "wrong" });
            tree.add("valid", fingerprint_valid);
        }
        _ => drop(tree.add("value", raw.value)),
    }
    Ok(())
}

/// Where an attribute is defined.
fn section(kind: AttributeType) -> Option<&'static str> {
    Some(match kind {
        AttributeType::MAPPED_ADDRESS => "RFC 8489 section 14.1",
        AttributeType::XOR_MAPPED_ADDRESS => "RFC 8489 section 14.2",
        AttributeType::USERNAME => "RFC 8489 section 14.3",
        AttributeType::USERHASH => "RFC 8489 section 14.4",
        AttributeType::MESSAGE_INTEGRITY => "RFC 8489 section 14.5",
        AttributeType::MESSAGE_INTEGRITY_SHA256 => "RFC 8489 section 14.6",
        AttributeType::FINGERPRINT => "RFC 8489 section 14.7",
        AttributeType::ERROR_CODE => "RFC 8489 section 14.8",
        AttributeType::REALM => "RFC 8489 section 14.9",
        AttributeType::NONCE => "RFC 8489 section 14.10",
        AttributeType::PASSWORD_ALGORITHMS => "RFC 8489 section 14.11",
        AttributeType::PASSWORD_ALGORITHM => "RFC 8489 section 14.12",
        AttributeType::UNKNOWN_ATTRIBUTES => "RFC 8489 section 14.13",
        AttributeType::SOFTWARE => "RFC 8489 section 14.14",
        AttributeType::ALTERNATE_SERVER => "RFC 8489 section 14.15",
        AttributeType::ALTERNATE_DOMAIN => "RFC 8489 section 14.16",
        AttributeType::CHANNEL_NUMBER => "RFC 8656 section 18.1",
        AttributeType::LIFETIME => "RFC 8656 section 18.2",
        AttributeType::XOR_PEER_ADDRESS => "RFC 8656 section 18.3",
        AttributeType::DATA => "RFC 8656 section 18.4",
        AttributeType::XOR_RELAYED_ADDRESS => "RFC 8656 section 18.5",
        AttributeType::REQUESTED_TRANSPORT => "RFC 8656 section 18.8",
        AttributeType::PRIORITY
        | AttributeType::USE_CANDIDATE
        | AttributeType::ICE_CONTROLLED
        | AttributeType::ICE_CONTROLLING => "RFC 8445 section 16.1",
        _ => return None,
    })
}

fn address(tree: &mut Tree, address: SocketAddr) {
    tree.add("family", if address.is_ipv4() { "IPv4" } else { "IPv6" });
    tree.add("address", address.ip().to_string());
    tree.add("port", address.port());
}

/// ChannelData; RFC 8656 section 12.4. The data is handed back, to be looked into.
pub(super) fn channel_data(octets: &[u8]) -> (Tree, &[u8]) {
    let mut tree = Tree::default();
    let [a, b, c, d, rest @ ..] = octets else {
        tree.fault(octets.len(), "a header has 4 octets");
        return (tree, &[]);
    };
    let len = usize::from(u16::from_be_bytes([*c, *d]));
    tree.add("channel_number", u16::from_be_bytes([*a, *b]))
        .note(format!("0x{a:02x}{b:02x}"))
        .rfc("RFC 8656 section 12.4");
    tree.add("length", len);
    if let Some(data) = rest.get(..len) {
        tree.add("data", data);
        return (tree, data);
    }
    tree.add("data", rest);
    tree.fault(octets.len(), format!("expected {len} octets of data, found {}", rest.len()));
    (tree, &[])
}
