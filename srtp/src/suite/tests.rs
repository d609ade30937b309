//! RFC 7714 sections 16 and 17, whose keys are session keys and so cannot come in through a master key; and the key
//! stream of RFC 3711 appendix B.2.

use super::*;
use nomagic_testkit::vectors;

const PLAIN_RTP: &str =
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
const PLAIN_RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

fn gcm(key: &str, salt: &str) -> Suite {
    let cipher = gcm_cipher(&vectors::hex(key), &Backend::default());
    Suite::Gcm(Gcm { cipher, salt: left_aligned::<12>(&vectors::hex(salt).try_into().unwrap()) })
}

fn shape(start: usize) -> Shape<'static> {
    Shape { start, sources: 0, identifier: &[], carries_counter: false }
}

/// RFC 7714 sections 16.1.1 and 16.1.2.
#[test]
fn the_printed_rtp_packet_is_sealed_and_opened() {
    let mut suite = gcm("000102030405060708090a0b0c0d0e0f", "517569642070726f2071756f");
    let position = Position { ssrc: 0x5501_a0b2, index: 0xf17b };
    let (plain, mut out) = (vectors::hex(PLAIN_RTP), vectors::hex(PLAIN_RTP));
    suite.seal_rtp(&mut out, 0, shape(12), position);
    assert_eq!(out[12..20], vectors::hex("f24de3a3fb34de6c"));
    assert_eq!(suite.open_rtp(&mut out, shape(12), position), Some(plain.len()));
    assert_eq!(out[..plain.len()], plain);
}

/// The first printed RTCP packet, sealed and opened under the index that it names.
#[test]
fn an_rtcp_packet_carries_its_index_behind_the_tag() {
    let mut suite = gcm("000102030405060708090a0b0c0d0e0f", "517569642070726f2071756f");
    let position = Position { ssrc: 0x4d61_7273, index: 0x5d4 };
    let (plain, mut out) = (vectors::hex(PLAIN_RTCP), vectors::hex(PLAIN_RTCP));
    suite.seal_rtcp(&mut out, 0, true, &[], position);
    assert_eq!(out.len(), plain.len() + 20);
    assert_eq!(out[out.len() - 4..], 0x8000_05d4_u32.to_be_bytes());
    assert_eq!(suite.open_rtcp(&mut out, 0, position), Some(plain.len()));
    assert_eq!(out[..plain.len()], plain);
}

/// All twelve packets, with the roll-over counter or index and the E flag that each names.
//= rfc7714#10-3 test
//= rfc7714#10-4 test
//= rfc7714#12-1 test
#[test]
fn every_packet_of_rfc_7714_is_sealed_and_opened() {
    let Some(file) = vectors::json("srtp/rfc7714.json") else { return };
    let mut checked = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let (key, salt) = (text("session_key"), text("session_salt"));
        let mut suite = gcm(&key, &salt);
        let (plain, protected) =
            (vectors::hex(&text("plain_packet")), vectors::hex(&text("protected_packet")));
        let (mut sealed, mut opened) = (plain.clone(), protected.clone());
        let encrypted = vector["encrypted"].as_bool().unwrap();
        if vector["kind"] == "srtp" {
            let sequence = u64::from(u16::from_be_bytes([plain[2], plain[3]]));
            let index = vector["roc"].as_u64().unwrap() << 16 | sequence;
            let position = Position { ssrc: u32::from_be_bytes(plain[8..12].try_into().unwrap()), index };
            // The packets that are only tagged, which no profile makes, have all of it as additional data.
            let start = if encrypted { 12 } else { plain.len() };
            suite.seal_rtp(&mut sealed, 0, shape(start), position);
            assert_eq!(suite.open_rtp(&mut opened, shape(start), position), Some(plain.len()));
        } else {
            let index = vector["srtcp_index"].as_u64().unwrap();
            let position = Position { ssrc: u32::from_be_bytes(plain[4..8].try_into().unwrap()), index };
            assert_eq!(suite.open_rtcp(&mut opened, 0, position), Some(plain.len()), "{}", vector["title"]);
            suite.seal_rtcp(&mut sealed, 0, encrypted, &[], position);
        }
        assert_eq!(sealed, protected, "{}", vector["title"]);
        assert_eq!(opened[..plain.len()], plain, "{}", vector["title"]);
        checked += 1;
    }
    assert!(checked >= 12, "only {checked} packets were checked");
}

