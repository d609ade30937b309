//! Laws of the codec: what a message may look like, what of it counts, and what is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use nomagic_stun::attribute::{
    ErrorReason, MappedAddress, Opaque, PasswordAlgorithms, Priority, UnknownAttributes, UseCandidate,
    Username, XorMappedAddress,
};
use nomagic_stun::{
    AttributeType, ErrorCode, IntegrityError, IntegrityKey, Kind, Message, MessageBuilder, MessageType,
    ParseError, TransactionId, is_stun,
};
use proptest::prelude::*;

const ID: TransactionId = TransactionId(*b"abcdefghijkl");

fn key() -> IntegrityKey {
    IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt")
}

fn message(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    attributes
        .iter()
        .fold(MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID), |builder, (kind, value)| {
            builder.attribute(&Opaque { attribute_type: AttributeType(*kind), value })
        })
        .finish()
        .unwrap();
    out
}

fn signed() -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&Username::new("evtj:h6vY").unwrap())
        .attribute(&Priority(1))
        .integrity(&key())
        .integrity_sha256(&key())
        .fingerprint()
        .finish()
        .unwrap();
    out
}

/// Appends an attribute by hand, where the builder would not let it stand.
fn smuggle(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
    let length = u16::try_from(message.len() - 20).unwrap();
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

//= rfc8489#5-1 test
#[test]
fn a_message_starts_with_two_zero_bits_and_the_cookie() {
    let good = message(&[]);
    assert!(is_stun(&good) && Message::parse(&good).is_ok());
    for first in [0x40, 0x80, 0xc0] {
        let mut bad = good.clone();
        bad[0] |= first;
        assert!(!is_stun(&bad));
        assert_eq!(Message::parse(&bad).map_err(|error| error.kind), Err(Kind::FirstOctet(bad[0])));
    }
    let mut bad = good;
    bad[7] ^= 1;
    assert!(!is_stun(&bad));
    assert_eq!(Message::parse(&bad), Err(ParseError { kind: Kind::MagicCookie(0x2112_a443), offset: 4 }));
}

#[test]
fn a_datagram_holds_one_message_and_nothing_else() {
    let mut bytes = message(&[]);
    bytes.push(0);
    let expected = Kind::LengthMismatch { declared: 0, actual: 1 };
    assert_eq!(Message::parse(&bytes), Err(ParseError { kind: expected, offset: 2 }));
    bytes[3] = 1;
    assert_eq!(Message::parse(&bytes), Err(ParseError { kind: Kind::LengthAlignment(1), offset: 2 }));
}

#[test]
fn an_attribute_longer_than_the_message_is_refused_where_it_stands() {
    let mut bytes = message(&[(0x8022, b"abcd")]);
    bytes[23] = 5;
    let expected = Kind::Truncated { needed: 12, available: 8 };
    assert_eq!(Message::parse(&bytes), Err(ParseError { kind: expected, offset: 20 }));
}

//= rfc8489#9-1 test
#[test]
fn attributes_behind_an_integrity_attribute_do_not_show() {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID).integrity(&key()).finish().unwrap();
    smuggle(&mut out, 0x0006, b"mallory");
    smuggle(&mut out, 0x0025, b"");
    let message = Message::parse(&out).unwrap();
    assert_eq!(message.verify(&key()), Ok(()));
    assert_eq!(message.attribute::<Username<'_>>(), Ok(None));
    assert_eq!(message.attribute::<UseCandidate>(), Ok(None));
    assert_eq!(message.attributes().count(), 0);
    assert_eq!(message.unknown_required(&[]).count(), 0);
}

//= rfc8489#9-2 test
#[test]
fn attributes_behind_the_stronger_integrity_attribute_alone_do_not_show_either() {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .integrity_sha256(&key())
        .finish()
        .unwrap();
    smuggle(&mut out, 0x0006, b"mallory");
    // A weaker tag behind the stronger is one of those that do not count.
    smuggle(&mut out, 0x0008, &[0; 20]);
    let message = Message::parse(&out).unwrap();
    assert_eq!(message.verify(&key()), Ok(()));
    assert_eq!(message.attribute::<Username<'_>>(), Ok(None));
    assert_eq!(message.attributes().count(), 0);
    assert!(message.to_string().ends_with("signed=SHA256"), "{message}");
}

#[test]
fn a_second_integrity_attribute_does_not_count() {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID).integrity(&key()).finish().unwrap();
    smuggle(&mut out, 0x0008, &[0; 20]);
    assert_eq!(Message::parse(&out).unwrap().verify(&key()), Ok(()));
}

#[test]
fn the_stronger_integrity_attribute_decides() {
    let good = signed();
    assert_eq!(Message::parse(&good).unwrap().verify(&key()), Ok(()));
    let mut forged = signed();
    forged.truncate(forged.len() - 8 - 36);
    smuggle(&mut forged, 0x001c, &[0; 32]);
    let message = Message::parse(&forged).unwrap();
    assert!(message.has_integrity_sha256());
    assert_eq!(message.verify(&key()), Err(IntegrityError::Mismatch));
}

//= rfc8489#14.6-1 test
#[test]
fn sha256_tags_are_cut_to_16_octets_at_the_least_and_by_fours() {
    for len in 0..=40 {
        let mut out = message(&[]);
        smuggle(&mut out, 0x001c, &vec![0; len]);
        assert_eq!(Message::parse(&out).is_ok(), matches!(len, 16 | 20 | 24 | 28 | 32), "{len} octets");
    }
}

#[test]
fn an_unsigned_message_does_not_verify() {
    assert_eq!(Message::parse(&message(&[])).unwrap().verify(&key()), Err(IntegrityError::Missing));
}

//= rfc8489#14.7-2 test
#[test]
fn nothing_follows_a_fingerprint_and_a_wrong_one_is_refused() {
    let mut bytes = signed();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(matches!(Message::parse(&bytes).unwrap_err().kind, Kind::Fingerprint { .. }));
    bytes[last] ^= 1;
    smuggle(&mut bytes, 0x8022, b"late");
    let error = Message::parse(&bytes).unwrap_err();
    // The length field is part of what is hashed, so the CRC breaks as soon as anything follows.
    assert!(matches!(error.kind, Kind::Fingerprint { .. } | Kind::AfterFingerprint(_)), "{error}");
}

#[test]
fn every_flipped_bit_before_the_tag_breaks_it() {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&Username::new("evtj:h6vY").unwrap())
        .integrity(&key())
        .finish()
        .unwrap();
    for bit in 0..(out.len() - 24) * 8 {
        let mut bytes = out.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(message) = Message::parse(&bytes) {
            assert_ne!(message.verify(&key()), Ok(()), "bit {bit}");
        }
    }
}

