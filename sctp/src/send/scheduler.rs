//! Which stream sends next (RFC 8260 section 3). Streams are known by number only.
//!
//! A stream that has something to send stands in an ordered set; its place says when its turn comes, and what that means
//! is the policy's. With DATA chunks the fragments of a message have consecutive TSNs, so a message once begun is
//! finished first; with I-DATA the turn ends with the fragment.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Scheduling;

/// What a policy may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// Share or rank of the stream.
    pub(crate) weight: u16,
    /// When the stream's first message was given to `send`.
    pub(crate) arrival: u64,
}

/// Urgent ones first, then by place, then who asked first.
type Place = (bool, u64, u64, u16);

/// See the top of this file.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    policy: Scheduling,
    interleaved: bool,
    places: BTreeSet<Place>,
    by_stream: BTreeMap<u16, Place>,
    /// The stream whose message is begun and must be finished.
    begun: Option<u16>,
    /// Virtual time of the fair policies: where the stream served last stood.
    clock: u64,
    /// Where each stream's share ended, for those that come back.
    served: BTreeMap<u16, u64>,
    order: u64,
}

impl Scheduler {
    pub(crate) fn new(policy: Scheduling) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Messages may interleave from now on.
    pub(crate) fn interleave(&mut self) {
        self.interleaved = true;
    }

    /// A stream that had nothing to send has something now.
    pub(crate) fn activate(&mut self, stream: u16, claim: Claim, urgent: bool) {
        let from = self.served.get(&stream).copied().unwrap_or(0).max(self.clock);
        let at = self.place(claim, from, 0);
        self.insert(stream, at, urgent);
    }

    fn insert(&mut self, stream: u16, at: u64, urgent: bool) {
        self.order += 1;
        let place = (!urgent, at, self.order, stream);
        self.places.insert(place);
        self.by_stream.insert(stream, place);
    }

    /// Where a stream stands after `octets` more from `from`.
    fn place(&self, claim: Claim, from: u64, octets: usize) -> u64 {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        let share = |weight: u16| from + octets.saturating_mul(SCALE) / u64::from(weight.max(1));
        match self.policy {
            Scheduling::WeightedFair => share(claim.weight),
            Scheduling::Fair => share(1),
            Scheduling::RoundRobin | Scheduling::RoundRobinPacket => self.order,
            Scheduling::Priority => u64::from(u16::MAX - claim.weight),
            Scheduling::FirstComeFirstServed => claim.arrival,
        }
    }

    /// The stream whose turn it is.
    pub(crate) fn current(&self) -> Option<u16> {
        self.begun.or_else(|| self.places.first().map(|place| place.3))
    }

    /// `octets` of the current stream's first message were taken; `ends`: it is gone. `next`: what the stream has then.
    pub(crate) fn took(&mut self, octets: usize, ends: bool, next: Option<Claim>) {
        let Some(stream) = self.current() else { return };
        let Some(place) = self.by_stream.remove(&stream) else { return };
        self.places.remove(&place);
        let fair = matches!(self.policy, Scheduling::WeightedFair | Scheduling::Fair);
        if fair {
            self.clock = self.clock.max(place.1);
        }
        let stays = !ends && (!self.interleaved || self.policy == Scheduling::RoundRobin);
        self.begun = stays.then_some(stream);
        let claim = next.unwrap_or(Claim { weight: DEFAULT_WEIGHT, arrival: 0 });
        let at = self.place(claim, place.1, octets);
        if fair {
            self.served.insert(stream, at);
        }
        if next.is_some() {
            // What was urgent stays so until its message is through.
            self.insert(stream, at, !place.0 && !ends);
        }
    }

    /// A stream lost all it had to send.
    pub(crate) fn remove(&mut self, stream: u16) {
        if self.begun == Some(stream) {
            self.begun = None;
        }
        if let Some(place) = self.by_stream.remove(&stream) {
            self.places.remove(&place);
        }
    }

    /// Nothing has been sent for long, so nobody is ahead: gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        if self.places.is_empty() {
            (self.places, self.by_stream, self.served) = Default::default();
        }
    }

    /// Everything given up; a new association has its own chunks.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.policy);
    }

    /// The turns as they stand, for a snapshot: whether a stream is urgent, in order.
    pub(crate) fn turns(&self) -> (impl ExactSizeIterator<Item = (u16, bool)>, bool) {
        let mut turns: Vec<(u16, bool)> = self.places.iter().map(|place| (place.3, !place.0)).collect();
        if let Some(begun) = self.begun {
            turns.sort_by_key(|turn| turn.0 != begun);
        }
        (turns.into_iter(), self.begun.is_some())
    }

    /// The first of the turns that a snapshot brought is begun.
    pub(crate) fn resume(&mut self, first: Option<u16>) {
        self.begun = first;
    }
}

