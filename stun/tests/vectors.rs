//! The messages printed in RFC 5769 and RFC 8489 appendix B.1, both ways, and the corpora.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use nomagic_stun::attribute::{
    IceControlled, Nonce, Priority, Realm, Software, Userhash, Username, XorMappedAddress,
};
use nomagic_stun::{
    Class, IntegrityError, IntegrityKey, Kind, Message, MessageBuilder, MessageType, Method, ParseError,
    PasswordAlgorithm, TransactionId,
};
use nomagic_testkit::vectors;

const ID: TransactionId =
    TransactionId([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);
const LONG_ID: TransactionId =
    TransactionId([0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e]);
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const MATRIX: &str = "\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}";

/// RFC 5769 section 2.1. Its padding is spaces, which is legal to receive.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
    002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// RFC 5769 section 2.2.
const RESPONSE_IPV4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// RFC 5769 section 2.3.
const RESPONSE_IPV6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";
/// RFC 5769 section 2.4.
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000\
    0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700\
    00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
/// RFC 8489 appendix B.1, as printed: its length field counts the header too, which erratum 6268 reports.
const SHA256: &str = "0001009c2112a44278ad3433c6ad72c029da412e\
    001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704\
    001500296f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000\
    0014000b6578616d706c652e6f726700001c0020e4686c8f0edeb59013e07090010a93efccbccc544c0a45d9f830aa6d6f735a01";
/// The key of appendix B.1: SHA-256 over user name, realm and password.
const SHA256_KEY: &str = "dd295a613b9058c3c23d6dc7165bda072304d989c9d0af3a8c7e184b4f9bb4a1";
/// The tag that the right length field gives, computed with Python's hmac.
const SHA256_TAG: &str = "234112fbd4e27f983eb4032836f998216f5b23f8d927753fbc4f882bfbdf0dec";

#[test]
fn the_sample_request_reads_as_printed() {
    let bytes = vectors::hex(REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.message_type(), MessageType::BINDING_REQUEST);
    assert_eq!(message.transaction_id(), ID);
    assert_eq!(message.attribute::<Software<'_>>().unwrap().unwrap().as_str(), "STUN test client");
    assert_eq!(message.attribute::<Username<'_>>().unwrap().unwrap().as_str(), "evtj:h6vY");
    assert_eq!(message.attribute::<Priority>(), Ok(Some(Priority(0x6e00_01ff))));
    assert_eq!(message.attribute::<IceControlled>(), Ok(Some(IceControlled(0x932f_f9b1_5126_3b36))));
    assert!(message.has_fingerprint());
    assert_eq!(message.verify(&IntegrityKey::short_term(PASSWORD)), Ok(()));
    assert_eq!(message.verify(&IntegrityKey::short_term("wrong")), Err(IntegrityError::Mismatch));
}

#[test]
fn the_sample_responses_carry_the_printed_addresses() {
    for (hex, address) in
        [(RESPONSE_IPV4, "192.0.2.1:32853"), (RESPONSE_IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let bytes = vectors::hex(hex);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.method(), message.class()), (Method::BINDING, Class::Success));
        let address: SocketAddr = address.parse().unwrap();
        assert_eq!(message.attribute::<XorMappedAddress>(), Ok(Some(XorMappedAddress(address))));
        assert_eq!(message.verify(&IntegrityKey::short_term(PASSWORD)), Ok(()));
    }
}

/// The printed messages pad with spaces, ours with zeros, so the values are compared and not the tags.
#[test]
fn short_term_messages_are_built_with_the_printed_values() {
    let key = IntegrityKey::short_term(PASSWORD);
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(&Software::new("STUN test client").unwrap())
        .attribute(&Priority(0x6e00_01ff))
        .attribute(&IceControlled(0x932f_f9b1_5126_3b36))
        .attribute(&Username::new("evtj:h6vY").unwrap())
        .integrity(&key)
        .fingerprint()
        .finish()
        .unwrap();
    let printed = vectors::hex(REQUEST);
    assert_eq!(out.len(), printed.len());
    let (ours, theirs) = (Message::parse(&out).unwrap(), Message::parse(&printed).unwrap());
    assert!(ours.attributes().eq(theirs.attributes()));
    assert_eq!(ours.verify(&key), Ok(()));
    assert_eq!(out[out.len() - 35..out.len() - 32], [0, 0, 0], "padding is zero");
}

#[test]
fn the_long_term_request_is_built_to_the_octet() {
    let key = IntegrityKey::long_term(MATRIX, "example.org", "TheMatrIX", PasswordAlgorithm::MD5).unwrap();
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, LONG_ID)
        .attribute(&Username::new(MATRIX).unwrap())
        .attribute(&Nonce::new("f//499k954d6OL34oL9FSTvy64sA").unwrap())
        .attribute(&Realm::new("example.org").unwrap())
        .integrity(&key)
        .finish()
        .unwrap();
    assert_eq!(out, vectors::hex(LONG_TERM));
    assert_eq!(Message::parse(&out).unwrap().verify(&key), Ok(()));
}

#[test]
fn the_sha256_request_is_built_to_the_octet_but_for_the_erratum() {
    let printed = vectors::hex(SHA256);
    let expected = Kind::LengthMismatch { declared: 156, actual: 136 };
    assert_eq!(Message::parse(&printed), Err(ParseError { kind: expected, offset: 2 }));

    let key =
        IntegrityKey::long_term(MATRIX, "example.org", "TheMatrIX", PasswordAlgorithm::SHA_256).unwrap();
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, LONG_ID)
        .attribute(&Userhash::new(MATRIX, "example.org"))
        .attribute(&Nonce::new("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA").unwrap())
        .attribute(&Realm::new("example.org").unwrap())
        .integrity_sha256(&key)
        .finish()
        .unwrap();
    assert_eq!((out[2..4].to_vec(), &out[4..124]), (vec![0, 136], &printed[4..124]));
    assert_eq!(out[124..], vectors::hex(SHA256_TAG));
    let parsed = Message::parse(&out).unwrap();
    assert_eq!(parsed.verify(&IntegrityKey::from_octets(&vectors::hex(SHA256_KEY))), Ok(()));
}

