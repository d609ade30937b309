//! CUBIC (RFC 9438) with HyStart++ (RFC 9406): the window follows time, not round trips.

use std::time::{Duration, Instant};

use super::hystart::HyStart;
use super::{Acked, Congestion, paced};

/// Packets a second cubed, RFC 9438 section 5.
const C: f64 = 0.4;
/// What a loss leaves of the window, RFC 9438 section 4.6.
const BETA: f64 = 0.7;
/// Growth per round trip that is as fair as NewReno's with this `BETA`, RFC 9438 section 4.3.
const FRIENDLY: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// Time and sizes of one stretch of congestion avoidance, in packets and seconds.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    start: Instant,
    /// When the curve reaches `origin`.
    plateau: f64,
    origin: f64,
    /// What NewReno would have.
    friendly: f64,
}

/// What a loss changed.
#[derive(Clone, Copy, Debug)]
struct Before {
    window: f64,
    threshold: f64,
    largest: f64,
    epoch: Option<Epoch>,
}

/// The controller; sizes in packets.
#[derive(Debug)]
pub(crate) struct Cubic {
    window: f64,
    threshold: f64,
    /// The window at the last loss, or less if the one before it was larger.
    largest: f64,
    epoch: Option<Epoch>,
    hystart: HyStart,
    before_loss: Option<Box<Before>>,
    packet: usize,
    most: f64,
}

impl Cubic {
    /// `packet`: octets of the largest packet; `initial` and `most`: first and largest window in packets.
    #[expect(clippy::cast_precision_loss, reason = "a window of 2^52 packets is out of reach")]
    pub(crate) fn new(packet: usize, initial: usize, most: usize) -> Self {
        Self {
            window: initial as f64,
            threshold: f64::INFINITY,
            largest: 0.0,
            epoch: None,
            hystart: HyStart::default(),
            before_loss: None,
            packet,
            most: most as f64,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the window is positive and bounded"
    )]
    fn octets(&self, packets: f64) -> usize {
        (packets.min(self.most) * self.packet as f64) as usize
    }

    fn slow_start(&self) -> bool {
        self.window < self.threshold
    }

    fn reduce(&mut self) {
        // Fast convergence: who did not reach the old size again makes room for others (RFC 9438 section 4.7).
        self.largest =
            if self.window < self.largest { self.window * (1.0 + BETA) / 2.0 } else { self.window };
        self.threshold = (self.window * BETA).max(4.0);
        self.epoch = None;
    }

    fn avoid(&mut self, acked: &Acked, packets: f64) {
        let (window, largest) = (self.window, self.largest);
        let epoch = self.epoch.get_or_insert_with(|| {
            let below = window < largest;
            Epoch {
                start: acked.now,
                plateau: if below { ((largest - window) / C).cbrt() } else { 0.0 },
                origin: if below { largest } else { window },
                friendly: window,
            }
        });
        let round = acked.smoothed.unwrap_or_default();
        let time = (acked.now.saturating_duration_since(epoch.start) + round).as_secs_f64();
        let curve = C * (time - epoch.plateau).powi(3) + epoch.origin;
        let share = if epoch.friendly < largest { FRIENDLY } else { 1.0 };
        epoch.friendly += share * packets / window;
        let target = curve.clamp(window, 1.5 * window);
        self.window = (window + (target - window) * packets / window).max(epoch.friendly);
    }
}

impl Congestion for Cubic {
    fn window(&self) -> usize {
        self.octets(self.window)
    }

    fn threshold(&self) -> usize {
        self.octets(self.threshold.min(self.window))
    }

    fn pace(&self, smoothed: Option<Duration>) -> Option<u64> {
        let gain = if self.slow_start() { 200 } else { 125 };
        smoothed.map(|smoothed| paced(self.window(), smoothed, gain))
    }

