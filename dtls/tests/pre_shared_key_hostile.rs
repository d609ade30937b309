//! Messages of a handshake with a pre-shared key that should not be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::handshake::MessageType;
use nomagic_dtls::{CipherSuite, CloseReason, Kind};
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;

const PLAIN: CipherSuite = CipherSuite::PSK_AES_128_GCM_SHA256;
const EPHEMERAL: CipherSuite = CipherSuite::ECDHE_PSK_AES_128_GCM_SHA256;

/// A server of this suite that waits for the ClientKeyExchange, or a client that waits for what follows the ServerHello.
fn waiting_server(suite: CipherSuite) -> Peer {
    let (mut a, mut z) = (Peer::new(of_suite(psk_client(), suite), 1), Peer::new(psk_server(), 2));
    deliver(&mut z, origin(), &flight(&mut a, origin()));
    flight(&mut z, origin());
    z
}

fn waiting_client(suite: CipherSuite) -> Peer {
    let (mut a, mut z) = (Peer::new(of_suite(psk_client(), suite), 1), Peer::new(psk_server(), 2));
    deliver(&mut z, origin(), &flight(&mut a, origin()));
    let answer = messages(&flight(&mut z, origin()));
    tell(&mut a, answer[0].0, 0, &answer[0].1);
    assert!(format!("{:?}", a.connection).contains("ServerKeyExchange"), "{:?}", a.connection);
    a
}

fn vector(len: usize) -> Vec<u8> {
    let mut out = u16::try_from(len).unwrap().to_be_bytes().to_vec();
    out.resize(2 + len, b'x');
    out
}

/// What is left of the closed connection: why, and that it has told the peer.
fn refusal(peer: &mut Peer) -> Option<CloseReason> {
    if peer.closed.is_some() {
        assert!(peer.is_closed() || !flight(peer, origin()).is_empty());
    }
    peer.closed
}

#[test]
fn a_hostile_client_key_exchange_ends_the_handshake() {
    let hears = |suite, body: &[u8]| {
        let mut server = waiting_server(suite);
        tell(&mut server, MessageType::CLIENT_KEY_EXCHANGE, 1, body);
        refusal(&mut server)
    };
    let malformed = |reason: Option<CloseReason>, expected: Kind| match reason {
        Some(CloseReason::Malformed { message: MessageType::CLIENT_KEY_EXCHANGE, fault }) => {
            assert_eq!(fault.kind, expected);
        }
        other => panic!("{other:?}"),
    };
    let share = [&[32][..], &[9; 32]].concat();
    // Cut, and with something behind it.
    malformed(hears(PLAIN, &[]), Kind::Truncated { needed: 2, available: 0 });
    malformed(hears(PLAIN, &[0]), Kind::Truncated { needed: 2, available: 1 });
    malformed(hears(PLAIN, &[0, 4, b'l']), Kind::Truncated { needed: 4, available: 1 });
    malformed(hears(PLAIN, &[0, 1, b'l', 0]), Kind::Trailing(1));
    malformed(hears(PLAIN, &[&vector(4)[..], &share].concat()), Kind::Trailing(33));
    malformed(hears(EPHEMERAL, &vector(4)), Kind::Truncated { needed: 1, available: 0 });
    malformed(hears(EPHEMERAL, &[&vector(4)[..], &[0]].concat()), Kind::TooShort { found: 0, minimum: 1 });
    malformed(hears(EPHEMERAL, &[&vector(4)[..], &share, &[0]].concat()), Kind::Trailing(1));
    // Too long.
    let long = Some(CloseReason::IllegalParameter("an identity of more than 512 octets"));
    for len in [513, 4000, 16_000] {
        assert_eq!(hears(PLAIN, &vector(len)), long);
        assert_eq!(hears(EPHEMERAL, &[&vector(len)[..], &share].concat()), long);
    }
    // No public key.
    let no_key = Some(CloseReason::IllegalParameter("not a public key of the group"));
    assert_eq!(hears(EPHEMERAL, &[&vector(4)[..], &[32], &[0; 32]].concat()), no_key);
    assert_eq!(hears(EPHEMERAL, &[&vector(4)[..], &[3, 1, 2, 3]].concat()), no_key);
    // Empty, as long as can be, and no text: identities that nobody has. That is no fault of the message.
    for body in [vector(0), vector(512), vec![0, 2, 0xff, 0xfe]] {
        assert_eq!(hears(PLAIN, &body), None);
        assert_eq!(hears(EPHEMERAL, &[&body[..], &share].concat()), None);
    }
    // What does not belong into such a handshake.
    for kind in [MessageType::CERTIFICATE, MessageType::CERTIFICATE_VERIFY, MessageType::CLIENT_HELLO] {
        let mut server = waiting_server(PLAIN);
        tell(&mut server, kind, 1, &[0, 0, 0]);
        assert_eq!(refusal(&mut server), Some(CloseReason::UnexpectedMessage(kind)));
    }
}

