//! The harness is held to its word with a machine that says what it is told to.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Sends at set times and notes what it is told, and when.
#[derive(Debug, Default)]
struct Scripted {
    timers: Vec<Instant>,
    waiting: Vec<Vec<u8>>,
    notes: Vec<String>,
    spins: bool,
}

impl Scripted {
    fn note(&mut self, now: Instant, what: &str) {
        let time = (now - crate::clock::origin()).as_millis();
        self.notes.push(format!("{time} {what}"));
    }
}

impl Machine for Scripted {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.note(now, &Self::describe(datagram));
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.note(now, "timer");
        if !self.spins {
            self.timers.retain(|due| *due > now);
        } else {
            self.notes.clear();
        }
    }

    fn poll_transmit(&mut self, _: Instant, out: &mut Vec<u8>) -> bool {
        self.waiting.pop().map(|bytes| out.extend(bytes)).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.iter().min().copied()
    }

    fn close(&mut self, _: Instant) {}

    fn is_closed(&self) -> bool {
        false
    }

    fn drain_events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn describe(datagram: &[u8]) -> String {
        String::from_utf8_lossy(datagram).into_owned()
    }
}

fn pair(link: fn() -> Link) -> Pair<Scripted, Scripted> {
    Pair::new(Scripted::default(), Scripted::default(), link, 1)
}

#[test]
fn one_step_handles_one_thing_and_ties_go_to_the_older() {
    let mut pair = pair(|| Link::latency(10 * MS));
    let start = pair.now();
    // The timer is set before the datagram leaves, the other's after: both are due when it arrives.
    pair.z.timers = vec![start + 10 * MS];
    assert!(pair.step());
    assert_eq!(pair.z.notes, ["10 timer"]);
    pair.z.waiting = vec![b"late".to_vec()];
    pair.a.timers = vec![start + 15 * MS];
    assert!(pair.step());
    pair.a.timers = vec![start + 20 * MS];
    assert!(pair.step());
    assert_eq!(pair.a.notes, ["15 timer", "20 late"]);
    assert!(pair.step());
    assert_eq!(pair.a.notes[2], "20 timer");
    assert!(!pair.step());
}

#[test]
fn a_run_of_some_time_ends_at_that_time() {
    let mut pair = pair(|| Link::latency(10 * MS));
    pair.a.waiting = vec![b"hello".to_vec()];
    pair.run_for(9 * MS);
    assert!(pair.z.notes.is_empty());
    pair.run_for(MS);
    assert_eq!(pair.z.notes, ["10 hello"]);
    pair.run_for(90 * MS);
    assert_eq!(pair.elapsed(), 100 * MS);
    let counted = pair.counters(Way::Out);
    assert_eq!((counted.sent, counted.delivered, counted.delivered_bytes, counted.lost), (1, 1, 5, 0));
}

#[test]
fn links_can_change_on_the_way_and_the_ladder_shows_it() {
    let mut pair = pair(Link::new);
    pair.a.waiting = vec![b"one".to_vec()];
    pair.run_quiet();
    pair.set_links(Link::new().loss(1.0), Link::new());
    pair.a.waiting = vec![b"two".to_vec()];
    pair.run_quiet();
    pair.inject(Way::Back, b"three");
    assert_eq!(pair.lost(), (1, 0));
    assert_eq!(pair.a.notes, ["0 three"]);
    let ladder = "+0.000  a ------> z  one\n\
                  +0.000  a ---x    two          dropped: loss\n\
                  +0.000  a <------ z  three          injected\n";
    assert_eq!(pair.ladder().to_string(), ladder);
}

#[test]
fn runs_without_an_end_are_ended() {
    let panics = |run: fn(&mut Pair<Scripted, Scripted>)| {
        let mut pair = pair(Link::new).limits(Duration::from_secs(1), 1000);
        catch_unwind(AssertUnwindSafe(|| run(&mut pair))).is_err()
    };
    assert!(panics(|pair| pair.run_until(|_| false)), "nothing happens");
    assert!(panics(|pair| {
        (pair.a.spins, pair.a.timers) = (true, vec![pair.now()]);
        pair.run_quiet();
    }));
    assert!(panics(|pair| {
        pair.a.timers = vec![pair.now() + Duration::from_secs(2)];
        pair.run_quiet();
    }));
    assert!(!panics(|pair| pair.run_for(Duration::from_secs(5))));
}
