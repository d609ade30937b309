//! The laws about time.

use std::time::{Duration, Instant};

use super::shim::{Habit, Shim};
use super::{MS, Run, Subject, drain, same, whole_run};
use crate::clock::origin;
use crate::machine::Machine;

impl<A: Machine, Z: Machine> Subject<'_, A, Z> {
    /// After a deadline has been handled and everything drained, the next deadline is later.
    ///
    /// # Panics
    /// A deadline is due again, or a machine sends without end.
    pub fn no_spin(&self) {
        let (mut a, mut z) = (self.make)(1);
        meet_deadlines(&mut a, origin(), 300);
        meet_deadlines(&mut z, origin(), 300);
        let mut pair = self.settled(LAW, 1);
        let now = pair.now();
        // The other end is silent from now on.
        let later = meet_deadlines(&mut pair.a, now, 300);
        pair.a.close(later);
        meet_deadlines(&mut pair.a, later, 300);
        let later = meet_deadlines(&mut pair.z, now, 10);
        pair.z.close(later);
        meet_deadlines(&mut pair.z, later, 300);
    }

    /// `handle_timeout` may be called early, late and again.
    ///
    /// Early and repeated calls change nothing at all; calls that come a little late cost time only, and one that comes
    /// a day late does not panic.
    ///
    /// # Panics
    /// The conversation differs, or there is no understanding.
    pub fn early_late_and_repeated_timeouts_are_harmless(&self) {
        const LAW: &str = "early, late and repeated timeouts are harmless";
        for seed in 0..3 {
            let plain = self.run_with(LAW, Habit::Plain, seed);
            same(LAW, &plain, &self.run_with(LAW, Habit::Repeats, seed), A::describe);
            self.run_with(LAW, Habit::Late(37 * MS), seed);
        }
        let mut pair = self.settled(LAW, 3);
        let late = pair.now() + Duration::from_secs(86_400);
        pair.a.handle_timeout(late);
        drain(LAW, &mut pair.a, late);
        pair.z.handle_timeout(late);
        drain(LAW, &mut pair.z, late);
    }

    /// An older time counts as the newest one seen: a conversation in which every call is told a time long past is the
    /// same to the last octet.
    ///
    /// # Panics
    /// The conversation differs.
    pub fn time_never_goes_back(&self) {
        const LAW: &str = "time never goes back";
        for seed in 0..3 {
            let [told, backdated] =
                [Habit::TellsTime, Habit::Backdates].map(|habit| self.run_with(LAW, habit, seed));
            same(LAW, &told, &backdated, A::describe);
        }
    }

    fn run_with(&self, law: &str, habit: Habit, seed: u64) -> Run {
        let (a, z) = (self.make)(seed);
        let (a, z) = (Shim { machine: a, habit }, Shim { machine: z, habit });
        whole_run(law, a, z, |a, z| (self.done)(&a.machine, &z.machine), seed)
    }
}

const LAW: &str = "no spin";

/// Handles up to `count` deadlines; gives the time of the last.
fn meet_deadlines(machine: &mut impl Machine, mut now: Instant, count: usize) -> Instant {
    for _ in 0..count {
        drain(LAW, machine, now);
        let Some(due) = machine.poll_timeout() else { break };
        now = now.max(due);
        machine.handle_timeout(now);
        drain(LAW, machine, now);
        let next = machine.poll_timeout();
        assert!(
            next.is_none_or(|next| next > now),
            "law: {LAW}; after +{:?} a deadline is due again",
            now - origin()
        );
    }
    now
}