/// The weight of a stream that has been given none: "normal" of RFC 8831 section 6.4.
pub(crate) const DEFAULT_WEIGHT: u16 = 256;

/// Virtual time is counted in octets of a stream of weight 1, and finer.
const SCALE: u64 = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams in the order in which pieces of 1000 octets leave; each stream has `pieces` of them in one message.
    fn order(policy: Scheduling, interleaved: bool, streams: &[(u16, u16, usize)], count: usize) -> Vec<u16> {
        let mut scheduler = Scheduler::new(policy);
        if interleaved {
            scheduler.interleave();
        }
        let mut left: BTreeMap<u16, (u16, usize, u64)> = BTreeMap::new();
        for (arrival, &(stream, weight, pieces)) in (0..).zip(streams) {
            left.insert(stream, (weight, pieces, arrival));
            scheduler.activate(stream, Claim { weight, arrival }, false);
        }
        let mut all = Vec::new();
        while let Some(stream) = scheduler.current().filter(|_| all.len() < count) {
            all.push(stream);
            let (weight, pieces, arrival) = left.get_mut(&stream).unwrap();
            *pieces -= 1;
            let next = (*pieces > 0).then_some(Claim { weight: *weight, arrival: *arrival });
            scheduler.took(1000, *pieces == 0, next);
        }
        all
    }

    const TWO: [(u16, u16, usize); 2] = [(1, 256, 3), (2, 256, 3)];

    //= rfc8260#3-2 test
    #[test]
    fn each_policy_has_its_order() {
        use Scheduling::*;
        assert_eq!(order(RoundRobinPacket, true, &TWO, 6), [1, 2, 1, 2, 1, 2]);
        assert_eq!(order(RoundRobin, true, &TWO, 6), [1, 1, 1, 2, 2, 2]);
        assert_eq!(order(FirstComeFirstServed, true, &TWO, 6), [1, 1, 1, 2, 2, 2]);
        assert_eq!(order(Fair, true, &TWO, 6), [1, 2, 1, 2, 1, 2]);
        assert_eq!(order(Priority, true, &[(1, 128, 2), (2, 512, 2)], 4), [2, 2, 1, 1]);
        let shares = order(WeightedFair, true, &[(1, 128, 100), (2, 512, 100)], 50);
        assert_eq!(shares.iter().filter(|s| **s == 2).count(), 40, "four of five");
        // Without I-DATA a message begun is finished, whatever the policy.
        for policy in [Fair, WeightedFair, Priority, RoundRobinPacket, RoundRobin, FirstComeFirstServed] {
            assert_eq!(order(policy, false, &TWO, 6), [1, 1, 1, 2, 2, 2], "{policy:?}");
        }
    }

    #[test]
    fn an_urgent_stream_waits_only_for_the_message_begun() {
        let claim = Claim { weight: 256, arrival: 0 };
        for interleaved in [false, true] {
            let mut scheduler = Scheduler::new(Scheduling::default());
            if interleaved {
                scheduler.interleave();
            }
            scheduler.activate(1, claim, false);
            scheduler.activate(2, claim, false);
            scheduler.took(1000, false, Some(claim));
            scheduler.activate(3, claim, true);
            assert_eq!(scheduler.current(), Some(if interleaved { 3 } else { 1 }));
            if !interleaved {
                scheduler.took(1000, true, Some(claim));
            }
            assert_eq!(scheduler.current(), Some(3));
            scheduler.took(10, true, None);
            assert_eq!(scheduler.current(), Some(2));
        }
    }

    #[test]
    fn a_stream_that_comes_back_has_not_saved_anything_up_nor_lost() {
        let claim = Claim { weight: 256, arrival: 0 };
        let mut scheduler = Scheduler::new(Scheduling::Fair);
        scheduler.interleave();
        scheduler.activate(1, claim, false);
        (0..50).for_each(|_| scheduler.took(1000, true, Some(claim)));
        scheduler.activate(2, claim, false);
        let mut turns = Vec::new();
        for _ in 0..10 {
            turns.push(scheduler.current().unwrap());
            scheduler.took(1000, true, Some(claim));
        }
        assert_eq!(turns.iter().filter(|t| **t == 2).count(), 5, "{turns:?}");
    }
}
