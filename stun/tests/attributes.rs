//! The attributes of RFC 8489 and of the small RFCs around it, on the wire in both directions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use nomagic_stun::attribute::*;
use nomagic_stun::{
    AttributeType, ErrorCode, Kind, Message, MessageBuilder, MessageType, PasswordAlgorithm, TransactionId,
};

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

fn reads<T: for<'a> Attribute<'a>>(value: &[u8]) -> Option<T> {
    let bytes = carrying(T::TYPE, value);
    Message::parse(&bytes).unwrap().attribute::<T>().ok().flatten()
}

/// T3, and the TLV form: type, length of the value before padding, value, zeros up to four octets.
//= rfc8489#14-1 test
//= rfc8489#14-2 test
//= rfc8489#14-3 test
//= rfc8489#14-4 test
#[test]
fn attributes_are_padded_with_zeros_that_the_length_does_not_count() {
    for len in 0..=9usize {
        let text = "x".repeat(len);
        let bytes = written(&Software::new(&text).unwrap());
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(bytes[..2], [0x80, 0x22]);
        assert_eq!(usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), len);
        assert_eq!(&bytes[4..4 + len], text.as_bytes());
        assert!(bytes[4 + len..].iter().all(|octet| *octet == 0));
    }
    // Received, padding may be anything.
    let mut bytes = carrying(AttributeType::SOFTWARE, b"abcde");
    let end = bytes.len();
    bytes[end - 3..].fill(0xff);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attribute::<Software<'_>>().unwrap().unwrap().as_str(), "abcde");
}

/// C4 and T2: families and lengths go together, whatever the first octet says.
//= rfc8489#14.1-1 test
//= rfc8489#14.1-2 test
//= rfc8489#14.1-3 test
#[test]
fn an_address_has_the_length_of_its_family() {
    let v4: SocketAddr = "192.0.2.1:32853".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:32853".parse().unwrap();
    let (four, six) = (written(&MappedAddress(v4)), written(&MappedAddress(v6)));
    assert_eq!((four.len(), six.len()), (4 + 8, 4 + 20));
    assert_eq!((four[4], six[4]), (0, 0));
    for (first, family, len, expected) in
        [(0, 1, 8, true), (0xff, 1, 8, true), (0, 2, 20, true), (0, 1, 20, false), (0, 2, 8, false)]
    {
        let mut value = vec![9; len];
        (value[0], value[1]) = (first, family);
        assert_eq!(reads::<MappedAddress>(&value).is_some(), expected, "{family} {len}");
        assert_eq!(reads::<XorMappedAddress>(&value).is_some(), expected);
    }
    assert!(reads::<MappedAddress>(&[0, 3, 0, 9, 1, 1, 1, 1]).is_none());
}

