//! How long a small message takes beside bulk: 8 octets there and back each 100 ms, beside messages of 256 KB.

use std::time::{Duration, Instant};

use bytes::Bytes;
use nomagic_sctp::{Controller, SendOptions};
use nomagic_testkit::bottleneck::Bottleneck;
use nomagic_testkit::link::Link;

use crate::cell;

const TRIP: Duration = Duration::from_millis(50);
const MBIT: u64 = 100;
/// Octets of rate times round trip.
const PRODUCT: usize = 100 * 125 * 50;
const EVERY: Duration = Duration::from_millis(100);
const BULK: u16 = 0;
const PING: u16 = 1;

/// The contender, the queue of the bottleneck in hundredths of a product, and whether the bar is meant for it: CUBIC fills
/// whatever queue there is, so nobody beside it is faster than that queue.
const ROWS: [(Controller, usize, bool); 5] = [
    (Controller::Cubic, 50, true),
    (Controller::Cubic, 100, false),
    (Controller::NewReno, 50, true),
    (Controller::Model, 100, true),
    (Controller::Model, 400, true),
];

/// Prints every row, and says whether the bar of one and a half round trips is met.
pub(crate) fn all_met(verdict: impl Fn(bool, &str) -> bool) -> bool {
    let mut met = true;
    for (controller, queue, judged) in ROWS {
        let (trips, mbit) = beside_bulk(controller, PRODUCT * queue / 100);
        let at = |share: usize| trips.get(trips.len() * share / 100).copied().unwrap_or(Duration::MAX);
        let what = format!(
            "ping beside {mbit} Mbit/s of {controller:?}, {} ms, queue of {queue} % of a product: median {:.1} ms, 95 % {:.1} ms",
            TRIP.as_millis(),
            at(50).as_secs_f64() * 1e3,
            at(95).as_secs_f64() * 1e3
        );
        if judged {
            met &= verdict(at(95) <= TRIP * 3 / 2, &format!("{what}, at most 75.0"));
        } else {
            println!("---- {what}");
        }
    }
    met
}

/// Round trips of the small messages in ascending order, and the Mbit/s beside them.
fn beside_bulk(controller: Controller, queue: usize) -> (Vec<Duration>, usize) {
    let path = || Link::latency(TRIP / 2).rate(MBIT * 1_000_000, queue);
    let mut net = Bottleneck::new(vec![cell::pair(controller, 1)], path(), path(), 1);
    let start = net.now();
    let bulk = Bytes::from(vec![7; 256 * 1024]);
    let (mut asked, mut trips, mut octets): (Vec<Instant>, _, _) = (Vec::new(), Vec::new(), 0);
    net.run_for(30 * Duration::from_secs(1), |net| {
        let now = net.now();
        let [Some(a), Some(z)] = [net.a.first_mut(), net.z.first_mut()] else { return };
        let (a, z) = (&mut a.association, &mut z.association);
        let options = SendOptions::default();
        while a.buffered_amount(BULK) < 512 << 10 && a.send(now, BULK, bulk.clone(), options).is_ok() {}
        if asked.last().is_none_or(|&last| now >= last + EVERY) {
            let number = Bytes::copy_from_slice(&asked.len().to_be_bytes());
            if a.send(now, PING, number, options).is_ok() {
                asked.push(now);
            }
        }
        while let Some(message) = z.receive(now) {
            octets += message.payload.len();
            if message.stream == PING {
                let _ = z.send(now, PING, message.payload, options);
            }
        }
        while let Some(message) = a.receive(now) {
            let number = message.payload.as_ref().try_into().map(usize::from_be_bytes);
            // The first seconds are slow start.
            if let Some(&sent) = number.ok().and_then(|number| asked.get(number))
                && sent > start + Duration::from_secs(2)
            {
                trips.push(now - sent);
            }
        }
    });
    trips.sort_unstable();
    (trips, octets * 8 / 30_000_000)
}
