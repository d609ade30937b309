//! What is counted of each stream, sent and received; RFC 3550 appendices A.1, A.3 and A.8.

use std::time::{Duration, Instant};

use crate::packet::Packet;
use crate::rtcp::{ReportBlock, SenderInfo};
use crate::sequence::{Tracker, Verdict};

/// A stream of ours.
#[derive(Debug, Default)]
pub(super) struct LocalStream {
    packets: u64,
    octets: u64,
    /// The last packet: when it went, its timestamp, and its clock.
    last: Option<(Instant, u32, u32)>,
}

impl LocalStream {
    pub(super) fn sent(&mut self, now: Instant, packet: &Packet<'_>, clock_rate: u32) {
        self.packets += 1;
        self.octets += packet.payload().len() as u64;
        self.last = Some((now, packet.timestamp(), clock_rate));
    }

    pub(super) fn report(&self, ssrc: u32) -> StreamReport {
        StreamReport { ssrc, packets: self.packets, octets: self.octets }
    }

    /// The RTP time of `now`, counted on from the last packet, and the totals' low 32 bits; RFC 3550 section 6.4.1.
    #[expect(clippy::cast_possible_truncation, reason = "a report has 32 bits, which wrap")]
    pub(super) fn info(&self, now: Instant) -> (u32, u32, u32) {
        let timestamp = self.last.map_or(0, |(sent, timestamp, clock_rate)| {
            timestamp.wrapping_add(units(now.saturating_duration_since(sent), clock_rate))
        });
        (timestamp, self.packets as u32, self.octets as u32)
    }
}

/// What has been sent of a stream of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamReport {
    /// The stream.
    pub ssrc: u32,
    /// RTP packets.
    pub packets: u64,
    /// Octets of payload, without headers and padding.
    pub octets: u64,
}

/// A stream of the peer's.
#[derive(Debug)]
pub(super) struct RemoteSource {
    tracker: Option<Tracker>,
    born: Instant,
    heard: Instant,
    received: u32,
    /// Octets of their payload.
    octets: u64,
    /// Expected and received at the last report.
    reported: (u32, u32),
    /// The last packet's transit time, in units of its clock.
    transit: Option<u32>,
    /// Mean deviation of the transit times, in sixteenths of a unit.
    jitter: u32,
    /// Middle bits of the last sender report and when it came.
    sender_report: Option<(u32, Instant)>,
}

/// How a source is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceReport {
    /// The source.
    pub ssrc: u32,
    /// Packets received since it became valid, duplicates included.
    pub received: u32,
    /// Octets of their payload, without headers and padding.
    pub octets: u64,
    /// Packets lost since it became valid; negative when duplicates outweigh losses.
    pub lost: i64,
    /// Variation of the transit time, in units of the payload's clock.
    pub jitter: u32,
    /// The highest sequence number received, cycles in the upper 16 bits.
    pub highest_sequence: u32,
}

impl RemoteSource {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tracker: None,
            born: now,
            heard: now,
            received: 0,
            octets: 0,
            reported: (0, 0),
            transit: None,
            jitter: 0,
            sender_report: None,
        }
    }

    /// Counts a packet; says whether the source has become valid with it.
    pub(super) fn received(&mut self, now: Instant, packet: &Packet<'_>, clock_rate: u32) -> bool {
        self.heard = now;
        let verdict = match &mut self.tracker {
            Some(tracker) => tracker.update(packet.sequence()),
            None => {
                self.tracker = Some(Tracker::new(packet.sequence()));
                Verdict::Probation
            }
        };
        match verdict {
            Verdict::Started => {
                let joined = self.received == 0;
                (self.received, self.octets, self.reported, self.transit) = (0, 0, (0, 0), None);
                self.count(now, packet, clock_rate);
                joined
            }
            Verdict::Valid => {
                self.count(now, packet, clock_rate);
                false
            }
            Verdict::Probation | Verdict::Jump => false,
        }
    }

    /// RFC 3550 appendix A.8, in integers.
    fn count(&mut self, now: Instant, packet: &Packet<'_>, clock_rate: u32) {
        self.received = self.received.wrapping_add(1);
        self.octets += packet.payload().len() as u64;
        let arrival = units(now.saturating_duration_since(self.born), clock_rate);
        let transit = arrival.wrapping_sub(packet.timestamp());
        if let Some(before) = self.transit.replace(transit) {
            let deviation = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // A leap, as when the sender's clock starts anew, is no jitter.
            if deviation < clock_rate {
                self.jitter = self.jitter + deviation - ((self.jitter + 8) >> 4);
            }
        }
    }

    pub(super) fn reported(&mut self, now: Instant, info: &SenderInfo) {
        self.heard = now;
        self.sender_report = Some((super::NtpTime(info.ntp).middle(), now));
    }

    pub(super) fn last_heard(&self) -> Instant {
        self.heard
    }

    pub(super) fn report(&self, ssrc: u32) -> SourceReport {
        let tracker = self.tracker.filter(Tracker::is_valid);
        SourceReport {
            ssrc,
            received: self.received,
            octets: self.octets,
            lost: tracker.map_or(0, |tracker| i64::from(tracker.expected()) - i64::from(self.received)),
            jitter: self.jitter >> 4,
            highest_sequence: tracker.map_or(0, |tracker| tracker.highest()),
        }
    }

    /// The block for the next report, once the source is valid; RFC 3550 appendix A.3.
    pub(super) fn block(&mut self, now: Instant, ssrc: u32) -> Option<ReportBlock> {
        let tracker = self.tracker.filter(Tracker::is_valid)?;
        let expected = tracker.expected();
        let (expected_before, received_before) =
            std::mem::replace(&mut self.reported, (expected, self.received));
        let expected_since = i64::from(expected.wrapping_sub(expected_before));
        let lost_since = expected_since - i64::from(self.received.wrapping_sub(received_before));
        let fraction =
            if expected_since > 0 && lost_since > 0 { (lost_since << 8) / expected_since } else { 0 };
        let (last_sender_report, delay_since_last) = self
            .sender_report
            .map_or((0, 0), |(middle, at)| (middle, units(now.saturating_duration_since(at), 1 << 16)));
        let lost = i64::from(expected) - i64::from(self.received);
        Some(ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(lost.clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0),
            highest_sequence: tracker.highest(),
            jitter: self.jitter >> 4,
            last_sender_report,
            delay_since_last,
        })
    }
}

/// A duration in units of a clock; wraps, as timestamps do.
#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what is wanted")]
fn units(duration: Duration, clock_rate: u32) -> u32 {
    let rate = u64::from(clock_rate);
    (duration.as_secs().wrapping_mul(rate) as u32)
        .wrapping_add((u64::from(duration.subsec_nanos()) * rate / 1_000_000_000) as u32)
}