/// RFC 3711 appendix B.2 and RFC 6188 sections 7.1 and 7.3: 1,044,512 octets of key stream, of which the first three and
/// the last three blocks are printed.
//= rfc3711#4.1.1-1 test
//= rfc3711#4.1.1-2 test
//= rfc3711#4.1.1-3 test
#[test]
fn the_printed_key_streams_come_out() {
    let printed = [
        (
            Profile::Aes128CmHmacSha1_80,
            "2b7e151628aed2a6abf7158809cf4f3c",
            [
                "e03ead0935c95e80e166b16dd92b4eb4",
                "d23513162b02d0f72a43a2fe4a5f97ab",
                "41e95b3bb0a2e8dd477901e4fca894c0",
            ],
            [
                "ec8cdf7398607cb0f2d21675ea9ea1e4",
                "362b7c3c6773516318a077d7fc5073ae",
                "6a2cc3787889374fbeb4c81b17ba6c44",
            ],
        ),
        (
            Profile::Aes256CmHmacSha1_80,
            "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
            [
                "92bdd28a93c3f52511c677d08b5515a4",
                "9da71b2378a854f67050756ded165bac",
                "63c4868b7096d88421b563b8c94c9a31",
            ],
            [
                "cea518c90fd91ced9cbb18c078a54711",
                "3dbc4814f4da5f00a08772b63c6a046d",
                "6eb246913062a16891433e97dd01a57f",
            ],
        ),
        (
            Profile::Aes192CmHmacSha1_80,
            "eab234764e517b2d3d160d587d8c86219740f65f99b6bcf7",
            [
                "35096cba4610028dc1b57503804ce37c",
                "5de986291dcce161d5165ec4568f5c9a",
                "474a40c77894bc17180202272a4c264d",
            ],
            [
                "d108d1a31a00bad6367ec23eb044b415",
                "c8f57129fdeb970b59f917b257662d4c",
                "a5dab625811034e8cebdfeb6dc158dd3",
            ],
        ),
    ];
    for (profile, key, first, last) in printed {
        let suite = CounterMode {
            cipher: counter_mode::Cipher::new(profile, &vectors::hex(key), &Backend::default()),
            salt: left_aligned::<14>(&vectors::hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd").try_into().unwrap()),
            mac: counter_mode::Mac::None,
            tag_len: 10,
        };
        let position = Position { ssrc: 0, index: 0 };
        let mut stream = alloc::vec![0; 1_044_512];
        suite.apply(&mut stream, position);
        for (number, block) in (0..).zip(first).chain((0xfeff..).zip(last)) {
            assert_eq!(stream[16 * number..16 * number + 16], vectors::hex(block), "{profile} {number:#x}");
            let mut alone = [0; 16];
            suite.apply_from_block(&mut alone, position, number);
            assert_eq!(alone[..], vectors::hex(block));
        }
    }
}

/// The key stream of a packet by RFC 3711 section 4.1.1, written out: IV = (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16).
fn key_stream(key: &[u8], salt: &[u8], position: Position) -> [u8; 48] {
    use aes::cipher::{KeyIvInit, StreamCipher};
    let salt =
        salt.iter().fold(0u128, |number, octet| number << 8 | u128::from(*octet)) << (8 * (14 - salt.len()));
    let iv = salt << 16 ^ u128::from(position.ssrc) << 64 ^ u128::from(position.index) << 16;
    let mut stream = [0; 48];
    let mut cipher = ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, &iv.to_be_bytes()).unwrap();
    cipher.apply_keystream(&mut stream);
    stream
}

const POSITIONS: [Position; 4] = [
    Position { ssrc: 0, index: 1 },
    Position { ssrc: 1, index: 0 },
    Position { ssrc: 0xdead_beef, index: 0xffff_ffff_ffff },
    Position { ssrc: 0xdead_beef, index: 0x1_0000 },
];

//= rfc3711#4.1.1-1 test
#[test]
fn every_packet_has_a_key_stream_of_its_own() {
    let (key, salt) = ([0x2b; 16], [0xf1; 14]);
    let suite = CounterMode {
        cipher: counter_mode::Cipher::new(Profile::Aes128CmHmacSha1_80, &key, &Backend::default()),
        salt: left_aligned(&salt),
        mac: counter_mode::Mac::None,
        tag_len: 10,
    };
    for position in POSITIONS {
        let mut stream = [0; 48];
        suite.apply(&mut stream, position);
        assert_eq!(stream, key_stream(&key, &salt, position), "{position:?}");
    }
}

/// Under GCM too the extensions are encrypted in counter mode, with keys of their own.
//= rfc7714#8.3-1 test
#[test]
fn extensions_under_gcm_are_encrypted_in_counter_mode() {
    let master = MasterKey::new(Profile::AeadAes128Gcm, &[7; 16], &[9; 12]).unwrap();
    let header = Suite::header(&master, &Backend::default(), 0);
    let key = derive::<16>(&master, Label::HeaderEncryption, 0);
    let salt = derive::<12>(&master, Label::HeaderSalt, 0);
    for position in POSITIONS {
        let mut stream = [0; 48];
        header.apply(&mut stream, position);
        assert_eq!(stream, key_stream(&*key, &*salt, position), "{position:?}");
    }
}
