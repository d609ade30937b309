//! How long a small message takes beside a bulk transfer that fills the path.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
mod common;

use std::time::{Duration, Instant};

use common::*;
use nomagic_sctp::{Association, Config, Controller, SendOptions};
use nomagic_testkit::bottleneck::Bottleneck;
use nomagic_testkit::rng;

/// Streams of the bulk transfer and of the small messages.
const BULK: u16 = 0;
const PING: u16 = 1;
const MBIT: u64 = 100;

/// What a path of 100 Mbit/s and 50 ms did in 30 s.
#[derive(Debug)]
struct Outcome {
    /// Of the small messages and their echoes, ascending; the first seconds do not count.
    trips: Vec<Duration>,
    mbit: usize,
}

impl Outcome {
    fn percentile(&self, share: usize) -> Duration {
        self.trips[self.trips.len() * share / 100]
    }
}

/// `queue`: octets that the bottleneck holds before it drops.
fn beside_bulk(config: &Config, queue: usize) -> Outcome {
    let path = || link(25).rate(MBIT * 1_000_000, queue);
    let end = |seed| End(Association::new(config.clone(), &mut rng(seed)));
    let mut net = Bottleneck::new(vec![(end(1), end(2))], path(), path(), 1);
    let start = net.now();
    net.a[0].connect(start);
    let payload = pattern(256 * 1024, 1);
    let (mut asked, mut trips, mut octets): (Vec<Instant>, _, _) = (Vec::new(), Vec::new(), 0);
    net.run_for(30 * SECOND, |net| {
        let now = net.now();
        let (a, z) = (&mut net.a[0], &mut net.z[0]);
        while a.buffered_amount(BULK) < 512 << 10
            && a.send(now, BULK, payload.clone(), SendOptions::default()).is_ok()
        {}
        if asked.last().is_none_or(|&last| now >= last + 100 * MS) {
            let number = (asked.len() as u64).to_be_bytes().to_vec();
            asked.push(now);
            a.send(now, PING, number.into(), SendOptions::default()).unwrap();
        }
        while let Some(message) = z.receive(now) {
            octets += message.payload.len();
            if message.stream == PING {
                z.send(now, PING, message.payload, SendOptions::default()).unwrap();
            }
        }
        while let Some(message) = a.receive(now) {
            let number = u64::from_be_bytes(message.payload[..].try_into().unwrap());
            let sent = asked[number as usize];
            if sent > start + 2 * SECOND {
                trips.push(now - sent);
            }
        }
    });
    trips.sort_unstable();
    Outcome { trips, mbit: octets * 8 / 30_000_000 }
}

/// One and a half round trips.
const BAR: Duration = Duration::from_millis(75);

fn with(controller: Controller) -> Config {
    let mut config = Config::default();
    config.controller = controller;
    config
}

/// Octets of one product of rate and round trip.
const PRODUCT: usize = (MBIT * 125 * 50) as usize;

// CUBIC fills whatever queue there is before it drops, so the bar asks for one of half a product at most.
#[test]
fn beside_cubic_a_small_message_waits_for_the_queue_of_the_path_only() {
    let outcome = beside_bulk(&with(Controller::default()), PRODUCT / 2);
    let (most, mbit) = (outcome.percentile(95), outcome.mbit);
    assert!(outcome.trips.len() > 250 && most <= BAR && mbit >= 90, "{most:?} at {mbit} Mbit/s");
}

// The model keeps queues short, however deep they could be.
#[test]
fn beside_the_model_a_small_message_waits_for_nothing() {
    for queue in [PRODUCT, 4 * PRODUCT] {
        let outcome = beside_bulk(&with(Controller::Model), queue);
        let (most, mbit) = (outcome.percentile(95), outcome.mbit);
        assert!(outcome.trips.len() > 250 && most <= BAR && mbit >= 85, "{most:?} at {mbit} Mbit/s");
    }
}

// Without I-DATA it waits for the message begun: 21 ms of it, at this rate.
#[test]
fn without_interleaving_it_waits_for_the_message_begun() {
    let medians = [true, false].map(|interleaving| {
        let mut config = with(Controller::default());
        config.interleaving = interleaving;
        beside_bulk(&config, PRODUCT / 8).percentile(50)
    });
    assert!(medians[1] > medians[0] + 8 * MS, "{medians:?}");
}
