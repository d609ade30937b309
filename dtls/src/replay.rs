//! Which records of an epoch have come; RFC 6347 section 4.1.2.6.

/// The smallest window that there may be; RFC 6347 section 4.1.2.6.
const LEAST: u16 = 32;
/// The largest window that there is.
const MOST: u16 = 4096;

/// A window behind the highest sequence number: one bit for each, in a ring.
#[derive(Debug, Clone)]
pub(crate) struct ReplayWindow {
    /// The highest number seen, and one more; 0 before the first.
    next: u64,
    /// Records behind the newest that still count, itself among them.
    size: u64,
    /// Bit `n % 64` of word `n / 64`, counted round, is the number `n`. The words are a power of two, and at least one
    /// more than the window needs, so that the window is never over the same word at both its ends.
    seen: Box<[u64]>,
}

impl ReplayWindow {
    /// A window of this many records, within its bounds.
    pub(crate) fn new(size: u16) -> Self {
        let size = size.clamp(LEAST, MOST);
        let words = (usize::from(size).div_ceil(64) + 1).next_power_of_two();
        Self { next: 0, size: size.into(), seen: vec![0; words].into() }
    }

    /// Whether a record with this number would be the newest.
    pub(crate) const fn is_newest(&self, sequence: u64) -> bool {
        sequence >= self.next
    }

    /// Whether a record with this number may be new.
    pub(crate) fn is_fresh(&self, sequence: u64) -> bool {
        if self.is_newest(sequence) {
            return true;
        }
        let age = self.next - 1 - sequence;
        age < self.size && self.seen[self.word(sequence)] & bit(sequence) == 0
    }

    /// Notes a record that has proven authentic and is fresh.
    pub(crate) fn insert(&mut self, sequence: u64) {
        if self.is_newest(sequence) {
            // Words that the window moves onto begin empty; no more of them than there are.
            let (first, last) = (self.next.div_ceil(64), sequence / 64);
            let first = first.max((last + 1).saturating_sub(self.seen.len() as u64));
            for word in first..=last {
                let at = self.word(word * 64);
                self.seen[at] = 0;
            }
            self.next = sequence + 1;
        }
        let at = self.word(sequence);
        self.seen[at] |= bit(sequence);
    }

    const fn word(&self, sequence: u64) -> usize {
        (sequence / 64) as usize & (self.seen.len() - 1)
    }
}

const fn bit(sequence: u64) -> u64 {
    1 << (sequence % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// D6: replays are dropped, reordering within the window is not, and a gap of any size is fine.
    //= rfc6347#4.1.2.6-2 test
    //= rfc6347#4.1.2.6-3 test
    //= rfc6347#4.1.2.6-5 test
    //= rfc6347#4.1.2.6-6 test
    #[test]
    fn the_last_number_of_the_window_counts_and_the_one_behind_it_does_not() {
        let mut window = ReplayWindow::new(64);
        assert!(window.is_fresh(0));
        window.insert(100);
        assert!(!window.is_fresh(100));
        assert!(window.is_fresh(37) && !window.is_fresh(36));
        window.insert(37);
        assert!(!window.is_fresh(37));
        window.insert(1 << 47);
        assert!(window.is_fresh((1 << 47) - 63) && !window.is_fresh((1 << 47) - 64));
    }

    /// D6: windows of other sizes, within bounds.
    //= rfc6347#4.1.2.6-7 test
    #[test]
    fn the_window_is_as_large_as_asked_for() {
        for (asked, size) in [(0, 32), (32, 32), (33, 33), (64, 64), (256, 256), (u16::MAX, 4096)] {
            let mut window = ReplayWindow::new(asked);
            for newest in [10_000, 10_017, 10_081, 20_000, (1 << 48) - 1] {
                window.insert(newest);
                assert!(window.is_fresh(newest - (size - 1)) && !window.is_fresh(newest - size), "{asked}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set(
            steps in proptest::collection::vec(prop_oneof![0u64..600, 0u64..10_000], 1..300),
            size in 32u16..300,
        ) {
            let (mut window, mut seen) = (ReplayWindow::new(size), BTreeSet::new());
            for sequence in steps {
                let in_window = seen.last().is_none_or(|highest| sequence + u64::from(size) > *highest);
                let fresh = in_window && !seen.contains(&sequence);
                prop_assert_eq!(window.is_fresh(sequence), fresh);
                if fresh {
                    window.insert(sequence);
                    seen.insert(sequence);
                }
            }
        }
    }
}
