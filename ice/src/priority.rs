//! Priorities of candidates and pairs; RFC 8445 sections 5.1.2 and 6.1.2.3.

use crate::candidate::CandidateKind;

/// The greatest priority a candidate may have, 2^31 - 1; RFC 8445 section 5.1.2.
pub const MAX: u32 = 0x7fff_ffff;

/// How much a kind of candidate is liked, 0 to 126; RFC 8445 section 5.1.2.2.
///
/// Kinds that this crate does not know rank with relayed ones.
pub const fn type_preference(kind: CandidateKind) -> u8 {
    match kind {
        CandidateKind::Host => 126,
        CandidateKind::PeerReflexive => 110,
        CandidateKind::ServerReflexive => 100,
        CandidateKind::Relayed | CandidateKind::Other => 0,
    }
}

/// The priority of a candidate, 1 to [`MAX`]; RFC 8445 section 5.1.2.1.
///
/// `component` counts from 1 to 256; a greater one counts as 256.
pub const fn candidate(kind: CandidateKind, local_preference: u16, component: u16) -> u32 {
    let component = if component > 256 { 256 } else { component as u32 };
    let priority = (type_preference(kind) as u32) << 24 | (local_preference as u32) << 8;
    // The three terms fill separate bits, but for component 0, which does not exist.
    let priority = priority.saturating_add(256 - component);
    if priority == 0 { 1 } else { priority }
}

/// The priority of a pair, given those of the controlling and the controlled agent's candidate; RFC 8445 section
/// 6.1.2.3.
pub const fn pair(controlling: u32, controlled: u32) -> u64 {
    // Greater ones do not exist, and would spill into the upper half.
    let controlling = if controlling > MAX { MAX } else { controlling };
    let controlled = if controlled > MAX { MAX } else { controlled };
    let (low, high, tie) =
        if controlling > controlled { (controlled, controlling, 1) } else { (controlling, controlled, 0) };
    (low as u64) << 32 | (2 * high as u64 + tie)
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc8445#5.1.2.2-1 test
    #[test]
    fn a_single_host_candidate_has_the_priority_that_all_examples_show() {
        assert_eq!(candidate(CandidateKind::Host, 65535, 1), 2_130_706_431);
        assert_eq!(candidate(CandidateKind::ServerReflexive, 65535, 1), 1_694_498_815);
        assert_eq!(candidate(CandidateKind::Relayed, 0, 1), 255);
    }

    //= rfc8445#5.1.2-1 test
    #[test]
    fn no_candidate_has_priority_zero_or_more_than_31_bits() {
        assert_eq!(candidate(CandidateKind::Relayed, 0, 256), 1);
        assert!(candidate(CandidateKind::Host, 65535, 1) <= MAX);
        assert!(candidate(CandidateKind::Host, 65535, 0) <= MAX);
    }

    #[test]
    fn pair_priorities_follow_the_formula() {
        assert_eq!(pair(2_130_706_431, 2_130_706_431), 9_151_314_442_783_293_438);
        assert_eq!(pair(2_130_706_431, 1_694_498_815), 7_277_816_997_797_167_103);
        assert_eq!(pair(1_694_498_815, 2_130_706_431), 7_277_816_997_797_167_102);
        assert_eq!(pair(u32::MAX, u32::MAX), pair(MAX, MAX));
    }
}
