//! Which records of an epoch have come; RFC 6347 section 4.1.2.6.

/// Records behind the newest that still count.
const SIZE: u64 = 64;

/// A window of bits behind the highest sequence number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReplayWindow {
    /// The highest number seen, and one more; 0 before the first.
    next: u64,
    /// Bit `n` is the number `next - 1 - n`.
    seen: u64,
}

impl ReplayWindow {
    /// Whether a record with this number may be new.
    pub(crate) const fn is_fresh(&self, sequence: u64) -> bool {
        if sequence >= self.next {
            return true;
        }
        let age = self.next - 1 - sequence;
        age < SIZE && self.seen & 1 << age == 0
    }

    /// Notes a record that has proven authentic.
    pub(crate) const fn insert(&mut self, sequence: u64) {
        if sequence >= self.next {
            let advance = sequence + 1 - self.next;
            self.seen = if advance < SIZE { self.seen << advance } else { 0 };
            self.next = sequence + 1;
        }
        let age = self.next - 1 - sequence;
        if age < SIZE {
            self.seen |= 1 << age;
        }
    }
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
        let mut window = ReplayWindow::default();
        assert!(window.is_fresh(0));
        window.insert(100);
        assert!(!window.is_fresh(100));
        assert!(window.is_fresh(37) && !window.is_fresh(36));
        window.insert(37);
        assert!(!window.is_fresh(37));
        window.insert(1 << 47);
        assert!(window.is_fresh((1 << 47) - 63) && !window.is_fresh((1 << 47) - 64));
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set(steps in proptest::collection::vec(0u64..300, 1..200)) {
            let (mut window, mut seen) = (ReplayWindow::default(), BTreeSet::new());
            for sequence in steps {
                let in_window = seen.last().is_none_or(|highest| sequence + SIZE > *highest);
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
