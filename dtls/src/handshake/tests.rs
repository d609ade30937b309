use nomagic_testkit::vectors::{files, hex};
use proptest::prelude::*;

use super::*;
use crate::crypto::{CipherSuite, NamedGroup, SignatureScheme};
use crate::extension::ExtensionType;
use crate::record::Version;

/// What a type's body may look like; all that are not of it are read too.
const KINDS: [u8; 12] = [0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 20, 99];

/// A hello recorded from OpenSSL 3.0.19: 28 suites, 8 extensions, a cookie of 20 octets.
const HELLO: &str = "
    fefd ca60dc3a239d7edb7998a6a16a57c2f01466f8f4006ef98d1bcd17845d8d7878 00
    14d5c0ce9fd6b9012f27fab898dfcdfef088d5729a
    0038 c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c003500
    2f00ff 01 00
    005b 000b0004 03000102 000a000c 000a001d0017001e00190018 00230000 000e0005 0002000100 00160000 00170000
    000d002a 0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602";

#[test]
fn a_recorded_hello_reads_field_by_field() {
    let body = hex(HELLO);
    let hello = ClientHello::parse(&body).unwrap();
    assert_eq!(hello.version, Version::DTLS_1_2);
    assert_eq!(hello.random[..4], [0xca, 0x60, 0xdc, 0x3a]);
    assert_eq!((hello.session_id.len(), hello.cookie.len(), hello.compression), (0, 20, &[0][..]));
    assert_eq!(hello.suites.iter().count(), 28);
    assert!(hello.suites.contains(CipherSuite::EMPTY_RENEGOTIATION_INFO_SCSV.0));
    let kinds: Vec<u16> = hello.extensions.iter().map(|(kind, _)| kind.0).collect();
    assert_eq!(kinds, [11, 10, 35, 14, 22, 23, 13]);
    assert_eq!(hello.extensions.find(ExtensionType::USE_SRTP), Some(&[0, 2, 0, 1, 0][..]));
    assert!(hello.to_string().starts_with("ClientHello DTLS 1.2 suites=28 cookie=20 ext=[ec_point_formats"));
    let mut again = Vec::new();
    hello.encode(&mut again);
    assert_eq!(again, body);
}

#[test]
fn a_hello_may_end_before_the_extensions_or_with_none() {
    let mut body = hex(HELLO);
    body.truncate(body.len() - 0x5d);
    let short = ClientHello::parse(&body).unwrap();
    assert_eq!(short.extensions, crate::extension::Extensions::NONE);
    assert_eq!(short.encoded_len(), body.len());
    let longer = [&body[..], &[0, 0]].concat();
    let empty = ClientHello::parse(&longer).unwrap();
    assert_ne!(empty.extensions, short.extensions);
    let mut again = Vec::new();
    empty.encode(&mut again);
    assert_eq!(again, longer);
}

/// D36: lists of odd length, empty lists, extensions that come twice, lengths that lie.
#[test]
fn lists_that_lie_are_refused() {
    let good = hex(HELLO);
    let with = |at: usize, value: u8| {
        let mut body = good.clone();
        body[at] = value;
        ClientHello::parse(&body).map(|_| ()).map_err(|fault| fault.kind)
    };
    // Behind version, random, session and cookie.
    let suites = 2 + 32 + 1 + 21;
    assert_eq!(with(suites + 1, 0x37), Err(Kind::OddList(0x37)));
    assert_eq!(with(suites + 1, 0), Err(Kind::TooShort { found: 0, minimum: 2 }));
    assert!(matches!(with(suites, 0x10), Err(Kind::Truncated { .. })));
    assert_eq!(with(34, 33), Err(Kind::TooLong { found: 33, maximum: 32 }));
    let compression = suites + 2 + 0x38;
    assert_eq!(with(compression, 0), Err(Kind::TooShort { found: 0, minimum: 1 }));
    let extensions = compression + 4;
    assert_eq!(with(extensions + 9, 11), Err(Kind::ExtensionTwice(ExtensionType::EC_POINT_FORMATS)));
    assert!(matches!(with(extensions - 1, 0x5a), Err(Kind::Trailing(1))));
    assert!(matches!(with(extensions + 3, 0xff), Err(Kind::Truncated { .. })));
}

