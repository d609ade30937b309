//! Setting up: collisions, losses, restarts, silence.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::*;
use nomagic_sctp::{Association, AssociationState, CloseReason, Config, Event, SendOptions};
use nomagic_testkit::link::{Link, Verdict};

const OPTIONS: SendOptions =
    SendOptions { ppid: 51, unordered: false, reliability: nomagic_sctp::Reliability::Reliable };

// Case 10.
#[test]
fn simultaneous_init_ends_in_one_association_whatever_of_the_first_six_packets_is_lost() {
    for losses in 0..64u64 {
        for both in [true, false] {
            let lost =
                |way: u64| (0..3).filter(|k| losses >> (2 * k + way) & 1 != 0).map(|k| k as usize).collect();
            let (out, back) = (link(25).drop_numbers(lost(0)), link(25).drop_numbers(lost(1)));
            let mut p = pair_over(&Config::default(), out, back, losses);
            let now = p.now();
            p.a.connect(now);
            if both {
                p.z.connect(now);
            }
            p.must(30 * SECOND, |p| both_up(p));
            p.run_for(5 * SECOND);
            assert!(both_up(&p));
            assert_eq!(events(&mut p.a), [Event::Connected], "losses {losses:b}");
            assert_eq!(events(&mut p.z), [Event::Connected], "losses {losses:b}");
            let now = p.now();
            p.a.send(now, 1, pattern(3000, 7), OPTIONS).unwrap();
            p.z.send(now, 1, pattern(3000, 8), OPTIONS).unwrap();
            let mut got = (None, None);
            p.must(5 * SECOND, |p| {
                let now = p.now();
                got.0 = got.0.take().or_else(|| p.a.receive(now));
                got.1 = got.1.take().or_else(|| p.z.receive(now));
                got.0.is_some() && got.1.is_some()
            });
        }
    }
}

// Case 11.
//= rfc9260#5.2.2-1 test
//= rfc9260#5.2.2-7 test
//= rfc9260#5.2.4-5 test
#[test]
fn a_peer_that_restarts_is_taken_in_and_both_sides_can_talk() {
    let mut p = connected(&Config::default(), || link(10), 3);
    let now = p.now();
    events(&mut p.a);
    p.a.send(now, 0, pattern(3000, 9), OPTIONS).unwrap();
    p.z.0 = Association::new(Config::default(), &mut nomagic_testkit::rng(99));
    p.z.connect(now);
    p.must(10 * SECOND, |p| both_up(p));
    p.run_for(SECOND);
    assert_eq!(events(&mut p.a)[0], Event::Restarted);
    assert_eq!(p.a.buffered_amount(0), 0);
    let now = p.now();
    p.a.send(now, 0, pattern(3000, 7), OPTIONS).unwrap();
    p.z.send(now, 0, pattern(3000, 8), OPTIONS).unwrap();
    p.run_for(SECOND);
    let now = p.now();
    assert_eq!(p.z.receive(now).unwrap().payload, pattern(3000, 7));
    assert_eq!(p.a.receive(now).unwrap().payload, pattern(3000, 8));
}

/// What was queued is given up with its turns: a message that was being sent holds nobody up, with I-DATA and without.
#[test]
fn a_restart_in_the_middle_of_messages_forgets_whose_turn_it_is() {
    for interleaving in [false, true] {
        let mut config = Config::default();
        config.interleaving = interleaving;
        let mut p = connected(&config, || link(10), 3);
        let now = p.now();
        for stream in [5, 6] {
            p.a.send(now, stream, pattern(200_000, 9), OPTIONS).unwrap();
        }
        p.run_for(5 * MS);
        assert!(p.a.buffered_amount(5) > 0, "the first is on its way");
        let now = p.now();
        p.z.0 = Association::new(config, &mut nomagic_testkit::rng(99));
        p.z.connect(now);
        p.must(10 * SECOND, |p| both_up(p));
        p.run_for(SECOND);
        let now = p.now();
        for stream in [1, 5] {
            p.a.send(now, stream, pattern(30_000, 7), OPTIONS).unwrap();
        }
        p.run_for(SECOND);
        let now = p.now();
        let came: Vec<_> = drain(&mut p.z, now).into_iter().map(|m| (m.stream, m.payload)).collect();
        assert_eq!(came, [(1, pattern(30_000, 7)), (5, pattern(30_000, 7))]);
    }
}

#[test]
fn nobody_there_ends_the_attempt() {
    let mut p = pair(&Config::default(), || link(1).loss(1.0), 1);
    let now = p.now();
    p.a.connect(now);
    p.must(120 * SECOND, |p| p.a.is_closed());
    assert_eq!(events(&mut p.a), [Event::Closed(CloseReason::SetupTimeout)]);
}

// Case 38.
#[test]
fn an_hour_of_silence_keeps_the_association_and_a_vanished_peer_ends_it() {
    let gone = Arc::new(AtomicBool::new(false));
    let breaks = || -> Link {
        let gone = Arc::clone(&gone);
        link(10)
            .script(move |_, _| if gone.load(Ordering::Relaxed) { Verdict::Drop } else { Verdict::Deliver })
    };
    let mut p = connected(&Config::default(), breaks, 5);
    p.run_for(3600 * SECOND);
    assert!(both_up(&p));
    gone.store(true, Ordering::Relaxed);
    p.must(180 * SECOND, |p| p.a.state() == AssociationState::Ended);
    let last = events(&mut p.a).pop();
    assert_eq!(last, Some(Event::Closed(CloseReason::PeerUnreachable)));
}

// Case 37.
#[test]
fn shutdown_delivers_everything_and_closes_both_whatever_is_lost() {
    for seed in 0..40 {
        let mut p = connected(&Config::default(), || link(20).loss(0.2), seed);
        let now = p.now();
        for k in 0..20 {
            p.a.send(now, 3, pattern(2000, k), OPTIONS).unwrap();
            p.z.send(now, 3, pattern(2000, k), OPTIONS).unwrap();
        }
        p.a.shutdown(now);
        if seed % 2 == 0 {
            p.z.shutdown(now);
        }
        p.must(60 * SECOND, |p| p.a.is_closed() && p.z.is_closed());
        let now = p.now();
        for side in [&mut p.a, &mut p.z] {
            let got: Vec<_> = drain(side, now).into_iter().map(|m| m.payload).collect();
            assert_eq!(got, (0..20).map(|k| pattern(2000, k)).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(events(side).pop(), Some(Event::Closed(CloseReason::Shutdown)), "seed {seed}");
        }
    }
}
