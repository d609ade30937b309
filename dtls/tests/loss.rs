//! Handshakes over links that lose, delay and repeat.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::*;
use nomagic_dtls::handshake::FragmentHeader;
use nomagic_dtls::record::{ContentType, Records};
use nomagic_dtls::{CloseReason, Config, Event};
use nomagic_testkit::ladder::Way;
use nomagic_testkit::link::{Link, Verdict};
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;

fn with_mtu(mut config: Config, path_mtu: usize) -> Config {
    config.path_mtu = path_mtu;
    config
}

/// Runs a handshake in which these datagrams are lost: `true` is from client to server.
fn survives(path_mtu: usize, lost: &[(bool, usize)]) -> Duration {
    let link = |out| {
        let numbers = lost.iter().filter(|(way, _)| *way == out).map(|(_, number)| *number).collect();
        Link::latency(10 * MS).drop_numbers(numbers)
    };
    let a = Peer::new(with_mtu(client_config(), path_mtu), 1);
    let z = Peer::new(with_mtu(server_config(), path_mtu), 2);
    let mut pair = Pair::with_links(a, z, link(true), link(false), 3);
    pair.run_until(both_connected);
    pair.elapsed()
}

/// D44: every loss of one, of two and of three datagrams, retransmissions among them.
//= rfc6347#4.2.4-1 test
//= rfc6347#4.2.5-1 test
#[test]
fn a_handshake_survives_every_triple_loss() {
    let both: Vec<(bool, usize)> = (0..5).flat_map(|number| [(true, number), (false, number)]).collect();
    for (i, first) in both.iter().enumerate() {
        for (j, second) in both.iter().enumerate().skip(i) {
            for third in &both[j..] {
                let took = survives(1200, &[*first, *second, *third]);
                assert!(took < Duration::from_secs(16), "{first:?} {second:?} {third:?}: {took:?}");
            }
        }
    }
}

/// D44, D48: the same with messages in fragments.
#[test]
fn a_fragmented_handshake_survives_every_double_loss() {
    let both: Vec<(bool, usize)> = (0..10).flat_map(|number| [(true, number), (false, number)]).collect();
    for (i, first) in both.iter().enumerate() {
        for second in &both[i..] {
            let took = survives(256, &[*first, *second]);
            assert!(took < Duration::from_secs(8), "{first:?} {second:?}: {took:?}");
        }
    }
}

#[test]
fn a_handshake_survives_bad_links() {
    for seed in 0..20 {
        let link =
            || Link::latency(30 * MS).jitter(50 * MS).loss(0.3).duplication(0.2).reordering(0.2, 80 * MS);
        let path_mtu = if seed % 2 == 0 { 256 } else { 1200 };
        let mut client = with_mtu(client_config(), path_mtu);
        client.initial_timeout = 100 * MS;
        client.handshake_timeout = Duration::from_secs(600);
        let mut server = with_mtu(server_config(), path_mtu);
        server.initial_timeout = 100 * MS;
        server.handshake_timeout = Duration::from_secs(600);
        let mut pair = Pair::new(Peer::new(client, seed), Peer::new(server, seed + 100), link, seed);
        pair.run_until(both_connected);
        pair.set_links(Link::new(), Link::new());
        assert_talks(&mut pair);
    }
}

/// RFC 6347 section 4.2.4.1: one second, doubled each time, up to sixty; D47: armed by the first datagram.
//= rfc6347#4.2.4.1-1 test
#[test]
fn a_flight_is_repeated_after_one_second_doubled_each_time() {
    let mut config = client_config();
    config.handshake_timeout = Duration::from_secs(400);
    let mut client = Peer::new(config, 1);
    let start = nomagic_testkit::clock::origin();
    assert_eq!(client.poll_timeout(), None, "nothing is sent before the first poll");
    assert_eq!(flight(&mut client, start).len(), 1);
    let mut at = start;
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        let due = client.poll_timeout().unwrap();
        assert_eq!(due, at + Duration::from_secs(seconds));
        client.handle_timeout(due - MS);
        assert!(flight(&mut client, due - MS).is_empty());
        at = due;
        client.handle_timeout(at);
        assert!(!flight(&mut client, at).is_empty());
    }
    assert_eq!(client.connection.stats().timeouts, 9);
}

/// RFC 6347 section 4.2.4.1: a timer that had to be doubled stays so for the next flight.
//= rfc6347#4.2.4.1-2 test
#[test]
fn a_doubled_timer_stays_until_a_flight_gets_through() {
    for cookie in [false, true] {
        let mut server = server_config();
        server.address_validated = !cookie;
        let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server, 2));
        // The first hello is lost.
        flight(&mut client, nomagic_testkit::clock::origin());
        let now = client.poll_timeout().unwrap();
        client.handle_timeout(now);
        let seconds = |client: &Peer| client.poll_timeout().unwrap() - now;
        let mut timers = Vec::new();
        for _ in 0..if cookie { 3 } else { 2 } {
            let said = flight(&mut client, now);
            timers.push(seconds(&client).as_secs());
            deliver(&mut server, now, &said);
            deliver(&mut client, now, &flight(&mut server, now));
        }
        // The flight after one that had to be repeated waits as long; the one after that begins anew.
        assert_eq!(timers, if cookie { &[2, 2, 1][..] } else { &[2, 2] });
    }
}

