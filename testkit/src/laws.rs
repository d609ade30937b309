//! The laws that every machine keeps, as tests that any machine can be put through.
//!
//! A law is given a factory that makes two machines that already want to talk, and a question that tells when they have
//! come to an understanding. Each law fails by panicking; the tests below show that each can.

use std::time::{Duration, Instant};

use rand::RngExt;

use crate::alloc;
use crate::clock::origin;
use crate::link::{Link, Verdict};
use crate::machine::Machine;
use crate::pair::Pair;
use crate::rng;

const MS: Duration = Duration::from_millis(1);

/// How the machines under test are made and judged.
pub struct Subject<'f, A, Z> {
    /// Two machines that want to talk, the same for the same seed.
    pub make: &'f dyn Fn(u64) -> (A, Z),
    /// Whether they have come to an understanding.
    pub done: &'f dyn Fn(&A, &Z) -> bool,
    /// Octets that a hostile peer may make `a` hold at most.
    pub memory: u64,
}

impl<A, Z> std::fmt::Debug for Subject<'_, A, Z> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject")
    }
}

impl<A: Machine, Z: Machine> Subject<'_, A, Z> {
    /// Every law.
    pub fn keeps_all_laws(&self) {
        self.draining_is_optional();
        self.no_spin();
        self.replay();
        self.time_never_goes_back();
        self.calls_at_odd_times_are_harmless();
        self.quiet_after_death();
        self.noise_changes_nothing();
        self.bounds();
    }

    fn pair(&self, seed: u64, link: impl Fn() -> Link) -> Pair<A, Z> {
        let (a, z) = (self.make)(seed);
        Pair::new(a, z, link, seed)
    }

    fn run(&self, pair: &mut Pair<A, Z>) {
        pair.run_until(|pair| (self.done)(&pair.a, &pair.z));
    }

    /// Events that nobody takes, and datagrams that are polled late, cost time only.
    pub fn draining_is_optional(&self) {
        for seed in 0..4 {
            let (mut a, mut z) = (self.make)(seed);
            let (mut now, mut rng, mut out) = (origin(), rng(seed), Vec::new());
            for _ in 0..20_000 {
                if (self.done)(&a, &z) {
                    break;
                }
                // One datagram at most, then maybe nothing for a while; events are never taken.
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
            assert!((self.done)(&a, &z), "law: draining is optional (seed {seed})");
        }
    }

    /// After a deadline has been handled and everything drained, the next deadline is later.
    pub fn no_spin(&self) {
        let (mut a, _) = (self.make)(1);
        let mut now = origin();
        for _ in 0..1000 {
            drain(&mut a, now);
            let Some(due) = a.poll_timeout() else { return };
            now = now.max(due);
            a.handle_timeout(now);
            drain(&mut a, now);
            let next = a.poll_timeout();
            assert!(next.is_none_or(|next| next > now), "law: no spin; {:?} is due again", now - origin());
        }
    }

    /// The same inputs and the same randomness give the same datagrams and the same events.
    pub fn replay(&self) {
        let run = |seed| {
            let mut pair = self.pair(seed, || Link::latency(10 * MS).loss(0.1)).ladder_lines(100_000);
            self.run(&mut pair);
            (pair.ladder().to_string(), pair.a.drain_events(), pair.z.drain_events(), pair.elapsed())
        };
        for seed in 0..3 {
            assert_eq!(run(seed), run(seed), "law: replay (seed {seed})");
        }
    }

    /// An older time counts as the newest one seen.
    pub fn time_never_goes_back(&self) {
        let (mut a, mut z) = (self.make)(2);
        let (start, mut out) = (origin() + Duration::from_secs(3600), Vec::new());
        for round in 0..3000u32 {
            if (self.done)(&a, &z) {
                break;
            }
            let now = start + round * 20 * MS;
            // Every other call is told a time long past.
            let odd = if round % 2 == 0 { origin() } else { now };
            a.handle_timeout(now);
            a.handle_timeout(origin());
            z.handle_timeout(now);
            out.clear();
            while a.poll_transmit(odd, &mut out) {
                let due = a.poll_timeout();
                assert!(
                    due.is_none_or(|due| due >= start),
                    "law: time never goes back; a deadline is long past"
                );
                z.handle_input(odd, &mut out);
                out.clear();
            }
            while z.poll_transmit(odd, &mut out) {
                a.handle_input(odd, &mut out);
                out.clear();
            }
        }
        assert!((self.done)(&a, &z), "law: time never goes back; no understanding");
    }

    /// `handle_timeout` may be called early, late and again.
    pub fn calls_at_odd_times_are_harmless(&self) {
        let mut pair = self.pair(3, || Link::latency(10 * MS));
        pair.run_until(|pair| {
            for _ in 0..3 {
                pair.a.handle_timeout(pair.now());
                pair.z.handle_timeout(pair.now());
            }
            (self.done)(&pair.a, &pair.z)
        });
        let late = pair.now() + Duration::from_secs(10);
        pair.a.handle_timeout(late);
        pair.z.handle_timeout(late);
    }

    /// A closed machine says nothing more, whatever it is told.
    pub fn quiet_after_death(&self) {
        for settled in [false, true] {
            let mut pair = self.pair(4, || Link::latency(5 * MS));
            if settled {
                self.run(&mut pair);
            }
            let now = pair.now();
            pair.a.close(now);
            for _ in 0..100_000 {
                if pair.a.is_closed() || !pair.step() {
                    break;
                }
            }
            assert!(pair.a.is_closed(), "law: quiet after death; close (settled: {settled}) never ends");
            let (mut now, mut rng) = (pair.now(), rng(4));
            pair.a.drain_events();
            for _ in 0..50 {
                now += Duration::from_secs(5);
                let mut noise: Vec<u8> = (0..rng.random_range(0..200)).map(|_| rng.random()).collect();
                pair.a.handle_input(now, &mut noise);
                pair.a.handle_timeout(now);
                pair.a.close(now);
                let mut out = Vec::new();
                assert!(!pair.a.poll_transmit(now, &mut out), "law: quiet after death; it speaks");
                assert_eq!(pair.a.poll_timeout(), None, "law: quiet after death; a timer runs");
                assert!(pair.a.drain_events().is_empty(), "law: quiet after death; an event");
                assert!(pair.a.is_closed());
            }
        }
    }

    /// Noise, and real datagrams with flipped bits beside the real ones, stop nothing and never panic.
    pub fn noise_changes_nothing(&self) {
        for seed in 0..3 {
            let mut pair = self.pair(seed, || Link::latency(10 * MS));
            let mut rng = rng(seed);
            pair.run_until(|pair| {
                let mut noise: Vec<u8> = (0..rng.random_range(0..300)).map(|_| rng.random()).collect();
                pair.a.handle_input(pair.now(), &mut noise);
                pair.z.handle_input(pair.now(), &mut noise);
                (self.done)(&pair.a, &pair.z)
            });
        }
        for seed in 0..10 {
            // Whether they come to an understanding under an attacker on the path is the protocol's matter; that
            // nobody panics is ours.
            let (a, z) = (self.make)(seed);
            let mut rng = rng(seed);
            let mangle = move |_: usize, bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                if rng.random_bool(0.3) && !bytes.is_empty() {
                    let at = rng.random_range(0..bytes.len());
                    bytes[at] ^= 1u8 << rng.random_range(0..8);
                    if rng.random_bool(0.2) {
                        bytes.truncate(at);
                    }
                    return Verdict::Replace(bytes);
                }
                Verdict::Deliver
            };
            let mut pair = Pair::with_links(a, z, Link::latency(MS).script(mangle), Link::latency(MS), seed);
            for _ in 0..3000 {
                if !pair.step() || pair.elapsed() > Duration::from_secs(60) {
                    break;
                }
            }
        }
    }

    /// A hostile peer cannot make `a` hold more than `memory` octets.
    pub fn bounds(&self) {
        // Real datagrams to mangle: the hostile peer knows the protocol.
        let (mut a, mut z) = (self.make)(5);
        let (now, mut heard) = (origin(), Vec::new());
        for _ in 0..50 {
            let mut out = Vec::new();
            if z.poll_transmit(now, &mut out) {
                heard.push(out.clone());
                a.handle_input(now, &mut out);
            }
            let mut out = Vec::new();
            if a.poll_transmit(now, &mut out) {
                z.handle_input(now, &mut out);
            }
        }
        heard.push(vec![0; 100]);
        let (mut victim, _) = (self.make)(6);
        let mut rng = rng(6);
        let mut out = Vec::with_capacity(70_000);
        let counted = alloc::count(|| {
            let mut now = origin();
            for _ in 0..20_000 {
                let mut datagram = heard[rng.random_range(0..heard.len())].clone();
                for _ in 0..rng.random_range(0..4) {
                    if !datagram.is_empty() {
                        let at = rng.random_range(0..datagram.len());
                        datagram[at] = rng.random();
                    }
                }
                victim.handle_input(now, &mut datagram);
                drop(datagram);
                out.clear();
                victim.poll_transmit(now, &mut out);
                now += MS;
                victim.handle_timeout(now);
            }
        });
        // The counter's own measure of what was held at the worst moment, beyond what was held before.
        assert!(
            counted.peak <= self.memory,
            "law: bounds; {} octets held, {} allowed",
            counted.peak,
            self.memory
        );
    }
}

fn drain(machine: &mut impl Machine, now: Instant) {
    let mut out = Vec::new();
    for _ in 0..10_000 {
        out.clear();
        if !machine.poll_transmit(now, &mut out) {
            machine.drain_events();
            return;
        }
    }
    panic!("law: no spin; a machine sends without end");
}

#[cfg(test)]
mod tests;
