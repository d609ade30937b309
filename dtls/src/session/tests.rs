//! Who may take up a session, asked of the session itself: the suites that a configuration keeps would answer many of these
//! first.

use std::sync::Arc;

use nomagic_testkit::rng;

use super::*;
use crate::certificate::{Identity, Verifier};
use crate::pre_shared_key::{PreSharedKey, PreSharedKeys};

const SIGNED: CipherSuite = CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256;
const PSK: CipherSuite = CipherSuite::PSK_AES_128_GCM_SHA256;

fn key(octet: u8) -> PreSharedKey {
    PreSharedKey::new("lamp", &[octet; 16]).unwrap()
}

/// A session of this suite, of nobody or of the key of this identity.
fn bytes(suite: CipherSuite, shared: Option<(&str, [u8; 32])>) -> Vec<u8> {
    let mut out = vec![FORMAT, 1, 9];
    out.extend([5; 48]);
    put_u16(&mut out, suite.0);
    out.extend([0, 0, 0, 0]);
    put_vec::<2>(&mut out, |out| out.extend_from_slice(shared.map_or("", |shared| shared.0).as_bytes()));
    out.extend(shared.iter().flat_map(|shared| shared.1));
    out
}

fn by_key() -> Session {
    let Shared { identity, mark } = key(7).claimed().shared;
    Session::parse(&bytes(PSK, Some((&identity, mark)))).unwrap()
}

fn by_nothing() -> Session {
    Session::parse(&bytes(SIGNED, None)).unwrap()
}

#[test]
fn a_session_is_for_who_would_let_the_peer_in_today() {
    let identity = Arc::new(Identity::generate(&mut rng(1)));
    let anybody = || Verifier::callback(|_| true);
    let keys = |octet| PreSharedKeys::new([key(octet)]);
    let mut both = Config::server(identity.clone(), anybody());
    both.pre_shared_keys = Some(keys(7));
    let certified = Config::server(identity.clone(), anybody());
    let anyone = Config::server_for_anyone(identity.clone());
    let client = Config::client(identity, anybody());
    for (config, by_a_key, by_no_key) in [
        (Config::client_with_key(key(7)), true, false),
        (Config::client_with_key(key(8)), false, false),
        (client, false, false),
        (Config::server_with_keys(keys(7)), true, false),
        (Config::server_with_keys(keys(8)), false, false),
        (Config::server_with_keys(PreSharedKeys::new([])), false, false),
        (both, true, false),
        (certified, false, false),
        (anyone, false, true),
    ] {
        assert_eq!(by_key().fits(&config, None), by_a_key, "{config:?}");
        assert_eq!(by_nothing().fits(&config, None), by_no_key, "{config:?}");
        assert!(!by_key().fits(&config, Some("sfu.example.org")));
    }
}

#[test]
fn a_session_has_the_identity_that_its_suite_wants() {
    let fault = |suite, shared| Session::parse(&bytes(suite, shared)).unwrap_err().kind;
    assert_eq!(fault(PSK, None), Kind::Session);
    assert_eq!(fault(SIGNED, Some(("lamp", [1; 32]))), Kind::Session);
    let long = "x".repeat(MAX_IDENTITY + 1);
    assert!(Session::parse(&bytes(PSK, Some((&long[1..], [1; 32])))).is_ok());
    assert_eq!(fault(PSK, Some((&long, [1; 32]))), Kind::Session);
    let mut no_text = bytes(PSK, Some(("lamp", [1; 32])));
    let at = no_text.len() - 36;
    no_text[at] = 0xff;
    assert_eq!(Session::parse(&no_text).unwrap_err().kind, Kind::Session);
    let whole = by_key().to_bytes();
    assert_eq!(Session::parse(&whole).unwrap().to_bytes(), whole);
    for cut in 0..whole.len() {
        assert!(Session::parse(&whole[..cut]).is_err(), "cut at {cut}");
    }
}
