//! Which TSNs have arrived, and when to say so (RFC 9260 sections 6.2 and 6.7).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::chunk::{ChunkType, Sack, write_sack_fixed};
use crate::packet::PacketBuilder;
use crate::serial::{self, wire};
use crate::snapshot::{SnapshotError, SnapshotInput, SnapshotOutput};

/// Offsets in gap blocks have 16 bits, so nothing beyond can be acknowledged or is taken.
const FARTHEST: u64 = 65_535;

/// Duplicates reported in one SACK.
const MOST_DUPLICATES: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    New,
    Duplicate,
    TooFar,
}

/// TSNs received, as one number and the ranges beyond it.
#[derive(Debug)]
pub(crate) struct Tracker {
    cumulative: u64,
    /// Start and end of each range, ascending, disjoint, not touching.
    ranges: BTreeMap<u64, u64>,
    duplicates: Vec<u32>,
    packets: u32,
    deadline: Option<Instant>,
    due: bool,
    /// This packet closed or opened a hole, or asked for an immediate answer.
    hurry: bool,
    heard: bool,
}

impl Tracker {
    pub(crate) fn new(initial_tsn: u32) -> Self {
        Self {
            cumulative: serial::first(initial_tsn) - 1,
            ranges: BTreeMap::new(),
            duplicates: Vec::new(),
            packets: 0,
            deadline: None,
            due: false,
            hurry: false,
            heard: false,
        }
    }

