//! The first wait of a request, from the round trips measured before; RFC 8489 section 6.2.1 and RFC 6298.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::rto::Schedule;
use crate::transaction::Transaction;

/// After this long without a transaction, what was measured no longer counts; RFC 8489 section 6.2.1.
const STALE: Duration = Duration::from_secs(600);
/// Servers remembered; the one that was heard of longest ago makes room. About 80 octets each.
const LIMIT: usize = 64;
/// G, the granularity of the clock.
const GRANULARITY: Duration = Duration::from_millis(1);
/// The least first wait. All of a request's time is 79 times that (Rc 7, Rm 16), so that a server on the same network
/// would otherwise be given up after less than a tenth of a second; 100 ms make 7.9 s.
///
/// RFC 8489 section 6.2.1 asks for 500 ms where nothing has been measured yet, which is [`crate::rto::Schedule::UDP`]. For
/// what has been measured it names no least, and takes away the second that RFC 6298 has; so this is ours.
const LEAST: Duration = Duration::from_millis(100);
/// Longer samples count as this long: nothing waits longer for an answer, and sums stay small.
const LONGEST: Duration = Duration::from_secs(60);

/// Smoothed round trip and its variation; RFC 6298 section 2.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    smoothed: Duration,
    variation: Duration,
    used: Instant,
}

/// What is known of the way to each server, told apart by address alone.
#[derive(Debug, Default)]
pub(crate) struct RoundTrips {
    servers: BTreeMap<IpAddr, Estimate>,
}

impl RoundTrips {
    /// The given schedule, from the measured first wait where there is one.
    //= rfc8489#6.2.1-8
    pub(crate) fn schedule(&mut self, now: Instant, server: SocketAddr, given: Schedule) -> Schedule {
        // Sent once, as on a reliable transport: there is nothing to pace.
        if given.attempts <= 1 {
            return given;
        }
        self.rto(now, server.ip()).map_or(given, |rto| given.with_rto(rto))
    }

    /// Learns from an answered transaction, if it can be told which sending was answered.
    //= rfc8489#6.2.1-7
    pub(crate) fn take<Tag>(&mut self, now: Instant, server: SocketAddr, answered: &Transaction<Tag>) {
        if let Some(sample) = answered.round_trip(now) {
            self.measure(now, server.ip(), sample);
        }
    }

    /// The first wait for a request to `server`; `None` where nothing fresh is known.
    fn rto(&mut self, now: Instant, server: IpAddr) -> Option<Duration> {
        let known = self.servers.get_mut(&server)?;
        if now.saturating_duration_since(known.used) > STALE {
            self.servers.remove(&server);
            return None;
        }
        known.used = now;
        // No rounding up to a second, unlike TCP.
        Some((known.smoothed + GRANULARITY.max(known.variation * 4)).max(LEAST))
    }

    /// Takes in a round trip; the caller gives none where a request was repeated (Karn's rule).
    fn measure(&mut self, now: Instant, server: IpAddr, sample: Duration) {
        let sample = sample.min(LONGEST);
        let fresh = |known: &&Estimate| now.saturating_duration_since(known.used) <= STALE;
        let (smoothed, variation) = match self.servers.get(&server).filter(fresh) {
            Some(known) => {
                let variation = (known.variation * 3 + known.smoothed.abs_diff(sample)) / 4;
                ((known.smoothed * 7 + sample) / 8, variation)
            }
            None => (sample, sample / 2),
        };
        if !self.servers.contains_key(&server) && self.servers.len() >= LIMIT {
            let oldest = self.servers.iter().min_by_key(|(_, known)| known.used).map(|(ip, _)| *ip);
            oldest.map(|ip| self.servers.remove(&ip));
        }
        self.servers.insert(server, Estimate { smoothed, variation, used: now });
    }
}

#[cfg(test)]
mod tests {
    use nomagic_testkit::clock::origin;

    use super::*;

    const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const MS: fn(u64) -> Duration = Duration::from_millis;

    //= rfc8489#6.2.1-4 test
    //= rfc8489#6.2.1-5 test
    #[test]
    fn the_formulas_of_rfc_6298_without_its_least_second() {
        let mut trips = RoundTrips::default();
        assert_eq!(trips.rto(origin(), SERVER), None);
        trips.measure(origin(), SERVER, MS(80));
        assert_eq!(trips.rto(origin(), SERVER), Some(MS(80 + 4 * 40)));
        // Variation (3 * 40 + 80) / 4 = 50, smoothed (7 * 80 + 160) / 8 = 90.
        trips.measure(origin(), SERVER, MS(160));
        assert_eq!(trips.rto(origin(), SERVER), Some(MS(90 + 4 * 50)));
    }

    #[test]
    fn samples_beyond_reason_are_cut_at_both_ends() {
        let mut trips = RoundTrips::default();
        trips.measure(origin(), SERVER, Duration::ZERO);
        assert_eq!(trips.rto(origin(), SERVER), Some(LEAST));
        let mut trips = RoundTrips::default();
        trips.measure(origin(), SERVER, Duration::MAX);
        trips.measure(origin(), SERVER, Duration::MAX);
        assert_eq!(trips.rto(origin(), SERVER), Some(LONGEST + LONGEST / 8 * 3 * 4));
    }

    //= rfc8489#6.2.1-9 test
    #[test]
    fn after_ten_minutes_of_silence_nothing_is_known() {
        let mut trips = RoundTrips::default();
        trips.measure(origin(), SERVER, MS(80));
        let ten_minutes = Duration::from_secs(600);
        let still = origin() + ten_minutes;
        assert_eq!(trips.rto(still, SERVER), Some(MS(240)));
        assert_eq!(trips.rto(still + ten_minutes, SERVER), Some(MS(240)), "being used keeps it fresh");
        assert_eq!(trips.rto(still + ten_minutes * 2 + MS(1), SERVER), None);
    }

    #[test]
    fn the_server_used_longest_ago_makes_room() {
        let mut trips = RoundTrips::default();
        let ip = |n: usize| IpAddr::V4(std::net::Ipv4Addr::from_bits(u32::try_from(n).unwrap()));
        for n in 0..=LIMIT {
            trips.measure(origin() + MS(u64::try_from(n).unwrap()), ip(n), MS(80));
        }
        assert_eq!(trips.servers.len(), LIMIT);
        assert_eq!(trips.rto(origin() + MS(100), ip(0)), None);
        assert!(trips.rto(origin() + MS(100), ip(1)).is_some());
    }
}
