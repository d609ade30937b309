//! What both ends agree on in extensions, and what they refuse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::{AlertDescription, CloseReason, Config, SrtpProfile};
use nomagic_testkit::link::Link;
use nomagic_testkit::pair::Pair;

fn connect(client: Config, server: Config) -> Pair<Peer, Peer> {
    let mut pair = pair_of(client, server, || Link::latency(MS));
    pair.run_until(both_connected);
    pair
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// RFC 7301 section 3.2: the server's first choice among the client's.
#[test]
fn the_server_chooses_an_application_protocol() {
    let (mut client, mut server) = (client_config(), server_config());
    client.application_protocols = protocols(&["a", "c-webrtc", "webrtc"]);
    server.application_protocols = protocols(&["other", "webrtc", "c-webrtc"]);
    let pair = connect(client.clone(), server.clone());
    for end in [&pair.a, &pair.z] {
        assert_eq!(end.connection.application_protocol(), Some(&b"webrtc"[..]));
    }
    // Whoever says nothing about it, agrees on nothing.
    for (client, server) in [(client.clone(), server_config()), (client_config(), server.clone())] {
        let pair = connect(client, server);
        for end in [&pair.a, &pair.z] {
            assert_eq!(end.connection.application_protocol(), None);
        }
    }
    client.application_protocols = protocols(&["h3"]);
    let mut pair = pair_of(client, server, || Link::latency(MS));
    pair.run_until(|pair| pair.a.closed.is_some());
    assert_eq!(pair.z.closed, Some(CloseReason::NoApplicationProtocol));
    let alert = CloseReason::PeerAlert(AlertDescription::NO_APPLICATION_PROTOCOL);
    assert_eq!(pair.a.closed, Some(alert));
}

#[test]
fn the_server_learns_the_name_it_is_called_by() {
    let mut client = client_config();
    client.server_name = Some("sfu.example.org".to_owned());
    let pair = connect(client, server_config());
    assert_eq!(pair.z.connection.server_name(), Some("sfu.example.org"));
    assert_eq!(pair.a.connection.server_name(), None);
}

// D43
/// An identifier is agreed on only if the server does so too.
//= rfc5764#4.1.3-4 test
#[test]
fn a_key_identifier_is_agreed_on_or_not() {
    for accepts in [true, false] {
        let (mut client, mut server) = (client_config(), server_config());
        client.srtp_mki = vec![9; 255];
        server.accept_srtp_mki = accepts;
        let pair = connect(client, server);
        for end in [&pair.a, &pair.z] {
            let expected = if accepts { vec![9; 255] } else { Vec::new() };
            assert_eq!(end.connection.srtp_keys().unwrap().mki, expected);
        }
    }
}

// D43
/// Each profile of the registry gives keys of its lengths, the same at both ends and other ones for each direction.
//= rfc5764#4.1.1-1 test
//= rfc5764#4.1.1-2 test
//= rfc5764#4.2-1 test
//= rfc5764#4.2-2 test
#[test]
fn every_profile_gives_keys_of_its_lengths() {
    let known = (0..=0x20).map(SrtpProfile).filter(|profile| profile.key_and_salt_len().is_some());
    let known: Vec<_> = known.collect();
    assert_eq!(known.len(), 14);
    for profile in known {
        let (mut client, mut server) = (client_config(), server_config());
        client.srtp_profiles = vec![SrtpProfile(0xeeee), profile];
        server.srtp_profiles = vec![SrtpProfile(0xdddd), profile];
        let pair = connect(client, server);
        let [a, z] = [&pair.a, &pair.z].map(|end| end.connection.srtp_keys().unwrap());
        let lengths = (a.local.key().len(), a.local.salt().len());
        assert_eq!(Some(lengths), profile.key_and_salt_len(), "{profile}");
        assert_eq!((a.local.key(), a.local.salt()), (z.remote.key(), z.remote.salt()));
        assert_eq!((a.remote.key(), a.remote.salt()), (z.local.key(), z.local.salt()));
        assert_ne!(a.local.key(), a.remote.key());
        // RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt.
        let mut material = vec![0; 2 * (lengths.0 + lengths.1)];
        pair.z.connection.export("EXTRACTOR-dtls_srtp", None, &mut material).unwrap();
        let parts = [a.local.key(), z.local.key(), a.local.salt(), z.local.salt()];
        assert_eq!(material, parts.concat());
    }
}

/// RFC 5764 section 4.1.1: without a profile in common the extension is not answered, and the connection goes on.
#[test]
fn without_a_common_profile_there_are_no_keys_for_srtp() {
    let mut server = server_config();
    server.srtp_profiles = vec![SrtpProfile::AEAD_AES_256_GCM];
    let mut pair = connect(client_config(), server);
    for end in [&pair.a, &pair.z] {
        assert!(end.connected.unwrap().srtp_profile.is_none() && end.connection.srtp_keys().is_none());
    }
    assert_talks(&mut pair);
}
