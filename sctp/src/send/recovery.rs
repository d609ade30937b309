//! When something counts as lost, and how fast it is repaired.
//!
//! Loss is found by time, as RACK does it (RFC 8985 section 6, applied to SCTP): a packet is lost once one sent later
//! has arrived and a reordering window has passed since. While no reordering was seen, three chunks acknowledged beyond
//! a hole close the window at once, which is the three miss indications of RFC 9260 section 7.2.4. A retransmission is
//! judged like any other packet, so losing it does not cost a time-out. The tail of a flight is probed before T3
//! (RFC 8985 section 7), and during recovery the rate falls in proportion (RFC 6937). An expiry of T3 always ends
//! recovery: slow start must be free to begin.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::congestion::{Acked, Congestion};
use super::outstanding::{Delivered, Fate, Outstanding, Progress};
use super::pacer::Pacer;
use crate::lazy::blank;
use crate::rto::Rto;

/// What loss detection works on: the rest of the sending side of a path.
pub(crate) struct Path<'a> {
    pub(crate) out: &'a mut Outstanding,
    pub(crate) rto: &'a mut Rto,
    pub(crate) congestion: &'a mut dyn Congestion,
    /// The peer understands FORWARD-TSN, so messages may be given up.
    pub(crate) limits: bool,
}

/// A packet with DATA, in the order of sending.
#[derive(Clone, Copy, Debug)]
struct Transmission {
    tsn: u64,
    packet: u64,
    sent_at: Instant,
}

/// Proportional rate reduction: what may be sent until recovery ends.
#[derive(Clone, Copy, Debug)]
struct Episode {
    /// Recovery ends when everything below this TSN is acknowledged.
    exit: u64,
    flight_at_start: usize,
    delivered: usize,
    sent: usize,
    allowance: usize,
}

/// Loss detection of one path.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// Transmissions not known to be answered; stale entries are dropped when they come to the front.
    history: VecDeque<Transmission>,
    next_packet: u64,
    /// Of what has arrived, the number of the packet sent last, and how long its round trip took.
    newest: Option<(u64, Duration)>,
    reordering_seen: bool,
    /// Width of the reordering window in quarters of the smallest round trip.
    steps: u32,
    episode: Option<Episode>,
    /// Chunks counted as lost since the window was last reduced, less those that turned out not to be.
    doubtful: Option<usize>,
    /// One round trip is measured at a time (RFC 9260 section 6.3.1 C4): the next begins with this packet.
    measure_from: u64,
    /// T3-rtx.
    pub(crate) t3: Option<Instant>,
    reorder_timer: Option<Instant>,
    probe_timer: Option<Instant>,
    /// A probe was sent and nothing acknowledged since.
    probed: bool,
    /// A packet may be sent beyond the window: the probe.
    pub(crate) probe_due: bool,
    last_sent: Option<Instant>,
    /// A round ends when this packet or a later one is acknowledged.
    round_end: u64,
    pub(crate) pacer: Pacer,
}

blank!(Recovery, Recovery::EMPTY);

const MOST_STEPS: u32 = 16;

impl Recovery {
    const EMPTY: Self = Self {
        history: VecDeque::new(),
        next_packet: 1,
        newest: None,
        reordering_seen: false,
        steps: 1,
        episode: None,
        doubtful: None,
        measure_from: 0,
        t3: None,
        reorder_timer: None,
        probe_timer: None,
        probed: false,
        probe_due: false,
        last_sent: None,
        round_end: 0,
        pacer: Pacer::EMPTY,
    };

    /// Number for the packet that is being built.
    pub(crate) fn packet(&self) -> u64 {
        self.next_packet
    }

    /// A chunk was put into the packet; `first` says that it is the earliest outstanding one, sent again.
    pub(crate) fn on_sent(&mut self, tsn: u64, octets: usize, now: Instant, rto: &Rto, first: bool) {
        self.pacer.on_sent(now, octets);
        self.history.push_back(Transmission { tsn, packet: self.next_packet, sent_at: now });
        if self.t3.is_none() || first {
            self.t3 = Some(now + rto.current());
        }
        if let Some(episode) = &mut self.episode {
            episode.sent += octets;
            episode.allowance = episode.allowance.saturating_sub(octets);
        }
        self.last_sent = Some(now);
    }

    /// The packet is complete.
    pub(crate) fn packet_done(&mut self, now: Instant, out: &Outstanding, rto: &Rto) {
        self.next_packet += 1;
        self.probe_due = false;
        self.arm_probe(now, out, rto);
        // Stale entries cannot pile up: they are at most as many as chunks in flight.
        if self.history.len() > 64 + 2 * out.len() {
            self.history.retain(|t| is_live(out, t));
        }
    }

    /// Whether a chunk may be sent now, as far as the path is concerned.
    pub(crate) fn may_send(&self, out: &Outstanding, congestion: &dyn Congestion) -> bool {
        if self.probe_due {
            return true;
        }
        match &self.episode {
            Some(episode) if congestion.is_reduced_by_loss() => episode.allowance > 0,
            _ => out.flight() < congestion.window(),
        }
    }

