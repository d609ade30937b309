//! Who is let in, and what nobody gets before that.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use nomagic_dtls::{
    AlertDescription, CloseReason, Config, ExportError, KeyLog, Rejection, SealError, SrtpProfile, Verifier,
};
use nomagic_testkit::clock::origin;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;

/// Nothing can be had from a connection that is not complete.
fn assert_shut(peer: &mut Peer) {
    let mut out = vec![0; 40];
    assert!(matches!(
        peer.connection.seal(origin(), &mut out, 21),
        Err(SealError::NotConnected | SealError::Closed)
    ));
    assert_eq!(peer.connection.export("EXPERIMENTAL", None, &mut out), Err(ExportError::NotConnected));
    assert!(peer.connection.srtp_keys().is_none() && peer.connection.connected().is_none());
    assert_eq!(out, [0; 40]);
}

/// D41: a server with the wrong certificate is told so before the client has shown anything of its own.
#[test]
fn a_server_with_another_certificate_is_refused() {
    let mut client = Peer::new(Config::client(ANNA.clone(), Verifier::fingerprints([ANNA.fingerprint()])), 1);
    let mut server = Peer::new(server_config(), 2);
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    deliver(&mut client, origin(), &flight(&mut server, origin()));
    assert_eq!(client.closed, Some(CloseReason::Rejected(Rejection::Fingerprint)));
    assert_shut(&mut client);
    let alert = flight(&mut client, origin());
    assert_eq!(nomagic_dtls::Summary(&alert.concat()).to_string(), "Alert fatal bad_certificate");
    deliver(&mut server, origin(), &alert);
    assert_eq!(server.closed, Some(CloseReason::PeerAlert(AlertDescription::BAD_CERTIFICATE)));
    assert_shut(&mut server);
}

/// D41 on the other side.
#[test]
fn a_client_with_another_certificate_is_refused() {
    let mut config = Config::server(ZOE.clone(), Verifier::fingerprints([ZOE.fingerprint()]));
    config.address_validated = true;
    let mut pair = pair_of(client_config(), config, Link::new);
    pair.run_until(|pair| pair.z.closed.is_some());
    assert_eq!(pair.z.closed, Some(CloseReason::Rejected(Rejection::Fingerprint)));
    assert_eq!((pair.a.connected, pair.z.connected), (None, None));
    pair.run_until(|pair| pair.a.closed.is_some());
    let unauthenticated_alert = Some(AlertDescription::BAD_CERTIFICATE);
    assert_eq!(pair.a.closed, Some(CloseReason::Timeout { unauthenticated_alert }));
    assert_shut(&mut pair.a);
}

/// At no moment of a handshake is there anything to be had.
//= rfc5764#5.1-1 test
//= rfc5246#7.3-3 test
#[test]
fn nothing_can_be_had_before_the_handshake_is_complete() {
    let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    for _ in 0..2 {
        assert_shut(&mut client);
        assert_shut(&mut server);
        deliver(&mut server, origin(), &flight(&mut client, origin()));
        deliver(&mut client, origin(), &flight(&mut server, origin()));
    }
    assert!(client.connected.is_some() && server.connected.is_some());
    assert!(client.connection.srtp_keys().is_some() && server.connection.srtp_keys().is_some());
}

#[test]
fn a_server_may_take_anyone() {
    let mut config = Config::server_for_anyone(ZOE.clone());
    config.address_validated = true;
    let mut pair = pair_of(client_config(), config, Link::new);
    pair.run_until(both_connected);
    assert_eq!(pair.z.connected.unwrap().peer_fingerprint, None);
    assert!(pair.a.connected.unwrap().peer_fingerprint.is_some());
    assert_talks(&mut pair);
}

/// RFC 5705: both ends export the same, and different things under different labels and contexts.
#[test]
fn both_ends_export_the_same() {
    let pair = connected_pair();
    let export = |peer: &Peer, label: &str, context: Option<&[u8]>| {
        let mut out = [0; 100];
        peer.connection.export(label, context, &mut out).unwrap();
        out
    };
    let cases =
        [("EXPERIMENTAL a", None), ("EXPERIMENTAL a", Some(&b""[..])), ("EXPERIMENTAL b", Some(b"c"))];
    let exported = cases.map(|(label, context)| {
        let ours = export(&pair.a, label, context);
        assert_eq!(ours, export(&pair.z, label, context));
        ours
    });
    assert!(exported[0] != exported[1] && exported[1] != exported[2]);
}

