//! How losses are found and repaired: one test for each means, which fails without it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::time::Duration;

use common::*;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{Config, Controller, SendOptions};

/// The round trip of the played peer.
const TRIP: Duration = Duration::from_millis(48);
const BEFORE_THE_FIRST: u32 = u32::MAX;

/// An association that has measured its round trip and sends `packets` packets at once, unpaced.
fn sending(packets: usize) -> Played {
    let mut config = Config::default();
    config.controller = Controller::NewReno;
    config.initial_window = 20;
    let mut played = Played::up(config);
    send(&mut played, 1);
    played.now += TRIP;
    played.tell(&sack(played.tsn, 1_000_000, &[]));
    played.tsn = played.tsn.wrapping_add(1);
    let sent = send(&mut played, packets);
    assert_eq!(sent, (0..packets as u32).collect::<Vec<_>>());
    played
}

/// Gives messages of a packet each to `send`; TSNs that leave, counted from the first of the flight.
fn send(played: &mut Played, packets: usize) -> Vec<u32> {
    for k in 0..packets {
        played.end.send(played.now, 0, pattern(1100, k as u8), SendOptions::default()).unwrap();
    }
    let packets = played.hear();
    tsns(played, &packets)
}

fn tsns(played: &Played, packets: &[Vec<u8>]) -> Vec<u32> {
    let mut all = Vec::new();
    for packet in packets {
        for chunk in Packet::parse(packet).unwrap().chunks() {
            if let Ok(Chunk::Data(data)) = Chunk::parse(chunk) {
                all.push(data.tsn.wrapping_sub(played.tsn));
            }
        }
    }
    all
}

/// A SACK, and the TSNs that leave because of it.
fn acknowledge(played: &mut Played, cumulative: u32, blocks: &[(u16, u16)]) -> Vec<u32> {
    let answer = played.tell(&sack(played.tsn.wrapping_add(cumulative), 1_000_000, blocks));
    tsns(played, &answer)
}

/// The TSNs that leave next, and after how long.
fn next(played: &mut Played) -> (Vec<u32>, Duration) {
    let begin = played.now;
    loop {
        let packets = played.wait();
        let sent = tsns(played, &packets);
        if !sent.is_empty() {
            return (sent, played.now - begin);
        }
    }
}

fn window(played: &Played) -> usize {
    played.end.stats().congestion_window
}

// RACK: time finds the loss where too few SACKs come to count.
#[test]
fn a_packet_is_lost_once_a_later_one_has_arrived_and_a_quarter_of_a_round_trip_is_over() {
    let mut played = sending(3);
    played.now += TRIP;
    assert_eq!(acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, 2)]), [0; 0], "it may only be late");
    assert_eq!(next(&mut played), (vec![0], TRIP / 4));
    assert_eq!(played.end.stats().timeouts, 0);
}

// RACK: on a path that reorders, three packets beyond a hole prove nothing.
#[test]
fn once_reordering_was_seen_three_packets_beyond_a_hole_are_no_loss() {
    let mut played = sending(10);
    played.now += TRIP;
    assert_eq!(acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, 3)]), [0; 0]);
    assert_eq!(acknowledge(&mut played, 2, &[]), [0; 0], "the first was late");
    let before = window(&played);
    assert_eq!(acknowledge(&mut played, 2, &[(2, 5)]), [0; 0]);
    assert_eq!(window(&played), before);
    assert_eq!(next(&mut played), (vec![3], TRIP / 4));
}

// Tail-loss probe.
#[test]
fn the_tail_of_a_flight_is_probed_after_two_round_trips() {
    let mut played = sending(3);
    let before = window(&played);
    let (probe, after) = next(&mut played);
    assert_eq!((probe, played.end.stats().timeouts), (vec![2], 0));
    assert!((2 * TRIP..3 * TRIP).contains(&after), "{after:?}");
    // The answer to it shows the others missing, and they follow without the timer.
    played.now += TRIP;
    let mut again = acknowledge(&mut played, BEFORE_THE_FIRST, &[(3, 3)]);
    while again.len() < 2 {
        again.extend(next(&mut played).0);
    }
    assert_eq!((again, played.end.stats().timeouts), (vec![0, 1], 0));
    assert!(window(&played) < before);
}

