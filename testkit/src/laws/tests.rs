//! A toy that keeps the laws, and one broken toy for each law, which that law must catch.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// What a toy does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    NeedsDraining,
    Spins,
    Unrepeatable,
    BelievesOldTimes,
    CountsCalls,
    SpeaksAfterDeath,
    BelievesNoise,
    Hoards,
}

/// Says hello every 100 ms until it is answered.
struct Toy {
    fault: Fault,
    now: Option<Instant>,
    due: Option<Instant>,
    ready: bool,
    answer: bool,
    greeted: bool,
    closed: bool,
    events: usize,
    calls: usize,
    hoard: Vec<Vec<u8>>,
    salt: usize,
}

impl Toy {
    fn new(fault: Fault, salt: usize) -> Self {
        Self {
            fault,
            now: None,
            due: None,
            ready: true,
            answer: false,
            greeted: false,
            closed: false,
            events: 0,
            calls: 0,
            hoard: Vec::new(),
            salt,
        }
    }

    fn advance(&mut self, now: Instant) -> Instant {
        let newest = if self.fault == Fault::BelievesOldTimes {
            now
        } else {
            self.now.map_or(now, |seen| seen.max(now))
        };
        self.now = Some(newest);
        newest
    }
}

impl Machine for Toy {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.advance(now);
        if self.closed && self.fault != Fault::SpeaksAfterDeath {
            return;
        }
        if self.fault == Fault::Hoards {
            self.hoard.push(datagram.to_vec());
        }
        if datagram.starts_with(b"hello") {
            self.answer = true;
            self.events += 1;
        } else if datagram.starts_with(b"welcome") {
            self.greeted = true;
            self.due = None;
        } else if self.fault == Fault::BelievesNoise {
            self.closed = true;
            self.due = None;
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        self.calls += 1;
        if self.fault == Fault::CountsCalls {
            assert!(self.calls < 4, "called too often");
        }
        if self.due.is_some_and(|due| due <= now) {
            self.ready = true;
            if self.fault != Fault::Spins {
                self.due = None;
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        let now = self.advance(now);
        if self.closed && self.fault != Fault::SpeaksAfterDeath {
            return false;
        }
        if self.fault == Fault::NeedsDraining && self.events > 0 {
            return false;
        }
        if std::mem::take(&mut self.answer) {
            out.extend_from_slice(b"welcome");
            return true;
        }
        if self.ready && !self.greeted {
            self.ready = false;
            if self.fault != Fault::Spins || self.due.is_none() {
                self.due = Some(now + 100 * MS);
            }
            out.extend_from_slice(format!("hello {}", self.salt).as_bytes());
            return true;
        }
        false
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn close(&mut self, _: Instant) {
        self.closed = true;
        self.due = None;
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn drain_events(&mut self) -> Vec<String> {
        vec!["hello".to_owned(); std::mem::take(&mut self.events)]
    }

    fn describe(datagram: &[u8]) -> String {
        String::from_utf8_lossy(datagram).into_owned()
    }
}

/// Runs a law on a pair of which `a` has a fault; says whether the law was kept.
fn kept(fault: Fault, law: impl FnOnce(&Subject<'_, Toy, Toy>)) -> bool {
    let made = std::cell::Cell::new(0);
    let make = |_: u64| {
        made.set(made.get() + 1);
        let salt = if fault == Fault::Unrepeatable { made.get() } else { 0 };
        (Toy::new(fault, salt), Toy::new(Fault::None, 0))
    };
    let subject = Subject { make: &make, done: &|a: &Toy, z: &Toy| a.greeted && z.greeted, memory: 10_000 };
    catch_unwind(AssertUnwindSafe(|| law(&subject))).is_ok()
}

#[test]
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of a type with a lifetime is not general enough"
)]
fn a_machine_without_faults_keeps_all_laws() {
    assert!(kept(Fault::None, |subject| subject.keeps_all_laws()));
}

#[test]
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of a type with a lifetime is not general enough"
)]
fn each_law_catches_its_violation() {
    assert!(!kept(Fault::NeedsDraining, |subject| subject.draining_is_optional()));
    assert!(!kept(Fault::Spins, |subject| subject.no_spin()));
    assert!(!kept(Fault::Unrepeatable, |subject| subject.replay()));
    assert!(!kept(Fault::BelievesOldTimes, |subject| subject.time_never_goes_back()));
    assert!(!kept(Fault::CountsCalls, |subject| subject.calls_at_odd_times_are_harmless()));
    assert!(!kept(Fault::SpeaksAfterDeath, |subject| subject.quiet_after_death()));
    assert!(!kept(Fault::BelievesNoise, |subject| subject.noise_changes_nothing()));
    assert!(!kept(Fault::Hoards, |subject| subject.bounds()));
}