/// A flight says no more than that its last message came, so nothing else brings back the answer.
#[test]
fn only_the_end_of_a_flight_asks_for_the_answer_again() {
    let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    let mut now = nomagic_testkit::clock::origin();
    deliver(&mut server, now, &flight(&mut client, now));
    let said = records(&flight(&mut server, now));
    deliver(&mut client, now, &said);
    let answer = flight(&mut client, now);
    for (index, record) in said.iter().enumerate() {
        now += 30 * MS;
        deliver(&mut client, now, std::slice::from_ref(record));
        let again = flight(&mut client, now);
        assert_eq!(again.len(), if index + 1 == said.len() { answer.len() } else { 0 }, "record {index}");
    }
}

/// Who knows the round trip sets the first timer.
#[test]
fn the_first_timer_can_be_set() {
    let mut config = client_config();
    config.initial_timeout = 50 * MS;
    let a = Peer::new(config, 1);
    let lost = Link::latency(10 * MS).drop_numbers(vec![0]);
    let mut pair = Pair::with_links(a, Peer::new(server_config(), 2), lost, Link::latency(10 * MS), 3);
    pair.run_until(both_connected);
    assert_eq!(pair.elapsed(), 90 * MS);
}

/// The round trip may become known late: the flight under way goes by it too, unless it was repeated already.
#[test]
fn the_first_timer_follows_the_round_trip() {
    let start = nomagic_testkit::clock::origin();
    for (round_trip, timeout) in [(0, 50), (10, 50), (60, 120), (700, 1400), (100_000, 60_000)] {
        let mut config = client_config();
        config.handshake_timeout = Duration::from_secs(600);
        let mut client = Peer::new(config, 1);
        flight(&mut client, start);
        client.connection.set_round_trip(start, round_trip * MS);
        assert_eq!(client.poll_timeout(), Some(start + timeout * MS));
        client.handle_timeout(start + timeout * MS);
        assert_eq!(flight(&mut client, start + timeout * MS).len(), 1);
        let doubled = client.poll_timeout();
        client.connection.set_round_trip(start, 3 * MS);
        assert_eq!(client.poll_timeout(), doubled);
    }
    // Known when it has long been over: at once.
    let mut client = Peer::new(client_config(), 1);
    flight(&mut client, start);
    client.connection.set_round_trip(start + 500 * MS, 10 * MS);
    assert_eq!(client.poll_timeout(), Some(start + 500 * MS));
}

/// D45: who repeats its last flight gets ours once, and again only after a while; never for ever.
#[test]
fn a_repeated_flight_is_answered_and_not_too_often() {
    let mut pair = pair(|| Link::latency(10 * MS));
    pair.run_until(both_connected);
    pair.run_quiet();
    let last = pair.ladder().rungs().filter(|rung| rung.way == Way::Out).last().unwrap().datagram.clone();
    let before = pair.counters(Way::Back).sent;
    // The very same records are replays. What is real is sealed anew.
    for _ in 0..100 {
        pair.inject(Way::Out, &last);
        pair.run_for(20 * MS);
    }
    assert_eq!(pair.counters(Way::Back).sent, before);
    assert!(pair.z.connection.stats().dropped_replay >= 100);

    // A server's flight, repeated every 20 ms as a transport inside STUN does.
    let mut client = Peer::new(client_config(), 1);
    let mut server = Peer::new(server_config(), 2);
    let mut now = nomagic_testkit::clock::origin();
    deliver(&mut server, now, &flight(&mut client, now));
    let flight4 = flight(&mut server, now);
    deliver(&mut client, now, &flight4);
    let mut answers = flight(&mut client, now).len();
    for _ in 0..200 {
        now += 20 * MS;
        deliver(&mut client, now, &flight4);
        answers += flight(&mut client, now).len();
    }
    assert!((4..12).contains(&answers), "{answers} in four seconds");
}

/// The client repeats its last flight since ours was lost: it gets it again at once.
#[test]
fn a_lost_last_flight_comes_when_the_peer_asks() {
    let a = Peer::new(client_config(), 1);
    let lost = Link::latency(10 * MS).drop_numbers(vec![1, 2]);
    let mut pair = Pair::with_links(a, Peer::new(server_config(), 2), Link::latency(10 * MS), lost, 3);
    pair.run_until(both_connected);
    let stats = pair.z.connection.stats();
    assert_eq!((stats.repeats_answered, stats.timeouts), (2, 0));
    assert_eq!(pair.elapsed(), Duration::from_millis(20 + 1000 + 2000 + 20));
}

