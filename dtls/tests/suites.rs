//! Each suite and group between two ends of ours, and what happens when they have little in common.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::{CipherSuite, CloseReason, NamedGroup, SignatureScheme};
use nomagic_testkit::clock::origin;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;

/// Those that go with our own certificates.
const SUITES: [CipherSuite; 4] = [
    CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256,
    CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384,
    CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
    CipherSuite::ECDHE_ECDSA_AES_128_CCM_8,
];

#[test]
fn every_suite_works_with_every_group() {
    for suite in SUITES {
        for group in NamedGroup::SUPPORTED {
            let mut client = client_config();
            client.suites = vec![suite];
            // The server's certificate is on P-256, which the client has to know.
            client.groups = vec![group, NamedGroup::SECP256R1];
            let mut server = server_config();
            server.groups = vec![group];
            server.suites = vec![suite];
            let mut pair = pair_of(client, server, || Link::latency(MS));
            pair.run_until(both_connected);
            let connected = pair.a.connected.unwrap();
            assert_eq!((connected.suite, connected.group), (suite, Some(group)));
            let [ours, theirs] = [&pair.a, &pair.z].map(|end| end.connection.srtp_keys().unwrap());
            assert_eq!(ours.local.key(), theirs.remote.key());
            assert_eq!(ours.remote.salt(), theirs.local.salt());
            assert_talks(&mut pair);
        }
    }
}

/// The room around a payload is that of the suite: ChaCha20-Poly1305 has no nonce in its records.
#[test]
fn the_headroom_is_that_of_the_suite() {
    for (suite, headroom) in SUITES.into_iter().zip([21, 21, 13, 21]) {
        let mut client = client_config();
        client.suites = vec![suite];
        let mut server = server_config();
        server.suites = vec![suite];
        let mut pair = pair_of(client, server, || Link::latency(MS));
        pair.run_until(both_connected);
        assert_eq!(pair.a.connection.headroom(), headroom);
        let tag = if suite == CipherSuite::ECDHE_ECDSA_AES_128_CCM_8 { 8 } else { 16 };
        assert_eq!(pair.a.connection.tailroom(), tag);
        let now = pair.now();
        assert_eq!(pair.a.seal(now, b"1234").len(), headroom + 4 + pair.a.connection.tailroom());
    }
}

/// The server chooses by its own preference, from what the client has.
#[test]
fn the_server_decides() {
    let mut server = server_config();
    server.suites = SUITES.into_iter().rev().collect();
    server.groups = vec![NamedGroup::SECP384R1, NamedGroup::X25519];
    let mut client = client_config();
    client.suites = SUITES.to_vec();
    let mut pair = pair_of(client, server, || Link::latency(MS));
    pair.run_until(both_connected);
    let connected = pair.a.connected.unwrap();
    assert_eq!((connected.suite, connected.group), (SUITES[3], Some(NamedGroup::SECP384R1)));
}

fn ends_with(client: nomagic_dtls::Config, server: nomagic_dtls::Config) -> CloseReason {
    let mut pair = pair_of(client, server, || Link::latency(MS));
    pair.run_until(|pair| pair.a.closed.is_some() && pair.z.closed.is_some());
    assert!(matches!(pair.a.closed, Some(CloseReason::PeerAlert(_))));
    assert!(pair.a.connected.is_none() && pair.z.connected.is_none());
    pair.z.closed.unwrap()
}

//= rfc8422#5.1-6 test
//= rfc5246#7.4.3-3 test
//= rfc5246#7.4.2-15 test
#[test]
fn nothing_in_common_ends_the_handshake() {
    let nothing = CloseReason::NothingInCommon;
    let mut client = client_config();
    client.suites = CipherSuite::CONSTRAINED.to_vec();
    assert_eq!(ends_with(client, server_config()), nothing("cipher suite"), "it has to be asked for");
    let mut client = client_config();
    client.suites = vec![CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256];
    assert_eq!(ends_with(client, server_config()), nothing("cipher suite"), "our key is none of RSA");

    let mut client = client_config();
    client.suites = vec![CipherSuite(0x1301)];
    let mut client = Peer::new(client, 1);
    assert!(client.is_closed() && flight(&mut client, origin()).is_empty());
    client.handle_timeout(origin());
    assert_eq!(client.closed, Some(nothing("cipher suite")), "it can do nothing, and says so at once");

    let mut client = client_config();
    client.groups = vec![NamedGroup::SECP256R1];
    let mut server = server_config();
    server.groups = vec![NamedGroup::X25519];
    assert_eq!(ends_with(client, server), nothing("group"));

    let mut client = client_config();
    client.groups = vec![NamedGroup::X25519];
    assert_eq!(ends_with(client, server_config()), nothing("curve of our certificate"));

    let mut client = client_config();
    client.signature_schemes = vec![SignatureScheme::RSA_PKCS1_SHA256];
    assert_eq!(ends_with(client, server_config()), nothing("signature algorithm"));
}