    /// Gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        if self.ranges.is_empty() {
            self.ranges = BTreeMap::new();
        }
        self.duplicates.shrink_to_fit();
    }

    pub(crate) fn unwrap(&self, tsn: u32) -> u64 {
        serial::unwrap(tsn, self.cumulative)
    }

    /// What this TSN would be; changes nothing.
    pub(crate) fn classify(&self, tsn: u64) -> Arrival {
        if tsn <= self.cumulative || self.ranges.range(..=tsn).next_back().is_some_and(|(_, &end)| tsn <= end)
        {
            Arrival::Duplicate
        } else if tsn - self.cumulative > FARTHEST {
            Arrival::TooFar
        } else {
            Arrival::New
        }
    }

    /// Takes note of a new TSN.
    pub(crate) fn record(&mut self, tsn: u64) {
        self.heard = true;
        if tsn == self.cumulative + 1 {
            self.cumulative = tsn;
            self.hurry |= !self.ranges.is_empty();
            self.absorb();
            return;
        }
        self.hurry = true;
        let mut start = tsn;
        let mut end = tsn;
        if let Some((&before, &last)) = self.ranges.range(..tsn).next_back()
            && last + 1 == tsn
        {
            start = before;
        }
        if let Some(after) = self.ranges.remove(&(tsn + 1)) {
            end = after;
        }
        self.ranges.insert(start, end);
    }

    pub(crate) fn record_duplicate(&mut self, tsn: u64) {
        self.heard = true;
        self.hurry = true;
        if self.duplicates.len() < MOST_DUPLICATES {
            self.duplicates.push(wire(tsn));
        }
    }

    /// A chunk was dropped: say where we stand.
    pub(crate) fn record_drop(&mut self) {
        self.heard = true;
        self.hurry = true;
    }

    /// The peer wants the answer at once (RFC 7053).
    pub(crate) fn hurry(&mut self) {
        self.hurry = true;
    }

    /// The peer skips everything up to here (RFC 3758 section 3.6).
    pub(crate) fn skip_to(&mut self, cumulative: u64) {
        self.due = true;
        if cumulative <= self.cumulative {
            return;
        }
        self.cumulative = cumulative;
        let keep = self.ranges.split_off(&(cumulative + 1));
        let last = std::mem::replace(&mut self.ranges, keep).into_values().next_back();
        self.cumulative = self.cumulative.max(last.unwrap_or_default());
        self.absorb();
    }

    /// Ranges that the cumulative TSN has reached become part of it.
    fn absorb(&mut self) {
        while let Some(entry) = self.ranges.first_entry()
            && *entry.key() <= self.cumulative + 1
        {
            self.cumulative = self.cumulative.max(entry.remove());
        }
    }

    /// The packet at hand carried DATA.
    pub(crate) fn has_news(&self) -> bool {
        self.heard
    }

    /// A packet is through: decides whether the SACK may wait.
    pub(crate) fn packet_done(&mut self, now: Instant, delay: Duration) {
        if !std::mem::take(&mut self.heard) {
            return;
        }
        self.packets += 1;
        if std::mem::take(&mut self.hurry) || !self.ranges.is_empty() || self.packets >= 2 {
            self.due = true;
        } else if self.deadline.is_none() {
            self.deadline = Some(now + delay);
        }
    }

    pub(crate) fn ask_for_sack(&mut self) {
        self.due = true;
    }

    pub(crate) fn on_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            self.due = true;
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.due)
    }

    /// A SACK must go out now.
    pub(crate) fn is_due(&self) -> bool {
        self.due
    }

    /// A SACK may go out with whatever else does.
    pub(crate) fn is_pending(&self) -> bool {
        self.due || self.deadline.is_some()
    }

    /// Appends a SACK with as many gap blocks as fit, and says whether even an empty one did.
    pub(crate) fn write_sack(&mut self, packet: &mut PacketBuilder<'_>, a_rwnd: u32) -> bool {
        let Some(room) = packet.room().checked_sub(4 + Sack::FIXED) else { return false };
        let blocks = self.ranges.len().min(room / 4);
        let duplicates = self.duplicates.len().min(room / 4 - blocks);
        packet.push_with(ChunkType::SACK, 0, |out| {
            write_sack_fixed(out, wire(self.cumulative), a_rwnd, blocks, duplicates);
            for (start, end) in self.ranges.iter().take(blocks) {
                for tsn in [start, end] {
                    let offset = u16::try_from(tsn - self.cumulative).unwrap_or(u16::MAX);
                    out.extend_from_slice(&offset.to_be_bytes());
                }
            }
            for tsn in &self.duplicates[..duplicates] {
                out.extend_from_slice(&tsn.to_be_bytes());
            }
        });
        self.duplicates.clear();
        (self.packets, self.deadline, self.due) = (0, None, false);
        true
    }

    pub(crate) fn write(&self, out: &mut SnapshotOutput) {
        out.u32(wire(self.cumulative));
        out.size(self.ranges.len());
        for (start, end) in &self.ranges {
            out.u64(start - self.cumulative);
            out.u64(end - self.cumulative);
        }
    }

    pub(crate) fn read(&mut self, input: &mut SnapshotInput<'_>) -> Result<(), SnapshotError> {
        self.cumulative = serial::first(input.u32()?);
        let mut free = 2;
        for _ in 0..input.size()? {
            let (start, end) = (input.u64()?, input.u64()?);
            if start < free || end < start || end > FARTHEST {
                return Err(input.damaged());
            }
            free = end + 2;
            self.ranges.insert(self.cumulative + start, self.cumulative + end);
        }
        Ok(())
    }

    pub(crate) fn cumulative(&self) -> u64 {
        self.cumulative
    }

    /// The highest TSN that has arrived.
    pub(crate) fn highest(&self) -> u64 {
        self.ranges.last_key_value().map_or(self.cumulative, |(_, &end)| end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_are_absorbed_across_the_wrap() {
        let mut tracker = Tracker::new(u32::MAX - 1);
        let tsns: Vec<u64> = (0..8).map(|k| tracker.unwrap((u32::MAX - 1).wrapping_add(k))).collect();
        for k in [3, 1, 5, 4, 7] {
            assert_eq!(tracker.classify(tsns[k]), Arrival::New);
            tracker.record(tsns[k]);
        }
        assert_eq!(tracker.ranges.len(), 3);
        assert_eq!(tracker.classify(tsns[4]), Arrival::Duplicate);
        tracker.record(tsns[0]);
        assert_eq!(tracker.cumulative(), tsns[1]);
        tracker.record(tsns[2]);
        assert_eq!(tracker.cumulative(), tsns[5]);
        assert_eq!(tracker.highest(), tsns[7]);
        tracker.skip_to(tsns[6]);
        assert_eq!(tracker.cumulative(), tsns[7]);
        assert_eq!(tracker.classify(tsns[7] + 65_536), Arrival::TooFar);
    }

    #[test]
    fn a_skip_far_ahead_forgets_all_ranges() {
        let mut tracker = Tracker::new(10);
        tracker.record(tracker.unwrap(15));
        tracker.record(tracker.unwrap(20));
        let far = tracker.unwrap(10 + (1 << 30));
        tracker.skip_to(far);
        assert_eq!((tracker.cumulative(), tracker.highest()), (far, far));
    }
}