#[test]
fn every_corpus_reads_without_panic_and_what_reads_is_whole() {
    for folder in
        ["aioice", "coturn-fuzzstun", "coturn-fuzzstunclient", "pion-fuzz", "pion-turn-fuzz", "webrtc-corpus"]
    {
        for (name, bytes) in vectors::files(&format!("stun/{folder}")) {
            let Ok(message) = Message::parse(&bytes) else { continue };
            let walked: usize = message.attributes().map(|raw| 4 + raw.value.len().next_multiple_of(4)).sum();
            assert!(20 + walked <= bytes.len(), "{name}: attributes stay inside");
            assert!(!message.to_string().is_empty());
        }
    }
}

/// The two second opinions agree: whatever tshark calls well formed and reads as plain STUN, we read too.
#[test]
fn messages_that_browsers_sent_all_read() {
    for (name, bytes) in vectors::files("stun/aioice") {
        assert!(Message::parse(&bytes).is_ok(), "{name}");
    }
    let mut read = 0;
    for capture in ["stun.pcap", "stun_dtls_rtp.pcapng", "stun_google_meet.pcapng", "stun_zoom.pcapng"] {
        let Some(packets) = vectors::read(&format!("stun/captures/{capture}.packets.jsonl")) else { return };
        for line in packets.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
            let packet: serde_json::Value = serde_json::from_slice(line).unwrap();
            let Some(payload) = packet["udp_payload"].as_str() else { continue };
            let bytes = vectors::hex(payload);
            if nomagic_stun::is_stun(&bytes) && Message::parse(&bytes).is_ok() {
                read += 1;
            }
        }
    }
    assert!(read > 50, "only {read} messages read");
}
