//! What was sent and is not yet acknowledged: a ring indexed by TSN.
//!
//! Its cost follows what happens, not what is outstanding: of a SACK's gap blocks only the part that is new is walked,
//! and chunks to be sent again stand in a list of their own.

mod abandonment;
mod rest;
mod sent;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub(crate) use abandonment::Skipped;
pub(crate) use sent::{Fate, Fragment, MessageKey, RateMark, Sent};

use super::congestion::RateSample;
use super::queue::MESSAGE_OVERHEAD;
use crate::chunk::{Data, IData, Sack};
use crate::lazy::{Lazy, blank};
use crate::serial;
use crate::wire::padded;

/// What a SACK changed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Octets newly acknowledged, with chunk headers.
    pub(crate) bytes: usize,
    pub(crate) cumulative_advanced: bool,
    /// The chunk sent last among those newly acknowledged.
    pub(crate) newest: Option<Delivered>,
    /// A chunk sent once arrived after one sent later.
    pub(crate) reordered: bool,
    /// TSNs that the peer reported as received twice.
    pub(crate) duplicates: usize,
    /// Chunks that arrived after all, before they were sent again.
    pub(crate) late: usize,
}

/// A chunk known to have arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) packet: u64,
    pub(crate) sent_at: Instant,
    pub(crate) transmits: u16,
    mark: RateMark,
}

/// What there is to know once something did not arrive in order.
#[derive(Debug)]
struct Holes {
    /// Gap-acknowledged TSNs, ascending, disjoint, not touching.
    acked: Vec<(u64, u64)>,
    scratch: Vec<(u64, u64)>,
    blocks: Vec<(u64, u64)>,
    /// Ascending TSNs to be sent again; entries whose chunk has another fate by now are skipped.
    lost: VecDeque<u64>,
    /// Ordered messages given up below `advanced` that the peer has not confirmed: of each stream the last, with TSN and
    /// SSN.
    skipped: Skipped,
    /// Messages given up of which a part is not sent yet.
    torn: Vec<MessageKey>,
    /// Messages given up since the last look: after their lifetime, after too many retransmissions.
    expired: u64,
    exhausted: u64,
}

impl Holes {
    const EMPTY: Self = Self {
        acked: Vec::new(),
        scratch: Vec::new(),
        blocks: Vec::new(),
        lost: VecDeque::new(),
        skipped: BTreeMap::new(),
        torn: Vec::new(),
        expired: 0,
        exhausted: 0,
    };
}

blank!(Holes, Holes::EMPTY);

/// The ring.
#[derive(Debug)]
pub(crate) struct Outstanding {
    /// TSN of the first chunk in the ring: one above the cumulative TSN acknowledged.
    base: u64,
    interleaved: bool,
    chunks: VecDeque<Sent>,
    holes: Lazy<Holes>,
    flight: usize,
    flight_payload: usize,
    acked_chunks: usize,
    /// Octets kept for retransmission, with overhead, against the send buffer.
    weight: usize,
    highest_acked: u64,
    /// Up to here everything is acknowledged or given up: the advanced peer ack point of RFC 3758.
    advanced: u64,
    delivered: u64,
    /// When something was delivered last, and when it had been sent.
    delivery: Option<(Instant, Instant)>,
    /// While no more than this is delivered, rates say little: there was nothing more to send.
    limited_until: u64,
}

impl Outstanding {
    pub(crate) fn new(initial_tsn: u32, interleaved: bool) -> Self {
        let base = serial::first(initial_tsn);
        Self {
            base,
            interleaved,
            chunks: VecDeque::new(),
            holes: Lazy::default(),
            flight: 0,
            flight_payload: 0,
            acked_chunks: 0,
            weight: 0,
            highest_acked: base - 1,
            advanced: base - 1,
            delivered: 0,
            delivery: None,
            limited_until: 0,
        }
    }