//= rfc8489#14.3-1 test
//= rfc8489#14.3-2 test
#[test]
fn a_user_name_is_written_with_508_octets_and_read_with_763() {
    let long = "a".repeat(763);
    assert!(Username::new(&long[..508]).is_ok());
    assert_eq!(Username::new(&long[..509]), Err(TextError::Octets { found: 509, maximum: 508 }));
    let bytes = carrying(AttributeType::USERNAME, long.as_bytes());
    let read = Message::parse(&bytes).unwrap().attribute::<Username<'_>>().unwrap().unwrap();
    assert_eq!(read.as_str(), long);
    let bytes = carrying(AttributeType::USERNAME, "a".repeat(764).as_bytes());
    assert!(Message::parse(&bytes).unwrap().attribute::<Username<'_>>().is_err());
    let bytes = carrying(AttributeType::USERNAME, b"\xc0\x80");
    assert!(Message::parse(&bytes).unwrap().attribute::<Username<'_>>().is_err(), "not UTF-8");
}

/// 127 characters of four octets each are 508; who sends more is read all the same.
//= rfc8489#14.8-1 test
//= rfc8489#14.9-1 test
//= rfc8489#14.10-1 test
//= rfc8489#14.14-2 test
#[test]
fn text_is_written_with_127_characters_and_read_with_763_octets() {
    let (fits, long) = ("😀".repeat(127), "😀".repeat(128));
    let code = ErrorCode::BAD_REQUEST;
    assert_eq!(Realm::new(&fits).map(|text| text.as_str().len()), Ok(508));
    assert!(Nonce::new(&fits).is_ok() && Software::new(&fits).is_ok());
    assert!(ErrorReason::new(code, &fits).is_ok());
    let error = TextError::Characters { found: 128, maximum: 127 };
    assert_eq!(Realm::new(&long), Err(error));
    assert_eq!(Nonce::new(&long), Err(error));
    assert_eq!(Software::new(&long), Err(error));
    assert_eq!(ErrorReason::new(code, &long), Err(error));

    let generous = "a".repeat(763);
    for kind in [AttributeType::REALM, AttributeType::NONCE, AttributeType::SOFTWARE] {
        for (len, expected) in [(763, true), (764, false)] {
            let bytes = carrying(kind, "a".repeat(len).as_bytes());
            let message = Message::parse(&bytes).unwrap();
            let read = match kind {
                AttributeType::REALM => message.attribute::<Realm<'_>>().is_ok(),
                AttributeType::NONCE => message.attribute::<Nonce<'_>>().is_ok(),
                _ => message.attribute::<Software<'_>>().is_ok(),
            };
            assert_eq!(read, expected, "{kind} {len}");
        }
    }
    let bytes = carrying(AttributeType::ERROR_CODE, &[&[0, 0, 4, 0], generous.as_bytes()].concat());
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attribute::<ErrorReason<'_>>().unwrap().unwrap().reason(), generous);
}

/// Probe rows: reserved bits set, class 9, class 2, number 100.
//= rfc8489#14.8-3 test
//= rfc8489#14.8-4 test
//= rfc8489#14.8-5 test
#[test]
fn an_error_code_has_a_class_of_3_to_6_and_a_number_below_100() {
    let code = |value: [u8; 4]| {
        let bytes = carrying(AttributeType::ERROR_CODE, &value);
        let read = Message::parse(&bytes).unwrap().attribute::<ErrorReason<'_>>();
        read.ok().flatten().map(|error| error.code().code())
    };
    assert_eq!(code([0xff, 0xff, 0xf8 | 4, 1]), Some(401));
    assert_eq!((code([0, 0, 3, 0]), code([0, 0, 6, 99])), (Some(300), Some(699)));
    for class in [0, 1, 2, 7] {
        assert_eq!(code([0, 0, class, 1]), None, "class {class}");
    }
    // Class 9 is class 1 with a reserved bit set.
    assert_eq!(code([0, 0, 9, 1]), None);
    assert_eq!(code([0, 0, 4, 100]), None);
    assert_eq!(ErrorCode::new(299), None);
    assert_eq!(ErrorCode::new(700), None);
}

//= rfc8489#14.16-1 test
#[test]
fn an_alternate_domain_is_a_domain_name() {
    let long = format!("{}.example", ["a".repeat(60).as_str(); 4].join("."));
    let cases = [
        ("turn.example.org", true),
        ("example.org.", true),
        ("xn--bcher-kva.example", true),
        ("", false),
        ("a..b", false),
        ("-a.example", false),
        ("bücher.example", false),
        ("a b", false),
        (long.as_str(), true),
    ];
    for (name, expected) in cases {
        assert_eq!(AlternateDomain::new(name).is_ok(), expected, "{name}");
        let bytes = carrying(AttributeType::ALTERNATE_DOMAIN, name.as_bytes());
        let read = Message::parse(&bytes).unwrap().attribute::<AlternateDomain<'_>>();
        assert_eq!(read.is_ok(), expected, "{name}");
        if !expected {
            assert!(matches!(read.unwrap_err().kind, Kind::DomainName | Kind::Utf8(_)));
        }
    }
    let label = "a".repeat(64);
    assert_eq!(AlternateDomain::new(&label), Err(TextError::DomainName));
    let many = vec!["a"; 128].join(".");
    assert_eq!((many.len(), AlternateDomain::new(&many).is_ok()), (255, true));
    assert!(AlternateDomain::new(&format!("{many}a.")).is_err());
}

//= rfc8489#14.12-1 test
#[test]
fn parameters_of_an_algorithm_are_padded() {
    assert_eq!(written(&ChosenAlgorithm::new(PasswordAlgorithm::SHA_256)), [0, 0x1d, 0, 4, 0, 2, 0, 0]);
    // An algorithm with one octet of parameters, whose padding is dirty.
    let value = [0, 9, 0, 1, 7, 0xff, 0xff, 0xff];
    let bytes = carrying(AttributeType::PASSWORD_ALGORITHM, &value);
    let read = Message::parse(&bytes).unwrap().attribute::<ChosenAlgorithm<'_>>().unwrap().unwrap();
    assert_eq!((read.algorithm(), read.parameters()), (PasswordAlgorithm(9), &[7][..]));
    assert_eq!(written(&read), [0, 0x1d, 0, 8, 0, 9, 0, 1, 7, 0, 0, 0], "written, it is clean");
    let list = [&value[..], &[0, 1, 0, 0]].concat();
    let bytes = carrying(AttributeType::PASSWORD_ALGORITHMS, &list);
    let read = Message::parse(&bytes).unwrap().attribute::<PasswordAlgorithms<'_>>().unwrap().unwrap();
    assert_eq!(read.iter().last().unwrap().algorithm(), PasswordAlgorithm::MD5);
}

/// RFC 6679 section 7.2.2, RFC 7982 section 3.1, RFC 5780 section 9.1 and RFC 7635 section 6.
#[test]
fn what_small_rfcs_add_has_their_layout() {
    assert_eq!(written(&EcnCheck::ASK), [0x80, 0x2d, 0, 4, 0, 0, 0, 0]);
    assert_eq!(written(&EcnCheck::echo(2)), [0x80, 0x2d, 0, 4, 0, 0, 0, 0b101]);
    assert_eq!(reads::<EcnCheck>(&[0xff, 0xff, 0xff, 0xff]).unwrap().field(), Some(3));
    assert_eq!(reads::<EcnCheck>(&[0xff, 0xff, 0xff, 0xfe]).unwrap().field(), None);
    let counter = TransmitCounter { request: 3, response: 1 };
    assert_eq!(written(&counter), [0x80, 0x25, 0, 4, 0, 0, 3, 1]);
    assert_eq!(reads::<TransmitCounter>(&[9, 9, 3, 1]), Some(counter));
    assert_eq!(written(&CacheTimeout(600)), [0x80, 0x27, 0, 4, 0, 0, 2, 0x58]);
    assert_eq!(reads::<CacheTimeout>(&[0, 0, 2, 0x58]), Some(CacheTimeout(600)));
    assert_eq!(written(&AccessToken(b"abc")), [0, 0x1b, 0, 3, b'a', b'b', b'c', 0]);
    let server = ThirdPartyAuthorization::new("a.b").unwrap();
    assert_eq!(written(&server), [0x80, 0x2e, 0, 3, b'a', b'.', b'b', 0]);
    let bytes = carrying(AttributeType::THIRD_PARTY_AUTHORIZATION, b"a.b");
    let read = Message::parse(&bytes).unwrap().attribute::<ThirdPartyAuthorization<'_>>();
    assert_eq!(read, Ok(Some(server)));
    let bytes = carrying(AttributeType::ACCESS_TOKEN, &[0; 2000]);
    let read = Message::parse(&bytes).unwrap().attribute::<AccessToken<'_>>();
    assert_eq!(read.unwrap().unwrap().0.len(), 2000);
    for len in (0..=40).filter(|len| *len != 4) {
        assert!(reads::<EcnCheck>(&vec![0; len]).is_none());
        assert!(reads::<TransmitCounter>(&vec![0; len]).is_none());
        assert!(reads::<CacheTimeout>(&vec![0; len]).is_none());
    }
}

/// The IANA registry, as far as RFCs have filled it: every attribute has its number and its name.
#[test]
fn every_registered_attribute_has_a_name() {
    let registered = [
        0x0001..=0x0001,
        0x0003..=0x0003,
        0x0006..=0x0006,
        0x0008..=0x000a,
        0x000c..=0x000d,
        0x0012..=0x001e,
        0x0020..=0x0020,
        0x0022..=0x0022,
        0x0024..=0x0027,
        0x002a..=0x002a,
        0x8000..=0x8004,
        0x8022..=0x8023,
        0x8025..=0x8025,
        0x8027..=0x802e,
        0x8030..=0x8030,
    ];
    for number in 0..=u16::MAX {
        let expected = registered.iter().any(|range| range.contains(&number));
        assert_eq!(AttributeType(number).name().is_some(), expected, "{number:#06x}");
    }
}
