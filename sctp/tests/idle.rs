//! What an association holds that has nothing to do.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use std::mem::size_of;
use std::sync::Arc;

use common::*;
use nomagic_sctp::{Association, Config, SendOptions};
use nomagic_testkit::{alloc, rng};

/// Octets of an association that has nothing to do, itself included.
const MOST: usize = 2048;

/// Hands packets to and fro until there are none.
fn settle(ends: &mut [Association; 2], now: std::time::Instant) {
    let mut packet = Vec::with_capacity(2000);
    while (0..2).any(|way| {
        packet.clear();
        let sent = ends[way].poll_transmit(now, &mut packet).is_some();
        if sent {
            ends[1 - way].handle_input(now, &mut packet);
        }
        sent
    }) {}
    for end in ends {
        while end.poll_event().is_some() {}
    }
}

/// Octets held by one of two ends that did `work`, and have said nothing since for a minute.
fn held(config: &Arc<Config>, work: impl FnOnce(&mut [Association; 2], &mut std::time::Instant)) -> usize {
    let mut kept = None;
    let counted = alloc::count(|| {
        let mut now = nomagic_testkit::clock::origin();
        let mut ends = [1, 2].map(|seed| Association::new(Arc::clone(config), &mut rng(seed)));
        ends[0].connect(now);
        settle(&mut ends, now);
        work(&mut ends, &mut now);
        for _ in 0..60 {
            now += SECOND;
            ends.iter_mut().for_each(|end| end.handle_timeout(now));
            settle(&mut ends, now);
        }
        kept = Some(ends);
    });
    let held = usize::try_from(counted.held).unwrap() / 2 + size_of::<Association>();
    assert!(kept.is_some_and(|ends| ends.iter().all(|end| end.stats().srtt.is_some())));
    held
}

/// Messages of all sizes on some streams, both ways, in bursts that fill rings and reassembly, some lost.
fn traffic(ends: &mut [Association; 2], now: &mut std::time::Instant) {
    for size in [1, 100, 1000, 20_000, 300_000] {
        for stream in 0..4 {
            for end in ends.iter_mut() {
                end.send(*now, stream, pattern(size, 1), SendOptions::default()).unwrap();
            }
        }
        for k in 0..2000 {
            let mut packet = Vec::new();
            if ends[k % 2].poll_transmit(*now, &mut packet).is_some() && k % 50 != 7 {
                ends[1 - k % 2].handle_input(*now, &mut packet);
            }
            if k % 8 == 0 {
                *now += MS;
                ends.iter_mut().for_each(|end| end.handle_timeout(*now));
            }
            ends.iter_mut().for_each(|end| while end.receive(*now).is_some() {});
        }
    }
    for _ in 0..2000 {
        *now += 10 * MS;
        ends.iter_mut().for_each(|end| end.handle_timeout(*now));
        settle(ends, *now);
        ends.iter_mut().for_each(|end| while end.receive(*now).is_some() {});
    }
    assert!(ends.iter().all(|end| end.stats().messages_received == 20), "{:?}", ends[0].stats());
    ends[0].reset_streams(*now, &[3]).unwrap();
    settle(ends, *now);
}

#[test]
fn an_idle_association_holds_two_kilobytes_before_and_after_traffic() {
    let config = Arc::new(Config::default());
    let (fresh, used) = (held(&config, |_, _| ()), held(&config, traffic));
    println!("fresh {fresh}, after traffic {used}, of which {} itself", size_of::<Association>());
    assert!(fresh <= MOST && used <= MOST, "fresh {fresh}, after traffic {used}");
}