    /// The window may have decayed while nothing was sent (RFC 9260 section 7.2.1); once per RTO of silence.
    pub(crate) fn before_send(
        &mut self,
        now: Instant,
        out: &Outstanding,
        cc: &mut dyn Congestion,
        rto: &Rto,
    ) {
        let Some(mut last) = self.last_sent.filter(|_| out.flight() == 0) else { return };
        let silence = rto.current();
        for _ in 0..MOST_HALVINGS {
            last += silence;
            if last > now {
                return;
            }
            cc.on_idle();
            self.last_sent = Some(last);
        }
        self.last_sent = Some(now);
    }

    /// A SACK was applied: measures, adapts the window, finds losses, moves the timers.
    pub(crate) fn on_sack(&mut self, now: Instant, progress: Progress, flight_before: usize, path: Path<'_>) {
        let Path { out, rto, congestion, limits } = path;
        if progress.duplicates > 0 {
            self.steps = (self.steps + 1).min(MOST_STEPS);
        }
        self.reordering_seen |= progress.reordered;
        if let Some(newest) = progress.newest {
            self.measure(now, newest, rto);
        }
        if self.episode.is_some_and(|e| out.base() >= e.exit) {
            self.episode = None;
        }
        let newest = progress.newest.filter(|newest| !is_early(now, newest, rto));
        let round = newest.is_some_and(|newest| newest.packet >= self.round_end);
        if round {
            self.round_end = self.next_packet;
        }
        // Which transmission of a chunk arrived is not known, and the wrong one gives a rate that no path has (Karn).
        let timed = newest.filter(|newest| newest.transmits == 1);
        let rate = out.rate(now, progress.bytes, timed, rto.least().unwrap_or_default());
        if progress.bytes > 0 {
            let recovering = self.episode.is_some();
            let once = progress.newest.filter(|newest| newest.transmits == 1);
            congestion.on_ack(&Acked {
                now,
                bytes: progress.bytes,
                flight_before,
                recovering,
                all: out.is_empty(),
                rtt: once.map(|newest| now.saturating_duration_since(newest.sent_at)),
                smoothed: rto.smoothed(),
                round,
                rate,
            });
            self.probed = false;
        }
        self.undo(progress.late + progress.duplicates, congestion);
        let found = self.detect(now, out, rto, limits);
        if found > 0 && self.episode.is_none() {
            self.enter(now, flight_before, found, out, congestion);
        }
        self.reduce(progress.bytes, out, congestion);
        if out.is_empty() {
            (self.t3, self.reorder_timer) = (None, None);
            self.history.clear();
        } else if progress.cumulative_advanced || self.t3.is_none() {
            self.t3 = Some(now + rto.current());
        }
        self.arm_probe(now, out, rto);
    }

    /// All that counted as lost had only been late: the reduction is taken back.
    fn undo(&mut self, spurious: usize, congestion: &mut dyn Congestion) {
        let Some(doubtful) = self.doubtful.filter(|_| spurious > 0) else { return };
        self.doubtful = Some(doubtful.saturating_sub(spurious));
        if doubtful <= spurious {
            congestion.undo_loss();
            (self.doubtful, self.episode) = (None, None);
            self.reordering_seen = true;
        }
    }

    fn measure(&mut self, now: Instant, newest: Delivered, rto: &mut Rto) {
        let rtt = now.saturating_duration_since(newest.sent_at);
        if newest.transmits == 1 {
            if newest.packet >= self.measure_from {
                rto.measure(rtt);
                self.measure_from = self.next_packet;
            }
        } else if is_early(now, &newest, rto) {
            return;
        }
        if self.newest.is_none_or(|(packet, _)| packet <= newest.packet) {
            self.newest = Some((newest.packet, rtt));
        }
    }

    /// Marks as lost what was sent before something that has arrived, once the reordering window is over.
    fn detect(&mut self, now: Instant, out: &mut Outstanding, rto: &Rto, limits: bool) -> usize {
        self.reorder_timer = None;
        let Some((newest, rtt)) = self.newest else { return 0 };
        let mut found = 0;
        while let Some(&front) = self.history.front() {
            if !is_live(out, &front) {
                self.history.pop_front();
                continue;
            }
            if front.packet >= newest {
                break;
            }
            let due = front.sent_at + rtt + self.window(out, rto);
            if now < due {
                self.reorder_timer = Some(due);
                break;
            }
            self.history.pop_front();
            out.mark_lost(front.tsn, limits);
            found += 1;
        }
        self.doubtful = self.doubtful.map(|doubtful| doubtful + found);
        found
    }

    /// How late a packet may be without counting as lost.
    fn window(&self, out: &Outstanding, rto: &Rto) -> Duration {
        if !self.reordering_seen && (self.episode.is_some() || out.acked_chunks() >= 3) {
            return Duration::ZERO;
        }
        let quarter = rto.least().unwrap_or_default() / 4;
        (quarter * self.steps).min(rto.smoothed().unwrap_or_default())
    }

