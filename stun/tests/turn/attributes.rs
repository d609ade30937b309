//! What TURN's attributes look like on the wire; RFC 8656 section 18.

use nomagic_stun::attribute::*;
use nomagic_stun::{AttributeType, ErrorCode, Message, MessageBuilder, MessageType, Method, TransactionId};
use proptest::prelude::*;

const KIND: MessageType = MessageType { method: Method::ALLOCATE, class: nomagic_stun::Class::Request };
const ID: TransactionId = TransactionId([7; 12]);

/// The attribute's octets, header and padding included.
fn written<'a>(attribute: &impl Attribute<'a>) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, KIND, ID).attribute(attribute).finish().unwrap();
    out.split_off(20)
}

fn read<T>(
    attribute_type: AttributeType,
    value: &[u8],
    get: impl for<'m> Fn(&Message<'m>) -> Option<T>,
) -> Option<T> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, KIND, ID).attribute(&Opaque { attribute_type, value }).finish().unwrap();
    get(&Message::parse(&out).unwrap())
}

//= rfc8656#7.1-7 test
//= rfc8656#18-1 test
//= rfc8656#18.1-1 test
//= rfc8656#18.6-1 test
//= rfc8656#18.8-1 test
//= rfc8656#18.12-1 test
//= rfc8656#18.13-1 test
#[test]
fn reserved_bits_and_padding_are_zero_when_sent() {
    assert_eq!(written(&ChannelNumberAttribute(0x4abc)), [0, 0x0c, 0, 4, 0x4a, 0xbc, 0, 0]);
    assert_eq!(written(&Lifetime(600)), [0, 0x0d, 0, 4, 0, 0, 2, 0x58]);
    assert_eq!(written(&Data(b"abcde")), [0, 0x13, 0, 5, b'a', b'b', b'c', b'd', b'e', 0, 0, 0]);
    assert_eq!(written(&RequestedAddressFamily(AddressFamily::Ipv6)), [0, 0x17, 0, 4, 2, 0, 0, 0]);
    assert_eq!(written(&EvenPort(true)), [0, 0x18, 0, 1, 0x80, 0, 0, 0]);
    assert_eq!(written(&EvenPort(false)), [0, 0x18, 0, 1, 0, 0, 0, 0]);
    assert_eq!(written(&RequestedTransport::UDP), [0, 0x19, 0, 4, 17, 0, 0, 0]);
    assert_eq!(written(&DontFragment), [0, 0x1a, 0, 0]);
    assert_eq!(written(&ReservationToken([9; 8])), [0, 0x22, 0, 8, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert_eq!(written(&ConnectionId(0x0102_0304)), [0, 0x2a, 0, 4, 1, 2, 3, 4]);
    assert_eq!(written(&AdditionalAddressFamily(AddressFamily::Ipv6)), [0x80, 0, 0, 4, 2, 0, 0, 0]);
    let missing = AddressErrorCode::new(AddressFamily::Ipv6, ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED, "no");
    assert_eq!(written(&missing.unwrap()), [0x80, 1, 0, 6, 2, 0, 4, 40, b'n', b'o', 0, 0]);
    assert_eq!(
        written(&Icmp { icmp_type: 3, code: 4, data: 1400 }),
        [0x80, 4, 0, 8, 0, 0, 3, 4, 0, 0, 5, 0x78]
    );
    assert_eq!(written(&MobilityTicket(&[1])), [0x80, 0x30, 0, 1, 1, 0, 0, 0]);
}

//= rfc8656#18.1-1 test
//= rfc8656#18.6-1 test
//= rfc8656#18.8-1 test
//= rfc8656#18.12-1 test
//= rfc8656#18.13-1 test
#[test]
fn reserved_bits_are_ignored_when_received() {
    let number = read(AttributeType::CHANNEL_NUMBER, &[0x40, 1, 0xff, 0xff], |m| m.attribute().unwrap());
    assert_eq!(number, Some(ChannelNumberAttribute(0x4001)));
    let family =
        read(AttributeType::REQUESTED_ADDRESS_FAMILY, &[1, 0xff, 0xff, 0xff], |m| m.attribute().unwrap());
    assert_eq!(family, Some(RequestedAddressFamily(AddressFamily::Ipv4)));
    let transport = read(AttributeType::REQUESTED_TRANSPORT, &[17, 1, 2, 3], |m| m.attribute().unwrap());
    assert_eq!(transport, Some(RequestedTransport::UDP));
    let even = read(AttributeType::EVEN_PORT, &[0x7f], |m| m.attribute().unwrap());
    assert_eq!(even, Some(EvenPort(false)));
    let icmp = read(AttributeType::ICMP, &[9, 9, 3, 1, 0, 0, 0, 0], |m| m.attribute().unwrap());
    assert_eq!(icmp, Some(Icmp { icmp_type: 3, code: 1, data: 0 }));
    let code = read(AttributeType::ADDRESS_ERROR_CODE, &[2, 0xff, 0xf5, 8], |m| {
        m.attribute::<AddressErrorCode<'_>>().unwrap().map(|missing| (missing.family, missing.code()))
    });
    assert_eq!(code, Some((AddressFamily::Ipv6, ErrorCode::INSUFFICIENT_CAPACITY)));
}

/// T2: every length for every attribute; those that the format does not allow are errors, none panics.
//= rfc8656#18.12-2 test
#[test]
fn every_length_is_right_or_an_error() {
    let lengths = |attribute_type, ok: &dyn Fn(&Message<'_>) -> bool| -> Vec<usize> {
        (0..=40)
            .filter(|len| {
                let mut value = vec![0; *len];
                if let Some(first) = value.first_mut() {
                    *first = 1;
                }
                if let Some(class) = value.get_mut(2) {
                    *class = 4;
                }
                read(attribute_type, &value, |message| Some(ok(message))).unwrap()
            })
            .collect()
    };
    fn ok<'m, A: Attribute<'m>>(message: &Message<'m>) -> bool {
        matches!(message.attribute::<A>(), Ok(Some(_)))
    }
    let all: Vec<usize> = (0..=40).collect();
    assert_eq!(lengths(AttributeType::CHANNEL_NUMBER, &|m| ok::<ChannelNumberAttribute>(m)), [4]);
    assert_eq!(lengths(AttributeType::LIFETIME, &|m| ok::<Lifetime>(m)), [4]);
    assert_eq!(lengths(AttributeType::DATA, &|m| ok::<Data<'_>>(m)), all);
    assert_eq!(lengths(AttributeType::REQUESTED_ADDRESS_FAMILY, &|m| ok::<RequestedAddressFamily>(m)), [4]);
    assert_eq!(lengths(AttributeType::EVEN_PORT, &|m| ok::<EvenPort>(m)), [1]);
    assert_eq!(lengths(AttributeType::REQUESTED_TRANSPORT, &|m| ok::<RequestedTransport>(m)), [4]);
    assert_eq!(lengths(AttributeType::DONT_FRAGMENT, &|m| ok::<DontFragment>(m)), [0]);
    assert_eq!(lengths(AttributeType::RESERVATION_TOKEN, &|m| ok::<ReservationToken>(m)), [8]);
    assert_eq!(lengths(AttributeType::CONNECTION_ID, &|m| ok::<ConnectionId>(m)), [4]);
    assert_eq!(lengths(AttributeType::ADDITIONAL_ADDRESS_FAMILY, &|m| ok::<AdditionalAddressFamily>(m)), [4]);
    assert_eq!(lengths(AttributeType::ADDRESS_ERROR_CODE, &|m| ok::<AddressErrorCode<'_>>(m)), all[4..]);
    assert_eq!(lengths(AttributeType::ICMP, &|m| ok::<Icmp>(m)), [8]);
    assert_eq!(lengths(AttributeType::MOBILITY_TICKET, &|m| ok::<MobilityTicket<'_>>(m)), all);
    let long = "x".repeat(764);
    assert!(AddressErrorCode::new(AddressFamily::Ipv6, ErrorCode::INSUFFICIENT_CAPACITY, &long).is_err());
    let not_text = [2, 0, 5, 8, 0xff];
    let bad = read(AttributeType::ADDRESS_ERROR_CODE, &not_text, |m| Some(ok::<AddressErrorCode<'_>>(m)));
    assert_eq!(bad, Some(false));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        channel in any::<u16>(), seconds in any::<u32>(), even in any::<bool>(), token in any::<[u8; 8]>(),
        data in prop::collection::vec(any::<u8>(), 0..50), icmp in any::<(u8, u8, u32)>(), port in any::<u16>(),
        ip in any::<std::net::IpAddr>(),
    ) {
        let (icmp_type, code, word) = icmp;
        let (icmp, address) = (Icmp { icmp_type, code, data: word }, std::net::SocketAddr::new(ip, port));
        let mut out = Vec::new();
        MessageBuilder::new(&mut out, KIND, ID)
            .attribute(&ChannelNumberAttribute(channel))
            .attribute(&Lifetime(seconds))
            .attribute(&EvenPort(even))
            .attribute(&ReservationToken(token))
            .attribute(&Data(&data))
            .attribute(&icmp)
            .attribute(&XorPeerAddress(address))
            .attribute(&XorRelayedAddress(address))
            .finish()
            .unwrap();
        let message = Message::parse(&out).unwrap();
        prop_assert_eq!(message.attribute(), Ok(Some(ChannelNumberAttribute(channel))));
        prop_assert_eq!(message.attribute(), Ok(Some(Lifetime(seconds))));
        prop_assert_eq!(message.attribute(), Ok(Some(EvenPort(even))));
        prop_assert_eq!(message.attribute(), Ok(Some(ReservationToken(token))));
        prop_assert_eq!(message.attribute(), Ok(Some(Data(&data))));
        prop_assert_eq!(message.attribute(), Ok(Some(icmp)));
        prop_assert_eq!(message.attribute(), Ok(Some(XorPeerAddress(address))));
        prop_assert_eq!(message.attribute(), Ok(Some(XorRelayedAddress(address))));
    }
}