/// D48: after two timeouts datagrams become smaller, down to 256 octets.
//= rfc6347#4.1.1.1-11 test
#[test]
fn datagrams_become_smaller_when_nothing_gets_through() {
    let narrow = || Link::latency(10 * MS).largest(300);
    let mut pair = pair(narrow);
    pair.run_until(both_connected);
    let sizes: Vec<_> = pair.ladder().rungs().map(|rung| rung.datagram.len()).collect();
    assert!(sizes.iter().any(|size| *size > 300) && sizes.iter().rev().take(4).all(|size| *size <= 300));
    assert_talks(&mut pair);
}

/// D48: not after one, which anything may have brought about; then by half for each two, and no further than 256.
//= rfc6347#4.1.1.1-11 test
#[test]
fn two_timeouts_halve_the_datagrams() {
    let mut config = wordy_client();
    config.handshake_timeout = Duration::MAX;
    let mut client = Peer::new(config, 1);
    let mut now = nomagic_testkit::clock::origin();
    for most in [1200, 1200, 600, 600, 300, 300, 256, 256, 256] {
        let largest = flight(&mut client, now).iter().map(Vec::len).max().unwrap();
        assert!(largest <= most && largest > most - 50, "{largest} octets, expected {most}");
        now = client.poll_timeout().unwrap();
        client.handle_timeout(now);
    }
}

/// RFC 6347 section 4.1.1: no datagram is larger than the path.
//= rfc6347#4.1.1-1 test
//= rfc6347#4.1.1-2 test
//= rfc6347#4.1.1.1-10 test
//= rfc6347#4.2.3-1 test
#[test]
fn no_datagram_is_larger_than_the_path() {
    for path_mtu in [256, 300, 548, 1200, 9000] {
        let client = with_mtu(client_config(), path_mtu);
        let mut pair = pair_of(client, with_mtu(server_config(), path_mtu), || Link::latency(MS));
        pair.run_until(both_connected);
        assert!(pair.ladder().rungs().all(|rung| rung.datagram.len() <= path_mtu));
    }
    let mut client = Peer::new(client_config(), 1);
    client.connection.set_path_mtu(0);
    let hello = flight(&mut client, nomagic_testkit::clock::origin());
    assert!(hello.iter().all(|datagram| datagram.len() <= 256));
}

#[test]
fn a_handshake_that_nobody_answers_ends_in_time() {
    let mut pair = pair(|| Link::new().script(|_, _| Verdict::Drop));
    pair.run_until(|pair| pair.a.is_closed());
    assert_eq!(pair.elapsed(), Duration::from_secs(60));
    assert_eq!(pair.a.closed, Some(CloseReason::Timeout { unauthenticated_alert: None }));
    assert_eq!(pair.z.poll_timeout(), None, "a server that nobody spoke to waits");
    assert_eq!(pair.a.connection.poll_event(), None::<Event>);
}

/// RFC 6347 section 4.1.1.1: a record has 2^14 octets at most, though the path would take more.
//= rfc6347#4.1.1.1-4 test
#[test]
fn no_record_is_longer_than_records_are() {
    let mut client = with_mtu(client_config(), 65_507);
    client.srtp_profiles.extend((0x2000..0x2000 + 12_000).map(nomagic_dtls::SrtpProfile));
    let mut pair = pair_of(client, with_mtu(server_config(), 65_507), || Link::latency(MS));
    pair.run_until(both_connected);
    let lengths: Vec<usize> = pair
        .ladder()
        .rungs()
        .flat_map(|rung| Records::new(&rung.datagram))
        .map(|record| record.unwrap().1.len())
        .collect();
    assert_eq!(lengths.iter().max(), Some(&(1 << 14)));
}

/// RFC 6347 section 4.2.3: the fragments of a message are all of it, once.
//= rfc6347#4.2.3-2 test
//= rfc6347#4.2.3-3 test
#[test]
fn fragments_cover_each_message_once() {
    for path_mtu in (256..320).chain([600, 1200]) {
        let client = with_mtu(wordy_client(), path_mtu);
        let mut pair = pair_of(client, with_mtu(server_config(), path_mtu), || Link::latency(MS));
        pair.run_until(both_connected);
        let (mut open, mut whole) = (None::<(FragmentHeader, u32)>, 0);
        for (header, content) in pair.ladder().rungs().flat_map(|rung| Records::new(&rung.datagram)).flatten()
        {
            if header.epoch > 0 || header.content_type != ContentType::HANDSHAKE {
                continue;
            }
            let (fragment, _, rest) = FragmentHeader::parse(content).unwrap();
            assert!(rest.is_empty());
            let (begun, end) = open.take().unwrap_or((fragment, 0));
            assert_eq!(
                (begun.kind, begun.total, begun.sequence),
                (fragment.kind, fragment.total, fragment.sequence)
            );
            assert_eq!(fragment.offset, end, "where the last one ended");
            let end = end + fragment.length;
            assert!(end == fragment.total || fragment.length >= 32, "crumbs: {fragment}");
            if end == fragment.total {
                whole += 1;
            } else {
                open = Some((begun, end));
            }
        }
        assert_eq!((open, whole), (None, 9), "all messages but the two Finished");
    }
}
