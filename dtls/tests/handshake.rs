//! Whole handshakes between two connections.

mod common;

use common::*;
use nomagic_dtls::{CipherSuite, NamedGroup, Role, SrtpProfile};
use nomagic_testkit::link::Link;

#[test]
fn client_and_server_connect_and_agree_on_everything() {
    let mut pair = connected_pair();
    let (a, z) = (pair.a.connected.unwrap(), pair.z.connected.unwrap());
    assert_eq!(a.suite, CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256);
    assert_eq!(a.group, Some(NamedGroup::X25519));
    assert_eq!(a.srtp_profile, Some(SrtpProfile::AES128_CM_HMAC_SHA1_80));
    assert_eq!((a.suite, a.group, a.srtp_profile), (z.suite, z.group, z.srtp_profile));
    assert_eq!(a.peer_fingerprint, Some(ZOE.fingerprint()));
    assert_eq!(z.peer_fingerprint, Some(ANNA.fingerprint()));
    assert_eq!((pair.a.connection.role(), pair.z.connection.role()), (Role::Client, Role::Server));
    assert_talks(&mut pair);
}

#[test]
fn a_handshake_takes_two_round_trips_and_five_datagrams() {
    let mut pair = pair(|| Link::latency(10 * MS));
    pair.run_until(both_connected);
    assert_eq!(pair.elapsed(), 40 * MS);
    assert_eq!(pair.delivered(), (2, 2));
}
