//! The header in front of each frame; RFC 9605 section 4.3.
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-+-+-+-+-+-+-+----------------+----------------+
//! |X|  K  |Y|  C  | key identifier | counter        |
//! +-+-+-+-+-+-+-+-+----------------+----------------+
//! ```
//! With X (or Y) clear, K (or C) is the value itself, 0 to 7; else it is the number of octets of the field behind, less one.

/// Whose frame it is, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    /// Names the key.
    pub key_id: u64,
    /// Counts the key's frames.
    pub counter: u64,
}

impl Header {
    /// Octets of the longest header.
    pub const LIMIT: usize = 17;

    /// Reads the header at the beginning of `frame`, and says how long it is.
    pub fn parse(frame: &[u8]) -> Option<(Self, usize)> {
        let config = *frame.first()?;
        let mut at = 1;
        let key_id = field(frame, &mut at, config >> 4)?;
        let counter = field(frame, &mut at, config & 15)?;
        Some((Self { key_id, counter }, at))
    }

    /// Writes the header, in the shortest way, to the beginning of `out`.
    pub fn encode<'o>(&self, out: &'o mut [u8; Self::LIMIT]) -> &'o [u8] {
        let mut at = 1;
        let key_id = put(out, &mut at, self.key_id);
        let counter = put(out, &mut at, self.counter);
        out[0] = key_id << 4 | counter;
        &out[..at]
    }
}

/// A value whose flag and three bits are `nibble`. A value that would have fitted into less octets is refused: section 4.3
/// has one way to write each, and the header is what the tag covers.
fn field(frame: &[u8], at: &mut usize, nibble: u8) -> Option<u64> {
    if nibble & 8 == 0 {
        return Some(nibble.into());
    }
    let len = usize::from(nibble & 7) + 1;
    let octets = frame.get(*at..*at + len)?;
    *at += len;
    let value = octets.iter().fold(0, |value, octet| value << 8 | u64::from(*octet));
    let shortest = value > 7 && (len == 1 || octets.first() != Some(&0));
    shortest.then_some(value)
}

fn put(out: &mut [u8; Header::LIMIT], at: &mut usize, value: u64) -> u8 {
    let octets = value.to_be_bytes();
    if value < 8 {
        return octets[7];
    }
    let unused = octets.iter().take_while(|octet| **octet == 0).count();
    for octet in &octets[unused..] {
        out[*at] = *octet;
        *at += 1;
    }
    // One to eight octets are written as zero to seven.
    8 | u8::try_from(7 - unused).unwrap_or_default()
}