    /// Gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        self.chunks.shrink_to_fit();
        // All that was sent has arrived, so nobody waits for what was given up.
        if self.is_empty() {
            self.holes.rest();
        }
    }

    /// Octets of a chunk with `payload` octets of user data.
    pub(crate) fn chunk_len(&self, payload: usize) -> usize {
        padded(4 + if self.interleaved { IData::HEADER } else { Data::HEADER } + payload)
    }

    fn mark(&mut self, now: Instant) -> RateMark {
        if self.flight == 0 {
            self.delivery = Some((now, now));
        }
        let (delivered_at, first_sent) = self.delivery.unwrap_or((now, now));
        let (delivered, limited) = (self.delivered, self.delivered < self.limited_until);
        RateMark { delivered, delivered_at, first_sent, limited }
    }

    /// All that there was to send has been sent, and the window is not full.
    pub(crate) fn ran_dry(&mut self) {
        self.limited_until = self.delivered + self.flight as u64 + 1;
    }

    /// Notes what a SACK acknowledged, and at what rate it arrived: over the time in which it was sent or in which it was
    /// acknowledged, whichever is longer. Less than the `least` round trip says only that SACKs came bunched.
    pub(crate) fn rate(
        &mut self,
        now: Instant,
        bytes: usize,
        newest: Option<Delivered>,
        least: Duration,
    ) -> Option<RateSample> {
        self.delivered += bytes as u64;
        let Delivered { mark, sent_at, .. } = newest?;
        self.delivery = Some((now, sent_at));
        let sending = sent_at.saturating_duration_since(mark.first_sent);
        let time = now.saturating_duration_since(mark.delivered_at).max(sending);
        let octets = u128::from(self.delivered - mark.delivered) * 1_000_000_000;
        let octets_per_second = u64::try_from(octets / time.as_nanos().max(1)).unwrap_or(u64::MAX);
        (time >= least && !time.is_zero()).then_some(RateSample { octets_per_second, limited: mark.limited })
    }

    /// Gives a fragment the next TSN; it counts as in flight from now on.
    pub(crate) fn push(&mut self, fragment: Fragment, packet: u64, now: Instant) -> u64 {
        let tsn = self.next_tsn();
        self.weight += fragment.payload.len() + MESSAGE_OVERHEAD;
        self.flight_payload += fragment.payload.len();
        let (mark, octets) = (self.mark(now), self.chunk_len(fragment.payload.len()));
        self.chunks.push_back(Sent {
            octets,
            fragment,
            fate: Fate::InFlight,
            transmits: 1,
            packet,
            sent_at: now,
            mark,
        });
        self.flight += self.chunks.back().map_or(0, Sent::wire_len);
        tsn
    }

    /// A lost chunk was sent again.
    pub(crate) fn sent_again(&mut self, tsn: u64, packet: u64, now: Instant) {
        let mark = self.mark(now);
        let Some(sent) = self.get_mut(tsn) else { return };
        if sent.fate != Fate::Lost {
            return;
        }
        sent.mark = mark;
        sent.fate = Fate::InFlight;
        sent.transmits = sent.transmits.saturating_add(1);
        (sent.packet, sent.sent_at) = (packet, now);
        let (octets, payload) = (sent.wire_len(), sent.fragment.payload.len());
        self.flight += octets;
        self.flight_payload += payload;
        if self.holes.lost.front() == Some(&tsn) {
            self.holes.lost.pop_front();
        }
    }

    /// Applies a SACK, or `None` without any change if it is old or speaks of data never sent.
    pub(crate) fn on_sack(&mut self, sack: &Sack<'_>) -> Option<Progress> {
        let cumulative = serial::unwrap(sack.cumulative, self.base - 1);
        if cumulative + 1 < self.base || cumulative >= self.next_tsn() {
            return None;
        }
        let mut blocks = std::mem::take(&mut self.holes.blocks);
        blocks.clear();
        blocks
            .extend(sack.blocks().map(|b| (cumulative + u64::from(b.start), cumulative + u64::from(b.end))));
        if !blocks.is_sorted() {
            blocks.sort_unstable();
        }
        let legal = blocks.iter().all(|&(_, end)| end < self.next_tsn());
        let progress = legal.then(|| {
            let mut progress = self.on_cumulative(cumulative);
            // The chunk after the cumulative TSN was reported before and is not here: the peer dropped what it had.
            if self.chunks.front().is_some_and(|c| c.fate == Fate::Acked) {
                self.forget_acked();
            }
            self.on_blocks(&blocks, &mut progress);
            progress.duplicates = sack.duplicates().count();
            progress
        });
        self.holes.blocks = blocks;
        progress
    }

    /// Everything up to `cumulative` arrived; the caller has checked that it was sent.
    pub(crate) fn on_cumulative(&mut self, cumulative: u64) -> Progress {
        let mut progress = Progress { cumulative_advanced: cumulative >= self.base, ..Progress::default() };
        while self.base <= cumulative {
            let tsn = self.base;
            self.acknowledge(tsn, &mut progress);
            if let Some(sent) = self.chunks.pop_front() {
                self.weight -= sent.fragment.payload.len() + MESSAGE_OVERHEAD;
                self.acked_chunks -= usize::from(sent.fate == Fate::Acked);
            }
            self.base += 1;
        }
        self.highest_acked = self.highest_acked.max(cumulative);
        self.advanced = self.advanced.max(cumulative);
        self.holes.skipped.retain(|_, (tsn, _)| *tsn > cumulative);
        let gone = self.holes.acked.iter().take_while(|r| r.1 <= cumulative).count();
        self.holes.acked.drain(..gone);
        if let Some(first) = self.holes.acked.first_mut() {
            first.0 = first.0.max(cumulative + 1);
        }
        while self.holes.lost.front().is_some_and(|&tsn| tsn <= cumulative) {
            self.holes.lost.pop_front();
        }
        progress
    }

    /// Walks the part of the ascending `blocks` that no earlier SACK reported.
    fn on_blocks(&mut self, blocks: &[(u64, u64)], progress: &mut Progress) {
        let mut known = 0;
        for &(start, end) in blocks {
            let mut at = start.max(self.base);
            while at <= end {
                while self.holes.acked.get(known).is_some_and(|r| r.1 < at) {
                    known += 1;
                }
                let stop = match self.holes.acked.get(known) {
                    Some(&(first, last)) if first <= at => {
                        at = last + 1;
                        continue;
                    }
                    Some(&(first, _)) => end.min(first - 1),
                    None => end,
                };
                for tsn in at..=stop {
                    self.acknowledge(tsn, progress);
                }
                at = stop + 1;
            }
        }
        if let Some(&(_, end)) = blocks.iter().max_by_key(|r| r.1) {
            self.highest_acked = self.highest_acked.max(end);
            self.merge(blocks);
        }
    }

    /// `acked` becomes its union with `blocks`.
    fn merge(&mut self, blocks: &[(u64, u64)]) {
        let mut union = std::mem::take(&mut self.holes.scratch);
        union.clear();
        let (mut known, mut new) = (self.holes.acked.iter().peekable(), blocks.iter().peekable());
        loop {
            let next = match (known.peek(), new.peek()) {
                (Some(a), Some(b)) if a.0 <= b.0 => known.next(),
                (_, Some(_)) => new.next(),
                (_, None) => known.next(),
            };
            let Some(&(start, end)) = next else { break };
            match union.last_mut() {
                Some(last) if start <= last.1 + 1 => last.1 = last.1.max(end),
                _ => union.push((start.max(self.base), end)),
            }
        }
        self.holes.scratch = std::mem::replace(&mut self.holes.acked, union);
    }

    fn acknowledge(&mut self, tsn: u64, progress: &mut Progress) {
        let highest = self.highest_acked;
        let Some(sent) = self.get_mut(tsn) else { return };
        let before = std::mem::replace(&mut sent.fate, Fate::Acked);
        let (octets, payload) = (sent.wire_len(), sent.fragment.payload.len());
        let Sent { packet, sent_at, transmits, mark, .. } = *sent;
        let delivered = Delivered { packet, sent_at, transmits, mark };
        match before {
            Fate::Acked => return,
            Fate::InFlight => {
                self.flight -= octets;
                self.flight_payload -= payload;
            }
            Fate::Lost => progress.late += 1,
            Fate::Abandoned => {}
        }
        self.acked_chunks += 1;
        if delivered.transmits == 0 {
            return;
        }
        progress.bytes += octets;
        progress.reordered |= tsn < highest && delivered.transmits == 1;
        if progress.newest.is_none_or(|n| n.packet <= delivered.packet) {
            progress.newest = Some(delivered);
        }
    }

    /// The peer dropped what it had reported in gap blocks: all of it is sent again (RFC 9260 section 6.2.1, D iii).
    fn forget_acked(&mut self) {
        for (start, end) in std::mem::take(&mut self.holes.acked) {
            for tsn in start..=end {
                if let Some(sent) = self.get_mut(tsn)
                    && sent.fate == Fate::Acked
                {
                    sent.fate = Fate::Lost;
                    self.acked_chunks -= 1;
                    self.holes.lost.push_back(tsn);
                }
            }
        }
        // Two ascending runs: merged, not one put into the other piece by piece.
        self.holes.lost.make_contiguous().sort();
    }

    /// A chunk in flight counts as lost. With `limits` its message is given up where it may not be sent again.
    pub(crate) fn mark_lost(&mut self, tsn: u64, limits: bool) {
        let Some(sent) = self.get_mut(tsn) else { return };
        if sent.fate != Fate::InFlight {
            return;
        }
        sent.fate = Fate::Lost;
        let exhausted = limits && sent.fragment.max_retransmits.is_some_and(|max| sent.transmits > max);
        let (octets, payload) = (sent.wire_len(), sent.fragment.payload.len());
        self.flight -= octets;
        self.flight_payload -= payload;
        self.list_lost(tsn);
        if exhausted {
            self.abandon(tsn);
        }
    }

    /// Everything in flight counts as lost.
    pub(crate) fn mark_all_lost(&mut self, limits: bool) {
        // Listed anew, in order, and not one by one between those that were lost before.
        self.holes.lost.clear();
        for tsn in self.base..self.next_tsn() {
            if self.get(tsn).is_some_and(|sent| sent.fate == Fate::Lost) {
                self.holes.lost.push_back(tsn);
            }
            self.mark_lost(tsn, limits);
        }
    }

    fn list_lost(&mut self, tsn: u64) {
        if self.holes.lost.back().is_none_or(|&last| last < tsn) {
            self.holes.lost.push_back(tsn);
        } else if let Err(at) = self.holes.lost.binary_search(&tsn) {
            self.holes.lost.insert(at, tsn);
        }
    }

    /// The next chunk to be sent again; with `limits`, messages whose lifetime is over are given up instead.
    pub(crate) fn next_lost(&mut self, now: Instant, limits: bool) -> Option<u64> {
        loop {
            let tsn = *self.holes.lost.front()?;
            let Some(sent) = self.get(tsn).filter(|sent| sent.fate == Fate::Lost) else {
                self.holes.lost.pop_front();
                continue;
            };
            if limits && sent.fragment.expires.is_some_and(|at| at <= now) {
                self.abandon(tsn);
                continue;
            }
            return Some(tsn);
        }
    }

    /// The highest chunk in flight, for a tail-loss probe.
    pub(crate) fn last_in_flight(&self) -> Option<u64> {
        let at = self.chunks.iter().rposition(|c| c.fate == Fate::InFlight)?;
        Some(self.base + u64::try_from(at).unwrap_or_default())
    }

    pub(crate) fn get(&self, tsn: u64) -> Option<&Sent> {
        self.chunks.get(usize::try_from(tsn.checked_sub(self.base)?).ok()?)
    }

    fn get_mut(&mut self, tsn: u64) -> Option<&mut Sent> {
        self.chunks.get_mut(usize::try_from(tsn.checked_sub(self.base)?).ok()?)
    }

    pub(crate) fn next_tsn(&self) -> u64 {
        self.base + self.chunks.len() as u64
    }

    /// One above the cumulative TSN acknowledged.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Octets that have arrived.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Octets of DATA chunks in flight.
    pub(crate) fn flight(&self) -> usize {
        self.flight
    }

    /// Octets of user data in flight.
    pub(crate) fn flight_payload(&self) -> usize {
        self.flight_payload
    }

    /// Chunks acknowledged beyond a hole.
    pub(crate) fn acked_chunks(&self) -> usize {
        self.acked_chunks
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.holes.lost.iter().any(|&tsn| self.get(tsn).is_some_and(|s| s.fate == Fate::Lost))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}
