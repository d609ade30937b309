//! Serial numbers (RFC 1982) of 32 bits, and their unwrapping to 64 bits.
//!
//! Inside the machine a TSN is a `u64` that never wraps: it is compared and subtracted like any number, and only the
//! codec sees the 32 bits of the wire.

/// Where unwrapped numbers begin, so that going back from the first one cannot underflow.
pub(crate) const FIRST_LAP: u64 = 1 << 32;

/// The 32 bits of an unwrapped number that stand on the wire.
pub(crate) const fn wire(number: u64) -> u32 {
    (number & 0xffff_ffff) as u32
}

/// The first unwrapped number of a sequence that starts with `number` on the wire.
pub(crate) fn first(number: u32) -> u64 {
    FIRST_LAP + u64::from(number)
}

/// The unwrapped number nearest to `reference` whose low 32 bits are `number`.
///
/// Half the space away counts as ahead. A result below zero is not possible near [`FIRST_LAP`]; it saturates.
pub(crate) fn unwrap(number: u32, reference: u64) -> u64 {
    let ahead = number.wrapping_sub(wire(reference));
    if ahead <= 1 << 31 {
        reference.saturating_add(u64::from(ahead))
    } else {
        reference.saturating_sub(u64::from(ahead.wrapping_neg()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwrapping_follows_the_number_across_the_wrap_both_ways() {
        let reference = first(u32::MAX - 1);
        assert_eq!(unwrap(u32::MAX, reference), reference + 1);
        assert_eq!(unwrap(3, reference), reference + 5);
        assert_eq!(unwrap(u32::MAX - 1, reference + 5), reference);
        assert_eq!(unwrap(u32::MAX, first(0)), first(0) - 1);
    }
}
