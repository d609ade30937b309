//! When a request is sent again, as a pure function of the attempt; RFC 8489 section 6.2.

use core::time::Duration;

/// The retransmission schedule of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The first wait; it doubles with each attempt. Default 500 ms, more where the network is slow; RFC 8489
    /// section 6.2.1.
    pub rto: Duration,
    /// Times the request is sent in all (Rc), 1 or more, default 7. With 1 the request is sent once, as on a
    /// reliable transport.
    pub attempts: u32,
    /// The wait after the last attempt, in units of `rto` (Rm), default 16.
    pub last_wait: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::UDP
    }
}

impl Schedule {
    /// The values of RFC 8489 section 6.2.1: seven requests, given up after 39.5 s.
    //= rfc8489#6.2.1-10
    pub const UDP: Self = Self { rto: Duration::from_millis(500), attempts: 7, last_wait: 16 };

    /// One request, given up after 39.5 s (Ti); RFC 8489 section 6.2.2.
    pub const RELIABLE: Self = Self { rto: Duration::from_millis(39_500), attempts: 1, last_wait: 1 };

    /// The same schedule from another first wait.
    #[must_use]
    pub const fn with_rto(self, rto: Duration) -> Self {
        Self { rto, ..self }
    }

    /// How long to wait for an answer after the `attempt`th sending, counted from 1; `None` past the last.
    pub fn wait_after(&self, attempt: u32) -> Option<Duration> {
        let factor = match attempt {
            0 => return None,
            last if last == self.attempts => self.last_wait,
            earlier if earlier < self.attempts => 1u32.checked_shl(earlier - 1).unwrap_or(u32::MAX),
            _ => return None,
        };
        Some(self.rto.saturating_mul(factor))
    }

    /// From the first sending to giving up.
    pub fn total(&self) -> Duration {
        (1..=self.attempts)
            .filter_map(|attempt| self.wait_after(attempt))
            .fold(Duration::ZERO, Duration::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc8489#6.2.1-10 test
    #[test]
    fn the_example_of_the_rfc_gives_up_after_39500_ms() {
        let mut at = 0;
        let sent: Vec<u128> = (1..=7)
            .map(|attempt| {
                let sent_at = at;
                at += Schedule::UDP.wait_after(attempt).unwrap().as_millis();
                sent_at
            })
            .collect();
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 15500, 31500]);
        assert_eq!(at, 39_500);
        assert_eq!(Schedule::UDP.total(), Duration::from_millis(39_500));
        assert_eq!(Schedule::RELIABLE.total(), Duration::from_millis(39_500));
    }

    #[test]
    fn absurd_schedules_saturate() {
        let schedule = Schedule { rto: Duration::MAX, attempts: 40, last_wait: u32::MAX };
        assert_eq!(schedule.wait_after(39), Some(Duration::MAX));
        assert_eq!(schedule.wait_after(41), None);
        assert_eq!(schedule.total(), Duration::MAX);
    }
}
