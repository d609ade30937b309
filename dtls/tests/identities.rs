//! Ends with certificates of every kind, and with every backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use nomagic_dtls::{
    AlertDescription, Backend, CipherSuite, CloseReason, Config, Identity, SignatureScheme, Signer, Verifier,
};
use nomagic_testkit::link::Link;
use nomagic_testkit::pair::Pair;

macro_rules! load {
    ($certificate:literal, $key:literal) => {
        Arc::new(
            Identity::from_pem(
                include_str!(concat!("identities/", $certificate)),
                include_str!(concat!("identities/", $key)),
            )
            .unwrap(),
        )
    };
}

fn identities() -> Vec<Arc<Identity>> {
    vec![
        ANNA.clone(),
        load!("p384.pem", "p384.key"),
        load!("ed25519.pem", "ed25519.key"),
        load!("chain.pem", "chain.key"),
        #[cfg(feature = "aws-lc-rs")]
        load!("rsa.pem", "rsa.key"),
    ]
}

fn configs(client: &Arc<Identity>, server: &Arc<Identity>) -> (Config, Config) {
    let knows = |peer: &Identity| Verifier::fingerprints([peer.fingerprint()]);
    let mut config = Config::server(server.clone(), knows(client));
    config.address_validated = true;
    (Config::client(client.clone(), knows(server)), config)
}

fn connect(client: Config, server: Config) -> Pair<Peer, Peer> {
    let mut pair = pair_of(client, server, || Link::latency(MS));
    pair.run_until(both_connected);
    assert_talks(&mut pair);
    pair
}

/// Every kind of certificate on either side, mixed, and with every backend.
#[test]
fn certificates_of_every_kind_meet() {
    let backends = [Backend::RustCrypto, Backend::BuiltIn];
    for (index, ours) in identities().iter().enumerate() {
        for theirs in identities() {
            let (mut client, mut server) = configs(ours, &theirs);
            client.backend = backends[index % 2].clone();
            let pair = connect(client.clone(), server.clone());
            assert_eq!(pair.a.connected.unwrap().peer_fingerprint, Some(theirs.fingerprint()));
            assert_eq!(pair.z.connected.unwrap().peer_fingerprint, Some(ours.fingerprint()));
            client.backend = backends[1].clone();
            server.backend = backends[index % 2].clone();
            connect(client, server);
        }
    }
}

// D39
/// A client without SHA-256 for signatures gets another hash function from the same key.
#[test]
fn a_key_signs_with_what_the_peer_can_verify() {
    for scheme in [
        SignatureScheme::ECDSA_SECP256R1_SHA256,
        SignatureScheme::ECDSA_SECP384R1_SHA384,
        SignatureScheme::ECDSA_SECP521R1_SHA512,
    ] {
        for identity in [&identities()[0], &identities()[1]] {
            let (mut client, mut server) = configs(identity, identity);
            client.signature_schemes = vec![scheme];
            server.signature_schemes = vec![scheme];
            connect(client, server);
        }
    }
}

/// RSA goes with the suites of RSA, and nothing else does.
#[cfg(feature = "aws-lc-rs")]
#[test]
fn keys_of_rsa_sign_for_their_suites() {
    let rsa = load!("rsa.pem", "rsa-pkcs1.key");
    for suite in [
        CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256,
        CipherSuite::ECDHE_RSA_AES_256_GCM_SHA384,
        CipherSuite::ECDHE_RSA_CHACHA20_POLY1305_SHA256,
    ] {
        for scheme in [
            SignatureScheme::RSA_PSS_RSAE_SHA256,
            SignatureScheme::RSA_PSS_RSAE_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
        ] {
            let (mut client, mut server) = configs(&rsa, &rsa);
            client.suites = vec![suite];
            client.signature_schemes = vec![scheme];
            server.signature_schemes = vec![scheme];
            assert_eq!(connect(client, server).a.connected.unwrap().suite, suite);
        }
    }
}

/// Holds a key elsewhere, and may be out of reach.
struct Elsewhere {
    reachable: bool,
}

impl Signer for Elsewhere {
    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ED25519]
    }

    fn sign(&self, _: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        use ed25519_dalek::Signer as _;
        // The seed is the end of the file's PKCS#8.
        let seed = include_str!("identities/ed25519.key").lines().nth(1).unwrap();
        let der = base64(seed);
        let key = ed25519_dalek::SigningKey::from_bytes(der.last_chunk().unwrap());
        self.reachable.then(|| key.sign(message).to_bytes().to_vec())
    }
}

fn base64(text: &str) -> Vec<u8> {
    let value = |octet: u8| match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = group.iter().fold(0u32, |bits, octet| bits << 6 | u32::from(value(*octet)));
        let bits = bits << (6 * (4 - group.len()));
        out.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    out
}

#[test]
fn a_key_may_be_held_elsewhere() {
    let certificate = load!("ed25519.pem", "ed25519.key").certificate().to_vec();
    let identity = |reachable| {
        Arc::new(Identity::with_signer([&certificate[..]], Box::new(Elsewhere { reachable })).unwrap())
    };
    let (client, server) = configs(&identity(true), &identity(true));
    connect(client, server);

    let (client, server) = configs(&ANNA, &identity(false));
    let mut pair = pair_of(client, server, || Link::latency(MS));
    pair.run_until(|pair| pair.a.closed.is_some());
    assert_eq!(pair.z.closed, Some(CloseReason::SigningFailed));
    assert_eq!(pair.a.closed, Some(CloseReason::PeerAlert(AlertDescription::INTERNAL_ERROR)));
}

//= rfc5246#7.4.2-8 test
/// A certificate whose key does not go with the suite is refused: here a P-256 key under a suite of Ed25519's kind is fine,
/// and no suite of RSA is ever chosen for it.
#[test]
fn a_suite_that_the_key_does_not_suit_is_not_chosen() {
    for identity in identities().into_iter().take(3) {
        let (mut client, server) = configs(&identity, &identity);
        client.suites =
            vec![CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256, CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384];
        let suite = connect(client, server).a.connected.unwrap().suite;
        assert_eq!(suite, CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384);
    }
}
