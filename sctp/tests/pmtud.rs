//! The largest packet that a path takes (RFC 8899, RFC 8261 section 4).
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{Association, Config, SendOptions};
use nomagic_testkit::link::{Link, Verdict};
use nomagic_testkit::pair::Pair as AnyPair;
use nomagic_testkit::rng;

fn searching() -> Config {
    let mut config = Config::default();
    config.max_path_mtu = 1435;
    config
}

/// A link that takes packets up to this size, and minds when data is lost for its size.
fn narrow(largest: usize) -> Link {
    Link::latency(20 * MS).script(move |_, datagram| {
        if datagram.len() <= largest {
            return Verdict::Deliver;
        }
        let packet = Packet::parse(datagram).unwrap();
        let kinds: Vec<u8> = packet.chunks().map(|c| c.kind.0).collect();
        assert_eq!(kinds, [4, 132], "only probes may be too large: {packet}");
        Verdict::Drop
    })
}

fn ends(config: &Config, largest: usize) -> Pair {
    let [a, z] = [1, 2].map(|seed| End(Association::new(config.clone(), &mut rng(seed))));
    let mut p = AnyPair::with_links(a, z, narrow(largest), narrow(1435), 1);
    let now = p.now();
    p.a.connect(now);
    p.must(10 * SECOND, |p| both_up(p));
    p
}

//= rfc8261#4-1 test
//= rfc8261#6.2-1 test
//= rfc8831#5-4 test
#[test]
fn what_the_path_takes_is_found_without_losing_data() {
    for largest in [1163, 1170, 1200, 1280, 1300, 1434, 1435] {
        let mut p = ends(&searching(), largest);
        let now = p.now();
        for k in 0..200u8 {
            p.a.send(now, 0, pattern(5000, k), SendOptions::default()).unwrap();
        }
        let mut got = 0;
        p.must(60 * SECOND, |p| {
            let now = p.now();
            got += drain(&mut p.z, now).len();
            got == 200
        });
        p.run_for(30 * SECOND);
        let found = p.a.path_mtu();
        assert!(found <= largest && found + 16 > largest.min(1432), "{found} of {largest}");
        assert!(p.z.path_mtu() >= 1432 - 8, "each direction for itself: {}", p.z.path_mtu());
    }
}

#[test]
fn no_search_is_the_default_and_a_known_size_is_taken_at_once() {
    let mut p = ends(&Config::default(), 1163);
    p.run_for(60 * SECOND);
    assert_eq!((p.a.path_mtu(), p.z.path_mtu()), (1163, 1163));
    p.a.set_path_mtu(900);
    let now = p.now();
    p.a.send(now, 0, pattern(5000, 1), SendOptions::default()).unwrap();
    let before = p.z.stats().packets_received;
    p.run_for(SECOND);
    assert!(p.z.stats().packets_received - before >= 6);
    assert_eq!(p.a.path_mtu(), 900);
}

// A probe is answered like any HEARTBEAT, and a forged answer teaches nothing.
#[test]
fn a_probe_is_a_heartbeat_with_padding_and_only_its_own_answer_counts() {
    let mut played = Played::up(searching());
    let probe = played.wait();
    assert_eq!((kinds(&probe), probe[0].len()), (vec![4, 132], 1432));
    let value = value_of(&probe, 4).unwrap();
    let mut forged = value.clone();
    forged[10] ^= 1;
    played.tell(&raw(5, 0, &forged));
    assert_eq!(played.end.path_mtu(), 1163);
    played.tell(&raw(5, 0, &value));
    assert_eq!(played.end.path_mtu(), 1432);
    played.end.send(played.now, 0, pattern(5000, 1), SendOptions::default()).unwrap();
    assert_eq!(played.hear()[0].len(), 1432);
}

// Packets that passed pass no more, while nothing else does: back to what passes anywhere.
#[test]
fn a_path_that_swallows_large_packets_is_left_for_the_base() {
    let mut played = Played::up(searching());
    let probe = played.wait();
    played.tell(&raw(5, 0, &value_of(&probe, 4).unwrap()));
    assert_eq!(played.end.path_mtu(), 1432);
    played.end.send(played.now, 0, pattern(1300, 1), SendOptions::default()).unwrap();
    played.hear();
    while played.end.stats().timeouts < 3 {
        assert_eq!(played.end.path_mtu(), 1432);
        played.wait();
    }
    assert_eq!(played.end.path_mtu(), 1163);
    // ICE takes another path: looked for anew.
    played.tell(&sack(played.tsn, 100_000, &[]));
    played.end.path_changed(played.now);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        sizes.extend(played.wait().iter().map(Vec::len));
    }
    assert!(sizes.contains(&1432), "{sizes:?}");
}
