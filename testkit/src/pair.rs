//! Two machines, one virtual clock, a link each way.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::ladder::{Ladder, Way};
use crate::link::{Fate, Link, Pipe};
use crate::machine::Machine;

/// Two machines that talk to each other. A failing test prints the last lines of what they said.
#[derive(Debug)]
pub struct Pair<A: Machine, Z: Machine> {
    /// One end.
    pub a: A,
    /// The other end.
    pub z: Z,
    clock: Clock,
    out: Pipe,
    back: Pipe,
    ladder: Ladder,
    buffer: Vec<u8>,
    steps: usize,
}

/// Steps after which a run counts as one that never ends.
const MAX_STEPS: usize = 20_000_000;
/// Virtual time after which it does.
const MAX_TIME: Duration = Duration::from_secs(7200);

impl<A: Machine, Z: Machine> Pair<A, Z> {
    /// Joins two machines by the same kind of link both ways.
    pub fn new(a: A, z: Z, link: impl Fn() -> Link, seed: u64) -> Self {
        Self::with_links(a, z, link(), link(), seed)
    }

    /// Joins two machines by a link from `a` to `z` and one back.
    pub fn with_links(a: A, z: Z, out: Link, back: Link, seed: u64) -> Self {
        Self {
            a,
            z,
            clock: Clock::new(),
            out: Pipe::new(out, seed.wrapping_mul(2)),
            back: Pipe::new(back, seed.wrapping_mul(2).wrapping_add(1)),
            ladder: Ladder::new(200, A::describe),
            buffer: Vec::new(),
            steps: 0,
        }
    }

    /// Keeps `lines` lines of the conversation, 0 for none: long runs go faster without.
    #[must_use]
    pub fn ladder_lines(mut self, lines: usize) -> Self {
        self.ladder = Ladder::new(lines, A::describe);
        self
    }

    /// The time on the clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What has been said so far.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Datagrams lost on the way there and on the way back.
    pub fn lost(&self) -> (u64, u64) {
        (self.out.lost, self.back.lost)
    }

    /// Datagrams delivered there and back.
    pub fn delivered(&self) -> (u64, u64) {
        (self.out.delivered, self.back.delivered)
    }

    /// Sends a datagram to `z` as if `a` had.
    pub fn inject(&mut self, datagram: &[u8]) {
        let mut datagram = datagram.to_vec();
        self.z.handle_input(self.clock.now(), &mut datagram);
    }

    /// Handles the earliest thing that is to happen. `false` if nothing ever will.
    ///
    /// # Panics
    /// The run has gone on for too long.
    pub fn step(&mut self) -> bool {
        self.transmit();
        let arrivals = [self.out.next_arrival(), self.back.next_arrival()];
        let deadlines = [self.a.poll_timeout(), self.z.poll_timeout()];
        let Some(next) = arrivals.iter().chain(&deadlines).flatten().min().copied() else { return false };
        self.clock.advance_to(next);
        self.steps += 1;
        assert!(
            self.steps < MAX_STEPS && self.elapsed() < MAX_TIME,
            "the run does not end:\n{}",
            self.ladder
        );
        let now = self.clock.now();
        // Ties go to what was sent first, so arrivals come before timers, and `a` before `z`.
        if let Some(mut datagram) = self.out.arrive(now) {
            self.z.handle_input(now, &mut datagram);
        } else if let Some(mut datagram) = self.back.arrive(now) {
            self.a.handle_input(now, &mut datagram);
        } else if deadlines[0].is_some_and(|due| due <= now) {
            self.a.handle_timeout(now);
        } else {
            self.z.handle_timeout(now);
        }
        true
    }

    /// Goes on until `done` holds.
    ///
    /// # Panics
    /// It never does.
    pub fn run_until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        while !done(self) {
            assert!(self.step(), "nothing more happens:\n{}", self.ladder);
        }
    }

    /// Goes on for this long, whether anything happens or not.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.clock.now() + duration;
        loop {
            self.transmit();
            let arrivals = [self.out.next_arrival(), self.back.next_arrival()];
            let next =
                arrivals.into_iter().chain([self.a.poll_timeout(), self.z.poll_timeout()]).flatten().min();
            if next.is_none_or(|next| next > end) || !self.step() {
                break;
            }
        }
        self.clock.advance_to(end);
    }

    /// Goes on until nothing is under way and no timer runs.
    pub fn run_quiet(&mut self) {
        while self.step() {}
    }

    /// Polls both machines until they have nothing to send.
    fn transmit(&mut self) {
        let now = self.clock.now();
        loop {
            self.buffer.clear();
            let way = if self.a.poll_transmit(now, &mut self.buffer) {
                Way::Out
            } else if self.z.poll_transmit(now, &mut self.buffer) {
                Way::Back
            } else {
                return;
            };
            self.steps += 1;
            assert!(self.steps < MAX_STEPS, "a machine sends without end:\n{}", self.ladder);
            let pipe = if way == Way::Out { &mut self.out } else { &mut self.back };
            let lost = match pipe.send(now, &self.buffer) {
                Fate::Sent => None,
                Fate::Lost(reason) => Some(reason),
            };
            self.ladder.record(self.clock.elapsed(), way, &self.buffer, lost);
        }
    }
}

impl<A: Machine, Z: Machine> Drop for Pair<A, Z> {
    #[expect(clippy::print_stderr, reason = "a failed test shows the conversation")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.ladder);
        }
    }
}