#[test]
fn every_message_that_is_cut_is_an_error() {
    let extensions_start = hex(HELLO).len() - 0x5d;
    for (kind, body) in samples() {
        assert_eq!(Message::parse(kind, &body).unwrap().kind(), kind);
        for cut in 0..body.len() {
            // A hello may end before its extensions.
            let whole = kind == MessageType::CLIENT_HELLO && cut == extensions_start
                || kind == MessageType::SERVER_HELLO && cut == body.len() - 6
                // Behind a hint or an identity, what is left out may be meant to be.
                || kind == MessageType::SERVER_KEY_EXCHANGE && body[0] == 0 && cut == 6
                || kind == MessageType::CLIENT_KEY_EXCHANGE && body[0] == 0 && cut == 5;
            assert_eq!(Message::parse(kind, &body[..cut]).is_ok(), whole, "{kind} cut at {cut}");
        }
        let mut longer = body.clone();
        longer.push(0);
        assert!(Message::parse(kind, &longer).is_err(), "{kind} with an octet behind it");
    }
}

/// One of each type.
fn samples() -> Vec<(MessageType, Vec<u8>)> {
    let random = [5; 32];
    let mut samples =
        vec![(MessageType::CLIENT_HELLO, hex(HELLO)), (MessageType::SERVER_HELLO_DONE, Vec::new())];
    let mut add = |message: Message<'_>| {
        let mut body = Vec::new();
        message.encode(&mut body);
        assert_eq!(body.len(), message.encoded_len());
        samples.push((message.kind(), body));
    };
    let signed = DigitallySigned { scheme: SignatureScheme::ECDSA_SECP256R1_SHA256, signature: b"signature" };
    add(Message::HelloVerifyRequest(HelloVerifyRequest { version: Version::DTLS_1_0, cookie: b"cookie" }));
    add(Message::ServerHello(ServerHello {
        version: Version::DTLS_1_2,
        random: &random,
        session_id: &[],
        suite: CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256,
        compression: 0,
        extensions: crate::extension::Extensions::new(&[0, 23, 0, 0]).unwrap(),
    }));
    add(Message::Certificate(CertificateChain::parse(&[0, 0, 5, 0, 0, 2, 1, 2]).unwrap()));
    add(Message::ServerKeyExchange(ServerKeyExchange {
        group: NamedGroup::X25519,
        public_key: b"key",
        signed,
    }));
    add(Message::CertificateRequest(CertificateRequest {
        certificate_types: &[ClientCertificateType::ECDSA_SIGN.0],
        signature_algorithms: crate::wire::U16List::new(&[4, 3]).unwrap(),
        authorities: &[],
    }));
    add(Message::CertificateVerify(signed));
    add(Message::ClientKeyExchange(ClientKeyExchange { public_key: b"key" }));
    let share = Some((NamedGroup::X25519, &b"key"[..]));
    add(Message::PskServerKeyExchange(PskServerKeyExchange { hint: b"hint", share: None }));
    add(Message::PskServerKeyExchange(PskServerKeyExchange { hint: b"hint", share }));
    add(Message::PskClientKeyExchange(PskClientKeyExchange { identity: b"who", public_key: None }));
    add(Message::PskClientKeyExchange(PskClientKeyExchange { identity: b"who", public_key: Some(b"key") }));
    add(Message::Finished(Finished { verify_data: [7; 12] }));
    samples
}

