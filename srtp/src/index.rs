//! The 48-bit packet index: roll-over counter and sequence number; RFC 3711 section 3.3.1.

/// The first index that does not exist.
pub(crate) const RTP_END: u64 = 1 << 48;
/// The first RTCP index that does not exist; RFC 3711 section 3.4.
pub(crate) const RTCP_END: u64 = 1 << 31;

/// The index nearest to `highest` that has this sequence number, within 2^15 either way.
///
/// Where the nearest would lie before the beginning or past the end, it is the one on this side.
pub(crate) fn nearest(highest: u64, sequence: u16) -> u64 {
    let same_cycle = highest & !0xffff | u64::from(sequence);
    let distance = same_cycle.abs_diff(highest);
    if distance <= 0x8000 && (same_cycle >= highest || distance < 0x8000) {
        same_cycle
    } else if same_cycle > highest {
        same_cycle.checked_sub(0x1_0000).unwrap_or(same_cycle)
    } else {
        Some(same_cycle + 0x1_0000).filter(|next| *next < RTP_END).unwrap_or(same_cycle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_around_a_roll_over_find_their_cycle() {
        assert_eq!(nearest(0xffff, 0), 0x1_0000);
        assert_eq!(nearest(0x1_0000, 0xffff), 0xffff);
        assert_eq!(nearest(0x5_0000, 0xfffe), 0x4_fffe);
        assert_eq!(nearest(0x5_8000, 0x8000), 0x5_8000);
        assert_eq!(nearest(0x5_0001, 0x8001), 0x5_8001);
        assert_eq!(nearest(0x5_0001, 0x8002), 0x4_8002);
    }

    #[test]
    fn there_is_nothing_before_the_beginning_nor_past_the_end() {
        assert_eq!(nearest(0, 0xffff), 0xffff);
        assert_eq!(nearest(RTP_END - 1, 0), RTP_END - 0x1_0000);
    }

    #[test]
    fn the_nearest_index_is_never_farther_than_half_a_cycle() {
        for highest in [0x1_0000, 0x1_7fff, 0x1_8000, 0x1_8001, 0x1_ffff] {
            for sequence in 0..=u16::MAX {
                let index = nearest(highest, sequence);
                assert_eq!(index & 0xffff, u64::from(sequence));
                assert!(index.abs_diff(highest) <= 0x8000, "{highest:#x} {sequence:#x} {index:#x}");
            }
        }
    }
}
