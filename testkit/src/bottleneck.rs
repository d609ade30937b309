//! Several pairs of machines that share one link each way: what one sends stands in the queue before the others.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::link::Link;
use crate::machine::Machine;
use crate::pipe::Pipe;

/// Pairs over one bottleneck. Each has a sender in `a` and a receiver in `z` under the same index; both ends may send.
#[derive(Debug)]
pub struct Bottleneck<M> {
    /// One end of each pair.
    pub a: Vec<M>,
    /// The other end of each pair.
    pub z: Vec<M>,
    clock: Clock,
    out: Pipe<usize>,
    back: Pipe<usize>,
    buffer: Vec<u8>,
    order: u64,
}

impl<M: Machine> Bottleneck<M> {
    /// Joins the pairs by a link from `a` to `z` and one back.
    pub fn new(pairs: Vec<(M, M)>, out: Link, back: Link, seed: u64) -> Self {
        let (a, z) = pairs.into_iter().unzip();
        Self {
            a,
            z,
            clock: Clock::new(),
            out: Pipe::new(out, seed.wrapping_mul(2)),
            back: Pipe::new(back, seed.wrapping_mul(2).wrapping_add(1)),
            buffer: Vec::new(),
            order: 0,
        }
    }

    /// The time on the clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Goes on for this long; `work` runs before each step, to feed and to drain the machines.
    pub fn run_for(&mut self, duration: Duration, mut work: impl FnMut(&mut Self)) {
        let end = self.now() + duration;
        loop {
            work(self);
            self.transmit();
            let Some(due) = self.next().filter(|due| *due <= end) else { break };
            self.clock.advance_to(due);
            self.deliver();
        }
        self.clock.advance_to(end);
    }

    fn next(&self) -> Option<Instant> {
        let timers = self.a.iter().chain(&self.z).filter_map(Machine::poll_timeout);
        let arrivals = [self.out.next_arrival(), self.back.next_arrival()];
        timers.chain(arrivals.into_iter().flatten().map(|(due, _)| due)).min()
    }

    /// Hands over what has arrived and tells the time to whom it is due.
    fn deliver(&mut self) {
        let now = self.now();
        while let Some((index, mut datagram)) = self.out.arrive(now) {
            self.z[index].handle_input(now, &mut datagram);
        }
        while let Some((index, mut datagram)) = self.back.arrive(now) {
            self.a[index].handle_input(now, &mut datagram);
        }
        for machine in self.a.iter_mut().chain(&mut self.z) {
            if machine.poll_timeout().is_some_and(|at| at <= now) {
                machine.handle_timeout(now);
            }
        }
    }

    /// Polls the machines in turn, one datagram each, until none has anything to send.
    fn transmit(&mut self) {
        let now = self.now();
        loop {
            let mut any = false;
            for (machines, pipe) in [(&mut self.a, &mut self.out), (&mut self.z, &mut self.back)] {
                for (index, machine) in machines.iter_mut().enumerate() {
                    self.buffer.clear();
                    if machine.poll_transmit(now, &mut self.buffer) {
                        self.order += 1;
                        pipe.send(now, self.order, index, &self.buffer);
                        any = true;
                    }
                }
            }
            if !any {
                return;
            }
        }
    }
}
