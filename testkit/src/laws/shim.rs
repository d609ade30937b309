//! A machine whose user has odd habits.

use std::time::{Duration, Instant};

use crate::clock::origin;
use crate::machine::Machine;

/// How the user treats the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Tells the time before each call.
    TellsTime,
    /// Tells the time before each call, then makes the call with a time long past.
    Backdates,
    /// Calls `handle_timeout` again and again before and after each call, due or not.
    Repeats,
    /// Calls `handle_timeout` this much after it is due.
    Late(Duration),
    /// Has none.
    Plain,
}

/// Stands between the harness and a machine.
#[derive(Debug)]
pub(super) struct Shim<M> {
    pub(super) machine: M,
    pub(super) habit: Habit,
}

impl<M: Machine> Shim<M> {
    /// Does what the habit wants before a call; gives the time for the call.
    fn before(&mut self, now: Instant) -> Instant {
        match self.habit {
            Habit::TellsTime => self.machine.handle_timeout(now),
            Habit::Backdates => {
                self.machine.handle_timeout(now);
                return origin();
            }
            Habit::Repeats => (0..3).for_each(|_| self.machine.handle_timeout(now)),
            Habit::Late(_) | Habit::Plain => {}
        }
        now
    }

    fn after(&mut self, now: Instant) {
        if self.habit == Habit::Repeats {
            self.machine.handle_timeout(now);
        }
    }
}

impl<M: Machine> Machine for Shim<M> {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        let told = self.before(now);
        self.machine.handle_input(told, datagram);
        self.after(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        let told = self.before(now);
        self.machine.handle_timeout(told);
        self.after(now);
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        let told = self.before(now);
        let sent = self.machine.poll_transmit(told, out);
        self.after(now);
        sent
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let late = if let Habit::Late(late) = self.habit { late } else { Duration::ZERO };
        self.machine.poll_timeout().map(|due| due + late)
    }

    fn close(&mut self, now: Instant) {
        let told = self.before(now);
        self.machine.close(told);
        self.after(now);
    }

    fn is_closed(&self) -> bool {
        self.machine.is_closed()
    }

    fn drain_events(&mut self) -> Vec<String> {
        self.machine.drain_events()
    }

    fn describe(datagram: &[u8]) -> String {
        M::describe(datagram)
    }
}
