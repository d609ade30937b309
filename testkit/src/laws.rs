//! The laws that every machine keeps, as tests that any machine can be put through.
//!
//! A [`Subject`] has a factory that makes two machines that already want to talk, and a question that tells when they
//! have come to an understanding. Each law is a method, and fails by panicking with its name; the tests of this module
//! show with a broken toy for each that it can.
//!
//! | law | what is done to the machines |
//! |---|---|
//! | [`Subject::draining_is_optional`] | events are never taken, datagrams are polled late and one at a time |
//! | [`Subject::no_spin`] | every deadline is met, alone, in conversation's wake and while closing |
//! | [`Subject::early_late_and_repeated_timeouts_are_harmless`] | `handle_timeout` at all times, then much too late |
//! | [`Subject::time_never_goes_back`] | every call is told a time long past |
//! | [`Subject::replay`] | the same run twice |
//! | [`Subject::quiet_after_death`] | a closed machine hears noise and old datagrams |
//! | [`Subject::noise_is_harmless`] | random octets, flipped bits, cut and doubled datagrams |
//! | [`Subject::bounds`] | mangled datagrams without end, while memory is measured |

use std::fmt;
use std::time::{Duration, Instant};

use rand::RngExt;

use crate::clock::origin;
use crate::ladder::Rung;
use crate::link::Link;
use crate::machine::Machine;
use crate::pair::Pair;
use crate::rng;

mod death;
mod hostile;
mod shim;
mod time;

/// How the machines under test are made and judged.
pub struct Subject<'f, A, Z> {
    /// Two machines that want to talk, wholly determined by the seed. The clock stands at [`origin`].
    pub make: &'f dyn Fn(u64) -> (A, Z),
    /// Whether they have come to an understanding.
    pub done: &'f dyn Fn(&A, &Z) -> bool,
    /// Octets that either may hold at most under attack, beyond what it held when the attack began.
    pub memory: u64,
}

/// A whole run: what was said, the events of both, and how long it took.
type Run = (Vec<Rung>, [Vec<String>; 2], Duration);

impl<A: Machine, Z: Machine> Subject<'_, A, Z> {
    /// Puts the machines through every law.
    ///
    /// # Panics
    /// One is broken.
    pub fn keeps_all_laws(&self) {
        self.draining_is_optional();
        self.no_spin();
        self.early_late_and_repeated_timeouts_are_harmless();
        self.time_never_goes_back();
        self.replay();
        self.quiet_after_death();
        self.noise_is_harmless();
        self.bounds();
    }

    /// Events that nobody takes, and datagrams that are polled late, cost time only.
    ///
    /// # Panics
    /// The machines come to no understanding.
    pub fn draining_is_optional(&self) {
        for seed in 0..4 {
            let (mut a, mut z) = (self.make)(seed);
            let (mut now, mut rng, mut out) = (origin(), rng(seed), Vec::new());
            for _ in 0..20_000 {
                if (self.done)(&a, &z) {
                    break;
                }
                for _ in 0..rng.random_range(0..3) {
                    out.clear();
                    if a.poll_transmit(now, &mut out) {
                        z.handle_input(now, &mut out);
                    }
                    out.clear();
                    if z.poll_transmit(now, &mut out) {
                        a.handle_input(now, &mut out);
                    }
                }
                now += rng.random_range(0..50) * MS;
                a.handle_timeout(now);
                z.handle_timeout(now);
            }
            assert!((self.done)(&a, &z), "law: draining is optional; no understanding (seed {seed})");
        }
    }

    /// The same inputs and the same randomness give the same datagrams and the same events.
    ///
    /// # Panics
    /// Two runs differ.
    pub fn replay(&self) {
        const LAW: &str = "replay";
        for seed in 0..3 {
            let run = || {
                let (a, z) = (self.make)(seed);
                whole_run(LAW, a, z, self.done, seed)
            };
            same(LAW, &run(), &run(), A::describe);
        }
    }

    /// Runs two fresh machines until they understand each other, and remembers what they said.
    fn settled(&self, law: &str, seed: u64) -> Pair<A, Z> {
        let (a, z) = (self.make)(seed);
        let mut pair = Pair::new(a, z, || Link::latency(10 * MS), seed).ladder_lines(10_000);
        settle(law, &mut pair, |pair| (self.done)(&pair.a, &pair.z));
        pair
    }
}

impl<A, Z> fmt::Debug for Subject<'_, A, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("memory", &self.memory).finish_non_exhaustive()
    }
}

/// Steps until `done`.
fn settle<A, Z>(law: &str, pair: &mut Pair<A, Z>, mut done: impl FnMut(&mut Pair<A, Z>) -> bool)
where
    A: Machine,
    Z: Machine,
{
    let end = pair.now() + Duration::from_secs(600);
    while !done(pair) {
        let goes_on = pair.step();
        assert!(goes_on && pair.now() < end, "law: {law}; no understanding");
    }
}

/// Settles over a link with some loss, talks on for a while, closes both.
fn whole_run<A, Z>(law: &str, a: A, z: Z, done: impl Fn(&A, &Z) -> bool, seed: u64) -> Run
where
    A: Machine,
    Z: Machine,
{
    // Jitter, so that no datagram arrives at the very moment of a deadline: the order of the two would be a matter of
    // the harness, not of the machine.
    let link = || Link::latency(10 * MS).jitter(MS).loss(0.1);
    let mut pair = Pair::new(a, z, link, seed).ladder_lines(100_000);
    settle(law, &mut pair, |pair| done(&pair.a, &pair.z));
    let took = pair.elapsed();
    pair.run_for(Duration::from_secs(5));
    pair.a.close(pair.now());
    pair.z.close(pair.now());
    pair.run_for(Duration::from_secs(5));
    let events = [pair.a.drain_events(), pair.z.drain_events()];
    (pair.ladder().rungs().cloned().collect(), events, took)
}

/// Fails with the first thing in which two runs differ.
fn same(law: &str, left: &Run, right: &Run, describe: fn(&[u8]) -> String) {
    let words = |rung: Option<&Rung>| {
        rung.map(|rung| format!("{:?} {:?} {}", rung.time, rung.way, describe(&rung.datagram)))
    };
    for at in 0..left.0.len().max(right.0.len()) {
        let (left, right) = (left.0.get(at), right.0.get(at));
        assert!(left == right, "law: {law}; datagram {at}: {:?} or {:?}", words(left), words(right));
    }
    assert_eq!(left.1, right.1, "law: {law}; events");
    assert_eq!(left.2, right.2, "law: {law}; time to an understanding");
}

/// Takes everything that waits.
fn drain(law: &str, machine: &mut impl Machine, now: Instant) {
    let mut out = Vec::new();
    for _ in 0..100_000 {
        out.clear();
        if !machine.poll_transmit(now, &mut out) {
            machine.drain_events();
            return;
        }
    }
    panic!("law: {law}; a machine sends without end");
}

const MS: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
