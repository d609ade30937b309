//! The hello that Chromium 156 really sends, in two fragments, replayed to our server with every loss and order of them.
//!
//! The recording is of the loopback, made while `chromium.rs` ran: two datagrams in hexadecimal, a line each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use nomagic_dtls::handshake::{ClientHello, FragmentHeader, MessageType, ServerHello};
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Records, Version};
use nomagic_dtls::{CipherSuite, Config, CookieGate, GateConfig, SrtpProfile, Verdict, Verifier};
use nomagic_interop::ours::{IDENTITY, Ours};
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::rng;
use nomagic_testkit::vectors::hex;

/// Chromium sends its flight again after 50 ms, doubled each time.
const FIRST_TIMEOUT: Duration = Duration::from_millis(50);

fn recording() -> [Vec<u8>; 2] {
    let mut lines = include_str!("data/chromium-156-hello.hex").lines().map(hex);
    [(); 2].map(|()| lines.next().unwrap())
}

fn server() -> Ours {
    let mut config = Config::server(IDENTITY.clone(), Verifier::callback(|_| true));
    config.address_validated = true;
    config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_HMAC_SHA1_80];
    Ours::of(config, 1)
}

/// The fragment again, in a record of its own number, as a retransmission has it.
fn numbered(datagram: &[u8], sequence: u64) -> Vec<u8> {
    let header = Header::parse(datagram).unwrap();
    let mut out = Vec::new();
    Header { sequence, ..header }.encode(&mut out);
    out.extend_from_slice(&datagram[HEADER_LEN..]);
    out
}

/// The messages of a flight.
fn answers(server: &mut Ours, now: std::time::Instant) -> Vec<(MessageType, Vec<u8>)> {
    let (mut messages, mut out) = (Vec::new(), Vec::new());
    while server.poll_transmit(now, &mut out) {
        for (header, content) in Records::new(&out).map(Result::unwrap) {
            assert_eq!((header.content_type, header.epoch), (ContentType::HANDSHAKE, 0));
            let (fragment, body, _) = FragmentHeader::parse(content).unwrap();
            assert_eq!(fragment.length, fragment.total, "our flight fits datagrams of 1200 octets");
            messages.push((fragment.kind, body.to_vec()));
        }
        out.clear();
    }
    messages
}

fn assert_is_our_flight(messages: &[(MessageType, Vec<u8>)]) {
    let kinds: Vec<MessageType> = messages.iter().map(|(kind, _)| *kind).collect();
    let flight = [
        MessageType::SERVER_HELLO,
        MessageType::CERTIFICATE,
        MessageType::SERVER_KEY_EXCHANGE,
        MessageType::CERTIFICATE_REQUEST,
        MessageType::SERVER_HELLO_DONE,
    ];
    assert_eq!(kinds, flight);
    let hello = ServerHello::parse(&messages[0].1).unwrap();
    assert_eq!(hello.version, Version::DTLS_1_2);
    assert_eq!(hello.suite, CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256);
}

/// It is what the tests below say that it is: two fragments with a hybrid key share, for DTLS 1.3 and 1.2.
#[test]
fn the_recording_is_a_hello_in_two_fragments() {
    let mut body = Vec::new();
    for datagram in recording() {
        let (_, content) = Records::new(&datagram).next().unwrap().unwrap();
        let (fragment, part, _) = FragmentHeader::parse(content).unwrap();
        assert_eq!((fragment.kind, fragment.total), (MessageType::CLIENT_HELLO, 1413));
        assert_eq!(usize::try_from(fragment.offset).unwrap(), body.len());
        body.extend_from_slice(part);
    }
    assert_eq!(body.len(), 1413);
    assert!(ClientHello::parse(&body).is_ok());
    let has = |octets: &[u8]| body.windows(octets.len()).any(|window| window == octets);
    assert!(has(&[0xfe, 0xfc]) && has(&[0x11, 0xec]), "DTLS 1.3, and X25519MLKEM768");
}

/// Each round sends both fragments, in either order, and the network loses what the pattern says; as soon as both halves
/// have come in whichever round, there is an answer, and none before.
#[test]
fn every_loss_and_order_of_the_fragments_ends_in_an_answer() {
    const ROUNDS: usize = 3;
    let fragments = recording();
    let mut answered = 0;
    for lost in 0_u32..1 << (2 * ROUNDS) {
        for backwards in 0_u32..1 << ROUNDS {
            let (mut server, mut now, mut seen, mut sequence) = (server(), origin(), [false; 2], 0);
            for round in 0..ROUNDS {
                let first = usize::from(backwards >> round & 1 == 1);
                for half in [first, 1 - first] {
                    let mut datagram = numbered(&fragments[half], sequence);
                    sequence += 1;
                    if lost >> (2 * round + half) & 1 == 1 {
                        continue;
                    }
                    let was_whole = seen == [true; 2];
                    seen[half] = true;
                    server.handle_input(now, &mut datagram);
                    let messages = answers(&mut server, now);
                    if seen == [true; 2] && !was_whole {
                        assert_is_our_flight(&messages);
                        answered += 1;
                    } else if !was_whole {
                        assert_eq!(messages, [], "half a hello is not answered");
                    } else if !messages.is_empty() {
                        assert_is_our_flight(&messages);
                    }
                }
                now += FIRST_TIMEOUT * (1 << round);
            }
            assert_eq!(server.closed, None);
        }
    }
    assert!(answered > 300, "{answered}");
}

/// A gate asks for a cookie as soon as it has seen the first fragment, whatever becomes of the second, and never for less.
#[test]
fn the_gate_asks_for_a_cookie_at_the_first_fragment() {
    let [first, second] = recording();
    for kept_hellos in [0, 4] {
        for order in [&[&first, &second][..], &[&second, &first], &[&first], &[&second]] {
            let mut config = GateConfig::default();
            config.kept_hellos = kept_hellos;
            let mut gate = CookieGate::new(config, &mut rng(1));
            let mut asked = 0;
            for datagram in order {
                let mut out = Vec::new();
                match gate.check(origin(), b"127.0.0.1:5000", datagram, &mut out) {
                    Verdict::Verify => asked += 1,
                    verdict => assert!(matches!(verdict, Verdict::Drop) && out.is_empty(), "{verdict:?}"),
                }
                assert!(out.len() < 70);
            }
            assert_eq!(asked, usize::from(order.contains(&&first)), "{kept_hellos} {}", order.len());
        }
    }
}

/// Without a proven address the answer stays within three times what came, and goes on as more comes.
#[test]
fn an_unproven_address_gets_no_more_than_three_times_what_it_sent() {
    let fragments = recording();
    let mut config = Config::server(IDENTITY.clone(), Verifier::callback(|_| true));
    config.path_mtu = 256;
    let mut server = Ours::of(config, 1);
    let (mut came, mut went, mut out) = (0, 0, Vec::new());
    for (sequence, half) in [1, 0].into_iter().enumerate() {
        let mut datagram = numbered(&fragments[half], sequence as u64);
        came += datagram.len();
        server.handle_input(origin(), &mut datagram);
        while server.poll_transmit(origin(), &mut out) {
            went += out.len();
            out.clear();
        }
        assert!(went <= 3 * came, "{went} octets for {came}");
    }
    assert!(went > 0);
}
