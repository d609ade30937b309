//! Wall-clock time as it stands in sender reports.

use std::time::Duration;

/// A time in units of 2^-32 s since 1900; RFC 3550 section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from 1900 to 1970.
    const UNIX: u64 = 2_208_988_800;

    /// The time this long after the beginning of 1970.
    pub fn from_unix(since: Duration) -> Self {
        Self(Self::UNIX << 32).plus(since)
    }

    /// This much later; wraps in 2036, as the format does.
    pub fn plus(self, duration: Duration) -> Self {
        let fraction = (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000;
        Self(self.0.wrapping_add(duration.as_secs().wrapping_shl(32)).wrapping_add(fraction))
    }

    /// The middle 32 bits, units of 2^-16 s: what a report repeats of another.
    #[expect(clippy::cast_possible_truncation, reason = "the middle bits are what is wanted")]
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The round trip that a block shows at this time: what has passed since the report, less the delay at the other
    /// end. `None` without a report, or where the figures contradict each other; RFC 3550 section 6.4.1.
    pub(super) fn round_trip(self, last_sender_report: u32, delay_since_last: u32) -> Option<Duration> {
        if last_sender_report == 0 {
            return None;
        }
        let units = self.middle().wrapping_sub(last_sender_report).wrapping_sub(delay_since_last);
        // More than half a cycle back is a negative round trip.
        (units < 0x8000_0000).then(|| Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of RFC 3550 section 6.4.1, figure 2.
    #[test]
    fn the_round_trip_of_the_rfc_is_6125_ms() {
        let arrival = NtpTime(0xb710_8000 << 16);
        let round_trip = arrival.round_trip(0xb705_2000, 0x0005_4000);
        assert_eq!(round_trip, Some(Duration::from_millis(6125)));
        assert_eq!(arrival.round_trip(0, 0), None);
        assert_eq!(arrival.round_trip(0xb710_8000, 1), None);
    }

    #[test]
    fn a_fraction_of_a_second_is_a_fraction() {
        assert_eq!(NtpTime(0).plus(Duration::from_millis(1500)), NtpTime(3 << 31));
        assert_eq!(NtpTime::from_unix(Duration::ZERO).0 >> 32, 2_208_988_800);
    }
}
