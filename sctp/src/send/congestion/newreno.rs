//! The controller of RFC 9260 section 7.2.

use std::time::{Duration, Instant};

use super::{Acked, Congestion};

/// NewReno as RFC 9260 section 7.2 has it, with appropriate byte counting (L = 2).
#[derive(Debug)]
pub(crate) struct NewReno {
    window: usize,
    threshold: usize,
    partial: usize,
    packet: usize,
    /// The largest window, in packets.
    most: usize,
    /// Window and threshold before the last loss.
    before_loss: Option<(usize, usize)>,
}

impl NewReno {
    /// `packet`: octets of the largest packet; `initial` and `most`: first and largest window in packets.
    pub(crate) fn new(packet: usize, initial: usize, most: usize) -> Self {
        Self {
            window: packet * initial,
            threshold: usize::MAX / 4,
            partial: 0,
            packet,
            most,
            before_loss: None,
        }
    }
}

impl Congestion for NewReno {
    fn window(&self) -> usize {
        self.window
    }

    fn threshold(&self) -> usize {
        self.threshold.min(self.window)
    }

    fn pace(&self, _smoothed: Option<Duration>) -> Option<u64> {
        None
    }

    fn on_ack(&mut self, acked: &Acked) {
        if acked.recovering {
            return;
        }
        // The window was in use: at most one packet more would have fitted.
        let limited = acked.flight_before + self.packet > self.window;
        if self.window <= self.threshold {
            if limited {
                self.window += acked.bytes.min(2 * self.packet);
            }
        } else {
            self.partial += acked.bytes;
            if self.partial >= self.window {
                if limited {
                    self.partial -= self.window;
                    self.window += self.packet;
                } else {
                    self.partial = self.window;
                }
            }
        }
        self.window = self.window.min(self.most.saturating_mul(self.packet));
        if acked.all {
            self.partial = 0;
        }
    }

    fn on_loss(&mut self, _now: Instant) {
        self.before_loss = Some((self.window, self.threshold));
        self.threshold = (self.window / 2).max(4 * self.packet);
        self.window = self.threshold;
        self.partial = 0;
    }

    fn undo_loss(&mut self) {
        if let Some((window, threshold)) = self.before_loss.take() {
            (self.window, self.threshold) = (self.window.max(window), threshold);
        }
    }

    fn on_timeout(&mut self) {
        self.before_loss = None;
        self.threshold = (self.window / 2).max(4 * self.packet);
        self.window = self.packet;
        self.partial = 0;
    }

    fn on_idle(&mut self) {
        self.threshold = self.threshold.max(self.window);
        self.window = (self.window / 2).max(4 * self.packet).min(self.window);
    }

    fn set_packet(&mut self, octets: usize) {
        self.packet = octets;
        self.window = self.window.max(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::clock::origin;

    fn acked(bytes: usize, flight_before: usize) -> Acked {
        Acked::plain(origin(), bytes, flight_before)
    }

    //= rfc9260#7.2.1-7 test
    #[test]
    fn slow_start_grows_only_while_the_window_is_used() {
        let mut reno = NewReno::new(1000, 10, 1000);
        reno.on_ack(&acked(1000, 10_000));
        assert_eq!(reno.window(), 11_000);
        reno.on_ack(&acked(1000, 3000));
        assert_eq!(reno.window(), 11_000);
        reno.on_ack(&acked(9000, 11_000));
        assert_eq!(reno.window(), 13_000);
    }

    #[test]
    fn the_window_stops_at_its_largest() {
        let mut reno = NewReno::new(1000, 10, 12);
        for _ in 0..9 {
            reno.on_ack(&acked(2000, reno.window()));
        }
        assert_eq!(reno.window(), 12_000);
    }

    #[test]
    fn a_loss_halves_and_a_timeout_leaves_one_packet_then_slow_start() {
        let mut reno = NewReno::new(1000, 20, 1000);
        reno.on_loss(origin());
        assert_eq!(reno.window(), 10_000);
        reno.on_ack(&acked(10_000, 10_000));
        assert_eq!(reno.window(), 12_000, "the threshold itself still belongs to slow start");
        reno.on_timeout();
        assert_eq!(reno.window(), 1000);
        reno.on_ack(&acked(1000, 1000));
        assert_eq!(reno.window(), 2000);
    }

    //= rfc9260#7.2.2-4 test
    #[test]
    fn congestion_avoidance_adds_one_packet_per_window() {
        let mut reno = NewReno::new(1000, 20, 1000);
        reno.on_loss(origin());
        reno.window += 1;
        (0..11).for_each(|_| reno.on_ack(&acked(1000, 10_001)));
        assert_eq!(reno.window(), 11_001);
    }
}