    #[expect(clippy::cast_precision_loss, reason = "what one SACK acknowledges is far below 2^52 octets")]
    fn on_ack(&mut self, acked: &Acked) {
        if acked.recovering {
            return;
        }
        let window = self.window();
        let slow = self.slow_start();
        // Paced packets leave in the course of a round trip, so in slow start half a window is as full as it gets.
        let used = if slow { 2 * acked.flight_before } else { acked.flight_before + window / 8 };
        if used + 4 * self.packet < window {
            self.epoch = None;
            return;
        }
        if slow {
            let (growth, over) = self.hystart.on_ack(acked.bytes, acked.rtt, acked.round);
            self.window = (self.window + growth as f64 / self.packet as f64).min(self.threshold);
            if over {
                self.threshold = self.window;
            }
        } else {
            self.avoid(acked, acked.bytes as f64 / self.packet as f64);
        }
        self.window = self.window.min(self.most);
    }

    fn on_loss(&mut self, _now: Instant) {
        let Self { window, threshold, largest, epoch, .. } = *self;
        self.before_loss = Some(Box::new(Before { window, threshold, largest, epoch }));
        self.reduce();
        self.window = self.threshold;
    }

    fn undo_loss(&mut self) {
        if let Some(before) = self.before_loss.take() {
            self.window = self.window.max(before.window);
            (self.threshold, self.largest, self.epoch) = (before.threshold, before.largest, before.epoch);
        }
    }

    fn on_timeout(&mut self) {
        self.before_loss = None;
        self.reduce();
        self.window = 1.0;
        self.hystart = HyStart::default();
    }

    fn on_idle(&mut self) {
        self.epoch = None;
        self.threshold = self.threshold.max(self.window);
        self.window = (self.window / 2.0).max(4.0).min(self.window);
    }

    fn rest(&mut self) {
        self.before_loss = None;
    }

    #[expect(clippy::cast_precision_loss, reason = "packet sizes are small")]
    fn set_packet(&mut self, octets: usize) {
        // The same octets in packets of another size.
        let scale = self.packet as f64 / octets.max(1) as f64;
        (self.window, self.threshold, self.largest) =
            ((self.window * scale).max(1.0), self.threshold * scale, self.largest * scale);
        (self.packet, self.epoch) = (octets, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::clock::origin;

    const MS: Duration = Duration::from_millis(1);

    /// Acknowledges a full window each 100 ms.
    fn run(cubic: &mut Cubic, from: Duration, rounds: u32) -> Duration {
        for k in 0..rounds {
            let mut acked = Acked::plain(origin() + from + k * 100 * MS, cubic.window(), cubic.window());
            acked.smoothed = Some(100 * MS);
            cubic.on_ack(&acked);
        }
        from + rounds * 100 * MS
    }

    #[test]
    fn the_old_window_is_reached_again_after_the_cube_root_and_then_passed() {
        let mut cubic = Cubic::new(1000, 1000, 1_000_000);
        cubic.on_loss(origin());
        assert_eq!(cubic.window(), 700_000);
        // K = cbrt(300 / 0.4) = 9.09 s.
        let at = run(&mut cubic, Duration::ZERO, 60);
        assert!((950_000..995_000).contains(&cubic.window()), "{}", cubic.window());
        let at = run(&mut cubic, at, 30);
        assert!((995_000..1_003_000).contains(&cubic.window()), "{}", cubic.window());
        run(&mut cubic, at, 60);
        assert!(cubic.window() > 1_050_000, "{}", cubic.window());
    }

    #[test]
    fn on_a_short_path_it_grows_no_slower_than_newreno() {
        let mut cubic = Cubic::new(1000, 10, 1_000_000);
        cubic.on_loss(origin());
        for k in 0..20 {
            let mut acked = Acked::plain(origin() + k * MS, cubic.window(), cubic.window());
            acked.smoothed = Some(MS);
            cubic.on_ack(&acked);
        }
        assert!(cubic.window() > 15_000, "{}", cubic.window());
    }

    #[test]
    fn a_loss_that_was_none_is_undone() {
        let mut cubic = Cubic::new(1000, 100, 1_000_000);
        cubic.on_loss(origin());
        cubic.undo_loss();
        assert_eq!(cubic.window(), 100_000);
        assert!(cubic.slow_start());
    }

    #[test]
    fn a_timeout_leaves_one_packet() {
        let mut cubic = Cubic::new(1000, 100, 1_000_000);
        cubic.on_timeout();
        assert_eq!((cubic.window(), cubic.threshold()), (1000, 1000));
        assert!(cubic.slow_start());
    }
}