// A retransmission is judged like any packet.
#[test]
fn a_retransmission_that_is_lost_is_found_by_what_arrives_after_it() {
    let mut played = sending(6);
    played.now += TRIP;
    assert_eq!(acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, 6)]), [0]);
    assert_eq!(send(&mut played, 2), [6, 7]);
    played.now += TRIP;
    assert_eq!(acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, 8)]), [0], "a second time");
    assert_eq!(played.end.stats().timeouts, 0);
}

// What was only late costs nothing: seen before it is sent again.
#[test]
fn a_reduction_is_taken_back_when_what_counted_as_lost_arrives_before_it_is_sent_again() {
    let mut played = sending(10);
    let before = window(&played);
    played.now += TRIP;
    let late = |cumulative: u32, blocks: &[(u16, u16)], played: &mut Played| {
        let mut datagram = packet(played.tag, &sack(played.tsn.wrapping_add(cumulative), 1_000_000, blocks));
        played.end.handle_input(played.now, &mut datagram);
    };
    late(BEFORE_THE_FIRST, &[(2, 5)], &mut played);
    assert!(window(&played) < before);
    late(4, &[], &mut played);
    assert!(window(&played) >= before, "{} of {before}", window(&played));
}

// The same, told by the peer that it has the chunk twice.
#[test]
fn a_reduction_is_taken_back_when_all_that_was_sent_again_had_arrived() {
    let mut played = sending(10);
    let before = window(&played);
    played.now += TRIP;
    assert_eq!(acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, 5)]), [0]);
    assert!(window(&played) < before);
    // Without the word of a duplicate nothing is known.
    assert_eq!(acknowledge(&mut played, 4, &[]), [0; 0]);
    assert!(window(&played) < before);
    let mut value = sack(played.tsn.wrapping_add(4), 1_000_000, &[])[4..].to_vec();
    value[11] = 1;
    value.extend_from_slice(&played.tsn.to_be_bytes());
    played.tell(&raw(3, 0, &value));
    assert!(window(&played) >= before, "{} of {before}", window(&played));
}

// Proportional rate reduction: the window of 20 falls to 10, so one packet leaves for two that arrive, all the way.
#[test]
fn the_rate_falls_in_proportion_while_losses_are_repaired() {
    let mut played = sending(20);
    played.end.send(played.now, 0, pattern(60_000, 1), SendOptions::default()).unwrap();
    played.hear();
    played.now += TRIP;
    acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, 3)]);
    let mut left = Vec::new();
    for arrived in 4..=19u16 {
        left.push(acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, arrived)]).len());
    }
    assert_eq!(left[0], 1, "the retransmission at once");
    assert!(left.iter().all(|&packets| packets <= 1), "no bursts: {left:?}");
    assert!(left.chunks(4).all(|four| four.iter().sum::<usize>() >= 1), "no silence: {left:?}");
    let sum = left.iter().sum::<usize>();
    assert!((7..=10).contains(&sum), "{sum}: {left:?}");
}

// A time-out within recovery: slow start is free to begin (the collapse of `dcsctp` and others).
#[test]
fn a_timeout_leaves_recovery_and_slow_start_begins() {
    let mut played = sending(20);
    played.now += TRIP;
    acknowledge(&mut played, BEFORE_THE_FIRST, &[(2, 5)]);
    assert_eq!(played.end.stats().recoveries, 1);
    while played.end.stats().timeouts == 0 {
        played.wait();
    }
    let packet = window(&played);
    assert!(packet < 1200, "one packet");
    // The end of recovery is far: each answer below it doubles what may fly.
    for (cumulative, least) in [(0, 2), (6, 4), (9, 6)] {
        played.now += TRIP;
        acknowledge(&mut played, cumulative, &[]);
        assert!(window(&played) >= least * packet * 9 / 10, "{cumulative}: {}", window(&played));
    }
}
