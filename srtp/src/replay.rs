//! Which indices have been seen: a window of bits behind the highest one; RFC 3711 section 3.3.2.

use alloc::boxed::Box;
use alloc::vec;

/// What the window knows of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fresh,
    Seen,
    TooOld,
}

/// A ring of bits, one for each index of the window, a power of two so that finding a bit needs no division. Index `i` has
/// bit `i % size`.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// The highest index seen and one more; 0 before the first.
    next: u64,
    bits: Box<[u64]>,
}

impl Window {
    /// A window of `size` indices, rounded up to a power of two within 64 to 8192.
    //= rfc3711#3.3.2-2
    pub(crate) fn new(size: usize) -> Self {
        Self { next: 0, bits: vec![0; size.clamp(64, 8192).next_power_of_two() / 64].into_boxed_slice() }
    }

    /// The highest index seen.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// Moves an unused window to begin behind `index`, which counts as not seen.
    pub(crate) fn start_at(&mut self, index: u64) {
        self.next = index;
        // Whatever lies before the start was not seen by us and is not to be accepted either.
        self.bits.fill(u64::MAX);
    }

    /// The window's state: what [`Window::restore`] takes.
    pub(crate) fn state(&self) -> (u64, &[u64]) {
        (self.next, &self.bits)
    }

    /// A window over indices below `end`, as [`Window::state`] told it; `None` where it cannot be.
    pub(crate) fn restore(next: u64, bits: &[u64], end: u64) -> Option<Self> {
        let size = bits.len() * 64;
        let possible = (64..=8192).contains(&size) && size.is_power_of_two() && next <= end;
        possible.then(|| Self { next, bits: bits.into() })
    }

    /// Counts the next `count` indices, and all before them, as seen; those up to `end` if there are fewer.
    pub(crate) fn skip(&mut self, count: u64, end: u64) {
        self.next = self.next.saturating_add(count).min(end);
        self.bits.fill(u64::MAX);
    }

    pub(crate) fn check(&self, index: u64) -> Verdict {
        if index >= self.next {
            Verdict::Fresh
        } else if self.next - index > self.size() {
            Verdict::TooOld
        } else if self.bits[self.word(index)] & Self::bit(index) != 0 {
            Verdict::Seen
        } else {
            Verdict::Fresh
        }
    }

    /// Notes an index that [`Window::check`] called fresh.
    pub(crate) fn insert(&mut self, index: u64) {
        if index >= self.next {
            self.advance(index);
        }
        let word = self.word(index);
        self.bits[word] |= Self::bit(index);
    }

    /// Moves the window's head to `index` and clears the bits of the indices that are passed over. A jump past the whole
    /// window clears it whole.
    fn advance(&mut self, index: u64) {
        if index - self.next >= self.size() {
            self.bits.fill(0);
        } else {
            for skipped in self.next..index {
                let word = self.word(skipped);
                self.bits[word] &= !Self::bit(skipped);
            }
        }
        self.next = index + 1;
    }

    fn size(&self) -> u64 {
        self.bits.len() as u64 * 64
    }

    fn word(&self, index: u64) -> usize {
        (index / 64) as usize & (self.bits.len() - 1)
    }

    fn bit(index: u64) -> u64 {
        1 << (index % 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    #[test]
    fn the_last_index_of_the_window_counts_and_the_one_behind_it_does_not() {
        for size in [64, 128, 8192] {
            let mut window = Window::new(size);
            window.insert(10_000);
            let last = 10_001 - size as u64;
            assert_eq!(window.check(last), Verdict::Fresh);
            assert_eq!(window.check(last - 1), Verdict::TooOld);
            window.insert(last);
            assert_eq!(window.check(last), Verdict::Seen);
        }
    }

    #[test]
    fn an_index_before_the_start_is_not_fresh() {
        let mut window = Window::new(64);
        window.start_at(1000);
        assert_eq!(window.check(999), Verdict::Seen);
        assert_eq!(window.check(1000), Verdict::Fresh);
        window.insert(1001);
        assert_eq!(window.check(1000), Verdict::Fresh);
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set(steps in proptest::collection::vec(0u64..400, 1..200)) {
            let (mut window, mut seen) = (Window::new(64), BTreeSet::new());
            for index in steps {
                let highest = seen.last().copied();
                let expected = match highest {
                    Some(highest) if index + 64 <= highest => Verdict::TooOld,
                    _ if seen.contains(&index) => Verdict::Seen,
                    _ => Verdict::Fresh,
                };
                prop_assert_eq!(window.check(index), expected);
                if expected == Verdict::Fresh {
                    window.insert(index);
                    seen.insert(index);
                }
            }
        }
    }
}
