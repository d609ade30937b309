//! When to report; RFC 3550 sections 6.2, 6.3 and appendix A.7.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::ChaCha20Rng;

use super::SessionConfig;

/// The transmission timer with its reconsideration.
#[derive(Debug)]
pub(super) struct Schedule {
    last: Instant,
    next: Instant,
    /// Mean size of a compound with the headers below it, in octets.
    mean_size: f64,
}

/// UDP and IPv4 headers, which count as RTCP's own; RFC 3550 section 6.2.
const HEADERS: f64 = 28.0;
/// e - 3/2: makes up for reconsideration, which lowers the rate; RFC 3550 section 6.3.1.
const COMPENSATION: f64 = 1.218_28;

impl Schedule {
    /// The first report comes after about half an interval; RFC 3550 section 6.2.
    pub(super) fn new(now: Instant, config: &SessionConfig, members: usize, rng: &mut ChaCha20Rng) -> Self {
        let mut schedule = Self { last: now, next: now, mean_size: 128.0 };
        schedule.next = now + schedule.interval(config, members, rng) / 2;
        schedule
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Whether to report now. If more members have come since the timer was set, it is set once more instead.
    pub(super) fn expired(
        &mut self,
        now: Instant,
        config: &SessionConfig,
        members: usize,
        rng: &mut ChaCha20Rng,
    ) -> bool {
        if now < self.next {
            return false;
        }
        let reconsidered = self.last + self.interval(config, members, rng) / 2;
        if reconsidered > now {
            self.next = reconsidered;
            return false;
        }
        self.last = now;
        self.next = now + self.interval(config, members, rng).max(Duration::from_millis(1));
        true
    }

    /// A compound of `len` octets has gone out.
    pub(super) fn sent(&mut self, len: usize) {
        let size = f64::from(u32::try_from(len).unwrap_or(u32::MAX)) + HEADERS;
        self.mean_size += (size - self.mean_size) / 16.0;
    }

    /// The interval for this many members, spread over 0.5 to 1.5 of its mean.
    fn interval(&self, config: &SessionConfig, members: usize, rng: &mut ChaCha20Rng) -> Duration {
        let members = f64::from(u32::try_from(members).unwrap_or(u32::MAX));
        let octets_per_second = (f64::from(config.bandwidth) / 8.0 * 0.05).max(1.0);
        let fair = Duration::try_from_secs_f64(members * self.mean_size / octets_per_second);
        let mean = fair.unwrap_or(Duration::from_secs(3600)).max(config.minimum_interval);
        mean.mul_f64(rng.random_range(0.5..1.5) / COMPENSATION)
    }
}
