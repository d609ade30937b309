//! Two machines, one virtual clock, a link each way.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::ladder::{Ladder, Note, Way};
use crate::link::Link;
use crate::machine::Machine;
use crate::pipe::{Counters, Fate, Pipe};

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
    /// Grows with everything that happens: of two things at the same moment the older has the lower number.
    order: u64,
    /// The machines' deadlines, and when each was first seen.
    deadlines: [(Option<Instant>, u64); 2],
    steps: u64,
    steps_since_time_passed: u64,
    most_steps: u64,
    longest: Duration,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Next {
    ArrivesAtZ,
    ArrivesAtA,
    TimerOfA,
    TimerOfZ,
}

/// Steps in a row without any time passing, after which the machines count as spinning.
const MOST_STEPS_AT_ONCE: u64 = 1_000_000;
/// Lines of the conversation that are kept unless a test says otherwise, and that a failing one prints at most.
const LINES: usize = 200;

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
            ladder: Ladder::new(LINES, A::describe),
            buffer: Vec::new(),
            order: 0,
            deadlines: [(None, 0); 2],
            steps: 0,
            steps_since_time_passed: 0,
            most_steps: 20_000_000,
            longest: Duration::from_secs(7200),
        }
    }

    /// Keeps `lines` lines of the conversation, 0 for none; 200 unless said. They are put into words only when printed.
    #[must_use]
    pub fn ladder_lines(mut self, lines: usize) -> Self {
        self.ladder = Ladder::new(lines, A::describe);
        self
    }

    /// Bounds the whole run: virtual time, 2 hours unless said, and steps, 20 million unless said.
    #[must_use]
    pub fn limits(mut self, longest: Duration, most_steps: u64) -> Self {
        (self.longest, self.most_steps) = (longest, most_steps);
        self
    }

    /// From now on datagrams take other links; those under way are not touched.
    pub fn set_links(&mut self, out: Link, back: Link) {
        self.out.set_link(out);
        self.back.set_link(back);
    }

    /// Hands the receiver on this way a datagram, now and past the link, as if the other end had sent it.
    pub fn inject(&mut self, way: Way, datagram: &[u8]) {
        self.ladder.record(self.clock.elapsed(), way, datagram, Note::Injected);
        let (now, mut datagram) = (self.clock.now(), datagram.to_vec());
        match way {
            Way::Out => self.z.handle_input(now, &mut datagram),
            Way::Back => self.a.handle_input(now, &mut datagram),
        }
    }

    /// Handles exactly one thing: the earliest of the two deadlines and the datagrams under way, of several at the same
    /// moment the oldest. `false` if nothing will ever happen.
    ///
    /// # Panics
    /// The run has gone on for too long, or time does not pass.
    pub fn step(&mut self) -> bool {
        let Some((due, next)) = self.next() else { return false };
        self.handle(due, next);
        true
    }

    /// Goes on until `done` holds.
    ///
    /// # Panics
    /// It never does, or as [`Self::step`].
    #[track_caller]
    pub fn run_until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        while !done(self) {
            assert!(self.step(), "it is not done, and nothing more happens");
        }
    }

    /// Goes on for this long, whether anything happens or not.
    ///
    /// # Panics
    /// As [`Self::step`].
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.clock.now() + duration;
        while let Some((due, next)) = self.next().filter(|(due, _)| *due <= end) {
            self.handle(due, next);
        }
        self.clock.advance_to(end);
    }

    /// Goes on until nothing is under way and no timer runs.
    ///
    /// # Panics
    /// As [`Self::step`].
    pub fn run_quiet(&mut self) {
        while self.step() {}
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

    /// What went each way so far.
    pub fn counters(&self, way: Way) -> Counters {
        match way {
            Way::Out => self.out.counters(),
            Way::Back => self.back.counters(),
        }
    }

    /// Datagrams lost on the way there and on the way back.
    pub fn lost(&self) -> (u64, u64) {
        (self.out.counters().lost, self.back.counters().lost)
    }

    /// Datagrams delivered there and back.
    pub fn delivered(&self) -> (u64, u64) {
        (self.out.counters().delivered, self.back.counters().delivered)
    }

    /// Lets the machines send, then finds the earliest thing, ties to the older.
    fn next(&mut self) -> Option<(Instant, Next)> {
        self.transmit();
        for (known, due) in self.deadlines.iter_mut().zip([self.a.poll_timeout(), self.z.poll_timeout()]) {
            if known.0 != due {
                self.order += 1;
                *known = (due, self.order);
            }
        }
        let timer = |(due, order): (Option<Instant>, u64)| due.map(|due| (due, order));
        let [timer_of_a, timer_of_z] = self.deadlines.map(timer);
        [
            (self.out.next_arrival(), Next::ArrivesAtZ),
            (self.back.next_arrival(), Next::ArrivesAtA),
            (timer_of_a, Next::TimerOfA),
            (timer_of_z, Next::TimerOfZ),
        ]
        .into_iter()
        .filter_map(|(when, next)| when.map(|(due, order)| (due, order, next)))
        .min_by_key(|(due, order, _)| (*due, *order))
        .map(|(due, _, next)| (due, next))
    }

    fn handle(&mut self, due: Instant, next: Next) {
        if due > self.clock.now() {
            self.steps_since_time_passed = 0;
        }
        self.clock.advance_to(due);
        self.count_step();
        let now = self.clock.now();
        match next {
            Next::ArrivesAtZ => {
                if let Some(((), mut datagram)) = self.out.arrive(now) {
                    self.z.handle_input(now, &mut datagram);
                }
            }
            Next::ArrivesAtA => {
                if let Some(((), mut datagram)) = self.back.arrive(now) {
                    self.a.handle_input(now, &mut datagram);
                }
            }
            Next::TimerOfA => self.a.handle_timeout(now),
            Next::TimerOfZ => self.z.handle_timeout(now),
        }
    }

    /// Polls both machines until they have nothing to send.
    fn transmit(&mut self) {
        let now = self.clock.now();
        loop {
            self.buffer.clear();
            let (way, pipe) = if self.a.poll_transmit(now, &mut self.buffer) {
                (Way::Out, &mut self.out)
            } else if self.z.poll_transmit(now, &mut self.buffer) {
                (Way::Back, &mut self.back)
            } else {
                return;
            };
            self.order += 1;
            let note = match pipe.send(now, self.order, (), &self.buffer) {
                Fate::Sent => Note::Sent,
                Fate::Lost(reason) => Note::Lost(reason),
            };
            self.ladder.record(self.clock.elapsed(), way, &self.buffer, note);
            self.count_step();
        }
    }

    fn count_step(&mut self) {
        self.steps += 1;
        self.steps_since_time_passed += 1;
        assert!(self.steps_since_time_passed < MOST_STEPS_AT_ONCE, "time does not pass: a machine spins");
        assert!(self.steps < self.most_steps, "more than {} steps", self.most_steps);
        assert!(self.elapsed() <= self.longest, "longer than {:?}", self.longest);
    }
}

impl<A: Machine, Z: Machine> Drop for Pair<A, Z> {
    #[expect(clippy::print_stderr, reason = "a failed test shows the conversation")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.ladder.last(LINES));
        }
    }
}

#[cfg(test)]
mod tests;
