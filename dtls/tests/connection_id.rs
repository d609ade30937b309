//! Connection ids, and peers that move: RFC 9146.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;

use common::*;
use nomagic_dtls::record::{Header, connection_id};
use nomagic_dtls::{CloseReason, Config, Connection, ConnectionId, Event, Input};
use nomagic_testkit::alloc::assert_none;
use nomagic_testkit::clock::origin;
use nomagic_testkit::ladder::Way;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;

fn with_id(mut config: Config, id: Option<&[u8]>) -> Config {
    config.connection_id = id.map(|id| ConnectionId::new(id).unwrap());
    config
}

fn pair_with_ids(client: Option<&[u8]>, server: Option<&[u8]>) -> Pair<Peer, Peer> {
    let (client, server) = (with_id(client_config(), client), with_id(server_config(), server));
    let mut pair = pair_of(client, server, || Link::latency(10 * MS));
    pair.run_until(both_connected);
    pair.run_quiet();
    pair
}

/// RFC 9146 section 3: each end says what it wants to receive; an empty id, or none on either side, leaves records as they
/// are. From the Finished on, all protected records have them.
//= rfc9146#3-3 test
//= rfc9146#3-4 test
#[test]
fn each_end_gets_the_id_that_it_asked_for() {
    let ids: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"c"), Some(&[7; 20])];
    for client in ids {
        for server in ids {
            let mut pair = pair_with_ids(client, server);
            let agreed = client.is_some() && server.is_some();
            let expected = |own: Option<&'static [u8]>| if agreed { own.unwrap_or(b"") } else { b"" };
            for (peer, own) in [(&pair.a, client), (&pair.z, server)] {
                assert_eq!(peer.connection.connection_id(), expected(own));
            }
            assert_talks(&mut pair);
            pair.a.close(pair.now());
            pair.run_quiet();
            assert_eq!(pair.z.closed, Some(CloseReason::Peer));
            for rung in pair.ladder().rungs() {
                let id = expected(if rung.way == Way::Out { server } else { client });
                let mut rest = &rung.datagram[..];
                while !rest.is_empty() {
                    let (header, at) = Header::parse_with_connection_id(rest, id.len()).unwrap();
                    assert_eq!(header.content_type.0 == 25, header.epoch == 1 && !id.is_empty());
                    rest = &rest[at + usize::from(header.length)..];
                }
            }
        }
    }
}

/// Handshakes with ids survive what others survive, in fragments too.
#[test]
fn a_handshake_with_ids_survives_every_double_loss() {
    for path_mtu in [256, 1200] {
        let all: Vec<_> = (0..6).flat_map(|number| [(true, number), (false, number)]).collect();
        for (index, first) in all.iter().enumerate() {
            for second in &all[index..] {
                let link = |out| {
                    let lost = [first, second].into_iter().filter(|(way, _)| *way == out);
                    Link::latency(10 * MS).drop_numbers(lost.map(|(_, number)| *number).collect())
                };
                let mut client = with_id(client_config(), Some(&[1; 16]));
                let mut server = with_id(server_config(), Some(&[2; 8]));
                (client.path_mtu, server.path_mtu) = (path_mtu, path_mtu);
                let (a, z) = (Peer::new(client, 1), Peer::new(server, 2));
                let mut pair = Pair::with_links(a, z, link(true), link(false), 3);
                pair.run_until(both_connected);
                assert!(pair.ladder().rungs().all(|rung| rung.datagram.len() <= path_mtu));
            }
        }
    }
}

/// The longest ids do not fit a record of the smallest datagram: what cannot be cut goes out as it is.
#[test]
fn the_longest_ids_get_through_the_smallest_datagrams() {
    for length in [180, 194, 195, 255] {
        let (mut client, mut server) = (
            with_id(client_config(), Some(&vec![1; length])),
            with_id(server_config(), Some(&vec![2; length])),
        );
        (client.path_mtu, server.path_mtu) = (256, 256);
        let mut pair = pair_of(client, server, || Link::latency(MS));
        pair.run_until(both_connected);
        assert_eq!(pair.elapsed(), 4 * MS, "without a repetition");
        let largest = pair.ladder().rungs().map(|rung| rung.datagram.len()).max();
        assert!(largest <= Some(256.max(62 + length)), "{length}: {largest:?}");
        assert_talks(&mut pair);
    }
}

/// A record with an id that overtakes the keys, and payload that overtakes the Finished.
#[test]
fn records_with_ids_wait_like_others() {
    let client_config = with_id(client_config(), Some(b"client"));
    let (mut client, mut server) =
        (Peer::new(client_config, 1), Peer::new(with_id(server_config(), Some(b"srv")), 2));
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    deliver(&mut client, origin(), &flight(&mut server, origin()));
    let flight5 = flight(&mut client, origin()).concat();
    let finished = (0..flight5.len()).rev().find(|at| flight5[*at..].starts_with(&[25, 0xfe, 0xfd])).unwrap();
    deliver(&mut server, origin(), &[flight5[finished..].to_vec(), flight5[..finished].to_vec()]);
    assert!(server.connected.is_some());
    let flight6 = flight(&mut server, origin());
    let early = server.seal(origin(), b"early");
    let more = server.seal(origin(), b"and more");
    deliver(&mut client, origin(), &[early]);
    deliver(&mut client, origin(), &[[flight6.concat(), more].concat()]);
    assert_eq!(client.received, [&b"early"[..], b"and more"]);
}

