//! Messages over clean, lossy and reordering links, and what a path carries.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use nomagic_sctp::{Config, Controller, Event, Received, Reliability, SendError, SendOptions, Stats};
use nomagic_testkit::link::Link;

/// Sends messages of many sizes both ways and compares what arrives.
fn exchange(link: impl Fn() -> Link, seed: u64, unordered: bool, limit: Duration) {
    let mut p = connected(&Config::default(), link, seed);
    let sizes = [1usize, 2, 100, 1163, 1135, 1136, 5000, 70_000, 1 << 20, 3, 40_000];
    let options = SendOptions { ppid: 53, unordered, ..SendOptions::default() };
    let wanted: Vec<(u16, Bytes)> =
        sizes.iter().enumerate().map(|(k, &n)| ((k % 3) as u16, pattern(n, k as u8))).collect();
    let mut queues = [wanted.clone(), wanted.clone()];
    queues.iter_mut().for_each(|q| q.reverse());
    let mut got: [Vec<Received>; 2] = Default::default();
    p.must(limit, |p| {
        let now = p.now();
        for (end, (queue, got)) in [&mut p.a, &mut p.z].into_iter().zip(queues.iter_mut().zip(&mut got)) {
            while let Some((stream, payload)) = queue.last() {
                match end.send(now, *stream, payload.clone(), options) {
                    Ok(()) => queue.truncate(queue.len() - 1),
                    Err(SendError::WouldBlock { .. }) => break,
                    Err(other) => panic!("{other}"),
                }
            }
            got.extend(drain(end, now));
        }
        got.iter().all(|got| got.len() >= sizes.len())
    });
    for got in got {
        let mut got: Vec<_> = got.into_iter().map(|m| (m.stream, m.payload)).collect();
        let mut wanted = wanted.clone();
        if unordered {
            wanted.sort();
            got.sort();
        } else {
            // Stable: the order within a stream stays.
            wanted.sort_by_key(|m| m.0);
            got.sort_by_key(|m| m.0);
        }
        assert!(got == wanted);
    }
}

#[test]
fn messages_arrive_whole_and_in_order_over_every_link() {
    for unordered in [false, true] {
        for seed in 0..4 {
            exchange(|| link(25), seed, unordered, 20 * SECOND);
            exchange(|| link(25).loss(0.05), seed, unordered, 60 * SECOND);
            exchange(|| link(25).loss(0.2), seed, unordered, 300 * SECOND);
            exchange(|| link(25).reordering(0.02, 12 * MS), seed, unordered, 20 * SECOND);
            exchange(|| link(25).duplication(0.1), seed, unordered, 20 * SECOND);
            exchange(|| link(300), seed, unordered, 30 * SECOND);
        }
    }
}

// Case 23.
//= rfc9260#6.10-1 test
#[test]
fn no_packet_passes_the_mtu_whatever_the_message_size() {
    for mtu in [256, 600, 1163] {
        let mut config = Config::default();
        config.path_mtu = mtu;
        let narrow = || Link::latency(MS).largest(mtu).loss(0.01);
        let mut p = connected(&config, narrow, 1);
        for size in (1..3000).step_by(7) {
            let now = p.now();
            p.a.send(now, 0, pattern(size, 1), SendOptions::default()).unwrap();
            if size % 5 == 0 {
                p.must(60 * SECOND, |p| {
                    let now = p.now();
                    drain(&mut p.z, now);
                    p.a.buffered_amount(0) == 0 && p.a.stats().outstanding == 0
                });
            }
        }
        let lost = p.ladder().to_string();
        assert!(!lost.contains("too large"));
    }
}

fn goodput(rtt_ms: u64, mbit: u64, out: impl Fn(Link) -> Link, seconds: u32) -> (f64, Stats) {
    goodput_of(Controller::default(), rtt_ms, mbit, out, seconds)
}

fn goodput_of(
    controller: Controller,
    rtt_ms: u64,
    mbit: u64,
    out: impl Fn(Link) -> Link,
    seconds: u32,
) -> (f64, Stats) {
    let rate = mbit * 1_000_000;
    let queue = ((rate / 8 * rtt_ms / 1000) as usize).max(65_536);
    let path = || link(rtt_ms / 2).rate(rate, queue);
    let mut config = Config::default();
    config.controller = controller;
    let mut p = connected_over(&config, out(path()), path(), 1).ladder_lines(0);
    let payload = pattern(16 * 1024, 1);
    let mut octets = 0usize;
    p.run(seconds * SECOND, |p| {
        let now = p.now();
        while p.a.send(now, 0, payload.clone(), SendOptions::default()).is_ok() {}
        octets += drain(&mut p.z, now).iter().map(|m| m.payload.len()).sum::<usize>();
        false
    });
    (octets as f64 * 8.0 / 1e6 / f64::from(seconds), p.a.stats())
}

