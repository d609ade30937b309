//! What is known of each source. Entries appear only when a packet has been authenticated or sealed.

use alloc::vec::Vec;

use crate::index;
use crate::replay::Window;

/// One source: which RTP and RTCP indices it has used.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    /// When it sent an authentic packet last, counted in packets of all sources.
    used: u64,
    pub(crate) rtp: Window,
    pub(crate) rtcp: Window,
    /// The index before the cycle that [`Stream::set_cycle`] named.
    pub(crate) told: Option<u64>,
}

impl Stream {
    //= rfc3711#3.3.1-1
    //= rfc3711#3.3.1-3
    //= rfc3711#3.2.1-10
    pub(crate) fn new(ssrc: u32, window: usize) -> Self {
        Self { ssrc, used: 0, rtp: Window::new(window), rtcp: Window::new(window), told: None }
    }

    pub(crate) fn restore(ssrc: u32, rtp: Window, rtcp: Window, told: Option<u64>) -> Self {
        Self { ssrc, used: 0, rtp, rtcp, told }
    }

    /// The RTP index that a sequence number most likely means.
    pub(crate) fn estimate(&self, sequence: u16) -> u64 {
        let highest = self.rtp.highest();
        match highest {
            // Told a cycle and not heard since: the number is one of that cycle.
            _ if highest == self.told => self.told.map_or(0, |told| told + 1) | u64::from(sequence),
            Some(highest) => index::nearest(highest, sequence),
            None => u64::from(sequence),
        }
    }

    /// Begins at `start`, the first index of a cycle.
    pub(crate) fn set_cycle(&mut self, start: u64) {
        self.rtp.start_at(start);
        self.told = self.rtp.highest();
    }
}

/// All sources: found through a hash table whose key comes from the master key, so that nobody can choose SSRCs that
/// collide. The one found last is found first.
pub(crate) struct Streams {
    entries: Vec<Stream>,
    /// Where in `entries` a source lies, at its hash or behind it; a power of two of them.
    slots: Vec<u32>,
    key: u64,
    last: usize,
    limit: usize,
    clock: u64,
}

const EMPTY: u32 = u32::MAX;

impl Streams {
    pub(crate) fn new(limit: usize, key: [u8; 8]) -> Self {
        let limit = limit.min(EMPTY as usize);
        Self {
            entries: Vec::new(),
            slots: Vec::new(),
            key: u64::from_ne_bytes(key),
            last: 0,
            limit,
            clock: 0,
        }
    }

    /// The source. It does not count as used: what named it may be forged.
    #[inline]
    pub(crate) fn find(&mut self, ssrc: u32) -> Option<&mut Stream> {
        if self.turn_to(ssrc) { self.entries.get_mut(self.last) } else { None }
    }

    /// The source, which appears if it is new; `None` where there is no room for it.
    #[inline]
    pub(crate) fn find_or_insert(&mut self, ssrc: u32, window: usize) -> Option<&mut Stream> {
        if !self.turn_to(ssrc) {
            if self.is_full() {
                return None;
            }
            self.insert(Stream::new(ssrc, window));
        }
        self.entries.get_mut(self.last)
    }

    /// Notes that the source found last has sent an authentic packet.
    #[inline]
    pub(crate) fn note_use(&mut self) {
        self.clock += 1;
        if let Some(stream) = self.entries.get_mut(self.last) {
            stream.used = self.clock;
        }
    }

    /// Makes a source the one found last, if it is there.
    #[inline]
    fn turn_to(&mut self, ssrc: u32) -> bool {
        if self.entries.get(self.last).is_some_and(|stream| stream.ssrc == ssrc) {
            return true;
        }
        let found = self.slot_of(ssrc).map(|slot| self.slots[slot] as usize);
        self.last = found.unwrap_or(self.last);
        found.is_some()
    }

    pub(crate) fn contains(&self, ssrc: u32) -> bool {
        self.slot_of(ssrc).is_some()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.entries.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.entries.iter_mut()
    }

    /// Adds a source that is not there yet. The caller has looked at [`Streams::is_full`].
    pub(crate) fn insert(&mut self, stream: Stream) {
        if self.contains(stream.ssrc) {
            return;
        }
        self.last = self.entries.len();
        self.entries.push(stream);
        self.note_use();
        if self.entries.len() * 2 > self.slots.len() {
            self.rebuild();
        } else {
            self.place(self.last);
        }
    }

    pub(crate) fn remove(&mut self, ssrc: u32) -> bool {
        let Some(slot) = self.slot_of(ssrc) else { return false };
        let at = self.slots[slot] as usize;
        self.entries.swap_remove(at);
        self.rebuild();
        true
    }

    /// Makes room by forgetting the source that was used longest ago.
    pub(crate) fn evict(&mut self) {
        if let Some(ssrc) = self.entries.iter().min_by_key(|stream| stream.used).map(|stream| stream.ssrc) {
            self.remove(ssrc);
        }
    }

    fn slot_of(&self, ssrc: u32) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = self.hash(ssrc) & mask;
        // Half of the slots are empty at least, so this ends.
        loop {
            let at = self.slots[slot];
            if at == EMPTY {
                return None;
            }
            if self.entries.get(at as usize).is_some_and(|stream| stream.ssrc == ssrc) {
                return Some(slot);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn rebuild(&mut self) {
        let size = (self.entries.len() * 4).next_power_of_two().max(16);
        self.slots.clear();
        self.slots.resize(size, EMPTY);
        (0..self.entries.len()).for_each(|at| self.place(at));
    }

    fn place(&mut self, at: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash(self.entries[at].ssrc) & mask;
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) & mask;
        }
        // The limit keeps the number of entries below `EMPTY`.
        self.slots[slot] = u32::try_from(at).unwrap_or(EMPTY);
    }

    fn hash(&self, ssrc: u32) -> usize {
        let mixed = (u64::from(ssrc) ^ self.key).wrapping_mul(self.key.rotate_left(32) | 1);
        (mixed >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_table_agrees_with_a_set(steps in proptest::collection::vec((0u32..60, 0u8..4), 1..300), key: [u8; 8]) {
            let (mut streams, mut known) = (Streams::new(40, key), BTreeSet::new());
            for (ssrc, what) in steps {
                match what {
                    0 => prop_assert_eq!(streams.remove(ssrc), known.remove(&ssrc)),
                    1 => prop_assert_eq!(streams.find(ssrc).map(|found| found.ssrc), known.get(&ssrc).copied()),
                    _ if !streams.is_full() => {
                        streams.insert(Stream::new(ssrc, 64));
                        known.insert(ssrc);
                    }
                    _ => prop_assert_eq!(known.len(), 40),
                }
                prop_assert_eq!(streams.len(), known.len());
            }
            for ssrc in 0..60 {
                prop_assert_eq!(streams.contains(ssrc), known.contains(&ssrc));
            }
        }
    }

    #[test]
    fn the_source_used_longest_ago_is_evicted() {
        let mut streams = Streams::new(3, [1; 8]);
        [1, 2, 3].into_iter().for_each(|ssrc| streams.insert(Stream::new(ssrc, 64)));
        assert!(streams.find(1).is_some());
        streams.note_use();
        assert!(streams.find(2).is_some(), "looking does not count");
        streams.evict();
        assert_eq!([1, 2, 3].map(|ssrc| streams.contains(ssrc)), [true, false, true]);
    }
}
