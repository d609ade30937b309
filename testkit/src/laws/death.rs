//! The law about closed machines.

use std::time::{Duration, Instant};

use rand::RngExt;

use super::{MS, Subject};
use crate::clock::origin;
use crate::ladder::Way;
use crate::link::Link;
use crate::machine::Machine;
use crate::pair::Pair;
use crate::rng;

impl<A: Machine, Z: Machine> Subject<'_, A, Z> {
    /// A machine that is told to close does so, with or without an answer, and then says nothing more, whatever it is
    /// told.
    ///
    /// # Panics
    /// Closing takes more than an hour, or a closed machine shows a sign of life.
    pub fn quiet_after_death(&self) {
        // At once, in the middle of things, and when all is settled.
        let (mut a, mut z) = (self.make)(4);
        a.close(origin());
        die(&mut a, origin(), &[]);
        z.close(origin());
        die(&mut z, origin(), &[]);

        let (a, z) = (self.make)(4);
        let mut pair = Pair::new(a, z, || Link::latency(5 * MS), 4);
        pair.run_for(7 * MS);
        let now = pair.now();
        pair.a.close(now);
        let to_a = heard(&pair, Way::Back);
        die(&mut pair.a, now, &to_a);

        let mut pair = self.settled(LAW, 4);
        let now = pair.now();
        pair.a.close(now);
        for _ in 0..100_000 {
            if (pair.a.is_closed() && pair.z.is_closed()) || pair.now() > now + HOUR || !pair.step() {
                break;
            }
        }
        assert!(pair.a.is_closed(), "law: {LAW}; with an answer, closing never ends");
        let (to_a, to_z) = (heard(&pair, Way::Back), heard(&pair, Way::Out));
        let now = pair.now();
        die(&mut pair.a, now, &to_a);
        pair.z.close(now);
        die(&mut pair.z, now, &to_z);
    }
}

const LAW: &str = "quiet after death";
const HOUR: Duration = Duration::from_secs(3600);

fn heard<A: Machine, Z: Machine>(pair: &Pair<A, Z>, way: Way) -> Vec<Vec<u8>> {
    pair.ladder().rungs().filter(|rung| rung.way == way).map(|rung| rung.datagram.clone()).collect()
}

/// Lets a machine that was told to close do so with nobody there, then tries to wake it with noise and with what it has
/// heard in its life.
fn die(machine: &mut impl Machine, start: Instant, heard: &[Vec<u8>]) {
    let (mut now, mut out) = (start, Vec::new());
    while !machine.is_closed() {
        out.clear();
        if machine.poll_transmit(now, &mut out) {
            continue;
        }
        if machine.is_closed() {
            break;
        }
        let due = machine.poll_timeout();
        assert!(
            due.is_some_and(|due| due < start + HOUR),
            "law: {LAW}; without an answer, closing never ends"
        );
        now = due.map_or(now, |due| due.max(now + MS / 1000));
        machine.handle_timeout(now);
    }
    machine.drain_events();
    let mut rng = rng(4);
    for round in 0..50 {
        now += Duration::from_secs(5);
        let mut noise: Vec<u8> = (0..rng.random_range(0..200)).map(|_| rng.random()).collect();
        machine.handle_input(now, &mut noise);
        if let Some(datagram) = heard.get(round) {
            machine.handle_input(now, &mut datagram.clone());
        }
        machine.handle_timeout(now);
        machine.close(now);
        assert!(!machine.poll_transmit(now, &mut Vec::new()), "law: {LAW}; it speaks");
        assert_eq!(machine.poll_timeout(), None, "law: {LAW}; a timer runs");
        assert_eq!(machine.drain_events(), Vec::<String>::new(), "law: {LAW}; an event");
        assert!(machine.is_closed(), "law: {LAW}; it rises");
    }
}
