//! A toy that keeps the laws, and one broken toy for each law, which that law must catch.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// What a toy does wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    NeedsDraining,
    Spins,
    Unrepeatable,
    BelievesOldTimes,
    BacksOffWhenCalled,
    HatesLateness,
    SendsAtAnyTime,
    SpeaksAfterDeath,
    NeverCloses,
    StopsAtNoise,
    BelievesNoise,
    Panics,
    Hoards,
    HoardsAnswers,
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
        match self.fault {
            Fault::Hoards => self.hoard.push(datagram.to_vec()),
            Fault::HoardsAnswers if self.hoard.is_empty() || self.answer => self.hoard.push(vec![0; 100]),
            Fault::Panics => assert!(datagram.is_ascii() || !datagram.starts_with(b"w"), "not words"),
            _ => {}
        }
        if datagram.starts_with(b"hello") {
            self.answer = true;
            self.events += 1;
        } else if datagram.starts_with(b"welcome") {
            self.greeted = true;
            self.due = None;
        } else if self.fault == Fault::BelievesNoise {
            self.greeted = true;
        } else if self.fault == Fault::StopsAtNoise {
            self.closed = true;
            self.due = None;
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        match (self.fault, &mut self.due) {
            (Fault::BacksOffWhenCalled, Some(due)) if now < *due => *due += MS,
            (Fault::HatesLateness, Some(due)) => assert!(now < *due + 30 * MS, "called too late"),
            (Fault::SendsAtAnyTime, _) => self.ready = true,
            _ => {}
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
        if self.fault == Fault::HoardsAnswers {
            self.hoard.clear();
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
        self.closed = self.fault != Fault::NeverCloses;
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

type Law = fn(&Subject<'_, Toy, Toy>);

/// Runs a law on a pair of which `a` has a fault; gives the message of the panic, if there was one.
fn broken(fault: Fault, law: Law) -> Option<String> {
    let made = std::cell::Cell::new(0);
    let make = |_: u64| {
        made.set(made.get() + 1);
        let salt = if fault == Fault::Unrepeatable { made.get() } else { 0 };
        // An understanding by noise alone takes two that believe it.
        let other = if fault == Fault::BelievesNoise { fault } else { Fault::None };
        (Toy::new(fault, salt), Toy::new(other, 0))
    };
    // Both must be greeted: that of `z` shows that `a` still answers.
    let done = |a: &Toy, z: &Toy| a.greeted && z.greeted;
    let subject = Subject { make: &make, done: &done, memory: 10_000 };
    let panic = catch_unwind(AssertUnwindSafe(|| law(&subject))).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
}

#[test]
fn a_machine_without_faults_keeps_all_laws() {
    let all: Law = |subject| subject.keeps_all_laws();
    assert_eq!(broken(Fault::None, all), None);
}

#[test]
fn each_law_catches_its_violation() {
    let timeouts: Law = |subject| subject.early_late_and_repeated_timeouts_are_harmless();
    let death: Law = |subject| subject.quiet_after_death();
    let noise: Law = |subject| subject.noise_is_harmless();
    let bounds: Law = |subject| subject.bounds();
    let cases: [(Fault, Law, &str); 14] = [
        (
            Fault::NeedsDraining,
            |subject| subject.draining_is_optional(),
            "draining is optional; no understanding",
        ),
        (Fault::Spins, |subject| subject.no_spin(), "a deadline is due again"),
        (Fault::Unrepeatable, |subject| subject.replay(), "law: replay; datagram 0"),
        (
            Fault::BelievesOldTimes,
            |subject| subject.time_never_goes_back(),
            // It sets its deadline a long time ago, again and again.
            "time does not pass",
        ),
        (
            Fault::BacksOffWhenCalled,
            timeouts,
            "law: early, late and repeated timeouts are harmless; datagram",
        ),
        (Fault::SendsAtAnyTime, timeouts, "time does not pass"),
        (Fault::HatesLateness, timeouts, "called too late"),
        (Fault::SpeaksAfterDeath, death, "it speaks"),
        (Fault::NeverCloses, death, "closing never ends"),
        (Fault::StopsAtNoise, noise, "law: noise is harmless; no understanding"),
        (Fault::BelievesNoise, noise, "they believe it"),
        (Fault::Panics, noise, "not words"),
        (Fault::Hoards, bounds, "law: bounds"),
        (Fault::HoardsAnswers, bounds, "drained: false"),
    ];
    for (fault, law, text) in cases {
        let message = broken(fault, law).unwrap_or_else(|| panic!("{fault:?} was not caught"));
        assert!(message.contains(text), "{fault:?} was caught by: {message}");
    }
}