// Cases 18, 19 and 24.
#[test]
fn a_clean_path_behind_a_short_queue_is_filled() {
    for (rtt, rate, least) in [(50, 100, 0.9), (20, 20, 0.9), (200, 20, 0.8), (100, 50, 0.9)] {
        let (mbit, stats) = goodput(rtt, rate, |link| link, 20);
        println!("{rtt} ms {rate} Mbit/s clean: {mbit:.1}");
        assert!(mbit >= least * rate as f64, "{mbit} of {rate}: {stats:?}");
    }
}

// Case 20.
#[test]
fn mild_reordering_does_not_slow_a_path_down() {
    let (mbit, stats) = goodput(50, 100, |link| link.reordering(0.02, 12 * MS), 20);
    println!("2 % reordering: {mbit:.1}");
    assert!(mbit > 80.0, "{mbit}: {stats:?}");
    assert!(stats.retransmissions * 50 < stats.data_chunks_sent, "{stats:?}");
}

#[test]
fn the_model_based_controller_keeps_its_rate_under_random_loss() {
    for (loss, least) in [(0.0, 85.0), (0.01, 40.0), (0.05, 30.0)] {
        let (mbit, stats) = goodput_of(Controller::Model, 50, 100, |link| link.loss(loss), 20);
        println!("model, loss {loss}: {mbit:.1}");
        assert!(mbit >= least, "loss {loss}: {mbit}: {stats:?}");
    }
}

#[test]
fn random_loss_costs_what_newreno_says_and_not_more() {
    let (mbit, stats) = goodput(50, 100, |link| link.loss(0.01), 20);
    println!("1 % loss: {mbit:.1}");
    assert!(mbit > 2.0, "{mbit}: {stats:?}");
}

// Cases 29 and 35.
//= rfc8831#5-1 test
//= rfc8831#6.1-6 test
//= rfc8831#6.1-7 test
#[test]
fn partial_reliability_skips_what_is_lost_and_never_stalls() {
    for seed in 0..20 {
        for reliability in [Reliability::MaxRetransmits(0), Reliability::Lifetime(60 * MS)] {
            for unordered in [false, true] {
                let mut p = connected(&Config::default(), || link(20).loss(0.15), seed);
                let options = SendOptions { ppid: 53, unordered, reliability };
                let mut got = Vec::new();
                for id in 0..300u16 {
                    let mut payload = pattern(3000, 0).to_vec();
                    payload[..2].copy_from_slice(&id.to_be_bytes());
                    let now = p.now();
                    p.a.send(now, 1, payload.into(), options).unwrap();
                    p.run_for(10 * MS);
                    let now = p.now();
                    got.extend(drain(&mut p.z, now));
                }
                let reliable = SendOptions { ppid: 99, ..SendOptions::default() };
                let now = p.now();
                p.a.send(now, 1, pattern(10, 1), reliable).unwrap();
                p.must(30 * SECOND, |p| {
                    let now = p.now();
                    got.extend(drain(&mut p.z, now));
                    got.iter().any(|m| m.ppid == 99)
                });
                got.retain(|m| m.ppid == 53);
                let ids: Vec<u16> =
                    got.iter().map(|m| u16::from_be_bytes([m.payload[0], m.payload[1]])).collect();
                assert!(got.iter().all(|m| m.payload[2..] == pattern(3000, 0)[2..]), "none has a hole");
                assert!(unordered || ids.is_sorted_by(|a, b| a < b));
                assert!(ids.len() >= 40, "{} of 300, {:?}", ids.len(), p.a.stats());
                let stats = p.a.stats();
                // What comes in any order may still be under way.
                let missing = if unordered { 1 } else { 300 - ids.len() as u64 };
                assert!(stats.messages_abandoned() >= missing, "{missing}: {stats:?}");
                let timed = matches!(reliability, Reliability::Lifetime(_));
                let other = if timed { stats.exhausted } else { stats.expired_sent + stats.expired_unsent };
                assert_eq!(other + stats.displaced, 0);
                assert_eq!(p.a.buffered_amount(1), 0);
            }
        }
    }
}

// Case 25.
#[test]
fn a_message_near_or_above_the_window_is_delivered_whatever_packet_is_lost() {
    for percent in [85, 90, 95, 99, 100, 101, 150] {
        for drop in 0..12 {
            let mut config = Config::default();
            config.receive_window = 65_536;
            let out = link(10).drop_numbers(vec![4 + drop * 5]);
            let mut p = connected_over(&config, out, link(10), drop as u64);
            let payload = pattern(65_536 * percent / 100, 1);
            let now = p.now();
            for _ in 0..3 {
                p.a.send(now, 0, payload.clone(), SendOptions::default()).unwrap();
            }
            let mut got = Vec::new();
            p.must(60 * SECOND, |p| {
                let now = p.now();
                got.extend(drain(&mut p.z, now));
                got.len() == 3
            });
            assert!(got.iter().all(|m| m.payload == payload));
        }
    }
}

