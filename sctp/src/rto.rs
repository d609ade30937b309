//! Round-trip times and the retransmission time-out (RFC 9260 section 6.3.1).

use std::time::Duration;

use crate::config::Config;
use crate::snapshot::{SnapshotError, SnapshotInput, SnapshotOutput};

/// The estimator of one path.
#[derive(Clone, Debug)]
pub(crate) struct Rto {
    srtt: Option<Duration>,
    rttvar: Duration,
    least: Option<Duration>,
    current: Duration,
    /// In microseconds, as they are kept for as long as the association lives.
    min: u32,
    max: u32,
}

impl Rto {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            srtt: None,
            rttvar: Duration::ZERO,
            least: None,
            current: config.rto_initial,
            min: micros(config.rto_min),
            max: micros(config.rto_max),
        }
    }

    /// A round trip of something sent once (Karn). Also undoes earlier back-off.
    pub(crate) fn measure(&mut self, rtt: Duration) {
        let srtt = match self.srtt {
            None => {
                self.rttvar = rtt / 2;
                rtt
            }
            Some(srtt) => {
                self.rttvar = self.rttvar * 3 / 4 + srtt.abs_diff(rtt) / 4;
                srtt * 7 / 8 + rtt / 8
            }
        };
        self.srtt = Some(srtt);
        self.least = Some(self.least.map_or(rtt, |least| least.min(rtt)));
        // A variance of zero is taken as one tick of the clock, section 6.3.1 rule C4 and G.
        let variance = self.rttvar.max(Duration::from_millis(1));
        self.current = self.bounded(srtt + 4 * variance);
    }

    pub(crate) fn write(&self, out: &mut SnapshotOutput) {
        out.option(self.srtt, SnapshotOutput::duration);
        out.duration(self.rttvar);
        out.option(self.least, SnapshotOutput::duration);
        out.duration(self.current);
    }

    pub(crate) fn read(&mut self, input: &mut SnapshotInput<'_>) -> Result<(), SnapshotError> {
        self.srtt = input.option(SnapshotInput::duration)?;
        self.rttvar = input.duration()?;
        self.least = input.option(SnapshotInput::duration)?;
        self.current = self.bounded(input.duration()?);
        Ok(())
    }

    /// Doubled after every expiry, rule E2.
    pub(crate) fn back_off(&mut self) {
        self.current = self.bounded(self.current * 2);
    }

    fn bounded(&self, rto: Duration) -> Duration {
        rto.clamp(Duration::from_micros(self.min.into()), Duration::from_micros(self.max.into()))
    }

    pub(crate) fn current(&self) -> Duration {
        self.current
    }

    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.srtt
    }

    /// The smallest round trip seen.
    pub(crate) fn least(&self) -> Option<Duration> {
        self.least
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// The time-out before attempt `attempt` (0 the first) is repeated.
pub(crate) fn backed_off(initial: Duration, max: Duration, attempt: u32) -> Duration {
    initial.saturating_mul(1 << attempt.min(16)).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_measurement_sets_srtt_and_half_of_it_as_variance() {
        let mut rto = Rto::new(&Config::default());
        assert_eq!(rto.current(), 500 * MS);
        rto.measure(400 * MS);
        assert_eq!(rto.smoothed(), Some(400 * MS));
        assert_eq!(rto.current(), 1200 * MS);
        rto.measure(400 * MS);
        assert_eq!(rto.current(), 1000 * MS);
    }

    #[test]
    fn back_off_doubles_up_to_the_maximum_and_a_measurement_ends_it() {
        let mut rto = Rto::new(&Config::default());
        (0..20).for_each(|_| rto.back_off());
        assert_eq!(rto.current(), Config::default().rto_max);
        rto.measure(10 * MS);
        assert_eq!(rto.current(), Config::default().rto_min);
    }
}