/// Each value length from 0 to 40 is accepted exactly where the attribute's format allows it.
#[test]
fn fixed_formats_take_their_lengths_only() {
    for len in 0..=40usize {
        let v4: Vec<u8> = [&[0, 1, 0, 9][..], &[1; 40][..]].concat()[..len].to_vec();
        let v6: Vec<u8> = [&[0, 2, 0, 9][..], &[1; 40][..]].concat()[..len].to_vec();
        let zeros = vec![0; len];
        let bytes =
            message(&[(0x0001, &v4), (0x0020, &v6), (0x0024, &zeros), (0x0025, &zeros), (0x000a, &zeros)]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.attribute::<MappedAddress>().is_ok(), len == 8);
        assert_eq!(message.attribute::<XorMappedAddress>().is_ok(), len == 20);
        assert_eq!(message.attribute::<Priority>().is_ok(), len == 4);
        assert_eq!(message.attribute::<UseCandidate>().is_ok(), len == 0);
        assert_eq!(message.attribute::<UnknownAttributes>().is_ok(), len % 2 == 0);
    }
}

#[test]
fn reserved_bits_of_an_error_code_are_ignored_and_absurd_codes_refused() {
    for (value, code) in
        [([0xff, 0xff, 0xfc, 1], Some(401)), ([0, 0, 4, 1], Some(401)), ([0, 0, 6, 99], Some(699))]
    {
        let bytes = message(&[(0x0009, &value)]);
        let read = Message::parse(&bytes).unwrap().attribute::<ErrorReason<'_>>();
        assert_eq!(read.unwrap().map(|error| error.code().code()), code);
    }
    for value in [[0, 0, 2, 0], [0, 0, 7, 0], [0, 0, 4, 100]] {
        let bytes = message(&[(0x0009, &value)]);
        assert!(Message::parse(&bytes).unwrap().attribute::<ErrorReason<'_>>().is_err(), "{value:?}");
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_where_it_breaks() {
    let bytes = message(&[(0x0006, b"ab\xff")]);
    let error = Message::parse(&bytes).unwrap().attribute::<Username<'_>>().unwrap_err();
    assert_eq!(error, ParseError { kind: Kind::Utf8(AttributeType::USERNAME), offset: 26 });
}

#[test]
fn unknown_attributes_that_must_be_understood_are_listed() {
    let bytes = message(&[(0x7ffe, b""), (0x8001, b""), (0x0006, b"u")]);
    let parsed = Message::parse(&bytes).unwrap();
    let unknown: Vec<_> = parsed.unknown_required(&[AttributeType::USERNAME]).collect();
    assert_eq!(unknown, [AttributeType(0x7ffe)]);
    let mut response = Vec::new();
    MessageBuilder::error(&mut response, &parsed)
        .attribute(&ErrorReason::bare(ErrorCode::UNKNOWN_ATTRIBUTE))
        .attribute(&UnknownAttributes::new(unknown))
        .finish()
        .unwrap();
    let read = Message::parse(&response).unwrap().attribute::<UnknownAttributes>().unwrap().unwrap();
    assert_eq!(read.iter().collect::<Vec<_>>(), [AttributeType(0x7ffe)]);
}

#[test]
fn the_offered_password_algorithms_read_back() {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&PasswordAlgorithms::BOTH)
        .finish()
        .unwrap();
    let read = Message::parse(&out).unwrap().attribute::<PasswordAlgorithms<'_>>().unwrap().unwrap();
    let names: Vec<_> = read.iter().map(|chosen| chosen.algorithm().to_string()).collect();
    assert_eq!(names, ["SHA-256", "MD5"]);
}

#[test]
fn attributes_beyond_the_length_field_leave_the_buffer_as_it_was() {
    let mut out = b"before".to_vec();
    let big = Opaque { attribute_type: AttributeType(0x8001), value: &[0; 60_000] };
    let finished = MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&big)
        .attribute(&big)
        .integrity(&key())
        .finish();
    assert!(finished.is_err());
    assert_eq!(out, b"before");
    let huge = Opaque { attribute_type: AttributeType(0x8001), value: &[0; 70_000] };
    assert!(
        MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID).attribute(&huge).finish().is_err()
    );
}

