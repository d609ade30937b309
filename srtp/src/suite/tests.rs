//! RFC 7714 sections 16 and 17, whose keys are session keys and so cannot come in through a master key; and the key
//! stream of RFC 3711 appendix B.2.

use super::*;
use nomagic_testkit::vectors;

const PLAIN_RTP: &str =
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
const PLAIN_RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

fn gcm128(key: &str, salt: &str) -> Suite {
    let key: [u8; 16] = vectors::hex(key).try_into().unwrap();
    Suite::Gcm128(Gcm { cipher: Aes128Gcm::new(&key.into()), salt: vectors::hex(salt).try_into().unwrap() })
}

fn gcm256(key: &str, salt: &str) -> Suite {
    let key: [u8; 32] = vectors::hex(key).try_into().unwrap();
    Suite::Gcm256(Gcm { cipher: Aes256Gcm::new(&key.into()), salt: vectors::hex(salt).try_into().unwrap() })
}

/// RFC 7714 sections 16.1.1 and 16.1.2.
#[test]
fn the_printed_rtp_packet_is_sealed_and_opened() {
    let suite = gcm128("000102030405060708090a0b0c0d0e0f", "517569642070726f2071756f");
    let position = Position { ssrc: 0x5501_a0b2, index: 0xf17b };
    let (plain, mut out) = (vectors::hex(PLAIN_RTP), vectors::hex(PLAIN_RTP));
    suite.seal_rtp(&mut out, 0, 12, position);
    assert_eq!(out[12..20], vectors::hex("f24de3a3fb34de6c"));
    assert_eq!(suite.open_rtp(&mut out, 12, position), Some(plain.len()));
    assert_eq!(out[..plain.len()], plain);
}

/// The first printed RTCP packet, sealed and opened under the index that it names.
#[test]
fn an_rtcp_packet_carries_its_index_behind_the_tag() {
    let suite = gcm128("000102030405060708090a0b0c0d0e0f", "517569642070726f2071756f");
    let position = Position { ssrc: 0x4d61_7273, index: 0x5d4 };
    let (plain, mut out) = (vectors::hex(PLAIN_RTCP), vectors::hex(PLAIN_RTCP));
    suite.seal_rtcp(&mut out, 0, position);
    assert_eq!(out.len(), plain.len() + 20);
    assert_eq!(suite.rtcp_index_word(&out), Some(0x8000_05d4));
    assert_eq!(suite.open_rtcp(&mut out, position), Some(plain.len()));
    assert_eq!(out[..plain.len()], plain);
}

/// All twelve packets, with the roll-over counter or index and the E flag that each names.
#[test]
fn every_packet_of_rfc_7714_is_sealed_and_opened() {
    let Some(file) = vectors::json("srtp/rfc7714.json") else { return };
    let mut checked = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let (key, salt) = (text("session_key"), text("session_salt"));
        let suite = if key.len() == 32 { gcm128(&key, &salt) } else { gcm256(&key, &salt) };
        let (plain, protected) =
            (vectors::hex(&text("plain_packet")), vectors::hex(&text("protected_packet")));
        let (mut sealed, mut opened) = (plain.clone(), protected.clone());
        let encrypted = vector["encrypted"].as_bool().unwrap();
        if vector["kind"] == "srtp" {
            let sequence = u64::from(u16::from_be_bytes([plain[2], plain[3]]));
            let index = vector["roc"].as_u64().unwrap() << 16 | sequence;
            let position = Position { ssrc: u32::from_be_bytes(plain[8..12].try_into().unwrap()), index };
            if !encrypted {
                // Authentication without encryption is not among the profiles.
                continue;
            }
            suite.seal_rtp(&mut sealed, 0, 12, position);
            assert_eq!(suite.open_rtp(&mut opened, 12, position), Some(plain.len()));
        } else {
            let index = vector["srtcp_index"].as_u64().unwrap();
            let position = Position { ssrc: u32::from_be_bytes(plain[4..8].try_into().unwrap()), index };
            assert_eq!(suite.open_rtcp(&mut opened, position), Some(plain.len()), "{}", vector["title"]);
            if encrypted {
                suite.seal_rtcp(&mut sealed, 0, position);
            } else {
                sealed = protected.clone();
            }
        }
        assert_eq!(sealed, protected, "{}", vector["title"]);
        assert_eq!(opened[..plain.len()], plain, "{}", vector["title"]);
        checked += 1;
    }
    assert!(checked >= 8, "only {checked} packets were checked");
}

/// RFC 3711 appendix B.2: the first three and the last three blocks of the key stream.
#[test]
fn the_printed_key_stream_comes_out() {
    let key: [u8; 16] = vectors::hex("2b7e151628aed2a6abf7158809cf4f3c").try_into().unwrap();
    let suite = CounterMode {
        cipher: Aes128Enc::new(&key.into()),
        salt: vectors::hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd").try_into().unwrap(),
        mac: keyed(&[]),
        tag_len: 10,
    };
    let mut stream = alloc::vec![0; 1_044_512];
    suite.apply(&mut stream, Position { ssrc: 0, index: 0 });
    assert_eq!(stream[..16], vectors::hex("e03ead0935c95e80e166b16dd92b4eb4"));
    assert_eq!(stream[16..32], vectors::hex("d23513162b02d0f72a43a2fe4a5f97ab"));
    assert_eq!(stream[32..48], vectors::hex("41e95b3bb0a2e8dd477901e4fca894c0"));
    let Some(file) = vectors::json("srtp/rfc3711.json") else { return };
    for block in file["B2_aes_cm"]["keystream_blocks"].as_array().unwrap() {
        let counter = vectors::hex(block["counter"].as_str().unwrap());
        let at = 16 * usize::from(u16::from_be_bytes([counter[14], counter[15]]));
        assert_eq!(stream[at..at + 16], vectors::hex(block["keystream"].as_str().unwrap()));
    }
}
