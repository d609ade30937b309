//! HyStart++ (RFC 9406): leaves slow start when round trips grow, before the queue overflows.

use std::time::Duration;

/// Bounds of the growth of the round trip that ends slow start, RFC 9406 section 4.3.
const LEAST_GROWTH: Duration = Duration::from_millis(4);
const MOST_GROWTH: Duration = Duration::from_millis(16);
/// Samples of a round before it is judged.
const SAMPLES: u32 = 8;
/// Rounds of slower growth before slow start is over.
const SLOW_ROUNDS: u32 = 5;
/// How much slower they grow.
const SLOWER: usize = 4;

/// Slow start, and whether it has become conservative.
#[derive(Debug, Default)]
pub(super) struct HyStart {
    last: Option<Duration>,
    current: Option<Duration>,
    samples: u32,
    conservative: Option<Conservative>,
}

#[derive(Debug)]
struct Conservative {
    /// The round trip that made us careful; one below it says that the growth was noise.
    baseline: Duration,
    rounds: u32,
}

impl HyStart {
    /// Octets that the window grows by, and whether slow start is over.
    pub(super) fn on_ack(&mut self, bytes: usize, rtt: Option<Duration>, round: bool) -> (usize, bool) {
        if round {
            self.last = self.current.take();
            self.samples = 0;
            if let Some(conservative) = &mut self.conservative {
                conservative.rounds += 1;
                if conservative.rounds >= SLOW_ROUNDS {
                    return (bytes / SLOWER, true);
                }
            }
        }
        if let Some(rtt) = rtt {
            self.current = Some(self.current.map_or(rtt, |least| least.min(rtt)));
            self.samples += 1;
        }
        if self.samples >= SAMPLES
            && let (Some(current), Some(last)) = (self.current, self.last)
        {
            match &self.conservative {
                Some(conservative) if current < conservative.baseline => self.conservative = None,
                None if current >= last + (last / 8).clamp(LEAST_GROWTH, MOST_GROWTH) => {
                    self.conservative = Some(Conservative { baseline: current, rounds: 0 });
                }
                _ => {}
            }
        }
        (if self.conservative.is_some() { bytes / SLOWER } else { bytes }, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn round(start: &mut HyStart, rtt: Duration) -> (usize, bool) {
        let mut last = start.on_ack(1000, Some(rtt), true);
        for _ in 1..SAMPLES {
            if last.1 {
                return last;
            }
            last = start.on_ack(1000, Some(rtt), false);
        }
        last
    }

    #[test]
    fn growth_of_an_eighth_slows_down_and_five_rounds_of_it_end_slow_start() {
        let mut start = HyStart::default();
        assert_eq!(round(&mut start, 80 * MS), (1000, false));
        assert_eq!(round(&mut start, 89 * MS), (1000, false), "below the threshold of 10 ms");
        assert_eq!(round(&mut start, 101 * MS), (250, false));
        for _ in 0..4 {
            assert_eq!(round(&mut start, 105 * MS), (250, false));
        }
        assert_eq!(round(&mut start, 105 * MS), (250, true));
    }

    #[test]
    fn a_round_trip_below_the_baseline_says_that_it_was_noise() {
        let mut start = HyStart::default();
        round(&mut start, 50 * MS);
        assert_eq!(round(&mut start, 60 * MS), (250, false));
        assert_eq!(round(&mut start, 51 * MS), (1000, false));
    }
}
