//! The laws that every machine keeps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::ConnectionId;
use nomagic_testkit::laws::Subject;

fn subject(address_validated: bool, path_mtu: usize, ids: bool) {
    let make = |seed: u64| {
        let (mut client, mut server) = (client_config(), server_config());
        server.address_validated = address_validated;
        (client.path_mtu, server.path_mtu) = (path_mtu, path_mtu);
        let id = |octets: &[u8]| ids.then(|| ConnectionId::new(octets).unwrap());
        (client.connection_id, server.connection_id) = (id(&[1; 8]), id(&[2; 20]));
        (Peer::new(client, 2 * seed), Peer::new(server, 2 * seed + 1))
    };
    let done = |a: &Peer, z: &Peer| a.connected.is_some() && z.connected.is_some();
    Subject { make: &make, done: &done, memory: 200_000 }.keeps_all_laws();
}

#[test]
fn a_connection_keeps_all_laws() {
    subject(true, 1200, false);
}

#[test]
fn a_connection_with_fragments_to_an_unproven_address_keeps_all_laws() {
    subject(false, 256, false);
}

#[test]
fn a_connection_with_ids_in_its_records_keeps_all_laws() {
    subject(true, 1200, true);
    subject(false, 256, true);
}

#[test]
fn a_connection_with_pre_shared_keys_keeps_all_laws() {
    let make = |seed: u64| (Peer::new(psk_client(), 2 * seed), Peer::new(psk_server(), 2 * seed + 1));
    let done = |a: &Peer, z: &Peer| a.connected.is_some() && z.connected.is_some();
    Subject { make: &make, done: &done, memory: 200_000 }.keeps_all_laws();
}
