//! When the next packet may leave, so that a window does not leave as one burst.

use std::time::{Duration, Instant};

/// Octets that may leave at once after a pause: the first window of RFC 6928.
const BURST: u64 = 10 * 1200;
/// What may leave at once at high rates, so that timers need not be finer.
const TICK: Duration = Duration::from_millis(1);

/// Spreads packets in time.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    /// Octets a second; `None` does not pace.
    rate: Option<u64>,
    /// When what has left would have left at the rate.
    free_at: Option<Instant>,
    /// Something would leave were it not for the pacer.
    waiting: bool,
}

impl Pacer {
    pub(crate) const EMPTY: Self = Self { rate: None, free_at: None, waiting: false };

    pub(crate) fn set_rate(&mut self, rate: Option<u64>) {
        self.rate = rate;
    }

    /// Whether a packet may leave.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.rate.is_none() || self.free_at.is_none_or(|at| at <= now)
    }

    pub(crate) fn on_sent(&mut self, now: Instant, octets: usize) {
        let Some(rate) = self.rate.filter(|&rate| rate > 0) else {
            self.free_at = None;
            return;
        };
        let time = |octets: u64| Duration::from_nanos(octets.saturating_mul(1_000_000_000) / rate);
        let credit = time(BURST).max(TICK);
        let earliest = now.checked_sub(credit).unwrap_or(now);
        let from = self.free_at.map_or(earliest, |at| at.max(earliest));
        self.free_at = Some(from + time(octets as u64));
    }

    /// Whether a packet is ready that may not leave yet.
    pub(crate) fn set_waiting(&mut self, waiting: bool) {
        self.waiting = waiting;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.free_at.filter(|_| self.waiting)
    }

    pub(crate) fn on_timeout(&mut self, now: Instant) {
        self.waiting &= !self.is_open(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::clock::origin;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_leaves_at_once_and_then_one_packet_at_a_time() {
        let mut pacer = Pacer::default();
        pacer.set_rate(Some(120_000));
        let mut sent = 0;
        while pacer.is_open(origin()) {
            pacer.on_sent(origin(), 1200);
            sent += 1;
        }
        assert_eq!(sent, 11);
        pacer.set_waiting(true);
        assert_eq!(pacer.deadline(), Some(origin() + 10 * MS));
        pacer.on_timeout(origin() + 10 * MS);
        assert_eq!(pacer.deadline(), None);
        assert!(pacer.is_open(origin() + 10 * MS));
        pacer.on_sent(origin() + 10 * MS, 1200);
        assert!(!pacer.is_open(origin() + 19 * MS) && pacer.is_open(origin() + 20 * MS));
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut pacer = Pacer::default();
        (0..1000).for_each(|_| pacer.on_sent(origin(), 1200));
        assert!(pacer.is_open(origin()));
    }
}
