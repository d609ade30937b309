//! How much the peer may send that the application has not pulled: as much as the path asks for, up to a limit.
//!
//! Whoever fills a window sends it once a round trip, perhaps in one burst; two of them take a round trip at least. So if two
//! windows are pulled in not much more than the shortest time that ever took, the window may be what holds the peer back, and
//! is doubled; it rests once two of them take four times as long, which is room for a queue on the path as large as what the
//! path itself holds. An application that does not pull is given no more.

use std::time::{Duration, Instant};

/// The window at first; octets.
const START: usize = 2 << 20;

#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    most: usize,
}

/// How fast the window is used.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pulled: usize,
    since: Option<Instant>,
    shortest: Option<Duration>,
}

impl Window {
    pub(super) fn new(most: usize) -> Self {
        Self { size: start(most), most }
    }

    pub(super) fn octets(&self) -> usize {
        self.size
    }

    /// What the peer was allowed before is not known: all is.
    pub(super) fn open(&mut self) {
        self.size = self.most;
    }

    /// Less than this is not enough.
    pub(super) fn reach(&mut self, octets: usize) {
        self.size = self.size.max(octets.min(self.most));
    }

    /// The application has pulled this much.
    pub(super) fn on_pulled(&mut self, now: Instant, octets: usize, pace: &mut Pace) {
        let since = *pace.since.get_or_insert(now);
        pace.pulled += octets;
        if pace.pulled < 2 * self.size {
            return;
        }
        let time = now.saturating_duration_since(since);
        let shortest = pace.shortest.map_or(time, |shortest| shortest.min(time));
        // Both are zero where the clock is too coarse for the path.
        if time <= 4 * shortest {
            self.size = (2 * self.size).min(self.most);
        }
        *pace = Pace { pulled: 0, since: Some(now), shortest: Some(shortest) };
    }
}

/// The first window under this limit.
pub(crate) fn start(most: usize) -> usize {
    most.min(START)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::clock::origin;

    const MS: Duration = Duration::from_millis(1);

    /// The window after `seconds` in which the peer sends this much a second, or a window each 100 ms if that is less.
    fn after(seconds: u32, rate: usize, most: usize) -> usize {
        let (mut window, mut pace) = (Window::new(most), Pace::default());
        for k in 0..seconds * 1000 {
            let octets = (rate / 1000).min(window.octets() / 100);
            window.on_pulled(origin() + k * MS, octets, &mut pace);
        }
        window.octets()
    }

    #[test]
    fn it_grows_to_twice_what_a_round_trip_brings_and_not_beyond_the_limit() {
        // 6 MB a round trip.
        let size = after(20, 60_000_000, 64 << 20);
        assert!((12_000_000..36_000_000).contains(&size), "{size}");
        assert_eq!(after(20, 60_000_000, 5 << 20), 5 << 20);
        assert_eq!(after(20, 60_000_000, 50_000), 50_000);
    }

    #[test]
    fn a_path_faster_than_the_clock_gets_all() {
        let (mut window, mut pace) = (Window::new(8 << 20), Pace::default());
        (0..100).for_each(|_| window.on_pulled(origin(), 1 << 20, &mut pace));
        assert_eq!(window.octets(), 8 << 20);
    }

    #[test]
    fn a_slow_sender_is_given_little_more() {
        assert!(after(60, 1_000_000, 64 << 20) <= 4 * START);
    }
}