    fn enter(
        &mut self,
        now: Instant,
        flight_before: usize,
        found: usize,
        out: &Outstanding,
        cc: &mut dyn Congestion,
    ) {
        cc.on_loss(now);
        self.doubtful = Some(found);
        self.episode = Some(Episode {
            exit: out.next_tsn(),
            flight_at_start: flight_before.max(1),
            delivered: 0,
            sent: 0,
            // The first retransmission leaves whatever the window says (RFC 9260 section 7.2.4).
            allowance: 1,
        });
    }

    /// RFC 6937 section 3, with the slow-start reduction bound.
    fn reduce(&mut self, acked: usize, out: &Outstanding, cc: &dyn Congestion) {
        let Some(episode) = &mut self.episode else { return };
        episode.delivered += acked;
        let (flight, target) = (out.flight(), cc.threshold());
        let more = if flight > target {
            let due = (episode.delivered as u128 * target as u128).div_ceil(episode.flight_at_start as u128);
            usize::try_from(due).unwrap_or(usize::MAX).saturating_sub(episode.sent)
        } else {
            let limit = episode.delivered.saturating_sub(episode.sent).max(acked) + PACKET;
            limit.min(target - flight)
        };
        episode.allowance = more.max(usize::from(episode.sent == 0));
    }

    /// Losses are being repaired.
    pub(crate) fn is_recovering(&self) -> bool {
        self.episode.is_some()
    }

    /// T3 also guards a FORWARD-TSN (RFC 3758 section 3.5).
    pub(crate) fn keep_t3(&mut self, now: Instant, rto: &Rto) {
        self.t3.get_or_insert(now + rto.current());
    }

    /// The earliest of the timers.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.t3, self.reorder_timer, self.probe_timer, self.pacer.deadline()].into_iter().flatten().min()
    }

    /// The reordering window of a packet may be over.
    pub(crate) fn on_reorder_timer(&mut self, now: Instant, path: Path<'_>) {
        let Path { out, rto, congestion, limits } = path;
        if self.reorder_timer.is_none_or(|at| at > now) {
            return;
        }
        let flight = out.flight();
        let found = self.detect(now, out, rto, limits);
        if found > 0 {
            if self.episode.is_none() {
                self.enter(now, flight, found, out, congestion);
            }
            self.reduce(0, out, congestion);
        }
    }

    /// The tail of the flight has been silent for two round trips: the highest chunk is sent again.
    pub(crate) fn on_probe_timer(&mut self, now: Instant, out: &mut Outstanding) {
        if self.probe_timer.is_none_or(|at| at > now) {
            return;
        }
        self.probe_timer = None;
        self.probed = true;
        if let Some(tsn) = out.last_in_flight()
            && out.get(tsn).is_some_and(|s| s.fragment.max_retransmits.is_none())
        {
            out.mark_lost(tsn, false);
            self.probe_due = true;
        }
    }

    /// What has been sent so far measures no round trip: it was sent by another process.
    pub(crate) fn measure_from_now(&mut self) {
        self.measure_from = self.next_packet;
    }

    /// T3 expired: everything outstanding is to be sent again, from a window of one packet (RFC 9260 section 6.3.3).
    pub(crate) fn on_t3(&mut self, now: Instant, path: Path<'_>) {
        let Path { out, rto, congestion, limits } = path;
        rto.back_off();
        congestion.on_timeout();
        self.episode = None;
        (self.newest, self.doubtful) = (None, None);
        (self.reorder_timer, self.probe_timer, self.probed) = (None, None, false);
        self.measure_from = self.next_packet;
        out.mark_all_lost(limits);
        self.history.clear();
        self.t3 = (!out.is_empty()).then(|| now + rto.current());
    }

    fn arm_probe(&mut self, now: Instant, out: &Outstanding, rto: &Rto) {
        self.probe_timer = None;
        let Some(srtt) = rto.smoothed() else { return };
        if self.probed || self.episode.is_some() || out.flight() == 0 || out.acked_chunks() > 0 {
            return;
        }
        // A lone packet may wait for the peer's delayed SACK.
        let delayed = if out.len() == 1 { PEER_SACK_DELAY } else { Duration::ZERO };
        let at = now + (2 * srtt).max(Duration::from_millis(10)) + delayed;
        if self.t3.is_some_and(|t3| at < t3) {
            self.probe_timer = Some(at);
        }
    }
}

/// Too early for the retransmission: the answer is to the original.
fn is_early(now: Instant, newest: &Delivered, rto: &Rto) -> bool {
    let rtt = now.saturating_duration_since(newest.sent_at);
    newest.transmits > 1 && rto.least().is_some_and(|least| rtt < least)
}

fn is_live(out: &Outstanding, t: &Transmission) -> bool {
    out.get(t.tsn).is_some_and(|s| s.fate == Fate::InFlight && s.packet == t.packet)
}

/// After so many time-outs of silence a window is as small as it gets.
pub(crate) const MOST_HALVINGS: u32 = 10;

/// A full packet, as far as proportional reduction is concerned.
const PACKET: usize = 1200;

/// What peers in use wait at most before a SACK.
const PEER_SACK_DELAY: Duration = Duration::from_millis(200);