/// The id says which connection a datagram is for.
#[test]
fn a_datagram_finds_its_connection_by_its_id() {
    let mut pairs = [b"one", b"two"].map(|id| pair_with_ids(Some(b""), Some(id)));
    let now = pairs[0].now();
    let datagram = pairs[1].a.seal(now, b"for two");
    assert_eq!(connection_id(&datagram, 3), Some(&b"two"[..]));
    assert_eq!(connection_id(&datagram[..12], 3), None);
    let plain = pairs[0].z.seal(now, b"no id this way");
    assert_eq!(connection_id(&plain, 3), None);
    // Delivered to the wrong one, it is dropped.
    pairs[0].inject(Way::Out, &datagram);
    assert_eq!(pairs[0].z.connection.stats().dropped_connection_id, 1);
    pairs[1].inject(Way::Out, &datagram);
    assert_eq!(pairs[1].z.received, [b"for two"]);
}

/// Records with ids cost no allocation either, and several fit a datagram.
#[test]
fn a_record_with_an_id_costs_no_allocation() {
    let mut pair = pair_with_ids(Some(b"client"), Some(b"server"));
    let now = pair.now();
    let both = [pair.a.seal(now, b"first"), pair.a.seal(now, b"second")].concat();
    pair.inject(Way::Out, &both);
    assert_eq!(pair.z.received, [&b"first"[..], b"second"]);
    let (a, z) = (&mut pair.a.connection, &mut pair.z.connection);
    let (at, mut out) = (a.headroom(), Vec::with_capacity(2000));
    assert_none(|| {
        for round in 0..100u8 {
            out.clear();
            out.resize(at, 0);
            out.resize(at + 1200, round);
            a.seal(now, &mut out, at).unwrap();
            let Input::Payload(payloads) = z.handle_input(now, &mut out) else { panic!("there is payload") };
            assert_eq!(payloads.map(|payload| payload.len()).sum::<usize>(), 1200);
        }
    });
}

fn moved(connection: &mut Connection) -> Option<SocketAddr> {
    let event = connection.poll_event()?;
    let Event::PeerMoved(address) = event else { panic!("{event}") };
    Some(address)
}

/// RFC 9146 section 6: only an authentic record that is newer than all before moves the peer, and only with an id.
//= rfc9146#6-1 test
//= rfc9146#6-2 test
#[test]
fn the_newest_authentic_record_says_where_the_peer_is() {
    let [home, road, evil] = ["192.0.2.1:1", "192.0.2.2:2", "203.0.113.9:9"].map(|a| a.parse().unwrap());
    for server_id in [Some(&b"server"[..]), None] {
        let mut pair = pair_with_ids(Some(b""), server_id);
        let now = pair.now();
        let records: Vec<_> = (0..6).map(|number| pair.a.seal(now, &[number])).collect();
        let connection = &mut pair.z.connection;
        let mut hear = |from, record: &[u8]| {
            let mut datagram = record.to_vec();
            let heard = connection.handle_input_from(now, from, &mut datagram);
            let is_payload = matches!(heard, Input::Payload(_));
            (is_payload, moved(connection))
        };
        assert_eq!(hear(home, &records[0]), (true, None), "the first says where it is");
        assert_eq!(hear(home, &records[3]), (true, None));
        assert_eq!(hear(evil, &records[3]), (false, None), "a replay");
        let mut forged = records[4].clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(hear(evil, &forged), (false, None));
        assert_eq!(
            hear(evil, &records[1]),
            (true, None),
            "older than the newest: it counts, and moves nothing"
        );
        let expected = server_id.map(|_| road);
        assert_eq!(hear(road, &records[4]), (true, expected));
        assert_eq!(hear(home, &records[2]), (true, None), "late from before the move");
        assert_eq!(hear(road, &records[5]), (true, None));
    }
}

/// Like all events, the newest one of a kind is what waits.
#[test]
fn a_peer_that_moves_twice_is_where_it_was_last() {
    let mut pair = pair_with_ids(Some(b""), Some(b"server"));
    let now = pair.now();
    for port in 1..=3 {
        let mut record = pair.a.seal(now, b"x");
        let source = SocketAddr::from(([192, 0, 2, 1], port));
        pair.z.connection.handle_input_from(now, source, &mut record);
    }
    assert_eq!(moved(&mut pair.z.connection), Some(SocketAddr::from(([192, 0, 2, 1], 3))));
    assert_eq!(moved(&mut pair.z.connection), None);
    assert_eq!(Event::PeerMoved("[::1]:5".parse().unwrap()).to_string(), "the peer is at [::1]:5");
}

/// RFC 8449 from end to end: each keeps to what the other takes; several of ours fit the handshake all the same.
//= rfc8449#4-1 test
#[test]
fn each_end_keeps_to_the_limit_of_the_other() {
    let (mut client, mut server) = (client_config(), server_config());
    (client.record_size_limit, server.record_size_limit) = (64, 500);
    let mut pair = pair_of(client, server, Link::new);
    pair.run_until(both_connected);
    assert_eq!((pair.a.connection.max_payload(), pair.z.connection.max_payload()), (500, 64));
    let now = pair.now();
    let mut out = vec![0; 200];
    assert!(pair.z.connection.seal(now, &mut out, 21).is_err());
    assert_talks(&mut pair);
}
