//! Messages pulled in parts, and before they are whole (RFC 9260 section 6.9).
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::collections::BTreeMap;

use bytes::Bytes;
use common::*;
use nomagic_sctp::{Config, Event, Part, Reliability, SendOptions, SnapshotRefusal};

/// Parts put together by stream, as whoever pulls them does; says what has ended.
#[derive(Default)]
struct Joined {
    open: BTreeMap<(u16, bool), Vec<u8>>,
    whole: Vec<(u16, Vec<u8>)>,
    abandoned: usize,
    parts: usize,
}

impl Joined {
    fn take(&mut self, part: &Part) {
        let key = (part.stream, part.unordered);
        assert_eq!(part.begins, !self.open.contains_key(&key), "{part:?}");
        assert!(!part.payload.is_empty() || part.abandoned);
        self.parts += 1;
        self.open.entry(key).or_default().extend_from_slice(&part.payload);
        if part.abandoned {
            assert!(part.ends);
            self.open.remove(&key);
            self.abandoned += 1;
        } else if part.ends {
            self.whole.push((part.stream, self.open.remove(&key).unwrap()));
        }
    }

    fn drain(&mut self, p: &mut Pair) {
        let now = p.now();
        while let Some(part) = p.z.receive_part(now) {
            self.take(&part);
        }
    }
}

fn parted(interleaving: bool, point: Option<usize>) -> Config {
    let mut config = Config::default();
    config.interleaving = interleaving;
    config.partial_delivery_point = point;
    config
}

// A message ten times the window, with small ones beside it, over a path that loses and reorders.
#[test]
fn a_message_larger_than_the_window_flows_through_in_parts() {
    for interleaving in [true, false] {
        let mut config = parted(interleaving, Some(10_000));
        config.receive_window = 100_000;
        let mut p = connected(&config, || link(10).loss(0.02).reordering(0.02, 5 * MS), 1);
        let (now, large) = (p.now(), pattern(1_000_000, 1));
        p.a.send(now, 1, large.clone(), SendOptions::default()).unwrap();
        for k in 0..20 {
            p.a.send(now, 2 + k % 2, pattern(500, k as u8), SendOptions::default()).unwrap();
        }
        p.a.send(now, 1, pattern(30_000, 7), SendOptions::default()).unwrap();
        let mut joined = Joined::default();
        p.must(60 * SECOND, |p| {
            joined.drain(p);
            joined.whole.len() == 22
        });
        let of = |stream| joined.whole.iter().filter(move |whole| whole.0 == stream).map(|whole| &whole.1);
        assert!(
            of(1).eq([&large[..].to_vec(), &pattern(30_000, 7)[..].to_vec()]),
            "interleaving {interleaving}"
        );
        assert!(of(2).eq(&(0..20u8).step_by(2).map(|k| pattern(500, k).to_vec()).collect::<Vec<_>>()));
        assert!(joined.parts > 40 && joined.open.is_empty(), "{} parts", joined.parts);
        assert_eq!(p.z.stats().messages_received, 22);
        // All of the window is free again.
        p.run_for(SECOND);
        assert_eq!(p.a.stats().peer_window, 100_000);
    }
}

#[test]
fn without_a_point_every_message_is_one_part() {
    let mut p = connected(&parted(true, None), || link(10), 1);
    let now = p.now();
    p.a.send(now, 1, pattern(200_000, 1), SendOptions::default()).unwrap();
    let mut joined = Joined::default();
    p.must(5 * SECOND, |p| {
        joined.drain(p);
        joined.whole.len() == 1
    });
    assert_eq!((joined.parts, &joined.whole[0].1[..]), (1, &pattern(200_000, 1)[..]));
}