/// D43, RFC 5764 section 4.2: what one sends with, the other receives with; sizes are those of the profile.
//= rfc5764#4.1.1-3 test
//= rfc5764#4.2-1 test
//= rfc5764#4.2-2 test
#[test]
fn srtp_keys_fit_together_for_each_profile() {
    for (profile, key, salt) in [
        (SrtpProfile::AES128_CM_HMAC_SHA1_80, 16, 14),
        (SrtpProfile::AES128_CM_HMAC_SHA1_32, 16, 14),
        (SrtpProfile::AEAD_AES_128_GCM, 16, 12),
        (SrtpProfile::AEAD_AES_256_GCM, 32, 12),
    ] {
        let (mut client, mut server) = (client_config(), server_config());
        client.srtp_profiles = vec![SrtpProfile(0x7777), profile];
        server.srtp_profiles = vec![profile];
        let mut pair = pair_of(client, server, Link::new);
        pair.run_until(both_connected);
        let (a, z) = (pair.a.connection.srtp_keys().unwrap(), pair.z.connection.srtp_keys().unwrap());
        assert_eq!((a.profile, a.local.key().len(), a.local.salt().len()), (profile, key, salt));
        assert_eq!((a.local.key(), a.local.salt()), (z.remote.key(), z.remote.salt()));
        assert_eq!((a.remote.key(), a.remote.salt()), (z.local.key(), z.local.salt()));
        let mut material = vec![0; 2 * (key + salt)];
        pair.a.connection.export("EXTRACTOR-dtls_srtp", None, &mut material).unwrap();
        let in_order = [a.local.key(), a.remote.key(), a.local.salt(), a.remote.salt()].concat();
        assert_eq!(material, in_order);
    }
}

/// D43: without a common profile there is a connection and no SRTP.
//= rfc5764#4.1.1-5 test
#[test]
fn without_a_common_profile_there_is_no_srtp() {
    for profiles in [vec![], vec![SrtpProfile::AEAD_AES_256_GCM]] {
        let mut client = client_config();
        client.srtp_profiles = profiles;
        let mut pair = pair_of(client, server_config(), Link::new);
        pair.run_until(both_connected);
        assert_eq!(pair.a.connected.unwrap().srtp_profile, None);
        assert!(pair.a.connection.srtp_keys().is_none() && pair.z.connection.srtp_keys().is_none());
    }
}

/// The server chooses by its own preference, from what the client offers.
#[test]
fn the_server_chooses_the_profile() {
    let mut server = server_config();
    server.srtp_profiles = vec![SrtpProfile::AEAD_AES_256_GCM, SrtpProfile::AES128_CM_HMAC_SHA1_80];
    let mut pair = pair_of(client_config(), server, Link::new);
    pair.run_until(both_connected);
    assert_eq!(pair.a.connected.unwrap().srtp_profile, Some(SrtpProfile::AES128_CM_HMAC_SHA1_80));
}

#[test]
fn both_ends_log_the_same_secret() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = |lines: &Arc<Mutex<Vec<String>>>| {
        let lines = lines.clone();
        Some(KeyLog::new(move |line| lines.lock().unwrap().push(line.to_owned())))
    };
    let (mut client, mut server) = (client_config(), server_config());
    (client.key_log, server.key_log) = (log(&lines), log(&lines));
    pair_of(client, server, Link::new).run_until(both_connected);
    let lines = lines.lock().unwrap();
    assert_eq!((lines.len(), &lines[0]), (2, &lines[1]));
    assert!(lines[0].starts_with("CLIENT_RANDOM ") && lines[0].len() == 14 + 64 + 1 + 96);
}

#[test]
fn connections_can_move_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&Peer::new(client_config(), 1).connection);
}

/// D46: a server never sends more than three times what it received from an address that is not proven.
#[test]
fn an_unproven_address_gets_no_more_than_three_times_what_it_sent() {
    for path_mtu in [256, 1200] {
        let mut server = server_config();
        (server.address_validated, server.path_mtu, server.cookies) = (false, path_mtu, false);
        let mut server = Peer::new(server, 2);
        let mut client = Peer::new(client_config(), 1);
        let (mut received, mut sent, mut now) = (0, 0, origin());
        for _ in 0..400 {
            for datagram in flight(&mut client, now) {
                received += datagram.len();
                server.handle_input(now, &mut datagram.clone());
            }
            // Nobody gets the answers, so the address is never proven.
            sent += flight(&mut server, now).iter().map(Vec::len).sum::<usize>();
            assert!(sent <= 3 * received, "{sent} for {received}");
            now += 500 * MS;
            client.handle_timeout(now);
            server.handle_timeout(now);
        }
        assert!(sent > 600);
    }
}

/// What does not fit waits for the client's next datagram; the handshake completes all the same.
#[test]
fn a_handshake_without_a_proven_address_completes() {
    for (path_mtu, cookies) in [(256, true), (256, false), (1200, true), (1200, false)] {
        let (client, mut server) = (client_config(), server_config());
        (server.address_validated, server.path_mtu, server.cookies) = (false, path_mtu, cookies);
        let mut pair = pair_of(client, server, || Link::latency(10 * MS));
        pair.run_until(both_connected);
        assert!(pair.elapsed() < std::time::Duration::from_secs(4), "{:?}", pair.elapsed());
        assert_talks(&mut pair);
    }
}

#[test]
fn words_for_people_say_what_matters() {
    let identity = format!("{:?}", **ANNA);
    assert!(identity.starts_with("Identity(sha-256 ") && identity.len() < 130);
    let connection = Peer::new(client_config(), 1).connection;
    assert_eq!(format!("{connection:?}"), "Connection(Client, waits for ServerHello)");
    let key_log = KeyLog::new(|_| ());
    assert_eq!(format!("{key_log:?}"), "KeyLog");
}