// Case 26.
#[test]
fn a_reader_who_pauses_stops_the_sender_and_lets_it_go_on() {
    let mut config = Config::default();
    config.receive_window = 30_000;
    let mut p = connected(&config, || link(10), 1);
    let now = p.now();
    for k in 0..100 {
        p.a.send(now, 0, pattern(1000, k), SendOptions::default()).unwrap();
    }
    p.run_for(300 * SECOND);
    assert!(p.a.buffered_amount(0) > 60_000);
    assert!(p.delivered().1 < 200, "no storm of SACKs: {:?}", p.delivered());
    let mut got = Vec::new();
    p.must(2 * SECOND, |p| {
        let now = p.now();
        got.extend(drain(&mut p.z, now));
        got.len() == 100
    });
    assert!((0..100).all(|k| got[k as usize].payload == pattern(1000, k)));
}

// Steady state: neither side allocates anything, whatever the messages' size, once the application drops what it pulls.
#[test]
fn packets_cost_no_allocations_in_steady_state() {
    for interleaving in [true, false] {
        for size in [1, 100, 1000, 16 * 1024, 100_000] {
            costs_nothing(interleaving, size);
        }
    }
}

fn costs_nothing(interleaving: bool, size: usize) {
    let mut config = Config::default();
    config.interleaving = interleaving;
    let mut p = connected(&config, || link(5), 1).ladder_lines(0);
    let payload = pattern(size, 1);
    let mut packet = Vec::with_capacity(2000);
    let mut rounds = |p: &mut Pair, rounds: usize| {
        let mut count = 0u64;
        for _ in 0..rounds {
            let now = p.now();
            p.a.send(now, 0, payload.clone(), SendOptions::default()).unwrap();
            loop {
                packet.clear();
                if p.a.poll_transmit(now, &mut packet).is_some() {
                    p.z.0.handle_input(now, &mut packet);
                } else if p.z.poll_transmit(now, &mut packet).is_some() {
                    p.a.0.handle_input(now, &mut packet);
                } else {
                    break;
                }
                count += 1;
            }
            assert_eq!(p.z.receive(now).unwrap().payload.len(), payload.len());
        }
        count
    };
    rounds(&mut p, 50);
    let mut packets = 0;
    let counted = nomagic_testkit::alloc::count(|| packets = rounds(&mut p, 100));
    assert_eq!(
        counted.count, 0,
        "{counted:?} for {packets} packets, messages of {size}, interleaving {interleaving}"
    );
}

/// The event of an association: once for each fall to the mark, and for that stream alone.
#[test]
fn a_buffered_amount_that_falls_to_its_mark_is_told() {
    let mut p = connected(&Config::default(), || link(50), 1);
    let now = p.now();
    p.a.set_buffered_amount_low_threshold(3, 10_000);
    events(&mut p.a);
    p.a.send(now, 3, pattern(100_000, 1), SendOptions::default()).unwrap();
    assert!(events(&mut p.a).is_empty());
    p.run_until(|p| p.a.buffered_amount(3) <= 10_000);
    assert_eq!(events(&mut p.a), [Event::BufferedAmountLow { stream: 3 }]);
    p.run_until(|p| p.a.buffered_amount(3) == 0);
    assert!(events(&mut p.a).is_empty());
}

/// What is kept for retransmission counts against the send buffer until it is acknowledged cumulatively, octet by octet: the
/// peer may take back what a gap block says.
#[test]
fn the_send_buffer_has_room_again_for_what_is_acknowledged() {
    let mut config = Config::default();
    config.send_buffer = 40_000;
    let mut played = Played::up(config);
    let fill = |played: &mut Played| {
        let send = |played: &mut Played| {
            played.end.send(played.now, 1, pattern(1000, 1), SendOptions::default()).is_ok()
        };
        let taken = (0..100).take_while(|_| send(played)).count();
        played.hear();
        taken
    };
    let first = played.tsn.wrapping_sub(1);
    let whole = fill(&mut played);
    assert!((30..40).contains(&whole), "{whole}");
    assert_eq!(fill(&mut played), 0);
    for (acknowledged, blocks, freed) in
        [(3, &[][..], 3), (3, &[(2, 4)][..], 0), (4, &[(2, 3)][..], 1), (7, &[], 3)]
    {
        played.tell(&sack(first.wrapping_add(acknowledged), 100_000, blocks));
        assert_eq!(fill(&mut played), freed, "up to {acknowledged}");
    }
}
