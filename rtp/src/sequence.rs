//! Sequence numbers that wrap; RFC 3550 appendix A.1.

/// Whether `a` comes after `b`, by less than half a cycle.
pub const fn is_newer(a: u16, b: u16) -> bool {
    let ahead = a.wrapping_sub(b);
    ahead != 0 && ahead < 0x8000
}

/// How far `a` is ahead of `b`: -32768 to 32767.
pub const fn distance(a: u16, b: u16) -> i16 {
    a.wrapping_sub(b).cast_signed()
}

/// Counts the cycles of a source's sequence numbers and decides when a source is one.
///
/// A source is valid after [`Tracker::MIN_SEQUENTIAL`] packets in sequence; a great jump counts once a second packet
/// confirms it, as when the sender has restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracker {
    /// The highest number received, with the cycles before it in the upper bits.
    highest: u32,
    /// The number from which counting began.
    base: u32,
    /// Packets in sequence still to come before the source is valid.
    probation: u8,
    /// The number that would confirm a jump.
    suspect: Option<u16>,
}

/// What a sequence number means for its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// In order, or ahead by less than [`Tracker::MAX_DROPOUT`], or late by less than [`Tracker::MAX_MISORDER`].
    Valid,
    /// The source has just become valid, or has just been accepted to have restarted: counting begins here.
    Started,
    /// The source is still on probation.
    Probation,
    /// A jump that nothing has confirmed yet; the packet does not count.
    Jump,
}

impl Tracker {
    /// Numbers that a source may leave out.
    pub const MAX_DROPOUT: u16 = 3000;
    /// Numbers that a packet may come late.
    pub const MAX_MISORDER: u16 = 100;
    /// Packets in sequence that make a source valid.
    pub const MIN_SEQUENTIAL: u8 = 2;

    /// A source's first packet.
    pub const fn new(sequence: u16) -> Self {
        let highest = sequence as u32;
        Self { highest, base: highest, probation: Self::MIN_SEQUENTIAL - 1, suspect: None }
    }

    /// The next packet.
    pub fn update(&mut self, sequence: u16) -> Verdict {
        let [low, high] = self.parts();
        let ahead = sequence.wrapping_sub(low);
        if self.probation > 0 {
            return self.on_probation(sequence, ahead);
        }
        if ahead < Self::MAX_DROPOUT {
            let cycles = if sequence < low { high.wrapping_add(1) } else { high };
            self.highest = u32::from(cycles) << 16 | u32::from(sequence);
            self.suspect = None;
            Verdict::Valid
        } else if ahead > u16::MAX - Self::MAX_MISORDER + 1 {
            Verdict::Valid
        } else if self.suspect == Some(sequence) {
            *self = Self { probation: 0, ..Self::new(sequence) };
            Verdict::Started
        } else {
            self.suspect = Some(sequence.wrapping_add(1));
            Verdict::Jump
        }
    }

    fn on_probation(&mut self, sequence: u16, ahead: u16) -> Verdict {
        if ahead != 1 {
            *self = Self::new(sequence);
            return Verdict::Probation;
        }
        self.probation -= 1;
        self.highest = u32::from(sequence);
        if self.probation > 0 {
            return Verdict::Probation;
        }
        *self = Self { probation: 0, ..Self::new(sequence) };
        Verdict::Started
    }

    /// The highest number received, with the cycles before it in the upper 16 bits.
    pub const fn highest(&self) -> u32 {
        self.highest
    }

    /// Packets that should have come since counting began.
    pub const fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).wrapping_add(1)
    }

    /// Whether the source has passed its probation.
    pub const fn is_valid(&self) -> bool {
        self.probation == 0
    }

    fn parts(&self) -> [u16; 2] {
        let [a, b, c, d] = self.highest.to_be_bytes();
        [u16::from_be_bytes([c, d]), u16::from_be_bytes([a, b])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(sequences: &[u16]) -> (Vec<Verdict>, Tracker) {
        let mut tracker = Tracker::new(sequences[0]);
        (sequences[1..].iter().map(|sequence| tracker.update(*sequence)).collect(), tracker)
    }

    #[test]
    fn two_packets_in_sequence_make_a_source() {
        assert_eq!(verdicts(&[5, 6]).0, [Verdict::Started]);
        assert_eq!(verdicts(&[5, 7, 8]).0, [Verdict::Probation, Verdict::Started]);
        assert_eq!(verdicts(&[65535, 0]).0, [Verdict::Started]);
    }

    #[test]
    fn a_wrap_counts_a_cycle_and_a_late_packet_does_not() {
        let (seen, tracker) = verdicts(&[65533, 65534, 65535, 0, 65534, 1]);
        assert!(seen[1..].iter().all(|verdict| *verdict == Verdict::Valid));
        assert_eq!((tracker.highest(), tracker.expected()), (0x1_0001, 4));
    }

    #[test]
    fn a_jump_counts_when_the_next_packet_confirms_it() {
        let (seen, tracker) = verdicts(&[1, 2, 20_000, 3, 20_000, 20_001]);
        use Verdict::{Jump, Started, Valid};
        assert_eq!(seen, [Started, Jump, Valid, Jump, Started]);
        assert_eq!((tracker.highest(), tracker.expected()), (20_001, 1));
        assert_eq!(verdicts(&[1, 2, 3001]).0[1], Valid);
        assert_eq!(verdicts(&[1, 2, 3002]).0[1], Jump);
        assert_eq!(verdicts(&[200, 201, 102]).0[1], Valid);
        assert_eq!(verdicts(&[200, 201, 101]).0[1], Jump);
    }

    #[test]
    fn newer_and_older_meet_half_way() {
        assert!(is_newer(0, 65535) && !is_newer(65535, 0) && !is_newer(7, 7));
        assert_eq!((distance(0, 65535), distance(65535, 0)), (1, -1));
    }
}