// Its first packet is lost, and the message behind it grows large meanwhile.
#[test]
fn an_ordered_message_waits_for_the_one_before_it_in_parts_too() {
    for interleaving in [true, false] {
        let out = link(10).drop_nth(|datagram| datagram.len() > 1000, 1);
        let mut p = connected_over(&parted(interleaving, Some(1000)), out, link(10), 1);
        let now = p.now();
        for (size, seed) in [(3000, 1), (100_000, 2)] {
            p.a.send(now, 1, pattern(size, seed), SendOptions::default()).unwrap();
        }
        let mut joined = Joined::default();
        p.must(5 * SECOND, |p| {
            joined.drain(p);
            joined.whole.len() == 2
        });
        assert_eq!(joined.whole[0].1[..], pattern(3000, 1)[..]);
        assert_eq!(joined.whole[1].1[..], pattern(100_000, 2)[..]);
    }
}

// The peer gives up a message that was begun: whoever pulled its first part hears of it, and what follows is not mixed up.
#[test]
fn a_message_given_up_ends_its_parts() {
    for interleaving in [true, false] {
        let config = parted(interleaving, Some(1000));
        let mut p = connected_over(&config, link(10).drop_numbers((20..25).collect()), link(10), 1);
        let (now, once) = (p.now(), Reliability::MaxRetransmits(0));
        let options = SendOptions { reliability: once, ..SendOptions::default() };
        p.a.send(now, 1, pattern(100_000, 1), options).unwrap();
        p.a.send(now, 1, pattern(5000, 2), SendOptions::default()).unwrap();
        let mut joined = Joined::default();
        p.must(5 * SECOND, |p| {
            joined.drain(p);
            !joined.whole.is_empty()
        });
        assert_eq!((joined.abandoned, joined.open.len()), (1, 0), "interleaving {interleaving}");
        assert_eq!(joined.whole[0].1[..], pattern(5000, 2)[..]);
    }
}

#[test]
fn what_was_begun_in_parts_is_passed_over_by_receive_and_keeps_from_being_taken_down() {
    let mut p = connected(&parted(true, Some(1000)), || link(10), 1);
    let now = p.now();
    p.a.send(now, 1, pattern(300_000, 1), SendOptions::default()).unwrap();
    let mut first = None;
    p.must(SECOND, |p| {
        let now = p.now();
        first = first.take().or_else(|| p.z.receive_part(now));
        first.is_some()
    });
    let first = first.unwrap();
    assert!(first.begins && !first.ends && first.payload.len() >= 1000);
    assert!(std::iter::from_fn(|| p.z.poll_event()).any(|event| event == Event::Readable));
    let now = p.now();
    p.a.send(now, 2, Bytes::from_static(b"whole"), SendOptions::default()).unwrap();
    p.run_for(3 * SECOND);
    let now = p.now();
    assert_eq!(p.z.receive(now).unwrap().payload, "whole");
    assert_eq!(p.z.receive(now), None);
    let z = std::mem::replace(
        &mut p.z.0,
        nomagic_sctp::Association::new(Config::default(), &mut nomagic_testkit::rng(9)),
    );
    let (mut z, refusal) = z.into_snapshot(now).unwrap_err();
    assert_eq!(refusal, SnapshotRefusal::PartlyPulled);
    let rest = z.receive_part(now).unwrap();
    assert!(!rest.begins && rest.ends && !rest.abandoned);
    assert_eq!([&first.payload[..], &rest.payload[..]].concat(), pattern(300_000, 1)[..]);
    assert!(z.into_snapshot(now).is_ok());
}

// What the end leaves is pulled like anything else.
#[test]
fn parts_can_be_pulled_after_the_end() {
    let mut p = connected(&parted(true, Some(1000)), || link(10), 1);
    let now = p.now();
    p.a.send(now, 1, pattern(50_000, 1), SendOptions::default()).unwrap();
    p.a.shutdown(now);
    p.run_for(5 * SECOND);
    let mut joined = Joined::default();
    joined.drain(&mut p);
    assert_eq!(joined.whole[0].1[..], pattern(50_000, 1)[..]);
}
