//! Counting allocations.

/// What a piece of work allocated, on the thread that did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocations {
    /// Allocations made.
    pub count: u64,
    /// Octets allocated in all.
    pub bytes: u64,
    /// Octets allocated and still held at the worst moment, beyond what was held before.
    pub peak: u64,
    /// Octets allocated and still held at the end; negative if more was freed that had been there before.
    pub held: i64,
}

/// Counts what `work` allocates.
pub fn count(work: impl FnOnce()) -> Allocations {
    let counted = allocation_counter::measure(work);
    Allocations {
        count: counted.count_total,
        bytes: counted.bytes_total,
        peak: counted.bytes_max,
        held: counted.bytes_current,
    }
}

/// Fails unless `work` allocates nothing.
///
/// # Panics
/// It allocated.
pub fn assert_none(work: impl FnOnce()) {
    let counted = count(work);
    assert_eq!(counted.count, 0, "{} allocations, {} octets", counted.count, counted.bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_is_counted_and_none_is_none() {
        let counted = count(|| drop(std::hint::black_box(vec![0u8; 100])));
        assert_eq!((counted.count, counted.bytes, counted.peak), (1, 100, 100));
        assert_eq!(counted.held, 0);
        let mut kept = Vec::new();
        assert_eq!(count(|| kept = vec![0u8; 100]).held, 100);
        drop(kept);
        assert_none(|| ());
    }
}
