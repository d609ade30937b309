//! The laws about what the network may do to a machine: nothing.

use std::time::Instant;

use rand::RngExt;
use rand::rngs::ChaCha20Rng;

use super::{MS, Subject, settle};
use crate::alloc;
use crate::clock::origin;
use crate::ladder::Way;
use crate::link::{Link, Verdict};
use crate::machine::Machine;
use crate::pair::Pair;
use crate::rng;

impl<A: Machine, Z: Machine> Subject<'_, A, Z> {
    /// Noise alone never leads to an understanding, and beside it one is still reached; mangled datagrams do not cause a
    /// panic.
    ///
    /// # Panics
    /// They do, or the machines come to an understanding by noise alone, or to none beside it.
    pub fn noise_is_harmless(&self) {
        const LAW: &str = "noise is harmless";
        let (mut a, mut z) = (self.make)(7);
        if !(self.done)(&a, &z) {
            let (mut now, mut dice, mut out) = (origin(), rng(7), Vec::new());
            for _ in 0..5000 {
                a.handle_input(now, &mut noise(&mut dice));
                z.handle_input(now, &mut noise(&mut dice));
                out.clear();
                a.poll_transmit(now, &mut out);
                z.poll_transmit(now, &mut out);
                now += MS;
                a.handle_timeout(now);
                z.handle_timeout(now);
                assert!(!(self.done)(&a, &z), "law: {LAW}; they believe it");
            }
        }
        for seed in 0..3 {
            let (a, z) = (self.make)(seed);
            let mut pair = Pair::new(a, z, || Link::latency(10 * MS), seed);
            let mut dice = rng(seed);
            settle(LAW, &mut pair, |pair| {
                pair.a.handle_input(pair.now(), &mut noise(&mut dice));
                pair.z.handle_input(pair.now(), &mut noise(&mut dice));
                (self.done)(&pair.a, &pair.z)
            });
        }
        // Whether they come to an understanding under an attacker on the path is the protocol's matter; that nobody
        // panics is ours.
        for seed in 0..10 {
            let (a, z) = (self.make)(seed);
            let link =
                |seed| Link::latency(MS).duplication(0.1).reordering(0.1, 20 * MS).script(mangler(seed));
            let mut pair = Pair::with_links(a, z, link(2 * seed), link(2 * seed + 1), seed);
            for _ in 0..3000 {
                if !pair.step() || pair.now() > origin() + 60_000 * MS {
                    break;
                }
            }
        }
    }

    /// A hostile peer that knows the protocol cannot make either machine hold more than `memory` octets, before and after
    /// an understanding, whether its datagrams are polled or not.
    ///
    /// # Panics
    /// It can.
    pub fn bounds(&self) {
        for drained in [true, false] {
            let mut pair = self.settled("bounds", 5);
            let heard = |way| -> Vec<Vec<u8>> {
                pair.ladder()
                    .rungs()
                    .filter(|rung| rung.way == way)
                    .map(|rung| rung.datagram.clone())
                    .collect()
            };
            let (to_z, to_a, now) = (heard(Way::Out), heard(Way::Back), pair.now());
            let (mut a, mut z) = (self.make)(5);
            let held = [
                attack(&mut a, origin(), &to_a, drained),
                attack(&mut z, origin(), &to_z, drained),
                attack(&mut pair.a, now, &to_a, drained),
                attack(&mut pair.z, now, &to_z, drained),
            ];
            let most = held.iter().max().copied().unwrap_or(0);
            assert!(
                most <= self.memory,
                "law: bounds; {held:?} octets held by a and z when fresh and when settled (drained: {drained}), {} allowed",
                self.memory
            );
        }
    }
}

/// Octets held at the worst moment of an attack with mangled real datagrams and noise.
fn attack(victim: &mut impl Machine, start: Instant, heard: &[Vec<u8>], drained: bool) -> u64 {
    let mut dice = rng(6);
    let (mut out, mut datagram) = (Vec::with_capacity(70_000), Vec::with_capacity(70_000));
    let counted = alloc::count(|| {
        let mut now = start;
        for _ in 0..5000 {
            datagram.clear();
            if let Some(real) = heard.get(dice.random_range(0..=heard.len())) {
                datagram.extend_from_slice(real);
                for _ in 0..dice.random_range(0..4) {
                    mangle(&mut dice, &mut datagram);
                }
            } else {
                datagram.extend((0..300).map(|_| dice.random::<u8>()));
            }
            victim.handle_input(now, &mut datagram);
            if drained {
                out.clear();
                victim.poll_transmit(now, &mut out);
            }
            now += MS;
            victim.handle_timeout(now);
        }
    });
    counted.peak
}

/// A script that mangles three datagrams in ten.
fn mangler(seed: u64) -> impl FnMut(usize, &[u8]) -> Verdict {
    let mut dice = rng(seed);
    move |_, bytes| {
        if !dice.random_bool(0.3) {
            return Verdict::Deliver;
        }
        let mut bytes = bytes.to_vec();
        mangle(&mut dice, &mut bytes);
        Verdict::Replace(bytes)
    }
}

/// One change: a flipped bit, another octet, a cut, or more octets.
fn mangle(dice: &mut ChaCha20Rng, datagram: &mut Vec<u8>) {
    let at = dice.random_range(0..=datagram.len());
    match (dice.random_range(0..10), datagram.get_mut(at)) {
        (0, _) => datagram.truncate(at),
        (1, _) => datagram.extend((0..dice.random_range(0..40)).map(|_| dice.random::<u8>())),
        (2..6, Some(octet)) => *octet = dice.random(),
        (_, Some(octet)) => *octet ^= 1 << dice.random_range(0..8),
        (_, None) => {}
    }
}

fn noise(dice: &mut ChaCha20Rng) -> Vec<u8> {
    (0..dice.random_range(0..300)).map(|_| dice.random()).collect()
}
