//! HyStart++ (RFC 9406): leaves slow start when round trips grow, before the queue overflows.

use std::time::Duration;

/// Which part of the round trip it may grow by before slow start ends, and the bounds of that, RFC 9406 section 4.3.
const PART: u32 = 8;
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
                None if current >= last + (last / PART).clamp(LEAST_GROWTH, MOST_GROWTH) => {
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

    /// RFC 9406 section 4.3: MIN_RTT_THRESH, MAX_RTT_THRESH, MIN_RTT_DIVISOR, N_RTT_SAMPLE, CSS_GROWTH_DIVISOR, CSS_ROUNDS.
    #[test]
    fn the_constants_are_those_of_rfc_9406() {
        assert_eq!((LEAST_GROWTH, MOST_GROWTH, PART), (4 * MS, 16 * MS, 8));
        assert_eq!((SAMPLES, SLOWER, SLOW_ROUNDS), (8, 4, 5));
        // On short round trips 4 ms are needed, on long ones 16 ms do.
        for (before, after, slower) in [(16, 19, false), (16, 20, true), (400, 415, false), (400, 416, true)]
        {
            let mut start = HyStart::default();
            round(&mut start, before * MS);
            assert_eq!(round(&mut start, after * MS).0 == 250, slower, "{before} ms and then {after} ms");
        }
    }

    #[test]
    fn fewer_than_eight_samples_judge_nothing() {
        let mut start = HyStart::default();
        round(&mut start, 50 * MS);
        let mut grown = start.on_ack(1000, Some(80 * MS), true);
        for _ in 0..6 {
            assert_eq!(grown, (1000, false));
            grown = start.on_ack(1000, Some(80 * MS), false);
        }
        assert_eq!(grown, (1000, false));
        assert_eq!(start.on_ack(1000, Some(80 * MS), false), (250, false));
    }

    #[test]
    fn a_round_trip_below_the_baseline_says_that_it_was_noise() {
        let mut start = HyStart::default();
        round(&mut start, 50 * MS);
        assert_eq!(round(&mut start, 60 * MS), (250, false));
        assert_eq!(round(&mut start, 51 * MS), (1000, false));
    }
}
