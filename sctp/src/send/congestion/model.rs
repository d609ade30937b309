//! A model of the path instead of a reaction to loss: what it delivers and how short its round trip is. Packets leave at
//! the rate delivered, and about two such round trips may be in flight; random loss does not slow it down.
//!
//! In the manner of BBR: the rate is the most of the last ten rounds, probed for one round in eight with a quarter more
//! and drained after; the round trip is the least of ten seconds, looked for with half the window if it got old.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Acked, Congestion, paced};

/// Rounds that a rate is remembered.
const RATE_ROUNDS: u64 = 10;
/// How long a round trip is remembered.
const TRIP_LIFE: Duration = Duration::from_secs(10);
/// How long a shorter round trip is looked for.
const TRIP_PROBE: Duration = Duration::from_millis(200);
/// Rounds without a quarter more delivered that end the start.
const FLAT_ROUNDS: u32 = 3;
/// Rates in turn while probing, in hundredths; one a round trip.
const CYCLE: [u64; 8] = [125, 75, 100, 100, 100, 100, 100, 100];
/// 2 / ln 2: doubles the rate in each round.
const START_GAIN: u64 = 289;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Doubling until the rate stays flat.
    Start { best: u64, flat: u32 },
    /// Emptying the queue that the start has filled.
    Drain,
    /// Cruising at the rate, asking for more at times.
    Probe { step: usize, since: Instant },
    /// Little in flight, to see the round trip without a queue.
    Trip { until: Instant },
}

/// The controller.
#[derive(Debug)]
pub(crate) struct Model {
    phase: Phase,
    round: u64,
    /// Rates with their round, falling in both: the first is the most.
    rates: VecDeque<(u64, u64)>,
    trip: Option<(Duration, Instant)>,
    /// T3 expired and nothing was acknowledged since.
    silent: bool,
    packet: usize,
    initial: usize,
    most: usize,
}

impl Model {
    /// `packet`: octets of the largest packet; `initial` and `most`: first and largest window in packets.
    pub(crate) fn new(packet: usize, initial: usize, most: usize) -> Self {
        Self {
            phase: Phase::Start { best: 0, flat: 0 },
            round: 0,
            rates: VecDeque::with_capacity(16),
            trip: None,
            silent: false,
            packet,
            initial,
            most,
        }
    }

    fn rate(&self) -> Option<u64> {
        self.rates.front().map(|&(rate, _)| rate)
    }

    /// Octets that fill the path without a queue.
    fn product(&self) -> Option<usize> {
        let octets = u128::from(self.rate()?) * self.trip?.0.as_nanos() / 1_000_000_000;
        Some(usize::try_from(octets).unwrap_or(usize::MAX / 16).min(usize::MAX / 16))
    }

    fn note_rate(&mut self, acked: &Acked) {
        let Some(sample) = acked.rate else { return };
        let rate = sample.octets_per_second;
        if sample.limited && self.rate().is_some_and(|most| rate < most) {
            return;
        }
        while self.rates.back().is_some_and(|&(last, _)| last <= rate) {
            self.rates.pop_back();
        }
        self.rates.push_back((rate, self.round));
        while self.rates.len() > 1
            && self.rates.front().is_some_and(|&(_, round)| round + RATE_ROUNDS < self.round)
        {
            self.rates.pop_front();
        }
        // One for each round is enough.
        self.rates.truncate(16);
    }

    fn note_trip(&mut self, acked: &Acked) {
        let Some(rtt) = acked.rtt else { return };
        match self.trip {
            Some((least, at)) if rtt > least => {
                if acked.now >= at + TRIP_LIFE {
                    match self.phase {
                        Phase::Trip { .. } | Phase::Start { .. } => {}
                        _ => self.phase = Phase::Trip { until: acked.now + TRIP_PROBE.max(least) },
                    }
                    // The least of the probe counts from now on.
                    self.trip = Some((rtt, acked.now));
                }
            }
            _ => self.trip = Some((rtt, acked.now)),
        }
    }

