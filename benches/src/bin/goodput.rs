//! What paths carry: tables over round trip, rate and impairment, on the virtual clock, behind a drop-tail queue of one
//! product of bandwidth and delay.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use nomagic_sctp::{Association, Config, Controller, SendOptions};
use nomagic_testkit::bottleneck::Bottleneck;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::rng;

const SECONDS: u32 = 20;
const TRIPS: [u64; 4] = [10, 50, 100, 200];
const RATES: [u64; 3] = [10, 100, 500];

/// An association in the test kit's terms.
struct End(Association);

impl Machine for End {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.0.handle_input(now, datagram);
    }
    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }
    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.0.poll_transmit(now, out).is_some()
    }
    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }
    fn close(&mut self, now: Instant) {
        self.0.close(now);
    }
    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
    fn drain_events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll_event()).map(|event| format!("{event:?}")).collect()
    }
    fn describe(_datagram: &[u8]) -> String {
        String::new()
    }
}

/// A path without its delay and rate.
type Impairment = (&'static str, fn(Link, Duration) -> Link);

const IMPAIRMENTS: [Impairment; 5] = [
    ("clean", |link, _| link),
    ("0.1 % lost", |link, _| link.loss(0.001)),
    ("1 % lost", |link, _| link.loss(0.01)),
    ("5 % lost", |link, _| link.loss(0.05)),
    ("2 % reordered", |link, trip| link.reordering(0.02, trip / 4)),
];

fn main() {
    println!("Mbit/s of {SECONDS} s, from the first INIT on; messages of 16 KB, windows of 32 MiB");
    println!("{:>4} {:>7} {:<14} {:>8} {:>8} {:>8}", "ms", "Mbit/s", "path", "newreno", "cubic", "model");
    for (name, impairment) in IMPAIRMENTS {
        for trip in TRIPS {
            for rate in RATES {
                print!("{trip:>4} {rate:>7} {name:<14}");
                for controller in [Controller::NewReno, Controller::Cubic, Controller::Model] {
                    print!(" {:>8.1}", goodput(controller, trip, rate, impairment));
                }
                println!();
            }
        }
    }
}

fn goodput(controller: Controller, trip_ms: u64, mbit: u64, impairment: fn(Link, Duration) -> Link) -> f64 {
    let mut config = Config::default();
    config.controller = controller;
    config.receive_window = 32 << 20;
    config.send_buffer = 32 << 20;
    let queue = usize::try_from(mbit * 125 * trip_ms).unwrap_or(usize::MAX).max(65_536);
    let trip = Duration::from_millis(trip_ms);
    let path = || Link::latency(trip / 2).rate(mbit * 1_000_000, queue);
    let end = |seed| End(Association::new(config.clone(), &mut rng(seed)));
    let mut net = Bottleneck::new(vec![(end(1), end(2))], impairment(path(), trip), path(), 1);
    let now = net.now();
    net.a.iter_mut().chain(&mut net.z).for_each(|end| end.0.connect(now));
    let payload = Bytes::from(vec![7; 16 * 1024]);
    let mut octets = 0usize;
    net.run_for(SECONDS * Duration::from_secs(1), |net| {
        let now = net.now();
        for (a, z) in net.a.iter_mut().zip(&mut net.z) {
            while a.0.buffered_amount(0) < 1 << 20
                && a.0.send(now, 0, payload.clone(), SendOptions::default()).is_ok()
            {}
            while let Some(message) = z.0.receive(now) {
                octets += message.payload.len();
            }
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "a few gigabytes")]
    let bits = octets as f64 * 8.0;
    bits / 1e6 / f64::from(SECONDS)
}
