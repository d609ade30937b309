//! Records and fragments in every order.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::handshake::FragmentHeader;
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Version};
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;

/// All orders of `items`.
fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in items.iter().enumerate() {
        let mut others = items.to_vec();
        others.remove(index);
        all.extend(permutations(&others).into_iter().map(|mut rest| {
            rest.insert(0, first.clone());
            rest
        }));
    }
    all
}

/// D21, D23: the records of each flight in every order, without a single retransmission: what cannot be used yet waits,
/// the Finished before the ChangeCipherSpec and before the keys among it.
//= rfc6347#4.1-3 test
#[test]
fn every_order_of_a_flights_records_completes_the_handshake() {
    let hello = flight(&mut Peer::new(client_config(), 1), origin());
    let mut server = Peer::new(server_config(), 2);
    deliver(&mut server, origin(), &hello);
    let flight4 = records(&flight(&mut server, origin()));
    assert_eq!(flight4.len(), 5);
    let mut client = Peer::new(client_config(), 1);
    flight(&mut client, origin());
    deliver(&mut client, origin(), &flight4);
    let flight5 = records(&flight(&mut client, origin()));
    assert_eq!(flight5.len(), 5);
    deliver(&mut server, origin(), &flight5);
    let flight6 = records(&flight(&mut server, origin()));
    assert_eq!(flight6.len(), 2);

    for order in permutations(&flight4) {
        let mut client = Peer::new(client_config(), 1);
        flight(&mut client, origin());
        deliver(&mut client, origin(), &order);
        assert_eq!(records(&flight(&mut client, origin())).len(), 5);
    }
    for order in permutations(&flight5) {
        let mut server = Peer::new(server_config(), 2);
        deliver(&mut server, origin(), &hello);
        flight(&mut server, origin());
        deliver(&mut server, origin(), &order);
        assert!(server.connected.is_some(), "{:?}", server.connection.stats());
    }
    for order in permutations(&flight6) {
        let mut client = Peer::new(client_config(), 1);
        flight(&mut client, origin());
        deliver(&mut client, origin(), &flight4);
        flight(&mut client, origin());
        deliver(&mut client, origin(), &order);
        assert!(client.connected.is_some());
    }
}

/// D22: a hello in 2 to 64 fragments, backwards, each twice.
#[test]
fn a_hello_in_any_number_of_fragments_is_put_together() {
    let hello = flight(&mut Peer::new(client_config(), 1), origin()).remove(0);
    let (message, body, _) = FragmentHeader::parse(&hello[HEADER_LEN..]).unwrap();
    for count in 2..=64 {
        let size = body.len().div_ceil(count);
        let mut datagrams: Vec<Vec<u8>> = body
            .chunks(size)
            .enumerate()
            .map(|(index, part)| {
                let (offset, length) =
                    (u32::try_from(index * size).unwrap(), u32::try_from(part.len()).unwrap());
                let mut content = Vec::new();
                FragmentHeader { offset, length, ..message }.encode(&mut content);
                content.extend(part);
                record(ContentType::HANDSHAKE, 0, index as u64, &content)
            })
            .collect();
        datagrams.reverse();
        let mut server = Peer::new(server_config(), 2);
        for datagram in datagrams.iter().flat_map(|datagram| [datagram, datagram]) {
            server.handle_input(origin(), &mut datagram.clone());
        }
        assert_eq!(records(&flight(&mut server, origin())).len(), 5, "{count} fragments");
    }
}

fn record(content_type: ContentType, epoch: u16, sequence: u64, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let mut out = Vec::new();
    Header { content_type, version: Version::DTLS_1_2, epoch, sequence, length }.encode(&mut out);
    out.extend(content);
    out
}

/// D23: a ChangeCipherSpec too early, twice, malformed or missing.
#[test]
fn change_cipher_spec_alone_changes_nothing() {
    let change = record(ContentType::CHANGE_CIPHER_SPEC, 0, 99, &[1]);
    let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    let hello = flight(&mut client, origin());
    for peer in [&mut client, &mut server] {
        deliver(peer, origin(), &[change.clone(), change.clone()]);
        deliver(peer, origin(), &[record(ContentType::CHANGE_CIPHER_SPEC, 0, 99, &[2])]);
        assert_eq!(peer.closed, None);
    }
    deliver(&mut server, origin(), &hello);
    deliver(&mut client, origin(), &flight(&mut server, origin()));
    let flight5 = flight(&mut client, origin());
    deliver(&mut server, origin(), &flight5);
    deliver(&mut client, origin(), &flight(&mut server, origin()));
    assert!(client.connected.is_some() && server.connected.is_some());

    let without: Vec<_> = records(&flight5).into_iter().filter(|record| record[0] != 20).collect();
    let mut fresh = Peer::new(server_config(), 2);
    deliver(&mut fresh, origin(), &flight(&mut Peer::new(client_config(), 1), origin()));
    flight(&mut fresh, origin());
    deliver(&mut fresh, origin(), &without);
    assert_eq!((fresh.connected, fresh.closed), (None, None), "the Finished waits");
    fresh.handle_input(origin(), &mut change.clone());
    assert!(fresh.connected.is_some());
}

/// D27: payload that overtakes the Finished waits for it, and is handed out with it; RFC 6347 section 4.2.4.
//= rfc6347#4.2.4-2 test
//= rfc6347#4.1-4 test
#[test]
fn payload_that_overtakes_the_finished_waits() {
    let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    deliver(&mut client, origin(), &flight(&mut server, origin()));
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    let flight6 = flight(&mut server, origin());
    let early = [server.seal(origin(), b"one"), server.seal(origin(), b"two")];
    deliver(&mut client, origin(), &early);
    deliver(&mut client, origin(), &early);
    assert!(client.received.is_empty());
    // What does not fit the queue is dropped; it is as lost as any datagram may be.
    for _ in 0..10 {
        let large = server.seal(origin(), &[7; 1200]);
        deliver(&mut client, origin(), &[large]);
    }
    assert!(client.connection.stats().dropped_limit > 0);
    let with_finished = [flight6.concat(), server.seal(origin(), b"three")].concat();
    deliver(&mut client, origin(), &[with_finished]);
    assert_eq!(client.received[..2], [b"one", b"two"]);
    assert_eq!(client.received.last().unwrap(), b"three");
    assert_eq!(client.connection.stats().records_opened, client.received.len() as u64);
    assert_eq!(client.connection.stats().dropped_replay, 2);
    // What waited is handed out once.
    let (handed_out, four) = (client.received.len(), server.seal(origin(), b"four"));
    deliver(&mut client, origin(), &[four]);
    assert_eq!(client.received[handed_out..], [b"four"]);
}