/// Who does not know the suite tells messages with pre-shared keys from others by their form, as long as hints are.
#[test]
fn key_exchanges_are_known_by_their_form() {
    for len in [0, 1, 2, 32, 255, 256, 512, 767] {
        let text = vec![3; len];
        for share in [None, Some((NamedGroup::SECP256R1, &[4; 65][..]))] {
            let mut body = Vec::new();
            let exchange = PskServerKeyExchange { hint: &text, share };
            exchange.encode(&mut body);
            let read = Message::parse(MessageType::SERVER_KEY_EXCHANGE, &body);
            assert_eq!(read, Ok(Message::PskServerKeyExchange(exchange)), "{len}");
            body.clear();
            let public_key = share.map(|(_, public_key)| public_key);
            let exchange = PskClientKeyExchange { identity: &text, public_key };
            exchange.encode(&mut body);
            let read = Message::parse(MessageType::CLIENT_KEY_EXCHANGE, &body);
            assert_eq!(read, Ok(Message::PskClientKeyExchange(exchange)), "{len}");
        }
    }
    let shown = PskClientKeyExchange { identity: b"la\nmp\xff", public_key: Some(&[1; 32]) };
    assert_eq!(shown.to_string(), "ClientKeyExchange identity=\"la\\nmp\\xff\" key=32");
    // What is neither is judged as the message without such a key.
    let fault = Message::parse(MessageType::CLIENT_KEY_EXCHANGE, &[0, 9, 1]).unwrap_err();
    assert_eq!(fault.kind, Kind::TooShort { found: 0, minimum: 1 });
}

#[test]
fn a_curve_that_is_described_and_not_named_is_refused() {
    assert_eq!(ServerKeyExchange::parse(&[1, 0, 23, 1, 1, 4, 3, 0, 0]).unwrap_err().kind, Kind::CurveType(1));
}

/// D15: a fragment that ends behind its message, up to the greatest numbers there are.
#[test]
fn a_fragment_that_ends_behind_its_message_is_refused() {
    let header = |total, offset, length| {
        let mut bytes = Vec::new();
        FragmentHeader { kind: MessageType::CERTIFICATE, total, sequence: 1, offset, length }
            .encode(&mut bytes);
        bytes.extend([0; 8]);
        FragmentHeader::parse(&bytes).map(|(header, ..)| header).map_err(|fault| fault.kind)
    };
    assert!(header(8, 0, 8).is_ok() && header(8, 8, 0).is_ok() && header(0, 0, 0).is_ok());
    for (total, offset, length) in [(8, 1, 8), (8, 9, 0), (0xff_ffff, 0xff_ffff, 0xff_ffff), (0, 0, 1)] {
        assert_eq!(header(total, offset, length), Err(Kind::FragmentRange { offset, length, total }));
    }
    assert!(matches!(header(100, 0, 9), Err(Kind::Truncated { needed: 9, available: 8 })));
}

/// Single messages and extensions from a fuzzer of another implementation.
#[test]
fn corpora_read_without_panic() {
    for (_, bytes) in files("dtls/pion-handshake-fuzz") {
        for kind in KINDS {
            let _ = Message::parse(MessageType(kind), &bytes).map(|message| message.to_string());
        }
        let _ = crate::extension::UseSrtp::parse(&bytes);
        let _ = crate::extension::parse_u16_list(&bytes);
    }
}

proptest! {
    #[test]
    fn what_reads_writes_back_the_same(kind in proptest::sample::select(&KINDS[..]), body: Vec<u8>) {
        if let Ok(message) = Message::parse(MessageType(kind), &body) {
            let mut again = Vec::new();
            message.encode(&mut again);
            prop_assert_eq!(&again, &body);
            prop_assert_eq!(message.encoded_len(), body.len());
            prop_assert!(!message.to_string().contains('\n'));
        }
    }

    #[test]
    fn samples_with_changed_octets_read_back_or_are_refused(
        pick: proptest::sample::Index, at: proptest::sample::Index, octet: u8,
    ) {
        let all = samples();
        let (kind, mut body) = all[pick.index(all.len())].clone();
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] = octet;
        }
        if let Ok(message) = Message::parse(kind, &body) {
            let mut again = Vec::new();
            message.encode(&mut again);
            prop_assert_eq!(again, body);
        }
    }
}
