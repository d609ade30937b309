//! What the attributes of RFC 5780 look like on the wire, in both directions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use nomagic_stun::attribute::{
    Attribute, ChangeRequest, Opaque, OtherAddress, Padding, ResponseOrigin, ResponsePort,
};
use nomagic_stun::{AttributeType, Message, MessageBuilder, MessageType, TransactionId};

const ID: TransactionId = TransactionId([7; 12]);

/// The attribute's octets, header and padding included.
fn written<'a>(attribute: &impl Attribute<'a>) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID).attribute(attribute).finish().unwrap();
    out.split_off(20)
}

/// A message that carries these octets under this type.
fn carrying(attribute_type: AttributeType, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&Opaque { attribute_type, value })
        .finish()
        .unwrap();
    out
}

#[test]
fn the_attributes_have_the_layout_of_section_7() {
    assert_eq!(written(&ChangeRequest { ip: true, port: false }), [0, 3, 0, 4, 0, 0, 0, 4]);
    assert_eq!(written(&ChangeRequest { ip: false, port: true }), [0, 3, 0, 4, 0, 0, 0, 2]);
    assert_eq!(written(&ResponsePort(0x1234)), [0, 0x27, 0, 4, 0x12, 0x34, 0, 0]);
    assert_eq!(written(&Padding(b"abcde")), [0, 0x26, 0, 5, b'a', b'b', b'c', b'd', b'e', 0, 0, 0]);
    let address: SocketAddr = "192.0.2.1:3479".parse().unwrap();
    // Neither address is XORed.
    let plain = [0, 8, 0, 1, 0x0d, 0x97, 192, 0, 2, 1];
    assert_eq!(written(&ResponseOrigin(address)), [&[0x80, 0x2b][..], &plain].concat());
    assert_eq!(written(&OtherAddress(address)), [&[0x80, 0x2c][..], &plain].concat());
}

#[test]
fn what_is_written_reads_back() {
    for change in [(false, false), (false, true), (true, false), (true, true)] {
        let change = ChangeRequest { ip: change.0, port: change.1 };
        let bytes = carrying(AttributeType::CHANGE_REQUEST, &written(&change)[4..]);
        assert_eq!(Message::parse(&bytes).unwrap().attribute::<ChangeRequest>(), Ok(Some(change)));
    }
    for address in ["192.0.2.1:3479", "[2001:db8::1]:3479"] {
        let address: SocketAddr = address.parse().unwrap();
        let bytes = carrying(AttributeType::OTHER_ADDRESS, &written(&OtherAddress(address))[4..]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.attribute::<OtherAddress>(), Ok(Some(OtherAddress(address))));
        assert!(message.to_string().ends_with(&format!("OTHER-ADDRESS={address}")), "{message}");
        let bytes = carrying(AttributeType::RESPONSE_ORIGIN, &written(&ResponseOrigin(address))[4..]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.attribute::<ResponseOrigin>(), Ok(Some(ResponseOrigin(address))));
    }
}

/// T2 for these attributes: every length from 0 to 40 is read or refused as the format says.
#[test]
fn every_length_is_read_or_refused_by_the_format() {
    for len in 0..=40 {
        let value = vec![1; len];
        let bytes = carrying(AttributeType::CHANGE_REQUEST, &value);
        assert_eq!(Message::parse(&bytes).unwrap().attribute::<ChangeRequest>().is_ok(), len == 4);
        let bytes = carrying(AttributeType::RESPONSE_PORT, &value);
        let port = Message::parse(&bytes).unwrap().attribute::<ResponsePort>();
        assert_eq!(port.is_ok(), (2..=4).contains(&len), "{len}");
        let bytes = carrying(AttributeType::OTHER_ADDRESS, &value);
        assert_eq!(Message::parse(&bytes).unwrap().attribute::<OtherAddress>().is_ok(), len == 8);
        let bytes = carrying(AttributeType::PADDING, &value);
        assert_eq!(Message::parse(&bytes).unwrap().attribute::<Padding<'_>>(), Ok(Some(Padding(&value))));
    }
}

#[test]
fn the_attributes_describe_themselves() {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&ChangeRequest { ip: true, port: true })
        .attribute(&ResponsePort(7))
        .attribute(&Padding(&[0; 9]))
        .finish()
        .unwrap();
    let text = Message::parse(&out).unwrap().to_string();
    assert!(text.ends_with(" CHANGE-REQUEST=ip+port RESPONSE-PORT=7 PADDING=9 octets"), "{text}");
}

#[test]
fn bits_without_a_meaning_are_ignored_in_a_change_request() {
    let bytes = carrying(AttributeType::CHANGE_REQUEST, &[0xff, 0xff, 0xff, 0xfb]);
    let read = Message::parse(&bytes).unwrap().attribute::<ChangeRequest>();
    assert_eq!(read, Ok(Some(ChangeRequest { ip: false, port: true })));
}