#[test]
fn a_hostile_server_key_exchange_ends_the_handshake() {
    let hears = |suite, body: &[u8]| {
        let mut client = waiting_client(suite);
        tell(&mut client, MessageType::SERVER_KEY_EXCHANGE, 1, body);
        refusal(&mut client)
    };
    let malformed = |reason: Option<CloseReason>, expected: Kind| match reason {
        Some(CloseReason::Malformed { message: MessageType::SERVER_KEY_EXCHANGE, fault }) => {
            assert_eq!(fault.kind, expected);
        }
        other => panic!("{other:?}"),
    };
    let share = [&[3, 0, 29, 32][..], &[9; 32]].concat();
    malformed(hears(PLAIN, &[]), Kind::Truncated { needed: 2, available: 0 });
    malformed(hears(PLAIN, &[0, 9, b'h']), Kind::Truncated { needed: 9, available: 1 });
    malformed(hears(PLAIN, &[&vector(4)[..], &share].concat()), Kind::Trailing(share.len()));
    malformed(hears(EPHEMERAL, &vector(0)), Kind::Truncated { needed: 1, available: 0 });
    malformed(hears(EPHEMERAL, &[0, 0, 1]), Kind::CurveType(1));
    malformed(hears(EPHEMERAL, &[&vector(0)[..], &share, &[4, 3, 0, 1, 9]].concat()), Kind::Trailing(5));
    let long = Some(CloseReason::IllegalParameter("a hint of more than 512 octets"));
    for len in [513, 768, 16_000] {
        assert_eq!(hears(PLAIN, &vector(len)), long);
        assert_eq!(hears(EPHEMERAL, &[&vector(len)[..], &share].concat()), long);
    }
    let mut other = [&vector(0)[..], &share].concat();
    other[4] = 25;
    let unoffered = Some(CloseReason::IllegalParameter("a group that was not offered"));
    assert_eq!(hears(EPHEMERAL, &other), unoffered);
    // Any hint is ignored.
    for len in [0, 1, 512] {
        assert_eq!(hears(PLAIN, &vector(len)), None);
        assert_eq!(hears(EPHEMERAL, &[&vector(len)[..], &share].concat()), None);
    }
    for kind in [MessageType::CERTIFICATE, MessageType::CERTIFICATE_REQUEST, MessageType::FINISHED] {
        for suite in [PLAIN, EPHEMERAL] {
            let mut client = waiting_client(suite);
            tell(&mut client, kind, 1, &[0; 12]);
            let expected = (kind != MessageType::FINISHED).then_some(CloseReason::UnexpectedMessage(kind));
            assert_eq!(refusal(&mut client), expected, "an unprotected Finished is dropped");
        }
    }
    // With ephemeral keys the message cannot be left out.
    let mut client = waiting_client(EPHEMERAL);
    tell(&mut client, MessageType::SERVER_HELLO_DONE, 1, &[]);
    let expected = CloseReason::UnexpectedMessage(MessageType::SERVER_HELLO_DONE);
    assert_eq!(refusal(&mut client), Some(expected));
}

/// A key of the server's that is no point on the curve ends the handshake when it is used.
#[test]
fn a_servers_key_that_is_none_is_refused() {
    let mut client = waiting_client(EPHEMERAL);
    tell(&mut client, MessageType::SERVER_KEY_EXCHANGE, 1, &[&[0, 0, 3, 0, 29, 32][..], &[0; 32]].concat());
    tell(&mut client, MessageType::SERVER_HELLO_DONE, 2, &[]);
    assert_eq!(refusal(&mut client), Some(CloseReason::IllegalParameter("not a public key of the group")));
}
