//! A path, and what each contender gets through it.

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
#[cfg(feature = "peers")]
use nomagic_interop::associations::{Dcsctp, RtcSctp, SctpProto, Talker};
use nomagic_sctp::Controller;
use nomagic_testkit::bottleneck::Bottleneck;
use nomagic_testkit::clock;
use nomagic_testkit::link::Link;

#[cfg(feature = "peers")]
use crate::flow::Rival;
use crate::flow::{Flow, Ours};

/// Virtual seconds of a run.
pub(crate) const SECONDS: u32 = 20;
/// Real time that a contender gets for a cell: some need minutes of it for a full long path.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a path does to packets, with its round trip.
pub(crate) type Impairment = (&'static str, fn(Link, Duration) -> Link);

pub(crate) const CLEAN: Impairment = ("clean", |link, _| link);
pub(crate) const ONE_LOST: Impairment = ("1 % lost", |link, _| link.loss(0.01));
pub(crate) const REORDERED: Impairment = ("2 % reordered", |link, trip| link.reordering(0.02, trip / 4));

pub(crate) const IMPAIRMENTS: [Impairment; 5] = [
    CLEAN,
    ("0.1 % lost", |link, _| link.loss(0.001)),
    ONE_LOST,
    ("5 % lost", |link, _| link.loss(0.05)),
    REORDERED,
];

/// A path of `trip` ms and `rate` Mbit/s.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) trip: u64,
    pub(crate) rate: u64,
    pub(crate) impairment: Impairment,
}

/// Who sends, and what it got through in Mbit/s; nothing if it ran out of real time.
pub(crate) type Carried = (&'static str, Option<f64>);

/// Who sends, and how it is run.
type Contender = (&'static str, fn(Cell) -> Option<f64>);

/// In the order of the columns: ours first.
fn contenders() -> Vec<Contender> {
    vec![
        ("newreno", |cell| ours(cell, Controller::NewReno)),
        ("cubic", |cell| ours(cell, Controller::Cubic)),
        ("model", |cell| ours(cell, Controller::Model)),
        #[cfg(feature = "peers")]
        ("dcsctp", rival::<Dcsctp>),
        #[cfg(feature = "peers")]
        ("sctp-proto", rival::<SctpProto>),
        #[cfg(feature = "peers")]
        ("rtc-sctp", rival::<RtcSctp>),
    ]
}

/// How many of the contenders are ours.
pub(crate) const OURS: usize = 3;

pub(crate) fn print_header() {
    print!("{:>4} {:>7} {:<14}", "ms", "Mbit/s", "path");
    contenders().iter().for_each(|(name, _)| print!(" {name:>10}"));
    println!();
}

impl Cell {
    /// Runs all contenders and prints their row.
    pub(crate) fn print(self) -> Vec<Carried> {
        let carried: Vec<Carried> = thread::scope(|scope| {
            let running: Vec<_> =
                contenders().into_iter().map(|(name, run)| (name, scope.spawn(move || run(self)))).collect();
            running.into_iter().map(|(name, run)| (name, run.join().ok().flatten())).collect()
        });
        print!("{:>4} {:>7} {:<14}", self.trip, self.rate, self.impairment.0);
        for (_, carried) in &carried {
            match carried {
                Some(carried) => print!(" {carried:>10.1}"),
                None => print!(" {:>10}", "-"),
            }
        }
        println!();
        carried
    }

    /// Mbit/s of flows that share the path for so many virtual seconds; `make` says whether it calls and its seed.
    pub(crate) fn share<F: Flow>(self, flows: Vec<(F, F)>, seconds: u32) -> Option<Vec<f64>> {
        let queue = usize::try_from(self.rate * 125 * self.trip).unwrap_or(usize::MAX).max(65_536);
        let trip = Duration::from_millis(self.trip);
        let path = || Link::latency(trip / 2).rate(self.rate * 1_000_000, queue);
        let mut net = Bottleneck::new(flows, (self.impairment.1)(path(), trip), path(), 1);
        let message = Bytes::from(vec![7; 16 * 1024]);
        let started = Instant::now();
        for _ in 0..10 * seconds {
            net.run_for(Duration::from_millis(100), |net| {
                let now = net.now();
                for (a, z) in net.a.iter_mut().zip(&mut net.z) {
                    a.feed(now, &message);
                    z.octets(now);
                }
            });
            if started.elapsed() > PATIENCE {
                return None;
            }
        }
        let now = net.now();
        #[expect(clippy::cast_precision_loss, reason = "a few gigabytes")]
        let rate = |octets: usize| octets as f64 * 8.0 / 1e6 / f64::from(seconds);
        Some(net.z.iter_mut().map(|end| rate(end.octets(now))).collect())
    }
}

/// Both ends of a flow of ours.
pub(crate) fn pair(controller: Controller, seed: u64) -> (Ours, Ours) {
    let end = |calls, seed| Ours::new(controller, calls, clock::origin(), seed);
    (end(true, 2 * seed), end(false, 2 * seed + 1))
}

pub(crate) fn ours(cell: Cell, controller: Controller) -> Option<f64> {
    cell.share(vec![pair(controller, 1)], SECONDS)?.pop()
}

#[cfg(feature = "peers")]
fn rival<T: Talker>(cell: Cell) -> Option<f64> {
    let end = |calls, seed| Rival::<T>::new(calls, clock::origin(), seed);
    cell.share(vec![(end(true, 2), end(false, 3))], SECONDS)?.pop()
}