    fn advance(&mut self, acked: &Acked) {
        let (rate, product) = (self.rate().unwrap_or(0), self.product().unwrap_or(0));
        let trip = self.trip.map_or(Duration::ZERO, |(least, _)| least);
        let flight = acked.flight_before.saturating_sub(acked.bytes);
        match &mut self.phase {
            Phase::Start { best, flat } => {
                if acked.round && !acked.rate.is_none_or(|sample| sample.limited) {
                    if rate >= *best + *best / 4 {
                        (*best, *flat) = (rate, 0);
                    } else {
                        *flat += 1;
                    }
                    if *flat >= FLAT_ROUNDS {
                        self.phase = Phase::Drain;
                    }
                }
            }
            Phase::Drain => {
                if flight <= product {
                    self.phase = Phase::Probe { step: 2, since: acked.now };
                }
            }
            Phase::Probe { step, since } => {
                let over = acked.now.saturating_duration_since(*since) >= trip;
                // Draining may end early, once there is nothing left to drain.
                if over || (*step == 1 && flight <= product) {
                    (*step, *since) = ((*step + 1) % CYCLE.len(), acked.now);
                }
            }
            Phase::Trip { until } => {
                if acked.now >= *until {
                    self.phase = Phase::Probe { step: 2, since: acked.now };
                }
            }
        }
    }

    fn gain(&self) -> u64 {
        match self.phase {
            Phase::Start { .. } => START_GAIN,
            Phase::Drain => 35,
            Phase::Probe { step, .. } => CYCLE.get(step).copied().unwrap_or(100),
            Phase::Trip { .. } => 100,
        }
    }
}

impl Congestion for Model {
    fn window(&self) -> usize {
        if self.silent {
            return self.packet;
        }
        let window = match (self.product(), self.phase) {
            (None, _) => self.initial * self.packet,
            // Not more than the path and a queue of its size hold: what overflows a round trip takes many to repair.
            (Some(product), Phase::Start { .. }) => (product * 2).max(self.initial * self.packet),
            (Some(product), Phase::Trip { .. }) => product / 2,
            (Some(product), _) => product * 2,
        };
        // Room for the SACKs that the peer delays.
        window.max(4 * self.packet).min(self.most.saturating_mul(self.packet))
    }

    fn threshold(&self) -> usize {
        self.window()
    }

    fn pace(&self, smoothed: Option<Duration>) -> Option<u64> {
        match self.rate() {
            Some(rate) => Some((rate / 100).saturating_mul(self.gain()).max(1)),
            None => smoothed.map(|smoothed| paced(self.window(), smoothed, START_GAIN)),
        }
    }

    fn is_reduced_by_loss(&self) -> bool {
        false
    }

    fn on_ack(&mut self, acked: &Acked) {
        self.silent = false;
        self.round += u64::from(acked.round);
        self.note_rate(acked);
        self.note_trip(acked);
        self.advance(acked);
    }

    fn on_loss(&mut self, _now: Instant) {}

    fn undo_loss(&mut self) {}

    fn on_timeout(&mut self) {
        self.silent = true;
    }

    fn on_idle(&mut self) {}

    fn set_packet(&mut self, octets: usize) {
        self.packet = octets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::congestion::RateSample;
    use nomagic_testkit::clock::origin;

    const MS: Duration = Duration::from_millis(1);

    /// Rounds of 50 ms in which a path delivers a million octets a second.
    fn run(model: &mut Model, from: u32, rounds: u32) {
        for k in from..from + rounds {
            let mut acked = Acked::plain(origin() + k * 50 * MS, 50_000, 50_000);
            (acked.rtt, acked.round) = (Some(50 * MS), true);
            acked.rate = Some(RateSample { octets_per_second: 1_000_000, limited: false });
            model.on_ack(&acked);
        }
    }

    #[test]
    fn the_window_is_two_round_trips_of_the_rate_and_loss_does_not_change_it() {
        let mut model = Model::new(1000, 10, 1000);
        run(&mut model, 0, 10);
        assert_eq!(model.window(), 100_000);
        model.on_loss(origin());
        assert_eq!(model.window(), 100_000);
        assert!((750_000..=1_250_000).contains(&model.pace(None).unwrap()));
    }

    #[test]
    fn a_timeout_leaves_one_packet_until_something_arrives() {
        let mut model = Model::new(1000, 10, 1000);
        run(&mut model, 0, 10);
        model.on_timeout();
        assert_eq!(model.window(), 1000);
        run(&mut model, 10, 1);
        assert_eq!(model.window(), 100_000);
    }

    #[test]
    fn it_cycles_through_more_and_less() {
        let mut model = Model::new(1000, 10, 1000);
        run(&mut model, 0, 6);
        let mut seen = Vec::new();
        for k in 6..16 {
            run(&mut model, k, 1);
            seen.push(model.gain());
        }
        assert!(seen.contains(&125) && seen.contains(&75) && seen.contains(&100), "{seen:?}");
    }
}