#[test]
fn a_message_describes_itself_in_one_line() {
    let bytes = signed();
    let line = Message::parse(&bytes).unwrap().to_string();
    assert_eq!(
        line,
        "Binding request id=6162636465666768696a6b6c USERNAME=\"evtj:h6vY\" PRIORITY=1 signed=SHA1+SHA256"
    );
}

#[test]
fn reading_and_checking_allocates_nothing() {
    let (bytes, key) = (signed(), key());
    nomagic_testkit::alloc::assert_none(|| {
        let message = Message::parse(&bytes).unwrap();
        assert!(message.verify(&key).is_ok());
        assert_eq!(message.attribute::<Priority>(), Ok(Some(Priority(1))));
    });
}

#[test]
fn building_into_a_roomy_buffer_allocates_nothing() {
    let (mut out, key) = (Vec::with_capacity(256), key());
    nomagic_testkit::alloc::assert_none(|| {
        out.clear();
        MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
            .attribute(&Priority(1))
            .integrity(&key)
            .fingerprint()
            .finish()
            .unwrap();
    });
}

proptest! {
    #[test]
    fn what_is_built_reads_back(
        bits in 0u16..0x4000,
        id: [u8; 12],
        attributes in proptest::collection::vec((0x8100u16..0xffff, proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
        sign: bool,
        seal: bool,
    ) {
        let (mut out, id) = (Vec::new(), TransactionId(id));
        let open = attributes.iter().fold(
            MessageBuilder::new(&mut out, MessageType::from_bits(bits), id),
            |builder, (kind, value)| builder.attribute(&Opaque { attribute_type: AttributeType(*kind), value }),
        );
        match (sign, seal) {
            (false, false) => open.finish(),
            (true, false) => open.integrity(&key()).finish(),
            (false, true) => open.fingerprint().finish(),
            (true, true) => open.integrity(&key()).fingerprint().finish(),
        }.unwrap();
        let message = Message::parse(&out).unwrap();
        prop_assert_eq!(message.message_type().to_bits(), bits);
        prop_assert_eq!(message.transaction_id(), id);
        prop_assert_eq!(message.has_fingerprint(), seal);
        prop_assert_eq!(message.verify(&key()).is_ok(), sign);
        let read: Vec<_> = message.attributes().map(|raw| (raw.attribute_type.0, raw.value.to_vec())).collect();
        prop_assert_eq!(read, attributes);
    }

    #[test]
    fn addresses_survive_the_mask(address: SocketAddr, id: [u8; 12]) {
        // Flow labels and scopes do not travel in STUN.
        let address = SocketAddr::new(address.ip(), address.port());
        let mut out = Vec::new();
        MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, TransactionId(id))
            .attribute(&XorMappedAddress(address))
            .attribute(&MappedAddress(address))
            .finish().unwrap();
        let message = Message::parse(&out).unwrap();
        prop_assert_eq!(message.attribute::<XorMappedAddress>().unwrap(), Some(XorMappedAddress(address)));
        prop_assert_eq!(message.attribute::<MappedAddress>().unwrap(), Some(MappedAddress(address)));
    }

    #[test]
    fn a_cut_message_is_an_error_and_no_octets_panic(cut in 0usize..200, noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let whole = signed();
        if cut < whole.len() {
            prop_assert!(Message::parse(&whole[..cut]).is_err());
        }
        if let Ok(message) = Message::parse(&noise) {
            let _ = message.to_string();
        }
        // Noise behind a good header reaches the attributes.
        let mut framed = message(&[]);
        framed.extend_from_slice(&noise);
        framed.truncate(framed.len() & !3);
        let length = u16::try_from(framed.len() - 20).unwrap();
        framed[2..4].copy_from_slice(&length.to_be_bytes());
        if let Ok(parsed) = Message::parse(&framed) {
            let _ = (parsed.to_string(), parsed.verify(&key()), parsed.attribute::<Username<'_>>());
        }
    }
}
