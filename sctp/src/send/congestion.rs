//! How much may be in flight, and how fast it may leave. Controllers know octets, rounds and rates, not chunks; when
//! something is lost is the business of [`recovery`](super::recovery).

mod cubic;
mod hystart;
mod model;
mod newreno;

use std::fmt;
use std::time::{Duration, Instant};

use crate::config::{Controller, Settings};

/// What a SACK acknowledged, for the controller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub(crate) now: Instant,
    /// Octets newly acknowledged, chunk headers and padding included.
    pub(crate) bytes: usize,
    /// Octets in flight before this SACK.
    pub(crate) flight_before: usize,
    /// Whether losses are being repaired.
    pub(crate) recovering: bool,
    /// Whether nothing is outstanding any more.
    pub(crate) all: bool,
    /// How long the newest packet acknowledged took, if it was sent once.
    pub(crate) rtt: Option<Duration>,
    pub(crate) smoothed: Option<Duration>,
    /// What was sent after the last new round began is acknowledged: another one begins.
    pub(crate) round: bool,
    /// At what rate the peer got the newest packet and those since the one before it.
    pub(crate) rate: Option<RateSample>,
}

/// Octets a second that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSample {
    pub(crate) octets_per_second: u64,
    /// There was less to send than the path could have taken: the sample is a lower bound.
    pub(crate) limited: bool,
}

/// A congestion controller of one path.
pub(crate) trait Congestion: fmt::Debug + Send {
    /// Octets that may be in flight.
    fn window(&self) -> usize;
    /// The window that recovery aims at.
    fn threshold(&self) -> usize;
    /// Octets a second at which packets leave; `None` leaves as many at once as the window allows.
    fn pace(&self, smoothed: Option<Duration>) -> Option<u64>;
    /// Whether the rate falls in proportion while losses are repaired. A controller that keeps to a rate of its own does
    /// without.
    fn is_reduced_by_loss(&self) -> bool {
        true
    }
    /// Data was acknowledged.
    fn on_ack(&mut self, acked: &Acked);
    /// Loss was found from SACKs; called once per recovery.
    fn on_loss(&mut self, now: Instant);
    /// What the last `on_loss` reacted to was only reordering.
    fn undo_loss(&mut self);
    /// The retransmission timer expired.
    fn on_timeout(&mut self);
    /// Nothing was sent for a whole RTO.
    fn on_idle(&mut self);
    /// Nothing is under way: gives back what was kept for it.
    fn rest(&mut self) {}
    /// The largest packet changed.
    fn set_packet(&mut self, octets: usize);
}

/// The controller that the configuration asks for.
pub(crate) fn controller(config: &Settings) -> Box<dyn Congestion> {
    let (packet, initial, most) = (config.largest_data(), config.initial_window, config.max_window);
    match config.controller {
        Controller::NewReno => Box::new(newreno::NewReno::new(packet, initial, most)),
        Controller::Cubic => Box::new(cubic::Cubic::new(packet, initial, most)),
        Controller::Model => Box::new(model::Model::new(packet, initial, most)),
    }
}

/// `gain` hundredths of the rate that sends `window` octets in a round trip.
fn paced(window: usize, smoothed: Duration, gain: u64) -> u64 {
    let rate = window as u128 * u128::from(gain) * 10_000_000 / smoothed.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
impl Acked {
    /// An acknowledgement without a round trip or a rate.
    fn plain(now: Instant, bytes: usize, flight_before: usize) -> Self {
        Self {
            now,
            bytes,
            flight_before,
            recovering: false,
            all: false,
            rtt: None,
            smoothed: None,
            round: false,
            rate: None,
        }
    }
}
