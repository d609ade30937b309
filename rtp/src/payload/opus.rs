//! Opus: every packet is one payload; RFC 7587 section 4.

use core::time::Duration;

use super::Format;

/// Units of the RTP clock in a second, whatever the encoder runs at; RFC 7587 section 4.1.
pub const CLOCK_RATE: u32 = 48_000;

/// Each payload is a frame of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Opus;

impl Format for Opus {
    fn begins_frame(&self, _: &[u8]) -> bool {
        true
    }

    fn ends_frame(&self, _: &[u8], _: bool) -> bool {
        // The marker means the start of speech here, not the end of a frame.
        true
    }

    fn media<'p>(&self, payload: &'p [u8]) -> Option<&'p [u8]> {
        (!payload.is_empty()).then_some(payload)
    }

    fn is_keyframe(&self, _: &[u8]) -> bool {
        true
    }
}

/// How long a packet plays, read from its first octets; RFC 6716 section 3.1. `None` where they make no sense or say
/// more than 120 ms.
pub fn duration(packet: &[u8]) -> Option<Duration> {
    let (toc, rest) = packet.split_first()?;
    // Units of 2.5 ms.
    let frame: u32 = match toc >> 3 {
        config @ 0..=11 => [4, 8, 16, 24][usize::from(config & 3)],
        config @ 12..=15 => [4, 8][usize::from(config & 1)],
        config => [1, 2, 4, 8][usize::from(config & 3)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3f),
    };
    let units = frame * count;
    (1..=48).contains(&units).then(|| Duration::from_micros(2500) * units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_first_octet() {
        let ms = |packet: &[u8]| duration(packet).map(|duration| duration.as_micros());
        assert_eq!(ms(&[0b0000_1000]), Some(20_000));
        assert_eq!(ms(&[0b1111_1000]), Some(20_000));
        assert_eq!(ms(&[0b1000_0000]), Some(2_500));
        assert_eq!(ms(&[0b0001_1001]), Some(120_000));
        assert_eq!(ms(&[0b0000_1011, 3]), Some(60_000));
        assert_eq!(ms(&[0b0000_1011, 7]), None);
        assert_eq!((ms(&[0b0000_1011]), ms(&[])), (None, None));
    }
}
